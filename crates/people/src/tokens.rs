//! Tokens of programs: `Authorization: Bearer alces_…`.

use rusqlite::{OptionalExtension as _, params};

use crate::audit::Event;
use crate::users::{self, User};
use crate::{People, PeopleError, Scope, Secret, secret};

/// What a token begins with, for people and for scanners of repositories.
const PREFIX: &str = "alces_";
/// A request moves `used` no more often than this, milliseconds.
const NOTED: i64 = 60_000;
/// Characters of a name.
const LONGEST_NAME: usize = 100;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    /// Whose: it never may more than its user.
    pub user: i64,
    /// What it is for, in words.
    pub name: &'a str,
    /// What it may be used for.
    pub scope: Scope,
    /// Until when, epoch milliseconds.
    pub expires: i64,
}

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// The name of its user.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// What it may be used for, as [`Scope::word`].
    pub scope: String,
    /// Epoch milliseconds.
    pub created: i64,
    /// Epoch milliseconds.
    pub expires: i64,
    /// When it was last used, give or take a minute; epoch milliseconds.
    pub used: Option<i64>,
}

impl People {
    /// Makes a token; what is given back is the only place where it ever stands.
    ///
    /// # Errors
    /// [`PeopleError::Name`], [`PeopleError::NoUser`]; the file's.
    pub fn add_token(&self, new: &NewToken<'_>, by: &Event<'_>) -> Result<Secret, PeopleError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(PeopleError::Name);
        }
        let made = Secret::new(PREFIX)?;
        self.change(|db| {
            let user = users::by_id(db, new.user)?;
            db.execute(
                "INSERT INTO tokens (hash, user, name, scope, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![secret::hash(made.text()), user.id, name, new.scope.word(), by.at, new.expires],
            )?;
            by.write(db)?;
            Ok(made)
        })
    }

    /// Whose token it is, and what it may be used for; none where it is not known, has expired or was revoked, or its user is disabled.
    ///
    /// # Errors
    /// The file's.
    pub fn token(&self, text: &str, now: i64) -> Result<Option<(User, Scope)>, PeopleError> {
        if !text.starts_with(PREFIX) {
            return Ok(None);
        }
        let db = self.db();
        let found = db
            .prepare_cached("SELECT id, user, scope, used FROM tokens WHERE hash = ?1 AND expires > ?2")?
            .query_row(params![secret::hash(text), now], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, Option<i64>>(3)?,
                ))
            })
            .optional()?;
        let Some((id, user, scope, used)) = found else { return Ok(None) };
        let user = users::by_id(&db, user)?;
        if user.disabled.is_some() {
            return Ok(None);
        }
        if used.is_none_or(|used| now - used >= NOTED) {
            // A disk that is full does not lock programs out.
            let _ = db
                .prepare_cached("UPDATE tokens SET used = ?2 WHERE id = ?1")
                .and_then(|mut noted| noted.execute(params![id, now]));
        }
        Ok(scope.parse().ok().map(|scope| (user, scope)))
    }

    /// The tokens of a user, or of all; the newest first.
    ///
    /// # Errors
    /// The file's.
    pub fn tokens(&self, user: Option<i64>) -> Result<Vec<Token>, PeopleError> {
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT t.id, u.name, t.name, t.scope, t.created, t.expires, t.used FROM tokens t JOIN users u ON u.id = t.user
             WHERE ?1 IS NULL OR u.id = ?1 ORDER BY t.id DESC",
        )?;
        let rows = asked.query_map([user], |row| {
            Ok(Token {
                id: row.get(0)?,
                user: row.get(1)?,
                name: row.get(2)?,
                scope: row.get(3)?,
                created: row.get(4)?,
                expires: row.get(5)?,
                used: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes a token back; of `user` only, where that is given.
    ///
    /// # Errors
    /// The file's. One that is not there is no error.
    pub fn revoke(&self, id: i64, user: Option<i64>, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            db.execute("DELETE FROM tokens WHERE id = ?1 AND (?2 IS NULL OR user = ?2)", params![id, user])?;
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
    fn a_token_is_good_until_it_expires_or_is_taken_back() {
        let (_dir, people) = people();
        let amy = people.add_user("amy", None, Role::Editor, &event()).unwrap();
        let bob = people.add_user("bob", None, Role::Editor, &event()).unwrap();
        let new = NewToken { user: amy.id, name: " deploys ", scope: Scope::Write, expires: 100_000 };
        let token = people.add_token(&new, &event()).unwrap();
        let at = |now| people.token(token.text(), now).unwrap().map(|(user, scope)| (user.id, scope));
        assert_eq!(at(50_000), Some((amy.id, Scope::Write)));
        assert_eq!(at(100_000), None);
        assert_eq!(people.token("alces_x", 0).unwrap(), None);
        let kept = people.tokens(Some(amy.id)).unwrap().remove(0);
        assert_eq!((kept.name.as_str(), kept.used), ("deploys", Some(50_000)));
        assert!(people.tokens(Some(bob.id)).unwrap().is_empty());
        people.revoke(kept.id, Some(bob.id), &event()).unwrap();
        assert!(at(50_000).is_some(), "it is not bob's");
        people.set_disabled(amy.id, true, &event()).unwrap();
        assert_eq!(at(50_000), None);
        people.set_disabled(amy.id, false, &event()).unwrap();
        people.revoke(kept.id, None, &event()).unwrap();
        assert_eq!(at(50_000), None);
    }
}
