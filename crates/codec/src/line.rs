//! `line`: a line is an event (logstash-codec-line 3.1).

use alces_conf::Options;
use alces_event::{Event, Timestamp};
use alces_plugin::Context;
use bytes::Bytes;

use crate::{
    Decoder, Encoder, Framing,
    lines::{Cut, LINE_BYTES, Lines},
    plain::{Format, format},
    text::Text,
};

/// A compiled `line { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    text: Text,
    lines: Lines,
}

impl Line {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        _: Framing,
    ) -> Option<Box<dyn Decoder>> {
        format(options);
        let text = Text::read(options, context);
        let delimiter = delimiter(options)?;
        Some(Self::over(text?, &delimiter))
    }

    pub(crate) fn encoder(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        let format = format(options);
        Text::read(options, context)?;
        Some(Box::new(Format { format, end: delimiter(options)? }))
    }

    /// With these options.
    pub(crate) fn over(text: Text, delimiter: &str) -> Box<dyn Decoder> {
        Box::new(Self { text, lines: Lines::new(delimiter, LINE_BYTES) })
    }
}

/// Reads `delimiter`.
pub(crate) fn delimiter(options: &mut Options<'_>) -> Option<String> {
    options.differs("delimiter", "where it is a newline, a carriage return before it belongs to it");
    let Some(text) = options.text("delimiter") else { return Some("\n".to_owned()) };
    if text.node.is_empty() {
        let message = format!("`delimiter` of {} must not be empty", options.plugin());
        options.error(&text.span, message);
        return None;
    }
    Some(text.node)
}

impl Decoder for Line {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        let text = self.text;
        self.lines.cut(bytes, |cut: Cut| out.push(text.event(text.text(cut.bytes()), now)));
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        out.extend(self.lines.rest().map(|rest| self.text.event(self.text.text(rest), now)));
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self { text: self.text, lines: self.lines.fresh() })
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encode, errors_in};

    #[test]
    fn lines_are_events() {
        insta::assert_snapshot!(decode("line", b"one\r\n\ntwo"), @r#"
        {"message":"one","event":{"original":"one"}}
        {"message":"","event":{"original":""}}
        {"message":"two","event":{"original":"two"}}
        "#);
        insta::assert_snapshot!(decode(r#"line { delimiter => "||" charset => "ISO-8859-1" ecs_compatibility => disabled }"#, b"\xe4|b||c\n"), @r#"
        {"message":"ä|b"}
        {"message":"c\n"}
        "#);
    }

    #[test]
    fn an_event_is_a_line() {
        insta::assert_snapshot!(encode(r#"line { format => "%{message}" }"#, &[r#"{"message":"a"}"#, r#"{"message":"b"}"#]), @r#"
        a
        b
        "#);
        insta::assert_snapshot!(encode(r#"line { delimiter => ";" }"#, &[r#"{"message":"a"}"#]), @"2026-01-02T00:00:00.000Z %{host} a;");
    }

    #[test]
    fn a_delimiter_is_wanted() {
        insta::assert_snapshot!(errors_in(r#"line { delimiter => "" }"#), @r#"
        x.conf:1:46: `delimiter` of line must not be empty
          |
        1 | input { stdin { codec => line { delimiter => "" } } }
          |                                              ^^
        "#);
    }
}
