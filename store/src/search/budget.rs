//! What a search may hold in memory, and when it must stop.
//!
//! All searches together have one [`Breaker`]. What they hold is estimated, not measured: each aggregation tells how much its buckets
//! and sketches have grown after each run of documents, and the hits how long their sources are. So a search that would be too large
//! gets an answer, and the process and the other searches go on.

use crate::error::ApiError;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What all searches together may hold.
#[derive(Debug)]
pub(crate) struct Breaker {
    limit: usize,
    held: AtomicUsize,
    trips: AtomicU64,
}

impl Breaker {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: AtomicUsize::new(0), trips: AtomicU64::new(0) }
    }

    /// Bytes that are held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Searches that were refused for what they would have held.
    pub(crate) fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }
}

/// Set when nobody waits for the answer any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gone(Arc<AtomicBool>);

/// Whoever waits for an answer holds this; when it is dropped, the search stops.
#[derive(Debug)]
pub(crate) struct Waiting(Gone);

impl Gone {
    /// Both ends.
    pub(crate) fn pair() -> (Waiting, Self) {
        let gone = Self::default();
        (Waiting(gone.clone()), gone)
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pace {
    GoOn,
    /// Its time is over: what was found so far is the answer.
    TimeOver,
    /// Nobody waits for it.
    Gone,
}

/// What one search holds. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Budget {
    breaker: Arc<Breaker>,
    held: AtomicUsize,
    gone: Gone,
    until: Option<Instant>,
}

impl Budget {
    pub(crate) fn new(breaker: Arc<Breaker>, gone: Gone, lasts: Option<Duration>) -> Self {
        let until = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
        Self { breaker, held: AtomicUsize::new(0), gone, until }
    }

    /// Whether the search is to go on.
    pub(crate) fn pace(&self) -> Pace {
        if self.gone.is_set() {
            Pace::Gone
        } else if self.until.is_some_and(|until| Instant::now() >= until) {
            Pace::TimeOver
        } else {
            Pace::GoOn
        }
    }

    /// The same where an answer that is not whole would be none: only that nobody waits stops it.
    pub(crate) fn wanted(&self) -> Result<(), ApiError> {
        if self.gone.is_set() { Err(cancelled()) } else { Ok(()) }
    }

    /// Counts so many bytes more, or says in OpenSearch's words that they are too many.
    pub(crate) fn hold(&self, more: usize) -> Result<(), ApiError> {
        let before = self.breaker.held.fetch_add(more, Ordering::Relaxed);
        let wanted = before.saturating_add(more);
        if wanted > self.breaker.limit {
            self.breaker.held.fetch_sub(more, Ordering::Relaxed);
            self.breaker.trips.fetch_add(1, Ordering::Relaxed);
            let limit = self.breaker.limit;
            let mut error = ApiError::new(
                429,
                "circuit_breaking_exception",
                format!(
                    "[request] Data too large, data for [<search>] would be [{wanted}/{}], which is larger than the limit of \
                     [{limit}/{}]",
                    human(wanted),
                    human(limit)
                ),
            );
            error.details = vec![
                ("bytes_wanted", json!(wanted)),
                ("bytes_limit", json!(limit)),
                ("durability", json!("TRANSIENT")),
            ];
            return Err(error);
        }
        self.held.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// Counts so many bytes less.
    pub(crate) fn release(&self, less: usize) {
        let less = less.min(self.held.load(Ordering::Relaxed));
        self.held.fetch_sub(less, Ordering::Relaxed);
        self.breaker.held.fetch_sub(less, Ordering::Relaxed);
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        self.breaker.held.fetch_sub(*self.held.get_mut(), Ordering::Relaxed);
    }
}

/// What is answered to nobody.
pub(crate) fn cancelled() -> ApiError {
    ApiError::new(400, "task_cancelled_exception", "the search was cancelled: its client went away")
}

fn human(bytes: usize) -> String {
    const UNITS: [(&str, usize); 3] = [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1}{name}", bytes as f64 / unit as f64),
        None => format!("{bytes}b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_by_all_is_bounded_and_given_back() {
        let breaker = Arc::new(Breaker::new(1000));
        let budget = || Budget::new(Arc::clone(&breaker), Gone::default(), None);
        let (one, other) = (budget(), budget());
        one.hold(600).unwrap();
        let error = other.hold(401).unwrap_err();
        assert_eq!((error.status, error.kind), (429, "circuit_breaking_exception"));
        assert_eq!(
            error.reason,
            "[request] Data too large, data for [<search>] would be [1001/1001b], which is larger than the limit of [1000/1000b]"
        );
        other.hold(400).unwrap();
        one.release(100);
        assert_eq!((breaker.held(), breaker.trips()), (900, 1));
        drop(one);
        assert_eq!(breaker.held(), 400);
        drop(other);
        assert_eq!(breaker.held(), 0);
    }

    #[test]
    fn who_stops_waiting_stops_the_search() {
        let (waiting, gone) = Gone::pair();
        let breaker = Arc::new(Breaker::new(0));
        let budget = Budget::new(Arc::clone(&breaker), gone.clone(), None);
        let over = Budget::new(breaker, gone, Some(Duration::ZERO));
        assert_eq!((budget.pace(), over.pace()), (Pace::GoOn, Pace::TimeOver));
        assert!(over.wanted().is_ok());
        drop(waiting);
        assert_eq!((budget.pace(), over.pace()), (Pace::Gone, Pace::Gone));
        assert_eq!(budget.wanted().unwrap_err().kind, "task_cancelled_exception");
    }
}
