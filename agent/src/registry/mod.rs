//! What was acknowledged of each file, on disk.

mod content;
mod entry;
mod store;
#[cfg(test)]
mod tests;
mod waiting;

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::Path,
    time::SystemTime,
};

use alces_spool::{Folder, SpoolError};
use tracing::{debug, warn};

pub(crate) use entry::{Entry, FileId};

use crate::{
    AgentError,
    marker::{Bytes, Position, Prefix},
    tail::Inode,
};
use content::{Content, Found};
use store::{Limits, Store};

/// How long a file that is gone is remembered: its packed copy may come later.
const REMEMBERED_SECONDS: i64 = 24 * 3600;

/// How many files that are gone are remembered.
const REMEMBERED: usize = 1000;

const LOCK: &str = "agent.lock";

/// The registry of one agent, in `registry.json` of its data folder and the journal beside it. The folder is locked as long as it lives:
/// two agents in one would overwrite each other's offsets.
#[derive(Debug)]
pub(crate) struct Registry {
    store: Store<Folder>,
    content: Content,
    /// By inode, the oldest first.
    by_inode: HashMap<Inode, Vec<u64>>,
    saved_before: i64,
    /// The files that are otherwise than on disk.
    changed: BTreeSet<u64>,
    /// The files of whose first bytes nothing is on disk.
    blank: BTreeSet<u64>,
}

