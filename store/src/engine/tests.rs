//! The engine against a dull twin: what was taken comes back byte for byte, through seals, deletes, merges and opening again.

use super::ColumnEngine;
use super::find::{Finder, Frequencies};
use super::merge;
use crate::mapping::{Batch, Mapping, prepare};
use crate::query::plan::Plan;
use crate::query::words::words;
use crate::segments::{Engine, Incoming};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeMap;

fn mapping() -> Mapping {
    Mapping::parse(&json!({
        "properties": {
            "message": {"type": "text"}, "note": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 8}}},
            "name": {"type": "keyword"}, "status": {"type": "long"}, "took": {"type": "double"}, "load": {"type": "float"},
            "up": {"type": "boolean"}, "at": {"type": "date"}, "ip": {"type": "ip"}, "labels": {"type": "flat_object"},
            "kept": {"type": "keyword", "index": false, "doc_values": false}
        }
    }))
    .unwrap()
}

fn text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "GET",
        "/a/b.php",
        "10.0.0.1",
        "12ms",
        "timed",
        "out",
        "\u{e9}t\u{e9}",
        "\"q\"",
        "\\",
        "x=1",
        "user",
        "7",
        ":",
        ",",
        "a\u{1}b",
        "\n",
    ]);
    prop::collection::vec(word, 0..7).prop_map(|words| words.join(" "))
}

fn leaf(kind: usize) -> BoxedStrategy<Value> {
    let string = |texts: Vec<&'static str>| prop::sample::select(texts).prop_map(|t| json!(t)).boxed();
    match kind {
        0 => text().prop_map(Value::String).boxed(),
        1 => prop_oneof![
            Just(json!(200)),
            Just(json!("200")),
            Just(json!(-0)),
            Just(json!(7.5)),
            Just(json!(i64::MAX))
        ]
        .boxed(),
        2 => prop_oneof![
            any::<f64>().prop_filter_map("finite", |n| Number::from_f64(n).map(Value::Number)),
            Just(json!(3)),
            Just(json!("1.50")),
            Just(json!(0.1)),
            Just(json!(-0.0)),
        ]
        .boxed(),
        3 => prop_oneof![Just(json!(true)), Just(json!("false")), Just(json!(""))].boxed(),
        4 => string(vec![
            "2026-11-25T10:00:00.086Z",
            "2026-11-25T10:00:00Z",
            "2026-11-25",
            "2026-11-25T10:00:00.123456Z",
            "2026-11-25T12:00:00+02:00",
        ]),
        _ => string(vec!["10.0.0.1", "::1", "2001:DB8::1"]),
    }
}

fn field() -> impl Strategy<Value = (String, Value)> {
    let names = vec![
        ("message", 0),
        ("note", 0),
        ("name", 0),
        ("kept", 0),
        ("status", 1),
        ("took", 2),
        ("load", 2),
        ("up", 3),
        ("at", 4),
        ("ip", 5),
    ];
    prop::sample::select(names).prop_flat_map(|(name, kind)| {
        let one = leaf(kind);
        let many = prop::collection::vec(prop_oneof![4 => leaf(kind), 1 => Just(Value::Null)], 0..4);
        let value = prop_oneof![5 => one, 1 => many.prop_map(Value::Array), 1 => Just(Value::Null)];
        value.prop_map(move |value| (name.to_owned(), value))
    })
}

fn document() -> impl Strategy<Value = String> {
    let labels = prop::collection::btree_map("[a-c]{1,2}", text(), 0..3);
    (prop::collection::vec(field(), 0..8), prop::option::of(labels), any::<bool>()).prop_map(
        |(fields, labels, pretty)| {
            let mut map: Map<String, Value> = fields.into_iter().collect();
            if let Some(labels) = labels {
                map.insert("labels".into(), json!(labels));
            }
            // What a line holds is often said by a field too.
            if let (Some(Value::String(name)), Some(Value::String(message))) =
                (map.get("name"), map.get("message"))
            {
                let line = format!("{message} {name} {message}");
                map.insert("message".into(), json!(line));
                map.insert("kept".into(), json!(line));
            }
            if pretty { serde_json::to_string_pretty(&map).unwrap() } else { Value::Object(map).to_string() }
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, String),
    Delete(u8),
    Seal,
    Merge,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0u8..24, document()).prop_map(|(id, source)| Step::Put(id, source)),
        2 => (0u8..24).prop_map(Step::Delete),
        2 => Just(Step::Seal),
        1 => Just(Step::Merge),
        1 => Just(Step::Reopen),
    ]
}

