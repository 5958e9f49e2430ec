//! `_bulk` requests and what is answered for each item.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use alces_event::{Event, FieldRef, Key, ValueRef, write_text};
use bytes::Bytes;
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

use super::{
    fields::capped,
    options::{Action, DataStream, OpenSearchPlan},
};
use crate::input::PART;

static DATA_STREAM: LazyLock<Key> = LazyLock::new(|| Key::new("data_stream"));

/// What tells Filebeat's lines apart.
struct Beats {
    agent: FieldRef,
    offset: FieldRef,
    path: FieldRef,
    message: FieldRef,
    original: FieldRef,
}

static BEATS: LazyLock<Beats> = LazyLock::new(|| {
    let below = |outer: &str, inner: &str| FieldRef::field(outer).child(Key::new(inner));
    Beats {
        agent: below("agent", "id"),
        offset: below("log", "offset"),
        path: below("log", "file").child(Key::new("path")),
        message: FieldRef::field("message"),
        original: below("event", "original"),
    }
});

/// A request's body is at most this long, unless a single event is longer or less is taken. OpenSearch refuses more than 100 MB, some
/// hosted ones more than 10, and an nginx before it that nobody has told more than one.
pub(super) const BODY_BYTES: usize = 8 << 20;

/// OpenSearch takes ids of up to so many bytes. It refuses a request as a whole in which one is longer.
const ID_BYTES: usize = 512;

/// Documents on their way into indexes, as the text of `_bulk` requests. The events they were made of are gone by then: an event is
/// encoded while it is still in the processor's cache, and what must be sent again is sent from here.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    body: Vec<u8>,
    /// Each event's `@metadata`, for the dead-letter queue.
    metadata: Vec<u8>,
    items: Vec<Item>,
    /// Those whose ids are too long: they are not to be sent.
    never: Vec<Item>,
    refused: Vec<Refused>,
    capped: u64,
    /// Events so far.
    added: u32,
}

/// An event of which no item can be made.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The event's place among all.
    pub(crate) place: u32,
    /// JSON, like its metadata.
    pub(crate) document: Vec<u8>,
    pub(crate) metadata: Vec<u8>,
    pub(crate) reason: String,
}

/// A document as JSON, in a data stream with that stream's name; and how many objects are below it.
fn write_document(event: &Event, stream: Option<&StreamText>, out: &mut Vec<u8>) -> usize {
    out.push(b'{');
    let objects = event.write_members(out, stream.map(|_| &*DATA_STREAM));
    out.extend_from_slice(stream.map_or(b"}", |stream| &stream.member));
    objects
}

/// Buffers that were used before: memory that is given back to the system and asked for again is cleared each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

/// So many at most; more are under way with more workers, and given back to the system then.
const MOST_SPARE: usize = 4;

impl Spare {
    fn keep(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE && buffer.capacity() <= 2 * BODY_BYTES {
            spare.push(buffer);
        }
    }
}

/// One document in [`Encoded`], as places in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    start: usize,
    document: usize,
    end: usize,
    metadata: (usize, usize),
    /// The event in the text of the metadata, where it is not what is sent.
    own: Option<(usize, usize)>,
    action: Action,
    versioned: bool,
    /// The event's place among all.
    pub(crate) place: u32,
}

/// What an answer says of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// It was done before.
    DoneBefore,
    /// Overloaded, read-only, or a login that a person can mend: later.
    Again,
    /// For good.
    Refused,
}

impl Item {
    /// What a status says of it.
    pub(crate) fn judge(&self, status: u16) -> Verdict {
        judge(self.action, self.versioned, status)
    }

    /// How long it is, with its action.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// What a status says of an action, with a version of its own or without.
pub(crate) fn judge(action: Action, versioned: bool, status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Done,
        // A resend of what is there already, or of what is gone.
        409 if action == Action::Create => Verdict::DoneBefore,
        404 if action == Action::Delete => Verdict::DoneBefore,
        // There is this version already, or a later one.
        409 if versioned => Verdict::DoneBefore,
        // Others changed it at the same time.
        409 if matches!(action, Action::Update | Action::Delete) => Verdict::Again,
        400..=499 if !matches!(status, 401 | 403 | 408 | 429) => Verdict::Refused,
        _ => Verdict::Again,
    }
}

