//! `gsub`: what a regular expression matches is replaced.

use alces_conf::{Options, Span};
use alces_event::{Event, FieldRef, Template, Value, ValueRef};

use super::{Failed, set};
use crate::{
    common::{field, pattern, template},
    regex::{GaveUp, Pattern, Replacement},
};

#[derive(Clone, Debug)]
pub(super) struct Gsub {
    field: FieldRef,
    needle: Needle,
    with: With,
}

#[derive(Clone, Debug)]
enum Needle {
    Fixed(Pattern),
    /// With the event's values in it.
    PerEvent(Template),
}

#[derive(Clone, Debug)]
enum With {
    Fixed(Replacement),
    PerEvent(Template),
}

/// Three texts for each: the field, the expression, the replacement.
pub(super) fn read(options: &mut Options<'_>) -> Vec<Gsub> {
    let texts = options.texts("gsub").unwrap_or_default();
    let (triples, rest) = texts.as_chunks::<3>();
    if let Some(first) = rest.first() {
        options.error_with_help(
            &first.span,
            "`gsub` wants three texts for each replacement",
            "write `gsub => [\"field\", \"regex\", \"replacement\"]`",
        );
    }
    triples
        .iter()
        .filter_map(|[name, needle, with]| {
            Some(Gsub {
                field: field(options, &name.node, &name.span)?,
                needle: read_needle(options, &needle.node, &needle.span)?,
                with: match template(options, &with.node, &with.span)? {
                    template if template.as_literal().is_some() => {
                        With::Fixed(Replacement::parse(&with.node))
                    }
                    template => With::PerEvent(template),
                },
            })
        })
        .collect()
}

fn read_needle(options: &mut Options<'_>, text: &str, span: &Span) -> Option<Needle> {
    if text.contains("%{") {
        return template(options, text, span).map(Needle::PerEvent);
    }
    pattern(options, text, span).map(Needle::Fixed)
}

impl Gsub {
    pub(super) fn apply(&self, event: &mut Event) -> Result<(), Failed> {
        if !matches!(event.get(&self.field), Some(ValueRef::Str(_) | ValueRef::List(_))) {
            return Ok(());
        }
        let (made_needle, made_with);
        let needle = match &self.needle {
            Needle::Fixed(pattern) => pattern,
            Needle::PerEvent(template) => {
                made_needle = Pattern::compile(&template.render(event)).map_err(|_| Failed)?;
                &made_needle
            }
        };
        let with = match &self.with {
            With::Fixed(with) => with,
            With::PerEvent(template) => {
                made_with = Replacement::parse(&template.render(event));
                &made_with
            }
        };
        let replace = |text: &str| needle.replace_all(text, with).map_err(|GaveUp| Failed);
        let replaced = match event.get(&self.field) {
            Some(ValueRef::Str(text)) => match replace(text)? {
                None => return Ok(()),
                Some(text) => Value::from(text),
            },
            Some(ValueRef::List(list)) => {
                let items = list.iter().map(|item| match item {
                    ValueRef::Str(text) => Ok(replace(text)?.map_or_else(|| item.to_value(), Value::from)),
                    other => Ok(other.to_value()),
                });
                Value::list(items.collect::<Result<_, Failed>>()?)
            }
            _ => return Ok(()),
        };
        set(event, &self.field, replaced)
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::check_json;

    #[test]
    fn texts_and_lists_and_what_is_neither() {
        insta::assert_snapshot!(check_json(
            r#"mutate { gsub => ["a", "/", "_", "b", "[\\?#-]", ".", "l", "é(.)", "\1e", "n", "1", "2", "missing", "a", "b"] }"#,
            r#"{"a":"/x/y","b":"a\\b?c#d-e","l":["été",7,null],"n":1}"#
        ), @r#"{"a":"_x_y","b":"a.b.c.d.e","l":["teé",7,null],"n":1}"#);
    }

    #[test]
    fn values_of_the_event_in_both_places() {
        insta::assert_snapshot!(check_json(
            r#"mutate { gsub => ["a", "%{k}+", "<%{v}>"] }"#,
            r#"{"a":"xkkkx","k":"k","v":"\\0"}"#
        ), @r#"{"a":"x<kkk>x","k":"k","v":"\\0"}"#);
        // A value that is no expression.
        assert!(
            check_json(r#"mutate { gsub => ["a", "%{k}", ""] }"#, r#"{"a":"x","k":"("}"#)
                .contains("_mutate_error")
        );
    }

    #[test]
    fn a_pattern_that_explodes_is_a_failure() {
        let text = format!(r#"{{"a":"{}c"}}"#, "a".repeat(60));
        assert!(
            check_json(r#"mutate { gsub => ["a", "(?:(a|aa)+)+\1(?<!a)c", ""] }"#, &text)
                .contains("_mutate_error")
        );
    }
}
