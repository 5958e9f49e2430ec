//! What is known of one file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::waiting::Waiting;
use crate::{
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
    #[serde(with = "written_path")]
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
    /// Everything before this byte was read since the agent was started; 0: nothing was. Not written, as what follows.
    #[serde(skip)]
    pub(crate) read: u64,
    /// What went wrong when it was last read.
    #[serde(skip)]
    pub(crate) error: Option<String>,
    #[serde(skip)]
    waiting: Waiting,
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
            read: 0,
            error: None,
            waiting: Waiting::default(),
        }
    }

    /// How far it is acknowledged.
    pub(crate) fn position(&self) -> Position {
        Position { offset: self.offset, marker: self.marker }
    }

    pub(crate) fn key(&self) -> Inode {
        Inode { device: self.device, inode: self.inode }
    }

    /// Since when the oldest bytes wait that were read and not acknowledged, in seconds since 1970; nothing: none do.
    pub(crate) fn waits_since(&self) -> Option<i64> {
        self.waiting.since()
    }

    /// Whether a file that has `size` bytes has these of it.
    pub(super) fn is_of(&self, file: &mut impl Bytes, size: u64) -> bool {
        self.offset <= size && self.prefix.holds(file) && self.position().holds(file)
    }

    /// Takes over a position further on. Whether it is.
    pub(super) fn acknowledge(&mut self, position: Position) -> bool {
        let further = self.offset < position.offset;
        if further {
            (self.offset, self.marker) = (position.offset, position.marker);
            self.waiting.acknowledged(position.offset);
        }
        further
    }

    /// It is read up to `offset`, or could not be.
    pub(super) fn reading(&mut self, offset: u64, error: Option<String>, now: i64) {
        (self.read, self.error) = (offset, error);
        if offset > self.offset {
            self.waiting.read(offset, now);
        }
    }
}

/// A path as a text, or as bytes where it is none: one odd name must not keep all others from being written.
mod written_path {
    use std::{
        ffi::{OsStr, OsString},
        os::unix::ffi::{OsStrExt as _, OsStringExt as _},
        path::{Path, PathBuf},
    };

    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(PathBuf),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => text.serialize(to),
            None => OsStr::as_bytes(path.as_os_str()).serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Text(path) => path,
            Written::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn any_path_can_be_written() {
        for name in [&b"/var/log/a.log"[..], b"/var/log/\xff\xfe.log", "/ä/\"\n".as_bytes()] {
            let path = Path::new(OsStr::from_bytes(name));
            let entry = Entry::new(path, Inode { device: 1, inode: u64::MAX }, Position::default());
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry, "{text}");
        }
    }

    #[test]
    fn what_is_read_is_not_written() {
        let mut entry = Entry::new(Path::new("/a"), Inode { device: 1, inode: 2 }, Position::default());
        let before = serde_json::to_string(&entry).unwrap();
        entry.reading(100, Some("no such device".to_owned()), 7);
        assert_eq!((entry.read, entry.waits_since()), (100, Some(7)));
        assert_eq!(serde_json::to_string(&entry).unwrap(), before);
        assert!(entry.acknowledge(Position { offset: 100, ..Position::default() }));
        assert_eq!(entry.waits_since(), None);
    }
}
