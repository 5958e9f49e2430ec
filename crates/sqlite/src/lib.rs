//! SQLite files that only their owner reads, and how a file of an earlier version becomes one of this.
//!
//! What is in a file is its crate's own: people, alerts. Here is what all of them have in common.

use std::fmt::Display;
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

/// So long a question waits for another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made or opened.
    #[error("{}: cannot be opened: {reason}. Give a file in a folder that this program may write to", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A later version of this program has written it.
    #[error("it is of version {found}, and this program knows {known}: use the program that wrote it")]
    Newer {
        /// The file's version.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// SQLite's own words.
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// What a crash of the system (not of this program, which costs nothing) may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The last moments, and never the file.
    LastMoments,
    /// Nothing that was committed: each commit waits for the disk.
    Nothing,
}

/// Opens a file, makes it where there is none, and brings it to this version by `steps` ([`migrate`]). Nobody but its owner can read it afterwards.
///
/// # Errors
/// [`OpenError`].
pub fn open(path: &Path, steps: &[&str], loss: Loss) -> Result<Connection, OpenError> {
    let cannot = |error: &dyn Display| OpenError::Open { path: path.to_owned(), reason: error.to_string() };
    // Before SQLite makes it, with a mode of its own. Its journals take the mode of the file.
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path);
    let file = file.map_err(|e| cannot(&e))?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(|e| cannot(&e))?;
    drop(file);
    let mut db = Connection::open(path).map_err(|e| cannot(&e))?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    let synchronous = match loss {
        Loss::LastMoments => "normal",
        Loss::Nothing => "full",
    };
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut db, steps)?;
    Ok(db)
}

/// Brings a file to the newest version. `PRAGMA user_version` is how many of `steps` it has taken. A step that was published is never changed;
/// what is to be otherwise is one more step.
///
/// # Errors
/// [`OpenError::Newer`], and SQLite's; the file is as it was then.
pub fn migrate(db: &mut Connection, steps: &[&str]) -> Result<(), OpenError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    // Two programs that open a new file at once: the second waits, and finds the work done.
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        change.execute_batch(step)?;
    }
    if found != known {
        change.pragma_update(None, "user_version", known)?;
    }
    change.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [&str; 2] = ["CREATE TABLE a (n INTEGER) STRICT;", "ALTER TABLE a ADD COLUMN m INTEGER;"];

    #[test]
    fn a_file_of_an_earlier_version_keeps_what_it_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite");
        let earlier = open(&path, &STEPS[..1], Loss::LastMoments).expect("a file");
        earlier.execute("INSERT INTO a VALUES (7)", []).expect("kept");
        drop(earlier);
        let now = open(&path, &STEPS, Loss::Nothing).expect("the same file");
        let kept: (i64, Option<i64>) =
            now.query_row("SELECT n, m FROM a", [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a row");
        assert_eq!(kept, (7, None));
        drop(now);
        let error = open(&path, &STEPS[..1], Loss::Nothing).expect_err("a later version");
        assert!(matches!(error, OpenError::Newer { found: 2, known: 1 }), "{error}");
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut db = Connection::open_in_memory().expect("a file");
        migrate(&mut db, &[STEPS[0], "CREATE TABLE b (n INTEGER) STRICT; nonsense"]).expect_err("nonsense");
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
        assert_eq!(version, 0);
        migrate(&mut db, &STEPS).expect("as if nothing had been");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = open(&folder.path().join("no/a.sqlite"), &STEPS, Loss::Nothing).expect_err("no folder");
        assert!(error.to_string().contains("no/a.sqlite"), "{error}");
    }
}
