//! What a queue holds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a queue holds.
#[derive(Debug)]
pub(crate) struct QueueStats {
    events: AtomicU64,
    bytes: AtomicU64,
    pub(crate) max_bytes: u64,
    /// The last record of an earlier process that was counted.
    counted: AtomicU64,
}

impl QueueStats {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { events: AtomicU64::new(0), bytes: AtomicU64::new(0), max_bytes, counted: AtomicU64::new(0) }
    }

    pub(super) fn add(&self, events: u64) {
        self.events.fetch_add(events, Relaxed);
    }

    pub(super) fn remove(&self, events: u64) {
        self.events.fetch_sub(events, Relaxed);
    }

    pub(super) fn set_bytes(&self, bytes: u64) {
        self.bytes.store(bytes, Relaxed);
    }

    /// Whether a record is seen for the first time. Records are read in order; one that comes again was seen.
    pub(super) fn is_new(&self, number: u64) -> bool {
        self.counted.fetch_max(number, Relaxed) < number
    }

    /// Events in it, of those that this process has written or read.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}
