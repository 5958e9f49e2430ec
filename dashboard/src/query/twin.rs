//! A dull twin: random queries over random documents, judged once by what the language says and once by what the DSL
//! says. Both judges are as simple as they can be and share nothing.

use std::cmp::Ordering;
use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::ast::{Bounds, Edge, Node, Piece, Term, Wanted};
use super::names::{Named, Names, Stored};
use super::test_names::Fleet;
use super::{Query, parse};

type Document = Map<String, Value>;

/// The words of a text field.
fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// What the language says.
mod language {
    use super::*;

    pub(super) fn matches(node: &Node, document: &Document) -> bool {
        match node {
            Node::Everything => true,
            Node::And(parts) => parts.iter().all(|part| matches(part, document)),
            Node::Or(parts) => parts.iter().any(|part| matches(part, document)),
            Node::Not(inner) => !matches(inner, document),
            Node::Term(term) => {
                let names = Fleet::default();
                let fields = match &term.field {
                    Some(field) => names.named(&field.name),
                    None => names.message(),
                };
                fields
                    .iter()
                    .any(|field| document.get(&field.name).is_some_and(|held| holds(field, term, held)))
            }
        }
    }

    fn holds(field: &Named, term: &Term, held: &Value) -> bool {
        match &term.wanted {
            Wanted::Exists => true,
            Wanted::Between(Bounds { low, high }) => {
                let above = |edge: &Edge| match order(field, held, &edge.text) {
                    Some(order) => order == Ordering::Greater || (edge.closed && order == Ordering::Equal),
                    None => false,
                };
                let below = |edge: &Edge| match order(field, held, &edge.text) {
                    Some(order) => order == Ordering::Less || (edge.closed && order == Ordering::Equal),
                    None => false,
                };
                low.as_ref().is_none_or(above) && high.as_ref().is_none_or(below)
            }
            Wanted::Phrase(text) => match field.stored {
                Stored::Text => {
                    let (held, wanted) = (tokens(text_of(held)), tokens(text));
                    !wanted.is_empty() && held.windows(wanted.len()).any(|words| words == wanted)
                }
                _ => equals(field, held, text),
            },
            Wanted::Word(word) => {
                let plain: Option<String> = word.plain();
                match (plain, field.stored) {
                    (Some(text), Stored::Text) => {
                        let held = tokens(text_of(held));
                        tokens(&text).iter().all(|word| held.contains(word))
                    }
                    (Some(text), Stored::Number | Stored::Keyword) if text.to_lowercase().ends_with("xx") => {
                        field.duration.is_none()
                            && shown(held).len() == 3
                            && shown(held).starts_with(&text[..1])
                    }
                    (Some(text), _) => equals(field, held, &text),
                    (None, Stored::Text) => {
                        let lower = |piece: &Piece| match piece {
                            Piece::Char(c) => Piece::Char(c.to_ascii_lowercase()),
                            other => *other,
                        };
                        let lower: Vec<Piece> = word.0.iter().map(lower).collect();
                        tokens(text_of(held)).iter().any(|token| glob(&lower, token))
                    }
                    (None, Stored::Keyword | Stored::Ip) => glob(&word.0, text_of(held)),
                    (None, _) => false,
                }
            }
        }
    }

    fn text_of(held: &Value) -> &str {
        held.as_str().unwrap_or_default()
    }

    fn shown(held: &Value) -> String {
        held.as_str().map_or_else(|| held.to_string(), str::to_owned)
    }

    fn equals(field: &Named, held: &Value, text: &str) -> bool {
        match field.stored {
            Stored::Keyword => held == text,
            Stored::Boolean => held.as_bool() == text.to_lowercase().parse().ok(),
            Stored::Ip if text == "10.0.0.0/8" => text_of(held).starts_with("10."),
            _ => order(field, held, text) == Some(Ordering::Equal),
        }
    }

    /// How what is held is to what was typed.
    fn order(field: &Named, held: &Value, text: &str) -> Option<Ordering> {
        match field.stored {
            Stored::Number => {
                let typed = typed(text)?;
                let held = held.as_f64()? * field.duration.unwrap_or(1.0);
                if (held - typed).abs() < 1e-9 { Some(Ordering::Equal) } else { held.partial_cmp(&typed) }
            }
            // What is compared with a status is only what looks like one.
            Stored::Keyword => match (text.parse::<u16>(), text_of(held).parse::<u16>()) {
                (Ok(typed), Ok(held)) => Some(held.cmp(&typed)),
                (Ok(_), Err(_)) => None,
                (Err(_), _) => Some(text_of(held).cmp(text)),
            },
            Stored::Date => Some(text_of(held).cmp(text)),
            Stored::Ip => Some(text_of(held).parse::<IpAddr>().ok()?.cmp(&text.parse().ok()?)),
            Stored::Text | Stored::Boolean => None,
        }
    }

