//! The queue alone: batches in, batches out, and what is left when it is opened again.

use alces_event::{Event, FieldRef, Timestamp};
use alces_plugin::Label;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::record::Encoder;
use super::*;
use crate::{Bus, batch::Delivery, dlq::DeadLetterQueue, plugins::PluginStats};

struct House {
    dir: TempDir,
    world: World,
}

/// A queue that runs.
struct Running {
    out: mpsc::Sender<Batch>,
    read: mpsc::Receiver<Batch>,
    keeper: Keeper,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let dlq = DeadLetterQueue::new(dir.path(), "main", Default::default()).unwrap();
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let world = World { stats: Arc::default(), clock, dlq, bus: Bus::default(), overflows: None };
        Self { dir, world }
    }

    fn open(&self, max_bytes: u64) -> Running {
        let settings = DiskQueue { max_bytes, ..DiskQueue::default() };
        let queue = Queue::open(self.dir.path(), "main", &settings).unwrap();
        let ((out, from), (to, read)) = (mpsc::channel(1), mpsc::channel(1));
        let keeper = queue.start(from, to, &self.world);
        Running { out, read, keeper }
    }
}

impl Running {
    /// Hands in events of these lines; true when they are acknowledged.
    async fn send(&self, lines: &[&str]) -> bool {
        let events: Vec<_> = lines
            .iter()
            .map(|line| Event::from_line((*line).to_owned().into(), Timestamp::UNIX_EPOCH))
            .collect();
        let (mut batch, delivered) = Batch::new(events.len(), events.into_iter());
        let label = Label { id: String::new(), name: String::new() };
        batch.count(&PluginStats::new(label), &Arc::default());
        self.out.send(batch).await.unwrap();
        delivered.await.is_ok()
    }

    /// The next batch: its lines with their ids, and its promise.
    async fn take(&mut self) -> (Vec<(String, String)>, Delivery) {
        let batch = self.read.recv().await.unwrap();
        let text = |event: &Event, field: &FieldRef| event.text(field).unwrap().to_owned();
        let (message, id) = (FieldRef::field("message"), FieldRef::metadata("_id"));
        let events = batch.events.map(|event| (text(&event, &message), text(&event, &id))).collect();
        (events, batch.delivery)
    }

    async fn end(self) {
        drop((self.out, self.read));
        self.keeper.end(Duration::from_secs(60)).await;
    }
}

fn lines(events: &[(String, String)]) -> Vec<&str> {
    events.iter().map(|(line, _)| line.as_str()).collect()
}

#[tokio::test]
async fn what_is_acknowledged_and_not_delivered_comes_again_with_the_same_ids() {
    let house = House::new();
    let mut running = house.open(64 << 20);
    assert!(running.send(&["a", "b"]).await, "it is durable; nobody has delivered it");
    assert!(running.send(&["c"]).await);
    let (first, delivered) = running.take().await;
    let (second, undelivered) = running.take().await;
    assert_eq!((lines(&first), lines(&second)), (vec!["a", "b"], vec!["c"]));
    delivered.done();
    drop(undelivered);
    // A pipeline that gives something back gets it again.
    let (again, undelivered) = running.take().await;
    assert_eq!(again, second);
    drop(undelivered);
    running.end().await;

    let mut running = house.open(64 << 20);
    let (after, delivered) = running.take().await;
    assert_eq!(after, second);
    assert_eq!(house.world.stats.accounts().events_in, 1, "this process took it out of the queue");
    delivered.done();
    running.end().await;
    let queue = Queue::open(house.dir.path(), "main", &DiskQueue::default()).unwrap();
    assert_eq!(queue.inside().spool.stats().pending, 0);
}

#[tokio::test]
async fn a_full_queue_holds_senders_until_something_is_delivered() {
    let house = House::new();
    let mut running = house.open(1 << 20);
    // Bytes that do not pack.
    let long: String = (0..150_000).map(|_| char::from(fastrand::u8(b' '..b'~'))).collect();
    let mut sent = 0;
    let held = loop {
        let send = tokio::time::timeout(Duration::from_millis(500), running.send(&[&long])).await;
        match send {
            Ok(acknowledged) => assert!(acknowledged),
            Err(_) => break sent + 1,
        }
        sent += 1;
        assert!(sent < 20, "a mebibyte holds no more than 9 of these");
    };
    // The one that waits is taken as soon as there is room.
    for _ in 0..held {
        let (events, delivery) = running.take().await;
        assert_eq!(lines(&events), [long.as_str()]);
        delivery.done();
    }
    assert!(running.send(&["short"]).await);
    running.end().await;
}