impl Encoded {
    /// Nothing yet, in a buffer that was used before if there is one.
    pub(crate) fn new(spare: &Spare) -> Self {
        let body = spare.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { body: body.unwrap_or_default(), ..Self::default() }
    }

    /// Keeps the buffer for later.
    pub(crate) fn recycle(self, spare: &Spare) {
        spare.keep(self.body);
    }

    /// Appends an event, or says of it why it cannot be sent.
    pub(crate) fn add(&mut self, event: &Event, plan: &OpenSearchPlan) {
        let start = self.body.len();
        if let Err(reason) = self.try_add(event, plan, start) {
            self.body.truncate(start);
            let (mut document, mut metadata) = (Vec::new(), Vec::new());
            event.write_json(&mut document);
            event.metadata().write_json(&mut metadata);
            self.refused.push(Refused { place: self.added, document, metadata, reason });
        }
        self.added += 1;
    }

    fn try_add(&mut self, event: &Event, plan: &OpenSearchPlan, start: usize) -> Result<(), String> {
        let id = match &plan.document_id {
            Some(template) => Some(Cow::Owned(template.render(event))),
            None => event_id(event, plan),
        };
        let stream = plan.data_stream.as_ref().map(|stream| (data_stream(event, stream), stream.sync_fields));
        let action = match plan.items.action(event)? {
            Some(action) => action,
            // With an id from the sender a resend must change nothing.
            None if stream.is_some() || (id.is_some() && plan.document_id.is_none()) => Action::Create,
            None => Action::Index,
        };
        let (event, routing) = plan.items.joined(event);
        let event = event.as_ref();
        let out = &mut self.body;
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(action.name().as_bytes());
        out.extend_from_slice(b"\":{\"_index\":");
        match &stream {
            Some((stream, _)) => out.extend_from_slice(&stream.name),
            None => {
                let index = plan.index.render(event);
                if plan.refuses_unresolved && index.contains("%{") {
                    return Err(format!("the event has not what the index's name is made of: `{index}`"));
                }
                write_text(&index, out);
            }
        }
        let pipeline = plan.items.pipeline.as_ref().map(|pipeline| pipeline.render(event));
        for (name, value) in [
            (&b",\"_id\":"[..], id.as_deref()),
            (b",\"pipeline\":", pipeline.as_deref().filter(|pipeline| !pipeline.is_empty())),
            (b",\"routing\":", routing.as_deref()),
            (b",\"version_type\":", plan.items.version_type),
        ] {
            if let Some(value) = value {
                out.extend_from_slice(name);
                write_text(value, out);
            }
        }
        if let Some(version) = &plan.items.version {
            let text = version.render(event);
            let number: i64 =
                text.parse().map_err(|_| format!("`{text}` is no version: it is a whole number"))?;
            out.extend_from_slice(format!(",\"version\":{number}").as_bytes());
        }
        if action == Action::Update {
            out.extend_from_slice(
                format!(",\"retry_on_conflict\":{}", plan.items.retry_on_conflict).as_bytes(),
            );
        }
        out.extend_from_slice(b"}}\n");
        let document = out.len();
        match action {
            Action::Delete => {}
            Action::Update => {
                plan.items.write_update(event, out)?;
                out.push(b'\n');
            }
            Action::Index | Action::Create => {
                let stream = stream.as_ref().filter(|(_, sync)| *sync).map(|(stream, _)| &**stream);
                let objects = write_document(event, stream, out);
                if let Some(capped) = capped(event, out.len() - document, objects) {
                    out.truncate(document);
                    write_document(&capped, stream, out);
                    self.capped += 1;
                }
                out.push(b'\n');
            }
        }
        let end = out.len();
        let from = self.metadata.len();
        if !event.metadata().is_empty() {
            event.metadata().write_json(&mut self.metadata);
        }
        let metadata = (from, self.metadata.len());
        // What is sent is not the event itself then.
        let own = matches!(action, Action::Update | Action::Delete).then(|| {
            event.write_json(&mut self.metadata);
            (metadata.1, self.metadata.len())
        });
        let versioned = plan.items.version.is_some();
        let takes = id.is_none_or(|id| id.len() <= ID_BYTES);
        let items = if takes { &mut self.items } else { &mut self.never };
        items.push(Item { start, document, end, metadata, own, action, versioned, place: self.added });
        Ok(())
    }

