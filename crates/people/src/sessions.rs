//! Sessions of browsers.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::Event;
use crate::users::{self, User};
use crate::{People, PeopleError, Secret, secret};

/// So long a session lives without a request, milliseconds: a day of work.
pub(crate) const IDLE: i64 = 12 * 3_600_000;
/// So long it lives at most, milliseconds: a week. (NIST SP 800-63B-4 asks for 30 days at most where one factor is asked.)
pub(crate) const LIFE: i64 = 7 * 86_400_000;
/// A request moves `seen` no more often than this, milliseconds: a page asks every ten seconds, and each write is one of the disk.
const NOTED: i64 = 60_000;

/// A session that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// When it ends in any case, epoch milliseconds.
    pub ends: i64,
}

/// Removes those that have ended.
pub(crate) fn clean(db: &Connection, now: i64) -> Result<(), PeopleError> {
    db.execute("DELETE FROM sessions WHERE created <= ?1 OR seen <= ?2", params![now - LIFE, now - IDLE])?;
    Ok(())
}

impl People {
    /// Opens a session, always with an id of its own: one that somebody slipped the browser before is worth nothing.
    ///
    /// # Errors
    /// [`PeopleError::NoUser`]; the file's.
    pub fn open_session(&self, user: i64, by: &Event<'_>) -> Result<Secret, PeopleError> {
        let made = Secret::new("")?;
        self.change(|db| {
            let user = users::by_id(db, user)?;
            if user.disabled.is_some() {
                return Err(PeopleError::NoUser);
            }
            clean(db, by.at)?;
            db.execute(
                "INSERT INTO sessions (hash, user, created, seen) VALUES (?1, ?2, ?3, ?3)",
                params![secret::hash(made.text()), user.id, by.at],
            )?;
            by.write(db)?;
            Ok(made)
        })
    }

    /// Whose session it is; none where it has ended, or where its user is disabled.
    ///
    /// # Errors
    /// The file's.
    pub fn session(&self, text: &str, now: i64) -> Result<Option<Session>, PeopleError> {
        let db = self.db();
        let hash = secret::hash(text);
        let found = db
            .prepare_cached("SELECT user, created, seen FROM sessions WHERE hash = ?1")?
            .query_row([hash], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let Some((user, created, seen)) = found else { return Ok(None) };
        if now >= created + LIFE || now >= seen + IDLE {
            return Ok(None);
        }
        let user = users::by_id(&db, user)?;
        if user.disabled.is_some() {
            return Ok(None);
        }
        if now - seen >= NOTED {
            // A disk that is full does not lock those out who are in.
            let _ = db
                .prepare_cached("UPDATE sessions SET seen = ?2 WHERE hash = ?1")
                .and_then(|mut noted| noted.execute(params![hash, now]));
        }
        Ok(Some(Session { user, ends: created + LIFE }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The file's.
    pub fn close_session(&self, text: &str, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            db.execute("DELETE FROM sessions WHERE hash = ?1", [secret::hash(text)])?;
            by.write(db)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::audit::tests::event;
    use crate::people::tests::people;

    #[test]
    fn a_session_ends_when_idle_and_after_a_week_in_any_case() {
        let (_dir, people) = people();
        let amy = people.add_user("amy", None, Role::Viewer, &event()).unwrap();
        let session = people.open_session(amy.id, &Event { at: 0, ..event() }).unwrap();
        let at = |now| people.session(session.text(), now).unwrap().is_some();
        assert!(at(IDLE - 1) && !at(2 * IDLE - 1), "the last request was at IDLE - 1");
        let session = people.open_session(amy.id, &Event { at: 0, ..event() }).unwrap();
        let mut now = 0;
        while people.session(session.text(), now).unwrap().is_some() {
            now += IDLE / 2;
        }
        assert_eq!(now, LIFE);
        assert!(people.session("no session", 0).unwrap().is_none());
    }

    #[test]
    fn disabling_and_leaving_end_it() {
        let (_dir, people) = people();
        let amy = people.add_user("amy", None, Role::Viewer, &event()).unwrap();
        let (one, two) =
            (people.open_session(amy.id, &event()).unwrap(), people.open_session(amy.id, &event()).unwrap());
        people.close_session(one.text(), &event()).unwrap();
        assert!(people.session(one.text(), 1000).unwrap().is_none());
        assert!(people.session(two.text(), 1000).unwrap().is_some());
        people.set_disabled(amy.id, true, &event()).unwrap();
        assert!(people.session(two.text(), 1000).unwrap().is_none());
        assert!(people.open_session(amy.id, &event()).is_err());
        people.set_disabled(amy.id, false, &event()).unwrap();
        assert!(people.session(two.text(), 1000).unwrap().is_none(), "it does not come back");
    }

    #[test]
    fn the_file_holds_no_secret() {
        let (dir, people) = people();
        let amy = people.add_user("amy", Some("correct horse battery"), Role::Viewer, &event()).unwrap();
        let session = people.open_session(amy.id, &event()).unwrap();
        let link = people.invite(Role::Admin, &event()).unwrap();
        people.db().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let bytes = std::fs::read(dir.path().join("people.sqlite")).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("$argon2id$"));
        for secret in [session.text(), link.text(), "correct horse battery"] {
            assert!(!text.contains(secret));
        }
    }
}
