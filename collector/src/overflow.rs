//! The queues on disk of a pipeline's outputs. An output that is slower than the others puts what it is behind with into its own, so that
//! neither they nor inputs wait for it.
//!
//! As long as an output keeps up, its queue is empty, and nothing is written. When it has as much under way as it may have, what it is to
//! have next goes into its queue, and so does what is under way: that stays with its request and leaves the queue with it, but the other
//! outputs' batches are acknowledged without it. From then on everything goes through the queue, in order, until it is empty again.
//!
//! Killed at any moment: a batch is acknowledged when each output has its events or they are synced in its queue. Full, or the disk is: then
//! the pipeline waits for the output after all.
//!
//! An output's queue belongs to the pipeline, not to one generation of it, and is known by the output's `id`, or by its name and its number
//! among those of that name: so a reload that mends an output delivers what waited for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alces_event::Event;
use alces_filters::Label;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tracing::{info, warn};

use crate::{
    CollectorError, Stats,
    account::Account,
    batch::Batch,
    generation::{Queue as Batches, World},
    output::{Fates, Output, Undelivered},
    queue::{DiskQueue, Keeper, Queue, QueueStats, folder_name},
    share::Share,
};

/// Batches that are being written to one queue: what they hold is memory.
const STORING: usize = 4;

/// One output's queue.
#[derive(Clone)]
pub(crate) struct Overflow(Arc<Inner>);

struct Inner {
    queue: Queue,
    keeper: Mutex<Option<Keeper>>,
    /// None when nothing more is to be written.
    out: Mutex<Option<mpsc::Sender<Batch>>>,
    /// What is to be delivered.
    stored: Batches,
    storing: Arc<Semaphore>,
    /// Changes when the output has as much under way as it may have.
    pressed: watch::Sender<()>,
    stats: Arc<Stats>,
}

impl Overflow {
    fn open(folder: PathBuf, settings: &DiskQueue, world: &World) -> Result<Self, CollectorError> {
        let queue = Queue::open_at(folder, settings)?;
        let ((out, from), (to, stored)) = (mpsc::channel(1), mpsc::channel(1));
        let keeper = queue.start(from, to, world);
        Ok(Self(Arc::new(Inner {
            queue,
            keeper: Mutex::new(Some(keeper)),
            out: Mutex::new(Some(out)),
            stored: Arc::new(tokio::sync::Mutex::new(stored)),
            storing: Arc::new(Semaphore::new(STORING)),
            pressed: watch::channel(()).0,
            stats: world.stats.clone(),
        })))
    }

    /// What it holds.
    pub(crate) fn stats(&self) -> Arc<QueueStats> {
        self.0.queue.stats()
    }

    /// Whether something is in the queue, or on its way into it: then nothing may overtake it.
    pub(crate) fn is_behind(&self) -> bool {
        self.0.storing.available_permits() < STORING || !self.0.queue.is_empty()
    }

    /// A place for a batch that is to be stored; says so to what is under way.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.pressed.send_replace(());
        self.0.storing.clone().acquire_owned().await.ok()
    }

    /// Resolves each time the output has as much under way as it may have, from now on.
    pub(crate) fn pressed(&self) -> watch::Receiver<()> {
        self.0.pressed.subscribe()
    }

    /// Returns when these events are durable.
    pub(crate) async fn store(&self, events: Vec<Event>, share: Share) -> Result<(), Undelivered> {
        let out = lock(&self.0.out).clone().ok_or(Undelivered)?;
        let (mut batch, stored) = Batch::new(events.len(), events.into_iter());
        batch.share = Some(share);
        out.send(batch).await.map_err(|_| Undelivered)?;
        drop(out);
        stored.await.map_err(|_| Undelivered)
    }

    /// Delivers what is in the queue to its output, until `leave` turns true or all is delivered and nothing more comes.
    pub(crate) async fn drain(self, output: Output, mut leave: watch::Receiver<bool>) {
        loop {
            // The batch first: who waits for all places to be free must not wait for one that waits for a batch.
            let next = async {
                let batch = self.0.stored.lock().await.recv().await?;
                Some((output.place().await?, batch))
            };
            let next = tokio::select! {
                biased;
                _ = leave.wait_for(|leave| *leave) => return,
                next = next => next,
            };
            // One that was taken and has no place yet goes back into the queue.
            let Some((mut pending, batch)) = next else { return };
            let share = batch.share.unwrap_or_else(|| {
                // An earlier process stored it.
                Share::alone(Account::alone(&self.0.stats, batch.len as u64), batch.len as u32)
            });
            for (place, event) in batch.events.enumerate() {
                pending.add(&event, share.number(place));
            }
            tokio::spawn(async move {
                if let Ok(fates) = pending.send().await {
                    share.tell(fates);
                    batch.delivery.done();
                }
            });
        }
    }

    /// Nothing more will be written.
    fn close(&self) {
        lock(&self.0.out).take();
        self.0.queue.close();
    }

    /// Returns when nothing is being written.
    pub(crate) async fn written(&self) {
        drop(self.0.storing.acquire_many(STORING as u32).await);
    }
}

