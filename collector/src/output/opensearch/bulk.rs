//! `_bulk` requests and what is answered for each item.

use alces_event::{Event, FieldRef, ValueRef};
use serde::{Deserialize, Serialize, ser::SerializeMap as _};
use xxhash_rust::xxh3::Xxh3;

use super::options::{Action, DataStream, OpenSearchPlan};

/// A request's body is at most this long, unless a single event is longer. OpenSearch refuses more than 100 MB, some hosted
/// ones more than 10.
const BODY_BYTES: usize = 8 << 20;

/// An event on its way into an index.
#[derive(Clone)]
pub(crate) struct Item<'e> {
    event: &'e Event,
    index: String,
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
            None => (plan.index.render(event), None),
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
        let target = Target { _index: &self.index, _id: self.id.as_deref(), pipeline: self.pipeline };
        // Strings always serialise.
        let _ = if self.create {
            serde_json::to_writer(&mut *out, &Create { create: target })
        } else {
            serde_json::to_writer(&mut *out, &Index { index: target })
        };
        out.push(b'\n');
        let _ = match self.stream {
            Some(stream) => serde_json::to_writer(&mut *out, &WithStream { event: self.event, stream }),
            None => serde_json::to_writer(&mut *out, self.event),
        };
        out.push(b'\n');
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
fn data_stream<'e>(event: &'e Event, stream: &'e DataStream) -> (String, Option<DataStreamFields<'e>>) {
    let own = event.fields().get("data_stream").and_then(ValueRef::as_object).filter(|_| stream.auto_routing);
    let part = |name: &str, default: &'e str| {
        own.and_then(|own| own.get(name)).and_then(ValueRef::as_str).unwrap_or(default)
    };
    let fields = DataStreamFields {
        kind: part("type", &stream.kind),
        dataset: part("dataset", &stream.dataset),
        namespace: part("namespace", &stream.namespace),
    };
    let name = format!("{}-{}-{}", fields.kind, fields.dataset, fields.namespace);
    (name, stream.sync_fields.then_some(fields))
}

#[derive(Serialize)]
struct Create<'t> {
    create: Target<'t>,
}

#[derive(Serialize)]
struct Index<'t> {
    index: Target<'t>,
}

#[derive(Serialize)]
struct Target<'t> {
    _index: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    _id: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'t str>,
}

struct WithStream<'e> {
    event: &'e Event,
    stream: DataStreamFields<'e>,
}

impl Serialize for WithStream<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("@timestamp", &ValueRef::Time(self.event.timestamp()))?;
        for (key, value) in self.event.fields().iter().filter(|(key, _)| key.as_str() != "data_stream") {
            map.serialize_entry(key.as_str(), &value)?;
        }
        let DataStreamFields { kind, dataset, namespace } = self.stream;
        map.serialize_entry("data_stream", &StreamDocument { r#type: kind, dataset, namespace })?;
        map.end()
    }
}

#[derive(Serialize)]
struct StreamDocument<'s> {
    r#type: &'s str,
    dataset: &'s str,
    namespace: &'s str,
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
