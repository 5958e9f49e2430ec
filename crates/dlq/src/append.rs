//! Letters into a queue, within its size.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{Letter, Queue, lock};

/// How large a queue may be; without a number of bytes, as large as the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the queue's file.
    pub max_bytes: Option<u64>,
    /// What becomes of letters that it has no room for.
    pub when_full: WhenFull,
}

/// Logstash's `dead_letter_queue.storage_policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Those that come are dropped.
    #[default]
    DropNewer,
    /// The oldest ones are.
    DropOlder,
}

/// What became of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// They are on the disk.
    pub kept: u64,
    /// There was no room for them.
    pub refused: u64,
    /// Older ones that were dropped for them.
    pub dropped: u64,
}

/// Appends to one queue; clones share the file.
#[derive(Clone, Debug)]
pub struct Appender {
    queue: Queue,
    limits: Limits,
    file: Arc<Mutex<Option<File>>>,
}

impl Appender {
    /// To the queue of a pipeline in the data folder of a collector. The folder is made; the file appears with the first letter.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(data: &Path, pipeline: &str, limits: Limits) -> io::Result<Self> {
        let queue = Queue::of_pipeline(data, pipeline);
        if let Some(folder) = queue.path().parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self { queue, limits, file: Arc::default() })
    }

    /// The queue's file.
    pub fn path(&self) -> &Path {
        self.queue.path()
    }

    /// Appends letters and syncs.
    ///
    /// # Errors
    /// None of them may be taken for kept.
    pub fn append(&self, plugin: &str, now: Timestamp, letters: &[Letter<'_>]) -> io::Result<Appended> {
        let (mut lines, mut ends) = (Vec::new(), Vec::with_capacity(letters.len()));
        for letter in letters {
            letter.write(plugin, now, &mut lines)?;
            ends.push(lines.len());
        }
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = self.make_room(&mut guard, lines.len() as u64)?;
        let file = lock::lock(&mut guard, self.path())?;
        let appended = self.append_locked(file, &lines, &ends);
        // An error of this is one of the system's memory: the lock ends with the file then.
        if file.unlock().is_err() {
            *guard = None;
        }
        Ok(Appended { dropped, ..appended? })
    }

    /// Drops the oldest letters, if that is what is to be done: an eighth of the size more than must be, as each time copies the others.
    fn make_room(&self, guard: &mut Option<File>, bytes: u64) -> io::Result<u64> {
        let (Some(most), WhenFull::DropOlder) = (self.limits.max_bytes, self.limits.when_full) else {
            return Ok(0);
        };
        let file = lock::lock(guard, self.path())?;
        let len = file.metadata()?.len();
        let room = || {
            if len + bytes <= most {
                return Ok(0);
            }
            let goal = (most - most / 8).saturating_sub(bytes);
            let removed = self.queue.remove_locked(file, |line| len - line.start > goal)?;
            Ok(removed.lines)
        };
        let dropped = room();
        // Another one is at the path now, if letters were dropped; and else it is locked anew.
        *guard = None;
        dropped
    }

    fn append_locked(&self, file: &File, lines: &[u8], ends: &[usize]) -> io::Result<Appended> {
        let before = file.metadata()?.len();
        let mut last = [b'\n'];
        if before > 0 {
            file.read_exact_at(&mut last, before - 1)?;
        }
        // A line that a crash tore must not take the first letter with it.
        let torn: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
        let room =
            self.limits.max_bytes.map_or(u64::MAX, |most| most.saturating_sub(before + torn.len() as u64));
        let fit = ends.iter().take_while(|end| **end as u64 <= room).count();
        let bytes = fit.checked_sub(1).and_then(|last| ends.get(last)).map_or(0, |end| *end);
        let appended = Appended { kept: fit as u64, refused: (ends.len() - fit) as u64, dropped: 0 };
        let Some(lines) = lines.get(..bytes).filter(|lines| !lines.is_empty()) else { return Ok(appended) };
        let mut writing = file;
        let written =
            writing.write_all(torn).and_then(|()| writing.write_all(lines)).and_then(|()| file.sync_data());
        written.inspect_err(|_| {
            // The others are to be found whole.
            let _ = file.set_len(before);
        })?;
        Ok(appended)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const LETTER: Letter<'_> = Letter {
        document: b"{\"message\":\"m\"}",
        metadata: b"{}",
        status: None,
        reason: String::new(),
        index: None,
        action: None,
        hosts: &[],
    };

    fn appender(dir: &Path, limits: Limits) -> Appender {
        Appender::new(dir, "main", limits).unwrap()
    }

    fn append(to: &Appender, count: usize) -> Appended {
        to.append("x", Timestamp::UNIX_EPOCH, &vec![LETTER; count]).unwrap()
    }

    /// Letters and damaged lines of a queue.
    fn count(queue: &Appender) -> (usize, usize) {
        let mut lines = queue.queue.lines().unwrap().unwrap();
        let (mut letters, mut damaged) = (0, 0);
        while let Some(line) = lines.next().unwrap() {
            match line.entry() {
                Some(_) => letters += 1,
                None => damaged += 1,
            }
        }
        (letters, damaged)
    }

    #[test]
    fn letters_go_into_the_file_that_is_at_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (appender(dir.path(), Limits::default()), appender(dir.path(), Limits::default()));
        append(&one, 2);
        append(&two, 1);
        assert_eq!(one.queue.remove(|_| true).unwrap().lines, 3);
        append(&one, 1);
        append(&two, 1);
        assert_eq!(count(&one), (2, 0));
        fs::remove_file(one.path()).unwrap();
        append(&two, 1);
        append(&one, 1);
        assert_eq!(count(&one), (2, 0));
    }

    #[test]
    fn all_who_write_at_once_find_their_letters() {
        let dir = tempfile::tempdir().unwrap();
        let queue = appender(dir.path(), Limits::default());
        let removed = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let queue = appender(dir.path(), Limits::default());
                scope.spawn(move || (0..40).for_each(|_| assert_eq!(append(&queue, 2).kept, 2)));
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let mut odd = false;
                        let some = queue.queue.remove(|_| {
                            odd = !odd;
                            odd
                        });
                        removed.fetch_add(some.unwrap().lines, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        let left = if queue.path().exists() { count(&queue) } else { (0, 0) };
        assert_eq!((left.0 as u64 + removed.into_inner(), left.1), (240, 0));
    }

    #[test]
    fn a_full_queue_drops_what_it_was_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let free = appender(dir.path(), Limits::default());
        append(&free, 1);
        let one = fs::metadata(free.path()).unwrap().len();
        let limits = |when_full| Limits { max_bytes: Some(8 * one), when_full };
        let newer = appender(dir.path(), limits(WhenFull::DropNewer));
        assert_eq!(append(&newer, 5), Appended { kept: 5, refused: 0, dropped: 0 });
        assert_eq!(append(&newer, 5), Appended { kept: 2, refused: 3, dropped: 0 });
        assert_eq!(append(&newer, 1), Appended { kept: 0, refused: 1, dropped: 0 });
        let older = appender(dir.path(), limits(WhenFull::DropOlder));
        assert_eq!(append(&older, 1), Appended { kept: 1, refused: 0, dropped: 2 });
        assert_eq!(count(&older), (7, 0));
        assert_eq!(append(&older, 1), Appended { kept: 1, refused: 0, dropped: 0 });
        assert_eq!(append(&older, 9), Appended { kept: 8, refused: 1, dropped: 8 });
        assert_eq!(fs::metadata(free.path()).unwrap().len(), 8 * one);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let queue = appender(dir.path(), Limits::default());
        std::os::unix::fs::symlink("/dev/full", queue.path()).unwrap();
        assert!(queue.append("x", Timestamp::UNIX_EPOCH, &[LETTER]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Wherever a crash cuts the file, and whatever it leaves there, the letters before and after are found.
        #[test]
        fn a_torn_file_loses_nothing_but_the_torn_line(
            before in 0_usize..4, after in 1_usize..4, cut: prop::sample::Index, rest in "[\\x00-\\x09a{}\"]{0,8}",
        ) {
            let dir = tempfile::tempdir().unwrap();
            let queue = appender(dir.path(), Limits::default());
            append(&queue, before + 1);
            let whole = fs::read(queue.path()).unwrap();
            let last = whole.len() / (before + 1);
            let torn = [&whole[..whole.len() - 1 - cut.index(last - 1)], rest.as_bytes()].concat();
            fs::write(queue.path(), torn).unwrap();
            append(&queue, after);
            let (letters, damaged) = count(&queue);
            // The line itself may have lost no more than its end.
            prop_assert!(letters >= before + after);
            prop_assert_eq!(letters + damaged, before + after + 1);
        }
    }
}
