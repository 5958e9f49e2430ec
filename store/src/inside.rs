//! For fuzz targets: what reads bytes from outside. No part of the interface.

use crate::engine::fuzz as engine;
use crate::json::{Next, Scanner};
use crate::mapping::{Batch, Mapping, prepare};
use crate::query::plan::Context;
use crate::search::request::Request;
use serde_json::{Value, json};

/// A mapping with a field of each kind.
fn mapping() -> Mapping {
    Mapping::parse(&json!({"properties": {
        "@timestamp": {"type": "date"}, "message": {"type": "text"}, "n": {"type": "long"}, "f": {"type": "double"}, "k": {"type": "keyword"},
        "b": {"type": "boolean"}, "ip": {"type": "ip"}, "o": {"type": "flat_object"}
    }}))
    .unwrap_or_default()
}

/// A document, mapped. Answers whether it was taken; what was taken comes back from a segment byte for byte.
pub fn document(source: &[u8]) -> bool {
    let mut batch = Batch::default();
    let Ok(prepared) = prepare(&mapping(), source, false, &mut batch) else { return false };
    let mut copy = Vec::new();
    engine::through_a_segment(source, batch.get(prepared.span), &mut copy);
    assert_eq!(copy, source, "the source came back otherwise");
    true
}

/// Whether the scanner takes a text. It must take what `serde_json` takes.
pub fn json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    let mut whole = || {
        let next: Next = scanner.next()?;
        scanner.skip(next)?;
        scanner.end()
    };
    whole().is_ok()
}

/// The body of a search: read, and planned for a mapping.
pub fn search(body: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
    let Ok(request) = Request::parse(&body) else { return };
    let mapping = mapping();
    let context = Context { mapping: &mapping, now: 1_795_564_800_000 };
    let _ = context.plan(&request.query);
}

/// A query string on its own.
pub fn query_string(text: &str) {
    search(
        json!({"query": {"query_string": {"query": text, "default_field": "message"}}})
            .to_string()
            .as_bytes(),
    );
    search(
        json!({"query": {"simple_query_string": {"query": text, "fields": ["message", "k"]}}})
            .to_string()
            .as_bytes(),
    );
    search(json!({"query": {"regexp": {"k": text}}}).to_string().as_bytes());
}

/// A record of the log. Answers how many changes are in it.
pub fn record(payload: &[u8]) -> usize {
    let mut room = Vec::new();
    match crate::record::read(payload, &mut room) {
        Some((_, crate::record::Record::Changes(changes))) => changes.len(),
        Some((_, crate::record::Record::Mapping { json, .. })) => json.len(),
        None => 0,
    }
}

/// A segment's file: refused, or whole by its checksums.
pub fn segment(bytes: &[u8]) -> bool {
    engine::segment(bytes)
}
