//! The order in which one output's batches go: each is decided on when all before it are, and one that goes into the queue goes behind those
//! that were under way before it.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::{Mutex, MutexGuard, watch};

/// One output's.
pub(super) struct Line {
    /// Of the batch that is being decided on. Those that wait get it in the order in which they came.
    gate: Mutex<u64>,
    under_way: Arc<watch::Sender<UnderWay>>,
    /// The queue took nothing the last time.
    pub(super) stuck: watch::Sender<bool>,
}

/// Batches that are with the output, and not in its queue.
#[derive(Debug, Default)]
struct UnderWay {
    numbers: BTreeSet<u64>,
    /// Those with smaller numbers are to go into the queue as well.
    pressed: u64,
}

/// A batch's turn to be decided on.
pub(super) struct Turn<'l> {
    next: MutexGuard<'l, u64>,
    line: &'l Line,
}

/// A batch that is with the output, until it is dropped.
pub(super) struct Place {
    number: u64,
    under_way: Arc<watch::Sender<UnderWay>>,
}

impl Default for Line {
    fn default() -> Self {
        let under_way = Arc::new(watch::channel(UnderWay::default()).0);
        Self { gate: Mutex::default(), under_way, stuck: watch::channel(false).0 }
    }
}

impl Line {
    /// Returns when all batches before this one are decided on.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn { next: self.gate.lock().await, line: self }
    }

    /// Notes whether the queue took nothing, and answers whether it was so before.
    pub(super) fn note_stuck(&self, stuck: bool) -> bool {
        self.stuck.send_replace(stuck)
    }
}

impl Turn<'_> {
    /// It goes to the output.
    pub(super) fn enter(&mut self) -> Place {
        let number = *self.next;
        *self.next += 1;
        self.line.under_way.send_modify(|all| {
            all.numbers.insert(number);
        });
        Place { number, under_way: self.line.under_way.clone() }
    }

    /// Returns when all that was under way is delivered, or in the queue.
    pub(super) async fn press(&self) {
        self.line.under_way.send_modify(|all| all.pressed = *self.next);
        // Who is asked holds the other end.
        let _ = self.line.under_way.subscribe().wait_for(|all| all.numbers.is_empty()).await;
    }
}

impl Place {
    /// Returns when it is to go into the queue as well, and all before it are there.
    pub(super) async fn pressed(&self) {
        let first = |all: &UnderWay| self.number < all.pressed && all.numbers.first() == Some(&self.number);
        let _ = self.under_way.subscribe().wait_for(first).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.under_way.send_modify(|all| {
            all.numbers.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn what_is_under_way_goes_into_the_queue_in_its_order_and_before_what_comes_after() {
        let line = Line::default();
        let (first, second) = {
            let mut turn = line.turn().await;
            (turn.enter(), turn.enter())
        };
        let is_pressed = |place: &Place| poll(Box::pin(place.pressed()).as_mut()).is_ready();
        assert!(!is_pressed(&first), "nobody asks for it");
        let turn = line.turn().await;
        let mut press = Box::pin(turn.press());
        assert!(poll(press.as_mut()).is_pending());
        assert!(is_pressed(&first) && !is_pressed(&second), "the first one goes first");
        drop(first);
        assert!(is_pressed(&second));
        assert!(poll(press.as_mut()).is_pending());
        drop(second);
        assert!(poll(press.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn who_comes_later_is_decided_on_later() {
        let line = Line::default();
        let turn = line.turn().await;
        let mut after = Box::pin(line.turn());
        assert!(poll(after.as_mut()).is_pending());
        drop(turn);
        assert!(poll(after.as_mut()).is_ready());
    }
}
