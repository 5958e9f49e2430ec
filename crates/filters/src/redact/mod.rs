//! `redact`: personal data and secrets are taken out of texts. A filter of our own; Logstash has none.
//!
//! ```text
//! redact { }
//! redact { fields => ["message", "[url]"] kinds => ["email", "ipv4", "ipv6"] method => hash key => "${REDACT_KEY}" }
//! ```
//!
//! | option | default | |
//! |---|---|---|
//! | `fields` | `["message", "[event][original]"]` | the fields to look in; texts within their lists and objects too |
//! | `kinds` | `["email", "card", "token"]` | what to look for, see below |
//! | `method` | `mask` | `mask`: what is found is gone; `hash`: a pseudonym stays, the same for the same value |
//! | `key` | | the secret of the pseudonyms (HMAC-SHA256), wanted with `method => hash` |
//! | `replace` | `[{kind}]`, `[{kind}:{hash}]` | what is written in its place |
//! | `tag` | `redacted` | marks events in which something was found; an empty one marks none |
//!
//! The kinds:
//! - `email`: addresses of mail, also with `%40`; not the names of systemd's units.
//! - `card`: numbers of payment cards whose check digit is right, in one piece or in groups.
//! - `token`: values of `password`, `token`, `api_key` and names like these, `Authorization`, bearer tokens, JSON Web Tokens, keys with
//!   a maker's mark (`AKIA…`, `ghp_…`), passwords in URLs, private keys, and words of 32 and more mixed letters and digits.
//! - `ipv4`, `ipv6`: addresses of hosts.
//! - `phone`: telephone numbers that begin with `+` and a country's code.
//!
//! It is a net and not a proof: a name, or a password in the middle of prose, is not found. `add_field`, `add_tag` and their like are
//! done where something was found.

mod address;
mod card;
mod email;
mod find;
mod phone;
mod replace;
mod secret;
mod token;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Key, Value};

use crate::{
    common::{Common, fields, one_of},
    context::Context,
    filter::Filter,
    texts::map_texts,
};
use find::{Finder, KINDS, Kind, Span};
use replace::Replacement;

/// A compiled `redact { … }`.
#[derive(Clone, Debug)]
pub(crate) struct Redact {
    fields: Vec<FieldRef>,
    finder: Finder,
    replacement: Replacement,
    tag: String,
    spans: Vec<Span>,
    common: Common,
}

impl Redact {
    pub(crate) fn compile(_: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let fields = fields(options, "fields");
        let fields = if options.is_given("fields") {
            fields
        } else {
            // With ECS the input has put the whole line there too.
            vec![FieldRef::field("message"), FieldRef::field("event").child(Key::new("original"))]
        };
        let kinds = match options.texts("kinds") {
            None => vec![Kind::Email, Kind::Card, Kind::Token],
            Some(words) => words.iter().filter_map(|word| one_of(options, word, "kinds", KINDS)).collect(),
        };
        let tag = options.text("tag").map_or("redacted".to_owned(), |tag| tag.node);
        let replacement = Replacement::read(options)?;
        let finder = Finder::new(kinds)?;
        Some(Box::new(Self { fields, finder, replacement, tag, spans: Vec::new(), common }))
    }

    /// The text without what was found; none where nothing was.
    fn redact(
        finder: &Finder,
        replacement: &Replacement,
        spans: &mut Vec<Span>,
        text: &str,
    ) -> Option<String> {
        finder.find(text, spans);
        if spans.is_empty() {
            return None;
        }
        // What was redacted before is found again and stays as it is.
        Some(replacement.apply(text, spans)).filter(|new| new != text)
    }
}

