//! A queue as a file: read from its beginning, and letters taken out of it.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom, Take},
    os::unix::fs::{MetadataExt as _, fchown},
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_128;

use crate::{Line, Lines, lock};

/// Below the data folder.
const FOLDER: &str = "dead_letter_queue";
const ENDING: &str = "ndjson";

/// What a line is known by, wherever it stands: its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity(u128);

impl Identity {
    /// Of a line's bytes.
    pub fn of(line: &[u8]) -> Self {
        Self(xxh3_128(line))
    }

    /// As a number, to be written down.
    pub fn number(self) -> u128 {
        self.0
    }
}

/// Lines that are to be taken out, of whatever file stands at the path by then: of lines that are alike, as many as were picked.
#[derive(Clone, Debug, Default)]
pub struct Picked(HashMap<Identity, u64>);

impl Picked {
    /// Picks a line.
    pub fn add(&mut self, line: Identity) {
        *self.0.entry(line).or_default() += 1;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, line: Identity) -> bool {
        match self.0.get_mut(&line) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// The letters of one pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    path: PathBuf,
}

/// What was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Queue {
    /// The queue of a pipeline, in the data folder of a collector.
    pub fn of_pipeline(data: &Path, pipeline: &str) -> Self {
        Self::in_folder(&data.join(FOLDER), pipeline)
    }

    /// The queue of a pipeline, in a folder of queues.
    pub fn in_folder(folder: &Path, pipeline: &str) -> Self {
        // A name is no way out of the folder.
        let name = pipeline.replace(['/', '\\', '\0'], "_");
        Self { path: folder.join(format!("{name}.{ENDING}")) }
    }

