//! The dashboard as a visitor meets it: over HTTP, in front of a stand-in for OpenSearch.

#[path = "http/early.rs"]
mod early;
#[path = "http/explore.rs"]
mod explore;
mod fake;
#[path = "http/language.rs"]
mod language;
#[path = "http/programs.rs"]
mod programs;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use alces_dashboard::{Config, DashboardError, serve};
use fake::{Fake, Mood};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
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
        // No test is about how fast a busy machine answers.
        Self::waits(mood, 60).await
    }

    /// One whose questions may take so many seconds.
    async fn waits(mood: Mood, seconds: u32) -> Self {
        let fake = Fake::new(mood, NOON);
        let backend = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://amy:hunter2@{}/", backend.local_addr().expect("an address"));
        tokio::spawn({
            let router = Arc::clone(&fake).router();
            async move { axum::serve(backend, router).await }
        });
        let mut config = Config::new(url.parse().expect("a URL"));
        config.timeout_seconds = seconds;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let now = Arc::new(AtomicI64::new(NOON));
        let clock = {
            let now = Arc::clone(&now);
            move || Timestamp::from_millisecond(now.load(SeqCst)).expect("a time")
        };
        config.tap = Some(explore::passing());
        config.secret = Some(b"a secret of the tests".to_vec());
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
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\n{header}\r\n"))
            .await
    }

    async fn post(&self, path: &str, header: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: dashboard\r\nconnection: close\r\ncontent-length: {length}\r\n{header}\r\n{body}"
        ))
        .await
    }

    async fn send(&self, request: &str) -> Answer {
        let (status, head, body) = wire::send(self.at, request).await;
        Answer { status, head: head.to_lowercase(), body }
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
    for id in [
        "requests", "errors", "latency", "heat", "edge", "urls", "newest", "levels", "cpu", "memory", "disk",
        "network",
    ] {
        assert!(page.body.contains(&format!("id=\"{id}\"")), "no panel {id}");
    }
    // Ten charts in two sizes, each with words for those who cannot see it.
    assert_eq!(page.body.matches("<svg class=\"chart").count(), 20);
    assert_eq!(page.body.matches("role=\"img\"").count(), 20);
    assert_eq!(page.body.matches("Show as table").count(), 10);
    assert!(page.body.contains("Degraded"), "3.6 % of 5xx");
    assert!(page.body.contains("application"), "the upstream's own time");
}

#[tokio::test]
async fn a_page_is_sent_packed_to_who_can_unpack_it() {
    let house = House::build(Mood::Full).await;
    let packed = house.get_with("/", "accept-encoding: gzip, br\r\n").await;
    assert!(packed.head.contains("content-encoding: gzip"), "{}", packed.head);
    assert!(packed.head.contains("vary: accept-encoding"), "{}", packed.head);
    let plain = house.get("/").await;
    assert!(!plain.head.contains("content-encoding"), "{}", plain.head);
    let picture = house.get_with("/b/overview/requests.png", "accept-encoding: gzip\r\n").await;
    assert!(!picture.head.contains("content-encoding"), "{}", picture.head);
}

#[tokio::test]
async fn who_looks_at_the_same_moment_is_answered_once() {
    let house = House::build(Mood::Full).await;
    let asked = || house.fake.msearch.load(SeqCst);
    let pages = tokio::join!(house.get("/"), house.get("/"), house.get("/b/overview"));
    assert_eq!([pages.0.status, pages.1.status, pages.2.status], [200; 3]);
    let first = asked();
    assert!(first <= 3, "a probe for the fields, the panels, and what is split by values: {first}");
    house.get("/").await;
    assert_eq!(asked(), first);
    assert_eq!(house.fake.field_caps.load(SeqCst), 2);
    house.now.fetch_add(31_000, SeqCst);
    house.get("/").await;
    assert_eq!(house.fake.field_caps.load(SeqCst), 4, "the field map is kept for 30 s");
}

