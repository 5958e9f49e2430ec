//! How large, and what then.

/// What to do with a record when the cap is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// Refuse it: the caller waits until something is acknowledged. Nothing is ever lost.
    #[default]
    Refuse,
    /// Drop the oldest segment, acknowledged or not, and count its records.
    DropOldest,
}

/// How a spool is kept. Nothing of it is written into the folder: each may change from one start to the next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The most bytes that records and what is kept of damaged ones may take on disk. The position (20 bytes) is not in it.
    pub cap_bytes: u64,
    /// What to do then.
    pub on_full: OnFull,
    /// A segment is closed before it grows beyond this, so that the disk is freed in steps. A quarter of the cap at the
    /// most; a record that is longer has a segment of its own.
    pub segment_bytes: u64,
    /// The level of zstd, or `None` to store records as they are.
    pub compression: Option<i32>,
}

impl Options {
    /// Segments of 16 MiB, zstd at level 1, and `append` refuses when the cap is reached.
    #[must_use]
    pub fn new(cap_bytes: u64) -> Self {
        Self { cap_bytes, on_full: OnFull::Refuse, segment_bytes: 16 << 20, compression: Some(1) }
    }

    pub(crate) fn segment(&self) -> u64 {
        self.segment_bytes.min(self.cap_bytes / 4)
    }
}
