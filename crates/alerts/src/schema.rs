//! The tables, in the steps by which a file came to have them (`alces_sqlite::migrate`).

pub(crate) const STEPS: [&str; 1] = ["
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