#[tokio::test]
async fn a_refresh_asks_only_for_the_newest_buckets() {
    let house = House::build(Mood::Full).await;
    house.get("/b/nginx").await;
    house.now.fetch_add(5_000, SeqCst);
    house.get("/b/nginx").await;
    let asked = house.fake.asked.lock().expect("no panic").clone();
    let histograms: Vec<_> = asked.iter().filter(|b| b["aggs"]["t"].is_object()).collect();
    assert!(!histograms.is_empty());
    for body in histograms {
        let time = &body["query"]["bool"]["filter"][0]["range"]["@timestamp"];
        let width = time["lt"].as_i64().expect("an end") - time["gte"].as_i64().expect("a start");
        assert!(width <= 120_000, "{width} ms of an hour in buckets of 30 s");
    }
}

#[tokio::test]
async fn a_question_is_dropped_when_the_last_visitor_leaves() {
    let house = House::build(Mood::Silent).await;
    let mut stream = TcpStream::connect(house.at).await.expect("the dashboard listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: dashboard\r\n\r\n").await.expect("sent");
    while house.fake.field_caps.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    let begun = std::time::Instant::now();
    while house.fake.dropped.load(SeqCst) == 0 {
        // The limit of a question is a minute; without leaving it would be waited for.
        assert!(begun.elapsed().as_secs() < 50, "the backend was not told");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_seeds_documents_fill_the_page_and_latency_says_what_to_do() {
    let house = House::build(Mood::Seed).await;
    let page = house.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("These lines carry no request time."));
    assert!(page.body.contains("$request_time"));
    let figures = house.json("/api/v1/boards/overview").await;
    assert_eq!(figures["totals"]["requests"], 3300);
    assert_eq!(figures["totals"]["by_class"]["5xx"], 120);
    assert_eq!(figures["totals"]["latency"], Value::Null);
    assert_eq!(figures["lines"]["unparsed"], 1);
}

fn panel<'a>(figures: &'a Value, id: &str) -> &'a Value {
    figures["panels"].as_array().and_then(|p| p.iter().find(|p| p["id"] == id)).expect("a panel")
}

#[tokio::test]
async fn figures_as_json() {
    let house = House::build(Mood::Full).await;
    let figures = house.json("/api/v1/boards/overview?from=now-15m&to=now").await;
    assert_eq!(figures["range"]["step_seconds"], 10);
    assert_eq!(figures["verdict"]["state"], "degraded");
    assert_eq!(figures["stale"], Value::Null);
    assert_eq!(panel(&figures, "cpu")["series"][0]["name"], "web01", "the busiest host comes first");
    assert_eq!(panel(&figures, "latency")["unit"], "ms", "seconds in the index, milliseconds here");
    let boards = house.json("/api/v1/boards").await;
    assert_eq!(boards["boards"].as_array().map(Vec::len), Some(7));
}

#[tokio::test]
async fn a_row_leads_to_its_lines_within_the_panel_and_what_the_visitor_searches() {
    let house = House::build(Mood::Full).await;
    let figures = house.json("/api/v1/boards/overview?q=host:web01").await;
    let search = panel(&figures, "urls")["rows"][0]["search"].as_str().expect("a search").to_owned();
    for part in ["status:*", "host:web01", "url:"] {
        assert!(search.contains(part), "{search}");
    }
}

#[tokio::test]
async fn lines_without_a_field_are_not_the_same_as_no_lines() {
    let house = House::build(Mood::Full).await;
    let of = async |path: &str, id: &str| panel(&house.json(path).await, id).clone();
    // The index has levels, but web02's lines carry none.
    assert_eq!(of("/api/v1/boards/overview?q=host:web02", "levels").await["missing_field"], "level");
    let latency = of("/api/v1/boards/overview?q=host:nowhere", "latency").await;
    assert_eq!((&latency["kind"], &latency["missing_field"]), (&"empty".into(), &Value::Null));
    // A line without a status is no request: nothing is missing.
    assert_eq!(of("/api/v1/boards/overview?q=host:db01", "heat").await["missing_field"], Value::Null);
}

