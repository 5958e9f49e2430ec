//! What one dashboard's file holds, for the one that takes over from it: states, silences, messages that wait.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::ledger::{Ledger, LedgerError};

/// Of what is over so long goes along, milliseconds: the rest is history, which each file has of its own time.
const GOES_ALONG: i64 = 14 * 86_400_000;

impl Ledger {
    /// Is another after each change of the file, by this program or by another one.
    ///
    /// # Errors
    /// The file's.
    pub fn changes(&self) -> Result<(u64, i64), LedgerError> {
        let db = self.db();
        // `data_version` tells of commits by others only.
        Ok((db.total_changes(), db.query_row("PRAGMA data_version", [], |row| row.get(0))?))
    }

    /// The file as it is now, as bytes, without what was over long before `now`.
    ///
    /// # Errors
    /// The file's; `beside`, a folder for a moment's copy, cannot be written to.
    pub fn copy(&self, beside: &Path, now: i64) -> Result<Vec<u8>, LedgerError> {
        let path = beside.join("alerts.copy");
        remove(&path)?;
        self.db().execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
        let copy = Connection::open(&path)?;
        copy.execute("DELETE FROM episodes WHERE ended < ?1", [now - GOES_ALONG])?;
        copy.execute("DELETE FROM outbox WHERE ended < ?1", [now - GOES_ALONG])?;
        copy.execute_batch("PRAGMA journal_mode = delete; VACUUM;")?;
        drop(copy);
        let bytes = std::fs::read(&path).map_err(LedgerError::Copy)?;
        remove(&path)?;
        Ok(bytes)
    }

    /// Becomes what [`Ledger::copy`] has given.
    ///
    /// # Errors
    /// The bytes are no such file, or one of a later version; this file's own. Nothing is changed then.
    pub fn become_copy(&self, bytes: &[u8], beside: &Path) -> Result<(), LedgerError> {
        let path = beside.join("alerts.taken");
        remove(&path)?;
        std::fs::write(&path, bytes).map_err(LedgerError::Copy)?;
        // Brought to this version, and known to be a file of alerts, before anything is given up for it.
        let other = Self::open(&path)?;
        let done = {
            let (from, mut to) = (other.db(), self.db());
            let backup = Backup::new(&from, &mut to)?;
            backup.run_to_completion(1024, std::time::Duration::ZERO, None)
        };
        drop(other);
        for end in ["", "-wal", "-shm"] {
            remove(&beside.join(format!("alerts.taken{end}")))?;
        }
        Ok(done?)
    }
}

fn remove(path: &Path) -> Result<(), LedgerError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LedgerError::Copy(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn who_takes_over_has_what_the_other_had() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |name: &str| Ledger::open(&folder.path().join(name)).expect("a file");
        let (one, other) = (open("one"), open("other"));
        let silence = |ledger: &Ledger, name: &str| {
            let matchers = BTreeMap::from([("alertname".to_owned(), name.to_owned())]);
            ledger.silence(&matchers, "amy", "", 2_000, 1_000).expect("kept");
        };
        let before = one.changes().expect("a number");
        silence(&one, "a");
        let after = one.changes().expect("a number");
        assert_ne!(before, after);
        let beside = open("one");
        beside.end_silence(99, 1_000).expect("nothing to end");
        assert_eq!(one.changes().expect("a number"), after);
        silence(&beside, "of another program");
        assert_ne!(one.changes().expect("a number"), after);
        beside.end_silence(2, 1_100).expect("ended");
        silence(&other, "b");
        let bytes = one.copy(folder.path(), 1_000).expect("a copy");
        other.become_copy(&bytes, folder.path()).expect("taken");
        let named =
            |ledger: &Ledger| ledger.silences(1_500).expect("silences")[0].matchers["alertname"].clone();
        assert_eq!((other.silences(1_500).expect("silences").len(), named(&other)), (1, "a".to_owned()));
        // It goes on as a file of its own.
        silence(&other, "c");
        assert_eq!(
            (other.silences(1_500).expect("all").len(), one.silences(1_500).expect("all").len()),
            (2, 1)
        );
        let names: Vec<_> =
            std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("alerts.")), "{names:?}");
    }

    #[test]
    fn what_is_no_copy_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("one")).expect("a file");
        ledger.silence(&BTreeMap::new(), "amy", "", 2_000, 1_000).expect("kept");
        let bytes = ledger.copy(folder.path(), 1_000).expect("a copy");
        for wrong in [&b"no file of SQLite"[..], &bytes[..bytes.len() / 2], &[0xff; 5000]] {
            assert!(ledger.become_copy(wrong, folder.path()).is_err());
            assert_eq!(ledger.silences(1_500).expect("silences").len(), 1);
        }
    }
}
