//! An event into a message.

use alces_event::{Event, FieldRef, Template, ValueRef, format_timestamp};
use alces_plugin::ruby;

use crate::Encoder;

/// Writes messages.
#[derive(Debug)]
pub(super) struct Writer {
    /// Vendor, product, version, signature, name and severity, and what each is where it is empty or wrong.
    pub(super) header: [(Option<Template>, &'static str); 6],
    /// The fields that are written, and what they are called there.
    pub(super) fields: Vec<(FieldRef, String)>,
    /// What stands after each.
    pub(super) end: String,
}

impl Encoder for Writer {
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        let mut text = String::from("CEF:0|");
        for (at, (template, default)) in self.header.iter().enumerate() {
            let given = template.as_ref().map(|t| header(&t.render(event))).unwrap_or_default();
            match (at, given.as_str()) {
                (5, given) => text.push_str(&severity(given).unwrap_or((*default).to_owned())),
                (_, "") => text.push_str(default),
                (_, given) => text.push_str(given),
            }
            text.push('|');
        }
        let mut first = true;
        for (field, name) in &self.fields {
            let Some(value) = event.get(field).filter(|value| !matches!(value, ValueRef::Null)) else {
                continue;
            };
            if !std::mem::take(&mut first) {
                text.push(' ');
            }
            text.push_str(name);
            text.push('=');
            match value {
                ValueRef::Time(time) => format_timestamp(&mut text, time),
                ValueRef::List(_) | ValueRef::Object(_) => {
                    // Lists and objects of strings and numbers always serialise.
                    self::value(&mut text, &serde_json::to_string(&value).unwrap_or_default());
                }
                other => self::value(&mut text, &ruby::to_s(other)),
            }
        }
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(self.end.as_bytes());
    }
}

/// A whole number from 0 to 10.
fn severity(text: &str) -> Option<String> {
    let text = text.trim();
    let number = ruby::float(text).filter(|number| number.fract() == 0.0 && (0.0..=10.0).contains(number))?;
    Some(format!("{number:.0}"))
}

fn header(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | '|' => out.extend(['\\', c]),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn value(out: &mut String, text: &str) {
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | '=' => out.extend(['\\', c]),
            '\n' | '\r' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
