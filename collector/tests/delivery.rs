//! What is acknowledged, against an OpenSearch that answers as it is told.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use alces_collector::{Collector, Plan, PlanOptions, Settings, Stats};
use alces_conf::Source;
use alces_filters::Clock;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

/// What the engine answers to one request: a status for the whole, or one for each item.
enum Answer {
    Whole(u16),
    Items(Vec<u16>),
}

#[derive(Default)]
struct Engine {
    script: VecDeque<Answer>,
    /// The ids of each request, as they came.
    requests: Vec<Vec<String>>,
}

type Shared = Arc<Mutex<Engine>>;

/// Answers as the script says, and 201 to everything when it is at its end.
async fn bulk(State(engine): State<Shared>, body: String) -> Result<String, StatusCode> {
    let mut engine = engine.lock().unwrap();
    let actions: Vec<Value> =
        body.lines().step_by(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    let id = |action: &Value| action["create"]["_id"].as_str().unwrap_or_default().to_owned();
    let ids: Vec<String> = actions.iter().map(id).collect();
    let statuses = match engine.script.pop_front() {
        Some(Answer::Whole(status)) => {
            engine.requests.push(ids);
            return Err(StatusCode::from_u16(status).unwrap());
        }
        Some(Answer::Items(statuses)) => statuses,
        None => vec![201; ids.len()],
    };
    engine.requests.push(ids);
    let items: Vec<Value> = statuses
        .iter()
        .map(|status| json!({"create": {"status": status, "error": {"type": "t", "reason": "the reason"}}}))
        .collect();
    Ok(json!({"took": 1, "errors": true, "items": items}).to_string())
}

struct House {
    engine: Shared,
    stats: Arc<Stats>,
    sender: TcpStream,
    dir: TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl House {
    async fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        let engine = Shared::default();
        engine.lock().unwrap().script = script.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/_bulk", post(bulk)).with_state(engine.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let conf = format!(
            "input {{ beats {{ port => 0 }} }} filter {{ if [message] == \"drop\" {{ drop {{ }} }} }}
             output {{ elasticsearch {{ hosts => \"{address}\" index => \"x\" manage_template => false }} }}"
        );
        let clock: Clock = Arc::new(jiff::Timestamp::now);
        let plan = Plan::compile(&[Source::new("x.conf", &conf)], &|_| None, PlanOptions::default(), &clock)
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().to_owned());
        settings.drain = Duration::ZERO;
        let collector = Collector::bind(plan, settings, clock).await.unwrap();
        let beats = collector.beats_addresses()[0];
        let stats = collector.stats();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            collector.run(async { drop(stopped.await) }).await.unwrap();
        });
        let sender = TcpStream::connect(beats).await.unwrap();
        Self { engine, stats, sender, dir, stop: Some(stop), running }
    }

    /// One window of events whose messages and ids are these.
    async fn send(&mut self, messages: &[&str]) {
        let mut bytes = b"2W".to_vec();
        bytes.extend((messages.len() as u32).to_be_bytes());
        for (at, message) in messages.iter().enumerate() {
            let json = json!({"message": message, "@metadata": {"_id": message}}).to_string();
            bytes.extend(b"2J");
            bytes.extend((at as u32 + 1).to_be_bytes());
            bytes.extend((json.len() as u32).to_be_bytes());
            bytes.extend(json.as_bytes());
        }
        self.sender.write_all(&bytes).await.unwrap();
    }

    /// The next acknowledgement that is not a sign of life; none where the connection ends first.
    async fn ack(&mut self) -> Option<u32> {
        let wait = async {
            loop {
                let mut frame = [0; 6];
                self.sender.read_exact(&mut frame).await.ok()?;
                let seq = u32::from_be_bytes(frame[2..].try_into().unwrap());
                if seq > 0 {
                    return Some(seq);
                }
            }
        };
        timeout(Duration::from_secs(60), wait).await.unwrap()
    }

    fn requests(&self) -> Vec<Vec<String>> {
        self.engine.lock().unwrap().requests.clone()
    }

    fn dead_letters(&self) -> Vec<Value> {
        let path = self.dir.path().join("dead_letter_queue/main.ndjson");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// in = acknowledged + dropped by filters; nothing is held any more.
    fn accounts_add_up(&self) {
        let s = &self.stats;
        assert_eq!(s.events_in.get(), s.acknowledged.get() + s.dropped.get());
    }
}

#[tokio::test]
async fn an_item_is_judged_alone_and_only_the_busy_one_is_sent_again() {
    let mut house = House::new([Answer::Items(vec![201, 429, 409]), Answer::Items(vec![503])]).await;
    house.send(&["a", "b", "c"]).await;
    assert_eq!(house.ack().await, Some(3));
    assert_eq!(house.requests(), [vec!["a", "b", "c"], vec!["b"], vec!["b"]]);
    assert_eq!(house.stats.resent.get(), 1, "a conflict on create is a resend");
    assert!(house.dead_letters().is_empty());
    house.accounts_add_up();
}

#[tokio::test]
async fn a_document_that_is_refused_for_good_is_kept_whole_with_the_reason_and_acknowledged() {
    let mut house = House::new([Answer::Items(vec![201, 400])]).await;
    house.send(&["good", "bad"]).await;
    assert_eq!(house.ack().await, Some(2));
    let letters = house.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["event"]["message"], "bad");
    assert_eq!(letters[0]["reason"], "t: the reason");
    assert_eq!(letters[0]["status"], 400);
    assert_eq!(house.requests().len(), 1, "it is not tried again");
    house.accounts_add_up();
}

#[tokio::test]
async fn a_server_error_and_a_refused_login_are_waited_for() {
    let mut house = House::new([Answer::Whole(503), Answer::Whole(401), Answer::Items(vec![403])]).await;
    house.send(&["a"]).await;
    assert_eq!(house.ack().await, Some(1));
    assert_eq!(house.requests().len(), 4);
    assert!(house.dead_letters().is_empty());
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved() {
    let mut house = House::new([Answer::Whole(413), Answer::Whole(413)]).await;
    house.send(&["a", "b", "c", "d"]).await;
    assert_eq!(house.ack().await, Some(4));
    let sizes: Vec<usize> = house.requests().iter().map(Vec::len).collect();
    assert_eq!(sizes[..2], [4, 2], "{sizes:?}");
    let mut all: Vec<String> = house.requests().into_iter().skip(2).flatten().collect();
    all.sort();
    assert_eq!(all, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn what_a_filter_drops_is_acknowledged_and_counted() {
    let mut house = House::new([]).await;
    house.send(&["a", "drop"]).await;
    assert_eq!(house.ack().await, Some(2));
    assert_eq!(house.requests(), [vec!["a"]]);
    assert_eq!(house.stats.dropped.get(), 1);
    house.accounts_add_up();
}

#[tokio::test]
async fn what_is_not_indexed_at_shutdown_is_not_acknowledged() {
    let mut house = House::new((0..10_000).map(|_| Answer::Whole(503))).await;
    house.send(&["a"]).await;
    timeout(Duration::from_secs(60), async {
        while house.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(house.stop.take());
    assert_eq!(house.ack().await, None);
    timeout(Duration::from_secs(60), &mut house.running).await.unwrap().unwrap();
    assert_eq!(house.stats.acknowledged.get(), 0);
}
