//! The registry on disk.
//!
//! `registry.json` is a snapshot, `registry.<generation>.log` what was saved since. A save is one line behind the journal, synced; when
//! the journal is longer than the snapshot, and for a registry so small that it makes no difference, it is a new snapshot: written
//! beside the old one, synced, renamed. From a name to the next the folder is synced before anything relies on it, and the old journal
//! goes last. So whenever the power goes, what the last save that returned has written is there, or what a later one was about to.

use std::{collections::BTreeSet, io};

use alces_spool::{Disk, DiskFile};
use xxhash_rust::xxh3::xxh3_64;

use super::content::{Content, Found};

pub(super) const SNAPSHOT: &str = "registry.json";
const NEW: &str = "registry.json.new";
/// What is added to the name of a file that is set aside.
const BROKEN: &str = ".broken";

/// When a save is a new snapshot, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Snapshot and journal together are smaller: writing all costs the disk what writing a line does, and people can read it.
    pub(super) small: u64,
    /// The journal is larger than this, and than the snapshot.
    pub(super) journal: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { small: 16 << 10, journal: 64 << 10 }
    }
}

/// Where a registry is kept.
#[derive(Debug)]
pub(super) struct Store<D: Disk> {
    disk: D,
    limits: Limits,
    /// The next snapshot's.
    generation: u64,
    snapshot: Snapshot,
    journal: Journal<D::File>,
}

/// What is known of the snapshot.
#[derive(Debug, Default)]
struct Snapshot {
    generation: u64,
    hash: u64,
    len: u64,
}

#[derive(Debug)]
enum Journal<F> {
    /// There is none yet.
    Absent,
    Open {
        file: F,
        len: u64,
    },
    /// There is no snapshot, or nobody knows what is behind it: the next save is a snapshot.
    Unsure,
}

/// What opening came to, beside the content.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Why the snapshot could not be read; it was set aside, and the content is empty.
    pub(super) broken: Option<serde_json::Error>,
    pub(super) journal: Found,
}

impl<D: Disk> Store<D> {
    /// Opens what is in the folder. What is there is durable then.
    pub(super) fn open(disk: D, limits: Limits) -> io::Result<(Self, Content, Opened)> {
        let names = names(&disk)?;
        let generation =
            names.iter().filter_map(|name| journal_generation(name)).max().map_or(1, |last| last + 1);
        let mut store =
            Self { disk, limits, generation, snapshot: Snapshot::default(), journal: Journal::Unsure };
        let mut opened = Opened::default();
        if !names.iter().any(|name| name == SNAPSHOT) {
            return Ok((store, Content::default(), opened));
        }
        let bytes = read(&store.disk, SNAPSHOT)?.1;
        let mut content = match Content::from_snapshot(&bytes) {
            Ok(content) => content,
            Err(reason) => {
                opened.broken = Some(reason);
                store.set_aside(&names);
                return Ok((store, Content::default(), opened));
            }
        };
        store.snapshot =
            Snapshot { generation: content.generation, hash: xxh3_64(&bytes), len: bytes.len() as u64 };
        store.generation = generation.max(content.generation + 1);
        let name = journal_name(content.generation);
        store.journal = Journal::Absent;
        if names.contains(&name) {
            let (mut file, bytes) = read(&store.disk, &name)?;
            file.sync()?;
            opened.journal = content.replay(store.snapshot.hash, &bytes);
            // Nothing is written behind what is damaged.
            store.journal = match opened.journal == Found::default() {
                true => Journal::Open { file, len: bytes.len() as u64 },
                false => Journal::Unsure,
            };
        }
        store.disk.sync_folder()?;
        store.tidy(content.generation);
        Ok((store, content, opened))
    }

