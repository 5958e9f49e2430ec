//! `plain`: a message is an event, an event is its text (logstash-codec-plain 3.1).

use alces_conf::Options;
use alces_event::{Event, Template, Timestamp, ValueRef, format_timestamp};
use alces_plugin::{Context, options::template, ruby};
use bytes::Bytes;

use crate::{Decoder, Encoder, Framing, line::Line, text::Text};

/// A compiled `plain { … }`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    text: Text,
}

impl Plain {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        framing: Framing,
    ) -> Option<Box<dyn Decoder>> {
        let (text, _) = read(context, options)?;
        Some(match framing {
            Framing::Stream => Line::over(text, "\n"),
            Framing::Messages => Box::new(Self { text }),
        })
    }

    pub(crate) fn encoder(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        let (_, format) = read(context, options)?;
        Some(Box::new(Format { format, end: String::new() }))
    }
}

fn read(context: &Context<'_>, options: &mut Options<'_>) -> Option<(Text, Option<Template>)> {
    let text = Text::read(options, context);
    Some((text?, format(options)))
}

/// Reads `format`.
pub(crate) fn format(options: &mut Options<'_>) -> Option<Template> {
    let text = options.text("format")?;
    template(options, &text.node, &text.span)
}

impl Decoder for Plain {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        out.push(self.text.event(self.text.text(bytes), now));
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

/// An event as a text, and what stands after each.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) format: Option<Template>,
    pub(crate) end: String,
}

impl Encoder for Format {
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        let mut text = String::new();
        match &self.format {
            Some(format) => format.render_into(&mut text, event),
            None => usual(&mut text, event),
        }
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(self.end.as_bytes());
    }
}

/// Logstash's `Event#to_s`: the time, the host and the message, or their names where they are not there.
fn usual(out: &mut String, event: &Event) {
    format_timestamp(out, event.timestamp());
    for name in ["host", "message"] {
        out.push(' ');
        match event.fields().get(name) {
            None | Some(ValueRef::Null) => {
                out.push_str("%{");
                out.push_str(name);
                out.push('}');
            }
            Some(value) => java(out, value),
        }
    }
}

/// Java's `toString`.
fn java(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push_str("null"),
        ValueRef::List(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                java(out, item);
            }
            out.push(']');
        }
        ValueRef::Object(object) => {
            out.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(key.as_str());
                out.push('=');
                java(out, value);
            }
            out.push('}');
        }
        other => out.push_str(&ruby::to_s(other)),
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encode, messages};

    #[test]
    fn a_message_is_an_event() {
        insta::assert_snapshot!(messages("plain", &[b"one\ntwo", b""]), @r#"
        {"message":"one\ntwo","event":{"original":"one\ntwo"}}
        {"message":"","event":{"original":""}}
        "#);
        insta::assert_snapshot!(messages(r#"plain { ecs_compatibility => disabled charset => "CP1252" }"#, &[b"f\xfcr 5 \x80"]), @r#"{"message":"für 5 €"}"#);
        insta::assert_snapshot!(messages(r#"plain { ecs_compatibility => disabled }"#, &[b"f\xfcr"]), @r#"{"message":"f\\xFCr"}"#);
    }

    #[test]
    fn in_a_stream_a_line_is_an_event() {
        insta::assert_snapshot!(decode(r#"plain { ecs_compatibility => disabled }"#, b"one\ntwo"), @r#"
        {"message":"one"}
        {"message":"two"}
        "#);
    }

    #[test]
    fn an_event_is_its_text() {
        insta::assert_snapshot!(encode("plain", &[r#"{"message":"m","host":{"name":"h","ip":["1","2"]}}"#, "{}"]), @"2026-01-02T00:00:00.000Z {name=h, ip=[1, 2]} m2026-01-02T00:00:00.000Z %{host} %{message}");
        insta::assert_snapshot!(encode(r#"plain { format => "%{[a][b]} %{+yyyy}!" }"#, &[r#"{"a":{"b":7}}"#]), @"7 2026!");
    }
}
