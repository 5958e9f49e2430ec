//! `fingerprint`: a hash of fields, by which the same event is known again (logstash-filter-fingerprint 3.4).

mod hash;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value, ValueRef};

pub(crate) use crate::fingerprint::hash::Hash;
use crate::{
    common::{Common, field, field_option},
    context::{Context, EcsMode, ecs_option},
    digest::{Algorithm, Digest, Print},
    filter::Filter,
    uuid,
};

/// A compiled `fingerprint { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprint {
    /// Each with the name as written: the name is hashed too.
    sources: Vec<(FieldRef, String)>,
    target: FieldRef,
    method: Method,
    together: Together,
    text: String,
    common: Common,
}

#[derive(Clone, Debug)]
enum Method {
    Hash(Hash),
    /// A random one.
    Uuid,
    /// What is left without letters and digits.
    Punctuation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Together {
    /// Each source by itself; the last one that is there stays.
    No,
    Sources,
    AllFields,
}

/// A value that cannot be hashed by this method.
struct Failed;

const FAILURE: &str = "_fingerprintfailure";

impl Fingerprint {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let ecs = ecs_option(options, context.ecs);
        let sources = options.texts("source");
        let mut sources: Vec<(FieldRef, String)> = match sources {
            None => vec![(FieldRef::field("message"), "message".to_owned())],
            Some(texts) => texts
                .into_iter()
                .filter_map(|text| Some((field(options, &text.node, &text.span)?, text.node)))
                .collect(),
        };
        let target = field_option(options, "target");
        let target = match (options.is_given("target"), ecs) {
            (true, _) => target,
            (false, EcsMode::Disabled) => Some(FieldRef::field("fingerprint")),
            (false, EcsMode::V8) => Some(FieldRef::field("event").child(alces_event::Key::new("hash"))),
        };
        options.differs(
            "method",
            "what `IPV4_NETWORK` and `PUNCTUATION` cannot read is tagged `_fingerprintfailure`; Logstash stops",
        );
        let method = method(options);
        let sources_together = options.boolean("concatenate_sources").unwrap_or_default();
        let all_together = options.boolean("concatenate_all_fields").unwrap_or_default();
        let together = match (all_together, sources_together) {
            (true, _) => Together::AllFields,
            (false, true) => Together::Sources,
            (false, false) => Together::No,
        };
        let method = method?;
        if together == Together::Sources || matches!(method, Method::Punctuation) {
            sources.sort_by(|(_, a), (_, b)| a.cmp(b));
        }
        Some(Box::new(Self { sources, target: target?, method, together, text: String::new(), common }))
    }

    fn fingerprint(&mut self, event: &mut Event) -> Result<(), Failed> {
        let hash = match &self.method {
            Method::Uuid => {
                event.set(&self.target, uuid::random());
                return Ok(());
            }
            Method::Punctuation => {
                for (source, _) in &self.sources {
                    let Some(value) = event.get(source) else { continue };
                    let left = punctuation(value.as_str().ok_or(Failed)?);
                    event.set(&self.target, left);
                }
                return Ok(());
            }
            Method::Hash(hash) => hash,
        };
        if self.together == Together::No {
            for (source, _) in &self.sources {
                let value = match event.get(source) {
                    None => continue,
                    Some(ValueRef::List(list)) => Value::list(
                        list.iter().map(|item| hash.of(item)).collect::<Option<_>>().ok_or(Failed)?,
                    ),
                    Some(value) => hash.of(value).ok_or(Failed)?,
                };
                event.set(&self.target, value);
            }
            return Ok(());
        }
        self.text.clear();
        if self.together == Together::AllFields {
            let time = ("@timestamp", ValueRef::Time(event.timestamp()));
            let mut fields: Vec<_> =
                event.fields().iter().map(|(key, value)| (key.as_str(), value)).chain([time]).collect();
            fields.sort_by_key(|(name, _)| *name);
            for (name, value) in fields {
                add(&mut self.text, name, Some(value));
            }
        } else {
            for (source, name) in &self.sources {
                add(&mut self.text, name, event.get(source));
            }
        }
        self.text.push('|');
        let value = hash.of(ValueRef::Str(&self.text)).ok_or(Failed)?;
        event.set(&self.target, value);
        Ok(())
    }
}

/// Names and values in one text.
fn add(out: &mut String, name: &str, value: Option<ValueRef<'_>>) {
    out.push('|');
    out.push_str(name);
    out.push('|');
    match value {
        None | Some(ValueRef::Null) => {}
        Some(ValueRef::Str(text)) => out.push_str(text),
        Some(other) => out.push_str(&hash::to_s(other)),
    }
}

