//! A queue on disk between inputs and workers (Logstash's persisted queue): an input's window is acknowledged when it is synced here, and goes
//! out of the queue when it is delivered. It is the agent's spool (`alces-spool`); a record is one batch.
//!
//! Killed at any moment: what was acknowledged is in the queue. What was under way is delivered once more, with the same ids, as an event
//! that has none is given one before it is written. A full queue, or disk, holds senders back.
//!
//! An output may have one of its own, for what it is behind with (`crate::overflow`). Its batches are shares of others: what becomes of them
//! goes on the account that they bring.

mod put;
mod read;
mod record;
mod stats;
#[cfg(test)]
mod tests;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use alces_spool::{Folder, Options, Record, Spool, SpoolError};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tracing::{error, info, warn};

use crate::{CollectorError, batch::Batch, generation::World, share::Share};
pub(crate) use put::NotPut;
pub(crate) use stats::QueueStats;

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
    path: PathBuf,
    inside: Mutex<Inside>,
    /// Something can be read, there is room, or it is over.
    changed: Condvar,
    /// Nothing more is to be read.
    stop: AtomicBool,
    /// What waits for deliveries.
    settling: Mutex<JoinSet<()>>,
    /// Records that nobody has begun to deliver.
    unsent: watch::Sender<u64>,
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
    again: BTreeMap<u64, (Record, Option<Share>)>,
    /// Records that this process wrote, the oldest first.
    written: VecDeque<Written>,
    saved: Instant,
    /// Nothing more is written.
    closed: bool,
    /// A part could not be read, so that it is not known how many records nobody has begun to deliver.
    skipped: bool,
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

impl Written {
    /// Nobody has begun to deliver it.
    fn is_unsent(&self) -> bool {
        self.share.as_ref().is_none_or(|share| share.sending.is_none())
    }
}

impl Queue {
    /// Opens the queue of a pipeline.
    pub(crate) fn open(data_dir: &Path, id: &str, settings: &DiskQueue) -> Result<Self, CollectorError> {
        Self::open_at(settings.folder_of(data_dir, id), settings)
    }

