//! `ruby`: a script over each event (logstash-filter-ruby 3.1), in the small Ruby of [`crate::rubycode`], which says what is supported
//! and what differs. What Ruby does with texts elsewhere is in [`crate::ruby`].

use alces_conf::Options;
use alces_event::Event;

use crate::{
    common::Common,
    context::{Clock, Context},
    filter::Filter,
    rubycode::{Instance, Script, V, script},
};

/// A compiled `ruby { … }`.
#[derive(Clone)]
pub(crate) struct RubyFilter {
    code: Script,
    /// One for all workers, as in Logstash.
    instance: Instance,
    tag: String,
    with_message: bool,
    clock: Clock,
    common: Common,
}

impl std::fmt::Debug for RubyFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RubyFilter").field("code", &self.code).finish_non_exhaustive()
    }
}

impl RubyFilter {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.unsupported("path", "write the script into `code`: what stands in its `filter(event)`");
        options.unsupported("script_params", "write the values into `init`, as in `@percent = 5`");
        let init = options.text("init");
        let code = options.text("code");
        options.differs("init", "it is in a small part of Ruby");
        options.differs(
            "code",
            "it is in a small part of Ruby; what is not supported is an error when the pipeline starts",
        );
        let tag = options.text("tag_on_exception").map_or("_rubyexception".to_owned(), |text| text.node);
        let with_message = options.boolean("tag_with_exception_message").unwrap_or(false);
        if code.is_none() && !options.is_given("code") && !options.is_given("path") {
            options.error_here(r#"ruby wants `code => "event.set('a', 1)"`"#);
        }
        let instance = Instance::default();
        if let Some(init) = init
            && let Some(first) = script(options, &init, &[])
        {
            let mut nothing = Event::new((context.clock)());
            if let Err(reason) = first.run(&mut nothing, &[], &instance, &context.clock) {
                options.error(&init.span, format!("`init` fails: {reason}"));
            }
        }
        let code = script(options, &code?, &["event"])?;
        Some(Box::new(Self { code, instance, tag, with_message, clock: context.clock.clone(), common }))
    }
}

impl Filter for RubyFilter {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match self.code.run(event, &[V::Event], &self.instance, &self.clock) {
            Ok(()) => self.common.apply(event),
            Err(reason) => {
                tracing::error!("Ruby exception occurred: {reason}");
                if self.with_message {
                    event.tag(&format!("{}: {reason}", self.tag));
                }
                event.tag(&self.tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_all, check_json, errors};

    fn ruby(code: &str, json: &str) -> String {
        check_json(&format!("ruby {{ code => '{code}' add_tag => ok }}"), json)
    }

    #[test]
    fn an_event_is_changed() {
        insta::assert_snapshot!(ruby(r#"event.set("[a][b]", event.get("n") * 2); event.remove("n")"#, r#"{"n":21}"#), @r#"{"a":{"b":42},"tags":["ok"]}"#);
        insta::assert_snapshot!(ruby(r#"event.tag("x") if event.include?("n")"#, r#"{"n":21}"#), @r#"{"n":21,"tags":["x","ok"]}"#);
        insta::assert_snapshot!(ruby(r#"event.cancel unless event.get("n") < 7"#, r#"{"n":21}"#), @"cancelled");
    }

    #[test]
    fn what_goes_wrong_is_tagged() {
        insta::assert_snapshot!(ruby(r#"event.set("a", 1); event.get("nothing").upcase"#, "{}"), @r#"{"a":1,"tags":["_rubyexception"]}"#);
        let conf = r#"ruby { code => "event.get('n').upcase" tag_on_exception => "bad" tag_with_exception_message => true }"#;
        insta::assert_snapshot!(check_json(conf, "{}"), @r#"{"tags":["bad: undefined method `upcase' for nil:NilClass","bad"]}"#);
    }

    #[test]
    fn variables_of_the_filter_outlive_events() {
        let conf = r#"ruby { init => "@count = 10" code => "@count += 1; event.set('count', @count)" } mutate { remove_field => ["message", "@version", "@timestamp"] }"#;
        insta::assert_snapshot!(check_all(conf, &["a", "b"]), @r#"
        {"@timestamp":"1970-01-01T00:00:00.000Z","count":11}
        {"@timestamp":"1970-01-01T00:00:00.000Z","count":12}
        "#);
    }

    #[test]
    fn what_is_not_supported_is_named_at_its_place() {
        let conf = "ruby { init => 'rand' code => '\n  data = event.get(\"x\")\n  YAML.load(data)\n' path => \"x.rb\" }";
        insta::assert_snapshot!(errors(conf), @r#"
        x.conf:4:3: option `path` of ruby is not supported yet
          |
        4 | ' path => "x.rb" } }
          |   ^^^^
          = help: write the script into `code`: what stands in its `filter(event)`
        x.conf:1:26: `rand` is not supported
          |
        1 | filter { ruby { init => 'rand' code => '
          |                          ^^^^
          = help: random numbers are not supported; the `drop` filter drops a `percentage`
        x.conf:3:3: `YAML` is not supported
          |
        3 |   YAML.load(data)
          |   ^^^^
          = help: the `translate` filter reads dictionaries
        "#);
        insta::assert_snapshot!(errors(r#"ruby { code => "event.set('a', evnt.get('b').upcas)" }"#), @r#"
        x.conf:1:41: `evnt` is not known
          |
        1 | filter { ruby { code => "event.set('a', evnt.get('b').upcas)" } }
          |                                         ^^^^
          = help: did you mean `event`?
        "#);
        insta::assert_snapshot!(errors(r#"ruby { init => "@a = 1 / 0" }"#), @r#"
        x.conf:1:10: ruby wants `code => "event.set('a', 1)"`
          |
        1 | filter { ruby { init => "@a = 1 / 0" } }
          |          ^^^^
        x.conf:1:25: `init` fails: divided by 0
          |
        1 | filter { ruby { init => "@a = 1 / 0" } }
          |                         ^^^^^^^^^^^^
        "#);
    }
}