#[tokio::test]
async fn when_inputs_end_all_is_given_out_before_the_queue_ends() {
    let house = House::new();
    let running = house.open(64 << 20);
    for line in ["a", "b", "c"] {
        assert!(running.send(&[line]).await);
    }
    let Running { out, mut read, keeper } = running;
    drop(out);
    let mut count = 0;
    while let Some(batch) = read.recv().await {
        count += batch.len;
        batch.delivery.done();
    }
    assert_eq!(count, 3);
    keeper.end(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_batch_that_is_larger_than_the_queue_goes_through_it() {
    let house = House::new();
    let Running { out, mut read, keeper } = house.open(8 << 20);
    let line = || -> String { (0..1_000_000).map(|_| char::from(fastrand::u8(b' '..b'~'))).collect() };
    let lines: Vec<String> = (0..20).map(|_| line()).collect();
    let sent = {
        let events =
            lines.clone().into_iter().map(|line| Event::from_line(line.into(), Timestamp::UNIX_EPOCH));
        let (batch, delivered) = Batch::new(lines.len(), events);
        out.send(batch).await.unwrap();
        delivered
    };
    drop(out);
    let mut found = Vec::new();
    while let Some(batch) = read.recv().await {
        let message = FieldRef::field("message");
        found.extend(batch.events.map(|event| event.text(&message).unwrap().to_owned()));
        batch.delivery.done();
    }
    assert!(found == lines, "{} of {} lines", found.len(), lines.len());
    sent.await.unwrap();
    keeper.end(Duration::from_secs(60)).await;
}

#[test]
fn an_event_that_is_too_large_is_in_the_dead_letter_queue_and_the_others_go_on() {
    let house = House::new();
    let queue = Queue::open(house.dir.path(), "main", &DiskQueue::default()).unwrap();
    let mut encoder = Encoder::for_events_of(1000);
    let (long, now) = ("x".repeat(2000), Timestamp::UNIX_EPOCH);
    let events = ["a", &long, "b"].map(|line| Event::from_line(line.to_owned().into(), now));
    let mut records = Vec::new();
    encoder.encode(events.into_iter(), &mut records);
    assert_eq!(record::decode(&records[0].bytes, now).events.len(), 2);
    let buried = queue.bury(encoder.too_large(), &house.world).map(|buried| buried.kept);
    let letters = std::fs::read_to_string(house.dir.path().join("dead_letter_queue/main.ndjson")).unwrap();
    assert!(letters.contains(&long) && letters.contains("more than the queue takes"));
    assert_eq!((buried, house.world.stats.dead_letters.get()), (Some(1), 1));
}

#[test]
fn other_bytes_are_counted_and_no_reason_to_stop() {
    let now = Timestamp::UNIX_EPOCH;
    let mut records = Vec::new();
    let event = Event::from_line("x".into(), now);
    Encoder::default().encode([event].into_iter(), &mut records);
    let whole = &records[0].bytes;
    assert_eq!(record::decode(whole, now).events.len(), 1);
    for cut in 1..whole.len() {
        let found = record::decode(&whole[..cut], now);
        assert_eq!((found.events.len(), found.broken.len()), (0, usize::from(cut > 1)), "{cut}");
    }
    assert_eq!(record::decode(&[2, 0, 0, 0, 0], now).broken.len(), 1, "another version");
    assert_eq!(record::decode(&[], now).broken.len(), 1);
}

#[test]
fn an_event_that_filters_nested_deeper_than_any_sender_may_is_read_back() {
    let now = Timestamp::UNIX_EPOCH;
    let deep = format!("{}1{}", "[".repeat(99), "]".repeat(99));
    let (mut event, _) = Event::from_json(format!("{{\"deep\":{deep}}}").as_bytes(), now).unwrap();
    let value = event.remove(&FieldRef::field("deep")).unwrap();
    event.set(&FieldRef::parse("[@metadata][a][b][c][d][e]").unwrap(), value);
    let mut records = Vec::new();
    Encoder::default().encode([event].into_iter(), &mut records);
    assert_eq!(record::decode(&records[0].bytes, now).events.len(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_event_are_a_dead_letter_and_the_others_go_on_by_their_places() {
    let house = House::new();
    let path = house.dir.path().join("queue/main");
    let mut spool = Spool::open(Folder::open(&path).unwrap(), Options::new(64 << 20)).unwrap();
    let mut bytes = vec![1];
    for text in [r#"{"message":"a"}"#, r#"{"message":"#, r#"{"message":"c","@metadata":{"_id":"3"}}"#] {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    spool.append(&bytes).unwrap();
    spool.sync().unwrap();
    drop(spool);
    let mut running = house.open(64 << 20);
    let batch = running.read.recv().await.unwrap();
    let message = FieldRef::field("message");
    let found: Vec<_> = batch.events.map(|event| event.text(&message).unwrap().to_owned()).collect();
    assert_eq!(found, ["a", "c"]);
    batch.delivery.done();
    let letters = std::fs::read_to_string(house.dir.path().join("dead_letter_queue/main.ndjson")).unwrap();
    assert!(letters.contains(r#"{\"message\":"#) && letters.contains("_queueunreadable"), "{letters}");
    let accounts = house.world.stats.accounts();
    assert_eq!((accounts.events_in, accounts.dead_lettered, accounts.held), (3, 1, 2));
    running.end().await;
}
