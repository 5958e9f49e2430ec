//! What a file is known by beside its inode: hashes of its first bytes and of those before a place. A file that was cut and written
//! anew has others there, even where it begins as before and has already grown past the place.

use std::{fs::File, os::unix::fs::FileExt as _};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes before a place are looked at: some lines' worth of time stamps.
pub(crate) const LEN: usize = 256;

/// How many first bytes are looked at: more than what every file of a program begins with.
pub(crate) const PREFIX: usize = 4096;

/// Something that has bytes at places.
pub(crate) trait Bytes {
    /// Fills all of `buffer`; false where there are not as many.
    fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool;
}

impl Bytes for &File {
    fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> bool {
        self.read_exact_at(buffer, offset).is_ok()
    }
}

/// What stands before a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// How many bytes; 0 where nothing is known.
    len: u16,
    hash: u64,
}

/// How far a file is read, and what stands before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) offset: u64,
    pub(crate) marker: Marker,
}

impl Position {
    /// The place behind `bytes` of a file, whose last ones count.
    pub(crate) fn behind(offset: u64, bytes: &[u8]) -> Self {
        Self { offset, marker: Marker::behind(bytes) }
    }

    /// A place in a file, with what stands before it there now.
    pub(crate) fn at(offset: u64, file: &mut impl Bytes) -> Self {
        let mut buffer = [0; LEN];
        let len = (LEN as u64).min(offset);
        let bytes = buffer.get_mut(..len as usize).unwrap_or_default();
        // Where they cannot be read nothing is known of them.
        let marker =
            if file.fill_at(offset - len, bytes) { Marker::behind(bytes) } else { Marker::default() };
        Self { offset, marker }
    }

    /// Whether the same bytes still stand before the place; true where nothing is known of them.
    pub(crate) fn holds(self, file: &mut impl Bytes) -> bool {
        let mut buffer = [0; LEN];
        let (Some(bytes), Some(start)) =
            (buffer.get_mut(..self.marker.len()), self.offset.checked_sub(self.marker.len.into()))
        else {
            return false;
        };
        bytes.is_empty() || (file.fill_at(start, bytes) && self.marker.is_of(bytes))
    }
}

impl Marker {
    /// The marker behind `bytes`, of which the last ones count.
    pub(crate) fn behind(bytes: &[u8]) -> Self {
        let last = bytes.get(bytes.len().saturating_sub(LEN)..).unwrap_or_default();
        // At most LEN, which fits.
        Self { len: last.len() as u16, hash: xxh3_64(last) }
    }

    /// Its parts, to be written down.
    pub(crate) fn to_parts(self) -> (u16, u64) {
        (self.len, self.hash)
    }

    /// A marker that was written down.
    pub(crate) fn from_parts((len, hash): (u16, u64)) -> Self {
        Self { len, hash }
    }

    /// How many bytes it is of.
    pub(crate) fn len(self) -> usize {
        usize::from(self.len)
    }

    /// Whether it is of these bytes.
    pub(crate) fn is_of(self, bytes: &[u8]) -> bool {
        self.len() == bytes.len() && (bytes.is_empty() || xxh3_64(bytes) == self.hash)
    }
}

/// The first bytes of a file, of which more are known as it grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prefix {
    /// How many bytes; 0 where nothing is known.
    #[serde(rename = "prefix_len")]
    pub(crate) len: u64,
    #[serde(rename = "prefix_hash")]
    pub(crate) hash: u64,
}

impl Prefix {
    /// The first bytes of a file that has `len`.
    pub(crate) fn of(file: &mut impl Bytes, len: u64) -> Self {
        let len = len.min(PREFIX as u64);
        if len == 0 {
            return Self::default();
        }
        Self::hash(file, len).map_or_else(Self::default, |hash| Self { len, hash })
    }

    /// Whether a file still begins so; true where nothing is known.
    pub(crate) fn holds(self, file: &mut impl Bytes) -> bool {
        self.len == 0 || Self::hash(file, self.len) == Some(self.hash)
    }

    /// Whether more could be known.
    pub(crate) fn grows(self) -> bool {
        self.len < PREFIX as u64
    }

    fn hash(file: &mut impl Bytes, len: u64) -> Option<u64> {
        let mut buffer = [0; PREFIX];
        let bytes = buffer.get_mut(..usize::try_from(len).ok()?)?;
        file.fill_at(0, bytes).then(|| xxh3_64(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn other_bytes_before_the_place_are_noticed() {
        let mut temp = tempfile::NamedTempFile::new().unwrap();
        let text = "a line\n".repeat(100);
        temp.write_all(text.as_bytes()).unwrap();
        let file = File::open(temp.path()).unwrap();
        let marker = Marker::behind(text.as_bytes());
        let holds = |offset| Position { offset, marker }.holds(&mut &file);
        assert!(holds(700));
        assert!(!holds(699) && !holds(701) && !holds(10));
        assert_eq!(Position::at(700, &mut &file), Position { offset: 700, marker });
        assert!(Position::default().holds(&mut &file));
        assert!(Position { offset: 5, marker: Marker::default() }.holds(&mut &file), "nothing is known");
        std::fs::write(temp.path(), "b line\n".repeat(200)).unwrap();
        assert!(!holds(700));
    }

    #[test]
    fn the_first_bytes_are_known_better_as_a_file_grows() {
        let mut temp = tempfile::NamedTempFile::new().unwrap();
        let file = temp.reopen().unwrap();
        let prefix = |len| Prefix::of(&mut &file, len);
        assert_eq!(prefix(0), Prefix::default());
        temp.write_all(b"abc").unwrap();
        let three = prefix(3);
        assert!(three.grows() && three.holds(&mut &file));
        temp.write_all(&[b'x'; 5000]).unwrap();
        assert!(three.holds(&mut &file));
        assert!(!prefix(5003).grows() && prefix(5003).holds(&mut &file));
        std::fs::write(temp.path(), b"abd").unwrap();
        assert!(!three.holds(&mut &file));
    }
}