fn check(engine: &ColumnEngine, twin: &BTreeMap<u8, (u64, String)>) -> Result<(), TestCaseError> {
    let snapshot = engine.reader().snapshot();
    prop_assert_eq!(snapshot.count(), twin.len() as u64);
    for (id, (version, source)) in twin {
        let found = snapshot.get(&id.to_string()).unwrap().unwrap();
        prop_assert_eq!(String::from_utf8(found.source).unwrap(), source.clone());
        prop_assert_eq!((found.id, found.version), (id.to_string(), *version));
    }
    // Each word of each message finds the documents that have it, and no other.
    let texts = |source: &str| match serde_json::from_str::<Value>(source).unwrap().get("message") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => vec![],
    };
    let asked = [
        vec!["get"],
        vec!["timed", "out"],
        vec!["10.0.0.1"],
        vec!["7", "user"],
        vec!["x", "1"],
        vec!["get", "timed"],
    ];
    for phrase in asked {
        let phrase: Vec<String> = phrase.into_iter().map(str::to_owned).collect();
        let has = |source: &str| {
            texts(source).iter().any(|text| words(text).windows(phrase.len()).any(|w| w == phrase))
        };
        let expected: Vec<String> =
            twin.iter().filter(|(_, (_, s))| has(s)).map(|(id, _)| id.to_string()).collect();
        let path = "message".to_owned();
        let plan = match phrase.as_slice() {
            [word] => Plan::Word { path, word: word.clone() },
            _ => Plan::Phrase { path, words: phrase.clone(), slop: 0 },
        };
        let mut found = Vec::new();
        for living in &engine.shared.state().segments {
            let counts = Frequencies::default();
            let finder = Finder {
                segment: &living.segment,
                number: 0,
                scoring: None,
                frequencies: &counts,
                total: 0,
                among: None,
            };
            let rows = finder.find(&plan).unwrap().bits;
            for row in rows.iter().filter(|row| living.is_alive(*row)) {
                found.push(living.segment.id(row).unwrap());
            }
        }
        found.sort_by_key(|id| id.parse::<u8>().unwrap());
        prop_assert_eq!(found, expected, "{:?}", phrase);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_was_taken_comes_back_byte_for_byte(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let mapping = mapping();
        let mut engine = ColumnEngine::open(dir.path()).unwrap();
        let mut twin: BTreeMap<u8, (u64, String)> = BTreeMap::new();
        let mut sequence = 0;
        for step in steps {
            match step {
                Step::Put(id, source) => {
                    let mut batch = Batch::default();
                    let Ok(prepared) = prepare(&mapping, source.as_bytes(), false, &mut batch) else { continue };
                    let version = twin.get(&id).map_or(1, |(version, _)| version + 1);
                    if version > 1 {
                        engine.delete(&id.to_string()).unwrap();
                    }
                    let id_text = id.to_string();
                    engine.add(Incoming { id: &id_text, version, source: source.as_bytes(), mapped: batch.get(prepared.span) }).unwrap();
                    twin.insert(id, (version, source));
                }
                Step::Delete(id) => {
                    engine.delete(&id.to_string()).unwrap();
                    twin.remove(&id);
                }
                Step::Seal | Step::Merge | Step::Reopen => {
                    sequence += 1;
                    engine.seal(sequence).unwrap();
                    engine.settle().unwrap();
                    prop_assert_eq!(engine.committed(), sequence);
                    if let Step::Merge = step {
                        // One that was begun by the seal is finished first: two at once there never are.
                        if let Some(thread) = engine.merging.take() {
                            thread.join().unwrap();
                        }
                        let all = engine.shared.state().segments.clone();
                        if !all.is_empty() {
                            merge::run(&engine.shared, &all).unwrap();
                            prop_assert!(engine.shared.state().segments.len() <= 1);
                        }
                    }
                    if let Step::Reopen = step {
                        drop(engine);
                        engine = ColumnEngine::open(dir.path()).unwrap();
                        prop_assert_eq!(engine.committed(), sequence);
                        prop_assert_eq!(engine.shared.checked().segments.len(), engine.shared.state().segments.len());
                    }
                    check(&engine, &twin)?;
                }
            }
        }
        engine.seal(sequence + 1).unwrap();
        engine.settle().unwrap();
        check(&engine, &twin)?;
    }
}

