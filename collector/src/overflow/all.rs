//! All queues of a pipeline's outputs.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Mutex,
    time::Duration,
};

use tracing::{error, warn};

use super::{
    Overflow,
    folders::{Identity, Known, assign, fresh},
    lock,
};
use crate::{
    CollectorError,
    generation::World,
    queue::{DiskQueue, Queue},
};

/// All of a pipeline's.
pub(crate) struct Overflows {
    folder: PathBuf,
    settings: DiskQueue,
    /// By the names of their folders.
    open: Mutex<BTreeMap<String, Overflow>>,
    /// Those that it was said of that nobody has them.
    told: Mutex<BTreeSet<String>>,
}

impl Overflows {
    /// Those below the folder of a pipeline's own queue.
    pub(crate) fn new(folder: PathBuf, settings: DiskQueue) -> Self {
        Self { folder: folder.join("outputs"), settings, open: Mutex::default(), told: Mutex::default() }
    }

    /// The queues of these outputs, in their order. A single output has none: what waits for it may as well wait in the pipeline's. But where
    /// it had others beside it, what waited for it then is delivered.
    pub(crate) fn of(
        &self,
        outputs: &[Identity],
        world: &World,
    ) -> Result<Vec<Option<Overflow>>, CollectorError> {
        let mut open = lock(&self.open);
        let known = self.known(&open);
        let places = assign(outputs, &known);
        let mut found = Vec::new();
        let mut names: Vec<String> = known.iter().map(|known| known.folder.clone()).collect();
        for (output, place) in outputs.iter().zip(&places) {
            let known = place.and_then(|place| known.get(place));
            if outputs.len() == 1 && known.is_none_or(|known| !known.waits) {
                found.push(None);
                continue;
            }
            let name = match known {
                Some(known) => known.folder.clone(),
                None => fresh(output, &|name| names.iter().any(|taken| taken == name)),
            };
            names.push(name.clone());
            match self.one(&mut open, &name, output, world) {
                Ok(overflow) => found.push(Some(overflow)),
                Err(error) if known.is_some_and(|known| known.waits) => return Err(error),
                // Nothing waits that would not be delivered.
                Err(error) => {
                    warn!(%error, "an output has no queue of its own now: should it be slow, the pipeline waits for it");
                    found.push(None);
                }
            }
        }
        let ownerless = known.iter().enumerate().filter(|(place, _)| !places.contains(&Some(*place)));
        for (_, known) in ownerless {
            // One that is open may be written to yet, by the generation before.
            match (known.waits, open.contains_key(&known.folder)) {
                (true, _) => self.tell_of(known),
                (false, false) => self.remove(known),
                (false, true) => {}
            }
        }
        Ok(found)
    }

    fn one(
        &self,
        open: &mut BTreeMap<String, Overflow>,
        name: &str,
        output: &Identity,
        world: &World,
    ) -> Result<Overflow, CollectorError> {
        let path = self.folder.join(name);
        let overflow = match open.get(name) {
            Some(overflow) => overflow.clone(),
            None => {
                // Who reads the queue must not hold the end of it that is written to.
                let world = World { overflows: None, ..world.clone() };
                Overflow::open(path.clone(), &self.settings, &world)?
            }
        };
        // On a full disk it stays as it was, which is right but for an output that was changed.
        if Identity::read(&path) != *output
            && let Err(error) = output.write(&path)
        {
            warn!(%error, path = %path.display(), "whose queue this is cannot be written down");
        }
        open.insert(name.to_owned(), overflow.clone());
        Ok(overflow)
    }

    /// The queues that there are.
    fn known(&self, open: &BTreeMap<String, Overflow>) -> Vec<Known> {
        let mut known = Vec::new();
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in folders.filter(|entry| entry.path().is_dir()) {
            let (path, folder) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let waits = match open.get(&folder) {
                Some(overflow) => !overflow.0.queue.is_empty(),
                None => match Queue::waiting_at(path.clone(), &self.settings) {
                    Ok(records) => records > 0,
                    Err(error) => {
                        error!(%error, "an output's queue cannot be looked into");
                        true
                    }
                },
            };
            known.push(Known { folder, identity: Identity::read(&path), waits });
        }
        known.sort_by(|a, b| a.folder.cmp(&b.folder));
        known
    }

    /// Says, once, which queue waits for an output that is gone.
    fn tell_of(&self, known: &Known) {
        if lock(&self.told).insert(known.folder.clone()) {
            warn!(
                path = %self.folder.join(&known.folder).display(),
                "a queue of an output that the pipeline does not have any more: an output with `id => \"{}\"` gets what waits there; or stop the collector and delete the folder", known.folder
            );
        }
    }

    /// Removes an empty one, whose output is gone.
    fn remove(&self, known: &Known) {
        let path = self.folder.join(&known.folder);
        if let Err(error) = std::fs::remove_dir_all(&path) {
            warn!(%error, path = %path.display(), "an empty queue of an output that is gone cannot be removed");
        }
    }

    fn all(&self) -> Vec<Overflow> {
        lock(&self.open).values().cloned().collect()
    }

    /// Nothing more will be written: what drains them ends when all is delivered.
    pub(crate) fn close(&self) {
        self.all().iter().for_each(Overflow::close);
    }

    /// Whoever waits for room in one does so no longer.
    pub(crate) fn halt(&self) {
        self.all().iter().for_each(|overflow| overflow.0.queue.halt());
    }

    /// Whether they are to be emptied before the end.
    pub(crate) fn are_drained(&self) -> bool {
        self.settings.drain
    }

    /// Ends them: what is not delivered stays on disk.
    pub(crate) async fn end(&self, wait: Duration) {
        for overflow in self.all() {
            overflow.end(wait).await;
        }
    }
}
