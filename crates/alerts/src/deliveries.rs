//! What became of messages: the log of deliveries, and sending one again.

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::ledger::json;
use crate::{Ledger, LedgerError};

/// Tries that are kept of each message: the newest ones.
const TRIES: i64 = 10;

/// A message and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its place in the order.
    pub seq: i64,
    /// Its name.
    pub id: String,
    /// To whom.
    pub receiver: String,
    /// What.
    pub body: Value,
    /// When it was made, epoch milliseconds.
    pub made: i64,
    /// When it is tried next, where it waits.
    pub next: i64,
    /// Tries in all.
    pub attempts: u32,
    /// When it was done with.
    pub ended: Option<i64>,
    /// The last tries, the newest first.
    pub tries: Vec<Try>,
}

impl Sent {
    /// Whether the receiver took it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.ended.is_some() && self.tries.first().is_none_or(|last| last.outcome == "taken")
    }
}

/// A try to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// When, epoch milliseconds.
    pub at: i64,
    /// What came of it.
    pub outcome: String,
}

/// Notes a try, and forgets those of long before.
pub(crate) fn note_try(db: &Connection, seq: i64, now: i64, outcome: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO tries (seq, at, outcome) VALUES (?1, ?2, ?3)")?
        .execute(params![seq, now, outcome])?;
    db.prepare_cached(
        "DELETE FROM tries WHERE seq = ?1 AND rowid NOT IN (SELECT rowid FROM tries WHERE seq = ?1 ORDER BY rowid DESC LIMIT ?2)",
    )?
    .execute(params![seq, TRIES])?;
    Ok(())
}

impl Ledger {
    /// The newest messages, those that wait first.
    ///
    /// # Errors
    /// The file's.
    pub fn sent(&self, most: usize) -> Result<Vec<Sent>, LedgerError> {
        let db = self.db();
        let mut all = db.prepare_cached(
            "SELECT seq, id, receiver, body, made, next, attempts, ended FROM outbox ORDER BY ended IS NOT NULL, seq DESC LIMIT ?1",
        )?;
        let rows = all.query_map([most as i64], |row| {
            Ok(Sent {
                seq: row.get(0)?,
                id: row.get(1)?,
                receiver: row.get(2)?,
                body: json(row, 3)?,
                made: row.get(4)?,
                next: row.get(5)?,
                attempts: row.get(6)?,
                ended: row.get(7)?,
                tries: Vec::new(),
            })
        })?;
        let mut sent = rows.collect::<Result<Vec<_>, _>>()?;
        let mut tries =
            db.prepare_cached("SELECT at, outcome FROM tries WHERE seq = ?1 ORDER BY rowid DESC")?;
        for message in &mut sent {
            let rows =
                tries.query_map([message.seq], |row| Ok(Try { at: row.get(0)?, outcome: row.get(1)? }))?;
            message.tries = rows.collect::<Result<_, _>>()?;
        }
        Ok(sent)
    }

    /// Forgets a message that says nothing any more: of signs of life there is one a minute.
    ///
    /// # Errors
    /// The file's.
    pub fn forget(&self, seq: i64) -> Result<(), LedgerError> {
        let mut db = self.db();
        let change = db.transaction()?;
        change.execute("DELETE FROM tries WHERE seq = ?1", [seq])?;
        change.execute("DELETE FROM outbox WHERE seq = ?1", [seq])?;
        Ok(change.commit()?)
    }

    /// Sends a message again that was done with, under its name; whether there was one. Its day of tries begins anew.
    ///
    /// # Errors
    /// The file's.
    pub fn replay(&self, seq: i64, now: i64) -> Result<bool, LedgerError> {
        let sql = "UPDATE outbox SET ended = NULL, attempts = 0, made = ?2, next = ?2 WHERE seq = ?1 AND ended IS NOT NULL";
        Ok(self.db().execute(sql, params![seq, now])? > 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Delivery;

    #[test]
    fn tries_are_kept_and_a_message_is_sent_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("alerts.sqlite")).expect("a file");
        let message = Delivery { id: "m".into(), receiver: "ops".into(), body: json!({}) };
        ledger.apply(&[], &[message], 0).expect("kept");
        for n in 1..=12 {
            ledger.again(1, n, n + 1, &format!("status 50{n}")).expect("noted");
        }
        let sent = ledger.sent(9).expect("a log").remove(0);
        assert!(sent.ended.is_none() && !sent.is_taken());
        assert_eq!(
            (sent.tries.len(), sent.tries[0].outcome.as_str(), sent.attempts),
            (10, "status 5012", 12)
        );
        assert!(!ledger.replay(1, 13).expect("asked"), "it is tried already");
        ledger.end(1, 14, "taken").expect("ended");
        assert!(ledger.sent(9).expect("a log")[0].is_taken() && ledger.due(99).expect("due").is_empty());
        assert!(ledger.replay(1, 20).expect("asked"));
        let due = ledger.due(20).expect("due").remove(0);
        assert_eq!((due.delivery.id.as_str(), due.attempts, due.made), ("m", 0, 20));
        assert!(!ledger.replay(7, 20).expect("asked"), "there is none");
    }
}
