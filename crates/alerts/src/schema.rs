//! The tables, in the steps by which a file came to have them (`alces_sqlite::migrate`).

pub(crate) const STEPS: [&str; 2] = [
    "
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
",
    "
CREATE TABLE members (
    receiver TEXT NOT NULL,
    rule TEXT NOT NULL,
    grp TEXT NOT NULL,
    member TEXT NOT NULL,
    PRIMARY KEY (receiver, rule, grp)
) STRICT;
CREATE TABLE bundles (
    receiver TEXT NOT NULL,
    name TEXT NOT NULL,
    bundle TEXT NOT NULL,
    PRIMARY KEY (receiver, name)
) STRICT;
CREATE TABLE acks (
    rule TEXT NOT NULL,
    grp TEXT NOT NULL,
    started INTEGER NOT NULL,
    author TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (rule, grp, started)
) STRICT;
CREATE TABLE tries (
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX tries_seq ON tries (seq);
",
];
