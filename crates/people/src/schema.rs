//! The tables, in the steps by which a file came to have them (`alces_sqlite::migrate`).

pub(crate) const STEPS: [&str; 2] = [
    "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL,
    origin TEXT NOT NULL,
    subject TEXT,
    password TEXT,
    created INTEGER NOT NULL,
    disabled INTEGER
) STRICT;
CREATE UNIQUE INDEX users_subject ON users (origin, subject) WHERE subject IS NOT NULL;
CREATE TABLE links (
    hash BLOB PRIMARY KEY,
    role TEXT NOT NULL,
    user INTEGER REFERENCES users ON DELETE CASCADE,
    expires INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user);
CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER
) STRICT;
CREATE TABLE limits (
    subject TEXT PRIMARY KEY,
    indices TEXT NOT NULL,
    filter TEXT NOT NULL,
    masked TEXT NOT NULL
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    address TEXT NOT NULL,
    what TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
",
    "
CREATE TABLE searches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    shared INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX searches_user ON searches (user);
",
];

#[cfg(test)]
mod tests {
    use alces_sqlite::migrate;
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_file_of_an_earlier_version_is_brought_to_this_one() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(STEPS[0]).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        db.execute_batch(
            "INSERT INTO users (name, role, origin, created) VALUES ('amy', 'viewer', 'local', 0)",
        )
        .unwrap();
        migrate(&mut db, &STEPS).unwrap();
        migrate(&mut db, &STEPS).unwrap();
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        let users: i64 = db
            .query_row("SELECT COUNT(*) FROM users, (SELECT COUNT(*) FROM searches)", [], |row| row.get(0))
            .unwrap();
        assert_eq!((version, users), (STEPS.len() as i64, 1));
    }
}
