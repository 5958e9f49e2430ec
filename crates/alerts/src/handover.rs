//! What one dashboard's file holds, for the one that takes over from it: states, silences, messages that wait.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::ledger::{Ledger, LedgerError};

/// Of what is over so long goes along, milliseconds: the rest is history, which each file has of its own time.
const GOES_ALONG: i64 = 14 * 86_400_000;

/// A ledger at one moment.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The file, for [`Ledger::become_copy`].
    pub bytes: Vec<u8>,
    /// What [`Ledger::changes`] was.
    pub changes: (u64, i64),
    /// The place of the newest message that is in it, as in [`crate::Open::seq`]; 0 where there is none.
    pub newest: i64,
}

impl Ledger {
    /// Is another after each change of the file, by this program or by another one.
    ///
    /// # Errors
    /// The file's.
    pub fn changes(&self) -> Result<(u64, i64), LedgerError> {
        changes(&self.db())
    }

    /// The file as it is now, without what was over long before `now`. `file` is its own path, beside which the copy stands for a moment.
    ///
    /// # Errors
    /// The file's; nothing can be written beside it.
    pub fn copy(&self, file: &Path, now: i64) -> Result<Copied, LedgerError> {
        let path = beside(file, "copy");
        // SQLite takes a file that is there and empty: one that only its owner reads, as the ledger's own.
        own(&path)?;
        let (changes, newest) = {
            let db = self.db();
            let newest = db.query_row("SELECT coalesce(max(seq), 0) FROM outbox", [], |row| row.get(0))?;
            db.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
            (changes(&db)?, newest)
        };
        let copy = Connection::open(&path)?;
        // What was sent is history of the dashboard that sent it.
        copy.execute_batch(
            "DELETE FROM outbox WHERE ended IS NOT NULL; DELETE FROM tries WHERE seq NOT IN (SELECT seq FROM outbox);",
        )?;
        copy.execute("DELETE FROM episodes WHERE ended < ?1", [now - GOES_ALONG])?;
        copy.execute("DELETE FROM acks WHERE at < ?1", [now - GOES_ALONG])?;
        copy.execute_batch("PRAGMA journal_mode = delete; VACUUM;")?;
        drop(copy);
        let bytes = std::fs::read(&path).map_err(LedgerError::Copy)?;
        remove(&path)?;
        Ok(Copied { bytes, changes, newest })
    }

    /// Becomes what [`Ledger::copy`] has given.
    ///
    /// # Errors
    /// The bytes are no such file, or one of a later version; this file's own. Nothing is changed then.
    pub fn become_copy(&self, bytes: &[u8], file: &Path) -> Result<(), LedgerError> {
        let ends = ["taken", "taken-wal", "taken-shm"];
        let path = beside(file, ends[0]);
        own(&path)?.write_all(bytes).map_err(LedgerError::Copy)?;
        // Brought to this version, and known to be a file of alerts, before anything is given up for it.
        let other = Self::open(&path)?;
        let done = {
            let (from, mut to) = (other.db(), self.db());
            let backup = Backup::new(&from, &mut to)?;
            backup.run_to_completion(1024, std::time::Duration::ZERO, None)
        };
        drop(other);
        for end in ends {
            remove(&beside(file, end))?;
        }
        Ok(done?)
    }
}

fn changes(db: &Connection) -> Result<(u64, i64), LedgerError> {
    // `data_version` tells of commits by others only.
    Ok((db.total_changes(), db.query_row("PRAGMA data_version", [], |row| row.get(0))?))
}

/// A file of another end beside a file: two ledgers of one folder have each their own.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(end);
    path.into()
}

/// An empty file that only its owner reads.
fn own(path: &Path) -> Result<File, LedgerError> {
    remove(path)?;
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(LedgerError::Copy)
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
        let message = |id: &str| crate::Delivery { id: id.into(), receiver: "ops".into(), body: id.into() };
        one.apply(&[], &[message("sent"), message("waits")], 1_000).expect("kept");
        one.end(1, 1_000, "taken").expect("kept");
        let file = |name: &str| folder.path().join(name);
        let copied = one.copy(&file("one"), 1_000).expect("a copy");
        assert_eq!(copied.newest, 2);
        other.become_copy(&copied.bytes, &file("other")).expect("taken");
        let waiting: Vec<String> =
            other.due(1_000).expect("messages").into_iter().map(|open| open.delivery.id).collect();
        assert_eq!(waiting, ["waits"]);
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
        let is_left = |name: &std::ffi::OsString| {
            [".copy", ".taken"].iter().any(|end| name.to_string_lossy().contains(end))
        };
        assert!(!names.iter().any(is_left), "{names:?}");
    }

    #[test]
    fn what_is_no_copy_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("one")).expect("a file");
        ledger.silence(&BTreeMap::new(), "amy", "", 2_000, 1_000).expect("kept");
        let file = folder.path().join("one");
        let bytes = ledger.copy(&file, 1_000).expect("a copy").bytes;
        for wrong in [&b"no file of SQLite"[..], &bytes[..bytes.len() / 2], &[0xff; 5000]] {
            assert!(ledger.become_copy(wrong, &file).is_err());
            assert_eq!(ledger.silences(1_500).expect("silences").len(), 1);
        }
    }
}
