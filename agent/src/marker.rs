//! The bytes before a place in a file, as a hash. A file that was cut and written anew has others there, even where it begins as
//! before and has already grown past the place.

use std::{fs::File, os::unix::fs::FileExt as _};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes are looked at: some lines' worth of time stamps.
pub(crate) const LEN: usize = 256;

/// What stands before a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// How many bytes; 0 where nothing is known.
    len: u16,
    hash: u64,
}

/// How far a file is read, and what stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) offset: u64,
    pub(crate) marker: Marker,
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

    /// Whether these bytes still stand before `offset`; true where nothing is known of them.
    pub(crate) fn holds(self, file: &File, offset: u64) -> bool {
        let mut buffer = [0; LEN];
        let (Some(bytes), Some(start)) =
            (buffer.get_mut(..usize::from(self.len)), offset.checked_sub(self.len.into()))
        else {
            return false;
        };
        bytes.is_empty() || (file.read_exact_at(bytes, start).is_ok() && xxh3_64(bytes) == self.hash)
    }
}

/// The last bytes before `offset`.
pub(crate) fn bytes_before(file: &File, offset: u64) -> Vec<u8> {
    let len = offset.min(LEN as u64);
    let mut bytes = vec![0; len as usize];
    match file.read_exact_at(&mut bytes, offset - len) {
        Ok(()) => bytes,
        // Nothing is then known of them.
        Err(_) => Vec::new(),
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
        assert!(marker.holds(&file, 700));
        assert!(!marker.holds(&file, 699) && !marker.holds(&file, 701) && !marker.holds(&file, 10));
        assert_eq!(Marker::behind(&bytes_before(&file, 700)), marker);
        assert!(Marker::behind(b"").holds(&file, 0));
        assert!(Marker::default().holds(&file, 5), "nothing is known");
        std::fs::write(temp.path(), "b line\n".repeat(200)).unwrap();
        assert!(!marker.holds(&file, 700));
    }
}
