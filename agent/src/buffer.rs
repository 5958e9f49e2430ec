//! The spool between tail and shipper: what lines wait in while no collector takes them, so that files can be read on, closed, rotated
//! and deleted.
//!
//! A batch goes to the shipper at once as long as it takes them. When it has taken none for a while, batches are written to the spool, and
//! from then on all of them are, until everything in it has been handed on: lines stay in order. What is in the spool counts as read: the
//! offsets in the registry move when it is durable there.

mod aside;

use std::{
    collections::VecDeque,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use alces_spool::{Folder, Options, Spool, SpoolError};
use tokio::sync::{Notify, mpsc::Sender};
use tracing::{error, info, warn};

use crate::{
    AgentError, Config,
    batch::Batch,
    options::OnFull,
    registry::Registry,
    status::{self, Board},
    tail::MAX_LINE,
};

/// Batches are made durable together when so many bytes wait, or when nothing more comes.
const SYNC_BYTES: usize = 8 << 20;

/// And no later than this after the first.
const SYNC_AFTER: Duration = Duration::from_millis(200);

/// Room for some windows, so that each fits; lines that are longer than usual want more.
const LEAST: u64 = 4 << 20;

/// How often a full spool is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// The spool, for those who write to it and for the one who empties it.
#[derive(Clone)]
pub(crate) struct Buffer(Arc<Shared>);

struct Shared {
    inside: Mutex<Inside>,
    registry: Arc<Mutex<Registry>>,
    board: Arc<Board>,
    max: u64,
    /// Where records are kept that are no batches.
    aside: PathBuf,
    /// Something can be read, or was handed on.
    changed: Notify,
    /// There may be room again.
    room: Condvar,
}

struct Inside {
    spool: Spool<Folder>,
    /// To be made durable, the oldest first; kept until it is, as the disk may refuse.
    waiting: Vec<Arc<Batch>>,
    /// How many of those are in the spool.
    appended: usize,
    waiting_since: Instant,
    /// Batches that went past the spool and have not arrived, and which records they are since they were written to it all the same.
    past: VecDeque<(Arc<Batch>, Option<u64>)>,
    /// The highest record of which is known that it arrived so.
    arrived: u64,
    /// A record was read and is on its way to the shipper.
    feeding: bool,
    /// The highest number that was given out.
    given: u64,
    /// It was said that there is no room.
    told_full: bool,
    /// It was said that lines are spooled.
    told: bool,
}

impl Buffer {
    /// Opens the spool in the data folder; `None` where there is to be none.
    pub(crate) fn open(
        config: &Config,
        registry: &Arc<Mutex<Registry>>,
        board: &Arc<Board>,
    ) -> Result<Option<Self>, AgentError> {
        if !config.spool.enabled {
            return Ok(None);
        }
        let path = config.data_dir.join("spool");
        let longest =
            config.inputs.iter().map(|input| input.max_line.min(MAX_LINE) as u64).max().unwrap_or(0);
        let max = config.spool.max_size.max(LEAST + 8 * longest);
        if max > config.spool.max_size {
            warn!(bytes = max, "`spool.max_size` is less than two windows may have: using this");
        }
        let mut options = Options::new(max);
        if config.spool.on_full == OnFull::DropOldest {
            options.on_full = alces_spool::OnFull::DropOldest;
        }
        // Log lines are for those who may read the logs.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|source| AgentError::DataDir { path: path.clone(), source })?;
        let opened = Folder::open(&path).and_then(|folder| Spool::open(folder, options));
        let spool = opened.map_err(|source| AgentError::Spool { path, source })?;
        let stats = spool.stats();
        if stats.torn_bytes + stats.damaged_bytes > 0 || stats.position_lost {
            warn!(?stats, "the spool was not left whole: what could be read of it is sent");
        }
        let given = spool.done();
        let inside = Inside {
            spool,
            waiting: Vec::new(),
            appended: 0,
            waiting_since: Instant::now(),
            past: VecDeque::new(),
            arrived: 0,
            feeding: false,
            given,
            told_full: false,
            told: stats.pending > 0,
        };
        let buffer = Self(Arc::new(Shared {
            inside: Mutex::new(inside),
            registry: registry.clone(),
            board: board.clone(),
            max,
            aside: config.data_dir.join("spool-aside"),
            changed: Notify::new(),
            room: Condvar::new(),
        }));
        buffer.0.tell_board(&buffer.lock().spool);
        Ok(Some(buffer))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something in it has not been handed on: what comes must wait behind it.
    pub(crate) fn is_busy(&self) -> bool {
        self.lock().is_busy()
    }

    /// Writes a batch to the spool, where it is durable after the next [`Buffer::sync`], and before it those that went past the spool and
    /// are not known to have arrived. Waits while there is no room, as long as `goes_on`. False where it did not.
    pub(crate) fn push(&self, batch: Batch, goes_on: impl Fn() -> bool) -> bool {
        let mut inside = self.lock();
        if !std::mem::replace(&mut inside.told, true) {
            warn!("no collector takes lines: writing them to the spool");
        }
        if inside.waiting.is_empty() {
            inside.waiting_since = Instant::now();
        }
        inside.take_in();
        inside.waiting.push(Arc::new(batch));
        loop {
            match inside.append() {
                Ok(()) => break,
                Err(SpoolError::TakenBack { .. }) => inside.appended = 0,
                Err(reason) => {
                    self.sync_now(&mut inside);
                    if !std::mem::replace(&mut inside.told_full, true) {
                        warn!(%reason, "files are read no further until there is room, no line is lost");
                    }
                }
            }
            if !goes_on() {
                return false;
            }
            let waited = self.0.room.wait_timeout(inside, RETRY);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        inside.told_full = false;
        if inside.waiting.iter().map(|batch| batch.bytes()).sum::<usize>() >= SYNC_BYTES
            || inside.waiting_since.elapsed() >= SYNC_AFTER
        {
            self.sync_now(&mut inside);
        }
        true
    }

    /// Makes durable what was pushed.
    pub(crate) fn sync(&self) {
        let mut inside = self.lock();
        if inside.waiting.is_empty() {
            return;
        }
        if let Err(reason) = inside.append() {
            warn!(%reason, "the spool takes no more yet");
        }
        self.sync_now(&mut inside);
    }

    fn sync_now(&self, inside: &mut Inside) {
        match inside.spool.sync() {
            Ok(()) => {
                let mut registry = self.0.registry.lock().unwrap_or_else(PoisonError::into_inner);
                for batch in inside.waiting.drain(..inside.appended) {
                    batch.positions().for_each(|(file, position)| registry.acknowledge(file, position));
                }
                if let Err(error) = registry.save() {
                    // Read again after a crash, with the ids that they had.
                    warn!(%error, "the registry cannot be written");
                }
                drop(registry);
                inside.appended = 0;
                self.0.tell_board(&inside.spool);
                self.0.changed.notify_waiters();
            }
            // The disk may report success the next time for what it has dropped: it is written once more.
            Err(SpoolError::TakenBack { .. }) => inside.appended = 0,
            Err(reason) => warn!(%reason, "the spool cannot be made durable yet"),
        }
    }

    /// Writes what went past the spool and has not arrived to it, when the shipper ends: a file that was deleted is nowhere else.
    pub(crate) fn keep(&self) {
        {
            let mut inside = self.lock();
            inside.take_in();
        }
        self.sync();
    }

    /// A batch goes past the spool.
    pub(crate) fn passes(&self, batch: &Arc<Batch>) {
        self.lock().past.push_back((batch.clone(), None));
    }

    /// The oldest of those arrived.
    pub(crate) fn arrived(&self) {
        let mut inside = self.lock();
        if let Some((_, Some(record))) = inside.past.pop_front() {
            inside.arrived = record;
            inside.spool.ack(record);
            self.0.room.notify_all();
        }
    }

    /// A record arrived.
    pub(crate) fn acknowledge(&self, number: u64) {
        self.lock().spool.ack(number);
        self.0.room.notify_all();
    }

    /// Writes down what arrived.
    pub(crate) fn save(&self) {
        let mut inside = self.lock();
        if let Err(reason) = inside.spool.save() {
            warn!(%reason, "the spool's position cannot be written: after a crash some of it is sent again");
        }
        let pending = inside.spool.stats().pending;
        if inside.told && pending == 0 {
            inside.told = false;
            info!("the spool is empty: lines go out as they come");
        }
        self.0.tell_board(&inside.spool);
        self.0.room.notify_all();
    }

    /// Hands on what is in the spool, the oldest first, until nobody takes it any more.
    pub(crate) async fn feed(self, out: Sender<Arc<Batch>>) {
        {
            let mut inside = self.lock();
            inside.feeding = false;
            inside.spool.rewind();
            inside.given = inside.spool.done();
            // What the shipper before did not bring home is in the spool, or is read again from its file.
            inside.past.clear();
        }
        self.feed_on(out).await;
    }

    async fn feed_on(self, out: Sender<Arc<Batch>>) {
        loop {
            let changed = self.0.changed.notified();
            let buffer = self.clone();
            // Reading is for a thread that may block.
            let Ok(next) = tokio::task::spawn_blocking(move || buffer.next()).await else { return };
            let Some(batch) = next else {
                tokio::select! {
                    () = changed => continue,
                    () = out.closed() => return,
                }
            };
            let sent = out.send(Arc::new(batch)).await;
            self.lock().feeding = false;
            if sent.is_err() {
                return;
            }
        }
    }

    fn next(&self) -> Option<Batch> {
        loop {
            let mut inside = self.lock();
            let record = match inside.spool.read() {
                Ok(record) => record?,
                Err(reason) => {
                    error!(%reason, "a part of the spool cannot be read: it is kept beside it, and what was in it is not sent");
                    if !matches!(inside.spool.set_aside(), Ok(true)) {
                        return None;
                    }
                    continue;
                }
            };
            inside.given = record.number;
            if record.number <= inside.arrived {
                let arrived = inside.arrived;
                inside.spool.ack(arrived);
                continue;
            }
            if inside.past.iter().any(|(_, past)| *past == Some(record.number)) {
                // The shipper has it already.
                continue;
            }
            match Batch::from_bytes(&record.bytes) {
                Ok(batch) => {
                    inside.feeding = true;
                    return Some(batch.out_of_spool(record.number));
                }
                // Another version of the agent may know what it is: what is not known is kept, and only then passed over.
                Err(reason) => match aside::keep(&self.0.aside, record.number, &record.bytes) {
                    Ok(path) => {
                        error!(%reason, path = %path.display(), "a record of the spool is no batch: it is kept there, and what was in it is not sent");
                        inside.spool.ack(record.number);
                    }
                    Err(error) => {
                        error!(%reason, %error, "a record of the spool is no batch and cannot be kept elsewhere: the spool waits");
                        inside.spool.rewind();
                        inside.given = inside.spool.done();
                        return None;
                    }
                },
            }
        }
    }
}

impl Inside {
    fn is_busy(&self) -> bool {
        self.feeding || !self.waiting.is_empty() || self.given < self.spool.durable()
    }

    /// What went past the spool is written to it, too: should the agent end now it would be nowhere else, where its file is gone.
    fn take_in(&mut self) {
        let Self { past, waiting, .. } = self;
        for (batch, record) in past {
            if record.is_none() && !waiting.iter().any(|known| Arc::ptr_eq(known, batch)) {
                waiting.push(batch.clone());
            }
        }
    }

    /// Appends what waits.
    fn append(&mut self) -> Result<(), SpoolError> {
        while let Some(batch) = self.waiting.get(self.appended) {
            let number = self.spool.append(&batch.to_bytes())?;
            if let Some((_, record)) = self.past.iter_mut().find(|(past, _)| Arc::ptr_eq(past, batch)) {
                *record = Some(number);
            }
            self.appended += 1;
        }
        Ok(())
    }
}

impl Shared {
    fn tell_board(&self, spool: &Spool<Folder>) {
        let stats = spool.stats();
        self.board.spool(Some(status::Spool {
            bytes: stats.bytes,
            records: stats.pending,
            max: self.max,
            dropped: stats.dropped,
        }));
    }
}

#[cfg(test)]
mod tests;
