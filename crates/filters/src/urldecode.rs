//! `urldecode`: `%C3%A4` becomes `ä` (logstash-filter-urldecode 3.0). A plus sign stays one.

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value};

use crate::{
    charset::{Charset, charset_option},
    common::{Common, failure_tags, field_option},
    context::Context,
    filter::Filter,
    texts::map_texts,
};

/// A compiled `urldecode { … }`.
#[derive(Clone, Debug)]
pub(crate) struct UrlDecode {
    field: FieldRef,
    all_fields: bool,
    charset: Charset,
    tag_on_failure: Vec<String>,
    common: Common,
}

impl UrlDecode {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let field = field_option(options, "field");
        options.differs("field", "a field that is not there is not made; Logstash sets it to nothing");
        let charset = charset_option(options);
        let field = if options.is_given("field") { field? } else { FieldRef::field("message") };
        let filter = Self {
            field,
            all_fields: options.boolean("all_fields").unwrap_or_default(),
            tag_on_failure: failure_tags(options, "_urldecodefailure"),
            charset: charset?,
            common,
        };
        Some(Box::new(filter))
    }

    fn decoded(&self, event: &Event, field: &FieldRef) -> Option<Value> {
        map_texts(event.get(field)?, &mut |text| decode_text(text, self.charset).map(Value::from))
    }

    fn decode(&self, event: &mut Event, field: &FieldRef) {
        let Some(value) = self.decoded(event, field) else { return };
        if !event.set(field, value) {
            self.tag_on_failure.iter().for_each(|tag| event.tag(tag));
        }
    }
}

/// The text decoded; none where it stays as it is. In another character set than UTF-8 all of the text is read in that one, as Logstash
/// does.
fn decode_text(text: &str, charset: Charset) -> Option<String> {
    let Some(first) = memchr::memchr(b'%', text.as_bytes()) else {
        let same = charset == Charset::Utf8 || (text.is_ascii() && !matches!(charset, Charset::Other(_)));
        return (!same).then(|| charset.decode(text.as_bytes()));
    };
    let (before, mut rest) = text.as_bytes().split_at_checked(first)?;
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend_from_slice(before);
    while let Some((&byte, after)) = rest.split_first() {
        if let (b'%', Some(decoded)) = (byte, two_digits(after)) {
            bytes.push(decoded);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    Some(charset.decode(&bytes))
}

fn two_digits(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

impl Filter for UrlDecode {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        if self.all_fields {
            let names: Vec<_> = event.fields().iter().map(|(key, _)| key.clone()).collect();
            names.into_iter().for_each(|name| self.decode(event, &FieldRef::key(name)));
        } else {
            self.decode(event, &self.field);
        }
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::{check_json, errors};

    #[test]
    fn a_field_is_decoded() {
        let conf = r#"urldecode { add_tag => "ok" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"message":"europ%C3%A9enne%20européenne a+b %zz 100%","x":"%20"}"#), @r#"{"message":"européenne européenne a+b %zz 100%","x":"%20","tags":["ok"]}"#);
        insta::assert_snapshot!(check_json(r#"urldecode { field => "[a][b]" }"#, r#"{"a":{"b":["%41",1,{"k":"%42","l":"c"}]}}"#), @r#"{"a":{"b":["A",1,{"k":"B","l":"c"}]}}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"x":"%20"}"#), @r#"{"x":"%20","tags":["ok"]}"#);
    }

    #[test]
    fn all_fields_are_decoded() {
        let conf = "urldecode { all_fields => true }";
        insta::assert_snapshot!(check_json(conf, r#"{"a":"%41","b":{"c":"%42"},"n":1,"d":"plain"}"#), @r#"{"a":"A","b":{"c":"B"},"n":1,"d":"plain"}"#);
    }

    #[test]
    fn other_character_sets_and_what_is_none() {
        let conf = r#"urldecode { charset => "CP1252" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"message":"caf%E9 %80"}"#), @r#"{"message":"café €"}"#);
        insta::assert_snapshot!(check_json("urldecode { }", r#"{"message":"caf%E9"}"#), @r#"{"message":"caf\\xE9"}"#);
        insta::assert_snapshot!(errors(r#"urldecode { charset => "UTF-9" }"#), @r#"
        x.conf:1:33: `UTF-9` is not a character set that is known
          |
        1 | filter { urldecode { charset => "UTF-9" } }
          |                                 ^^^^^^^
          = help: write its name as in `UTF-8`, `ISO-8859-1`, `CP1252` or `Shift_JIS`
        "#);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in any::<String>()) {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(decode_text(&encoded, Charset::Utf8).unwrap_or_default(), text);
        }

        #[test]
        fn text_of_any_kind_is_read(text in "[%a-f0-9é]{0,20}") {
            // The dull twin: a match at a time.
            let mut expect = Vec::new();
            let mut at = 0;
            while at < text.len() {
                let hex = text.get(at + 1..at + 3).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
                if let (true, Some(hex)) = (text.as_bytes()[at] == b'%', hex) {
                    expect.push(u8::from_str_radix(hex, 16).unwrap());
                    at += 3;
                } else {
                    expect.push(text.as_bytes()[at]);
                    at += 1;
                }
            }
            let got = decode_text(&text, Charset::Utf8).unwrap_or_else(|| text.clone());
            prop_assert_eq!(got, Charset::Utf8.decode(&expect));
        }
    }
}
