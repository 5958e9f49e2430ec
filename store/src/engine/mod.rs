//! The engine behind [`crate::segments`]: segments of columns, and an index of the words of their distinct values.
//!
//! The columns of a segment are named by what they hold and the path: `n.` numbers, dates and booleans; `k.` exact strings; `t.` the templates of
//! texts and `v0.` to `v15.` their variables ([`template`]); `l.` what is kept as it was sent; and `_id`, `_version`, `_shape` ([`source`]).

mod build;
mod columns;
mod file;
mod find;
#[cfg(feature = "inside")]
pub(crate) mod fuzz;
mod index;
mod manifest;
mod merge;
mod segment;
mod snapshot;
mod source;
mod template;
#[cfg(test)]
mod tests;

use crate::bits::Bits;
use crate::error::StoreError;
use crate::segments::{Engine, Incoming, Reader, Snapshot};
use build::{Buffer, Frozen};
use manifest::{Changed, Shared};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// What a segment's file says of the segment.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    rows: u32,
    words: index::About,
}

/// What is on its way into a segment.
struct Sealed {
    work: Work,
    /// Ids that segments before this one may have.
    deletes: Vec<String>,
    /// All up to this is in it or before it.
    sequence: u64,
}

enum Work {
    Buffer(Box<Buffer>),
    /// Made, but not written: the disk was full.
    Frozen(Frozen),
    /// Deletes only.
    Nothing,
}

/// The sequence number that is committed.
type Outcome = Result<u64, Box<Failure>>;

/// What failed, and what is to be tried again unless it is lost.
struct Failure {
    error: StoreError,
    sealed: Option<Sealed>,
}

impl Failure {
    fn of(error: impl Into<StoreError>, sealed: Option<Sealed>) -> Box<Self> {
        Box::new(Self { error: error.into(), sealed })
    }
}

/// One index in one folder.
pub(crate) struct ColumnEngine {
    shared: Arc<Shared>,
    buffer: Box<Buffer>,
    deletes: Vec<String>,
    sealing: Option<JoinHandle<Outcome>>,
    /// Could not be written; tried again before anything else.
    failed: Option<Sealed>,
    merging: Option<JoinHandle<()>>,
    committed: u64,
    /// Something that was taken is lost: only the log has it.
    broken: bool,
}

impl ColumnEngine {
    /// Opens the folder or makes a new index in it.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let (shared, committed) = Shared::open(dir)?;
        Ok(Self {
            shared: Arc::new(shared),
            buffer: Box::default(),
            deletes: Vec::new(),
            sealing: None,
            failed: None,
            merging: None,
            committed,
            broken: false,
        })
    }

    /// The reading side, to be shared with searches.
    pub(crate) fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(ColumnReader(Arc::clone(&self.shared)))
    }

    /// Takes what the sealing thread came to.
    fn join(&mut self) -> Result<(), StoreError> {
        let Some(thread) = self.sealing.take() else { return Ok(()) };
        let outcome = thread.join().unwrap_or_else(|_| {
            let error =
                tantivy::TantivyError::ErrorInThread("the thread that seals a segment panicked".into());
            Err(Failure::of(error, None))
        });
        self.take(outcome)
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        match outcome {
            Ok(sequence) => {
                self.committed = self.committed.max(sequence);
                Ok(())
            }
            Err(failure) => {
                let Failure { error, sealed } = *failure;
                self.broken |= sealed.is_none();
                self.failed = sealed;
                Err(error)
            }
        }
    }

    /// Tries again what failed.
    fn retry(&mut self) -> Result<(), StoreError> {
        match self.failed.take() {
            Some(sealed) => {
                let outcome = seal(&self.shared, sealed);
                self.take(outcome)
            }
            None => Ok(()),
        }
    }

    /// Starts a merge if there is one to make and none is running. `quiet`: nobody is writing.
    fn merge(&mut self, quiet: bool) {
        if self.merging.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        if let Some(thread) = self.merging.take() {
            let _ = thread.join();
        }
        let Some(job) = merge::choose(&self.shared.state(), quiet) else { return };
        let shared = Arc::clone(&self.shared);
        let work = move || {
            if let Err(error) = merge::run(&shared, &job) {
                tracing::warn!(dir = %shared.dir().display(), %error, "a merge of segments failed; they stay as they were");
            }
        };
        match std::thread::Builder::new().name("store-merge".into()).spawn(work) {
            Ok(thread) => self.merging = Some(thread),
            Err(error) => tracing::warn!(%error, "cannot start a thread for merging"),
        }
    }
}