    /// All queues in the data folder of a collector, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be read; one that is not there has no queues.
    pub fn all(data: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(data.join(FOLDER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension() == Some(OsStr::new(ENDING)));
        paths.sort();
        Ok(paths.into_iter().map(|path| Self { path }).collect())
    }

    /// The pipeline's name.
    pub fn pipeline(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lines that are there now; none where there is no file. What others append meanwhile is not among them.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lines(&self) -> io::Result<Option<Lines<Take<File>>>> {
        Ok(self.open()?.map(|(file, len)| Lines::new(file.take(len), 0)))
    }

    /// The file, and how much of it is written.
    pub(crate) fn open(&self) -> io::Result<Option<(File, u64)>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Whoever holds the lock may have written half of a letter.
        match file.lock_shared() {
            // As for those who write.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked?,
        }
        let len = file.metadata()?.len();
        file.unlock()?;
        Ok(Some((file, len)))
    }

    /// Takes out the lines that `which` picks, of those that are there when nobody else writes. Whole or not at all.
    ///
    /// # Errors
    /// The file cannot be read, or the new one not be written: then nothing was taken out.
    pub fn remove(&self, which: impl FnMut(&Line<'_>) -> bool) -> io::Result<Removed> {
        if !self.path.try_exists()? {
            return Ok(Removed::default());
        }
        let mut file = None;
        let file = lock::lock(&mut file, &self.path)?;
        self.remove_locked(file, which)
    }

    /// Takes out the lines that were picked and are still there.
    ///
    /// # Errors
    /// As for [`Queue::remove`].
    pub fn take_out(&self, picked: &Picked) -> io::Result<Removed> {
        if picked.is_empty() {
            return Ok(Removed::default());
        }
        let mut picked = picked.clone();
        self.remove(|line| picked.take(Identity::of(line.bytes)))
    }

    /// The same as [`Queue::remove`], of a file that is locked and is the one at the path. It is another one afterwards.
    pub(crate) fn remove_locked(
        &self,
        file: &File,
        mut which: impl FnMut(&Line<'_>) -> bool,
    ) -> io::Result<Removed> {
        let mut reading = file;
        reading.rewind()?;
        let (mut removed, mut kept) = (Removed::default(), Vec::<(u64, u64)>::new());
        let mut lines = Lines::new(reading, 0);
        while let Some(line) = lines.next()? {
            if which(&line) {
                removed.lines += 1;
                removed.bytes += line.end - line.start;
            } else {
                match kept.last_mut() {
                    Some((_, end)) if *end == line.start => *end = line.end,
                    _ => kept.push((line.start, line.end)),
                }
            }
        }
        if removed.lines > 0 {
            self.replace(file, &kept)?;
        }
        Ok(removed)
    }

    /// A file of these places of `old` comes into its place.
    fn replace(&self, mut old: &File, places: &[(u64, u64)]) -> io::Result<()> {
        // One name is enough: whoever is here has the lock. What a kill left is overwritten.
        let beside = self.path.with_extension(format!("{ENDING}.new"));
        let mut write = || {
            let mut new = File::create(&beside)?;
            let before = old.metadata()?;
            new.set_permissions(before.permissions())?;
            if (before.uid(), before.gid()) != (new.metadata()?.uid(), new.metadata()?.gid()) {
                // Root takes letters out; the collector, somebody else, must be able to append.
                fchown(&new, Some(before.uid()), Some(before.gid()))?;
            }
            for (start, end) in places {
                old.seek(SeekFrom::Start(*start))?;
                let copied = io::copy(&mut old.take(end - start), &mut new)?;
                if copied != end - start {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            new.sync_all()?;
            fs::rename(&beside, &self.path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&beside)))?;
        lock::sync_folder(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    fn queue(dir: &Path, bytes: &[u8]) -> Queue {
        let queue = Queue::of_pipeline(dir, "main");
        fs::create_dir_all(dir.join(FOLDER)).unwrap();
        fs::write(queue.path(), bytes).unwrap();
        queue
    }

    #[test]
    fn queues_are_found_by_their_names_and_a_name_leads_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Queue::all(dir.path()).unwrap(), []);
        queue(dir.path(), b"");
        fs::write(dir.path().join(FOLDER).join("a.b.ndjson"), "").unwrap();
        fs::write(dir.path().join(FOLDER).join("main.ndjson.new"), "").unwrap();
        let all: Vec<_> = Queue::all(dir.path()).unwrap().iter().map(Queue::pipeline).collect();
        assert_eq!(all, ["a.b", "main"]);
        assert_eq!(Queue::in_folder(Path::new("d"), "../x").path(), Path::new("d/.._x.ndjson"));
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_mode_stays() {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(dir.path(), b"a\nb\nc");
        fs::set_permissions(queue.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(queue.remove(|line| line.bytes == b"b").unwrap(), Removed { lines: 1, bytes: 2 });
        assert_eq!(fs::read(queue.path()).unwrap(), b"a\nc");
        assert_eq!(fs::metadata(queue.path()).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path().join(FOLDER)).unwrap().count(), 1, "nothing lies beside it");
        let mut picked = Picked::default();
        fs::write(queue.path(), b"a\nb\na\na\n").unwrap();
        ["a", "a", "c"].iter().for_each(|line| picked.add(Identity::of(line.as_bytes())));
        assert_eq!(queue.take_out(&picked).unwrap(), Removed { lines: 2, bytes: 4 });
        assert_eq!(fs::read(queue.path()).unwrap(), b"b\na\n");
        assert_eq!(Queue::of_pipeline(dir.path(), "none").remove(|_| true).unwrap(), Removed::default());
        assert!(Queue::of_pipeline(dir.path(), "none").lines().unwrap().is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is in the file, in one piece or torn: each line is read, and stays unless it is picked.
        #[test]
        fn every_line_is_kept_or_picked(bytes in prop::collection::vec(prop::sample::select(b"{}\"a\0\xff\n\n".to_vec()), 0..60), pick: u64) {
            let dir = tempfile::tempdir().unwrap();
            let queue = queue(dir.path(), &bytes);
            let dull: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            let mut number = 0;
            let removed = queue.remove(|_| {
                number += 1;
                pick >> (number % 64) & 1 == 1
            }).unwrap();
            prop_assert_eq!(number, dull.len());
            let kept = dull.iter().enumerate().filter(|(at, _)| pick >> ((at + 1) % 64) & 1 == 0);
            let kept: Vec<u8> = kept.flat_map(|(_, line)| line.iter().copied()).collect();
            prop_assert_eq!(removed.bytes as usize, bytes.len() - kept.len());
            prop_assert_eq!(fs::read(queue.path()).unwrap(), kept);
        }
    }
}
