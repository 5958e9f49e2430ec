//! The file: states, episodes, messages that are to be sent, silences.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alces_sqlite::{Loss, OpenError};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::Value;
use thiserror::Error;

use crate::deliveries::note_try;
use crate::dispatch::{Dispatch, Row};
use crate::{Change, State, schema};

/// Episodes and messages that are over are kept so long, milliseconds.
const KEPT: i64 = 400 * 86_400_000;

/// What the file says no to.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// It cannot be opened, or is of a later version.
    #[error("the file of alerts: {0}")]
    Open(#[from] OpenError),
    /// Another dashboard watches rules with it.
    #[error("{}: another dashboard watches rules with this file: one of them is enough, or give this one a file of its own", path.display())]
    Watched {
        /// The file.
        path: PathBuf,
    },
    /// SQLite's own words.
    #[error("the file of alerts: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The file cannot be copied beside itself.
    #[error("a copy of the file of alerts: {0}")]
    Copy(std::io::Error),
}

/// A group of a rule as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The rule's id.
    pub rule: String,
    /// What tells the group from the rule's others: the value of its field; empty where there is no field.
    pub group: String,
    /// Labels of its alerts.
    pub labels: BTreeMap<String, String>,
    /// Where it is.
    pub state: State,
}

/// What became of a group in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Noted {
    /// The group with its new state.
    pub kept: Kept,
    /// What has happened.
    pub change: Option<Change>,
    /// Whether the group is kept while it is fine: whose silence would be noticed.
    pub remember: bool,
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its name, the same at each try.
    pub id: String,
    /// Who gets it.
    pub receiver: String,
    /// What.
    pub body: Value,
}

/// A message that has not ended yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Its place in the order.
    pub seq: i64,
    /// The message.
    pub delivery: Delivery,
    /// When it was made, epoch milliseconds.
    pub made: i64,
    /// Tries so far.
    pub attempts: u32,
}

/// A time during which something fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The rule's id.
    pub rule: String,
    /// The group.
    pub group: String,
    /// Labels of its alerts.
    pub labels: BTreeMap<String, String>,
    /// When it began, epoch milliseconds.
    pub started: i64,
    /// When it ended; none while it goes on.
    pub ended: Option<i64>,
    /// Its worst figure.
    pub peak: Option<f64>,
}

/// Nobody is told of alerts with these labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    /// Its number.
    pub id: i64,
    /// Labels that an alert must have, all of them.
    pub matchers: BTreeMap<String, String>,
    /// Who wished for it.
    pub author: String,
    /// Why.
    pub comment: String,
    /// Until when, epoch milliseconds.
    pub until: i64,
}

impl Silence {
    /// Whether it is about alerts with these labels.
    #[must_use]
    pub fn is_about(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matchers.iter().all(|(name, value)| labels.get(name) == Some(value))
    }
}

/// The file.
pub struct Ledger {
    db: Mutex<Connection>,
    /// Held for as long as this program watches rules.
    watching: Option<File>,
}