#[tokio::test]
async fn an_hour_with_a_hole_has_a_gap_and_a_version_a_mark() {
    let house = House::build(Mood::Full).await;
    let figures = house.json("/api/v1/boards/overview").await;
    let marks: Vec<_> =
        figures["marks"].as_array().into_iter().flatten().map(|m| m["label"].as_str()).collect();
    assert_eq!(figures["notes"], serde_json::json!([]));
    assert_eq!(marks, [Some("1.1")], "one host has another version since then");
}

#[tokio::test]
async fn an_event_becomes_a_mark() {
    let house = House::build(Mood::Full).await;
    let json = "content-type: application/json\r\n";
    let answer = house
        .post("/api/v1/events", json, r#"{"title": "deploy <2.0>", "time": "2026-11-23T09:40:00Z"}"#)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let figures = house.json("/api/v1/boards/overview").await;
    let marks = figures["marks"].as_array().cloned().unwrap_or_default();
    assert!(
        marks.iter().any(|m| m["label"] == "deploy <2.0>" && m["at"] == 1_795_426_800_000_i64),
        "{marks:?}"
    );
    assert!(!house.get("/").await.body.contains("<2.0>"), "escaped on the page");
    for (header, body, status) in [
        ("", r#"{"title": "x"}"#, 415),
        ("content-type: application/json\r\nsec-fetch-site: cross-site\r\n", r#"{"title": "x"}"#, 403),
        (json, r#"{"titel": "x"}"#, 400),
        (json, r#"{"title": " "}"#, 400),
    ] {
        assert_eq!(house.post("/api/v1/events", header, body).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn the_period_before_is_laid_beneath() {
    let house = House::build(Mood::Full).await;
    house.now.fetch_add(86_400_000 - 3_600_000, SeqCst);
    let page = house.get("/?compare=1d&from=now-1h").await;
    assert!(page.body.contains("5xx, 1 day before"));
    let week = house.get("/?compare=1w&from=now-30d").await;
    assert_eq!(week.status, 200);
}

#[tokio::test]
async fn a_panel_can_be_taken_along() {
    let house = House::build(Mood::Full).await;
    for (path, kind, begins) in [
        ("latency.svg", "image/svg+xml", "<svg"),
        ("latency.png", "image/png", "\u{fffd}PNG"),
        ("latency.csv", "text/csv", "Time"),
        ("latency.json", "application/json", "{"),
        ("urls.csv", "text/csv", "url,requests (count)"),
        ("newest.csv", "text/csv", "time,status"),
    ] {
        let answer = house.get(&format!("/b/overview/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.head.contains(&format!("content-type: {kind}")), "{path}: {}", answer.head);
        assert!(answer.body.starts_with(begins), "{path}: {}", &answer.body[..80]);
    }
    for path in [
        "/b/overview/latency.gif",
        "/b/overview/nothing.svg",
        "/b/nothing/latency.svg",
        "/b/overview/urls.png",
    ] {
        assert_eq!(house.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_signed_picture_is_only_what_was_signed() {
    let house = House::build(Mood::Full).await;
    let page = house.get("/").await.body;
    let link = page
        .split('"')
        .find(|w| w.starts_with("/render/panel.png") && w.contains("panel=errors"))
        .expect("a link");
    let link = link.replace("&amp;", "&");
    let answer = house.get(&link).await;
    assert_eq!((answer.status, answer.head.contains("image/png")), (200, true), "{}", answer.body);
    assert_eq!(house.get(&link.replace("panel=errors", "panel=latency")).await.status, 403);
    assert_eq!(house.get("/render/panel.png?board=overview&panel=errors").await.status, 403);
    house.now.fetch_add(8 * 86_400_000, SeqCst);
    let late = house.get(&link).await;
    assert!(late.status == 403 && late.body.contains("expired"), "{}", late.body);
}

#[tokio::test]
async fn the_lines_behind_a_bucket_and_what_differs_in_it() {
    let house = House::build(Mood::Full).await;
    let lines = house.get("/explore?from=now-20m&to=now&q=status:5xx").await;
    assert_eq!(lines.status, 200);
    assert!(lines.body.contains("120 lines"), "{}", lines.body);
    let why = house.get("/why?from=now-20m&to=now&q=status:5xx").await;
    assert!(why.body.contains("120 lines now") && why.body.contains("web02"), "{}", why.body);
    let nothing = house.get("/explore?q=host:nowhere").await;
    assert!(nothing.body.contains("No line in this range is like that."));
    let unknown = house.get("/b/overview?q=statu:500").await;
    assert!(unknown.status == 200 && unknown.body.contains("The search finds nothing"), "{}", unknown.body);
    assert!(unknown.body.contains("status"), "did you mean");
    let wrong = house.get("/explore?q=status:(500").await;
    assert!(wrong.status == 400 && wrong.body.contains("cannot be understood") && wrong.body.contains('^'));
}

#[tokio::test]
async fn a_report_needs_nothing_else() {
    let house = House::build(Mood::Full).await;
    let report = house.get("/report?from=now-1h").await;
    assert_eq!(report.status, 200);
    assert!(report.head.contains("style-src 'sha256-"), "{}", report.head);
    assert!(
        report.body.contains("<style>") && !report.body.contains("<script") && !report.body.contains("<link")
    );
    let picture = house.get("/report?from=now-1h&format=png").await;
    assert!(picture.head.contains("image/png") && picture.body.starts_with("\u{fffd}PNG"));
}

#[tokio::test]
async fn a_draft_of_a_board_is_shown_and_not_kept() {
    let house = House::build(Mood::Full).await;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let draft = "title: Draft\npanels:\n  - { id: a, title: A <b>, kind: stat, series: [{ name: n, metric: count }] }\n";
    let body: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("text", draft).finish();
    let page = house.post("/b/overview/edit", form, &body).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("+++ b/overview.yaml") && page.body.contains("A &lt;b&gt;"), "{}", page.body);
    let wrong: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("text", "title: [").finish();
    assert_eq!(house.post("/b/overview/edit", form, &wrong).await.status, 422);
    assert!(!house.get("/b/overview/edit").await.body.contains("Draft"));
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
        assert_eq!(house.get(&format!("/api/v1/boards/overview{}", &path[1..])).await.status, 400);
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
    assert_eq!(house.json("/api/v1/boards/overview").await["verdict"]["state"], "no_data");
}

#[tokio::test]
async fn a_backend_that_fails_leaves_the_last_good_picture_with_its_age() {
    let house = House::waits(Mood::Full, 5).await;
    assert_eq!(house.get("/").await.status, 200);
    house.now.fetch_add(300_000, SeqCst);
    for mood in [Mood::Broken, Mood::Silent, Mood::Odd] {
        house.fake.set(mood);
        let page = house.get("/").await;
        assert_eq!(page.status, 200, "{mood:?}");
        assert!(page.body.contains("This picture is 5 min old."), "{mood:?}");
        assert!(page.body.contains("<svg class=\"chart"), "{mood:?}");
        assert!(!page.body.contains("hunter2"), "{mood:?}");
        let figures = house.json("/api/v1/boards/overview").await;
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
        let house = House::waits(mood, 1).await;
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
    assert!(page.body.contains("too many buckets"));
    let figures = house.json("/api/v1/boards/overview").await;
    assert_eq!(panel(&figures, "urls")["failed"], "too many buckets");
    assert_eq!(panel(&figures, "heat")["failed"], Value::Null);
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let house = House::build(Mood::Full).await;
    for path in [
        "/",
        "/api/v1/boards/overview",
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
    assert!(house.get("/metrics").await.body.contains("alces_dashboard_boards_total 1"));
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
