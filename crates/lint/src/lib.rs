//! Warnings for pipelines that are well-formed and cannot work as they are meant: a field that is used before it is set, text that
//! is compared with numbers, a branch that is never taken, a pattern that gives up on long lines.
//!
//! Each of these is said only where the pipeline itself shows it: what inputs bring is not known here.

mod fields;
mod order;
mod reach;
mod slow;
mod values;

use alces_conf::{Config, Diagnostic, Source};
use alces_filters::EcsMode;

/// A pipeline's warnings, file after file; `configs` are its texts in their order.
pub fn lint(configs: &[(&Source, &Config)], ecs: EcsMode) -> Vec<Diagnostic> {
    let mut warnings = order::warnings(configs, ecs);
    warnings.extend(reach::warnings(configs));
    warnings.extend(slow::warnings(configs, ecs));
    let place = |name: &str| configs.iter().position(|(source, _)| source.name() == name);
    warnings.sort_by_key(|warning| (place(warning.file()), warning.line(), warning.column()));
    warnings
}

#[cfg(test)]
mod test_support {
    use alces_conf::{Escapes, Source, parse};
    use alces_filters::EcsMode;

    /// The warnings for one text.
    pub(crate) fn check(conf: &str) -> String {
        let source = Source::new("x.conf", conf);
        let config = parse(&source, Escapes::Off).unwrap_or_else(|e| panic!("{}", e[0]));
        let warnings = crate::lint(&[(&source, &config)], EcsMode::V8);
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}