    /// What cannot be sent.
    pub(crate) fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// How many documents had too many fields.
    pub(crate) fn capped(&self) -> u64 {
        self.capped
    }

    /// The text, the items that are to be sent, and those that no engine takes.
    pub(crate) fn split(self) -> (Sent, Vec<Item>, Vec<Item>) {
        (Sent { body: Bytes::from(self.body), metadata: self.metadata }, self.items, self.never)
    }
}

/// The text of items that are being sent.
#[derive(Debug)]
pub(crate) struct Sent {
    body: Bytes,
    metadata: Vec<u8>,
}

impl Sent {
    /// The body of a request of the first items, at most so many bytes unless the first item is longer, and how many they are.
    pub(crate) fn request(&self, items: &[Item], most: usize) -> (Bytes, usize) {
        let mut bytes = 0;
        let fit = items.iter().take_while(|item| {
            bytes += item.len();
            bytes <= most
        });
        let taken = fit.count().max(1).min(items.len());
        let items = items.get(..taken).unwrap_or_default();
        let in_a_row = items.windows(2).all(|pair| matches!(pair, [one, next] if one.end == next.start));
        let body = match (items.first(), items.last()) {
            (Some(first), Some(last)) if in_a_row => self.body.slice(first.start..last.end),
            _ => items.iter().flat_map(|item| self.text(item.start, item.end)).copied().collect(),
        };
        (body, taken)
    }

    /// The document of an item, as JSON.
    pub(crate) fn document(&self, item: &Item) -> &[u8] {
        match item.own {
            Some((from, to)) => self.metadata.get(from..to).unwrap_or(b"{}"),
            None => self.text(item.document, item.end).trim_ascii_end(),
        }
    }

    /// The `@metadata` of an item, as JSON.
    pub(crate) fn metadata(&self, item: &Item) -> &[u8] {
        let (from, to) = item.metadata;
        self.metadata.get(from..to).filter(|json| !json.is_empty()).unwrap_or(b"{}")
    }

    /// The action of an item, as JSON.
    pub(crate) fn action(&self, item: &Item) -> &[u8] {
        self.text(item.start, item.document).trim_ascii_end()
    }

    /// The index that an item was meant for.
    pub(crate) fn index(&self, item: &Item) -> String {
        let action: Option<serde_json::Value> = serde_json::from_slice(self.action(item)).ok();
        let target = action.as_ref().and_then(|action| action.as_object()?.values().next());
        target.and_then(|target| target.get("_index")?.as_str()).unwrap_or_default().to_owned()
    }

    /// Keeps the buffer for later.
    pub(crate) fn recycle(self, spare: &Spare) {
        // Else a request that was given up still holds it.
        if self.body.is_unique() {
            spare.keep(self.body.into());
        }
    }

    fn text(&self, from: usize, to: usize) -> &[u8] {
        self.body.get(from..to).unwrap_or_default()
    }
}

/// A data stream as it is written into requests.
#[derive(Clone, Debug)]
pub(crate) struct StreamText {
    /// Its name as JSON.
    name: Vec<u8>,
    /// The last member of a document (Logstash's `data_stream_sync_fields`), and the document's end.
    member: Vec<u8>,
}

impl StreamText {
    pub(crate) fn new(kind: &str, dataset: &str, namespace: &str) -> Self {
        let (mut name, mut member) = (Vec::new(), b",\"data_stream\":".to_vec());
        write_text(&format!("{kind}-{dataset}-{namespace}"), &mut name);
        for (key, value) in [("{\"type\":", kind), (",\"dataset\":", dataset), (",\"namespace\":", namespace)]
        {
            member.extend_from_slice(key.as_bytes());
            write_text(value, &mut member);
        }
        member.extend_from_slice(b"}}");
        Self { name, member }
    }
}