    fn typed(text: &str) -> Option<f64> {
        for (unit, times) in [("ms", 0.001), ("s", 1.0), ("MB", 1e6), ("k", 1e3), ("m", 60.0)] {
            if let Some(number) = text.strip_suffix(unit) {
                return number.parse::<f64>().ok().map(|number| number * times);
            }
        }
        text.parse().ok()
    }

    fn glob(pattern: &[Piece], text: &str) -> bool {
        let mut chars = text.chars();
        match pattern.split_first() {
            None => text.is_empty(),
            Some((Piece::Any, rest)) => {
                glob(rest, text) || (chars.next().is_some() && glob(pattern, chars.as_str()))
            }
            Some((Piece::One, rest)) => chars.next().is_some() && glob(rest, chars.as_str()),
            Some((Piece::Char(c), rest)) => chars.next() == Some(*c) && glob(rest, chars.as_str()),
        }
    }
}

/// What the DSL says.
mod backend {
    use super::*;

    pub(super) fn matches(dsl: &Value, document: &Document) -> bool {
        let (name, body) = only(dsl);
        if name == "match_all" {
            return true;
        }
        if name == "exists" {
            return document.contains_key(body["field"].as_str().expect("a field"));
        }
        if name == "bool" {
            let clauses = |name: &str| body[name].as_array().cloned().unwrap_or_default();
            let one = |clause: &Value| matches(clause, document);
            let should = clauses("should");
            if !should.is_empty() {
                assert_eq!(body["minimum_should_match"], 1);
            }
            return clauses("filter").iter().all(one)
                && !clauses("must_not").iter().any(one)
                && (should.is_empty() || should.iter().any(one));
        }
        let (field, options) = only(body);
        let Some(held) = document.get(field) else { return false };
        let text = held.as_str().unwrap_or_default();
        let words = |key: &str| tokens(options[key].as_str().expect("a text"));
        match name {
            "term" => match options["value"].as_str().and_then(|value| value.split_once('/')) {
                Some((network, bits)) if field == "client.ip" => {
                    let number =
                        |text: &str| text.parse::<std::net::Ipv4Addr>().expect("an address").to_bits();
                    let shift = 32 - bits.parse::<u32>().expect("a prefix");
                    number(network) >> shift == number(text) >> shift
                }
                _ if held.is_number() => held.as_f64() == options["value"].as_f64(),
                _ => *held == options["value"],
            },
            "wildcard" => {
                let pattern = options["value"].as_str().expect("a pattern");
                let of_words = field == "message";
                let values = if of_words { tokens(text) } else { vec![text.to_owned()] };
                values.iter().any(|value| glob(pattern, value))
            }
            "match" => {
                assert_eq!(options["operator"], "and");
                words("query").iter().all(|word| tokens(text).contains(word))
            }
            "match_phrase" => {
                let wanted = words("query");
                !wanted.is_empty() && tokens(text).windows(wanted.len()).any(|words| words == wanted)
            }
            "range" => options.as_object().expect("ends").iter().all(|(end, value)| {
                let order = match value.as_str() {
                    Some(value) => match (text.parse::<IpAddr>(), value.parse::<IpAddr>()) {
                        (Ok(held), Ok(value)) => held.cmp(&value),
                        _ => text.cmp(value),
                    },
                    None => held.as_f64().partial_cmp(&value.as_f64()).expect("numbers"),
                };
                match end.as_str() {
                    "gt" => order.is_gt(),
                    "gte" => order.is_ge(),
                    "lt" => order.is_lt(),
                    "lte" => order.is_le(),
                    other => panic!("{other}"),
                }
            }),
            other => panic!("{other} is none of the queries that may be written"),
        }
    }

    fn only(object: &Value) -> (&str, &Value) {
        let object = object.as_object().expect("an object");
        assert_eq!(object.len(), 1, "{object:?}");
        object.iter().next().map(|(name, body)| (name.as_str(), body)).expect("an entry")
    }

    fn glob(pattern: &str, text: &str) -> bool {
        let (mut pieces, mut chars) = (pattern.chars(), text.chars());
        match pieces.next() {
            None => text.is_empty(),
            Some('*') => {
                glob(pieces.as_str(), text) || (chars.next().is_some() && glob(pattern, chars.as_str()))
            }
            Some('?') => chars.next().is_some() && glob(pieces.as_str(), chars.as_str()),
            Some('\\') => chars.next() == pieces.next() && glob(pieces.as_str(), chars.as_str()),
            Some(c) => chars.next() == Some(c) && glob(pieces.as_str(), chars.as_str()),
        }
    }
}

