//! Logstash's `%{…}` in option values (`StringInterpolation.java`).

use std::fmt::Write as _;

use crate::{
    Event, FieldRef, JavaTimeError, JavaTimeFormat, JodaError, JodaFormat, RefError, ValueRef,
    format_timestamp,
};

/// A text with references to an event, read once and rendered for many.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    /// The reference, and how it was written: a missing field leaves the text as it stands.
    Field(FieldRef, String),
    Date(JodaFormat),
    JavaTime(JavaTimeFormat),
    EpochSeconds,
}

/// Why a template cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A field reference within is broken.
    #[error(transparent)]
    Reference(#[from] RefError),
    /// A date format within is broken.
    #[error(transparent)]
    Date(#[from] JodaError),
    /// A java.time format within is broken.
    #[error(transparent)]
    JavaTime(#[from] JavaTimeError),
}

impl Template {
    /// Reads a template: `%{field}`, `%{[a][b]}`, `%{+yyyy.MM.dd}` (Joda, UTC), `%{{yyyy-MM-dd}}`
    /// (java.time, UTC), `%{+%s}` (epoch seconds). A `%{` that is
    /// never closed stands for itself.
    ///
    /// # Errors
    /// A broken reference or date format inside.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("%{") {
            let inner = &rest[at + 2..];
            let java = inner.strip_prefix('{').and_then(|java| Some((java, java.find("}}")?)));
            let Some(end) = inner.find('}') else { break };
            if at > 0 {
                parts.push(Part::Literal(rest[..at].to_owned()));
            }
            if let Some((java, end)) = java {
                parts.push(Part::JavaTime(JavaTimeFormat::parse(&java[..end])?));
                rest = &java[end + 2..];
                continue;
            }
            let name = &inner[..end];
            parts.push(match name.strip_prefix('+') {
                Some("%s") => Part::EpochSeconds,
                Some(format) => Part::Date(JodaFormat::parse(format)?),
                None => Part::Field(FieldRef::parse(name)?, rest[at..at + 2 + end + 1].to_owned()),
            });
            rest = &inner[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The text itself, where it refers to nothing.
    pub fn as_literal(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Renders for one event.
    pub fn render(&self, event: &Event) -> String {
        let mut out = String::new();
        self.render_into(&mut out, event);
        out
    }

    /// Appends the rendering for one event to `out`.
    pub fn render_into(&self, out: &mut String, event: &Event) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Date(format) => format.format(out, event.timestamp()),
                Part::JavaTime(format) => format.format(out, event.timestamp()),
                Part::EpochSeconds => {
                    let _ = write!(out, "{}", event.timestamp().as_second());
                }
                Part::Field(field, written) => match event.get(field) {
                    Some(value) => render_value(out, value),
                    None => out.push_str(written),
                },
            }
        }
    }
}

/// Appends a value as Logstash prints it inside text: lists joined by commas, objects as JSON.
pub fn render_value(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => {}
        ValueRef::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        ValueRef::Int(i) => {
            let _ = write!(out, "{i}");
        }
        ValueRef::Float(f) => {
            let _ = write!(out, "{f:?}");
        }
        ValueRef::Time(t) => format_timestamp(out, t),
        ValueRef::Str(s) => out.push_str(s),
        ValueRef::List(list) => {
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                render_value(out, item);
            }
        }
        ValueRef::Object(object) => {
            // Maps of strings and numbers always serialise.
            out.push_str(&serde_json::to_string(&object).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn check(template: &str, expect: &str) {
        let (event, _) = Event::from_json(
            br#"{"@timestamp":"2015-05-17T10:05:03Z","a":"x","n":7,"l":[1,"b"],"o":{"k":"v"},"f":2.0}"#,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap();
        assert_eq!(Template::parse(template).unwrap().render(&event), expect);
    }

    #[test]
    fn renders() {
        check("plain", "plain");
        check("%{a}-%{n}", "x-7");
        check("%{[o][k]} %{l} %{o} %{f}", r#"v 1,b {"k":"v"} 2.0"#);
        check("logs-%{+yyyy.MM.dd} %{+%s}", "logs-2015.05.17 1431857103");
        check("a-%{{yyyy'}'MM}}-%{{d}}", "a-2015}05-17");
        check("%{missing} %{unclosed", "%{missing} %{unclosed");
        check("%{@timestamp}", "2015-05-17T10:05:03.000Z");
    }

    #[test]
    fn what_is_not_supported_is_named() {
        assert!(Template::parse("%{{YYYY}}").unwrap_err().to_string().contains("letter `Y`"));
        assert!(Template::parse("%{[a}").is_err());
    }
}
