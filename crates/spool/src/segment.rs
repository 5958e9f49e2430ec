//! A file of records, as the spool remembers it.

use crate::record::{HEAD, NUMBER_LIMIT};

/// A run of records; all of its numbers are below the next segment's first.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The number of its first record, which is its name.
    pub(crate) first: u64,
    /// Bytes of whole records. There may be more in the file, which are none.
    pub(crate) length: u64,
    /// Bytes that are durable, up to which readers may read.
    pub(crate) durable: u64,
}

impl Segment {
    pub(crate) fn name(&self) -> String {
        name(self.first)
    }
}

/// Whether a record of this number can begin at this place: all before it have a head at least, damaged or not.
pub(crate) fn plausible(first: u64, number: u64, at: u64) -> bool {
    number >= first && number - first <= at / HEAD as u64
}

pub(crate) fn name(first: u64) -> String {
    format!("{first:020}.spool")
}

/// The first number of the segment that has this name.
pub(crate) fn first(file: &str) -> Option<u64> {
    let number = file.strip_suffix(".spool")?.parse().ok()?;
    ((1..NUMBER_LIMIT).contains(&number) && name(number) == file).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_segments() {
        assert_eq!(first(&name(7)), Some(7));
        for other in [
            "7.spool",
            "00000000000000000000.spool",
            "+0000000000000000007.spool",
            "99999999999999999999.spool",
            "x",
        ] {
            assert_eq!(first(other), None, "{other}");
        }
    }
}