    /// Writes the content, in which these files changed since it was last written. After an error any of it may be there.
    pub(super) fn save(&mut self, content: &mut Content, changed: &BTreeSet<u64>) -> io::Result<()> {
        // Whatever fails, a snapshot puts it right.
        match std::mem::replace(&mut self.journal, Journal::Unsure) {
            Journal::Absent if !self.is_due(0) => {
                let file = self.disk.create(&journal_name(self.snapshot.generation))?;
                self.append(file, 0, content, changed)?;
                self.disk.sync_folder().inspect_err(|_| self.journal = Journal::Unsure)
            }
            Journal::Open { file, len } if !self.is_due(len) => self.append(file, len, content, changed),
            _ => self.write_all(content),
        }
    }

    /// Whether the next save is a snapshot, when the journal is this long.
    fn is_due(&self, journal: u64) -> bool {
        self.snapshot.len + journal < self.limits.small
            || journal > self.snapshot.len.max(self.limits.journal)
    }

    fn append(
        &mut self,
        mut file: D::File,
        len: u64,
        content: &Content,
        changed: &BTreeSet<u64>,
    ) -> io::Result<()> {
        let line = content.to_line(self.snapshot.hash, changed)?;
        file.append(&line)?;
        file.sync()?;
        self.journal = Journal::Open { file, len: len + line.len() as u64 };
        Ok(())
    }

    fn write_all(&mut self, content: &mut Content) -> io::Result<()> {
        content.generation = self.generation;
        // Not given again even if it fails: nobody knows whether it did.
        self.generation += 1;
        let bytes = content.to_snapshot()?;
        if let Err(error) = self.replace(&bytes) {
            // A disk that is full needs every byte.
            let _ = self.disk.delete(NEW);
            return Err(error);
        }
        self.snapshot =
            Snapshot { generation: content.generation, hash: xxh3_64(&bytes), len: bytes.len() as u64 };
        self.journal = Journal::Absent;
        self.tidy(content.generation);
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        match self.disk.delete(NEW) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = self.disk.create(NEW)?;
        file.append(bytes)?;
        file.sync()?;
        self.disk.rename(NEW, SNAPSHOT)?;
        self.disk.sync_folder()
    }

    /// Removes all journals but one, and what a save left that was cut off. What stays does no harm and goes the next time.
    fn tidy(&self, but: u64) {
        for name in names(&self.disk).unwrap_or_default() {
            if name == NEW || journal_generation(&name).is_some_and(|generation| generation != but) {
                let _ = self.disk.delete(&name);
            }
        }
    }

    /// Keeps for people what cannot be read.
    fn set_aside(&self, names: &[String]) {
        for name in names.iter().filter(|name| *name == SNAPSHOT || journal_generation(name).is_some()) {
            let _ = self.disk.rename(name, &format!("{name}{BROKEN}"));
        }
    }
}

/// The content as it is on a disk that an agent may write to: `read` reads a file, if there is one.
pub(super) fn peek(read: impl Fn(&str) -> io::Result<Vec<u8>>) -> io::Result<Content> {
    loop {
        let snapshot = read(SNAPSHOT)?;
        let mut content = Content::from_snapshot(&snapshot)?;
        let journal = match read(&journal_name(content.generation)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        // A new snapshot in between takes its journal's place: then both are read again.
        if read(SNAPSHOT)? == snapshot {
            content.replay(xxh3_64(&snapshot), &journal);
            return Ok(content);
        }
    }
}

fn journal_name(generation: u64) -> String {
    format!("registry.{generation}.log")
}

fn journal_generation(name: &str) -> Option<u64> {
    name.strip_prefix("registry.")?.strip_suffix(".log")?.parse().ok()
}

fn names<D: Disk>(disk: &D) -> io::Result<Vec<String>> {
    Ok(disk.list()?.into_iter().map(|(name, _)| name).collect())
}

fn read<D: Disk>(disk: &D, name: &str) -> io::Result<(D::File, Vec<u8>)> {
    let len = disk.list()?.into_iter().find(|(known, _)| known == name).map_or(0, |(_, len)| len);
    let file = disk.open(name)?;
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_at(0, &mut bytes)?;
    Ok((file, bytes))
}

#[cfg(test)]
mod model;
