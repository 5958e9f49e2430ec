//! `file`: events into files whose names may be made of their fields (logstash-output-file 4.3).
//!
//! An event is acknowledged when it is written to its file, with `fsync => true` when it is on the disk. What cannot be written is tried
//! again until it can.

mod options;
mod packing;
mod place;
mod table;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alces_event::Event;
use tracing::{error, info, warn};

use super::{Fates, Outlet, Output, Plan, Sink, Undelivered, outlet::Backoff};
use crate::CollectorError;
pub(crate) use options::FilePlan;
use packing::Packed;
use place::Place;
use table::Table;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A running output.
pub(crate) struct FileOutput {
    plan: FilePlan,
    outlet: Outlet,
    table: Arc<Mutex<Table>>,
    /// That it cannot be written has been said.
    failing: AtomicBool,
}

/// What goes into files.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    by_path: HashMap<String, Text>,
    /// For rendering names.
    name: String,
}

/// What goes into one file.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// What stands before the first event of a file.
    pub(crate) header: Vec<u8>,
    pub(crate) events: Vec<u8>,
}

impl Plan for FilePlan {
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError> {
        let table = Arc::new(Mutex::new(Table::new(self.writing.clone())));
        if let Some(every) = self.close_after {
            tokio::spawn(close_idle(Arc::downgrade(&table), every));
        }
        let output =
            FileOutput { plan: self.clone(), outlet: outlet.clone(), table, failing: AtomicBool::new(false) };
        Ok(Output::new(output))
    }
}

/// Closes files to which nobody has written for a while, as long as there is an output.
async fn close_idle(table: Weak<Mutex<Table>>, every: Duration) {
    let mut tick = tokio::time::interval(every);
    loop {
        tick.tick().await;
        let Some(table) = table.upgrade() else { return };
        table.lock().unwrap_or_else(PoisonError::into_inner).close_idle(Instant::now(), every);
    }
}

impl Sink for FileOutput {
    type Pending = Texts;

    fn pending(&self) -> Texts {
        Texts::default()
    }

    fn encode(&self, event: &Event, to: &mut Texts) {
        let Texts { by_path, name } = to;
        name.clear();
        match &self.plan.place {
            Place::Fixed(path, _) => name.push_str(path),
            Place::OfEvent { template, .. } => template.render_into(name, event),
        }
        // Looked up without a copy of the name, which is made for the first event of a file only.
        let text = match by_path.get_mut(name.as_str()) {
            Some(text) => text,
            None => by_path.entry(name.clone()).or_default(),
        };
        if text.events.is_empty() {
            self.plan.codec.header(event, &mut text.header);
        } else if self.plan.writing.overwrite {
            text.events.clear();
        }
        self.plan.codec.encode(event, &mut text.events);
    }

    async fn send(&self, texts: Texts) -> Result<Fates, Undelivered> {
        if texts.by_path.is_empty() {
            return Ok(Fates::default());
        }
        let mut left = self.packed(texts).await?;
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            let (table, failure) = (self.table.clone(), self.plan.place.failure().to_owned());
            let written = tokio::task::spawn_blocking(move || {
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                write(&mut table, left, &failure)
            });
            let Ok((again, problem)) = written.await else { return Err(Undelivered) };
            match problem {
                None => {
                    if self.failing.swap(false, Ordering::Relaxed) {
                        info!("the file output writes again");
                    }
                    return Ok(Fates::default());
                }
                Some((path, problem)) => {
                    if !self.failing.swap(true, Ordering::Relaxed) {
                        error!(path = %path.display(), %problem, "a file cannot be written: holding its events, nothing of them is acknowledged");
                    }
                }
            }
            left = again;
            self.outlet.stats.retries.add(1);
            self.outlet.pause(backoff.wait()).await?;
        }
    }
}

impl FileOutput {
    /// Packs the texts, where that is asked for, and finds each one's path. Packing takes its time: beside the runtime, and before the
    /// table is locked.
    async fn packed(&self, texts: Texts) -> Result<Vec<(PathBuf, Packed)>, Undelivered> {
        let mut by_path: Vec<(PathBuf, Text)> = Vec::with_capacity(texts.by_path.len());
        let mut strayed = 0;
        for (name, text) in texts.by_path {
            let path = self.plan.place.resolve(&name);
            strayed += usize::from(path.is_none());
            by_path.push((path.unwrap_or_else(|| self.plan.place.failure().to_owned()), text));
        }
        if strayed > 0 {
            warn!(
                names = strayed,
                to = %self.plan.place.failure().display(),
                "events name a file outside of the output's folder, or one that cannot be: they go to the failure file"
            );
        }
        let compression = self.plan.writing.compression;
        let packing = move || {
            let packed = |(path, text): (PathBuf, Text)| Ok((path, compression.pack(text)?));
            by_path.into_iter().map(packed).collect::<std::io::Result<Vec<_>>>()
        };
        match tokio::task::spawn_blocking(packing).await {
            Ok(Ok(packed)) => Ok(packed),
            Ok(Err(problem)) => {
                error!(%problem, "events cannot be packed: the window stays unacknowledged");
                Err(Undelivered)
            }
            Err(_) => Err(Undelivered),
        }
    }
}

/// What is left to be written, and a reason why.
type Left = (Vec<(PathBuf, Packed)>, Option<(PathBuf, std::io::Error)>);

/// Writes to each file, and to the failure file what an event's own name makes impossible.
fn write(table: &mut Table, texts: Vec<(PathBuf, Packed)>, failure: &Path) -> Left {
    let (mut again, mut problem) = (Vec::new(), None);
    for (path, text) in texts {
        match table.write(&path, &text, failure) {
            Ok(()) => {}
            Err(error) => {
                problem.get_or_insert((path.clone(), error));
                again.push((path, text));
            }
        }
    }
    (again, problem)
}

#[cfg(test)]
mod tests;
