//! The bulk format: lines of actions and documents in, one judgement per item out.

use crate::error::ApiError;
use crate::index::Index;
use crate::json::{Kind as Json, Next, Place, Scanner, unescape};
use crate::mapping::{Batch, Span};
use crate::quick::id_key;
use crate::store::Store;
use crate::update::Update;
use crate::writer::{Job, Kind, Op, Outcomes};
use bytes::Bytes;
use serde_json::json;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;

/// A line pair whose judgement is known, or which waits for the writer's.
struct Item {
    action: &'static str,
    index: Arc<str>,
    id: Option<Arc<str>>,
    error: Option<Box<ApiError>>,
}

/// A parsed bulk request.
pub(crate) struct Bulk {
    items: Vec<Item>,
    ops: Vec<Op>,
    batch: Batch,
}

/// The index of the action before: mostly that of the next one as well.
struct Last {
    asked: String,
    index: Arc<Index>,
    /// The name that the answer shows.
    name: Arc<str>,
}

/// Reads the body and maps every document. Runs on a blocking thread: it is most of ingest's work.
pub(crate) fn parse(store: &Store, body: &Bytes, default_index: Option<&str>) -> Result<Bulk, ApiError> {
    let mut lines = Lines { body, at: 0 };
    // An action and a document each, mostly. At once: to grow copies, and takes fresh pages.
    let items = (memchr::memchr_iter(b'\n', body).count() / 2 + 1).min(1 << 16);
    let mut bulk = Bulk {
        items: Vec::with_capacity(items),
        ops: Vec::with_capacity(items),
        batch: store.spare().take(),
    };
    let mut last = None;
    let mut number = 0;
    if !body.is_empty() && body.last() != Some(&b'\n') {
        return Err(ApiError::illegal("The bulk request must be terminated by a newline [\\n]"));
    }
    while let Some(line) = lines.next() {
        number += 1;
        if line.is_empty() {
            continue;
        }
        let Action { action, index, id } = action(&body[line], number)?;
        let source = if action == "delete" {
            None
        } else {
            number += 1;
            Some(lines.next().ok_or_else(|| {
                ApiError::illegal("The bulk request must hold a document after each action")
            })?)
        };
        let Some(asked) = index.as_deref().or(default_index) else {
            return Err(invalid("index is missing"));
        };
        let name =
            last.as_ref().filter(|last: &&Last| last.asked == asked).map(|last| Arc::clone(&last.name));
        let index = name.unwrap_or_else(|| Arc::from(asked));
        let mut item = Item { action, index, id: id.as_deref().map(Arc::from), error: None };
        let source = source.map(|range| body.slice(range));
        match op(store, &mut item, asked, source, &mut last, &mut bulk.batch) {
            Ok(op) => bulk.ops.push(op),
            Err(error) => item.error = Some(Box::new(error)),
        }
        bulk.items.push(item);
    }
    store.counters().beyond.fetch_add(bulk.batch.beyond, Ordering::Relaxed);
    if bulk.items.is_empty() {
        return Err(if body.is_empty() {
            ApiError::new(400, "parse_exception", "request body is required")
        } else {
            invalid("no requests added")
        });
    }
    Ok(bulk)
}

fn invalid(what: &str) -> ApiError {
    ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {what};"))
}

/// What an action's line says.
struct Action<'a> {
    action: &'static str,
    index: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
}