/// Terms that make sense for the fields of [`Fleet`].
const TERMS: &[&str] = &[
    "*",
    "timeout",
    "Time*",
    "read",
    "\"read timeout\"",
    "\"timeout read\"",
    "t?meout",
    "web-1",
    "status:500",
    "status:5xx",
    "status:4XX",
    "status:>=500",
    "status:<500",
    "status:>404",
    "status:[400 TO 499]",
    "status:{400 TO 500}",
    "status:(404 OR 500)",
    "status:*",
    "status:\\-",
    "response:>=404",
    "response:<=500",
    "response:[200 TO 300}",
    "response:{404 TO 405}",
    "response:-",
    "level:error",
    "level:(error OR warn)",
    "level:>=f",
    "level:e*",
    "level:\"error\"",
    "host:web*",
    "host:*-1",
    "host:w?b-1",
    "host:web\\*",
    "request_time:>500ms",
    "request_time:<=0.5",
    "request_time:1.5s",
    "request_time:[100ms TO 1.5s]",
    "event.duration:>=1.5s",
    "bytes:>1MB",
    "bytes:<=1k",
    "bytes:1000",
    "bytes:*",
    "message:read",
    "message:\"read\"",
    "message:re*",
    "@timestamp:>=2026-11-02",
    "@timestamp:[2026-11-01 TO 2026-11-02}",
    "@timestamp:2026-11-02",
    "client:10.0.0.1",
    "client:10.0.0.0/8",
    "client:10.*",
    "client:>10.0.0.1",
    "client:[10.0.0.0 TO 11.0.0.0]",
    "ok:true",
    "ok:False",
    "-ok:*",
];

/// Values of each field; documents have some of them.
fn values() -> [(&'static str, Vec<Value>); 11] {
    [
        ("http.response.status_code", vec![json!(200), json!(404), json!(500), json!(503)]),
        ("response", vec![json!("-"), json!("200"), json!("404"), json!("500"), json!("499")]),
        ("log.level", vec![json!("error"), json!("warn"), json!("Error"), json!("info")]),
        ("host.name", vec![json!("web-1"), json!("web*"), json!("db-1"), json!("web-22")]),
        ("request_time", vec![json!(0.1), json!(0.5), json!(1.5), json!(2)]),
        ("event.duration", vec![json!(500_000_000), json!(1_500_000_000), json!(1)]),
        ("http.response.bytes", vec![json!(0), json!(1000), json!(1_000_000), json!(1_000_001)]),
        ("message", vec![json!("Read timeout"), json!("timeout of read"), json!("on web-1"), json!("")]),
        ("@timestamp", vec![json!("2026-11-01"), json!("2026-11-02"), json!("2026-11-03")]),
        ("client.ip", vec![json!("10.0.0.1"), json!("10.2.3.4"), json!("11.0.0.1")]),
        ("ok", vec![json!(true), json!(false)]),
    ]
}

fn document() -> impl Strategy<Value = Document> {
    let field = |(name, values): (&'static str, Vec<Value>)| {
        prop::option::weighted(0.7, prop::sample::select(values))
            .prop_map(move |value| (name.to_owned(), value))
    };
    let fields: Vec<_> = values().into_iter().map(field).collect();
    fields.prop_map(|all| all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn text() -> impl Strategy<Value = String> {
    let term = prop::sample::select(TERMS.to_vec()).prop_map(str::to_owned);
    term.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} OR {b}")),
            inner.clone().prop_map(|a| format!("NOT {a}")),
            inner.prop_map(|a| format!("-({a})")),
        ]
    })
}

fn stored(field: &str) -> Stored {
    match field {
        "message" => Stored::Text,
        "@timestamp" => Stored::Date,
        "client.ip" => Stored::Ip,
        "ok" => Stored::Boolean,
        "http.response.status_code" | "request_time" | "event.duration" | "http.response.bytes" => {
            Stored::Number
        }
        _ => Stored::Keyword,
    }
}

/// All say the same of each document.
fn agree(text: &str, query: &Query, document: &Document) {
    let dsl = query.to_dsl(&Fleet::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let wanted = language::matches(&query.0, document);
    assert_eq!(wanted, backend::matches(&dsl, document), "{text}\n{dsl}\n{document:?}");
    // What judges the lines that pass.
    let stored = |field: &str| Some(stored(field));
    let judge = crate::explore::holds::Judge { stored: &stored, now: jiff::Timestamp::UNIX_EPOCH };
    let passing = Value::Object(document.clone());
    assert_eq!(wanted, judge.holds(&dsl, &passing), "{text}\n{dsl}\n{document:?}");
}

#[test]
fn each_term_with_each_value() {
    for text in TERMS {
        let query = parse(text).expect(text);
        agree(text, &query, &Document::new());
        for (field, values) in values() {
            for value in values {
                agree(text, &query, &Document::from_iter([(field.to_owned(), value)]));
            }
        }
    }
}

proptest! {
    #[test]
    fn the_dsl_means_what_the_language_says(
        text in text(), documents in prop::collection::vec(document(), 1..5),
    ) {
        // Too many wildcards is no matter of this test.
        if let Ok(query) = parse(&text) {
            documents.iter().for_each(|document| agree(&text, &query, document));
        }
    }

    #[test]
    fn what_is_written_means_the_same(text in text(), document in document()) {
        if let Ok(query) = parse(&text) {
            let again = parse(&query.to_string()).expect("canonical text parses");
            prop_assert_eq!(language::matches(&query.0, &document), language::matches(&again.0, &document));
        }
    }
}