impl Drop for ColumnEngine {
    fn drop(&mut self) {
        // Whoever opens the folder next must be alone in it.
        self.shared.stop();
        let _ = self.join();
        if let Some(thread) = self.merging.take() {
            let _ = thread.join();
        }
    }
}

/// Writes a segment and makes it part of the index.
fn seal(shared: &Shared, mut sealed: Sealed) -> Outcome {
    loop {
        sealed.work = match sealed.work {
            Work::Buffer(buffer) if buffer.rows() == 0 => Work::Nothing,
            Work::Buffer(buffer) => match buffer.freeze() {
                Ok(frozen) => Work::Frozen(frozen),
                Err(error) => return Err(Failure::of(error, None)),
            },
            Work::Frozen(frozen) => {
                return match shared.publish(Some(&frozen), &sealed.deletes, sealed.sequence) {
                    Ok(changed) => durable(changed, sealed.sequence),
                    Err(error) => {
                        Err(Failure::of(error, Some(Sealed { work: Work::Frozen(frozen), ..sealed })))
                    }
                };
            }
            Work::Nothing => {
                return match shared.publish(None, &sealed.deletes, sealed.sequence) {
                    Ok(changed) => durable(changed, sealed.sequence),
                    Err(error) => Err(Failure::of(error, Some(Sealed { work: Work::Nothing, ..sealed }))),
                };
            }
        };
    }
}

/// What was sealed is in the index; where it is not durable, all that is left to try again is that.
fn durable(changed: Changed, sequence: u64) -> Outcome {
    match changed {
        Changed::Durable => Ok(sequence),
        Changed::Visible(error) => {
            let sealed = Sealed { work: Work::Nothing, deletes: Vec::new(), sequence };
            Err(Failure::of(error, Some(sealed)))
        }
    }
}

impl Engine for ColumnEngine {
    fn add(&mut self, document: Incoming<'_>) -> Result<(), StoreError> {
        self.buffer.add(&document)
    }

    fn delete(&mut self, id: &str) -> Result<(), StoreError> {
        self.buffer.delete(id);
        self.deletes.push(id.to_owned());
        Ok(())
    }

    fn held(&self) -> (u32, usize) {
        (self.buffer.rows(), self.buffer.bytes())
    }

    fn seal(&mut self, sequence: u64) -> Result<(), StoreError> {
        self.join()?;
        self.retry()?;
        let sealed = Sealed {
            work: Work::Buffer(std::mem::take(&mut self.buffer)),
            deletes: std::mem::take(&mut self.deletes),
            sequence,
        };
        let shared = Arc::clone(&self.shared);
        let thread =
            std::thread::Builder::new().name("store-seal".into()).spawn(move || seal(&shared, sealed));
        // Without a thread the buffer went with the closure.
        self.broken |= thread.is_err();
        self.sealing = Some(thread.map_err(StoreError::io(self.shared.dir()))?);
        // Here too, not only when somebody looks after a seal: under load one is always under way when that is done, and no merge would ever begin.
        self.merge(false);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        self.join()?;
        self.retry()?;
        self.merge(false);
        Ok(())
    }

    fn poll(&mut self) -> Result<(), StoreError> {
        if self.sealing.as_ref().is_some_and(JoinHandle::is_finished) {
            self.join()?;
            self.merge(false);
        }
        if self.sealing.is_none() {
            self.retry()?;
        }
        Ok(())
    }

    fn stuck(&self) -> bool {
        self.failed.is_some()
    }

    fn broken(&self) -> bool {
        self.broken
    }

    fn committed(&self) -> u64 {
        self.committed
    }

    fn rest(&mut self) {
        self.merge(true);
    }
}

struct ColumnReader(Arc<Shared>);

impl Reader for ColumnReader {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        Box::new(snapshot::ColumnSnapshot::new(self.0.checked()))
    }
}

/// The union of two sets of rows.
fn both(a: Option<&Arc<Bits>>, b: &Bits) -> Bits {
    let mut all = b.clone();
    if let Some(a) = a {
        all.or(a);
    }
    all
}
