//! `json`: a message is a JSON document (logstash-codec-json 3.1).

use alces_conf::Options;
use alces_event::{Event, FieldRef, Object, Timestamp, Value};
use alces_plugin::{Context, options::field_option};
use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    Decoder, Encoder, Framing,
    json_lines::JsonLines,
    made::{self, settle_tags},
    text::Text,
};

/// A compiled `json { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    documents: Documents,
}

/// Reads documents.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    pub(crate) text: Text,
    pub(crate) target: Option<FieldRef>,
}

impl Json {
    pub(crate) fn decoder(
        context: &Context<'_>,
        options: &mut Options<'_>,
        framing: Framing,
    ) -> Option<Box<dyn Decoder>> {
        let documents = Documents::read(context, options)?;
        Some(match framing {
            Framing::Stream => JsonLines::over(documents),
            Framing::Messages => Box::new(Self { documents }),
        })
    }

    pub(crate) fn encoder(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        Documents::read(context, options)?;
        Some(Box::new(ToJson { end: "\n".to_owned() }))
    }
}

impl Documents {
    pub(crate) fn read(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        let text = Text::read(options, context);
        let target = field_option(options, "target");
        if options.is_given("target") && target.is_none() {
            return None;
        }
        Some(Self { text: text?, target })
    }

    /// Appends the events of a document: one of an object, many of a list, none of a blank one. `whole` says that a
    /// document which is one event is kept with it, and one that cannot be read too.
    pub(crate) fn decode(&self, bytes: Bytes, now: Timestamp, lines: bool, out: &mut Vec<Event>) {
        let text = self.text.text(bytes);
        let Some(first) = text.bytes().find(|byte| !byte.is_ascii_whitespace()) else { return };
        let before = out.len();
        if self.events(&text, first, now, out).is_none() {
            // Logstash's `json` keeps no original of what it cannot read; its inputs of streams do.
            out.push(self.text.keeping(lines).failed(text, now, "_jsonparsefailure"));
            return;
        }
        if let Some([event]) = out.get_mut(before..) {
            self.text.keep(event, &text);
        }
    }

    fn events(&self, text: &ByteString, first: u8, now: Timestamp, out: &mut Vec<Event>) -> Option<()> {
        if first == b'{' && self.target.is_none() {
            let (mut event, _) = Event::from_json(text.as_bytes(), now).ok()?;
            settle_tags(&mut event);
            out.push(event);
            return Some(());
        }
        let target = self.target.as_ref();
        match serde_json::from_str(text).ok()? {
            Value::Object(object) => out.push(made::event(object, target, now)),
            Value::List(items) => {
                let objects: Option<Vec<Object>> = items
                    .into_iter()
                    .map(|item| match item {
                        Value::Object(object) => Some(object),
                        _ => None,
                    })
                    .collect();
                out.extend(objects?.into_iter().map(|object| made::event(object, target, now)));
            }
            _ => return None,
        }
        Some(())
    }
}

impl Decoder for Json {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        self.documents.decode(bytes, now, false, out);
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(self.clone())
    }
}

/// An event as JSON, and what stands after each.
///
/// Logstash's `json` writes nothing there; on a terminal, in a pipe and in a file nobody wants that.
#[derive(Debug)]
pub(crate) struct ToJson {
    pub(crate) end: String,
}

impl Encoder for ToJson {
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        event.write_json(out);
        out.extend_from_slice(self.end.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encode, errors_in, messages};

    #[test]
    fn a_document_is_an_event_and_a_list_is_many() {
        insta::assert_snapshot!(messages("json", &[br#"{"a":1,"@timestamp":"2015-05-17T12:05:03+02:00","@metadata":{"x":1}}"#, br#"[{"a":1},{"@timestamp":"never"}]"#, b" \n", b"[]"]), @r#"
        {"@timestamp":"2015-05-17T10:05:03.000Z","a":1,"event":{"original":"{\"a\":1,\"@timestamp\":\"2015-05-17T12:05:03+02:00\",\"@metadata\":{\"x\":1}}"}} @metadata {"x":1}
        {"a":1}
        {"_@timestamp":"never","tags":["_timestampparsefailure"]}
        "#);
    }

    #[test]
    fn what_is_no_document_is_kept_as_text() {
        insta::assert_snapshot!(messages("json", &[b"{", br#"[{"a":1},7]"#, b"7", b"{\"a\":\"\xe4\"}"]), @r#"
        {"message":"{","tags":["_jsonparsefailure"]}
        {"message":"[{\"a\":1},7]","tags":["_jsonparsefailure"]}
        {"message":"7","tags":["_jsonparsefailure"]}
        {"message":"{\\\"a\\\":\\\"\\xE4\\\"}","tags":["_jsonparsefailure"]}
        "#);
    }

    #[test]
    fn target_and_charset() {
        insta::assert_snapshot!(messages(r#"json { target => "[doc][x]" charset => "CP1252" ecs_compatibility => disabled }"#, &[b"{\"a\":\"\xe4\",\"@timestamp\":\"x\"}", br#"[{"a":1},{"b":2}]"#]), @r#"
        {"doc":{"x":{"a":"ä","@timestamp":"x"}}}
        {"doc":{"x":{"a":1}}}
        {"doc":{"x":{"b":2}}}
        "#);
        insta::assert_snapshot!(errors_in(r#"json { target => "[" }"#), @r#"
        x.conf:1:43: `[` is not a field reference: write `name` or `[outer][inner]`
          |
        1 | input { stdin { codec => json { target => "[" } } }
          |                                           ^^^
        "#);
    }

    #[test]
    fn the_original_is_kept_where_there_is_none_and_room_for_it() {
        insta::assert_snapshot!(messages("json", &[br#"{"event":"x"}"#, br#"{"event":{"original":"o"}}"#, br#"{"tags":{"x":1}}"#]), @r#"
        {"event":"x"}
        {"event":{"original":"o"}}
        {"_tags":{"x":1},"tags":["_tagsparsefailure"],"event":{"original":"{\"tags\":{\"x\":1}}"}}
        "#);
    }

    #[test]
    fn in_a_stream_a_line_is_a_document() {
        insta::assert_snapshot!(decode("json", b"{\"a\":1}\n{\"a\":2}"), @r#"
        {"a":1,"event":{"original":"{\"a\":1}"}}
        {"a":2,"event":{"original":"{\"a\":2}"}}
        "#);
    }

    #[test]
    fn events_are_written_a_line_each() {
        insta::assert_snapshot!(encode("json", &[r#"{"a":"\n","@metadata":{"x":1}}"#, "{}"]), @r#"
        {"@timestamp":"2026-01-02T00:00:00.000Z","a":"\n","@version":"1"}
        {"@timestamp":"2026-01-02T00:00:00.000Z","@version":"1"}
        "#);
    }
}
