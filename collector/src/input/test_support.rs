//! Inputs alone, without a pipeline behind them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alces_conf::{Escapes, Source, Statement, parse};
use alces_event::{Event, Timestamp};
use alces_filters::{Context, Disk, EcsMode, NoFiles};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{Input, Intake, Site};
use crate::{Bus, Stats, batch::Batch};

/// The time of all tests.
fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

fn compile(conf: &str) -> Result<Arc<dyn Input>, String> {
    let source = Source::new("x.conf", &format!("input {{ {conf} }}"));
    let config = parse(&source, Escapes::Off).unwrap();
    let Some(Statement::Plugin(plugin)) = config.sections[0].body.first() else { panic!("a plugin") };
    let env = |name: &str| (name == "HOSTNAME").then(|| "box".to_owned());
    let files: &dyn alces_filters::Files = if conf.contains("ssl_") { &Disk } else { &NoFiles };
    let context = Context { source: &source, env: &env, ecs: EcsMode::V8, clock: Arc::new(now), files };
    let (plan, errors) = super::compile(&context, plugin);
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    if errors.is_empty() { Ok(plan.unwrap()) } else { Err(errors.join("\n")) }
}

/// What is wrong with an input.
pub(super) fn errors(conf: &str) -> String {
    compile(conf).err().unwrap_or_default()
}

/// All events of an input that ends by itself, as JSON without time and version.
pub(super) async fn events(conf: &str) -> String {
    let mut running = Running::start(conf).await;
    let mut found = Vec::new();
    while let Some(batch) = running.batches.recv().await {
        found.extend(batch.events.map(|event| json(&event)));
        batch.delivery.done();
    }
    running.task.await.unwrap();
    found.join("\n")
}

fn json(event: &Event) -> String {
    let text = serde_json::to_string(event).unwrap();
    let text = text.replacen(r#""@timestamp":"2026-01-02T00:00:00.000Z","#, "", 1);
    text.replacen(r#""@version":"1","#, "", 1).replacen(r#","@version":"1""#, "", 1)
}

/// An input that runs.
pub(super) struct Running {
    /// Where it listens; nowhere for one that does not.
    pub(super) address: SocketAddr,
    pub(super) stats: Arc<Stats>,
    pub(super) batches: mpsc::Receiver<Batch>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(conf: &str) -> Self {
        let bound = compile(conf).unwrap().bind(&Site::default()).await.unwrap();
        let address = bound.listening_at().map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |(_, at)| at);
        let (out, batches) = mpsc::channel(1);
        let (stop, stopping) = watch::channel(false);
        let stats = Arc::<Stats>::default();
        let intake = Intake {
            out: super::Out::of_nobody(out, stats.clone()),
            stats: stats.clone(),
            clock: Arc::new(now),
            bus: Bus::default(),
            stop: stopping,
        };
        Self { address, stats, batches, stop, task: bound.start(intake) }
    }

    /// The next batch, delivered: each event with its metadata.
    pub(super) async fn next(&mut self) -> Vec<String> {
        let batch = timeout(Duration::from_secs(60), self.batches.recv()).await.unwrap();
        let Some(batch) = batch else { return Vec::new() };
        let show = |event: Event| json(&event) + " " + &serde_json::to_string(&event.metadata()).unwrap();
        let found = batch.events.map(show).collect();
        batch.delivery.done();
        found
    }

    /// Events until there are so many.
    pub(super) async fn take(&mut self, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        while found.len() < count {
            found.extend(self.next().await);
        }
        found
    }

    /// Tells it to stop, and waits until it has let go of the pipeline; what it still gives out.
    pub(super) async fn stop(mut self) -> Vec<String> {
        self.stop.send(true).unwrap();
        let mut last = Vec::new();
        while let Some(batch) = timeout(Duration::from_secs(60), self.batches.recv()).await.unwrap() {
            last.extend(batch.events.map(|event| json(&event)));
            batch.delivery.done();
        }
        self.task.await.unwrap();
        last
    }
}

/// What an input answers to a request, whose head is lines without an end, and whose body gets its length: the status, the headers that
/// are named, and the body. What it takes meanwhile is delivered, and comes back too.
pub(super) async fn ask(
    running: &mut Running,
    head: &str,
    body: &[u8],
    shown: &[&str],
) -> (String, Vec<String>) {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!("{head}\nHost: h.example:8080\nConnection: close\nContent-Length: {}\n\n", body.len());
    stream.write_all(head.replace('\n', "\r\n").as_bytes()).await.unwrap();
    // Who is turned away before its body is read may not be able to send it.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let mut events = Vec::new();
    {
        let mut reading = std::pin::pin!(stream.read_to_end(&mut answer));
        loop {
            tokio::select! {
                read = &mut reading => break drop(read),
                found = running.next() => events.extend(found),
            }
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").to_owned();
    let shown = lines.filter(|line| shown.iter().any(|name| line.to_lowercase().starts_with(name)));
    let text = [vec![status.as_str()], shown.collect(), vec![body]].concat().join(" | ");
    (text, events)
}
