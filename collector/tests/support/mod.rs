//! A collector in front of an OpenSearch that answers as it is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    dead_code,
    reason = "a test that cannot go on must stop; each uses its part"
)]

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use alces_collector::{Collector, Plan, PlanOptions, Reload, Settings, Stats};
use alces_conf::Source;
use alces_filters::Clock;
use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

pub(crate) fn clock() -> Clock {
    Arc::new(jiff::Timestamp::now)
}

/// A checked pipeline.
pub(crate) fn plan(conf: &str) -> Plan {
    Plan::compile(&[Source::new("x.conf", conf)], &|_| None, PlanOptions::default(), &clock()).unwrap()
}

/// A pipeline from a `beats` input to an engine.
pub(crate) fn conf(engine: SocketAddr, port: u16, filter: &str) -> String {
    format!(
        "input {{ beats {{ port => {port} }} }} filter {{ {filter} }}
         output {{ elasticsearch {{ hosts => \"{engine}\" index => \"x\" manage_template => false }} }}"
    )
}

/// Waits until something is so.
pub(crate) async fn until(mut so: impl FnMut() -> bool) {
    timeout(Duration::from_secs(60), async {
        while !so() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

/// What the engine answers to one request: a status for the whole, or one for each item.
pub(crate) enum Answer {
    Whole(u16),
    Items(Vec<u16>),
}

#[derive(Default)]
pub(crate) struct Engine {
    script: VecDeque<Answer>,
    /// The ids of each request, as they came.
    requests: Vec<Vec<String>>,
}

pub(crate) type Shared = Arc<Mutex<Engine>>;

/// Answers as the script says, and 201 when it is at its end, but for documents that say `no-INDEX`.
async fn bulk(State(engine): State<Shared>, body: String) -> Result<String, StatusCode> {
    let mut engine = engine.lock().unwrap();
    let actions: Vec<Value> =
        body.lines().step_by(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused = |(action, document): (&Value, &str)| {
        document.contains(&format!("no-{}", action["create"]["_index"].as_str().unwrap_or_default()))
    };
    let id = |action: &Value| action["create"]["_id"].as_str().unwrap_or_default().to_owned();
    let ids: Vec<String> = actions.iter().map(id).collect();
    let statuses = match engine.script.pop_front() {
        Some(Answer::Whole(status)) => {
            engine.requests.push(ids);
            return Err(StatusCode::from_u16(status).unwrap());
        }
        Some(Answer::Items(statuses)) => statuses,
        None => {
            let documents = body.lines().skip(1).step_by(2);
            actions.iter().zip(documents).map(|item| if refused(item) { 400 } else { 201 }).collect()
        }
    };
    engine.requests.push(ids);
    let items: Vec<Value> = statuses
        .iter()
        .map(|status| json!({"create": {"status": status, "error": {"type": "t", "reason": "the reason"}}}))
        .collect();
    Ok(json!({"took": 1, "errors": true, "items": items}).to_string())
}

pub(crate) struct House {
    pub(crate) engine: Shared,
    pub(crate) stats: Arc<Stats>,
    pub(crate) sender: TcpStream,
    pub(crate) dir: TempDir,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) running: JoinHandle<()>,
    pub(crate) reloads: mpsc::Sender<Reload>,
    /// Where its input listens, and the engine's address.
    pub(crate) beats: SocketAddr,
    pub(crate) address: SocketAddr,
}

impl House {
    pub(crate) async fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::with_drain(Duration::ZERO, script).await
    }

    /// One that has so much time for what it has begun when it stops or is reloaded.
    pub(crate) async fn with_drain(drain: Duration, script: impl IntoIterator<Item = Answer>) -> Self {
        Self::with(script, |settings| settings.drain = drain).await
    }

    /// One whose settings are others.
    pub(crate) async fn with(
        script: impl IntoIterator<Item = Answer>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let engine = Shared::default();
        engine.lock().unwrap().script = script.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/_bulk", post(bulk)).with_state(engine.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let plan = plan(&conf(address, 0, "if [message] == \"drop\" { drop { } }"));
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().to_owned());
        settings.drain = Duration::ZERO;
        change(&mut settings);
        let collector = Collector::bind(plan, settings, clock()).await.unwrap();
        let beats = collector.beats_addresses()[0];
        let stats = collector.stats();
        let (stop, stopped) = oneshot::channel::<()>();
        let (reloads, changes) = mpsc::channel(1);
        let running = tokio::spawn(async move {
            collector.run_reloading(async { drop(stopped.await) }, changes).await.unwrap();
        });
        let sender = TcpStream::connect(beats).await.unwrap();
        Self { engine, stats, sender, dir, stop: Some(stop), running, reloads, beats, address }
    }

    /// Another pipeline in the place of the one that runs; waits until it is taken or refused.
    pub(crate) async fn reload(&self, conf: &str) {
        let settled = || self.stats.reloads.get() + self.stats.reloads_failed.get();
        let before = settled();
        self.reloads.send(Reload { plan: plan(conf), workers: 2 }).await.unwrap();
        until(|| settled() > before).await;
    }

    /// One window of events whose messages and ids are these.
    pub(crate) async fn send(&mut self, messages: &[&str]) {
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
    pub(crate) async fn ack(&mut self) -> Option<u32> {
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

    pub(crate) fn requests(&self) -> Vec<Vec<String>> {
        self.engine.lock().unwrap().requests.clone()
    }

    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        let path = self.dir.path().join("dead_letter_queue/main.ndjson");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// in + made = acknowledged + dead-lettered + dropped by filters + lost + returned; nothing is held any more.
    pub(crate) fn accounts_add_up(&self) {
        let accounts = self.stats.accounts();
        assert_eq!(accounts.events_in + accounts.made, accounts.accounted());
        assert_eq!(accounts.held, 0);
    }
}
