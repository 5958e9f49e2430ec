//! A queue on disk between inputs and workers (Logstash's persisted queue): an input's window is acknowledged when it is synced here, and goes
//! out of the queue when it is delivered. It is the agent's spool (`alces-spool`); a record is one batch.
//!
//! Killed at any moment: what was acknowledged is in the queue. What was under way is delivered once more, with the same ids, as an event
//! that has none is given one before it is written. A full queue, or disk, holds senders back.
//!
//! An output may have one of its own, for what it is behind with (`crate::overflow`). Its batches are shares of others: what becomes of them
//! goes on the account that they bring.

mod record;
mod stats;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use alces_dlq::Appended;
use alces_spool::{Folder, Options, Record, Spool, SpoolError};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tracing::{error, info, warn};

use crate::{
    CollectorError,
    batch::{Batch, Delivery},
    dlq::Letter,
    generation::World,
    output::Fates,
    share::Share,
};
use record::{Encoder, TooLarge};
pub(crate) use stats::QueueStats;

/// Batches that wait are made durable together, up to so many bytes: one fsync for all of them.
const SYNC_BYTES: usize = 4 << 20;

/// How far the queue is delivered is stored so often: what is delivered and not stored is delivered again after a crash.
const SAVE_EVERY: Duration = Duration::from_millis(200);

/// How often it is tried again where there is no room, or the disk refuses.
const RETRY: Duration = Duration::from_millis(250);

/// A part that cannot be read is tried so often.
const READS: u32 = 20;

/// How a pipeline's queue is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskQueue {
    /// The folder of all queues: Logstash's `path.queue`.
    pub folder: Option<PathBuf>,
    /// `queue.max_bytes`: senders wait when it is reached.
    pub max_bytes: u64,
    /// `queue.drain`: whether it is emptied before the collector stops, within the drain time.
    pub drain: bool,
}

impl DiskQueue {
    /// Where the queue of a pipeline is.
    pub(crate) fn folder_of(&self, data_dir: &Path, id: &str) -> PathBuf {
        let folders = self.folder.clone().unwrap_or_else(|| data_dir.join("queue"));
        folders.join(folder_name(id))
    }
}

impl Default for DiskQueue {
    /// 1 GiB, and not drained, as Logstash's.
    fn default() -> Self {
        Self { folder: None, max_bytes: 1 << 30, drain: false }
    }
}

/// A queue that is open.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Shared>);

struct Shared {
    inside: Mutex<Inside>,
    /// Something can be read, there is room, or it is over.
    changed: Condvar,
    /// Nothing more is to be read.
    stop: AtomicBool,
    /// What waits for deliveries.
    settling: Mutex<JoinSet<()>>,
    drain: bool,
    stats: Arc<QueueStats>,
}

struct Inside {
    spool: Spool<Folder>,
    /// Records that were read and are not delivered.
    under_way: BTreeSet<u64>,
    /// The last record that was read.
    given: u64,
    /// Records that a pipeline has given back.
    again: VecDeque<(Record, Option<Share>)>,
    /// Records that this process wrote, the oldest first.
    written: VecDeque<Written>,
    saved: Instant,
    /// Nothing more is written.
    closed: bool,
}

/// A record that this process wrote, and has not read yet.
struct Written {
    number: u64,
    events: u64,
    share: Option<Share>,
}

/// A record to be delivered.
struct Next {
    record: Record,
    /// Whether it is read for the first time; one that came back was counted.
    first: bool,
    share: Option<Share>,
}

/// So many events of a batch are in the queue, and not all.
struct HalfStored {
    events: u64,
}

impl Queue {
    /// Opens the queue of a pipeline.
    pub(crate) fn open(data_dir: &Path, id: &str, settings: &DiskQueue) -> Result<Self, CollectorError> {
        Self::open_at(settings.folder_of(data_dir, id), settings)
    }

    /// Opens the queue in this folder.
    pub(crate) fn open_at(path: PathBuf, settings: &DiskQueue) -> Result<Self, CollectorError> {
        let broken = |reason: String| CollectorError::Queue { path: path.clone(), reason };
        let folder = Folder::open(&path).map_err(|error| broken(error.to_string()))?;
        let spool = Spool::open(folder, Options::new(settings.max_bytes))
            .map_err(|error| broken(error.to_string()))?;
        let found = spool.stats();
        if found.pending > 0 {
            info!(records = found.pending, bytes = found.bytes, path = %path.display(), "the queue holds what was not delivered before");
        }
        let stats = Arc::new(QueueStats::new(settings.max_bytes));
        stats.set_bytes(found.bytes);
        let given = spool.done();
        let inside = Inside {
            spool,
            under_way: BTreeSet::new(),
            given,
            again: VecDeque::new(),
            written: VecDeque::new(),
            saved: Instant::now(),
            closed: false,
        };
        Ok(Self(Arc::new(Shared {
            inside: Mutex::new(inside),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            settling: Mutex::default(),
            drain: settings.drain,
            stats,
        })))
    }

