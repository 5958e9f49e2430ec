//! Two outputs, of which one is away: the other has everything meanwhile, and the one has everything afterwards, once.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod support;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use alces_collector::{Collector, DiskQueue, Reload, Settings, Stats};
use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use support::until;

/// An OpenSearch that can be away. How often it has taken each id.
struct Engine {
    address: SocketAddr,
    taken: Arc<Mutex<BTreeMap<String, u32>>>,
    here: watch::Sender<bool>,
}

type Its = (Arc<Mutex<BTreeMap<String, u32>>>, watch::Receiver<bool>);

async fn bulk(State((taken, here)): State<Its>, body: String) -> Result<String, StatusCode> {
    if !*here.borrow() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let mut items = Vec::new();
    for (action, document) in body.lines().step_by(2).zip(body.lines().skip(1).step_by(2)) {
        let action: Value = serde_json::from_str(action).unwrap();
        let id = action["create"]["_id"].as_str().unwrap().to_owned();
        let refused = document.contains("refused");
        if !refused {
            *taken.lock().unwrap().entry(id).or_default() += 1;
        }
        items.push(json!({"create": {"status": if refused { 400 } else { 201 }, "error": {"type": "t", "reason": "r"}}}));
    }
    Ok(json!({"took": 1, "errors": true, "items": items}).to_string())
}

impl Engine {
    async fn new(here: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (taken, (here, is_here)) = (Arc::default(), watch::channel(here));
        let app = Router::new().route("/_bulk", post(bulk)).with_state((Arc::clone(&taken), is_here));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, taken, here }
    }

    fn len(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    fn has_each_once(&self, events: usize) {
        let taken = self.taken.lock().unwrap();
        assert_eq!(taken.len(), events);
        assert!(taken.values().all(|times| *times == 1));
    }
}

/// A pipeline that makes events, of which every tenth says that it is refused, for two engines.
fn conf(events: usize, one: SocketAddr, other: SocketAddr) -> String {
    let to = |host: SocketAddr| {
        format!("elasticsearch {{ hosts => \"{host}\" index => \"x\" manage_template => false }}")
    };
    format!(
        "input {{ generator {{ count => {events} lines => [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"refused\"] }} }}
         output {{ {} {} }}",
        to(one),
        to(other)
    )
}

struct House {
    dir: TempDir,
}

struct Run {
    stats: Arc<Stats>,
    stop: oneshot::Sender<()>,
    reloads: mpsc::Sender<Reload>,
    running: JoinHandle<()>,
}

impl House {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    async fn run(&self, conf: &str, queue: Option<DiskQueue>) -> Run {
        self.run_for(conf, queue, Duration::ZERO).await
    }

    /// The same with so much time at the end.
    async fn run_for(&self, conf: &str, queue: Option<DiskQueue>, drain: Duration) -> Run {
        let mut settings = Settings::new(self.dir.path().to_owned());
        (settings.drain, settings.queue, settings.workers) = (drain, queue, 1);
        let collector = Collector::bind(support::plan(conf), settings, support::clock()).await.unwrap();
        let stats = collector.stats();
        let ((stop, stopped), (reloads, changes)) = (oneshot::channel::<()>(), mpsc::channel(1));
        let running = tokio::spawn(async move {
            collector.run_reloading(async { drop(stopped.await) }, changes).await.unwrap();
        });
        Run { stats, stop, reloads, running }
    }
}

impl Run {
    async fn stop(self) {
        drop(self.stop);
        timeout(Duration::from_secs(60), self.running).await.unwrap().unwrap();
    }

    async fn end(self) -> Arc<Stats> {
        // Who stops it holds it open.
        let Self { stats, stop, running, .. } = self;
        timeout(Duration::from_secs(60), running).await.unwrap().unwrap();
        drop(stop);
        stats
    }
}