/// The characters of the classes P and S.
fn punctuation(text: &str) -> String {
    text.chars().filter(|c| if c.is_ascii() { c.is_ascii_punctuation() } else { is_mark(*c) }).collect()
}

/// Outside of ASCII: neither letter nor digit, nor blank nor control, nor what combines with the letter before it.
fn is_mark(c: char) -> bool {
    use std::sync::LazyLock;
    static MARK: LazyLock<Option<fancy_regex::Regex>> =
        LazyLock::new(|| fancy_regex::Regex::new(r"\A[\p{P}\p{S}]\z").ok());
    let mut buffer = [0; 4];
    let text: &str = c.encode_utf8(&mut buffer);
    MARK.as_ref().is_some_and(|mark| mark.is_match(text).unwrap_or(false))
}

fn method(options: &mut Options<'_>) -> Option<Method> {
    #[derive(Clone, Copy)]
    enum Name {
        Digest(Algorithm),
        Murmur32,
        Murmur128,
        Network,
        Uuid,
        Punctuation,
    }
    let name = options.choice(
        "method",
        &[
            ("SHA1", Name::Digest(Algorithm::Sha1)),
            ("SHA256", Name::Digest(Algorithm::Sha256)),
            ("SHA384", Name::Digest(Algorithm::Sha384)),
            ("SHA512", Name::Digest(Algorithm::Sha512)),
            ("MD5", Name::Digest(Algorithm::Md5)),
            ("MURMUR3", Name::Murmur32),
            ("MURMUR3_128", Name::Murmur128),
            ("IPV4_NETWORK", Name::Network),
            ("UUID", Name::Uuid),
            ("PUNCTUATION", Name::Punctuation),
        ],
    );
    let key = options.text("key");
    let print = if options.boolean("base64encode").unwrap_or_default() { Print::Base64 } else { Print::Hex };
    let name = if options.is_given("method") { name? } else { Name::Digest(Algorithm::Sha1) };
    Some(match name {
        Name::Uuid => Method::Uuid,
        Name::Punctuation => Method::Punctuation,
        Name::Murmur32 => Method::Hash(Hash::Murmur32),
        Name::Murmur128 => Method::Hash(Hash::Murmur128(print)),
        Name::Network => Method::Hash(Hash::Network(prefix(options, key)?)),
        Name::Digest(algorithm) => Method::Hash(Hash::Digest(Digest::new(
            algorithm,
            key.as_ref().map(|key| key.node.as_str()),
            print,
        )?)),
    })
}

/// `key` as the length of a network's prefix.
pub(crate) fn prefix(options: &mut Options<'_>, key: Option<alces_conf::Spanned<String>>) -> Option<u8> {
    let help = "write how many bits of an address stay, as in `key => 24`";
    match key {
        Some(key) => match key.node.parse() {
            Ok(length @ 0..=128) => return Some(length),
            _ => options.error_with_help(&key.span, "`key` is not the length of a network's prefix", help),
        },
        None => {
            let span = options.plugin_span();
            options.error_with_help(&span, "`IPV4_NETWORK` wants a `key`", help);
        }
    }
    None
}

impl Filter for Fingerprint {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        match self.fingerprint(event) {
            Ok(()) => self.common.apply(event),
            Err(Failed) => event.tag(FAILURE),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_json, errors};

    fn hash(options: &str, json: &str) -> String {
        let event: serde_json::Value =
            serde_json::from_str(&check_json(&format!("fingerprint {{ {options} }}"), json)).unwrap();
        event["event"]["hash"].to_string()
    }

