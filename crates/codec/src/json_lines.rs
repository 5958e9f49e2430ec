//! `json_lines`: a line is a JSON document (logstash-codec-json_lines 3.2).

use alces_conf::Options;
use alces_event::{Event, Timestamp};
use alces_plugin::Context;
use bytes::Bytes;

use crate::{
    Decoder, Encoder, Framing,
    json::{Documents, ToJson},
    line::delimiter,
    lines::{Cut, LINE_BYTES, Lines},
};

/// A compiled `json_lines { … }`.
#[derive(Clone, Debug)]
pub(crate) struct JsonLines {
    documents: Documents,
    lines: Lines,
    /// The rest of a line whose beginning was too long.
    skips: bool,
}

impl JsonLines {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        framing: Framing,
    ) -> Option<Box<dyn Decoder>> {
        let most = options.integer("decode_size_limit_bytes", 1..=(1 << 31));
        options.differs("decode_size_limit_bytes", "its default is 64 MiB, not 512 MiB");
        let documents = Documents::read(context, options);
        let delimiter = delimiter(options)?;
        let mut documents = documents?;
        documents.text = documents.text.keeping(framing == Framing::Stream);
        let lines = Lines::new(&delimiter, most.map_or(LINE_BYTES, |most| most as usize));
        Some(Box::new(Self { documents, lines, skips: false }))
    }

    pub(crate) fn encoder(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        options.integer("decode_size_limit_bytes", 1..=(1 << 31));
        Documents::read(context, options)?;
        Some(Box::new(ToJson { end: delimiter(options)? }))
    }

    /// With these options.
    pub(crate) fn over(documents: Documents) -> Box<dyn Decoder> {
        Box::new(Self { documents, lines: Lines::new("\n", LINE_BYTES), skips: false })
    }
}

impl Decoder for JsonLines {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        let Self { documents, lines, skips } = self;
        lines.cut(bytes, |cut| match cut {
            Cut::Line(_) if *skips => *skips = false,
            Cut::Line(line) => documents.decode(line, now, true, out),
            Cut::TooLong(part) => {
                if !std::mem::replace(skips, true) {
                    let text = documents.text.text(part);
                    out.push(documents.text.failed(text, now, "_jsonparsetoobigfailure"));
                }
            }
        });
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        let rest = self.lines.rest();
        if let Some(rest) = rest.filter(|_| !std::mem::take(&mut self.skips)) {
            self.documents.decode(rest, now, true, out);
        }
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self { documents: self.documents.clone(), lines: self.lines.fresh(), skips: false })
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encode};

    #[test]
    fn a_line_is_a_document() {
        insta::assert_snapshot!(decode(r#"json_lines { ecs_compatibility => disabled }"#, b"{\"a\":1}\r\n\n[{\"a\":2},{\"a\":3}]\nnope\n{\"a\":4}"), @r#"
        {"a":1}
        {"a":2}
        {"a":3}
        {"message":"nope","tags":["_jsonparsefailure"]}
        {"a":4}
        "#);
        insta::assert_snapshot!(decode(r#"json_lines { delimiter => "|" target => "doc" }"#, b"{\"a\":1}|{\"a\":2}"), @r#"
        {"doc":{"a":1},"event":{"original":"{\"a\":1}"}}
        {"doc":{"a":2},"event":{"original":"{\"a\":2}"}}
        "#);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_its_rest_is_left_out() {
        insta::assert_snapshot!(decode(r#"json_lines { decode_size_limit_bytes => 10 ecs_compatibility => disabled }"#, b"{\"a\":\"0123456789012345678901234567890\"}\n{\"a\":1}"), @r#"
        {"message":"{\"a\":\"0123","tags":["_jsonparsetoobigfailure"]}
        {"a":1}
        "#);
    }

    #[test]
    fn events_are_written_with_the_delimiter() {
        insta::assert_snapshot!(encode(r#"json_lines { delimiter => "|" }"#, &[r#"{"a":1}"#, r#"{"a":2}"#]), @r#"{"@timestamp":"2026-01-02T00:00:00.000Z","a":1,"@version":"1"}|{"@timestamp":"2026-01-02T00:00:00.000Z","a":2,"@version":"1"}|"#);
    }
}
