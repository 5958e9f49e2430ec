//! What can go wrong, and what the caller has to do then.

use std::{io, path::PathBuf};

/// What can go wrong. After each of these the spool is as usable as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// Another process works in the folder.
    #[error("another process is using the spool {}: give each its own folder", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The cap is reached: the record was not taken. Append it again when something is acknowledged.
    #[error("the spool is full: {used} of {cap} bytes are in use")]
    Full {
        /// Bytes in the folder.
        used: u64,
        /// Bytes that may be.
        cap: u64,
    },
    /// A record that can never be taken.
    #[error("a record of {bytes} bytes is more than the {limit} that the spool takes")]
    TooLong {
        /// Its bytes.
        bytes: u64,
        /// The most that one may have.
        limit: u64,
    },
    /// The system refused. A record that was to be appended was not taken, and nothing else has changed: try again later.
    #[error("cannot {doing} `{name}` in the spool: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file's name; `.` is the folder itself.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
    /// What was appended since the last sync could not be made durable and is out of the spool again: append it anew.
    #[error("cannot sync the spool, {records} records from number {from} on are taken back: {source}")]
    TakenBack {
        /// The first number that is taken back, and the next that will be given.
        from: u64,
        /// How many records.
        records: u64,
        /// The system's reason.
        source: io::Error,
    },
}

impl SpoolError {
    /// Whether space is what is missing, on the disk or under the cap.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Io { source, .. } | Self::TakenBack { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Locked { .. } | Self::TooLong { .. } => false,
        }
    }

    pub(crate) fn io(doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, name: name.to_owned(), source }
    }
}
