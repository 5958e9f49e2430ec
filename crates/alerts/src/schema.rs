//! The tables, and how a file of an earlier version becomes one of this.
//!
//! `PRAGMA user_version` is how many of [`STEPS`] a file has taken. A step that was published is never changed; what is to be otherwise is
//! one more step.

use rusqlite::{Connection, TransactionBehavior};

use crate::LedgerError;

const STEPS: [&str; 1] = ["
CREATE TABLE states (
    rule TEXT NOT NULL,
    grp TEXT NOT NULL,
    labels TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (rule, grp)
) STRICT;
CREATE TABLE episodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule TEXT NOT NULL,
    grp TEXT NOT NULL,
    labels TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    peak REAL,
    UNIQUE (rule, grp, started)
) STRICT;
CREATE INDEX episodes_started ON episodes (started);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    body TEXT NOT NULL,
    made INTEGER NOT NULL,
    next INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    ended INTEGER,
    outcome TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX outbox_open ON outbox (receiver, seq) WHERE ended IS NULL;
CREATE TABLE silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    matchers TEXT NOT NULL,
    author TEXT NOT NULL,
    comment TEXT NOT NULL,
    made INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE TABLE disabled (receiver TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
"];

/// Brings a file to this version.
pub(crate) fn migrate(db: &mut Connection) -> Result<(), LedgerError> {
    let known = STEPS.len() as i64;
    // Two programs that open a new file at once: the second waits, and finds the work done.
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(LedgerError::Newer { found, known });
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        change.execute_batch(step)?;
    }
    if found != known {
        change.pragma_update(None, "user_version", known)?;
    }
    change.commit()?;
    Ok(())
}
