//! The dashboard as a visitor meets it: over HTTP, in front of a stand-in for OpenSearch.

mod fake;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use alces_dashboard::{Config, DashboardError, serve};
use fake::{Fake, Mood};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// 2026-11-23T10:00:00Z
const NOON: i64 = 1_795_428_000_000;

struct House {
    at: SocketAddr,
    fake: Arc<Fake>,
    now: Arc<AtomicI64>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), DashboardError>>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl House {
    async fn build(mood: Mood) -> Self {
        let fake = Fake::new(mood);
        let backend = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://amy:hunter2@{}/", backend.local_addr().expect("an address"));
        tokio::spawn({
            let router = Arc::clone(&fake).router();
            async move { axum::serve(backend, router).await }
        });
        let mut config = Config::new(url.parse().expect("a URL"));
        config.timeout_seconds = 1;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let now = Arc::new(AtomicI64::new(NOON));
        let clock = {
            let now = Arc::clone(&now);
            move || Timestamp::from_millisecond(now.load(SeqCst)).expect("a time")
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, config, clock, async move {
            let _ = stopped.await;
        }));
        Self { at, fake, now, stop, served }
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    async fn get_with(&self, path: &str, header: &str) -> Answer {
        let mut stream = TcpStream::connect(self.at).await.expect("the dashboard listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await.body).expect("JSON")
    }
}

#[tokio::test]
async fn the_first_page_is_full() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/").await;
    assert_eq!(page.status, 200);
    for id in ["requests", "errors", "latency", "urls", "newest", "cpu", "memory", "disk", "network"] {
        assert!(page.body.contains(&format!("id=\"{id}\"")), "no panel {id}");
    }
    // Seven charts in two sizes, each with words for those who cannot see it.
    assert_eq!(page.body.matches("<svg class=\"chart").count(), 14);
    assert_eq!(page.body.matches("role=\"img\"").count(), 14);
    assert_eq!(page.body.matches("Show as table").count(), 7);
    assert!(page.body.contains("Degraded"), "1.48 % of 5xx");
    assert!(page.body.contains("upstream p95"));
    // One probe for the fields, one round trip for all panels.
    assert_eq!(house.fake.msearch.load(SeqCst), 2);
    house.get("/").await;
    assert_eq!(house.fake.msearch.load(SeqCst), 3);
    assert_eq!(house.fake.field_caps.load(SeqCst), 2, "the field map is kept for 30 s");
    house.now.fetch_add(31_000, SeqCst);
    house.get("/").await;
    assert_eq!(house.fake.field_caps.load(SeqCst), 4);
}

#[tokio::test]
async fn the_seeds_documents_fill_the_page_and_latency_says_what_to_do() {
    let house = House::build(Mood::Seed).await;
    let page = house.get("/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body.matches("<svg class=\"chart").count(), 4);
    assert!(page.body.contains("These lines carry no request time."));
    assert!(page.body.contains("$request_time"));
    let figures = house.json("/api/v1/overview").await;
    assert_eq!(figures["totals"]["requests"], 75_600);
    assert_eq!(figures["totals"]["by_class"]["5xx"], 1119);
    assert_eq!(figures["totals"]["latency"], Value::Null);
    assert_eq!(figures["lines"]["unparsed"], 1);
}

#[tokio::test]
async fn figures_as_json() {
    let house = House::build(Mood::Full).await;
    let figures = house.json("/api/v1/overview?from=now-15m&to=now").await;
    assert_eq!(figures["range"]["step_seconds"], 10);
    assert_eq!(figures["series"].as_array().map(Vec::len), Some(90));
    assert_eq!(figures["totals"]["latency"]["p95"], 210.0, "seconds in the index, milliseconds here");
    assert_eq!(figures["verdict"]["state"], "degraded");
    assert_eq!(figures["stale"], Value::Null);
    assert_eq!(figures["hosts"]["shown"][0]["name"], "web01");
}

#[tokio::test]
async fn foreign_text_stays_text() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/").await;
    assert!(!page.body.contains("<script>alert"));
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.body.contains('\u{202e}') && page.body.contains("U+202E"));
    let page = house.get("/?from=%3Cscript%3Ealert(1)%3C%2Fscript%3E&to=now&tz=%22%3E%3Cblink").await;
    assert_eq!(page.status, 400);
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<blink"));
}

