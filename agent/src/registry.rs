//! What was acknowledged of each file, on disk.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    AgentError,
    marker::{Bytes, Marker, Position, Prefix},
    tail::Inode,
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
    /// Its first bytes: an inode that was given to another file is told by them, and a copy of this one.
    #[serde(flatten)]
    pub(crate) prefix: Prefix,
    /// Everything before this byte was acknowledged.
    pub(crate) offset: u64,
    /// What stands before it.
    #[serde(default)]
    pub(crate) marker: Marker,
    /// Since when there is no such file, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gone: Option<i64>,
}

impl Entry {
    /// A file that was not seen before.
    pub(crate) fn new(path: &Path, key: Inode, position: Position) -> Self {
        Self {
            path: path.to_owned(),
            device: key.device,
            inode: key.inode,
            prefix: Prefix::default(),
            offset: position.offset,
            marker: position.marker,
            gone: None,
        }
    }

    /// How far it is acknowledged.
    pub(crate) fn position(&self) -> Position {
        Position { offset: self.offset, marker: self.marker }
    }

    pub(crate) fn key(&self) -> Inode {
        Inode { device: self.device, inode: self.inode }
    }

    /// Whether a file that has `size` bytes has these of it.
    fn is_of(&self, file: &mut impl Bytes, size: u64) -> bool {
        self.offset <= size && self.prefix.holds(file) && self.position().holds(file)
    }
}

/// How long a file that is gone is remembered: its packed copy may come later.
const REMEMBERED_SECONDS: i64 = 24 * 3600;

/// How many files that are gone are remembered.
const REMEMBERED: usize = 1000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    agent_id: String,
    /// Counts up, so that no two files ever had one id.
    next_id: u64,
    /// When it was last written, in seconds since 1970: what was written to a file before that was seen.
    #[serde(default)]
    saved: i64,
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
    /// By inode, the oldest first.
    by_inode: HashMap<Inode, Vec<u64>>,
    saved_before: i64,
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
        let mut by_inode: HashMap<_, Vec<_>> = HashMap::new();
        for (id, entry) in &content.files {
            by_inode.entry(entry.key()).or_default().push(*id);
        }
        let saved_before = content.saved;
        let mut registry = Self { path, content, by_inode, saved_before, dirty: false, _lock: lock };
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

    /// When it was last written before this start, in seconds since 1970.
    pub(crate) fn saved(&self) -> i64 {
        self.saved_before
    }

    /// The file of `size` bytes with this inode, if it begins as when it was last seen and has the same bytes before the offset.
    pub(crate) fn find(&self, key: Inode, file: &mut impl Bytes, size: u64) -> Option<(FileId, Entry)> {
        // The newest first: an inode may have been several files.
        self.by_inode.get(&key)?.iter().rev().find_map(|id| {
            let entry = self.content.files.get(id).filter(|entry| entry.is_of(file, size))?;
            Some((FileId(*id), entry.clone()))
        })
    }

    /// Whether a file is known that had this inode.
    pub(crate) fn has_inode(&self, key: Inode) -> bool {
        self.by_inode.contains_key(&key)
    }

    /// The file that was last seen at `path`, or was a rotated one of it, and of which this one of `size` bytes is a copy as far as it
    /// was read. Of files that nothing is known of there are none.
    pub(crate) fn copied(
        &self,
        is_place: impl Fn(&Path) -> bool,
        file: &mut impl Bytes,
        size: u64,
    ) -> Option<(FileId, Entry)> {
        let same = |entry: &Entry| entry.prefix.len > 0 && is_place(&entry.path) && entry.is_of(file, size);
        let mut same = same;
        self.content
            .files
            .iter()
            .rev()
            .find(|(_, entry)| same(entry))
            .map(|(id, entry)| (FileId(*id), entry.clone()))
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
            self.dirty = true;
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
            self.dirty = true;
        }
    }

    /// A file is not where it was. It may come again: as it is, or packed.
    pub(crate) fn gone(&mut self, id: FileId, now: i64) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && entry.gone.is_none()
        {
            entry.gone = Some(now);
            self.dirty = true;
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
    pub(crate) fn seen(&mut self, id: FileId, path: &Path, prefix: Prefix) {
        if let Some(entry) = self.content.files.get_mut(&id.0)
            && (entry.prefix != prefix || entry.path != path)
        {
            entry.path = path.to_owned();
            entry.prefix = prefix;
            self.dirty = true;
        }
    }

    /// Forgets a file that is gone and read to its end.
    pub(crate) fn forget(&mut self, id: FileId) {
        let Some(entry) = self.content.files.remove(&id.0) else { return };
        self.dirty = true;
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

    /// Writes the registry if it changed: whole, to a new file, synced, then in place of the old one.
    pub(crate) fn save(&mut self) -> io::Result<()> {
        if !self.dirty {
            return Ok(());
        }
        self.content.saved = seconds();
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

/// Now, as files' times are told.
fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of this text.
    struct Text<'t>(&'t [u8]);

    impl Bytes for Text<'_> {
        fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
            let found = self.0.get(offset as usize..).and_then(|rest| rest.get(..buffer.len()));
            found.inspect(|found| buffer.copy_from_slice(found)).is_some()
        }
    }

    const KEY: Inode = Inode { device: 1, inode: 5 };

    #[test]
    fn survives_and_keeps_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = Registry::open(dir.path(), "one").unwrap();
        let text = b"the first line\nthe second line\nthe third";
        let id = registry.add(Entry::new(Path::new("/a"), KEY, Position::default()));
        registry.seen(id, Path::new("/a"), Prefix::of(&mut Text(text), 20));
        registry.acknowledge(id, Position::behind(31, &text[..31]));
        registry.acknowledge(id, Position::behind(15, &text[..15]));
        registry.save().unwrap();
        let agent = registry.agent_id().to_owned();
        drop(registry);
        let registry = Registry::open(dir.path(), "two").unwrap();
        assert_eq!(registry.agent_id(), agent);
        assert!(registry.saved() > 0);
        let find = |text: &[u8]| {
            registry.find(KEY, &mut Text(text), text.len() as u64).map(|(id, e)| (id, e.offset))
        };
        assert_eq!(find(text), Some((id, 31)));
        assert_eq!(
            find(b"The first line\nthe second line\nthe third"),
            None,
            "other first bytes: another file"
        );
        assert_eq!(find(&text[..30]), None, "shorter than what was read: cut");
        assert_eq!(find(b"the first line\nthe second LINE\nthe third"), None, "written anew past the offset");
        let copied = |place: &str| {
            registry.copied(|path| path == Path::new(place), &mut Text(text), 40).map(|(id, _)| id)
        };
        assert_eq!((copied("/a"), copied("/b")), (Some(id), None));
    }

    #[test]
    fn a_file_that_is_gone_is_remembered_for_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = Registry::open(dir.path(), "one").unwrap();
        let id = registry.add(Entry::new(Path::new("/a"), KEY, Position::default()));
        registry.gone(id, 100);
        registry.gone(id, 200);
        registry.forget_gone(100 + REMEMBERED_SECONDS);
        assert!(registry.entry(id).is_some());
        registry.forget_gone(101 + REMEMBERED_SECONDS);
        assert!(registry.entry(id).is_none() && registry.by_inode.is_empty());
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
