//! What each filter did. Every worker counts for itself and adds it to the sum of all now and then: a shared counter for every event
//! would cost more than many a filter.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use alces_event::Event;
use alces_plugin::Label;

use crate::{aggregate::Shared, filter::Filter};

/// Of so many events one is timed, and counts for all of them.
const TIMED: u64 = 64;

/// Nanoseconds since some moment.
pub type Nanos = fn() -> u64;

/// What a filter did since its pipeline was started or reloaded, all workers together.
#[derive(Debug)]
pub struct FilterStats {
    /// Which filter it is.
    pub label: Label,
    events_in: AtomicU64,
    events_out: AtomicU64,
    nanos: AtomicU64,
}

impl FilterStats {
    pub(crate) fn new(label: Label) -> Arc<Self> {
        Arc::new(Self {
            label,
            events_in: AtomicU64::new(0),
            events_out: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
        })
    }

    /// Events that it was given.
    pub fn events_in(&self) -> u64 {
        self.events_in.load(Relaxed)
    }

    /// Events that it let through or made.
    pub fn events_out(&self) -> u64 {
        self.events_out.load(Relaxed)
    }

    /// Nanoseconds that it worked: an estimate out of every 64th event.
    pub fn nanos(&self) -> u64 {
        self.nanos.load(Relaxed)
    }
}

/// A filter that is counted.
#[derive(Debug)]
pub(crate) struct Metered {
    filter: Box<dyn Filter>,
    pub(crate) stats: Arc<FilterStats>,
    seen: u64,
    /// What the sums do not have yet.
    events_in: u64,
    events_out: u64,
    nanos: u64,
}

impl Clone for Metered {
    /// For another worker.
    fn clone(&self) -> Self {
        Self::new(self.filter.clone(), self.stats.clone())
    }
}

impl Metered {
    pub(crate) fn new(filter: Box<dyn Filter>, stats: Arc<FilterStats>) -> Self {
        Self { filter, stats, seen: 0, events_in: 0, events_out: 0, nanos: 0 }
    }

    pub(crate) fn apply(&mut self, event: &mut Event, made: &mut Vec<Event>, clock: Option<Nanos>) {
        match clock {
            Some(clock) if self.seen.is_multiple_of(TIMED) => {
                let begin = clock();
                self.filter.apply(event, made);
                self.nanos += clock().saturating_sub(begin) * TIMED;
            }
            _ => self.filter.apply(event, made),
        }
        self.seen += 1;
        self.events_in += 1;
        self.events_out += u64::from(!event.is_cancelled()) + made.len() as u64;
    }

    pub(crate) fn flush(&mut self, end: bool, made: &mut Vec<Event>) {
        self.filter.flush(end, made);
        self.events_out += made.len() as u64;
    }

    pub(crate) fn share(&mut self, shared: &mut Shared) {
        self.filter.share(shared);
    }

    /// Adds what was counted to the sums.
    pub(crate) fn publish(&mut self) {
        for (count, sum) in [
            (&mut self.events_in, &self.stats.events_in),
            (&mut self.events_out, &self.stats.events_out),
            (&mut self.nanos, &self.stats.nanos),
        ] {
            if *count > 0 {
                sum.fetch_add(std::mem::take(count), Relaxed);
            }
        }
    }
}