impl Ledger {
    /// Opens the file, makes it where there is none, and brings it to this version. Nobody but its owner can read it afterwards.
    ///
    /// # Errors
    /// [`LedgerError::Open`], and SQLite's.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        // What was told must be known to have been told, after a power cut too.
        let db = alces_sqlite::open(path, &schema::STEPS, Loss::Nothing)?;
        Ok(Self { db: Mutex::new(db), watching: None })
    }

    /// Opens the file to watch rules with it, which only one program does at a time: two would tell everything twice. Who lists and silences
    /// ([`Ledger::open`]) is not held up.
    ///
    /// # Errors
    /// [`LedgerError::Watched`], and as [`Ledger::open`].
    pub fn open_to_watch(path: &Path) -> Result<Self, LedgerError> {
        let ledger = Self::open(path)?;
        let cannot =
            |error: std::io::Error| OpenError::Open { path: path.to_owned(), reason: error.to_string() };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(beside)
            .map_err(cannot)?;
        // The system lets go of it when the program ends, however it ends.
        match lock.try_lock() {
            Ok(()) => Ok(Self { watching: Some(lock), ..ledger }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Watched { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(cannot(error).into()),
        }
    }

    /// Whether this program is the one that watches.
    #[must_use]
    pub const fn watches(&self) -> bool {
        self.watching.is_some()
    }

    pub(crate) fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere rolls its transaction back.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All groups that are not fine.
    ///
    /// # Errors
    /// The file's.
    pub fn states(&self) -> Result<Vec<Kept>, LedgerError> {
        let db = self.db();
        let mut all = db.prepare_cached("SELECT rule, grp, labels, state FROM states ORDER BY rule, grp")?;
        let rows = all.query_map([], |row| {
            Ok(Kept { rule: row.get(0)?, group: row.get(1)?, labels: json(row, 2)?, state: json(row, 3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps what one round has found, and the messages about it: all of it or nothing.
    ///
    /// # Errors
    /// The file's; nothing is kept then.
    pub fn apply(&self, round: &[Noted], messages: &[Delivery], now: i64) -> Result<(), LedgerError> {
        self.apply_all(round, &[], messages, now)
    }

    /// As [`Ledger::apply`], with what has changed in who was told of what.
    ///
    /// # Errors
    /// The file's; nothing is kept then.
    pub fn apply_all(
        &self,
        round: &[Noted],
        told: &[Row],
        messages: &[Delivery],
        now: i64,
    ) -> Result<(), LedgerError> {
        let mut db = self.db();
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Noted { kept, change: what, remember } in round {
            let (labels, state) = (text(&kept.labels), text(&kept.state));
            if kept.state.is_idle() && !remember {
                change
                    .prepare_cached("DELETE FROM states WHERE rule = ?1 AND grp = ?2")?
                    .execute(params![kept.rule, kept.group])?;
            } else {
                change
                    .prepare_cached("INSERT INTO states (rule, grp, labels, state) VALUES (?1, ?2, ?3, ?4)
                        ON CONFLICT (rule, grp) DO UPDATE SET labels = excluded.labels, state = excluded.state")?
                    .execute(params![kept.rule, kept.group, labels, state])?;
            }
            if let Some(fired) = kept.state.fired {
                match what {
                    Some(Change::Fired) => {
                        change
                            .prepare_cached("INSERT OR IGNORE INTO episodes (rule, grp, labels, started, peak) VALUES (?1, ?2, ?3, ?4, ?5)")?
                            .execute(params![kept.rule, kept.group, labels, fired, kept.state.peak])?;
                    }
                    Some(Change::Resolved) => {
                        change
                            .prepare_cached("UPDATE episodes SET ended = ?4, peak = ?5 WHERE rule = ?1 AND grp = ?2 AND started = ?3")?
                            .execute(params![kept.rule, kept.group, fired, now, kept.state.peak])?;
                    }
                    None => {}
                }
            }
        }
        for row in told {
            write(&change, row)?;
        }
        for message in messages {
            // The same message twice (a round that was repeated) is one.
            change
                .prepare_cached("INSERT OR IGNORE INTO outbox (id, receiver, body, made, next) VALUES (?1, ?2, ?3, ?4, ?4)")?
                .execute(params![message.id, message.receiver, message.body.to_string(), now])?;
        }
        change.commit()?;
        Ok(())
    }

    /// What receivers were told, and are to be.
    ///
    /// # Errors
    /// The file's.
    pub fn dispatch(&self) -> Result<Dispatch, LedgerError> {
        let db = self.db();
        let mut rows = Vec::new();
        let mut members = db.prepare("SELECT receiver, rule, grp, member FROM members")?;
        let all = members.query_map([], |row| {
            Ok(Row::Member { receiver: row.get(0)?, key: (row.get(1)?, row.get(2)?), member: json(row, 3)? })
        })?;
        rows.extend(all.collect::<Result<Vec<_>, _>>()?);
        let mut bundles = db.prepare("SELECT receiver, name, bundle FROM bundles")?;
        let all = bundles.query_map([], |row| {
            Ok(Row::Bundle { receiver: row.get(0)?, name: row.get(1)?, bundle: json(row, 2)? })
        })?;
        rows.extend(all.collect::<Result<Vec<_>, _>>()?);
        Ok(Dispatch::restore(rows))
    }

    /// Of each receiver the message that is to be sent next, if its time has come: messages of one receiver keep their order.
    ///
    /// # Errors
    /// The file's.
    pub fn due(&self, now: i64) -> Result<Vec<Open>, LedgerError> {
        let db = self.db();
        let mut due = db.prepare_cached(
            "SELECT seq, id, receiver, body, made, attempts FROM outbox o WHERE ended IS NULL AND next <= ?1
             AND seq = (SELECT min(seq) FROM outbox WHERE receiver = o.receiver AND ended IS NULL)
             AND NOT EXISTS (SELECT 1 FROM disabled d WHERE d.receiver = o.receiver) ORDER BY seq",
        )?;
        let rows = due.query_map([now], |row| {
            let delivery = Delivery { id: row.get(1)?, receiver: row.get(2)?, body: json(row, 3)? };
            Ok(Open { seq: row.get(0)?, delivery, made: row.get(4)?, attempts: row.get(5)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the next message is to be sent, epoch milliseconds; none while none waits.
    ///
    /// # Errors
    /// The file's.
    pub fn next(&self) -> Result<Option<i64>, LedgerError> {
        let sql = "SELECT min(next) FROM outbox o WHERE ended IS NULL
             AND seq = (SELECT min(seq) FROM outbox WHERE receiver = o.receiver AND ended IS NULL)
             AND NOT EXISTS (SELECT 1 FROM disabled d WHERE d.receiver = o.receiver)";
        Ok(self.db().query_row(sql, [], |row| row.get(0))?)
    }

    /// A try has failed; the next one is at `next`.
    ///
    /// # Errors
    /// The file's.
    pub fn again(&self, seq: i64, now: i64, next: i64, reason: &str) -> Result<(), LedgerError> {
        let mut db = self.db();
        let change = db.transaction()?;
        change.execute(
            "UPDATE outbox SET attempts = attempts + 1, next = ?2, outcome = ?3 WHERE seq = ?1",
            params![seq, next, reason],
        )?;
        note_try(&change, seq, now, reason)?;
        Ok(change.commit()?)
    }

    /// A message is done with: it was taken, or given up.
    ///
    /// # Errors
    /// The file's.
    pub fn end(&self, seq: i64, now: i64, outcome: &str) -> Result<(), LedgerError> {
        let mut db = self.db();
        let change = db.transaction()?;
        change.execute(
            "UPDATE outbox SET attempts = attempts + 1, ended = ?2, outcome = ?3 WHERE seq = ?1",
            params![seq, now, outcome],
        )?;
        note_try(&change, seq, now, outcome)?;
        Ok(change.commit()?)
    }

    /// A receiver is gone for good.
    ///
    /// # Errors
    /// The file's.
    pub fn disable(&self, receiver: &str, now: i64) -> Result<(), LedgerError> {
        self.db().execute(
            "INSERT OR IGNORE INTO disabled (receiver, at) VALUES (?1, ?2)",
            params![receiver, now],
        )?;
        Ok(())
    }

    /// Receivers that were gone for good are tried again: somebody may have mended them.
    ///
    /// # Errors
    /// The file's.
    pub fn enable(&self) -> Result<(), LedgerError> {
        self.db().execute("DELETE FROM disabled", [])?;
        Ok(())
    }

    /// Messages that wait, and those that were given up or refused for good, for each receiver.
    ///
    /// # Errors
    /// The file's.
    pub fn backlog(&self) -> Result<BTreeMap<String, (i64, i64)>, LedgerError> {
        let db = self.db();
        let mut all = db.prepare_cached("SELECT receiver, sum(ended IS NULL), sum(ended IS NOT NULL AND outcome <> 'taken') FROM outbox GROUP BY receiver")?;
        let rows = all.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest episodes, those that go on first.
    ///
    /// # Errors
    /// The file's.
    pub fn episodes(&self, most: usize) -> Result<Vec<Episode>, LedgerError> {
        let db = self.db();
        let mut all = db.prepare_cached(
            "SELECT rule, grp, labels, started, ended, peak FROM episodes ORDER BY ended IS NOT NULL, started DESC, id DESC LIMIT ?1",
        )?;
        let rows = all.query_map([most as i64], |row| {
            Ok(Episode {
                rule: row.get(0)?,
                group: row.get(1)?,
                labels: json(row, 2)?,
                started: row.get(3)?,
                ended: row.get(4)?,
                peak: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Silences alerts with these labels until a moment; the silence's number.
    ///
    /// # Errors
    /// The file's.
    pub fn silence(
        &self,
        matchers: &BTreeMap<String, String>,
        author: &str,
        comment: &str,
        until: i64,
        now: i64,
    ) -> Result<i64, LedgerError> {
        let db = self.db();
        db.execute(
            "INSERT INTO silences (matchers, author, comment, made, until) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![text(matchers), author, comment, now, until],
        )?;
        Ok(db.last_insert_rowid())
    }

    /// Ends a silence; whether there was one.
    ///
    /// # Errors
    /// The file's.
    pub fn end_silence(&self, id: i64, now: i64) -> Result<bool, LedgerError> {
        Ok(self
            .db()
            .execute("UPDATE silences SET until = ?2 WHERE id = ?1 AND until > ?2", params![id, now])?
            > 0)
    }

    /// Silences that go on.
    ///
    /// # Errors
    /// The file's.
    pub fn silences(&self, now: i64) -> Result<Vec<Silence>, LedgerError> {
        let db = self.db();
        let mut all = db.prepare_cached(
            "SELECT id, matchers, author, comment, until FROM silences WHERE until > ?1 ORDER BY until",
        )?;
        let rows = all.query_map([now], |row| {
            Ok(Silence {
                id: row.get(0)?,
                matchers: json(row, 1)?,
                author: row.get(2)?,
                comment: row.get(3)?,
                until: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes what has ended long ago.
    ///
    /// # Errors
    /// The file's.
    pub fn clean(&self, now: i64) -> Result<(), LedgerError> {
        let db = self.db();
        for sql in [
            "DELETE FROM episodes WHERE ended < ?1",
            "DELETE FROM outbox WHERE ended < ?1 OR made < ?1",
            "DELETE FROM silences WHERE until < ?1",
            "DELETE FROM acks WHERE at < ?1",
            "DELETE FROM tries WHERE at < ?1",
        ] {
            db.execute(sql, [now - KEPT])?;
        }
        Ok(())
    }

    /// Whether a message of this name was made.
    ///
    /// # Errors
    /// The file's.
    pub fn has(&self, id: &str) -> Result<bool, LedgerError> {
        Ok(self.db().query_row("SELECT 1 FROM outbox WHERE id = ?1", [id], |_| Ok(())).optional()?.is_some())
    }
}

/// Writes one change of who was told of what.
fn write(db: &Connection, row: &Row) -> rusqlite::Result<()> {
    match row {
        Row::Member { receiver, key: (rule, group), member: Some(member) } => db
            .prepare_cached(
                "INSERT OR REPLACE INTO members (receiver, rule, grp, member) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![receiver, rule, group, text(member)]),
        Row::Member { receiver, key: (rule, group), member: None } => db
            .prepare_cached("DELETE FROM members WHERE receiver = ?1 AND rule = ?2 AND grp = ?3")?
            .execute(params![receiver, rule, group]),
        Row::Bundle { receiver, name, bundle: Some(bundle) } => db
            .prepare_cached("INSERT OR REPLACE INTO bundles (receiver, name, bundle) VALUES (?1, ?2, ?3)")?
            .execute(params![receiver, name, text(bundle)]),
        Row::Bundle { receiver, name, bundle: None } => db
            .prepare_cached("DELETE FROM bundles WHERE receiver = ?1 AND name = ?2")?
            .execute(params![receiver, name]),
    }
    .map(drop)
}

fn text(value: &impl serde::Serialize) -> String {
    // Maps of strings and plain figures always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    at: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(e)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Reading, Timing};

    struct House {
        folder: tempfile::TempDir,
        ledger: Ledger,
    }

    fn house() -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(&folder.path().join("alerts.sqlite")).expect("a file");
        House { folder, ledger }
    }

    impl House {
        fn again(&mut self) {
            self.ledger = Ledger::open(&self.folder.path().join("alerts.sqlite")).expect("a file");
        }
    }

    fn kept(state: State) -> Kept {
        Kept {
            rule: "errors".into(),
            group: "web-1".into(),
            labels: [("host".to_owned(), "web-1".to_owned())].into(),
            state,
        }
    }

    fn message(id: &str, receiver: &str) -> Delivery {
        Delivery { id: id.into(), receiver: receiver.into(), body: json!({"n": 1}) }
    }

    #[test]
    fn states_and_messages_are_there_after_a_restart() {
        let mut house = house();
        let mut state = State::default();
        let change = state.step(Reading::Bad(9.0), Timing::default(), true, 1000);
        house
            .ledger
            .apply(
                &[Noted { kept: kept(state.clone()), change, remember: false }],
                &[message("a", "ops")],
                1000,
            )
            .expect("kept");
        house.again();
        assert_eq!(house.ledger.states().expect("states"), [kept(state.clone())]);
        assert_eq!(house.ledger.due(1000).expect("due")[0].delivery, message("a", "ops"));
        let change = state.step(Reading::Good(1.0), Timing::default(), true, 2000);
        house
            .ledger
            .apply(&[Noted { kept: kept(state), change, remember: false }], &[message("b", "ops")], 2000)
            .expect("kept");
        house.again();
        assert_eq!(house.ledger.states().expect("states"), []);
        let episodes = house.ledger.episodes(9).expect("episodes");
        assert_eq!((episodes[0].started, episodes[0].ended, episodes[0].peak), (1000, Some(2000), Some(9.0)));
    }

    /// Ten thousand alerts at once: one message, and after a restart it is known who is to be told of each end.
    #[test]
    fn what_was_told_is_there_after_a_restart() {
        let mut house = house();
        let ops = crate::Receiver {
            id: "ops".into(),
            group_by: Some(vec!["host".into()]),
            ..crate::Receiver::default()
        };
        let ops = std::slice::from_ref(&ops);
        let alert = |n: usize, firing: bool| crate::Alert {
            firing,
            labels: [("host".to_owned(), format!("web-{n}"))].into(),
            annotations: BTreeMap::new(),
            starts: 0,
            ends: None,
            value: None,
            peak: None,
            link: String::new(),
            context: None,
        };
        let key = |n: usize| ("down".to_owned(), format!("web-{n}"));
        let seen = crate::dispatch::Seen {
            standing: crate::dispatch::Standing::Tell,
            fresh: true,
            repeat: 1_000_000,
            now: 0,
        };
        let mut dispatch = house.ledger.dispatch().expect("nothing yet");
        for n in 0..10_000 {
            dispatch.fires(&ops[0], &key(n), seen, || alert(n, true));
        }
        assert_eq!(dispatch.flush(ops, 0).len(), 0, "they wait for more");
        house.ledger.apply_all(&[], &dispatch.rows(), &[], 0).expect("kept");
        house.again();
        let mut dispatch = house.ledger.dispatch().expect("read");
        assert_eq!(dispatch.flush(ops, 30_000).len(), 1, "a digest");
        house.ledger.apply_all(&[], &dispatch.rows(), &[], 0).expect("kept");
        house.again();
        let mut dispatch = house.ledger.dispatch().expect("read");
        for n in 0..10_000 {
            dispatch.ends(&key(n), &alert(n, false), 60_000);
        }
        let told = dispatch.flush(ops, 30_000 + 5 * 60_000);
        assert_eq!(told.iter().map(|m| m.alerts.len()).collect::<Vec<_>>(), [10_000]);
        house.ledger.apply_all(&[], &dispatch.rows(), &[], 0).expect("kept");
        house.again();
        assert!(house.ledger.dispatch().expect("read").is_empty());
    }

    #[test]
    fn messages_of_a_receiver_keep_their_order_and_others_do_not_wait() {
        let House { ledger, .. } = house();
        ledger
            .apply(
                &[],
                &[message("a", "ops"), message("b", "ops"), message("c", "dev"), message("a", "ops")],
                0,
            )
            .expect("kept");
        let ids = |now| -> Vec<String> {
            ledger.due(now).expect("due").into_iter().map(|o| o.delivery.id).collect()
        };
        assert_eq!(ids(0), ["a", "c"]);
        ledger.again(1, 0, 5000, "no answer").expect("noted");
        assert_eq!(ids(0), ["c"], "b waits for a");
        assert_eq!(ledger.next().expect("next"), Some(0));
        ledger.end(3, 10, "taken").expect("ended");
        assert_eq!(ledger.next().expect("next"), Some(5000));
        assert_eq!(ids(5000), ["a"]);
        assert_eq!(ledger.due(5000).expect("due")[0].attempts, 1);
        ledger.end(1, 5000, "taken").expect("ended");
        assert_eq!(ids(5000), ["b"]);
        ledger.disable("ops", 6000).expect("disabled");
        assert!(ids(9000).is_empty());
        assert_eq!(ledger.backlog().expect("backlog")["ops"], (1, 0));
    }

    #[test]
    fn two_programs_do_not_watch_with_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alerts.sqlite");
        let one = Ledger::open_to_watch(&path).expect("a file");
        let other = Ledger::open_to_watch(&path).map(drop).expect_err("watched");
        assert!(matches!(&other, LedgerError::Watched { .. }), "{other}");
        assert!(one.watches() && !Ledger::open(&path).expect("to list").watches());
        drop(one);
        Ledger::open_to_watch(&path).expect("nobody watches any more");
    }

    #[test]
    fn silences_end() {
        let House { ledger, .. } = house();
        let matchers: BTreeMap<String, String> = [("host".to_owned(), "web-1".to_owned())].into();
        let id = ledger.silence(&matchers, "amy", "moving it", 5000, 0).expect("a silence");
        let silence = &ledger.silences(10).expect("silences")[0];
        assert!(silence.is_about(&kept(State::default()).labels) && !silence.is_about(&BTreeMap::new()));
        assert!(ledger.silences(5000).expect("silences").is_empty());
        assert!(ledger.end_silence(id, 20).expect("ended") && !ledger.end_silence(id, 30).expect("ended"));
        assert!(ledger.silences(21).expect("silences").is_empty());
    }

    #[test]
    fn a_file_of_a_later_version_is_left_alone() {
        let house = house();
        house.ledger.db().pragma_update(None, "user_version", 99).expect("a later version");
        let again = Ledger::open(&house.folder.path().join("alerts.sqlite"));
        assert!(matches!(again, Err(LedgerError::Open(OpenError::Newer { found: 99, .. }))));
    }
}
