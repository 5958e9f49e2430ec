//! A stand-in for OpenSearch: it answers `_field_caps` and `_msearch` from a made-up day of traffic.
//! It reads of a question only what it needs; real OpenSearch and the store are asked in the workspace's own tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
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

/// The stand-in's memory: its mood, and how often it was asked.
#[derive(Default)]
pub(crate) struct Fake {
    mood: AtomicU8,
    pub(crate) field_caps: AtomicU64,
    pub(crate) msearch: AtomicU64,
}

impl Fake {
    /// A stand-in in a mood.
    pub(crate) fn new(mood: Mood) -> Arc<Self> {
        let fake = Self::default();
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
            .route("/_msearch", post(msearch))
            .with_state(self)
    }

    async fn trouble(&self) -> Option<Response> {
        if self.is(Mood::Silent) {
            std::future::pending::<()>().await;
        }
        if self.is(Mood::Broken) {
            let body = json!({"error": {"root_cause": [{"reason": "all shards failed"}]}, "status": 503});
            return Some((StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response());
        }
        self.is(Mood::Odd).then(|| "<html>It works!</html>".into_response())
    }
}

async fn info(State(fake): State<Arc<Fake>>) -> Response {
    match fake.trouble().await {
        Some(trouble) => trouble,
        None => Json(json!({"version": {"distribution": "opensearch", "number": "3.8.0"}})).into_response(),
    }
}

async fn caps(State(fake): State<Arc<Fake>>) -> Response {
    fake.field_caps.fetch_add(1, SeqCst);
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    let mut fields = vec![
        ("http.response.status_code", "long"),
        ("response", "text"),
        ("response.keyword", "keyword"),
        ("url.original", "keyword"),
        ("host.name", "keyword"),
        ("tags", "keyword"),
        ("log.level", "keyword"),
        ("nginx.request_time", "float"),
        ("nginx.upstream_response_time", "float"),
    ];
    if fake.is(Mood::Seed) {
        fields.truncate(6);
    }
    if fake.is(Mood::Empty) {
        fields.clear();
    }
    let fields: Map<String, Value> = fields
        .into_iter()
        .map(|(name, kind)| {
            (
                name.to_owned(),
                json!({kind: {"type": kind, "searchable": true, "aggregatable": kind != "text"}}),
            )
        })
        .collect();
    Json(json!({"indices": [], "fields": fields})).into_response()
}

async fn msearch(State(fake): State<Arc<Fake>>, body: String) -> Response {
    fake.msearch.fetch_add(1, SeqCst);
    if let Some(trouble) = fake.trouble().await {
        return trouble;
    }
    let lines: Vec<Value> = body.lines().map(|l| serde_json::from_str(l).unwrap_or(Value::Null)).collect();
    let responses: Vec<Value> = lines.chunks(2).map(|pair| answer(&fake, &pair[1])).collect();
    Json(json!({"took": 3, "responses": responses})).into_response()
}

/// Hash-like noise between 0 and 1 that is the same on every run.
fn noise(n: i64) -> f64 {
    let mut x = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((x ^ (x >> 32)) & 0xFFFF) as f64 / 65_535.0
}

fn answer(fake: &Fake, body: &Value) -> Value {
    if fake.is(Mood::Empty) {
        return json!({"took": 0, "timed_out": false, "_shards": {"total": 0, "failed": 0},
            "hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}, "status": 200});
    }
    let time = body.pointer("/query/bool/filter/0/range/@timestamp");
    let bound = |name: &str| time.and_then(|t| t[name].as_i64()).unwrap_or(0);
    let (from, to) = (bound("gte"), bound("lt"));
    let seconds = ((to - from) / 1000).max(1) as u64;
    let aggs = &body["aggs"];
    if aggs.get("urls").is_some() && fake.is(Mood::Partly) {
        return json!({"error": {"root_cause": [{"reason": "too many buckets"}]}, "status": 503});
    }
    let mut out = json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "failed": 0}, "status": 200,
        "hits": {"total": {"value": seconds * 21, "relation": "eq"}, "hits": []}, "aggregations": {}});
    let seed = fake.is(Mood::Seed);
    if body["size"] == 20 {
        out["hits"]["hits"] = errors(to, seed);
    } else if aggs.get("carry").is_some() {
        let names = aggs["carry"]["filters"]["filters"].as_object().cloned().unwrap_or_default();
        let buckets: Map<String, Value> = names
            .into_iter()
            .map(|(n, _)| (n.clone(), json!({"doc_count": u64::from(!n.starts_with("response"))})))
            .collect();
        out["aggregations"]["carry"] = json!({"buckets": buckets});
    } else if aggs.get("urls").is_some() {
        out["aggregations"]["urls"] = urls(seconds, seed);
    } else if aggs.get("hosts").is_some() {
        if !seed {
            out["aggregations"]["hosts"] = hosts(aggs, from, to);
        } else {
            out["hits"]["total"]["value"] = 0.into();
        }
    } else if aggs.get("classes").is_some() {
        let previous = aggs.get("over_time").is_none();
        out["aggregations"] =
            totals(seconds * 21, if previous { 0.002 } else { 0.0148 }, if seed { None } else { Some(0.21) });
        if !previous {
            out["aggregations"]["over_time"] = over_time(aggs, from, to, seed);
        }
    } else {
        let newest = if to > 0 { to - 4000 } else { i64::MAX / 2 };
        out["aggregations"]["unparsed"] = json!({"doc_count": 1});
        out["aggregations"]["oldest"] = json!({"value": from as f64});
        out["aggregations"]["newest"] = json!({"value": newest as f64});
    }
    out
}

