//! The queues on disk of a pipeline's outputs. An output that is slower than the others puts what it is behind with into its own, so that
//! neither they nor inputs wait for it.
//!
//! As long as an output keeps up, its queue is empty, and nothing is written. When it has as much under way as it may have, what it is to
//! have next goes into its queue, and so does what is under way: that stays with its request and leaves the queue with it, but the other
//! outputs' batches are acknowledged without it. From then on everything goes through the queue, in order, until all that is in it is with
//! the output.
//!
//! Killed at any moment: a batch is acknowledged when each output has its events or they are synced in its queue. Full, or the disk is: then
//! the pipeline waits for the output or for room, whichever comes first.
//!
//! An output's queue belongs to the pipeline, not to one generation of it: so a reload that mends an output delivers what waited for it.
//!
//! `way` is how a batch goes, `line` in which order, `all` the queues of a pipeline, and `folders` which of them is whose.

mod all;
mod folders;
mod line;
#[cfg(test)]
mod tests;
mod way;

use std::{
    future::poll_fn,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use alces_event::Event;
use futures_util::FutureExt as _;
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
};
use tracing::{info, warn};

use crate::{
    CollectorError, Stats,
    account::Account,
    batch::Batch,
    generation::World,
    output::Output,
    queue::{DiskQueue, Keeper, NotPut, Queue, QueueStats},
    share::Share,
};
pub(crate) use all::Overflows;
pub(crate) use folders::Identity;
use line::Line;
pub(crate) use way::Way;

/// One output's queue.
#[derive(Clone)]
pub(crate) struct Overflow(Arc<Inner>);

struct Inner {
    queue: Queue,
    line: Line,
    keeper: Mutex<Option<Keeper>>,
    /// What is to be delivered.
    stored: tokio::sync::Mutex<Stored>,
    stats: Arc<Stats>,
}

/// What is read of the queue.
struct Stored {
    from: mpsc::Receiver<Batch>,
    /// The next one, while it waits for a place. Who takes over begins with it.
    next: Option<Batch>,
}

impl Overflow {
    fn open(folder: PathBuf, settings: &DiskQueue, world: &World) -> Result<Self, CollectorError> {
        let queue = Queue::open_at(folder, settings)?;
        let (to, from) = mpsc::channel(1);
        let keeper = queue.start_reading(to, world);
        Ok(Self(Arc::new(Inner {
            queue,
            line: Line::default(),
            keeper: Mutex::new(Some(keeper)),
            stored: tokio::sync::Mutex::new(Stored { from, next: None }),
            stats: world.stats.clone(),
        })))
    }

    /// What it holds.
    pub(crate) fn stats(&self) -> Arc<QueueStats> {
        self.0.queue.stats()
    }

    /// Returns when these events are durable. Where nobody waits for that any more, they may become so nevertheless.
    async fn put(&self, events: Vec<Event>, share: Share) -> Result<(), NotPut> {
        let queue = self.0.queue.clone();
        let put = spawn_blocking(move || queue.put(events, share)).await.unwrap_or(Err(NotPut::Closed));
        let was_stuck = self.0.line.note_stuck(put.is_err());
        let path = self.0.queue.path().display();
        match &put {
            Ok(()) if was_stuck => info!(%path, "the output's queue takes events again"),
            Err(problem @ (NotPut::Spool(_) | NotPut::TooLarge)) if !was_stuck => {
                warn!(%problem, %path, "the output's queue takes nothing: the pipeline waits for the output, or for room here (`queue.max_bytes`, or space on the disk)");
            }
            _ => {}
        }
        put
    }

    /// Delivers what is in the queue to its output, until `leave` turns true or all is delivered and nothing more comes.
    pub(crate) async fn drain(self, output: Output, mut leave: watch::Receiver<bool>) {
        loop {
            let next = async {
                let mut stored = self.0.stored.lock().await;
                if stored.next.is_none() {
                    stored.next = stored.from.recv().await;
                }
                // What is there is let go of only with a place to go to.
                stored.next.as_ref()?;
                let place = output.place().await?;
                stored.next.take().map(|batch| (place, batch))
            };
            let next = tokio::select! {
                biased;
                _ = leave.wait_for(|leave| *leave) => return,
                next = next => next,
            };
            let Some((mut pending, batch)) = next else { return };
            let Batch { events, len, delivery, share } = batch;
            let share = share.unwrap_or_else(|| {
                // An earlier process stored it.
                Share::alone(Account::alone(&self.0.stats, len as u64), len as u32)
            });
            for (place, event) in events.enumerate() {
                pending.add(&event, share.number(place));
            }
            let sending = async move {
                if let Ok(fates) = pending.send().await {
                    share.tell(fates);
                    delivery.done();
                }
            };
            // Should it panic, the batch goes back into the queue.
            let mut sending = Box::pin(AssertUnwindSafe(sending).catch_unwind());
            // Begun here, so that batches come to the output in their order.
            if poll_fn(|context| Poll::Ready(sending.as_mut().poll(context).is_pending())).await {
                tokio::spawn(sending);
            }
            self.0.queue.sent();
        }
    }

    /// Nothing more will be written.
    fn close(&self) {
        self.0.queue.close();
    }

    /// Ends it: what is not delivered stays on disk.
    async fn end(&self, wait: Duration) {
        self.close();
        // Nobody takes what the reader holds out, and what was not taken is on disk.
        let mut stored = self.0.stored.lock().await;
        stored.from.close();
        stored.next.take();
        while stored.from.try_recv().is_ok() {}
        drop(stored);
        let keeper = lock(&self.0.keeper).take();
        if let Some(keeper) = keeper {
            keeper.end(wait).await;
        }
        let waiting = self.0.queue.stats().events();
        if waiting > 0 {
            info!(events = waiting, path = %self.0.queue.path().display(), "an output's queue holds what the output does not have yet");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A pipeline that never ran has not ended it: its reader would hold the folder.
        self.queue.halt();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
