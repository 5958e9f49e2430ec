//! `rubydebug`: an event as Ruby's `amazing_print` shows a hash. Four spaces a level, keys quoted and right-aligned to the
//! widest, ` => `, lists with their indexes, `@timestamp` without quotes.

use std::fmt::Write as _;

use alces_event::{Event, ObjectRef, ValueRef, format_timestamp};

pub(super) fn write(out: &mut Vec<u8>, event: &Event, metadata: bool) {
    let mut text = String::with_capacity(1024);
    let mut entries = vec![("@timestamp", ValueRef::Time(event.timestamp()))];
    entries.extend(event.fields().iter().map(|(key, value)| (key.as_str(), value)));
    if metadata && !event.metadata().is_empty() {
        entries.push(("@metadata", ValueRef::Object(event.metadata())));
    }
    hash(&mut text, &entries, 0);
    text.push('\n');
    out.extend_from_slice(text.as_bytes());
}

fn hash(out: &mut String, entries: &[(&str, ValueRef<'_>)], level: usize) {
    if entries.is_empty() {
        out.push_str("{}");
        return;
    }
    let indent = (level + 1) * 4;
    let quoted: Vec<String> = entries.iter().map(|(key, _)| inspect(key)).collect();
    let widest = quoted.iter().map(|key| key.chars().count()).max().unwrap_or(0);
    out.push_str("{\n");
    for (at, (key, (_, value))) in quoted.iter().zip(entries).enumerate() {
        let width = indent + widest;
        let _ = write!(out, "{key:>width$} => ");
        self::value(out, *value, level + 1);
        out.push_str(if at + 1 < entries.len() { ",\n" } else { "\n" });
    }
    let _ = write!(out, "{:level$}}}", "", level = level * 4);
}

fn value(out: &mut String, value: ValueRef<'_>, level: usize) {
    match value {
        ValueRef::Null => out.push_str("nil"),
        ValueRef::Bool(truth) => {
            let _ = write!(out, "{truth}");
        }
        ValueRef::Int(number) => {
            let _ = write!(out, "{number}");
        }
        ValueRef::Float(number) => {
            let _ = write!(out, "{number:?}");
        }
        ValueRef::Time(time) => format_timestamp(out, time),
        ValueRef::Str(text) => out.push_str(&inspect(text)),
        ValueRef::Object(object) => hash(out, &entries(object), level),
        ValueRef::List(list) if list.is_empty() => out.push_str("[]"),
        ValueRef::List(list) => {
            out.push_str("[\n");
            let digits = (list.len() - 1).to_string().len();
            let indent = (level + 1) * 4;
            for (at, item) in list.iter().enumerate() {
                let _ = write!(out, "{:indent$}[{at:>digits$}] ", "");
                self::value(out, item, level + 1);
                out.push_str(if at + 1 < list.len() { ",\n" } else { "\n" });
            }
            let _ = write!(out, "{:level$}]", "", level = level * 4);
        }
    }
}

fn entries(object: ObjectRef<'_>) -> Vec<(&str, ValueRef<'_>)> {
    object.iter().map(|(key, value)| (key.as_str(), value)).collect()
}

/// Ruby's `String#inspect`: what could act on a terminal is escaped.
fn inspect(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            // `#{`, `#$` and `#@` would be interpolated if the text were pasted into Ruby.
            '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            c if c.is_control() || is_bidi(c) => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Marks that change the direction of what follows them on the screen.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use alces_event::Timestamp;

    use super::*;

    #[test]
    fn the_layout() {
        let json = br#"{"@timestamp":"2015-05-17T10:05:03Z","@metadata":{"k":1},"message":"a \"b\" \u001b[31m #{x}","http":{"response":{"status_code":200,"time":0.5},"none":null},"tags":["one","two"],"empty":{},"l":[],"ok":true}"#;
        let (event, _) = Event::from_json(json, Timestamp::UNIX_EPOCH).unwrap();
        let mut out = Vec::new();
        write(&mut out, &event, false);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {
            "@timestamp" => 2015-05-17T10:05:03.000Z,
               "message" => "a \"b\" \e[31m \#{x}",
                  "http" => {
                "response" => {
                    "status_code" => 200,
                           "time" => 0.5
                },
                    "none" => nil
            },
                  "tags" => [
                [0] "one",
                [1] "two"
            ],
                 "empty" => {},
                     "l" => [],
                    "ok" => true,
              "@version" => "1"
        }
        "#);
    }
}