fn totals(n: u64, bad: f64, p95: Option<f64>) -> Value {
    let part = |share: f64| (n as f64 * share).round() as u64;
    let (c3, c4, c5) = (part(0.09), part(0.043), part(bad));
    let mut out = json!({"classes": {"buckets": {
        "2xx": {"doc_count": n.saturating_sub(c3 + c4 + c5)}, "3xx": {"doc_count": c3},
        "4xx": {"doc_count": c4}, "5xx": {"doc_count": c5}}}});
    let p = |f: f64| if n > 0 { json!(p95.map(|v| v * f)) } else { Value::Null };
    if p95.is_some() {
        out["latency"] = json!({"values": {"50.0": p(0.22), "95.0": p(1.0), "99.0": p(2.3)}});
        out["upstream"] = json!({"values": {"95.0": p(0.82)}});
    }
    out
}

/// The starts of the buckets that a question asks for.
fn starts(aggs: &Value, from: i64, to: i64) -> (i64, Vec<i64>) {
    let text = aggs["over_time"]["date_histogram"]["fixed_interval"].as_str().unwrap_or("60s");
    let (number, unit) = text.split_at(text.len() - 1);
    let factor = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 86_400_000,
    };
    let step = number.parse::<i64>().unwrap_or(60) * factor;
    let first = from.div_euclid(step) * step;
    (step, (first..to).step_by(step as usize).collect())
}

fn over_time(aggs: &Value, from: i64, to: i64, seed: bool) -> Value {
    let (step, starts) = starts(aggs, from, to);
    let len = starts.len();
    let bucket = |(i, at): (usize, i64)| {
        let covered = ((at + step).min(to) - at.max(from)) as f64 / 1000.0;
        let x = i as f64 / len as f64;
        let wave = 1.0 + 0.35 * (x * 9.0).sin() + 0.25 * (noise(at) - 0.5);
        // A hole in the middle: the agent was down.
        let hole = (0.40..0.44).contains(&x);
        let n = if hole { 0 } else { (covered * 21.0 * wave) as u64 };
        let trouble = (0.68..0.76).contains(&x);
        let p95 = 0.14 + 0.05 * noise(at + 7) + if trouble { 0.5 } else { 0.0 };
        let mut out = totals(n, if trouble { 0.11 } else { 0.004 * noise(at + 3) }, (!seed).then_some(p95));
        out["key"] = at.into();
        out["key_as_string"] = at.to_string().into();
        out["doc_count"] = n.into();
        out
    };
    json!({"buckets": starts.into_iter().enumerate().map(bucket).collect::<Vec<_>>()})
}

