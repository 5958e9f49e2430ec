//! Patterns that give up on long lines: each is tried on a few, and what is said here was seen.

use alces_conf::{Config, Diagnostic, SectionKind, Source, Statement};
use alces_filters::EcsMode;
use alces_grok::{Grok, Outcome, Spans};

use crate::fields::patterns;

/// Lines of what real lines are made of, over and over; the end is not, so that a pattern that is not fast to say no has to try.
const UNITS: &[&str] = &["a", "a ", "1", "1 ", "1.", " ", "\"", "a=", "/a", ",", "[", "-", ":", "é"];

const BYTES: usize = 4096;

pub(crate) fn warnings(configs: &[(&Source, &Config)], ecs: EcsMode) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for (source, config) in configs {
        for statement in config.statements(SectionKind::Filter) {
            walk(source, statement, ecs, &mut warnings);
        }
    }
    warnings
}

fn walk(source: &Source, statement: &Statement, ecs: EcsMode, warnings: &mut Vec<Diagnostic>) {
    match statement {
        Statement::If(branches) => {
            for statement in branches.iter().flat_map(|b| &b.body) {
                walk(source, statement, ecs, warnings);
            }
        }
        Statement::Plugin(plugin) if plugin.name.node == "grok" => {
            let Some((set, patterns)) = patterns(plugin, ecs) else { return };
            for pattern in patterns {
                let Ok(grok) = Grok::compile(&set, pattern.node) else { continue };
                if let Some(unit) = gives_up_on(&grok) {
                    let message = format!(
                        "this pattern can take too many steps: it gives up (`_groktimeout`) on a line of {BYTES} bytes of `{unit}`"
                    );
                    let help = "a repetition within a repetition is what explodes; say what stands between two rounds";
                    warnings.push(source.error(&pattern.span, message).with_help(help));
                }
            }
        }
        Statement::Plugin(_) => {}
    }
}

fn gives_up_on(grok: &Grok) -> Option<&'static str> {
    let mut spans = Spans::default();
    UNITS.iter().copied().find(|unit| {
        let mut line = unit.repeat(BYTES / unit.len());
        line.push('\u{1}');
        grok.matches(&line, &mut spans) == Outcome::Exhausted
    })
}

#[cfg(test)]
mod tests {
    use crate::test_support::check;

    #[test]
    fn a_pattern_that_explodes_is_named_with_a_line() {
        insta::assert_snapshot!(
            check(r#"filter { grok { match => { "message" => ["%{COMBINEDAPACHELOG}", "^(.*a){30}$"] } } }"#),
            @r#"
        x.conf:1:66: this pattern can take too many steps: it gives up (`_groktimeout`) on a line of 4096 bytes of `a`
          |
        1 | filter { grok { match => { "message" => ["%{COMBINEDAPACHELOG}", "^(.*a){30}$"] } } }
          |                                                                  ^^^^^^^^^^^^^
          = help: a repetition within a repetition is what explodes; say what stands between two rounds
        "#
        );
    }
}
