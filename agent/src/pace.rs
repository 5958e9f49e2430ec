//! How much may go out. The clock is passed in.

use std::time::{Duration, Instant};

/// Events in the first windows of a connection.
const FIRST: usize = 64;

/// The size of windows: small at first, doubled with each that is acknowledged, so that a collector which has just come back is not run
/// over by everybody who waited for it.
#[derive(Debug)]
pub(crate) struct Pace {
    events: usize,
    full: usize,
}

impl Pace {
    /// Up to `full` events in a window.
    pub(crate) fn new(full: usize) -> Self {
        let full = full.max(1);
        Self { events: FIRST.min(full), full }
    }

    /// Events that the next window may have.
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    /// A window was acknowledged.
    pub(crate) fn acknowledged(&mut self) {
        self.events = (self.events * 2).min(self.full);
    }
}

/// Bytes a second at the most: a bucket that holds one second's worth, and owes where more was taken.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u64,
    /// When all that was taken is paid for.
    paid: Instant,
}

impl Rate {
    /// A full bucket. A rate of 0 would never send anything; it is taken for 1.
    pub(crate) fn new(per_second: u64, now: Instant) -> Self {
        let per_second = per_second.max(1);
        Self { per_second, paid: before(now) }
    }

    /// Bytes that should be taken at once at the most, so that sending is even.
    pub(crate) fn portion(&self) -> usize {
        usize::try_from(self.per_second).unwrap_or(usize::MAX)
    }

    /// Takes bytes out, and says when they may be sent.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> Instant {
        let from = self.paid.max(before(now));
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.per_second);
        self.paid = from + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.paid.max(now)
    }
}

/// A second ago: what was not used before is forfeited.
fn before(now: Instant) -> Instant {
    now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn windows_grow_with_each_acknowledgement() {
        let sizes = |full| {
            let mut pace = Pace::new(full);
            let mut next = || {
                let events = pace.events();
                pace.acknowledged();
                events
            };
            (0..8).map(|_| next()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(2048), [64, 128, 256, 512, 1024, 2048, 2048, 2048]);
        assert_eq!(sizes(100), [64, 100, 100, 100, 100, 100, 100, 100]);
        assert_eq!(sizes(0), [1; 8]);
    }

    proptest! {
        /// The dull twin: tokens that drip in each millisecond.
        #[test]
        fn no_more_goes_out_than_the_rate_and_no_less(
            takes in vec((0_u64..3_000, 0_usize..2_000), 1..30), per_second in 1_000_u64..5_000,
        ) {
            let start = Instant::now() + Duration::from_secs(5);
            let mut rate = Rate::new(per_second, start);
            let mut now = start;
            let mut tokens = per_second as f64;
            for (pause, bytes) in takes {
                let pause = Duration::from_millis(pause);
                now += pause;
                tokens = (tokens + per_second as f64 * pause.as_secs_f64()).min(per_second as f64) - bytes as f64;
                let wait = rate.take(bytes, now) - now;
                let owed = (-tokens).max(0.0) / per_second as f64;
                prop_assert!((wait.as_secs_f64() - owed).abs() < 1e-3, "{wait:?} for {owed}");
            }
        }
    }
}
