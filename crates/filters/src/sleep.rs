//! `sleep`: named, so that a pipeline with it is refused with a reason. A filter that waits would hold up its worker with all that it
//! carries, and the core has no clock to wait by.

use alces_conf::Options;

use crate::{common::Common, context::Context, filter::Filter};

/// `sleep { … }`, which is never run.
pub(crate) struct Sleep;

const INSTEAD: &str = "leave the filter out: an output that is slow slows the pipeline down by itself, and `throttle` or `drop` let fewer events through";

impl Sleep {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        Common::read(options);
        options.unsupported("time", INSTEAD);
        options.unsupported("every", INSTEAD);
        options.unsupported("replay", INSTEAD);
        if !["time", "every", "replay"].iter().any(|name| options.is_given(name)) {
            let span = options.plugin_span();
            options.error_with_help(&span, "filter `sleep` is not supported", INSTEAD);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::errors;

    #[test]
    fn it_is_refused_with_a_reason() {
        insta::assert_snapshot!(errors(r#"sleep { time => "1" }"#), @r#"
        x.conf:1:18: option `time` of sleep is not supported yet
          |
        1 | filter { sleep { time => "1" } }
          |                  ^^^^
          = help: leave the filter out: an output that is slow slows the pipeline down by itself, and `throttle` or `drop` let fewer events through
        "#);
        insta::assert_snapshot!(errors("sleep { }"), @"
        x.conf:1:10: filter `sleep` is not supported
          |
        1 | filter { sleep { } }
          |          ^^^^^
          = help: leave the filter out: an output that is slow slows the pipeline down by itself, and `throttle` or `drop` let fewer events through
        ");
    }
}
