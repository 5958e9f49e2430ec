//! `_bulk` requests and what is answered for each item.

use std::borrow::Cow;

use alces_event::{Event, FieldRef, ValueRef};
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

use super::options::{Action, DataStream, OpenSearchPlan};

/// A request's body is at most this long, unless a single event is longer. OpenSearch refuses more than 100 MB, some hosted
/// ones more than 10.
const BODY_BYTES: usize = 8 << 20;

/// An event on its way into an index.
#[derive(Clone)]
pub(crate) struct Item<'e> {
    event: &'e Event,
    index: Cow<'e, str>,
    id: Option<String>,
    create: bool,
    stream: Option<DataStreamFields<'e>>,
    pipeline: Option<&'e str>,
}

/// What is written into a document about its data stream (Logstash's `data_stream_sync_fields`).
#[derive(Clone, Copy)]
struct DataStreamFields<'e> {
    kind: &'e str,
    dataset: &'e str,
    namespace: &'e str,
}

impl<'e> Item<'e> {
    pub(crate) fn new(event: &'e Event, plan: &'e OpenSearchPlan) -> Self {
        let id = match &plan.document_id {
            Some(template) => Some(template.render(event)),
            None => event_id(event, plan),
        };
        let (index, stream) = match &plan.data_stream {
            Some(stream) => data_stream(event, stream),
            None => (Cow::Owned(plan.index.render(event)), None),
        };
        let create = match plan.action {
            Some(action) => action == Action::Create,
            // With an id from the sender a resend must change nothing.
            None => plan.data_stream.is_some() || (id.is_some() && plan.document_id.is_none()),
        };
        Self { event, index, id, create, stream, pipeline: plan.pipeline.as_deref() }
    }

    pub(crate) fn event(&self) -> &'e Event {
        self.event
    }

    pub(crate) fn index(&self) -> &str {
        &self.index
    }

    pub(crate) fn is_create(&self) -> bool {
        self.create
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.create {
            b"{\"create\":{\"_index\":"
        } else {
            b"{\"index\":{\"_index\":"
        });
        ValueRef::Str(&self.index).write_json(out);
        for (name, value) in [(&b",\"_id\":"[..], self.id.as_deref()), (b",\"pipeline\":", self.pipeline)] {
            if let Some(value) = value {
                out.extend_from_slice(name);
                ValueRef::Str(value).write_json(out);
            }
        }
        out.extend_from_slice(b"}}\n");
        match self.stream {
            Some(stream) => self.write_with_stream(stream, out),
            None => self.event.write_json(out),
        }
        out.push(b'\n');
    }

    fn write_with_stream(&self, stream: DataStreamFields<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"@timestamp\":");
        ValueRef::Time(self.event.timestamp()).write_json(out);
        for (key, value) in self.event.fields().iter().filter(|(key, _)| key.as_str() != "data_stream") {
            out.push(b',');
            key.write_json(out);
            out.push(b':');
            value.write_json(out);
        }
        let DataStreamFields { kind, dataset, namespace } = stream;
        let parts = [("{\"type\":", kind), (",\"dataset\":", dataset), (",\"namespace\":", namespace)];
        out.extend_from_slice(b",\"data_stream\":");
        for (name, value) in parts {
            out.extend_from_slice(name.as_bytes());
            ValueRef::Str(value).write_json(out);
        }
        out.extend_from_slice(b"}}");
    }
}

/// The id that the sender gave, or for Filebeat one made of what tells its lines apart, so that a batch that is sent again
/// changes nothing. The time is Filebeat's reading time: without it, two files that begin with the same line, one rotated
/// into the other's place, would be taken for one.
fn event_id(event: &Event, plan: &OpenSearchPlan) -> Option<String> {
    if let Some(ValueRef::Str(id)) = event.get(&plan.id_field) {
        // OpenSearch takes ids of up to 512 bytes.
        return (!id.is_empty() && id.len() <= 512).then(|| id.to_owned());
    }
    let text = |outer: &'static str, inner: &str| -> Option<ValueRef<'_>> {
        event.get(&FieldRef::field(outer))?.as_object()?.get(inner)
    };
    let agent = text("agent", "id")?.as_str()?;
    let offset = text("log", "offset")?.as_int()?;
    let path = text("log", "file")?.as_object()?.get("path")?.as_str()?;
    let message = event.fields().get("message")?.as_str()?;
    let mut hash = Xxh3::new();
    for part in [agent, path, message] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(&offset.to_le_bytes());
    hash.update(&event.timestamp().as_nanosecond().to_le_bytes());
    Some(format!("{:032x}", hash.digest128()))
}

/// The stream that the event names itself (`[data_stream][…]`), or the output's.
fn data_stream<'e>(event: &'e Event, stream: &'e DataStream) -> (Cow<'e, str>, Option<DataStreamFields<'e>>) {
    let DataStream { kind, dataset, namespace, .. } = stream;
    let own = event.fields().get("data_stream").and_then(ValueRef::as_object).filter(|_| stream.auto_routing);
    let (name, fields) = match own {
        None => (Cow::Borrowed(stream.name.as_str()), DataStreamFields { kind, dataset, namespace }),
        Some(own) => {
            let part = |name, default| own.get(name).and_then(ValueRef::as_str).unwrap_or(default);
            let fields = DataStreamFields {
                kind: part("type", kind),
                dataset: part("dataset", dataset),
                namespace: part("namespace", namespace),
            };
            (Cow::Owned(format!("{}-{}-{}", fields.kind, fields.dataset, fields.namespace)), fields)
        }
    };
    (name, stream.sync_fields.then_some(fields))
}

/// The body of one request.
pub(crate) struct Request(pub(crate) Vec<u8>);

impl Request {
    /// A body of the first items, at most `most` of them, and how many they are.
    pub(crate) fn build(items: &[Item<'_>], most: usize) -> (Self, usize) {
        let mut body = Vec::with_capacity(items.len().min(most).saturating_mul(1024).min(BODY_BYTES));
        let mut taken = 0;
        for item in items.iter().take(most.max(1)) {
            let before = body.len();
            item.write(&mut body);
            if body.len() > BODY_BYTES && taken > 0 {
                body.truncate(before);
                break;
            }
            taken += 1;
        }
        (Self(body), taken)
    }
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
