//! What each input and output did, and what it has under way.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use alces_filters::{FilterStats, Label};

use crate::queue::QueueStats;

/// What an input or an output did since it was opened.
#[derive(Debug)]
pub(crate) struct PluginStats {
    pub(crate) label: Label,
    taken: AtomicU64,
    given: AtomicU64,
    refused: AtomicU64,
    nanos: AtomicU64,
    next: AtomicU64,
    /// An output's queue on disk.
    queue: OnceLock<Arc<QueueStats>>,
    /// Batches that are neither delivered nor given up: since when, and of how many events. A lock for each batch, not for each event.
    under_way: Mutex<BTreeMap<u64, (Instant, u64)>>,
}

impl PluginStats {
    pub(crate) fn new(label: Label) -> Arc<Self> {
        Arc::new(Self {
            label,
            taken: AtomicU64::new(0),
            given: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            next: AtomicU64::new(0),
            queue: OnceLock::new(),
            under_way: Mutex::default(),
        })
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<u64, (Instant, u64)>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many events are under way until the ticket is dropped.
    pub(crate) fn begin(self: &Arc<Self>, events: u64) -> Ticket {
        self.taken.fetch_add(events, Relaxed);
        let number = self.next.fetch_add(1, Relaxed);
        let since = Instant::now();
        self.under_way().insert(number, (since, events));
        Ticket { stats: self.clone(), number, events, since, delivered: false }
    }

    /// It has a queue of its own.
    pub(crate) fn has_queue(&self, queue: Arc<QueueStats>) {
        // A plugin is given its queue when it is opened.
        let _ = self.queue.set(queue);
    }

    /// Its own queue on disk.
    pub(crate) fn queue(&self) -> Option<&Arc<QueueStats>> {
        self.queue.get()
    }

    /// Events that came to it.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Those of them that are delivered.
    pub(crate) fn given(&self) -> u64 {
        self.given.load(Relaxed)
    }

    /// Those of them that an output refused for good.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// So many more are.
    pub(crate) fn refuse(&self, events: u64) {
        self.refused.fetch_add(events, Relaxed);
    }

    /// How long batches were under way, together.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    /// Events under way, and how old the oldest of them is.
    pub(crate) fn held(&self) -> (u64, Option<Duration>) {
        let under_way = self.under_way();
        let events = under_way.values().map(|(_, events)| events).sum();
        (events, under_way.first_key_value().map(|(_, (since, _))| since.elapsed()))
    }
}

/// Some events under way.
#[derive(Debug)]
pub(crate) struct Ticket {
    stats: Arc<PluginStats>,
    number: u64,
    events: u64,
    since: Instant,
    delivered: bool,
}

impl Ticket {
    /// They are delivered.
    pub(crate) fn done(mut self) {
        self.delivered = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.stats.under_way().remove(&self.number);
        self.stats.nanos.fetch_add(self.since.elapsed().as_nanos() as u64, Relaxed);
        if self.delivered {
            self.stats.given.fetch_add(self.events, Relaxed);
        }
    }
}

/// The plugins of a pipeline that runs, in the order of its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plugins {
    pub(crate) inputs: Vec<Arc<PluginStats>>,
    pub(crate) filters: Vec<Arc<FilterStats>>,
    pub(crate) outputs: Vec<Arc<PluginStats>>,
    pub(crate) workers: usize,
    /// The queue on disk, where there is one.
    pub(crate) queue: Option<Arc<QueueStats>>,
}
