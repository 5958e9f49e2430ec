//! The file.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alces_sqlite::Loss;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use crate::{PeopleError, Pseudonyms, schema};

/// The people of a dashboard.
pub struct People {
    db: Mutex<Connection>,
    pseudonyms: Pseudonyms,
}

impl People {
    /// Opens the file, makes it where there is none, and brings it to this version. Nobody but its owner can read it afterwards.
    ///
    /// # Errors
    /// [`PeopleError::Open`], [`PeopleError::Newer`], and SQLite's.
    pub fn open(path: &Path) -> Result<Self, PeopleError> {
        let mut db = alces_sqlite::open(path, &schema::STEPS, Loss::LastMoments)?;
        let pseudonyms = Pseudonyms::new(key(&mut db)?);
        Ok(Self { db: Mutex::new(db), pseudonyms })
    }

    /// What stands for masked values.
    #[must_use]
    pub const fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// Whether the file answers.
    ///
    /// # Errors
    /// The file's.
    pub fn ping(&self) -> Result<(), PeopleError> {
        Ok(self.db().query_row("SELECT 1 FROM meta LIMIT 1", [], |_| Ok(()))?)
    }

    pub(crate) fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere rolls its transaction back.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does all of it or nothing.
    pub(crate) fn change<T>(
        &self,
        what: impl FnOnce(&Transaction<'_>) -> Result<T, PeopleError>,
    ) -> Result<T, PeopleError> {
        let mut db = self.db();
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = what(&change)?;
        change.commit()?;
        Ok(done)
    }
}

fn key(db: &mut Connection) -> Result<[u8; 32], PeopleError> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: Option<[u8; 32]> = change
        .query_row("SELECT value FROM meta WHERE name = 'pseudonyms'", [], |row| row.get(0))
        .optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    let mut made = [0; 32];
    getrandom::fill(&mut made).map_err(|_| PeopleError::Randomness)?;
    change.execute("INSERT INTO meta (name, value) VALUES ('pseudonyms', ?1)", [made])?;
    change.commit()?;
    Ok(made)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    pub(crate) fn people() -> (tempfile::TempDir, People) {
        let dir = tempfile::tempdir().unwrap();
        let people = People::open(&dir.path().join("people.sqlite")).unwrap();
        (dir, people)
    }

    #[test]
    fn only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("people.sqlite");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let _people = People::open(&path).unwrap();
        for file in ["people.sqlite", "people.sqlite-wal", "people.sqlite-shm"] {
            let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn pseudonyms_outlive_a_restart() {
        let (dir, people) = people();
        let before = people.pseudonyms().of("203.0.113.7");
        drop(people);
        let again = People::open(&dir.path().join("people.sqlite")).unwrap();
        assert_eq!(again.pseudonyms().of("203.0.113.7"), before);
    }

    #[test]
    fn a_later_version_is_left_alone() {
        let (dir, people) = people();
        people.db().pragma_update(None, "user_version", 99).unwrap();
        drop(people);
        let error = People::open(&dir.path().join("people.sqlite")).err().unwrap();
        assert!(matches!(error, PeopleError::Newer { found: 99, .. }), "{error}");
        assert!(error.is_storage());
    }

    #[test]
    fn what_is_no_file_of_people_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        std::fs::write(
            &path,
            "milk, eggs, and a text that is long enough to be looked at by SQLite ".repeat(20),
        )
        .unwrap();
        assert!(People::open(&path).is_err());
        let error = People::open(dir.path()).err().unwrap();
        assert!(matches!(error, PeopleError::Open { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_locked_or_full_is_said() {
        let (dir, people) = people();
        let other = Connection::open(dir.path().join("people.sqlite")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        people.db().busy_timeout(std::time::Duration::ZERO).unwrap();
        let make = || people.add_user("amy", None, crate::Role::Viewer, &crate::audit::tests::event());
        assert!(matches!(make(), Err(PeopleError::Locked)));
        other.execute_batch("ROLLBACK").unwrap();
        people.db().query_row("PRAGMA max_page_count = 1", [], |_| Ok(())).unwrap();
        let long = "x".repeat(2000);
        let event = crate::Event { what: &long, ..crate::audit::tests::event() };
        let full = (0..10).find_map(|_| people.record(&event).err());
        assert!(matches!(full, Some(PeopleError::Full)), "{full:?}");
        people.db().query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
        assert!(make().is_ok(), "nothing is broken");
    }
}