/// Some time at the end: a batch that one output has in its queue while another has not answered yet is given to both again, if that is given up.
const END: Duration = Duration::from_secs(2);
const EVENTS: usize = 100_000;
/// Of ten lines one is refused.
const TAKEN: usize = EVENTS / 10 * 9;
const LINES: usize = EVENTS / 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_away_holds_nobody_and_has_everything_once_when_it_is_back() {
    let (house, fast, slow) = (House::new(), Engine::new(true).await, Engine::new(false).await);
    let run = house.run(&conf(LINES, fast.address, slow.address), Some(DiskQueue::default())).await;
    until(|| fast.len() == TAKEN).await;
    assert_eq!(slow.len(), 0, "all that the one took, it took while the other was away");
    let accounts = run.stats.accounts();
    assert_eq!(accounts.events_in, EVENTS as u64);
    assert_eq!(accounts.held, EVENTS as u64, "what one output does not have yet is held");
    slow.here.send_replace(true);
    let stats = run.end().await;
    fast.has_each_once(TAKEN);
    slow.has_each_once(TAKEN);
    let accounts = stats.accounts();
    assert_eq!((accounts.acknowledged, accounts.dead_lettered), (TAKEN as u64, (EVENTS - TAKEN) as u64));
    assert_eq!((accounts.held, accounts.events_in), (0, accounts.accounted()));
    assert_eq!(stats.dead_letters.get(), 2 * (EVENTS - TAKEN) as u64, "one of each output");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_an_output_waits_through_a_restart() {
    let (house, fast, slow) = (House::new(), Engine::new(true).await, Engine::new(false).await);
    let of = conf(LINES, fast.address, slow.address);
    let run = house.run_for(&of, Some(DiskQueue::default()), END).await;
    until(|| fast.len() == TAKEN).await;
    run.stop().await;
    assert_eq!(slow.len(), 0);
    slow.here.send_replace(true);
    // Its input makes nothing more.
    let run = house.run(&conf(1, fast.address, slow.address), Some(DiskQueue::default())).await;
    let stats = run.end().await;
    slow.has_each_once(TAKEN + 9);
    let accounts = stats.accounts();
    assert_eq!((accounts.held, accounts.events_in), (0, accounts.accounted()));
    assert!(accounts.events_in >= EVENTS as u64, "{accounts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_an_output_goes_to_the_one_that_a_reload_puts_in_its_place() {
    let (house, fast, wrong, right) =
        (House::new(), Engine::new(true).await, Engine::new(false).await, Engine::new(true).await);
    // An input that does not end.
    let conf = |slow: SocketAddr| {
        conf(LINES, fast.address, slow)
            .replace("input {", "input { heartbeat { interval => 3600 message => \"sequence\" }")
    };
    let run = house.run_for(&conf(wrong.address), Some(DiskQueue::default()), END).await;
    until(|| fast.len() == TAKEN + 1).await;
    // The inputs are the same: nothing is made again.
    let plan = support::plan(&conf(right.address));
    run.reloads.send(Reload { plan, workers: 2 }).await.unwrap();
    until(|| right.len() == TAKEN + 1 && run.stats.accounts().held == 0).await;
    assert_eq!(wrong.len(), 0);
    right.has_each_once(TAKEN + 1);
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_disk_a_short_queue_lets_the_others_go_on_for_a_while() {
    let (house, fast, slow) = (House::new(), Engine::new(true).await, Engine::new(false).await);
    // A queue on disk gives ids; without one a filter does.
    let conf = conf(LINES, fast.address, slow.address)
        .replace("output {", "filter { uuid { target => \"[@metadata][_id]\" } } output {");
    let run = house.run(&conf, None).await;
    // All that the input hands out before something is acknowledged: nine batches. With two requests under way it were two to four.
    until(|| fast.len() >= 8 * 1020 / 10 * 9).await;
    assert_eq!(
        (slow.len(), run.stats.accounts().acknowledged),
        (0, 0),
        "acknowledged when all outputs have it"
    );
    slow.here.send_replace(true);
    let stats = run.end().await;
    fast.has_each_once(TAKEN);
    slow.has_each_once(TAKEN);
    assert_eq!(stats.accounts().held, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_whose_output_and_its_queue_take_nothing_can_be_stopped() {
    let (house, fast, slow) = (House::new(), Engine::new(true).await, Engine::new(false).await);
    let settings = DiskQueue { max_bytes: 1 << 20, ..DiskQueue::default() };
    let run = house.run(&conf(10 * LINES, fast.address, slow.address), Some(settings.clone())).await;
    let queues = house.dir.path().join("queue/main/outputs");
    let is_full = || {
        let folders = std::fs::read_dir(&queues).into_iter().flatten().flatten();
        let files =
            folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.map(|file| file.metadata().map_or(0, |meta| meta.len())).sum::<u64>() > 700_000
    };
    until(is_full).await;
    run.stop().await;
    // Nothing is lost by it.
    slow.here.send_replace(true);
    let run = house.run(&conf(1, fast.address, slow.address), Some(settings)).await;
    let stats = run.end().await;
    let accounts = stats.accounts();
    assert_eq!((accounts.held, accounts.events_in), (0, accounts.accounted()));
    let (fast, slow) = (fast.taken.lock().unwrap(), slow.taken.lock().unwrap());
    assert!(fast.keys().eq(slow.keys()), "{} and {}", fast.len(), slow.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_drained_is_drained_before_the_end() {
    let (house, fast, slow) = (House::new(), Engine::new(true).await, Engine::new(false).await);
    let settings = DiskQueue { drain: true, ..DiskQueue::default() };
    let conf = conf(LINES, fast.address, slow.address)
        .replace("input {", "input { heartbeat { interval => 3600 message => \"sequence\" }");
    let run = house.run_for(&conf, Some(settings), Duration::from_secs(60)).await;
    until(|| fast.len() > TAKEN / 2).await;
    let here = slow.here.clone();
    let back = async {
        tokio::task::yield_now().await;
        here.send_replace(true);
    };
    let stats = run.stats.clone();
    tokio::join!(run.stop(), back);
    let accounts = stats.accounts();
    assert_eq!((accounts.held, accounts.events_in), (0, accounts.accounted()));
    let (fast, slow) = (fast.taken.lock().unwrap(), slow.taken.lock().unwrap());
    assert!(fast.keys().eq(slow.keys()), "{} and {}", fast.len(), slow.len());
}
