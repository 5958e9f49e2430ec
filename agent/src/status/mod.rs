//! How far an agent is: asked over a socket in its data folder, or read from what it left there.

mod board;
mod show;
mod socket;

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use board::Board;
pub(crate) use show::show;
pub(crate) use socket::Socket;
pub use socket::ask;

use crate::registry::{Entry, FileId, Registry};

/// How far an agent is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The agent's id, as in its events.
    pub agent: String,
    /// When it was started; nothing: it does not run.
    pub since: Option<Timestamp>,
    /// Its collectors, in the order of the configuration.
    pub collectors: Vec<Collector>,
    /// Its spool, where there is one.
    pub spool: Option<Spool>,
    /// The files that it knows, by path.
    pub files: Vec<FileStatus>,
}

/// A collector, as the agent sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Collector {
    /// Its address.
    pub address: String,
    /// Whether there is a connection now.
    pub connected: bool,
    /// Events that it acknowledged since the agent was started.
    pub acknowledged: u64,
    /// Why the last connection ended or was not made.
    pub last_error: Option<String>,
}

/// Lines that wait on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spool {
    /// Bytes on disk.
    pub bytes: u64,
    /// Records that wait.
    pub records: u64,
    /// Bytes on disk at the most.
    pub max: u64,
    /// Records that were dropped because there was no room.
    pub dropped: u64,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileStatus {
    /// Where it was last seen.
    pub path: PathBuf,
    /// Its file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Its number at this agent, part of its events' ids.
    pub id: u64,
    /// Bytes that it has; nothing: it is not where it was last seen.
    pub size: Option<u64>,
    /// Bytes that were read; nothing: not known.
    pub offset: Option<u64>,
    /// Bytes whose events were acknowledged.
    pub acknowledged: u64,
    /// Bytes that are not acknowledged yet.
    pub lag_bytes: u64,
    /// How long the oldest of them waits; nothing: not known.
    pub lag_seconds: Option<u64>,
    /// What went wrong with it last.
    pub last_error: Option<String>,
}

/// Tells how far the agent is; called for each question, on a thread that may block.
pub(crate) type Source = Arc<dyn Fn() -> Status + Send + Sync>;

/// A file as the registry knows it and the file system shows it, `now` in seconds since 1970.
fn file(id: FileId, entry: &Entry, now: i64) -> FileStatus {
    use std::os::unix::fs::MetadataExt as _;
    let (size, last_error) = match std::fs::metadata(&entry.path) {
        Ok(meta) if (meta.dev(), meta.ino()) == (entry.device, entry.inode) => (Some(meta.len()), None),
        Ok(_) => (None, Some("another file has this name now".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, Some("it is gone".to_owned())),
        Err(error) => (None, Some(error.to_string())),
    };
    FileStatus {
        // JSON has no bytes that are no text.
        path: entry.path.to_string_lossy().into_owned().into(),
        device: entry.device,
        inode: entry.inode,
        id: id.0,
        size,
        offset: (entry.read > 0).then(|| entry.read.max(entry.offset)),
        acknowledged: entry.offset,
        lag_bytes: size.unwrap_or(entry.offset).saturating_sub(entry.offset),
        lag_seconds: entry.waits_since().map(|since| now.saturating_sub(since).max(0).cast_unsigned()),
        last_error: entry.error.clone().or(last_error),
    }
}

/// What an agent that does not run left in its data folder.
///
/// # Errors
/// There is no registry, or it cannot be read.
pub fn left(folder: &std::path::Path) -> std::io::Result<Status> {
    let (agent, entries) = Registry::peek(folder)?;
    Ok(Status {
        agent,
        since: None,
        collectors: Vec::new(),
        spool: None,
        files: files(entries, Timestamp::UNIX_EPOCH),
    })
}

/// All files, by path.
pub(crate) fn files(entries: Vec<(FileId, Entry)>, now: Timestamp) -> Vec<FileStatus> {
    let mut files: Vec<_> = entries.iter().map(|(id, entry)| file(*id, entry, now.as_second())).collect();
    files.sort_by(|a, b| (&a.path, a.id).cmp(&(&b.path, b.id)));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{marker::Position, tail::Inode};

    #[test]
    fn what_was_read_and_waits() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = Registry::open(dir.path(), "one").unwrap();
        let path = dir.path().join("a.log");
        std::fs::write(&path, [b'x'; 300]).unwrap();
        let key = Inode::of(&path.metadata().unwrap());
        let id = registry.add(Entry::new(&path, key, Position::default()));
        let tell = |registry: &Registry| {
            let file = files(registry.entries(), Timestamp::now()).remove(0);
            (file.offset, file.acknowledged, file.lag_bytes, file.lag_seconds.is_some(), file.last_error)
        };
        assert_eq!(tell(&registry), (None, 0, 300, false, None));
        registry.reading(id, 200, None);
        assert_eq!(tell(&registry), (Some(200), 0, 300, true, None));
        registry.acknowledge(id, Position { offset: 200, ..Position::default() });
        registry.reading(id, 200, Some("an I/O error".to_owned()));
        assert_eq!(tell(&registry), (Some(200), 200, 100, false, Some("an I/O error".to_owned())));
    }
}