    #[test]
    fn a_field_is_hashed() {
        assert_eq!(
            hash("", r#"{"message":"123.123.123.123"}"#),
            r#""3a5076c520b4b463f43806896ea0b3978d09dcae""#
        );
        assert_eq!(
            hash(r#"source => "@timestamp" key => "0123""#, "{}"),
            r#""1d5379ec92d86a67cfc642d55aa050ca312d3b9a""#
        );
        assert_eq!(
            hash(r#"source => "c""#, r#"{"c":["123.123.123.123","223.223.223.223"]}"#),
            r#"["3a5076c520b4b463f43806896ea0b3978d09dcae","47bbc4e06edebbace047fed35abeceec64968b81"]"#
        );
        assert_eq!(hash(r#"source => "c" method => MURMUR3"#, r#"{"c":123}"#), "823512154");
        assert_eq!(
            hash(r#"source => "c" method => IPV4_NETWORK key => 16"#, r#"{"c":"10.1.2.3"}"#),
            r#""10.1.0.0""#
        );
    }

    #[test]
    fn of_many_sources_the_last_or_all_together() {
        let json = r#"{"field1":"test1","field2":"test2"}"#;
        let sources = r#"source => ["field1", "field2", "none"]"#;
        assert_eq!(hash(sources, json), r#""109f4b3c50d7b0df729d299bc6f8e9ef9066971f""#);
        let sources = r#"source => ["field2", "field1"] concatenate_sources => true"#;
        assert_eq!(hash(sources, json), r#""e3b6b71eedc656f1d29408264e8a75535db985cb""#);
        // One that is not there leaves its name.
        let missing = |json| hash(r#"source => ["a", "b"] concatenate_sources => true"#, json);
        assert_eq!(missing(r#"{"a":"x"}"#), missing(r#"{"a":"x","b":""}"#));
    }

    /// The value of logstash-filter-fingerprint's own specification.
    #[test]
    fn all_fields_together() {
        let json = r#"{"@timestamp":"2017-07-26T14:44:27.064Z","clientip":"123.123.123.123","message":"This is a test message","log_level":"INFO","offset":123456789,"type":"test"}"#;
        assert_eq!(
            hash("concatenate_all_fields => true", json),
            r#""cbf022518e97860403160ed8a41847c0db104e63""#
        );
    }

    #[test]
    fn punctuation_is_what_is_left() {
        let json = r#"{"field1":"PHP Warning:  json_encode() [<a href='function.json-encode'>function.json-encode</a>]: Invalid UTF-8 sequence in argument in /var/www/htdocs/test.php on line 233"}"#;
        assert_eq!(
            hash(r#"source => "field1" method => PUNCTUATION"#, json),
            r#"":_()[<='.-'>.-</>]:-////.""#
        );
        assert_eq!(hash("method => PUNCTUATION", r#"{"message":"«é» 5€ ½…"}"#), r#""«»€…""#);
    }

    #[test]
    fn a_random_one() {
        assert_eq!(hash("method => UUID", "{}").len(), 38);
    }

    #[test]
    fn where_it_goes_and_what_follows() {
        insta::assert_snapshot!(check_json(r#"fingerprint { method => MURMUR3 ecs_compatibility => disabled add_tag => "ok" }"#, r#"{"message":"x"}"#), @r#"{"message":"x","fingerprint":1050319643,"tags":["ok"]}"#);
        insta::assert_snapshot!(check_json(r#"fingerprint { method => MURMUR3_128 target => "[@metadata][x]" } mutate { add_field => { "h" => "%{[@metadata][x]}" } }"#, r#"{"message":"x"}"#), @r#"{"message":"x","h":"65ab4ebd561211b793f4392e9e3bb7f3"}"#);
        insta::assert_snapshot!(check_json(r#"fingerprint { method => IPV4_NETWORK key => 8 add_tag => "ok" }"#, r#"{"message":"x"}"#), @r#"{"message":"x","tags":["_fingerprintfailure"]}"#);
        insta::assert_snapshot!(check_json(r#"fingerprint { add_tag => "ok" }"#, r#"{"a":"x"}"#), @r#"{"a":"x","tags":["ok"]}"#);
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors("fingerprint { method => IPV4_NETWORK }"), @"
        x.conf:1:10: `IPV4_NETWORK` wants a `key`
          |
        1 | filter { fingerprint { method => IPV4_NETWORK } }
          |          ^^^^^^^^^^^
          = help: write how many bits of an address stay, as in `key => 24`
        ");
        insta::assert_snapshot!(errors("fingerprint { method => IPV4_NETWORK key => many }"), @"
        x.conf:1:54: `key` is not the length of a network's prefix
          |
        1 | filter { fingerprint { method => IPV4_NETWORK key => many } }
          |                                                      ^^^^
          = help: write how many bits of an address stay, as in `key => 24`
        ");
        insta::assert_snapshot!(errors("fingerprint { method => CRC32 }"), @"
        x.conf:1:34: option `method` of fingerprint wants one of `SHA1`, `SHA256`, `SHA384`, `SHA512`, `MD5`, `MURMUR3`, `MURMUR3_128`, `IPV4_NETWORK`, `UUID`, `PUNCTUATION`
          |
        1 | filter { fingerprint { method => CRC32 } }
          |                                  ^^^^^
        ");
    }
}
