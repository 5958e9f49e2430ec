//! How many requests an engine is sent at once: one more after as many answers as there are requests, half as many when it says that it
//! is busy (additive increase, multiplicative decrease; Chiu and Jain, 1989, as TCP does it, RFC 5681).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// An answer that took so many times as long as answers usually do is a sign of a queue: no more requests then.
const QUEUED: u32 = 2;

/// One that took so many times as long, and longer than [`LONG`], is one of too many requests.
const CROWDED: u32 = 8;
const LONG: Duration = Duration::from_secs(5);

/// How much of the usual time each answer is.
const SHARE: u32 = 8;

/// Requests under way to one engine.
#[derive(Debug)]
pub(super) struct Pace {
    state: Mutex<State>,
    room: Notify,
}

/// The rule, without waiting.
#[derive(Clone, Copy, Debug)]
struct State {
    /// How many may be under way: its whole part.
    limit: f64,
    under_way: usize,
    /// How long answers usually take.
    usual: Option<Duration>,
    /// Refusals of requests that began before this say nothing new.
    lowered: Option<Instant>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// The engine is busy, or did not answer.
    Busy,
}

impl Default for Pace {
    fn default() -> Self {
        let state = State { limit: 1.0, under_way: 0, usual: None, lowered: None };
        Self { state: Mutex::new(state), room: Notify::new() }
    }
}

impl Pace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another request may be sent.
    pub(super) async fn begin(&self) -> Request<'_> {
        loop {
            let room = self.room.notified();
            {
                let mut state = self.state();
                if state.under_way < state.limit as usize {
                    state.under_way += 1;
                    return Request { pace: self, began: Instant::now(), outcome: None };
                }
            }
            room.await;
        }
    }
}

/// A request under way. One that is dropped without an outcome says nothing of the engine.
#[derive(Debug)]
pub(super) struct Request<'p> {
    pace: &'p Pace,
    began: Instant,
    outcome: Option<Outcome>,
}

impl Request<'_> {
    pub(super) fn end(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        state.under_way -= 1;
        if let Some(outcome) = self.outcome {
            state.learn(self.began, Instant::now(), outcome);
        }
        let free = (state.limit as usize).saturating_sub(state.under_way);
        drop(state);
        (0..free).for_each(|_| self.pace.room.notify_one());
    }
}

impl State {
    fn learn(&mut self, began: Instant, now: Instant, outcome: Outcome) {
        let took = now.saturating_duration_since(began);
        let usual = *self.usual.get_or_insert(took);
        let crowded = took > LONG.max(usual * CROWDED);
        if outcome == Outcome::Busy || crowded {
            // Requests that were under way together are refused together: that is one sign, not many.
            if self.lowered.is_none_or(|lowered| began >= lowered) {
                self.limit = (self.limit / 2.0).max(1.0);
                self.lowered = Some(now);
            }
            return;
        }
        self.usual = Some((usual * (SHARE - 1) + took) / SHARE);
        // What is not used does not grow.
        if took <= usual * QUEUED && self.under_way + 1 >= self.limit as usize {
            self.limit += 1.0 / self.limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn it_grows_by_one_a_round_and_halves_once_for_all_that_are_refused_together() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut state = State { limit: 1.0, under_way: 0, usual: None, lowered: None };
        let mut limits = Vec::new();
        for round in 0..4 {
            let requests = state.limit as usize;
            for done in 0..requests {
                state.under_way = requests - done - 1;
                // All of a round are answered as the last one: the limit is used.
                state.under_way = state.under_way.max(state.limit as usize - 1);
                state.learn(at(round * 100), at(round * 100 + 100), Outcome::Taken);
            }
            limits.push(state.limit as usize);
        }
        assert_eq!(limits, [2, 2, 3, 4]);
        state.limit = 8.0;
        for _ in 0..8 {
            state.learn(at(500), at(600), Outcome::Busy);
        }
        assert_eq!(state.limit, 4.0);
        state.learn(at(700), at(800), Outcome::Busy);
        assert_eq!(state.limit, 2.0);
        for began in [900, 1100, 1300] {
            state.learn(at(began), at(began + 100), Outcome::Busy);
        }
        assert_eq!(state.limit, 1.0, "one is always sent");
    }

    #[test]
    fn answers_that_come_late_are_a_sign_too() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut state =
            State { limit: 4.0, under_way: 3, usual: Some(Duration::from_millis(100)), lowered: None };
        state.learn(at(0), at(300), Outcome::Taken);
        assert_eq!(state.limit, 4.0, "later than usual: no more of them");
        state.learn(at(0), at(6000), Outcome::Taken);
        assert_eq!(state.limit, 2.0, "much later: fewer");
    }

    #[tokio::test]
    async fn no_more_are_under_way_than_the_limit_says() {
        let pace = Pace::default();
        let first = pace.begin().await;
        let mut second = std::pin::pin!(pace.begin());
        assert!(second.as_mut().now_or_never().is_none());
        first.end(Outcome::Taken);
        let second = second.await;
        let third = pace.begin().await;
        drop((second, third));
        assert_eq!(pace.state().under_way, 0);
    }
}
