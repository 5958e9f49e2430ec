//! A stand-in for OpenSearch: `_field_caps`, `_msearch` and `_doc` over a made-up hour of traffic, with a small engine that reads of a
//! question only what it needs. Real OpenSearch and the store are asked in the workspace's own tests.

mod documents;
mod engine;

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

/// How the stand-in behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Traffic with request times and three hosts.
    Full = 0,
    /// What the seed's pipeline makes: no request time, no host metrics.
    Seed = 1,
    /// No index at all.
    Empty = 2,
    /// Answers 503.
    Broken = 3,
    /// Never answers.
    Silent = 4,
    /// Answers, but not as OpenSearch does.
    Odd = 5,
    /// The search for URLs fails, the others do not.
    Partly = 6,
}

/// The stand-in's memory: its mood, its documents, and what it was asked.
pub(crate) struct Fake {
    mood: AtomicU8,
    logs: Vec<Value>,
    metrics: Vec<Value>,
    events: Mutex<Vec<Value>>,
    nothing: Vec<Value>,
    pub(crate) field_caps: AtomicU64,
    pub(crate) msearch: AtomicU64,
    /// The bodies of the last round trip.
    pub(crate) asked: Mutex<Vec<Value>>,
    /// Points in time that are open.
    pub(crate) open: AtomicI64,
    /// Pages that were asked of them.
    pub(crate) pages: AtomicU64,
    /// Questions that were dropped before they were answered.
    pub(crate) dropped: Arc<AtomicU64>,
}

impl Fake {
    /// A stand-in in a mood, with the hour before `noon` (epoch milliseconds).
    pub(crate) fn new(mood: Mood, noon: i64) -> Arc<Self> {
        let seed = mood == Mood::Seed;
        let fake = Self {
            mood: AtomicU8::default(),
            logs: if mood == Mood::Empty { Vec::new() } else { documents::logs(noon, seed) },
            metrics: if seed || mood == Mood::Empty { Vec::new() } else { documents::metrics(noon) },
            events: Mutex::default(),
            nothing: Vec::new(),
            field_caps: AtomicU64::new(0),
            msearch: AtomicU64::new(0),
            asked: Mutex::default(),
            open: AtomicI64::new(0),
            pages: AtomicU64::new(0),
            dropped: Arc::default(),
        };
        fake.set(mood);
        Arc::new(fake)
    }

    /// Changes the mood.
    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, SeqCst);
    }

    fn is(&self, mood: Mood) -> bool {
        self.mood.load(SeqCst) == mood as u8
    }

    /// Its addresses.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/", get(info))
            .route("/{index}/_field_caps", get(caps).post(caps))
            .route("/{index}/_bulk", post(store))
            .route("/_msearch", post(msearch))
            .route("/{index}/_search/point_in_time", post(open))
            .route("/_search/point_in_time", delete(close))
            .route("/_search", post(page))
            .with_state(self)
    }

    async fn trouble(&self) -> Option<Response> {
        if self.is(Mood::Silent) {
            let _counts = Dropped(Arc::clone(&self.dropped));
            std::future::pending::<()>().await;
        }
        if self.is(Mood::Broken) {
            let body = json!({"error": {"root_cause": [{"reason": "all shards failed"}]}, "status": 503});
            return Some((StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response());
        }
        self.is(Mood::Odd).then(|| "<html>It works!</html>".into_response())
    }
}

struct Dropped(Arc<AtomicU64>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

async fn info(State(fake): State<Arc<Fake>>) -> Response {
    match fake.trouble().await {
        Some(trouble) => trouble,
        None => Json(json!({"version": {"distribution": "opensearch", "number": "3.8.0"}})).into_response(),
    }
}

async fn store(State(fake): State<Arc<Fake>>, body: String) -> Response {
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    let document = body.lines().nth(1).and_then(|l| serde_json::from_str(l).ok()).expect("a document");
    fake.events.lock().expect("no panic").push(document);
    Json(json!({"took": 1, "errors": false, "items": [{"create": {"_id": "e1", "status": 201}}]}))
        .into_response()
}

async fn caps(State(fake): State<Arc<Fake>>, uri: axum::http::Uri) -> Response {
    fake.field_caps.fetch_add(1, SeqCst);
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    let documents = if uri.path().starts_with("/metrics") { &fake.metrics } else { &fake.logs };
    let mut fields: Map<String, Value> = Map::new();
    for name in documents.iter().flat_map(|d| d.as_object().into_iter().flat_map(Map::keys)) {
        let kind = match (name.as_str(), documents.iter().find_map(|d| d.get(name))) {
            ("@timestamp", _) => "date",
            ("message", _) => "text",
            (_, Some(Value::Number(_))) => "float",
            _ => "keyword",
        };
        fields.entry(name.clone()).or_insert_with(
            || json!({kind: {"type": kind, "searchable": true, "aggregatable": kind != "text"}}),
        );
    }
    Json(json!({"indices": [], "fields": fields})).into_response()
}

async fn open(State(fake): State<Arc<Fake>>) -> Response {
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    fake.open.fetch_add(1, SeqCst);
    Json(json!({"pit_id": "a point in time"})).into_response()
}

async fn close(State(fake): State<Arc<Fake>>) -> Response {
    fake.open.fetch_sub(1, SeqCst);
    Json(json!({"pits": [{"successful": true, "pit_id": "a point in time"}]})).into_response()
}

async fn page(State(fake): State<Arc<Fake>>, Json(body): Json<Value>) -> Response {
    fake.pages.fetch_add(1, SeqCst);
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    assert_eq!(body["pit"]["id"], "a point in time");
    let mut answer = engine::search(&fake.logs, &body);
    answer["pit_id"] = json!("a point in time");
    Json(answer).into_response()
}

async fn msearch(State(fake): State<Arc<Fake>>, body: String) -> Response {
    fake.msearch.fetch_add(1, SeqCst);
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    let lines: Vec<Value> = body.lines().map(|l| serde_json::from_str(l).unwrap_or(Value::Null)).collect();
    *fake.asked.lock().expect("no panic") = lines.chunks(2).map(|pair| pair[1].clone()).collect();
    let events = fake.events.lock().expect("no panic").clone();
    let one = |pair: &[Value]| {
        let index = pair[0]["index"].as_str().unwrap_or_default();
        let urls = pair[1]["aggs"].to_string().contains("\"terms\":{\"field\":\"url.original\"");
        if urls && fake.is(Mood::Partly) {
            return json!({"error": {"root_cause": [{"reason": "too many buckets"}]}, "status": 503});
        }
        let documents = match index {
            "alces-events" => &events,
            // The index of who may see none.
            "alces-nothing-to-see" => &fake.nothing,
            i if i.starts_with("metrics") => &fake.metrics,
            _ => &fake.logs,
        };
        engine::search(documents, &pair[1])
    };
    let responses: Vec<Value> = lines.chunks(2).map(one).collect();
    Json(json!({"took": 3, "responses": responses})).into_response()
}