/// A request that goes on while its events are in the queue too.
pub(crate) fn goes_on(sending: BoxFuture<'static, Result<Fates, Undelivered>>) -> crate::share::Sending {
    use futures_util::FutureExt as _;
    let sending = async move { sending.await.ok().map(Arc::new) };
    let sending = sending.boxed().shared();
    // It goes on whether somebody waits for it or not.
    tokio::spawn(sending.clone());
    sending
}

/// All of a pipeline's.
pub(crate) struct Overflows {
    folder: PathBuf,
    settings: DiskQueue,
    open: Mutex<BTreeMap<String, Overflow>>,
}

impl Overflows {
    /// Those below the folder of a pipeline's own queue.
    pub(crate) fn new(folder: PathBuf, settings: DiskQueue) -> Self {
        Self { folder: folder.join("outputs"), settings, open: Mutex::default() }
    }

    /// The queues of these outputs, in their order. A single output has none: what waits for it may as well wait in the pipeline's. But where
    /// it had others beside it, what waited for it then is delivered.
    pub(crate) fn of(
        &self,
        outputs: &[Label],
        world: &World,
    ) -> Result<Vec<Option<Overflow>>, CollectorError> {
        let names = names(outputs);
        let mut found = Vec::new();
        for name in &names {
            let path = self.folder.join(folder_name(name));
            found.push(if names.len() > 1 || path.is_dir() {
                Some(self.one(name, path, world)?)
            } else {
                None
            });
        }
        self.tell_of_others(&names);
        Ok(found)
    }

    fn one(&self, name: &str, path: PathBuf, world: &World) -> Result<Overflow, CollectorError> {
        let mut open = lock(&self.open);
        if let Some(overflow) = open.get(name) {
            return Ok(overflow.clone());
        }
        // Who writes the queue must not hold the end of it that is written to.
        let world = World { overflows: None, ..world.clone() };
        let overflow = Overflow::open(path, &self.settings, &world)?;
        open.insert(name.to_owned(), overflow.clone());
        Ok(overflow)
    }

    /// Says which queues wait for outputs that are gone.
    fn tell_of_others(&self, names: &[String]) {
        let ours: BTreeSet<String> = names.iter().map(|name| folder_name(name)).collect();
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let holds = |file: std::fs::DirEntry| {
                file.file_name().to_string_lossy() != "lock"
                    && file.metadata().is_ok_and(|meta| meta.len() > 0)
            };
            let files = std::fs::read_dir(entry.path()).into_iter().flatten().flatten();
            if !ours.contains(&*entry.file_name().to_string_lossy()) && files.into_iter().any(holds) {
                warn!(
                    path = %entry.path().display(),
                    "a queue of an output that the pipeline does not have any more: give an output this `id` and it gets what waits there, or delete the folder"
                );
            }
        }
    }

    fn all(&self) -> Vec<Overflow> {
        lock(&self.open).values().cloned().collect()
    }

    /// Nothing more will be written: what drains them ends when all is delivered.
    pub(crate) fn close(&self) {
        self.all().iter().for_each(Overflow::close);
    }

    /// Whether they are to be emptied before the end.
    pub(crate) fn are_drained(&self) -> bool {
        self.settings.drain
    }

    /// Ends them: what is not delivered stays on disk.
    pub(crate) async fn end(&self, wait: Duration) {
        for overflow in self.all() {
            overflow.close();
            // Nobody takes what the reader holds out, and what was not taken is on disk.
            let mut stored = overflow.0.stored.lock().await;
            stored.close();
            while stored.try_recv().is_ok() {}
            drop(stored);
            let keeper = lock(&overflow.0.keeper).take();
            if let Some(keeper) = keeper {
                keeper.end(wait).await;
            }
            let waiting = overflow.0.queue.stats().events();
            if waiting > 0 {
                info!(events = waiting, "an output's queue holds what it does not have yet");
            }
        }
    }
}

/// Each output's name among all that a pipeline has had.
fn names(outputs: &[Label]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let each = outputs.iter().map(|label| {
        let given = !label.id.starts_with(&format!("{}@", label.name));
        let (mut name, mut number) = (label.id.clone(), 1);
        if !given {
            name = format!("{}@{number}", label.name);
        }
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{}@{number}", if given { &label.id } else { &label.name });
        }
        name
    });
    each.collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_known_by_its_id_or_its_number_among_those_of_its_name() {
        let label = |id: &str, name: &str| Label { id: id.to_owned(), name: name.to_owned() };
        let outputs = [
            label("file@x.conf:3", "file"),
            label("archive", "file"),
            label("file@x.conf:9", "file"),
            label("archive", "http"),
            label("http@x.conf:12", "http"),
        ];
        assert_eq!(names(&outputs), ["file@1", "archive", "file@2", "archive@2", "http@1"]);
    }
}