/// `{"create":{"_index":"logs","_id":"7"}}`
fn action(line: &[u8], number: usize) -> Result<Action<'_>, ApiError> {
    let malformed =
        |what: &str| ApiError::illegal(format!("Malformed action/metadata line [{number}], {what}"));
    let object = || malformed("expected a JSON object");
    let single = || malformed("expected one action that holds an object");
    let text = std::str::from_utf8(line).map_err(|_| object())?;
    let mut scanner = Scanner::new(text);
    let Ok(Next::Object) = scanner.next() else { return Err(object()) };
    let name = scanner.key(true).map_err(|_| object())?.ok_or_else(single)?;
    let Next::Object = scanner.next().map_err(|_| object())? else { return Err(single()) };
    let action = match &text[name.range()] {
        "index" => "index",
        "create" => "create",
        "delete" => "delete",
        "update" => "update",
        other => {
            return Err(malformed(&format!(
                "expected field [create], [delete], [index] or [update] but found [{other}]"
            )));
        }
    };
    let mut out = Action { action, index: None, id: None };
    let mut first = true;
    while let Some(key) = scanner.key(std::mem::take(&mut first)).map_err(|_| object())? {
        let value = scanner.next().map_err(|_| object())?;
        let plain = |place: Place| match place.kind {
            Json::Escaped => Cow::Owned(unescape(&text[place.range()])),
            _ => Cow::Borrowed(&text[place.range()]),
        };
        match (&text[key.range()], value) {
            ("_index", Next::Plain(place @ Place { kind: Json::Text | Json::Escaped, .. })) => {
                out.index = Some(plain(place));
            }
            ("_id", Next::Plain(Place { kind: Json::Null, .. })) => {}
            ("_id", Next::Plain(place)) => out.id = Some(plain(place)),
            // Clients of older versions send a type; OpenSearch ignores it as well.
            ("_type" | "require_alias" | "retry_on_conflict", value) => {
                scanner.skip(value).map_err(|_| object())?;
            }
            (other, _) => {
                return Err(ApiError::illegal(format!(
                    "Action/metadata line [{number}] contains an unknown parameter [{other}]"
                )));
            }
        }
    }
    if scanner.key(false).map_err(|_| object())?.is_some() {
        return Err(single());
    }
    scanner.end().map_err(|_| object())?;
    Ok(out)
}

fn op(
    store: &Store,
    item: &mut Item,
    asked: &str,
    source: Option<Bytes>,
    last: &mut Option<Last>,
    batch: &mut Batch,
) -> Result<Op, ApiError> {
    let kind = match item.action {
        "create" => Kind::Create,
        "index" => Kind::Index,
        "delete" => Kind::Delete,
        _ => Kind::Update,
    };
    let index = match last {
        Some(last) if last.asked == asked => Arc::clone(&last.index),
        _ => {
            let index = store.writable(asked)?;
            let name = Arc::from(index.name.as_str());
            Arc::clone(&last.insert(Last { asked: asked.to_owned(), index, name }).index)
        }
    };
    if let Some(last) = last {
        // The answer names the index behind an alias, or behind a name with date math.
        item.index = Arc::clone(&last.name);
    }
    if index.data_stream && kind != Kind::Create {
        return Err(ApiError::illegal(
            "only write ops with an op_type of create are allowed in data streams",
        ));
    }
    if let Some(id) = &item.id {
        if id.is_empty() {
            return Err(ApiError::illegal("if _id is specified it must not be empty"));
        }
        if id.len() > 512 {
            return Err(ApiError::illegal(format!(
                "id is too long, must be no longer than 512 bytes but was: {}",
                id.len()
            )));
        }
    }
    let Some(source) = source else {
        let id = item.id.clone().ok_or_else(|| ApiError::illegal("a delete needs an _id"))?;
        return Ok(bare(index, kind, id, None));
    };
    if kind == Kind::Update {
        let id = item.id.clone().ok_or_else(|| ApiError::illegal("an update needs an _id"))?;
        return Ok(bare(index, kind, id, Some(Update::parse(&source)?)));
    }
    let mapped =
        index.map(&source, batch, &|added| store.send(Job::Grown { index: Arc::clone(&index), added }))?;
    let fresh = item.id.is_none();
    let id = Arc::clone(item.id.get_or_insert_with(|| store.new_id().into()));
    Ok(Op { index, kind, key: id_key(&id), id, fresh, source, mapped, update: None })
}

/// A change whose document the writer finds, or needs not.
fn bare(index: Arc<Index>, kind: Kind, id: Arc<str>, update: Option<Update>) -> Op {
    let key = id_key(&id);
    Op { index, kind, id, key, fresh: false, source: Bytes::new(), mapped: Span::default(), update }
}

