//! A file that is read again while the pipeline runs: one for all workers, none of which waits for it.
//!
//! The worker that flushes looks whether it is time and whether the file is another, reads it without a lock, and puts what it
//! made of it in place of the old; the others see at their next event that there is something new.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use alces_event::Timestamp;
use jiff::SignedDuration;

use crate::{
    context::{Clock, Context},
    files::{Files, Stamp},
};

/// Makes something of a file's bytes, and of what was made of it before; or says why it cannot.
pub(crate) type Make<T> = Box<dyn Fn(&[u8], Option<&T>) -> Result<T, String> + Send + Sync>;

/// A worker's handle on what was made of a file.
pub(crate) struct Reload<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
    current: Arc<T>,
}

struct Shared<T> {
    path: PathBuf,
    /// None where it is not read again.
    interval: Option<SignedDuration>,
    make: Make<T>,
    files: Arc<dyn Files>,
    clock: Clock,
    look: Mutex<Look>,
    latest: RwLock<Arc<T>>,
    /// Counts what was made, so that a worker asks without a lock.
    version: AtomicU64,
}

/// When to look again, and what was seen last.
struct Look {
    next: Timestamp,
    stamp: Option<Stamp>,
    /// What was wrong then: it is told once.
    wrong: Option<String>,
}

impl<T> Clone for Reload<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: self.seen, current: Arc::clone(&self.current) }
    }
}

impl<T> fmt::Debug for Reload<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl<T> Reload<T> {
    /// Reads the file for the first time; it is looked at again after each `interval`.
    ///
    /// # Errors
    /// Why it cannot be read or nothing can be made of it.
    pub(crate) fn read(
        context: &Context<'_>,
        path: PathBuf,
        interval: Option<SignedDuration>,
        make: Make<T>,
    ) -> Result<Self, String> {
        let files = context.files.handle();
        let clock = context.clock.clone();
        // Before the file: one that is written meanwhile is another.
        let stamp = files.stamp(&path);
        let bytes = files.read(&path).map_err(|error| error.to_string())?;
        let current = Arc::new(make(&bytes, None)?);
        let look = Look { next: later(clock(), interval), stamp, wrong: None };
        let shared = Shared {
            path,
            interval,
            make,
            files,
            clock,
            look: Mutex::new(look),
            latest: RwLock::new(Arc::clone(&current)),
            version: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared), seen: 0, current })
    }

    /// What was made of the file last, and whether it is another than at the last call.
    pub(crate) fn get(&mut self) -> (&T, bool) {
        let version = self.shared.version.load(Ordering::Acquire);
        let new = version != self.seen;
        if new {
            self.seen = version;
            self.current = Arc::clone(&self.shared.latest.read().unwrap_or_else(PoisonError::into_inner));
        }
        (&self.current, new)
    }

    /// Reads the file again where it is time and it is another. What cannot be used leaves what is known, with a warning.
    pub(crate) fn refresh(&self) {
        let shared = &self.shared;
        if shared.interval.is_none() {
            return;
        }
        let now = (shared.clock)();
        // Another worker that is at it does it for all.
        let Ok(mut look) = shared.look.try_lock() else { return };
        if now < look.next {
            return;
        }
        look.next = later(now, shared.interval);
        let stamp = shared.files.stamp(&shared.path);
        if stamp.is_some() && stamp == look.stamp {
            return;
        }
        look.stamp = stamp;
        let old = Arc::clone(&shared.latest.read().unwrap_or_else(PoisonError::into_inner));
        let made = match shared.files.read(&shared.path) {
            Ok(bytes) => (shared.make)(&bytes, Some(&old)),
            Err(error) => Err(error.to_string()),
        };
        match made {
            Ok(made) => {
                *shared.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                shared.version.fetch_add(1, Ordering::Release);
                if look.wrong.take().is_some() {
                    tracing::info!(file = %shared.path.display(), "the file can be used again");
                }
            }
            Err(reason) => {
                if look.wrong.as_ref() != Some(&reason) {
                    tracing::warn!(
                        file = %shared.path.display(), %reason,
                        "the file cannot be used; what was read before stays"
                    );
                }
                look.wrong = Some(reason);
            }
        }
    }
}

fn later(now: Timestamp, interval: Option<SignedDuration>) -> Timestamp {
    interval.and_then(|interval| now.checked_add(interval).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use alces_conf::Source;

    use super::*;
    use crate::{Disk, EcsMode};

    #[test]
    fn a_file_that_changes_breaks_and_comes_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| std::fs::write(file.path(), text).unwrap();
        write("1");
        let second = Arc::new(AtomicI64::new(0));
        let clock = {
            let second = Arc::clone(&second);
            Arc::new(move || Timestamp::from_second(second.load(Ordering::Relaxed)).unwrap())
        };
        let source = Source::new("x.conf", "");
        let context = Context { source: &source, env: &|_| None, ecs: EcsMode::V8, clock, files: &Disk };
        let make: Make<i64> = Box::new(|bytes, old| {
            let text = String::from_utf8_lossy(bytes);
            let number: i64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
            Ok(number + old.unwrap_or(&0))
        });
        let interval = Some(SignedDuration::from_secs(60));
        let mut here = Reload::read(&context, file.path().to_owned(), interval, make).unwrap();
        let mut there = here.clone();
        // When, what is written, and what is known then. The lengths differ, as the times of writing may not.
        for (at, text, expect) in [
            (59, Some("20"), (1, false)),
            (60, None, (21, true)),
            (120, None, (21, false)),
            (180, Some("what"), (21, false)),
            (181, Some("300"), (21, false)),
            (240, None, (321, true)),
        ] {
            text.into_iter().for_each(write);
            second.store(at, Ordering::Relaxed);
            here.refresh();
            let (known, new) = there.get();
            assert_eq!((*known, new), expect, "{at}");
        }
        assert!(here.get().1);
    }
}
