//! Who has said that they look after an alert: it is then neither repeated nor escalated, and its end is told.

use rusqlite::{OptionalExtension as _, params};

use crate::{Ledger, LedgerError};

/// Somebody looks after an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The rule's id.
    pub rule: String,
    /// The group.
    pub group: String,
    /// When the episode began, epoch milliseconds: another one is acknowledged anew.
    pub started: i64,
    /// Who.
    pub author: String,
    /// Since when.
    pub at: i64,
}

impl Ledger {
    /// Acknowledges what fires of a group, by its name or as people are shown it, unless somebody has; who has it now. None where nothing fires.
    ///
    /// # Errors
    /// The file's.
    pub fn ack(&self, rule: &str, group: &str, author: &str, now: i64) -> Result<Option<Ack>, LedgerError> {
        let mut db = self.db();
        let change = db.transaction()?;
        let found: Option<(String, i64)> = change
            .query_row(
                "SELECT grp, started FROM episodes WHERE rule = ?1 AND (grp = ?2 OR replace(grp, char(31), ', ') = ?2) AND ended IS NULL
                 ORDER BY grp = ?2 DESC, started DESC LIMIT 1",
                params![rule, group],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((group, started)) = found else { return Ok(None) };
        change.execute(
            "INSERT OR IGNORE INTO acks (rule, grp, started, author, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![rule, group, started, author, now],
        )?;
        let (author, at) = change.query_row(
            "SELECT author, at FROM acks WHERE rule = ?1 AND grp = ?2 AND started = ?3",
            params![rule, group, started],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        change.commit()?;
        Ok(Some(Ack { rule: rule.to_owned(), group, started, author, at }))
    }

    /// Acknowledgements of the newest episodes, and of all that go on.
    ///
    /// # Errors
    /// The file's.
    pub fn acks(&self, most: usize) -> Result<Vec<Ack>, LedgerError> {
        let db = self.db();
        let mut all = db.prepare_cached(
            "SELECT a.rule, a.grp, a.started, a.author, a.at FROM acks a JOIN episodes e ON e.rule = a.rule AND e.grp = a.grp
             AND e.started = a.started ORDER BY e.ended IS NOT NULL, e.started DESC LIMIT ?1",
        )?;
        let rows = all.query_map([most as i64], |row| {
            Ok(Ack {
                rule: row.get(0)?,
                group: row.get(1)?,
                started: row.get(2)?,
                author: row.get(3)?,
                at: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kept, Noted, Reading, State, Timing};

    #[test]
    fn an_acknowledgement_is_of_one_episode_and_of_who_came_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("alerts.sqlite")).expect("a file");
        let mut state = State::default();
        let mut step = |reading, now| {
            let change = state.step(reading, Timing::default(), true, now);
            let kept =
                Kept { rule: "disk".into(), group: "a".into(), labels: [].into(), state: state.clone() };
            ledger.apply(&[Noted { kept, change, remember: false }], &[], now).expect("kept");
        };
        assert_eq!(ledger.ack("disk", "a", "amy", 5).expect("asked"), None, "nothing fires");
        step(Reading::Bad(1.0), 10);
        let ack = ledger.ack("disk", "a", "amy", 20).expect("asked").expect("it fires");
        assert_eq!((ack.started, ack.author.as_str(), ack.at), (10, "amy", 20));
        assert_eq!(ledger.ack("disk", "a", "bob", 30).expect("asked"), Some(ack.clone()), "amy has it");
        step(Reading::Good(0.0), 40);
        step(Reading::Bad(1.0), 50);
        let next = ledger.ack("disk", "a", "bob", 60).expect("asked").expect("it fires again");
        assert_eq!(ledger.acks(9).expect("acks"), [next, ack]);
    }
}