impl Bulk {
    /// Hands the good items to the writer, waits until they are durable, and writes the answer.
    pub(crate) async fn run(
        self,
        store: &Store,
        refresh: bool,
        took: impl FnOnce() -> u128,
    ) -> Result<String, ApiError> {
        let Self { items, ops, batch } = self;
        let bytes: usize = ops.iter().map(|op| op.source.len()).sum();
        let counters = store.counters();
        let flight = Flight::board(&counters.in_flight, bytes);
        if flight.total > store.config().max_in_flight {
            return Err(ApiError::new(
                429,
                "rejected_execution_exception",
                "rejected execution of bulk: too many bytes of bulk requests wait to be written; send again later",
            ));
        }
        let (done, answer) = oneshot::channel();
        store.send(Job::Bulk { ops, batch, refresh, done });
        let outcomes = answer.await;
        drop(flight);
        let outcomes = outcomes
            .map_err(|_| ApiError::new(503, "node_closed_exception", "the store is shutting down"))?;
        let good = outcomes.iter().filter(|o| o.is_ok()).count();
        counters.indexed.fetch_add(good as u64, Ordering::Relaxed);
        counters.rejected.fetch_add((items.len() - good) as u64, Ordering::Relaxed);
        Ok(answer_text(&items, outcomes, refresh, took()))
    }
}

/// Bytes that wait for the writer. A guard, because a client that goes away drops the request at any await.
struct Flight<'a> {
    gauge: &'a AtomicUsize,
    bytes: usize,
    total: usize,
}

impl<'a> Flight<'a> {
    fn board(gauge: &'a AtomicUsize, bytes: usize) -> Self {
        // Counted without itself, so that one large request alone is never refused.
        let total = gauge.fetch_add(bytes, Ordering::Relaxed);
        Self { gauge, bytes, total }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.gauge.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Key order and compactness matter: clients look for the literal `"errors":false`.
fn answer_text(items: &[Item], outcomes: Outcomes, refresh: bool, took: u128) -> String {
    let mut out = String::with_capacity(items.len() * 180);
    let mut outcomes = outcomes.into_iter();
    let mut errors = false;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let judgement = match &item.error {
            Some(error) => Err(ApiError::clone(error)),
            None => outcomes
                .next()
                .unwrap_or_else(|| Err(ApiError::new(500, "exception", "no answer from the writer"))),
        };
        let (index, id) = (Quoted(Some(&item.index)), Quoted(item.id.as_deref()));
        let _ = match judgement {
            Ok(done) => {
                let status = match done.result {
                    "created" => 201,
                    "not_found" => 404,
                    _ => 200,
                };
                let forced = if refresh && done.result != "noop" { "\"forced_refresh\":true," } else { "" };
                write!(
                    out,
                    "{{\"{}\":{{\"_index\":{index},\"_id\":{id},\"_version\":{},\"result\":\"{}\",{forced}\"_shards\":{{\"total\":1,\
                     \"successful\":1,\"failed\":0}},\"_seq_no\":{},\"_primary_term\":1,\"status\":{status}}}}}",
                    item.action, done.version, done.result, done.sequence
                )
            }
            Err(error) => {
                errors = true;
                write!(
                    out,
                    "{{\"{}\":{{\"_index\":{index},\"_id\":{id},\"status\":{},\"error\":{}}}}}",
                    item.action,
                    error.status,
                    error.cause()
                )
            }
        };
    }
    format!("{{\"took\":{took},\"errors\":{errors},\"items\":[{out}]}}")
}

/// A string as JSON; `null` for none.
struct Quoted<'a>(Option<&'a str>);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("null"),
            Some(text) if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') => {
                f.write_char('"')?;
                f.write_str(text)?;
                f.write_char('"')
            }
            Some(text) => write!(f, "{}", json!(text)),
        }
    }
}

struct Lines<'a> {
    body: &'a Bytes,
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if self.at >= self.body.len() {
            return None;
        }
        let rest = &self.body[self.at..];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let end = if length > 0 && rest[length - 1] == b'\r' { length - 1 } else { length };
        let line = self.at..self.at + end;
        self.at += length + 1;
        Some(line)
    }
}
