//! The end of a queue that inputs write to: their windows are acknowledged when they are durable.

use std::sync::atomic::Ordering::Relaxed;

use alces_dlq::Appended;
use alces_spool::SpoolError;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::{
    Queue,
    record::{self, Encoder, TooLarge},
};
use crate::{
    batch::{Batch, Delivery},
    dlq::Letter,
    generation::World,
};

/// Batches that wait are made durable together, up to so many bytes: one fsync for all of them.
const SYNC_BYTES: usize = 4 << 20;

/// So many events of a batch are in the queue, and not all.
struct HalfStored {
    events: u64,
}

impl Queue {
    pub(super) fn write_all(&self, from: &mut mpsc::Receiver<Batch>, world: &World) {
        let mut encoder = Encoder::default();
        while let Some(batch) = from.blocking_recv() {
            let (mut records, mut deliveries) = (Vec::new(), Vec::new());
            let mut bytes = 0;
            let mut next = Some(batch);
            while let Some(batch) = next {
                bytes += encoder.encode(batch.events, &mut records);
                deliveries.push(batch.delivery);
                next = if bytes < SYNC_BYTES { from.try_recv().ok() } else { None };
            }
            let Some(buried) = self.bury(encoder.too_large(), world) else { continue };
            match self.store(&records) {
                Ok(()) => {
                    // The others are held as before.
                    world.stats.ledger.change(|accounts| {
                        accounts.let_go(buried.kept + buried.refused);
                        accounts.dead_lettered += buried.kept;
                        accounts.lost += buried.refused;
                    });
                    deliveries.into_iter().for_each(Delivery::done);
                }
                // Their senders have them too, and send them again.
                Err(HalfStored { events }) => world.stats.ledger.enter(events),
            }
        }
        self.close();
    }

    /// Puts events that no record can hold into the dead-letter queue; none where that cannot be.
    pub(super) fn bury(&self, events: Vec<TooLarge>, world: &World) -> Option<Appended> {
        let mut buried = Appended::default();
        for TooLarge { document, metadata } in events {
            let reason = format!("an event of {} bytes is more than the queue takes", document.len());
            let letter = Letter { document: &document, metadata: &metadata, reason, ..Letter::default() };
            match world.dlq.append("queue", (world.clock)(), &[letter]) {
                Ok(Appended { kept, refused, dropped }) => {
                    warn!(
                        kept,
                        lost = refused,
                        "an event is too large for the queue: into the dead-letter queue"
                    );
                    buried.kept += kept;
                    buried.refused += refused;
                    world.stats.dead_letters.add(kept);
                    world.stats.dead_letters_dropped.add(dropped);
                }
                Err(problem) => {
                    error!(%problem, "the dead-letter queue cannot be written: a window stays unacknowledged");
                    return None;
                }
            }
        }
        Some(buried)
    }

    /// Returns when all records are durable; an error where the collector stops before.
    fn store(&self, records: &[record::Encoded]) -> Result<(), HalfStored> {
        let half = |numbers: &[u64]| {
            let events = records.iter().take(numbers.len()).map(|record| record.events).sum();
            Err(HalfStored { events })
        };
        let mut inside = self.inside();
        let mut numbers: Vec<u64> = Vec::new();
        let mut told = false;
        while let Err(problem) = self.try_store(&mut inside, records, &mut numbers, None) {
            if matches!(problem, SpoolError::TooLong { .. }) {
                // Larger ones were buried: only a smaller queue than any setting allows comes here.
                error!(%problem, "its window stays unacknowledged");
                return half(&numbers);
            }
            if !told {
                warn!(%problem, path = %self.0.path.display(), "the queue takes nothing: senders wait");
                told = true;
            }
            // What is durable can be delivered, and what is delivered makes room. Of the records of one large batch, too.
            if let Err(problem) = inside.spool.sync() {
                self.forget(&mut inside, &problem, &mut numbers);
            }
            let _ = inside.spool.save();
            self.0.changed.notify_all();
            if self.0.stop.load(Relaxed) {
                return half(&numbers);
            }
            inside = self.wait(inside);
        }
        if told {
            info!(path = %self.0.path.display(), "the queue takes events again");
        }
        self.0.stats.set_bytes(inside.spool.stats().bytes);
        self.0.changed.notify_all();
        Ok(())
    }
}
