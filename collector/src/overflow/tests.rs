//! One output with its queue: batches in, and how they come to the output.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use alces_event::{FieldRef, Timestamp};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use super::*;
use crate::{
    Bus,
    account::Counts,
    dlq::DeadLetterQueue,
    output::{Fates, Outlet, Sink, Undelivered},
};

/// An output that can be away, and that can panic once.
struct Peer {
    here: watch::Receiver<bool>,
    panics: AtomicBool,
    got: watch::Sender<Vec<String>>,
}

impl Sink for Peer {
    type Pending = Vec<String>;

    fn pending(&self) -> Vec<String> {
        Vec::new()
    }

    fn encode(&self, event: &Event, to: &mut Vec<String>) {
        to.push(event.text(&FieldRef::field("message")).unwrap().to_owned());
    }

    async fn send(&self, pending: Vec<String>) -> Result<Fates, Undelivered> {
        self.here.clone().wait_for(|here| *here).await.unwrap();
        assert!(!self.panics.swap(false, Relaxed), "the peer panics once");
        self.got.send_modify(|got| got.extend(pending));
        Ok(Fates::default())
    }
}

struct House {
    _dir: TempDir,
    world: World,
    overflow: Overflow,
    output: Output,
    here: watch::Sender<bool>,
    give_up: watch::Sender<bool>,
    got: watch::Sender<Vec<String>>,
    leave: watch::Sender<bool>,
    draining: JoinHandle<()>,
}

fn world(dir: &std::path::Path) -> World {
    let dlq = DeadLetterQueue::new(dir, "main", Default::default()).unwrap();
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    World { stats: Arc::default(), clock, dlq, bus: Bus::default(), overflows: None }
}

type Gone = JoinHandle<Result<Option<Fates>, Undelivered>>;

impl House {
    /// An output that has one batch under way at most, and is away.
    fn new(max_bytes: u64, panics: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = world(dir.path());
        let settings = DiskQueue { max_bytes, ..DiskQueue::default() };
        let overflow = Overflow::open(dir.path().join("peer"), &settings, &world).unwrap();
        let (here, is_here) = watch::channel(false);
        let (give_up, giving_up) = watch::channel(false);
        let got = watch::channel(Vec::new()).0;
        let peer = Peer { here: is_here, panics: AtomicBool::new(panics), got: got.clone() };
        let World { stats, clock, dlq, bus, .. } = world.clone();
        let outlet = Outlet { stats, clock, dlq, bus, give_up: giving_up };
        let output = Output::new(peer).with_places(1).with_queue(overflow.clone(), 8, outlet);
        let (leave, leaving) = watch::channel(false);
        let draining = tokio::spawn(overflow.clone().drain(output.clone(), leaving));
        Self { _dir: dir, world, overflow, output, here, give_up, got, leave, draining }
    }

    /// A batch of one event on its way; begun when this returns.
    async fn hand_over(&self, line: &str) -> Gone {
        self.world.stats.ledger.enter(1);
        let counts = Counts { held: 1, on: 1, ..Counts::default() };
        let account = Account::new(&self.world.stats, counts);
        let mut pending = self.output.next().await.unwrap();
        pending.add(&Event::from_line(line.to_owned().into(), Timestamp::UNIX_EPOCH), 0);
        let mut going = Box::pin(async move {
            let gone = pending.hand_over(&account).await;
            if let Ok(fates) = &gone {
                account.tell(fates.clone().unwrap_or_default());
            }
            gone
        });
        match poll_fn(|context| Poll::Ready(going.as_mut().poll(context))).await {
            Poll::Ready(gone) => tokio::spawn(async { gone }),
            Poll::Pending => tokio::spawn(going),
        }
    }

    /// The same, and what became of it: true where it is in the queue.
    async fn is_queued(&self, line: &str) -> bool {
        self.hand_over(line).await.await.unwrap().unwrap().is_none()
    }

    /// Returns when the output has so many events, and nothing is under way or waits.
    async fn has(&self, events: usize) {
        let delivered = async {
            self.got.subscribe().wait_for(|got| got.len() == events).await.unwrap();
            self.overflow.0.queue.unsent().wait_for(|unsent| *unsent == 0).await.unwrap();
            self.output.idle().await;
        };
        timeout(Duration::from_secs(30), delivered).await.unwrap();
    }

