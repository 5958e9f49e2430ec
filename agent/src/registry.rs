//! What was acknowledged of each file, on disk.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    AgentError,
    marker::{Marker, Position},
};

/// A file's name for life, from when it is first seen; part of every event id. It is on disk before the first line of its
/// file is sent, so that a line keeps its id however often the agent dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct FileId(pub(crate) u64);

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Where it was last seen.
    pub(crate) path: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// A hash of the first bytes, and of how many: an inode that was given to another file is told by it.
    pub(crate) prefix_len: u64,
    pub(crate) prefix_hash: u64,
    /// Everything before this byte was acknowledged.
    pub(crate) offset: u64,
    /// What stands before it.
    #[serde(default)]
    pub(crate) marker: Marker,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    agent_id: String,
    /// Counts up, so that no two files ever had one id.
    next_id: u64,
    files: BTreeMap<u64, Entry>,
}

impl Content {
    fn entries(&self) -> Vec<(FileId, Entry)> {
        self.files.iter().map(|(id, entry)| (FileId(*id), entry.clone())).collect()
    }
}

/// The registry of one agent, in `registry.json` of its data folder.
#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
    content: Content,
    dirty: bool,
    /// Held as long as the registry lives: two agents in one folder would overwrite each other's offsets.
    _lock: File,
}

impl Registry {
    /// Opens the registry, or begins one. `seed` makes a new agent's id (time and host are good ones).
    pub(crate) fn open(folder: &Path, seed: &str) -> Result<Self, AgentError> {
        let error = |source| AgentError::DataDir { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(error)?;
        let lock = File::create(folder.join("agent.lock")).map_err(error)?;
        if rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(AgentError::Locked { path: folder.to_owned() });
        }
        let path = folder.join("registry.json");
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|reason| {
                // It is written whole or not at all, so this is a disk's or a person's doing. The lines that are read
                // anew may be doubled; stopping would lose those to come.
                let aside = folder.join("registry.json.broken");
                warn!(%reason, kept = %aside.display(), "the registry is broken: beginning anew, lines may be doubled");
                let _ = fs::rename(&path, &aside);
                Content::default()
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(e) => return Err(error(e)),
        };
        let mut registry = Self { path, content, dirty: false, _lock: lock };
        if registry.content.agent_id.is_empty() {
            registry.content.agent_id = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(seed.as_bytes()));
            registry.dirty = true;
            registry.save().map_err(error)?;
        }
        Ok(registry)
    }

    /// What is in the folder of an agent that may run: its id and its files.
    pub(crate) fn peek(folder: &Path) -> io::Result<(String, Vec<(FileId, Entry)>)> {
        let content: Content = serde_json::from_slice(&fs::read(folder.join("registry.json"))?)?;
        Ok((content.agent_id.clone(), content.entries()))
    }

    /// Every file that is known.
    pub(crate) fn entries(&self) -> Vec<(FileId, Entry)> {
        self.content.entries()
    }

    pub(crate) fn agent_id(&self) -> &str {
        &self.content.agent_id
    }

    /// The file with this inode whose first bytes and whose bytes before the offset are still the same; `prefix` hashes the file's
    /// first bytes, `holds` looks at those before an offset.
    pub(crate) fn find(
        &self,
        device: u64,
        inode: u64,
        size: u64,
        prefix: impl Fn(u64) -> Option<u64>,
        holds: impl Fn(Marker, u64) -> bool,
    ) -> Option<(FileId, Entry)> {
        let same = |entry: &&Entry| {
            entry.device == device
                && entry.inode == inode
                && entry.offset <= size
                && (entry.prefix_len == 0 || prefix(entry.prefix_len) == Some(entry.prefix_hash))
                && holds(entry.marker, entry.offset)
        };
        // The newest first: an inode may have been several files.
        self.content.files.iter().rev().find(|(_, e)| same(e)).map(|(id, e)| (FileId(*id), e.clone()))
    }

    pub(crate) fn add(&mut self, entry: Entry) -> FileId {
        let id = self.content.next_id;
        self.content.next_id += 1;
        self.content.files.insert(id, entry);
        self.dirty = true;
        FileId(id)
    }

    /// The file was acknowledged up to a position.
    pub(crate) fn acknowledge(&mut self, id: FileId, position: Position) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && entry.offset < position.offset
        {
            entry.offset = position.offset;
            entry.marker = position.marker;
            self.dirty = true;
        }
    }

    /// The file's first bytes, of which there may now be more, and where it is.
    pub(crate) fn seen(&mut self, id: FileId, path: &Path, prefix_len: u64, prefix_hash: u64) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && (entry.prefix_len != prefix_len || entry.path != path)
        {
            entry.path = path.to_owned();
            entry.prefix_len = prefix_len;
            entry.prefix_hash = prefix_hash;
            self.dirty = true;
        }
    }

    /// Forgets a file that is gone and read to its end.
    pub(crate) fn forget(&mut self, id: FileId) {
        self.dirty |= self.content.files.remove(&id.0).is_some();
    }

    pub(crate) fn offset(&self, id: FileId) -> Option<u64> {
        self.content.files.get(&id.0).map(|e| e.offset)
    }

    /// Writes the registry if it changed: whole, to a new file, synced, then in place of the old one.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        if !self.dirty {
            return Ok(());
        }
        let new = self.path.with_extension("json.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&self.content)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.dirty = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(inode: u64, offset: u64) -> Entry {
        Entry {
            path: "/a".into(),
            device: 1,
            inode,
            prefix_len: 3,
            prefix_hash: 7,
            offset,
            marker: Marker::default(),
        }
    }

    #[test]
    fn survives_and_keeps_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = Registry::open(dir.path(), "one").unwrap();
        let id = registry.add(entry(5, 0));
        let marker = Marker::behind(b"the line before");
        registry.acknowledge(id, Position { offset: 40, marker });
        registry.acknowledge(id, Position { offset: 30, marker: Marker::default() });
        registry.save().unwrap();
        let agent = registry.agent_id().to_owned();
        drop(registry);
        let registry = Registry::open(dir.path(), "two").unwrap();
        assert_eq!(registry.agent_id(), agent);
        let same = |found: Marker, offset| (found, offset) == (marker, 40);
        let found = registry.find(1, 5, 100, |_| Some(7), same);
        assert_eq!(found.map(|(i, e)| (i, e.offset)), Some((id, 40)));
        assert!(registry.find(1, 5, 100, |_| Some(8), same).is_none(), "other first bytes: another file");
        assert!(registry.find(1, 5, 39, |_| Some(7), same).is_none(), "shorter than what was read: cut");
        assert!(
            registry.find(1, 5, 100, |_| Some(7), |_, _| false).is_none(),
            "written anew past the offset"
        );
    }

    #[test]
    fn one_agent_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Registry::open(dir.path(), "one").unwrap();
        assert!(matches!(Registry::open(dir.path(), "two"), Err(AgentError::Locked { .. })));
    }

    #[test]
    fn a_broken_registry_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("registry.json"), "{").unwrap();
        Registry::open(dir.path(), "one").unwrap();
        assert!(dir.path().join("registry.json.broken").exists());
    }
}