    /// What it holds.
    pub(crate) fn stats(&self) -> Arc<QueueStats> {
        self.0.stats.clone()
    }

    /// Whether all that was stored is delivered.
    pub(crate) fn is_empty(&self) -> bool {
        self.inside().spool.stats().pending == 0
    }

    /// Nothing more will be written: the reader ends when all is delivered.
    pub(crate) fn close(&self) {
        self.inside().closed = true;
        self.0.changed.notify_all();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or for a while.
    fn wait<'i>(&self, inside: MutexGuard<'i, Inside>) -> MutexGuard<'i, Inside> {
        self.0.changed.wait_timeout(inside, RETRY).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Takes batches of inputs, and gives them to workers as soon as they are durable. What is returned ends when both are done: when
    /// inputs have let go, and all is read or [`Queue::stop`] was called.
    pub(crate) fn start(
        &self,
        mut from: mpsc::Receiver<Batch>,
        to: mpsc::Sender<Batch>,
        world: &World,
    ) -> Keeper {
        let (writer, reader) = (self.clone(), self.clone());
        let (world, of_writer) = (world.clone(), world.clone());
        let runtime = tokio::runtime::Handle::current();
        Keeper {
            queue: self.clone(),
            writer: tokio::task::spawn_blocking(move || writer.write_all(&mut from, &of_writer)),
            reader: tokio::task::spawn_blocking(move || reader.read_all(&to, &world, &runtime)),
        }
    }

    /// Gives nothing more to workers, but where all is to be drained.
    pub(crate) fn stop(&self) {
        if !self.0.drain {
            self.0.stop.store(true, Relaxed);
            self.0.changed.notify_all();
        }
    }

    fn write_all(&self, from: &mut mpsc::Receiver<Batch>, world: &World) {
        let mut encoder = Encoder::default();
        while let Some(batch) = from.blocking_recv() {
            let (mut records, mut deliveries) = (Vec::new(), Vec::new());
            let mut bytes = 0;
            let mut next = Some(batch);
            while let Some(batch) = next {
                bytes += encoder.encode(batch.events, batch.share, &mut records);
                deliveries.push(batch.delivery);
                next = if bytes < SYNC_BYTES { from.try_recv().ok() } else { None };
            }
            let Some(buried) = self.bury(encoder.too_large(), world) else { continue };
            match self.store(&records) {
                Ok(()) => {
                    // The others are held as before.
                    world.stats.ledger.change(|accounts| {
                        accounts.let_go(buried.kept + buried.refused);
                        accounts.dead_lettered += buried.kept;
                        accounts.lost += buried.refused;
                    });
                    deliveries.into_iter().for_each(Delivery::done);
                }
                // Their senders have them too, and send them again.
                Err(HalfStored { events }) => world.stats.ledger.enter(events),
            }
        }
        self.close();
    }

    /// Puts events that no record can hold into the dead-letter queue; none where that cannot be.
    fn bury(&self, events: Vec<TooLarge>, world: &World) -> Option<Appended> {
        let mut buried = Appended::default();
        for TooLarge { document, metadata, share } in events {
            let reason = format!("an event of {} bytes is more than the queue takes", document.len());
            let letter = Letter { document: &document, metadata: &metadata, reason, ..Letter::default() };
            match world.dlq.append("queue", (world.clock)(), &[letter]) {
                Ok(Appended { kept, refused, dropped }) => {
                    warn!(
                        kept,
                        lost = refused,
                        "an event is too large for the queue: into the dead-letter queue"
                    );
                    world.stats.dead_letters.add(kept);
                    world.stats.dead_letters_dropped.add(dropped);
                    match share {
                        Some(share) if kept > 0 => share.bury(),
                        Some(share) => share.lose(),
                        None => {
                            buried.kept += kept;
                            buried.refused += refused;
                        }
                    }
                }
                Err(problem) => {
                    error!(%problem, "the dead-letter queue cannot be written: a window stays unacknowledged");
                    return None;
                }
            }
        }
        Some(buried)
    }