/// The id that the sender gave, or for Filebeat one made of what tells its lines apart, so that a batch that is sent again
/// changes nothing. The time is Filebeat's reading time: without it, two files that begin with the same line, one rotated
/// into the other's place, would be taken for one.
fn event_id<'e>(event: &'e Event, plan: &OpenSearchPlan) -> Option<Cow<'e, str>> {
    if let Some(id) = event.text(&plan.id_field) {
        return (!id.is_empty() && id.len() <= ID_BYTES).then_some(Cow::Borrowed(id));
    }
    let agent = event.text(&BEATS.agent)?;
    let offset = event.get(&BEATS.offset)?.as_int()?;
    let path = event.text(&BEATS.path)?;
    // A codec may have made fields of the line and left no message.
    let message = event.text(&BEATS.message).or_else(|| event.text(&BEATS.original))?;
    let mut hash = Xxh3::new();
    for part in [agent, path, message] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(&offset.to_le_bytes());
    // Of a line that a codec made several events of.
    if let Some(part) = event.metadata().get(PART).and_then(ValueRef::as_int) {
        hash.update(&part.to_le_bytes());
    }
    hash.update(&event.timestamp().as_nanosecond().to_le_bytes());
    Some(Cow::Owned(format!("{:032x}", hash.digest128())))
}

/// The stream that the event names itself (`[data_stream][…]`), or the output's.
fn data_stream<'e>(event: &'e Event, stream: &'e DataStream) -> Cow<'e, StreamText> {
    let own = event.fields().at(&DATA_STREAM).and_then(ValueRef::as_object).filter(|_| stream.auto_routing);
    let Some(own) = own else { return Cow::Borrowed(&stream.written) };
    let part = |name, default| own.get(name).and_then(ValueRef::as_str).unwrap_or(default);
    let (kind, dataset) = (part("type", &stream.kind), part("dataset", &stream.dataset));
    Cow::Owned(StreamText::new(kind, dataset, part("namespace", &stream.namespace)))
}

/// What was answered for one item.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemAnswer {
    pub(crate) status: u16,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

impl ItemAnswer {
    /// The engine's words.
    pub(crate) fn reason(&self) -> String {
        let Some(error) = &self.error else { return format!("status {}", self.status) };
        let text = |name: &str| error.get(name).and_then(serde_json::Value::as_str);
        let cause = error.get("caused_by").and_then(|c| c.get("reason")).and_then(serde_json::Value::as_str);
        match (text("type"), text("reason"), cause) {
            (Some(kind), Some(reason), Some(cause)) => format!("{kind}: {reason}: {cause}"),
            (Some(kind), Some(reason), None) => format!("{kind}: {reason}"),
            _ => error.to_string(),
        }
    }
}

/// The answer to a whole request.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    items: Vec<std::collections::HashMap<String, ItemAnswer>>,
}