impl Registry {
    /// Opens the registry, or begins one. `seed` makes a new agent's id (time and host are good ones).
    pub(crate) fn open(folder: &Path, seed: &str) -> Result<Self, AgentError> {
        let error = |source| AgentError::DataDir { path: folder.to_owned(), source };
        let disk = Folder::open_as(folder, LOCK).map_err(|reason| match reason {
            SpoolError::Locked { path } => AgentError::Locked { path },
            SpoolError::Io { source, .. } => error(source),
            other => error(io::Error::other(other)),
        })?;
        let (store, content, opened) = Store::open(disk, Limits::default()).map_err(error)?;
        if let Some(reason) = opened.broken {
            // It is written whole or not at all, so this is a disk's or a person's doing. The lines that are read
            // anew may be doubled; stopping would lose those to come.
            let kept = folder.join("registry.json.broken");
            warn!(%reason, kept = %kept.display(), "the registry is broken: beginning anew, lines may be doubled");
        }
        say(opened.journal);
        let mut by_inode: HashMap<_, Vec<_>> = HashMap::new();
        for (id, entry) in &content.files {
            by_inode.entry(entry.key()).or_default().push(*id);
        }
        let saved_before = content.saved;
        let blank =
            content.files.iter().filter(|(_, entry)| entry.prefix.len == 0).map(|(id, _)| *id).collect();
        let mut registry = Self { store, content, by_inode, saved_before, changed: BTreeSet::new(), blank };
        if registry.content.agent_id.is_empty() {
            registry.content.agent_id = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(seed.as_bytes()));
            registry.write().map_err(error)?;
        }
        Ok(registry)
    }

    /// What is in the folder of an agent that may run: its id and its files.
    pub(crate) fn peek(folder: &Path) -> io::Result<(String, Vec<(FileId, Entry)>)> {
        let content = store::peek(|name| std::fs::read(folder.join(name)))?;
        Ok((content.agent_id, content.files.into_iter().map(|(id, entry)| (FileId(id), entry)).collect()))
    }

    /// Every file that is known.
    pub(crate) fn entries(&self) -> Vec<(FileId, Entry)> {
        self.content.files.iter().map(|(id, entry)| (FileId(*id), entry.clone())).collect()
    }

    pub(crate) fn agent_id(&self) -> &str {
        &self.content.agent_id
    }

    /// All files were looked at then, in seconds since 1970; written with the next save.
    pub(crate) fn looked(&mut self, at: i64) {
        self.content.saved = at;
    }

    /// When all files had last been looked at before this start, in seconds since 1970; 0 before the first time.
    pub(crate) fn saved(&self) -> i64 {
        self.saved_before
    }

    /// The file of `size` bytes with this inode, if it begins as when it was last seen and has the same bytes before the offset. One that
    /// was empty then is known by its path alone: its inode may have been given to another since.
    pub(crate) fn find(
        &self,
        key: Inode,
        path: &Path,
        file: &mut impl Bytes,
        size: u64,
    ) -> Option<(FileId, Entry)> {
        // The newest first: an inode may have been several files.
        self.by_inode.get(&key)?.iter().rev().find_map(|id| {
            let entry = self.content.files.get(id).filter(|entry| entry.is_of(file, size))?;
            if entry.prefix.len == 0 && entry.offset == 0 && entry.path != path {
                return None;
            }
            Some((FileId(*id), entry.clone()))
        })
    }

    /// Whether a file is known that had this inode.
    pub(crate) fn has_inode(&self, key: Inode) -> bool {
        self.by_inode.contains_key(&key)
    }

    /// The file that was last seen at `path`, or was a rotated one of it, and of which this one of `size` bytes is a copy as far as it
    /// was read; of several, the one of which most is known. Of files that nothing is known of there are none.
    pub(crate) fn copied(
        &self,
        is_place: impl Fn(&Path) -> bool,
        file: &mut impl Bytes,
        size: u64,
    ) -> Option<(FileId, Entry)> {
        let known =
            self.content.files.iter().filter(|(_, entry)| entry.prefix.len > 0 && is_place(&entry.path));
        let same = known.filter(|(_, entry)| entry.is_of(file, size));
        let most = same.max_by_key(|(id, entry)| (entry.prefix.len, entry.offset, **id))?;
        Some((FileId(*most.0), most.1.clone()))
    }

    /// A file goes on as another one: its copy.
    pub(crate) fn moved(&mut self, id: FileId, path: &Path, key: Inode) {
        if let Some(entry) = self.content.files.get_mut(&id.0) {
            if let Some(ids) = self.by_inode.get_mut(&entry.key()) {
                ids.retain(|known| *known != id.0);
            }
            (entry.device, entry.inode, entry.gone) = (key.device, key.inode, None);
            entry.path = path.to_owned();
            self.by_inode.entry(key).or_default().push(id.0);
            self.changed.insert(id.0);
        }
    }

    /// A file was deleted, and all of it was acknowledged. Its inode may be another file's at once.
    pub(crate) fn deleted(&mut self, id: FileId, now: i64) {
        self.gone(id, now);
        if let Some(entry) = self.content.files.get_mut(&id.0) {
            if let Some(ids) = self.by_inode.get_mut(&entry.key()) {
                ids.retain(|known| *known != id.0);
            }
            (entry.device, entry.inode) = (0, 0);
            self.by_inode.entry(entry.key()).or_default().push(id.0);
            self.changed.insert(id.0);
        }
    }

    /// A file is not where it was. It may come again: as it is, or packed.
    pub(crate) fn gone(&mut self, id: FileId, now: i64) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && entry.gone.is_none()
        {
            entry.gone = Some(now);
            self.changed.insert(id.0);
        }
    }

    /// Forgets files that are gone for long.
    pub(crate) fn forget_gone(&mut self, now: i64) {
        let mut gone: Vec<_> =
            self.content.files.iter().filter_map(|(id, entry)| Some((entry.gone?, *id))).collect();
        gone.sort_unstable();
        let surplus = gone.len().saturating_sub(REMEMBERED);
        for (at, (since, id)) in gone.into_iter().enumerate() {
            if at < surplus || since + REMEMBERED_SECONDS < now {
                self.forget(FileId(id));
            }
        }
    }

    pub(crate) fn add(&mut self, entry: Entry) -> FileId {
        let id = self.content.next_id;
        self.content.next_id += 1;
        self.by_inode.entry(entry.key()).or_default().push(id);
        self.content.files.insert(id, entry);
        self.changed.insert(id);
        self.blank.insert(id);
        FileId(id)
    }

    /// The file was acknowledged up to a position.
    pub(crate) fn acknowledge(&mut self, id: FileId, position: Position) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && entry.acknowledge(position)
        {
            self.changed.insert(id.0);
        }
    }

    /// The file is read up to `offset`, or could not be: for those who ask how far the agent is. Not written.
    pub(crate) fn reading(&mut self, id: FileId, offset: u64, error: Option<String>) {
        if let Some(entry) = self.content.files.get_mut(&id.0) {
            entry.reading(offset, error, seconds());
        }
    }

    /// The file's first bytes, of which there may now be more, and where it is.
    pub(crate) fn seen(&mut self, id: FileId, path: &Path, prefix: Prefix) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && (entry.prefix != prefix || entry.path != path)
        {
            entry.path = path.to_owned();
            entry.prefix = prefix;
            self.changed.insert(id.0);
        }
    }

    /// Forgets a file that is gone and read to its end.
    pub(crate) fn forget(&mut self, id: FileId) {
        let Some(entry) = self.content.files.remove(&id.0) else { return };
        self.changed.insert(id.0);
        if let Some(ids) = self.by_inode.get_mut(&entry.key()) {
            ids.retain(|known| *known != id.0);
            if ids.is_empty() {
                self.by_inode.remove(&entry.key());
            }
        }
    }

    pub(crate) fn entry(&self, id: FileId) -> Option<&Entry> {
        self.content.files.get(&id.0)
    }

    /// Whether nothing of the file's first bytes is on disk.
    pub(crate) fn is_blank(&self, id: FileId) -> bool {
        self.blank.contains(&id.0)
    }

    /// Writes what changed.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        if self.changed.is_empty() { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> io::Result<()> {
        self.store.save(&mut self.content, &self.changed)?;
        for id in std::mem::take(&mut self.changed) {
            if self.content.files.get(&id).is_none_or(|entry| entry.prefix.len > 0) {
                self.blank.remove(&id);
            }
        }
        Ok(())
    }
}

/// What is wrong with a journal, if anything is.
fn say(Found { damaged, foreign, torn }: Found) {
    if damaged > 0 {
        warn!(
            saves = damaged,
            "the registry's journal is damaged: lines may be sent again, with the same ids"
        );
    }
    if foreign > 0 {
        warn!(
            saves = foreign,
            "registry.json was changed by others: lines sent since it was written may be doubled"
        );
    }
    if torn {
        debug!("the registry's last save was not finished");
    }
}

/// Now, as files' times are told.
fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
