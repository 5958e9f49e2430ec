//! `msgpack`: an event is a MessagePack map (logstash-codec-msgpack 3.1).

mod length;
mod read;
mod write;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Template, Timestamp};
use alces_plugin::{Context, options::field_option};
use bytes::{Bytes, BytesMut};

use crate::{Decoder, Encoder, Framing, lines::LINE_BYTES, made, plain::format, text::Text};
use length::{Length, NoValue};

/// A compiled `msgpack { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Msgpack {
    format: Option<Template>,
    target: Option<FieldRef>,
    framing: Framing,
    /// Maps that came in part.
    rest: BytesMut,
    length: Length,
}

impl Msgpack {
    pub(crate) fn decoder(
        _: &Context<'_>,
        options: &mut Options<'_>,
        framing: Framing,
    ) -> Option<Box<dyn Decoder>> {
        Some(Box::new(Self { framing, ..Self::read(options)? }))
    }

    pub(crate) fn encoder(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Encoder>> {
        Self::read(options)?;
        Some(Box::new(Packed))
    }

    fn read(options: &mut Options<'_>) -> Option<Self> {
        options.choice("ecs_compatibility", &[("disabled", ()), ("v1", ()), ("v8", ())]);
        options.no_effect("ecs_compatibility", "it does not change where the fields go");
        let codec = Self {
            format: format(options),
            target: field_option(options, "target"),
            framing: Framing::Stream,
            rest: BytesMut::new(),
            length: Length::default(),
        };
        (codec.target.is_some() || !options.is_given("target")).then_some(codec)
    }

    fn event(&self, bytes: Bytes, now: Timestamp) -> Event {
        let Some(object) = read::map(&bytes) else { return failed(bytes, now) };
        let mut event = made::event(object, self.target.as_ref(), now);
        let message = FieldRef::field("message");
        if let Some(format) = &self.format
            && event.get(&message).is_none()
        {
            let text = format.render(&event);
            event.set(&message, text);
        }
        event
    }
}

fn failed(bytes: Bytes, now: Timestamp) -> Event {
    let text = Text::utf8(false);
    text.failed(text.text(bytes), now, "_msgpackparsefailure")
}

impl Decoder for Msgpack {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        if self.framing == Framing::Messages {
            // One message is one map, and nothing besides.
            return out.push(self.event(bytes, now));
        }
        self.rest.extend_from_slice(&bytes);
        loop {
            let (length, whole) = match self.length.of(&self.rest) {
                Ok(Some(length)) => (length, true),
                Ok(None) if self.rest.len() < LINE_BYTES => return,
                Ok(None) => (LINE_BYTES, false),
                // Where the next one begins cannot be known: after the byte that cannot be.
                Err(NoValue) => (self.length.at() + 1, false),
            };
            self.length = Length::default();
            let bytes = self.rest.split_to(length).freeze();
            out.push(if whole { self.event(bytes, now) } else { failed(bytes, now) });
        }
    }

    fn flush(&mut self, now: Timestamp, out: &mut Vec<Event>) {
        self.length = Length::default();
        if !self.rest.is_empty() {
            out.push(failed(self.rest.split().freeze(), now));
        }
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self { rest: BytesMut::new(), length: Length::default(), ..self.clone() })
    }
}

/// Events as maps.
#[derive(Debug)]
struct Packed;

impl Encoder for Packed {
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        write::event(event, out);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{decode, encoder, event, messages, pieces, show};

    fn packed(json: &str) -> Vec<u8> {
        let mut out = Vec::new();
        encoder("msgpack").encode(&event(json), &mut out);
        out
    }

    #[test]
    fn an_event_there_and_back() {
        let json = r#"{"@timestamp":"2015-05-17T10:05:03.123Z","a":[1,-2,1.5,null,true,"ä"],"o":{"k":{}},"big":9223372036854775807}"#;
        insta::assert_snapshot!(decode("msgpack", &packed(json)), @r#"{"@timestamp":"2015-05-17T10:05:03.123Z","a":[1,-2,1.5,null,true,"ä"],"o":{"k":{}},"big":9223372036854775807}"#);
        assert_eq!(packed("{}")[..12], *b"\x82\xaa@timestamp");
    }

    #[test]
    fn bytes_and_names_that_are_no_text() {
        // A map of a byte string, a number as a name, and a large number.
        insta::assert_snapshot!(decode("msgpack", b"\x83\xa1a\xc4\x02\xffx\x07\xa1b\xa1c\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), @r#"{"a":"\\xFFx","7":"b","c":1.8446744073709552e+19}"#);
    }

    #[test]
    fn target_and_format() {
        insta::assert_snapshot!(messages(r#"msgpack { target => "doc" }"#, &[b"\x81\xa1a\x01"]), @r#"{"doc":{"a":1}}"#);
        insta::assert_snapshot!(messages(r#"msgpack { format => "a is %{a}" }"#, &[b"\x81\xa1a\x01", b"\x81\xa7message\xa1m"]), @r#"
        {"a":1,"message":"a is 1"}
        {"message":"m"}
        "#);
    }

    #[test]
    fn what_is_no_map_is_kept_as_text() {
        // Text, a part of a map, a type that is not there, an extension, and hostile nesting.
        let deep = [b"\x91".repeat(100_000), b"\xc0".to_vec()].concat();
        insta::assert_snapshot!(messages("msgpack", &[b"\xa3abc", b"\x82\xa1a\x01", b"\xc1ab", b"\x81\xa1a\xd4\x05x"]), @r#"
        {"message":"\\xA3abc","tags":["_msgpackparsefailure"]}
        {"message":"\\x82\\xA1a\\u0001","tags":["_msgpackparsefailure"]}
        {"message":"\\xC1ab","tags":["_msgpackparsefailure"]}
        {"message":"\\x81\\xA1a\\xD4\\u0005x","tags":["_msgpackparsefailure"]}
        "#);
        assert!(messages("msgpack", &[&deep]).contains("_msgpackparsefailure"));
        // Maps as names of maps: printed, each would be twice as long as the one within.
        let names = [b"\x81".repeat(60), b"\xc0".repeat(61)].concat();
        assert!(messages("msgpack", &[&names]).contains("_msgpackparsefailure"));
    }

    #[test]
    fn after_a_byte_that_cannot_be_a_stream_goes_on() {
        insta::assert_snapshot!(decode("msgpack", b"\x82\xa1a\xc1\x81\xa1a\x01\x81"), @r#"
        {"message":"\\x82\\xA1a\\xC1","tags":["_msgpackparsefailure"]}
        {"a":1}
        {"message":"\\x81","tags":["_msgpackparsefailure"]}
        "#);
    }

    #[test]
    fn maps_follow_each_other_in_a_stream() {
        let two = [packed(r#"{"a":1}"#), packed(r#"{"a":2}"#)].concat();
        let (one, rest) = two.split_at(25);
        assert_eq!(show(pieces("msgpack", &[one, rest])), decode("msgpack", &two));
        insta::assert_snapshot!(decode("msgpack", &two), @r#"
        {"a":1}
        {"a":2}
        "#);
    }
}