    /// What the output has, where all but so many events are accounted for.
    async fn end(self, held: u64) -> Vec<String> {
        self.leave.send_replace(true);
        self.draining.await.unwrap();
        timeout(Duration::from_secs(30), self.overflow.end(Duration::from_secs(30))).await.unwrap();
        let accounts = self.world.stats.accounts();
        assert_eq!((accounts.events_in, accounts.held), (accounts.accounted(), held));
        self.got.send_replace(Vec::new())
    }
}

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_was_away_has_its_batches_in_their_order_and_is_sent_to_directly_again() {
    let house = House::new(64 << 20, false);
    let all = lines(20);
    let first = house.hand_over(&all[0]).await;
    for line in &all[1..] {
        assert!(house.is_queued(line).await);
    }
    assert!(
        first.await.unwrap().unwrap().is_none(),
        "it is in the queue too, that the others need not wait for it"
    );
    assert_eq!(house.world.stats.accounts().held, 20);
    house.here.send_replace(true);
    house.has(20).await;
    assert!(!house.is_queued("after").await);
    let (got, all) = (house.end(0).await, [all, vec!["after".to_owned()]].concat());
    assert_eq!(got, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_queue_takes_nothing_the_output_is_waited_for() {
    // No record is so small.
    let house = House::new(64, false);
    let all = lines(3);
    let mut under_way = Vec::new();
    for line in &all {
        under_way.push(house.hand_over(line).await);
    }
    house.overflow.0.line.stuck.subscribe().wait_for(|stuck| *stuck).await.unwrap();
    assert_eq!(house.world.stats.accounts().held, 3);
    house.here.send_replace(true);
    for gone in under_way {
        assert!(gone.await.unwrap().unwrap().is_some(), "it was sent");
    }
    house.has(3).await;
    assert_eq!(house.end(0).await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_waits_for_nothing() {
    let house = House::new(64, false);
    let (first, second) = (house.hand_over("a").await, house.hand_over("b").await);
    house.give_up.send_replace(true);
    let given_up = async { (first.await.unwrap().is_err(), second.await.unwrap().is_err()) };
    assert_eq!(timeout(Duration::from_secs(30), given_up).await.unwrap(), (true, true));
    assert_eq!(house.world.stats.accounts().held, 2);
    assert!(house.end(2).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_output_panics_comes_again() {
    let house = House::new(64 << 20, true);
    let all = lines(3);
    let first = house.hand_over(&all[0]).await;
    for line in &all[1..] {
        assert!(house.is_queued(line).await);
    }
    assert!(first.await.unwrap().unwrap().is_none());
    house.here.send_replace(true);
    house.has(3).await;
    let mut got = house.end(0).await;
    got.sort();
    assert_eq!(got, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_stays_with_its_output_and_is_removed_when_it_is_nobodys_and_empty() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path());
    let of = |conf: &str| -> Vec<Identity> {
        let source = alces_conf::Source::new("x.conf", &format!("output {{ {conf} }}"));
        let config = alces_conf::parse(&source, alces_conf::Escapes::Off).unwrap();
        let plugins = config.sections.iter().flat_map(|section| &section.body);
        let plugin = |statement: &alces_conf::Statement| match statement {
            alces_conf::Statement::Plugin(plugin) => Identity::of(plugin),
            alces_conf::Statement::If(_) => panic!("a plugin"),
        };
        plugins.map(plugin).collect()
    };
    let folders = |overflows: &[Option<Overflow>]| -> Vec<String> {
        let name = |overflow: &Option<Overflow>| {
            let path = overflow.as_ref().unwrap().0.queue.path();
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        overflows.iter().map(name).collect()
    };
    let (a, b, c) = (
        "tcp { host => \"a\" port => 1 }",
        "tcp { host => \"b\" port => 1 }",
        "udp { host => \"c\" port => 1 }",
    );
    let overflows = Overflows::new(dir.path().to_owned(), DiskQueue::default());
    let first = overflows.of(&of(&format!("{a} {b}")), &world).unwrap();
    assert_eq!(folders(&first), ["tcp@1", "tcp@2"]);
    let event = Event::from_line("waits".to_owned().into(), Timestamp::UNIX_EPOCH);
    let share = || Share::alone(Account::alone(&world.stats, 1), 1);
    first[1].as_ref().unwrap().put(vec![event], share()).await.unwrap();
    // A reload: another before it, and one less.
    let second = overflows.of(&of(&format!("{c} {b}")), &world).unwrap();
    assert_eq!(folders(&second), ["udp@1", "tcp@2"]);
    drop((first, second));
    overflows.end(Duration::from_secs(30)).await;
    drop(overflows);
    // The next process.
    let overflows = Overflows::new(dir.path().to_owned(), DiskQueue::default());
    let third = overflows.of(&of(&format!("{c} {c}")), &world).unwrap();
    assert_eq!(folders(&third), ["udp@1", "udp@2"]);
    let mut left: Vec<_> = std::fs::read_dir(dir.path().join("outputs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["tcp@2", "udp@1", "udp@2"], "what waits in one is kept");
    drop(third);
    overflows.end(Duration::from_secs(30)).await;
}