fn hosts(aggs: &Value, from: i64, to: i64) -> Value {
    let (_, starts) = starts(&aggs["hosts"]["aggs"], from, to);
    let host = |(h, name): (usize, &str)| {
        let base = [0.62, 0.34, 0.18][h];
        let bucket = |at: &i64| {
            let wobble = noise(at + h as i64) - 0.5;
            json!({"key": at, "doc_count": 4,
                "cpu": {"value": base + 0.07 * wobble}, "memory": {"value": base * 0.8 + 0.2 + 0.01 * wobble},
                "disk": {"value": 0.45 + 0.13 * h as f64},
                "net_in": {"value": 2.1e6 * (base + 0.12 * wobble)}, "net_out": {"value": 7.4e6 * (base + 0.12 * wobble)}})
        };
        json!({"key": name, "doc_count": 400, "busiest": {"value": base},
            "over_time": {"buckets": starts.iter().map(bucket).collect::<Vec<_>>()}})
    };
    let buckets: Vec<Value> = ["web01", "web02", "db01"].into_iter().enumerate().map(host).collect();
    json!({"sum_other_doc_count": 0, "buckets": buckets})
}

fn urls(seconds: u64, seed: bool) -> Value {
    const URLS: [(&str, f64, u64, f64); 10] = [
        ("/api/tickets?status=open&page=1", 0.22, 41, 0.18),
        ("/", 0.17, 0, 0.05),
        ("/api/agents/online", 0.12, 3, 0.03),
        ("/static/app.9f31c.js", 0.09, 0, 0.004),
        ("/images/web/2009/banner.png", 0.07, 0, 0.006),
        (
            "/api/search?q=refund+not+received+after+ten+days&sort=relevance&order=desc&page=3",
            0.05,
            120,
            1.42,
        ),
        ("/login", 0.04, 1, 0.11),
        ("/style2.css", 0.03, 0, 0.003),
        ("/favicon.ico", 0.02, 0, 0.002),
        ("/<script>alert(1)</script>", 0.01, 0, 0.09),
    ];
    let bucket = |(url, share, errors, p95): (&str, f64, u64, f64)| {
        let mut out = json!({"key": url, "doc_count": (seconds as f64 * 21.0 * share) as u64, "errors": {"doc_count": errors}});
        if !seed {
            out["latency"] = json!({"values": {"95.0": p95}});
        }
        out
    };
    json!({"sum_other_doc_count": 9, "buckets": URLS.map(bucket)})
}

fn errors(to: i64, seed: bool) -> Value {
    let hit = |i: i64| {
        let at = jiff::Timestamp::from_millisecond(to - 4000 - i * 37_000)
            .map_or_else(|_| String::new(), |t| t.to_string());
        let (method, url, status) = match i % 4 {
            0 => ("GET", "/api/search?q=refund", 502),
            1 => ("POST", "/api/tickets", 500),
            2 => ("GET", "/<script>alert(1)</script>", 504),
            _ => ("GET", "/api/agents/online", 503),
        };
        if i == 3 && !seed {
            return json!({"_source": {"@timestamp": at, "log.level": "critical", "host": {"name": "db01"},
                "message": "[ERROR] [MY-010584] Replica SQL: \u{1b}[31mCould not execute Write_rows\u{1b}[0m event on table helpdesk.ticket; \u{202e}duplicate entry, Error_code: 1062"}});
        }
        json!({"_source": {"@timestamp": at, "http": {"request": {"method": method}, "response": {"status_code": status}},
            "url": {"original": url}, "host": {"name": if i % 2 == 0 { "web01" } else { "web02" }},
            "message": format!("203.0.113.{} - - [23/Nov/2026:10:00:00 +0000] \"{method} {url} HTTP/1.1\" {status} 1532 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"", i + 1)}})
    };
    Value::Array((0..20).map(hit).collect())
}
