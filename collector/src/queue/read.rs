//! The end of a queue that is read: its records, in their order, for those who deliver them.

use std::sync::PoisonError;

use alces_event::Event;
use tokio::sync::mpsc;
use tracing::{error, warn};

use super::{Next, Queue, RETRY, Written, record};
use crate::{batch::Batch, dlq::Letter, generation::World, output::Fates, share::Share};

impl Queue {
    pub(super) fn read_all(&self, to: &mpsc::Sender<Batch>, world: &World, runtime: &tokio::runtime::Handle) {
        while let Some(Next { record, first, mut share }) = self.next() {
            let record::Decoded { events, broken } = record::decode(&record.bytes, (world.clock)());
            let (count, unread) = (events.len() as u64, broken.len() as u64);
            if first && self.0.stats.is_new(record.number) {
                match self.first_read(record.number, world) {
                    Some(written) => share = written.share,
                    // An earlier process took them in.
                    None => {
                        world.stats.ledger.enter(count + unread);
                        self.0.stats.add(count + unread);
                    }
                }
                if !broken.is_empty() {
                    let kept = self.bury_unread(&broken, world);
                    let of_all = |share: &Share| share.only(broken.iter().map(|(place, _)| *place));
                    match &share {
                        Some(share) if kept => of_all(share).bury(),
                        Some(share) => of_all(share).lose(),
                        None if kept => world.stats.ledger.change(|accounts| {
                            accounts.let_go(unread);
                            accounts.dead_lettered += unread;
                        }),
                        None => world.stats.ledger.lose(unread),
                    }
                    self.0.stats.remove(unread);
                    // The others go on.
                    share = share.map(|share| {
                        let others = share.only(events.iter().map(|(place, _)| *place));
                        share.withdraw();
                        others
                    });
                }
            }
            let queue = self.clone();
            if let Some(sending) = share.as_mut().and_then(|share| share.sending.take()) {
                self.settling(runtime, async move {
                    let fates = sending.await;
                    if let (Some(share), Some(fates)) = (&share, &fates) {
                        share.clone().tell(Fates::clone(fates));
                    }
                    queue.settle(record, share, count, fates.is_some());
                });
                continue;
            }
            let events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
            let (mut batch, delivered) = Batch::new(events.len(), events.into_iter());
            batch.share = share.clone();
            self.settling(runtime, async move {
                let delivered = delivered.await.is_ok();
                if !delivered {
                    // What made a pipeline give it back at once, as a disk that is full under its dead letters, is there for a while.
                    tokio::time::sleep(RETRY).await;
                }
                queue.settle(record, share, count, delivered);
            });
            if to.blocking_send(batch).is_err() {
                return;
            }
        }
    }

    /// Puts what cannot be read as events into the dead-letter queue; true when it is there.
    fn bury_unread(&self, broken: &[(usize, &[u8])], world: &World) -> bool {
        let now = (world.clock)();
        let documents: Vec<Vec<u8>> = broken
            .iter()
            .map(|(_, bytes)| {
                let mut event = Event::from_line(String::from_utf8_lossy(bytes).into_owned().into(), now);
                event.tag("_queueunreadable");
                let mut document = Vec::new();
                event.write_json(&mut document);
                document
            })
            .collect();
        let letter = |document| {
            let reason = "these bytes of a queue cannot be read as an event".to_owned();
            Letter { document, metadata: b"{}", reason, ..Letter::default() }
        };
        let letters: Vec<Letter<'_>> = documents.iter().map(|document| letter(document)).collect();
        let (path, events) = (self.0.path.display(), broken.len());
        match world.dlq.append("queue", now, &letters) {
            Ok(appended) => {
                world.stats.dead_letters.add(appended.kept);
                world.stats.dead_letters_dropped.add(appended.dropped);
                warn!(events, %path, "events of a queue cannot be read: into the dead-letter queue");
                appended.refused == 0
            }
            Err(problem) => {
                error!(%problem, events, %path, "events of a queue cannot be read, and the dead-letter queue cannot be written: they are lost");
                false
            }
        }
    }

    /// Waits for a delivery.
    fn settling(&self, runtime: &tokio::runtime::Handle, end: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.settling.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(end, runtime);
    }

    /// What this process wrote of a record that is read for the first time; none where an earlier one did.
    fn first_read(&self, number: u64, world: &World) -> Option<Written> {
        let mut inside = self.inside();
        while let Some(gone) = inside.written.pop_front_if(|written| written.number < number) {
            // Records are read in their order: these were set aside.
            let unsent_before = u64::from(gone.is_unsent());
            match gone.share {
                Some(share) => share.lose(),
                None => world.stats.ledger.lose(gone.events),
            }
            self.0.stats.remove(gone.events);
            self.count_unsent(|unsent| unsent.saturating_sub(unsent_before));
        }
        inside.written.pop_front_if(|written| written.number == number)
    }
}
