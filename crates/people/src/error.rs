//! What can go wrong, in words that say what to do. None holds a password, a link or a token.

use std::path::PathBuf;

use alces_sqlite::OpenError;
use rusqlite::ErrorCode;

use crate::password::PasswordProblem;

/// Why something about people could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// The file cannot be made or opened.
    #[error("{path}: cannot be opened: {reason}. Give a file in a folder that this program may write to")]
    Open {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The file is of a later version of this program.
    #[error(
        "this file of people is of version {found}, and this program knows {known}: use the program that wrote it"
    )]
    Newer {
        /// The file's version.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// Another program holds the file.
    #[error("the file of people is locked by another program: close it and try again")]
    Locked,
    /// The disk takes nothing more.
    #[error("the disk with the file of people is full: make room and try again")]
    Full,
    /// SQLite's own words.
    #[error("the file of people cannot be used: {0}")]
    Storage(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Randomness,
    /// The password is not to be used.
    #[error("{0}")]
    Password(#[from] PasswordProblem),
    /// A name that cannot be one.
    #[error("a name has 1 to {most} letters, digits, and . _ @ + -", most = crate::users::LONGEST_NAME)]
    Name,
    /// Somebody else has the name.
    #[error("there is somebody of this name already: choose another")]
    Taken,
    /// There is no such user.
    #[error("there is no such user")]
    NoUser,
    /// Without an administrator nobody could let anybody in.
    #[error("this is the last administrator: make another one first")]
    LastAdmin,
    /// The link is not known, was used, or has expired; which of them is not told.
    #[error("this link cannot be used any more: ask an administrator for a new one")]
    Link,
    /// There is no such search, or it is somebody else's.
    #[error("there is no such search")]
    NoSearch,
    /// A name that no search can have.
    #[error("a search's name has 1 to 100 characters on one line")]
    SearchName,
    /// The user has one of this name.
    #[error("there is a search of this name already: choose another, or delete that one first")]
    SearchTaken,
    /// More than is kept.
    #[error("this search is too long to be kept: leave some of it out")]
    SearchLong,
    /// Enough is kept.
    #[error("200 searches are kept already: delete one first")]
    SearchesFull,
    /// What limits a person's sight cannot be read.
    #[error("{0}")]
    Limits(String),
}

impl PeopleError {
    /// Whether the file is the trouble, and not what was asked of it: it may go well a moment later.
    #[must_use]
    pub const fn is_storage(&self) -> bool {
        matches!(
            self,
            Self::Open { .. }
                | Self::Newer { .. }
                | Self::Locked
                | Self::Full
                | Self::Storage(_)
                | Self::Randomness
        )
    }
}

impl From<rusqlite::Error> for PeopleError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            // SQLite's words name tables and columns, never values.
            _ => Self::Storage(error.to_string()),
        }
    }
}

impl From<OpenError> for PeopleError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Open { path, reason } => Self::Open { path, reason },
            OpenError::Newer { found, known } => Self::Newer { found, known },
            OpenError::Sql(error) => error.into(),
        }
    }
}
