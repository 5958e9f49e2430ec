//! Captures to fields, by the rules of the collector's `grok` filter.

use alces_conf::Diagnostic;
use alces_event::{Event, FieldRef, Timestamp, Value};
use alces_grok::{Capture, Cast, Grok, Spans, to_f, to_i};

use crate::blame;

/// Where each capture goes; `None` for those without a name of their own.
pub struct Fields {
    targets: Vec<Option<(FieldRef, Capture)>>,
}

impl Fields {
    /// Reads the fields' names.
    ///
    /// # Errors
    /// A name that is none, with its place in the pattern.
    pub fn new(pattern: &str, grok: &Grok) -> Result<Self, Box<Diagnostic>> {
        let targets = grok.captures().iter().map(|capture| {
            let field = FieldRef::parse(&capture.field)
                .map_err(|error| blame::at_text(pattern, &capture.field, error.to_string()))?;
            Ok(capture.named.then(|| (field, capture.clone())))
        });
        Ok(Self { targets: targets.collect::<Result<_, Box<Diagnostic>>>()? })
    }

    /// Each capture that is kept: its field, its value and its place, in order of appearance. Empty ones are not kept.
    pub fn kept<'a>(&'a self, line: &'a str, spans: &'a Spans) -> impl Iterator<Item = Kept<'a>> {
        self.targets.iter().enumerate().filter_map(|(at, target)| {
            let (reference, capture) = target.as_ref()?;
            let (start, end) = spans.get(at).filter(|(start, end)| start < end)?;
            let text = line.get(start..end)?;
            let value = match capture.cast {
                Cast::None => Value::from(text),
                Cast::Int => Value::from(to_i(text)),
                Cast::Float => Value::from(to_f(text)),
            };
            Some(Kept { reference, field: &capture.field, value, span: (start, end) })
        })
    }

    /// One JSON object: nested fields nested, repeated ones a list.
    pub fn json(&self, line: &str, spans: &Spans) -> String {
        let mut event = Event::from_line("".into(), Timestamp::UNIX_EPOCH);
        // A new event comes with these.
        event.remove(&FieldRef::field("message"));
        event.remove(&FieldRef::field("@version"));
        for kept in self.kept(line, spans) {
            event.append(kept.reference, kept.value);
        }
        // Nothing that a capture holds is beyond JSON.
        serde_json::to_string(&event.fields()).unwrap_or_default()
    }
}

/// A capture that becomes a field.
pub struct Kept<'a> {
    reference: &'a FieldRef,
    /// The field as the pattern writes it.
    pub field: &'a str,
    /// The value, cast.
    pub value: Value,
    /// Its place in the line, in bytes.
    pub span: (usize, usize),
}

impl Kept<'_> {
    /// The value as JSON writes it: text in quotes, numbers without.
    #[must_use]
    pub fn shown(&self) -> String {
        let field = FieldRef::field("value");
        let mut event = Event::from_line("".into(), Timestamp::UNIX_EPOCH);
        event.set(&field, self.value.clone());
        event.get(&field).and_then(|value| serde_json::to_string(&value).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use alces_grok::{Outcome, PatternSet};

    use super::*;

    fn check(pattern: &str, line: &str) -> String {
        let grok = Grok::compile(&PatternSet::ecs_v1(), pattern).unwrap();
        let fields = Fields::new(pattern, &grok).unwrap();
        let mut spans = Spans::default();
        assert_eq!(grok.matches(line, &mut spans), Outcome::Match);
        fields.json(line, &spans)
    }

    #[test]
    fn nested_cast_repeated_and_empty() {
        insta::assert_snapshot!(check("%{INT:[a][n]:int} %{NUMBER:[a][f]:float} %{WORD:w}-%{WORD:w}-%{WORD}(?<none>x?)", "7 0.5 one-two-three"), @r#"{"a":{"n":7,"f":0.5},"w":["one","two"]}"#);
    }

    #[test]
    fn a_message_of_its_own_is_the_captured_one() {
        insta::assert_snapshot!(check("%{WORD} %{GREEDYDATA:message}", "a b c"), @r#"{"message":"b c"}"#);
    }
}
