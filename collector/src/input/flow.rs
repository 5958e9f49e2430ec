//! The way of one sender's events into the pipeline, where the sender waits for no acknowledgement: a few batches at a time, so that
//! a slow pipeline makes the input read slower.

use std::collections::VecDeque;

use super::{Intake, Out};
use crate::batch::{Batch, Delivered};
use alces_event::Event;

/// Batches of one sender that may be under way.
const UNDER_WAY: usize = 8;

/// One sender's way.
pub(super) struct Flow {
    out: Out,
    under_way: VecDeque<Delivered>,
}

impl Flow {
    pub(super) fn new(intake: &Intake) -> Self {
        Self { out: intake.out.clone(), under_way: VecDeque::new() }
    }

    /// Hands on so many events, and waits while too many batches are under way. False where the pipeline has ended.
    pub(super) async fn send(
        &mut self,
        len: usize,
        events: impl Iterator<Item = Event> + Send + 'static,
    ) -> bool {
        if len == 0 {
            // Who makes nothing of much must not keep others from their turn.
            tokio::task::yield_now().await;
            return true;
        }
        let (batch, delivered) = Batch::unacknowledged(len, events);
        self.under_way.push_back(delivered);
        if self.out.send(batch).await.is_err() {
            return false;
        }
        self.wait_for_all_but(UNDER_WAY).await;
        true
    }

    /// The same; each event is finished by the worker that takes it.
    pub(super) async fn send_finished(
        &mut self,
        events: Vec<Event>,
        mut finish: impl FnMut(&mut Event) + Send + 'static,
    ) -> bool {
        let finished = move |mut event| {
            finish(&mut event);
            event
        };
        self.send(events.len(), events.into_iter().map(finished)).await
    }

    /// Waits for all that was handed on.
    pub(super) async fn settle(mut self) {
        self.wait_for_all_but(0).await;
    }

    async fn wait_for_all_but(&mut self, left: usize) {
        while self.under_way.len() > left {
            if let Some(delivered) = self.under_way.pop_front() {
                // What is not delivered is counted where the promise is broken.
                let _ = delivered.await;
            }
        }
    }
}