impl Filter for Redact {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let Self { fields, finder, replacement, spans, .. } = self;
        let mut any = false;
        for field in fields {
            let mut change = |text: &str| Self::redact(finder, replacement, spans, text).map(Value::from);
            let changed = match event.text(field) {
                Some(text) => change(text),
                None => event.get(field).and_then(|value| map_texts(value, &mut change)),
            };
            if let Some(value) = changed {
                event.set(field, value);
                any = true;
            }
        }
        if any {
            if !self.tag.is_empty() {
                event.tag(&self.tag);
            }
            self.common.apply(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::{check_json, errors};

    #[test]
    fn what_is_found_is_masked() {
        let conf = r#"redact { add_field => { "why" => "privacy" } }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"message":"alice@example.com paid with 4111 1111 1111 1111, password=hunter2 from 10.0.0.1","event":{"original":"to bob@example.com"},"user":"carol@example.com"}"#), @r#"{"message":"[email] paid with [card], password=[token] from 10.0.0.1","event":{"original":"to [email]"},"user":"carol@example.com","tags":["redacted"],"why":"privacy"}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"message":"nothing to see","n":1}"#), @r#"{"message":"nothing to see","n":1}"#);
    }

    #[test]
    fn fields_kinds_and_the_replacement_are_chosen() {
        let conf = r#"redact { fields => ["a", "list", "none"] kinds => ["ipv4", "ipv6", "phone"] replace => "<{kind}>" tag => "" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"a":{"b":"10.0.0.1 x@example.com","c":1},"list":["::1",2,"+49 30 901820"],"message":"10.0.0.1"}"#), @r#"{"a":{"b":"<ipv4> x@example.com","c":1},"list":["<ipv6>",2,"<phone>"],"message":"10.0.0.1"}"#);
    }

    #[test]
    fn a_pseudonym_is_the_same_for_the_same_value() {
        let conf = r#"redact { kinds => ["email", "card", "ipv6"] method => hash key => "k" }"#;
        let json = r#"{"message":"Alice@example.com alice%40example.com bob@example.com 4111-1111-1111-1111 4111111111111111 ::1 0:0:0:0:0:0:0:1"}"#;
        insta::assert_snapshot!(check_json(conf, json), @r#"{"message":"[email:8647c46883247f15] [email:8647c46883247f15] [email:3c106b25062f781d] [card:ea8f1cf8ad2a108e] [card:ea8f1cf8ad2a108e] [ipv6:a022ce7af2322c6c] [ipv6:a022ce7af2322c6c]","tags":["redacted"]}"#);
        assert_ne!(check_json(conf, json), check_json(&conf.replace(r#""k""#, r#""other""#), json));
    }

    #[test]
    fn where_two_overlap_all_of_both_goes() {
        insta::assert_snapshot!(check_json("redact { }", r#"{"message":"https://alice:secret@example.com/x password=bob@example.com&a token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"}"#), @r#"{"message":"https://alice:[token]/x password=[token]&a token=[token]","tags":["redacted"]}"#);
    }

    #[test]
    fn wrong_options_are_named() {
        insta::assert_snapshot!(errors(r#"redact { kinds => ["mail", "card"] replace => "{what}" }"#), @r#"
        x.conf:1:29: `kinds` of redact knows no `mail`
          |
        1 | filter { redact { kinds => ["mail", "card"] replace => "{what}" } }
          |                             ^^^^^^
          = help: did you mean `email`?
        x.conf:1:56: `replace` knows no `{what}`
          |
        1 | filter { redact { kinds => ["mail", "card"] replace => "{what}" } }
          |                                                        ^^^^^^^^
          = help: it knows `{kind}`; `{hash}` with `method => hash`
        "#);
        insta::assert_snapshot!(errors("redact { method => hash }"), @r#"
        x.conf:1:10: `method => hash` wants a `key`
          |
        1 | filter { redact { method => hash } }
          |          ^^^^^^
          = help: without a secret key the values can be guessed again; write as in `key => "${REDACT_KEY}"`
        "#);
        insta::assert_snapshot!(errors(r#"redact { key => "k" }"#), @r#"
        x.conf:1:26: a `key` has no use where values are masked
          |
        1 | filter { redact { key => "k" } }
          |                          ^^^
          = help: write `method => hash` to keep pseudonyms
        "#);
        insta::assert_snapshot!(errors(r#"redact { method => hash key => "k" replace => "x" }"#), @r#"
        x.conf:1:56: with `method => hash` the replacement wants `{hash}`, as in `[{kind}:{hash}]`
          |
        1 | filter { redact { method => hash key => "k" replace => "x" } }
          |                                                        ^^^
        "#);
    }

    fn all() -> Finder {
        Finder::new(KINDS.iter().map(|(_, kind)| *kind).collect()).unwrap()
    }

    fn masked(text: &str) -> Option<String> {
        let source = alces_conf::Source::new("x.conf", "filter { redact { } }");
        let config = alces_conf::parse(&source, alces_conf::Escapes::Off).unwrap();
        let alces_conf::Statement::Plugin(plugin) = &config.sections[0].body[0] else { panic!("a plugin") };
        let mut options = Options::new(&source, &|_| None, plugin);
        let replacement = Replacement::read(&mut options).unwrap();
        Redact::redact(&all(), &replacement, &mut Vec::new(), text)
    }

    /// A number with its check digit, as a person would work it out.
    fn card(mut digits: Vec<u8>) -> String {
        let text = |digits: &[u8]| digits.iter().map(|digit| char::from(b'0' + digit)).collect::<String>();
        digits[0] = 4;
        for last in 0..10 {
            let mut sum = 0;
            let whole: Vec<u8> = digits.iter().copied().chain([last]).collect();
            for (at, digit) in whole.iter().enumerate() {
                let doubled = digit * if (whole.len() - at).is_multiple_of(2) { 2 } else { 1 };
                sum += doubled / 10 + doubled % 10;
            }
            if sum % 10 == 0 {
                return text(&whole);
            }
        }
        unreachable!()
    }

    fn planted() -> impl Strategy<Value = (String, &'static str)> {
        prop_oneof![
            ("[a-z]{1,8}(\\.[a-z]{1,5})?", "[a-z]{1,8}\\.(com|de|org)")
                .prop_map(|(a, b)| (format!("{a}@{b}"), "email")),
            proptest::collection::vec(0_u8..10, 15).prop_map(|digits| (card(digits), "card")),
            "(AKIA[A-Z]{15}[0-9]|ghp_[a-z]{35}[0-9]|eyJ[a-z]{9}\\.[a-z]{9}\\.[a-z]{0,9})"
                .prop_map(|key| (key, "token")),
            any::<[u8; 4]>().prop_map(|a| (std::net::Ipv4Addr::from(a).to_string(), "ipv4")),
            any::<[u16; 7]>().prop_map(|a| {
                let [a, b, c, d, e, f, g] = a;
                (std::net::Ipv6Addr::new(0x2001, a, b, c, d, e, f, g).to_string(), "ipv6")
            }),
            "\\+49[1-9][0-9]{8}".prop_map(|number| (number, "phone")),
        ]
    }

    proptest! {
        #[test]
        fn what_is_planted_is_gone_and_the_rest_is_as_it_was(
            pieces in proptest::collection::vec((" [a-zäé,()]{0,6}z ", planted()), 1..6),
            end in " [a-z]{0,6}",
        ) {
            let (mut text, mut expect) = (String::new(), String::new());
            for (rest, (secret, kind)) in &pieces {
                text += &format!("{rest}{secret}");
                expect += &format!("{rest}[{kind}]");
            }
            prop_assert_eq!(masked(&(text + &end)), Some(expect + &end));
        }

        #[test]
        fn a_value_with_a_telling_name_is_gone(
            before in "[a-z]{0,5}[ ,;]", name in "(password|db_passwd|client-secret|Api_Key|X-Auth-Token)",
            joint in "( ?= ?|=>)", value in "[a-zA-Z0-9!#$%()*+./:?@^_{|}~\\[-]{1,30}[a-z0-9]", after in "[ ,;&]([a-z]{0,5})",
        ) {
            prop_assume!(!["true", "false", "null", "nil", "none"].contains(&value.to_lowercase().as_str()));
            let out = masked(&format!("{before}{name}{joint}{value}{after}")).unwrap();
            prop_assert_eq!(out, format!("{before}{name}{joint}[token]{after}"));
        }

        #[test]
        fn any_text_is_read_and_the_rest_is_as_it_was(
            text in "([a-z0-9@.:+=%\"'\\\\ é€-]{0,9}|password|://|eyJ|[0-9]{4}[ -]|Bearer |-----BEGIN PRIVATE KEY|PRIVATE|\\PC){0,12}",
        ) {
            let mut spans = Vec::new();
            all().find(&text, &mut spans);
            let mut at = 0;
            for span in &spans {
                prop_assert!(at <= span.start && span.start < span.end, "{:?}", spans);
                prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{:?}", spans);
                at = span.end;
            }
            prop_assert!(at <= text.len());
        }

        #[test]
        fn what_was_redacted_stays_as_it_is(pieces in proptest::collection::vec((" [a-z]{0,6} ", planted()), 1..4)) {
            let text: String = pieces.into_iter().map(|(rest, (secret, _))| rest + "password=" + &secret).collect();
            prop_assert_eq!(masked(&masked(&text).unwrap()), None);
        }
    }
}
