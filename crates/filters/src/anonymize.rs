//! `anonymize`: fields are replaced by a keyed hash (logstash-filter-anonymize 3.0; `fingerprint` is its successor).

use alces_conf::Options;
use alces_event::{Event, FieldRef, Value, ValueRef};

use crate::{
    common::{Common, fields},
    context::Context,
    digest::{Algorithm, Digest, Print},
    filter::Filter,
    fingerprint::{Hash, prefix},
};

/// A compiled `anonymize { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Anonymize {
    fields: Vec<FieldRef>,
    hash: Hash,
    common: Common,
}

#[derive(Clone, Copy)]
enum Name {
    Digest(Algorithm),
    Murmur,
    Network,
}

impl Anonymize {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let fields = fields(options, "fields");
        if !options.is_given("fields") {
            options.error_here(r#"anonymize wants `fields => ["name"]`, the fields to replace"#);
        }
        let key = options.text("key");
        if !options.is_given("key") {
            options
                .error_here("anonymize wants a `key`: without a secret one the values can be guessed again");
        }
        let algorithm = options.choice(
            "algorithm",
            &[
                ("SHA1", Name::Digest(Algorithm::Sha1)),
                ("SHA256", Name::Digest(Algorithm::Sha256)),
                ("SHA384", Name::Digest(Algorithm::Sha384)),
                ("SHA512", Name::Digest(Algorithm::Sha512)),
                ("MD5", Name::Digest(Algorithm::Md5)),
                ("MURMUR3", Name::Murmur),
                ("IPV4_NETWORK", Name::Network),
            ],
        );
        options.differs(
            "algorithm",
            "what `IPV4_NETWORK` cannot read is removed, so that nothing personal stays; Logstash stops",
        );
        let algorithm =
            if options.is_given("algorithm") { algorithm? } else { Name::Digest(Algorithm::Sha1) };
        let hash = match algorithm {
            Name::Murmur => Hash::Murmur32,
            Name::Network => Hash::Network(prefix(options, Some(key?))?),
            Name::Digest(algorithm) => Hash::Digest(Digest::new(algorithm, Some(&key?.node), Print::Hex)?),
        };
        Some(Box::new(Self { fields, hash, common }))
    }
}

impl Filter for Anonymize {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        for field in &self.fields {
            let value = match event.get(field) {
                None => continue,
                Some(ValueRef::List(list)) => {
                    list.iter().map(|item| self.hash.of(item)).collect::<Option<_>>().map(Value::list)
                }
                Some(value) => self.hash.of(value),
            };
            match value {
                Some(value) => {
                    event.set(field, value);
                }
                None => {
                    event.remove(field);
                }
            }
        }
        self.common.apply(event);
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check_json, errors};

    #[test]
    fn fields_are_replaced() {
        let conf = r#"anonymize { fields => ["a", "[b][c]", "l", "none"] algorithm => SHA1 key => "longencryptionkey" add_tag => "ok" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"a":"123.123.123.123","b":{"c":7},"l":["123.123.123.123"],"k":"kept"}"#), @r#"{"a":"fdc60acc4773dc5ac569ffb78fcb93c9630797f4","b":{"c":"e2996d38bfdcdb6129b06d748703880f5357fce9"},"l":["fdc60acc4773dc5ac569ffb78fcb93c9630797f4"],"k":"kept","tags":["ok"]}"#);
        // The algorithm by default.
        assert!(
            check_json(
                r#"anonymize { fields => "a" key => "longencryptionkey" }"#,
                r#"{"a":"123.123.123.123"}"#
            )
            .contains("fdc60acc4773dc5ac569ffb78fcb93c9630797f4")
        );
        insta::assert_snapshot!(check_json(r#"anonymize { fields => "a" algorithm => MURMUR3 key => "" }"#, r#"{"a":"123.123.123.123"}"#), @r#"{"a":4013733395}"#);
    }

    #[test]
    fn addresses_become_networks() {
        let conf = r#"anonymize { fields => ["a", "b"] algorithm => IPV4_NETWORK key => 24 }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"a":"233.255.13.44","b":"somebody"}"#), @r#"{"a":"233.255.13.0"}"#);
    }

    #[test]
    fn fields_and_a_key_are_wanted() {
        insta::assert_snapshot!(errors("anonymize { }"), @r#"
        x.conf:1:10: anonymize wants `fields => ["name"]`, the fields to replace
          |
        1 | filter { anonymize { } }
          |          ^^^^^^^^^
        x.conf:1:10: anonymize wants a `key`: without a secret one the values can be guessed again
          |
        1 | filter { anonymize { } }
          |          ^^^^^^^^^
        "#);
    }
}