    /// Opens the queue in this folder.
    pub(crate) fn open_at(path: PathBuf, settings: &DiskQueue) -> Result<Self, CollectorError> {
        let spool = spool(&path, settings)?;
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
            again: BTreeMap::new(),
            written: VecDeque::new(),
            saved: Instant::now(),
            closed: false,
            skipped: false,
        };
        Ok(Self(Arc::new(Shared {
            path,
            inside: Mutex::new(inside),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            settling: Mutex::default(),
            unsent: watch::channel(found.pending).0,
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

    /// How many records the queue in this folder holds; that of a process that is over.
    pub(crate) fn waiting_at(path: PathBuf, settings: &DiskQueue) -> Result<u64, CollectorError> {
        Ok(spool(&path, settings)?.stats().pending)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Records that nobody has begun to deliver.
    pub(crate) fn unsent(&self) -> watch::Receiver<u64> {
        self.0.unsent.subscribe()
    }

    /// Somebody has begun to deliver a record.
    pub(crate) fn sent(&self) {
        self.0.unsent.send_modify(|unsent| *unsent = unsent.saturating_sub(1));
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
            writer: Some(tokio::task::spawn_blocking(move || writer.write_all(&mut from, &of_writer))),
            reader: tokio::task::spawn_blocking(move || reader.read_all(&to, &world, &runtime)),
        }
    }

    /// The same of a queue that is written to by [`Queue::put`].
    pub(crate) fn start_reading(&self, to: mpsc::Sender<Batch>, world: &World) -> Keeper {
        let (reader, world, runtime) = (self.clone(), world.clone(), tokio::runtime::Handle::current());
        Keeper {
            queue: self.clone(),
            writer: None,
            reader: tokio::task::spawn_blocking(move || reader.read_all(&to, &world, &runtime)),
        }
    }

    /// Gives nothing more to workers, but where all is to be drained.
    pub(crate) fn stop(&self) {
        if !self.0.drain {
            self.halt();
        }
    }

    /// Gives nothing more to workers, and waits for no room.
    pub(crate) fn halt(&self) {
        self.0.stop.store(true, Relaxed);
        self.0.changed.notify_all();
    }

    /// Appends what is not appended yet, and makes it durable. In an output's queue the events are its `share`.
    fn try_store(
        &self,
        inside: &mut Inside,
        records: &[record::Encoded],
        numbers: &mut Vec<u64>,
        share: Option<&Share>,
    ) -> Result<(), SpoolError> {
        while let Some(record) = records.get(numbers.len()) {
            match inside.spool.append(&record.bytes) {
                Ok(number) => {
                    let before: u64 = records.iter().take(numbers.len()).map(|record| record.events).sum();
                    let places = before as usize..(before + record.events) as usize;
                    let share = share.map(|share| share.only(places));
                    numbers.push(number);
                    let written = Written { number, events: record.events, share };
                    self.count_unsent(|unsent| unsent + u64::from(written.is_unsent()));
                    inside.written.push_back(written);
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
            self.count_unsent(|unsent| unsent.saturating_sub(u64::from(back.is_unsent())));
            if let Some(share) = back.share {
                share.withdraw();
            }
        }
    }

    fn count_unsent(&self, change: impl FnOnce(u64) -> u64) {
        self.0.unsent.send_modify(|unsent| *unsent = change(*unsent));
    }

    /// The next record, once there is one; none when it is over.
    fn next(&self) -> Option<Next> {
        let mut inside = self.inside();
        let mut failed = 0;
        loop {
            if self.0.stop.load(Relaxed) {
                return None;
            }
            if let Some((_, (record, share))) = inside.again.pop_first() {
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
                        error!(%problem, path = %self.0.path.display(), "the queue cannot be read: trying again");
                    } else if failed >= READS {
                        error!(%problem, path = %self.0.path.display(), "a part of the queue cannot be read: it is kept beside it, and what was in it is not delivered");
                        failed = 0;
                        if matches!(inside.spool.set_aside(), Ok(true)) {
                            inside.skipped = true;
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
            self.count_unsent(|unsent| unsent + 1);
            inside.again.insert(record.number, (record, share));
        }
        if inside.skipped && inside.spool.stats().pending == 0 {
            self.count_unsent(|_| 0);
        }
        drop(inside);
        self.0.changed.notify_all();
    }

    fn save(&self, inside: &mut Inside) {
        inside.saved = Instant::now();
        if let Err(problem) = inside.spool.save() {
            warn!(%problem, path = %self.0.path.display(), "how far the queue is delivered cannot be stored: after a crash some of it is delivered again");
        }
        self.0.stats.set_bytes(inside.spool.stats().bytes);
    }
}

fn spool(path: &Path, settings: &DiskQueue) -> Result<Spool<Folder>, CollectorError> {
    Folder::open(path)
        .and_then(|folder| Spool::open(folder, Options::new(settings.max_bytes)))
        .map_err(|error| CollectorError::Queue { path: path.to_owned(), reason: error.to_string() })
}

/// A name of a folder for an id, which may hold anything.
pub(crate) fn folder_name(id: &str) -> String {
    let name = id.replace(['/', '\0'], "_");
    if name.starts_with('.') { format!("_{name}") } else { name }
}

/// A queue at work.
pub(crate) struct Keeper {
    queue: Queue,
    /// None where it is written to by [`Queue::put`].
    writer: Option<JoinHandle<()>>,
    reader: JoinHandle<()>,
}

impl Keeper {
    /// Gives nothing more to workers.
    pub(crate) fn stop(&self) {
        self.queue.stop();
    }

    /// Ends it, when workers have ended: what they did not deliver stays in the queue.
    pub(crate) async fn end(self, wait: Duration) {
        self.queue.halt();
        // Inputs may have something to store yet; one that blocks on a read never lets go.
        if let Some(writer) = self.writer
            && tokio::time::timeout(wait, writer).await.is_err()
        {
            info!("an input has not ended: what it was not acknowledged, it sends again");
        }
        let _ = self.reader.await;
        // Who waits for a delivery holds the queue open, and its folder locked. Workers have ended, and what they sent has been given up.
        let mut settling =
            std::mem::take(&mut *self.queue.0.settling.lock().unwrap_or_else(PoisonError::into_inner));
        while settling.join_next().await.is_some() {}
        let mut inside = self.queue.inside();
        self.queue.save(&mut inside);
    }
}