/// Takes a document and begins its segment.
fn put(engine: &mut ColumnEngine, at: usize, source: &str) {
    let mut batch = Batch::default();
    let span = prepare(&mapping(), source.as_bytes(), false, &mut batch).unwrap().span;
    let (id, mapped) = (at.to_string(), batch.get(span));
    engine.add(Incoming { id: &id, version: 1, source: source.as_bytes(), mapped }).unwrap();
    engine.seal(at as u64 + 1).unwrap();
}

fn one(dir: &std::path::Path, documents: &[&str]) -> ColumnEngine {
    let mut engine = ColumnEngine::open(dir).unwrap();
    for (at, source) in documents.iter().enumerate() {
        put(&mut engine, at, source);
        engine.settle().unwrap();
    }
    engine
}

#[test]
fn a_long_text_comes_back_and_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{} needle {}", "alpha beta ".repeat(20_000), "\u{e9}x".repeat(60_000));
    let source = json!({"message": long, "kept": "k".repeat(100_000), "labels": {"a": "v".repeat(70_000)}})
        .to_string();
    let engine = one(dir.path(), &[&source]);
    let snapshot = engine.reader().snapshot();
    assert!(snapshot.get("0").unwrap().unwrap().source == source.as_bytes());
    let plan = Plan::Word { path: "message".into(), word: "needle".into() };
    let mut found = 0;
    let mut count = |docs: &[u32], _: &[f32]| {
        found += docs.len();
        std::ops::ControlFlow::Continue(())
    };
    snapshot.prepare(&plan, false).unwrap().find(0).unwrap().run(&mut count);
    assert_eq!(found, 1);
}

#[test]
fn merges_begin_though_one_seal_follows_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut engine = ColumnEngine::open(dir.path()).unwrap();
    (0..40).for_each(|at| put(&mut engine, at, r#"{"message":"one"}"#));
    if let Some(merging) = engine.merging.take() {
        merging.join().unwrap();
    }
    let segments = engine.shared.state().segments.len();
    assert!(segments < 39, "{segments}");
}

#[test]
fn a_damaged_segment_is_set_aside_and_the_rest_serves() {
    let dir = tempfile::tempdir().unwrap();
    drop(one(dir.path(), &[r#"{"message":"one"}"#, r#"{"message":"two"}"#, r#"{"message":"three"}"#]));
    let mut files: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "seg"))
        .collect();
    files.sort();
    // The end of one is gone, and a byte in the middle of another is wrong.
    let bytes = std::fs::read(&files[0]).unwrap();
    std::fs::write(&files[0], &bytes[..bytes.len() - 3]).unwrap();
    let mut bytes = std::fs::read(&files[1]).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&files[1], bytes).unwrap();
    let engine = ColumnEngine::open(dir.path()).unwrap();
    let snapshot = engine.reader().snapshot();
    assert_eq!((snapshot.count(), engine.shared.state().segments.len()), (1, 1));
    assert_eq!(snapshot.get("2").unwrap().unwrap().source, br#"{"message":"three"}"#);
    // Kept for a look, and not read again.
    drop(engine);
    assert!(files.iter().all(|file| file.exists()));
    assert_eq!(ColumnEngine::open(dir.path()).unwrap().reader().snapshot().count(), 1);
}