impl Answer {
    /// One answer an item, whatever its action was called.
    pub(crate) fn items(self) -> Vec<ItemAnswer> {
        self.items.into_iter().filter_map(|item| item.into_values().next()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::test_support::open_search;

    /// What is sent of an event, or why it is not.
    fn check(options: &str, event: &str) -> String {
        let plan = open_search(&format!("opensearch {{ index => 'x' {options} }}")).unwrap();
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let (event, _) = Event::from_json(event.as_bytes(), now).unwrap();
        let mut encoded = Encoded::default();
        encoded.add(&event, &plan);
        match encoded.refused().first() {
            Some(refused) => format!("refused: {} ({} left)", refused.reason, encoded.body.len()),
            None => String::from_utf8(encoded.body)
                .unwrap()
                .replace("\"@timestamp\":\"2026-01-02T00:00:00.000Z\",", ""),
        }
    }

    #[test]
    fn actions() {
        let event =
            r#"{"id":"7","kind":"question","do":"delete","v":3,"up":"{\"a\": 1}","@metadata":{"_id":"s"}}"#;
        let own = r#"document_id => "%{id}""#;
        insta::assert_snapshot!(check("", event), @r#"
        {"create":{"_index":"x","_id":"s"}}
        {"id":"7","kind":"question","do":"delete","v":3,"up":"{\"a\": 1}","@version":"1"}
        "#);
        insta::assert_snapshot!(check(&format!(r#"{own} action => "%{{do}}" version => "%{{v}}" version_type => external"#), event), @r#"{"delete":{"_index":"x","_id":"7","version_type":"external","version":3}}"#);
        insta::assert_snapshot!(check(&format!(r#"{own} action => update doc_as_upsert => true routing => "%{{kind}}""#), r#"{"id":"7","kind":"q"}"#), @r#"
        {"update":{"_index":"x","_id":"7","routing":"q","retry_on_conflict":1}}
        {"doc":{"id":"7","kind":"q","@version":"1"},"doc_as_upsert":true}
        "#);
        insta::assert_snapshot!(check(&format!(r#"{own} action => update upsert => "%{{up}}""#), r#"{"id":"7","up":"{\"a\": 1}"}"#), @r#"
        {"update":{"_index":"x","_id":"7","retry_on_conflict":1}}
        {"doc":{"id":"7","up":"{\"a\": 1}","@version":"1"},"upsert":{"a":1}}
        "#);
        insta::assert_snapshot!(check(&format!(r#"{own} action => update script => "ctx._source.n += params.event.n" scripted_upsert => true retry_on_conflict => 3"#), r#"{"id":"7","n":1}"#), @r#"
        {"update":{"_index":"x","_id":"7","retry_on_conflict":3}}
        {"script":{"source":"ctx._source.n += params.event.n","lang":"painless","params":{"event":{"id":"7","n":1,"@version":"1"}}},"scripted_upsert":true,"upsert":{}}
        "#);
        insta::assert_snapshot!(check(r#"join_field => "kind" parent => "%{id}" pipeline => "%{missing_}""#, r#"{"id":"7","kind":"answer"}"#), @r#"
        {"index":{"_index":"x","pipeline":"%{missing_}","routing":"7"}}
        {"id":"7","@version":"1","kind":{"name":"answer","parent":"7"}}
        "#);
    }

    #[test]
    fn what_cannot_be_sent_is_kept_with_its_reason() {
        let own = r#"document_id => "%{id}""#;
        insta::assert_snapshot!(check(&format!(r#"{own} action => "%{{do}}""#), r#"{"do":"eat"}"#), @"refused: `eat` is no action (0 left)");
        insta::assert_snapshot!(check(&format!(r#"{own} version => "%{{v}}""#), r#"{"v":"x"}"#), @"refused: `x` is no version: it is a whole number (0 left)");
        insta::assert_snapshot!(check(&format!(r#"{own} action => update upsert => "%{{up}}""#), r#"{"up":"{"}"#), @"refused: `upsert` is no JSON: EOF while parsing an object at line 1 column 1 (0 left)");
    }

    #[test]
    fn an_index_whose_name_cannot_be_made_is_refused_unless_it_is_wanted() {
        let plan =
            |more: &str| open_search(&format!("opensearch {{ index => \"x-%{{[a]}}\" {more} }}")).unwrap();
        let (event, _) = Event::from_json(b"{}", "2026-01-02T00:00:00Z".parse().unwrap()).unwrap();
        let count = |plan: &OpenSearchPlan| {
            let mut encoded = Encoded::default();
            encoded.add(&event, plan);
            encoded.refused().len()
        };
        assert_eq!(count(&plan("")), 1);
        assert_eq!(count(&plan("dlq_on_failed_indexname_interpolation => false")), 0);
    }

    #[test]
    fn an_answer_is_judged_by_its_action() {
        use Verdict::*;
        for (action, versioned, status, verdict) in [
            (Action::Index, false, 201, Done),
            (Action::Create, false, 409, DoneBefore),
            (Action::Index, true, 409, DoneBefore),
            (Action::Index, false, 409, Refused),
            (Action::Update, false, 409, Again),
            (Action::Update, false, 404, Refused),
            (Action::Delete, false, 404, DoneBefore),
            (Action::Index, false, 400, Refused),
            (Action::Index, false, 429, Again),
            (Action::Index, false, 403, Again),
            (Action::Index, false, 503, Again),
        ] {
            assert_eq!(judge(action, versioned, status), verdict, "{action:?} {status}");
        }
    }
}
