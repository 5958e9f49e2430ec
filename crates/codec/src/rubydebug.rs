//! `rubydebug`: an event as Ruby's `amazing_print` shows a hash (logstash-codec-rubydebug 3.1). Four spaces a level, keys
//! quoted and right-aligned to the widest, ` => `, lists with their indexes, `@timestamp` without quotes.

use std::fmt::Write as _;

use alces_conf::Options;
use alces_event::{Event, ObjectRef, ValueRef};
use alces_plugin::{Context, inspect::escape, ruby};

use crate::Encoder;

/// A compiled `rubydebug { … }`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RubyDebug {
    /// Whether `@metadata` is shown too.
    metadata: bool,
}

impl RubyDebug {
    pub(crate) fn encoder(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        Some(Box::new(Self { metadata: options.boolean("metadata").unwrap_or(false) }))
    }
}

impl Encoder for RubyDebug {
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        write(out, event, self.metadata);
    }
}

fn write(out: &mut Vec<u8>, event: &Event, metadata: bool) {
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
        other => out.push_str(&ruby::to_s(other)),
    }
}

fn entries(object: ObjectRef<'_>) -> Vec<(&str, ValueRef<'_>)> {
    object.iter().map(|(key, value)| (key.as_str(), value)).collect()
}

/// Ruby's `String#inspect`: what could act on a terminal is escaped, here also what turns the direction of writing.
fn inspect(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(is_bidi) {
        let (before, mark) = rest.split_at(at);
        escape(&mut out, before.as_bytes());
        let Some(c) = mark.chars().next() else { break };
        let _ = write!(out, "\\u{:04X}", c as u32);
        rest = mark.get(c.len_utf8()..).unwrap_or_default();
    }
    escape(&mut out, rest.as_bytes());
    out.push('"');
    out
}

/// Marks that change the direction of what follows them on the screen.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use crate::test_support::encode;

    #[test]
    fn the_layout() {
        let json = r#"{"@timestamp":"2015-05-17T10:05:03Z","@metadata":{"k":1},"message":"a \"b\" \u001b[31m #{x} \u202e\u007f","http":{"response":{"status_code":200,"time":0.5},"none":null},"tags":["one","two"],"empty":{},"l":[],"ok":true,"f":[1e-5,2.0,1e20]}"#;
        insta::assert_snapshot!(encode("rubydebug", &[json]), @r#"
        {
            "@timestamp" => 2015-05-17T10:05:03.000Z,
               "message" => "a \"b\" \e[31m \#{x} \u202E\x7F",
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
                     "f" => [
                [0] 1.0e-05,
                [1] 2.0,
                [2] 1.0e+20
            ],
              "@version" => "1"
        }
        "#);
    }

    #[test]
    fn lists_and_hashes_within_each_other() {
        let list = (0..11).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let json = format!(r#"{{"l":[{{"a":[[1],{{}}],"bb":null}},[]],"n":[{list}]}}"#);
        insta::assert_snapshot!(encode("rubydebug", &[&json]), @r#"
        {
            "@timestamp" => 2026-01-02T00:00:00.000Z,
                     "l" => [
                [0] {
                     "a" => [
                        [0] [
                            [0] 1
                        ],
                        [1] {}
                    ],
                    "bb" => nil
                },
                [1] []
            ],
                     "n" => [
                [ 0] 0,
                [ 1] 1,
                [ 2] 2,
                [ 3] 3,
                [ 4] 4,
                [ 5] 5,
                [ 6] 6,
                [ 7] 7,
                [ 8] 8,
                [ 9] 9,
                [10] 10
            ],
              "@version" => "1"
        }
        "#);
    }

    #[test]
    fn metadata_is_shown_where_it_is_wanted_and_there() {
        let conf = "rubydebug { metadata => true }";
        insta::assert_snapshot!(encode(conf, &[r#"{"@metadata":{"k":{"x":1}}}"#, "{}"]), @r#"
        {
            "@timestamp" => 2026-01-02T00:00:00.000Z,
              "@version" => "1",
             "@metadata" => {
                "k" => {
                    "x" => 1
                }
            }
        }
        {
            "@timestamp" => 2026-01-02T00:00:00.000Z,
              "@version" => "1"
        }
        "#);
    }
}