#[tokio::test]
async fn bad_ranges_are_explained() {
    let house = House::build(Mood::Full).await;
    for path in ["/?from=yesterday", "/?from=now&to=now-1h", "/?tz=Mars", "/?from=now-30y"] {
        let page = house.get(path).await;
        assert_eq!(page.status, 400, "{path}");
        assert!(page.body.contains("This time range cannot be shown"), "{path}");
        assert_eq!(house.get(&format!("/api/v1/overview{}", &path[1..])).await.status, 400);
    }
    assert_eq!(house.fake.msearch.load(SeqCst), 0, "the backend is not bothered");
}

#[tokio::test]
async fn no_data_is_a_word() {
    let house = House::build(Mood::Empty).await;
    let page = house.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("No data") && page.body.contains("No log line has arrived yet"));
    assert!(!page.body.contains("<svg class=\"chart"));
    assert_eq!(house.json("/api/v1/overview").await["verdict"]["state"], "no_data");
}

#[tokio::test]
async fn a_backend_that_fails_leaves_the_last_good_picture_with_its_age() {
    let house = House::build(Mood::Full).await;
    assert_eq!(house.get("/").await.status, 200);
    house.now.fetch_add(300_000, SeqCst);
    for mood in [Mood::Broken, Mood::Silent, Mood::Odd] {
        house.fake.set(mood);
        let page = house.get("/").await;
        assert_eq!(page.status, 200, "{mood:?}");
        assert!(page.body.contains("This picture is 5 min old."), "{mood:?}");
        assert!(page.body.contains("<svg class=\"chart"), "{mood:?}");
        assert!(!page.body.contains("hunter2"), "{mood:?}");
        let figures = house.json("/api/v1/overview").await;
        assert_eq!(figures["age_seconds"], 300);
        assert!(figures["stale"].is_string());
        assert_eq!(figures["verdict"]["state"], "unknown", "an old OK is no OK");
    }
    house.fake.set(Mood::Full);
    assert!(!house.get("/").await.body.contains("This picture is"));
}

#[tokio::test]
async fn without_any_picture_the_page_says_what_is_wrong() {
    for (mood, word) in [
        (Mood::Broken, "all shards failed"),
        (Mood::Silent, "did not answer within 1 s"),
        (Mood::Odd, "not OpenSearch"),
    ] {
        let house = House::build(mood).await;
        let page = house.get("/").await;
        assert_eq!(page.status, 503, "{mood:?}");
        assert!(page.body.contains(word), "{mood:?}: {}", page.body);
        assert!(!page.body.contains("hunter2"));
        assert_eq!(house.get("/readyz").await.status, 503);
        assert_eq!(house.get("/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn one_failed_search_costs_one_panel() {
    let house = House::build(Mood::Partly).await;
    let page = house.get("/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.body.matches("This panel has no answer.").count(), 1);
    assert!(page.body.contains("too many buckets"));
    assert_eq!(house.json("/api/v1/overview").await["top_urls"]["failed"], "too many buckets");
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let house = House::build(Mood::Full).await;
    for path in [
        "/",
        "/api/v1/overview",
        "/static/alces.css",
        "/static/alces.js",
        "/metrics",
        "/nowhere",
        "/static/no",
    ] {
        let answer = house.get(path).await;
        assert!(
            answer.head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
            "{path}"
        );
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{path}");
        assert!(answer.head.contains("referrer-policy: same-origin"), "{path}");
    }
    assert_eq!(house.get("/nowhere").await.status, 404);
    let page = house.get("/").await.body;
    assert!(!page.contains(" style=") && !page.contains("onclick"), "the policy would drop them");
    assert!(house.get("/metrics").await.body.contains("alces_dashboard_overviews_total 3"));
}

#[tokio::test]
async fn the_theme_is_a_cookie_and_the_way_back_stays_here() {
    let house = House::build(Mood::Full).await;
    let answer = house.get("/theme?to=dark&back=%2F%3Ffrom%3Dnow-6h%26to%3Dnow").await;
    assert_eq!(answer.status, 303);
    assert!(answer.head.contains("set-cookie: theme=dark;"));
    assert!(answer.head.contains("location: /?from=now-6h&to=now"));
    for back in ["https://evil.example/", "//evil.example", "/%5Cevil.example", "/?a%0d%0ax:y"] {
        let answer = house.get(&format!("/theme?to=light&back={back}")).await;
        assert!(!answer.head.contains("evil") && !answer.head.contains("\r\nx:y"), "{back}");
    }
    assert!(house.get_with("/", "cookie: a=b; theme=dark\r\n").await.body.contains("data-theme=\"dark\""));
}

#[tokio::test]
async fn it_ends_when_told() {
    let house = House::build(Mood::Full).await;
    assert_eq!(house.get("/readyz").await.status, 200);
    house.stop.send(()).expect("still serving");
    house.served.await.expect("no panic").expect("a clean end");
}