    /// Returns when all records are durable; an error where the collector stops before.
    fn store(&self, records: &[record::Encoded]) -> Result<(), HalfStored> {
        let half = |numbers: &[u64]| {
            // Shares are on another's account, which holds them as before.
            let stored = records.iter().take(numbers.len()).filter(|record| record.share.is_none());
            Err(HalfStored { events: stored.map(|record| record.events).sum() })
        };
        let mut inside = self.inside();
        let mut numbers: Vec<u64> = Vec::new();
        let mut told = false;
        while let Err(problem) = self.try_store(&mut inside, records, &mut numbers) {
            if matches!(problem, SpoolError::TooLong { .. }) {
                // Larger ones were buried: only a smaller queue than any setting allows comes here.
                error!(%problem, "its window stays unacknowledged");
                return half(&numbers);
            }
            if !told {
                warn!(%problem, "the queue takes nothing: senders wait");
                told = true;
            }
            // What is durable can be delivered, and what is delivered makes room. Of the records of one large batch, too.
            if let Err(problem) = inside.spool.sync() {
                self.forget(&mut inside, &problem, &mut numbers);
            }
            let _ = inside.spool.save();
            self.0.changed.notify_all();
            if self.0.stop.load(Relaxed) {
                return half(&numbers);
            }
            inside = self.wait(inside);
        }
        if told {
            info!("the queue takes events again");
        }
        self.0.stats.set_bytes(inside.spool.stats().bytes);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Appends what is not appended yet, and makes it durable.
    fn try_store(
        &self,
        inside: &mut Inside,
        records: &[record::Encoded],
        numbers: &mut Vec<u64>,
    ) -> Result<(), SpoolError> {
        while let Some(record) = records.get(numbers.len()) {
            match inside.spool.append(&record.bytes) {
                Ok(number) => {
                    numbers.push(number);
                    let (events, share) = (record.events, record.share.clone());
                    inside.written.push_back(Written { number, events, share });
                    self.0.stats.add(record.events);
                }
                Err(problem) => {
                    self.forget(inside, &problem, numbers);
                    return Err(problem);
                }
            }
        }
        inside.spool.sync().inspect_err(|problem| self.forget(inside, problem, numbers))
    }

    /// What the disk did not keep is to be appended again.
    fn forget(&self, inside: &mut Inside, problem: &SpoolError, numbers: &mut Vec<u64>) {
        let SpoolError::TakenBack { from, .. } = problem else { return };
        numbers.retain(|number| number < from);
        while let Some(back) = inside.written.pop_back_if(|written| written.number >= *from) {
            self.0.stats.remove(back.events);
        }
    }

    fn read_all(&self, to: &mpsc::Sender<Batch>, world: &World, runtime: &tokio::runtime::Handle) {
        while let Some(Next { record, first, mut share }) = self.next() {
            let (events, broken) = record::decode(&record.bytes, (world.clock)());
            if broken > 0 {
                // Only bytes that are not ours can be so: the spool checks each record.
                error!(
                    events = broken,
                    record = record.number,
                    "events of the queue cannot be read: they are lost"
                );
            }
            let count = events.len() as u64;
            if first && self.0.stats.is_new(record.number) {
                let written = self.first_read(record.number, world);
                match written {
                    Some(Written { share: Some(whole), .. }) => {
                        if broken > 0 {
                            whole.part(events.len()..events.len() + broken as usize).lose();
                        }
                        share = Some(whole);
                        self.0.stats.remove(broken);
                    }
                    Some(_) => {
                        world.stats.ledger.lose(broken);
                        self.0.stats.remove(broken);
                    }
                    // An earlier process took them in.
                    None => {
                        world.stats.ledger.enter(count + broken);
                        world.stats.ledger.lose(broken);
                        self.0.stats.add(count);
                    }
                }
            }
            let queue = self.clone();
            if let Some(sending) = share.as_mut().and_then(|share| share.sending.take()) {
                self.settling(runtime, async move {
                    let fates = sending.await;
                    if let (Some(share), Some(fates)) = (&share, &fates) {
                        share.clone().tell(Fates::clone(fates));
                    }
                    queue.settle(record, share, count, fates.is_some());
                });
                continue;
            }
            let (mut batch, delivered) = Batch::new(events.len(), events.into_iter());
            batch.share = share.clone();
            self.settling(runtime, async move {
                let delivered = delivered.await.is_ok();
                if !delivered {
                    // What made a pipeline give it back at once, as a disk that is full under its dead letters, is there for a while.
                    tokio::time::sleep(RETRY).await;
                }
                queue.settle(record, share, count, delivered);
            });
            if to.blocking_send(batch).is_err() {
                return;
            }
        }
    }

    /// Waits for a delivery.
    fn settling(&self, runtime: &tokio::runtime::Handle, end: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.settling.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(end, runtime);
    }

    /// What this process wrote of a record that is read for the first time; none where an earlier one did.
    fn first_read(&self, number: u64, world: &World) -> Option<Written> {
        let mut inside = self.inside();
        while let Some(gone) = inside.written.pop_front_if(|written| written.number < number) {
            // Records are read in their order: these were set aside.
            match gone.share {
                Some(share) => share.lose(),
                None => world.stats.ledger.lose(gone.events),
            }
            self.0.stats.remove(gone.events);
        }
        inside.written.pop_front_if(|written| written.number == number)
    }

    /// The next record, once there is one; none when it is over.
    fn next(&self) -> Option<Next> {
        let mut inside = self.inside();
        let mut failed = 0;
        loop {
            if self.0.stop.load(Relaxed) {
                return None;
            }
            if let Some((record, share)) = inside.again.pop_front() {
                return Some(Next { record, first: false, share });
            }
            match inside.spool.read() {
                Ok(Some(record)) => {
                    inside.given = record.number;
                    inside.under_way.insert(record.number);
                    return Some(Next { record, first: true, share: None });
                }
                Ok(None) if inside.closed && inside.under_way.is_empty() => return None,
                Ok(None) => {}
                Err(problem) => {
                    failed += 1;
                    if failed == 1 {
                        error!(%problem, "the queue cannot be read: trying again");
                    } else if failed >= READS {
                        error!(%problem, "a part of the queue cannot be read: it is kept beside it, and what was in it is not delivered");
                        failed = 0;
                        if matches!(inside.spool.set_aside(), Ok(true)) {
                            continue;
                        }
                    }
                }
            }
            inside = self.wait(inside);
        }
    }

    /// A record is delivered, or a pipeline gave it back.
    fn settle(&self, record: Record, share: Option<Share>, events: u64, delivered: bool) {
        let mut inside = self.inside();
        if delivered {
            inside.under_way.remove(&record.number);
            self.0.stats.remove(events);
            // All before the oldest that is under way.
            let done = inside.under_way.first().map_or(inside.given, |oldest| oldest - 1);
            inside.spool.ack(done);
            if inside.saved.elapsed() >= SAVE_EVERY || inside.under_way.is_empty() {
                self.save(&mut inside);
            }
        } else {
            inside.again.push_back((record, share));
        }
        drop(inside);
        self.0.changed.notify_all();
    }

    fn save(&self, inside: &mut Inside) {
        inside.saved = Instant::now();
        if let Err(problem) = inside.spool.save() {
            warn!(%problem, "how far the queue is delivered cannot be stored: after a crash some of it is delivered again");
        }
        self.0.stats.set_bytes(inside.spool.stats().bytes);
    }
}

/// A name of a folder for an id, which may hold anything.
pub(crate) fn folder_name(id: &str) -> String {
    let name = id.replace(['/', '\0'], "_");
    if name.starts_with('.') { format!("_{name}") } else { name }
}

/// A queue at work.
pub(crate) struct Keeper {
    queue: Queue,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
}

impl Keeper {
    /// Gives nothing more to workers.
    pub(crate) fn stop(&self) {
        self.queue.stop();
    }

    /// Ends it, when workers have ended: what they did not deliver stays in the queue.
    pub(crate) async fn end(self, wait: Duration) {
        self.queue.0.stop.store(true, Relaxed);
        self.queue.0.changed.notify_all();
        // Inputs may have something to store yet; one that blocks on a read never lets go.
        if tokio::time::timeout(wait, self.writer).await.is_err() {
            info!("an input has not ended: what it was not acknowledged, it sends again");
        }
        let _ = self.reader.await;
        // Who waits for a delivery holds the queue open, and its folder locked. Workers have ended: nothing is waited for long.
        let mut settling =
            std::mem::take(&mut *self.queue.0.settling.lock().unwrap_or_else(PoisonError::into_inner));
        while settling.join_next().await.is_some() {}
        let mut inside = self.queue.inside();
        self.queue.save(&mut inside);
    }
}
