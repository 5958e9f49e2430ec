//! The end of an output's queue that is written to: a batch at a time, durable when the call returns, or not in it at all.

use std::sync::atomic::Ordering::Relaxed;

use alces_event::Event;
use alces_spool::SpoolError;

use super::{Queue, record::Encoder};
use crate::share::Share;

/// Why a batch is not in the queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPut {
    /// The disk, or what the queue may take of it, is full, or the disk fails: another time, perhaps.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// No record can hold one of its events.
    #[error("an event is larger than the queue takes")]
    TooLarge,
    /// The queue takes nothing more.
    #[error("the queue is closed")]
    Closed,
}

impl Queue {
    /// Writes a batch of the output's, and makes it durable. Blocks for the time of an fsync; for longer only where a batch is larger than
    /// one record may be and the rest of it finds no room.
    pub(crate) fn put(&self, events: Vec<Event>, share: Share) -> Result<(), NotPut> {
        let put = self.put_share(events, &share);
        // Its parts in the queue are waited for in its place.
        share.withdraw();
        put
    }

    fn put_share(&self, events: Vec<Event>, share: &Share) -> Result<(), NotPut> {
        let (mut encoder, mut records) = (Encoder::of_wholes(), Vec::new());
        encoder.encode(events.into_iter(), &mut records);
        if !encoder.too_large().is_empty() {
            return Err(NotPut::TooLarge);
        }
        let mut inside = self.inside();
        if inside.closed {
            return Err(NotPut::Closed);
        }
        let mut numbers = Vec::new();
        while let Err(problem) = self.try_store(&mut inside, &records, &mut numbers, Some(share)) {
            if numbers.is_empty() || self.0.stop.load(Relaxed) {
                return Err(problem.into());
            }
            // Some of its records are in the queue: it cannot be said of the batch that it is not. What is delivered makes room for the rest.
            if let Err(problem) = inside.spool.sync() {
                self.forget(&mut inside, &problem, &mut numbers);
            }
            let _ = inside.spool.save();
            self.0.changed.notify_all();
            inside = self.wait(inside);
        }
        self.0.stats.set_bytes(inside.spool.stats().bytes);
        self.0.changed.notify_all();
        Ok(())
    }
}
