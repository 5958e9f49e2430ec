//! Users.

use std::str::FromStr as _;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::audit::Event;
use crate::{People, PeopleError, Role, password};

/// Characters of a name.
pub(crate) const LONGEST_NAME: usize = 100;

/// Who says that a user is who it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A password that is kept here.
    Local,
    /// A proxy before the dashboard.
    Proxy,
    /// An OpenID provider.
    Oidc,
}

impl Origin {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Proxy => "proxy",
            Self::Oidc => "oidc",
        }
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never used again.
    pub id: i64,
    /// The name, unique whatever its case.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// `local`, `proxy` or `oidc`.
    pub origin: String,
    /// Whether there is a password; without one a link must be used first.
    pub has_password: bool,
    /// Epoch milliseconds.
    pub created: i64,
    /// Since when the user may not come in, epoch milliseconds.
    pub disabled: Option<i64>,
}

const COLUMNS: &str = "id, name, role, origin, password IS NOT NULL, created, disabled";

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(2)?;
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        // A word that somebody else wrote into the file is the least.
        role: Role::from_str(&role).unwrap_or(Role::Viewer),
        origin: row.get(3)?,
        has_password: row.get(4)?,
        created: row.get(5)?,
        disabled: row.get(6)?,
    })
}

fn check_name(name: &str) -> Result<(), PeopleError> {
    let good = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
    if name.is_empty() || name.chars().count() > LONGEST_NAME || !name.chars().all(good) {
        return Err(PeopleError::Name);
    }
    Ok(())
}

/// Puts a user in; `hash` is the password's.
pub(crate) fn insert(
    db: &Connection,
    name: &str,
    role: Role,
    origin: Origin,
    hash: Option<&str>,
    now: i64,
) -> Result<User, PeopleError> {
    check_name(name)?;
    let taken: bool =
        db.query_row("SELECT EXISTS (SELECT 1 FROM users WHERE name = ?1 COLLATE NOCASE)", [name], |row| {
            row.get(0)
        })?;
    if taken {
        return Err(PeopleError::Taken);
    }
    db.execute(
        "INSERT INTO users (name, role, origin, password, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![name, role.word(), origin.word(), hash, now],
    )?;
    by_id(db, db.last_insert_rowid())
}

pub(crate) fn by_id(db: &Connection, id: i64) -> Result<User, PeopleError> {
    let mut asked = db.prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE id = ?1"))?;
    asked.query_row([id], user).optional()?.ok_or(PeopleError::NoUser)
}

/// Whether somebody else could let people in, were `id` gone.
fn check_last(db: &Connection, id: i64) -> Result<(), PeopleError> {
    let others: i64 = db.query_row(
        "SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled IS NULL AND id <> ?1",
        [id],
        |row| row.get(0),
    )?;
    let user = by_id(db, id)?;
    if user.role == Role::Admin && user.disabled.is_none() && others == 0 {
        return Err(PeopleError::LastAdmin);
    }
    Ok(())
}

/// Ends all sessions of a user.
pub(crate) fn end_sessions(db: &Connection, id: i64) -> Result<(), PeopleError> {
    db.execute("DELETE FROM sessions WHERE user = ?1", [id])?;
    Ok(())
}

/// Gives a user another password and ends all that the old one opened.
pub(crate) fn set_password(db: &Connection, id: i64, hash: &str) -> Result<(), PeopleError> {
    db.execute("UPDATE users SET password = ?2 WHERE id = ?1", params![id, hash])?;
    db.execute("DELETE FROM links WHERE user = ?1", [id])?;
    end_sessions(db, id)
}

impl People {
    /// All users, by name.
    ///
    /// # Errors
    /// The file's.
    pub fn users(&self) -> Result<Vec<User>, PeopleError> {
        let db = self.db();
        let mut asked =
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM users ORDER BY name COLLATE NOCASE"))?;
        let found = asked.query_map([], user)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// A user by its id.
    ///
    /// # Errors
    /// [`PeopleError::NoUser`]; the file's.
    pub fn user(&self, id: i64) -> Result<User, PeopleError> {
        by_id(&self.db(), id)
    }

    /// A user by name, whatever its case.
    ///
    /// # Errors
    /// The file's.
    pub fn user_named(&self, name: &str) -> Result<Option<User>, PeopleError> {
        let db = self.db();
        let mut asked =
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE name = ?1 COLLATE NOCASE"))?;
        Ok(asked.query_row([name], user).optional()?)
    }

    /// Adds a local user.
    ///
    /// # Errors
    /// What is wrong with name or password; the file's.
    pub fn add_user(
        &self,
        name: &str,
        password: Option<&str>,
        role: Role,
        by: &Event<'_>,
    ) -> Result<User, PeopleError> {
        let hash = password.map(|p| checked(p, name)).transpose()?;
        self.change(|db| {
            let user = insert(db, name, role, Origin::Local, hash.as_deref(), by.at)?;
            by.write(db)?;
            Ok(user)
        })
    }

    /// Who a name and a password belong to. It takes the same time whether or not there is such a user, and some 20 ms of a processor.
    ///
    /// # Errors
    /// The file's. A wrong password is no error: then there is nobody.
    pub fn log_in(&self, name: &str, password: &str) -> Result<Option<User>, PeopleError> {
        let found = {
            let db = self.db();
            let mut asked = db.prepare_cached(&format!(
                "SELECT {COLUMNS}, password FROM users WHERE name = ?1 COLLATE NOCASE"
            ))?;
            asked.query_row([name], |row| Ok((user(row)?, row.get::<_, Option<String>>(7)?))).optional()?
        };
        let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
        // Longer ones were never taken, and are not hashed.
        let fits = password.chars().count() <= password::LONGEST;
        let right = password::verify(hash.as_deref().filter(|_| fits), if fits { password } else { "" });
        Ok(user.filter(|u| right && u.disabled.is_none()))
    }

    /// Who a proxy says it is; one who was never here becomes a user of the role that the proxy says, or a viewer. A role that the proxy
    /// says is the user's from then on.
    ///
    /// # Errors
    /// [`PeopleError::Taken`] where a local user has the name: nobody takes that over. [`PeopleError::Name`]; the file's.
    pub fn from_proxy(&self, name: &str, role: Option<Role>, now: i64) -> Result<User, PeopleError> {
        let found = self.user_named(name)?;
        match found {
            Some(user) if user.origin != Origin::Proxy.word() => Err(PeopleError::Taken),
            Some(user) if role.is_none_or(|role| role == user.role) => Ok(user),
            Some(user) => self.change(|db| {
                let role = role.unwrap_or(user.role);
                db.execute("UPDATE users SET role = ?2 WHERE id = ?1", params![user.id, role.word()])?;
                by_id(db, user.id)
            }),
            None => {
                self.change(|db| insert(db, name, role.unwrap_or(Role::Viewer), Origin::Proxy, None, now))
            }
        }
    }

    /// Gives a user another password, which ends all its sessions.
    ///
    /// # Errors
    /// What is wrong with the password; the file's.
    pub fn set_password(&self, id: i64, password: &str, by: &Event<'_>) -> Result<(), PeopleError> {
        let user = self.user(id)?;
        let hash = checked(password, &user.name)?;
        self.change(|db| {
            set_password(db, id, &hash)?;
            by.write(db)
        })
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// [`PeopleError::LastAdmin`]; the file's.
    pub fn set_role(&self, id: i64, role: Role, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            if role != Role::Admin {
                check_last(db, id)?;
            }
            db.execute("UPDATE users SET role = ?2 WHERE id = ?1", params![id, role.word()])?;
            by.write(db)
        })
    }

    /// Lets a user in no more, which ends all its sessions at once, or lets it in again.
    ///
    /// # Errors
    /// [`PeopleError::LastAdmin`]; the file's.
    pub fn set_disabled(&self, id: i64, disabled: bool, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            if disabled {
                check_last(db, id)?;
                end_sessions(db, id)?;
                db.execute("DELETE FROM links WHERE user = ?1", [id])?;
            }
            db.execute(
                "UPDATE users SET disabled = ?2 WHERE id = ?1",
                params![id, disabled.then_some(by.at)],
            )?;
            by.write(db)
        })
    }
}

/// The hash of a password that is good enough.
pub(crate) fn checked(password: &str, name: &str) -> Result<String, PeopleError> {
    password::check(password, name)?;
    password::hash(password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::event;
    use crate::people::tests::people;

    const GOOD: &str = "correct horse battery";

    #[test]
    fn in_by_the_right_password_only() {
        let (_dir, people) = people();
        let amy = people.add_user("Amy", Some(GOOD), Role::Viewer, &event()).unwrap();
        assert_eq!(
            people.log_in("amy", GOOD).unwrap().map(|u| u.id),
            Some(amy.id),
            "whatever the case of the name"
        );
        assert_eq!(people.log_in("amy", "another horse battery").unwrap(), None);
        assert_eq!(people.log_in("bob", GOOD).unwrap(), None);
        assert_eq!(people.log_in("amy", &"x".repeat(1_000_000)).unwrap(), None);
        assert!(matches!(people.add_user("AMY", None, Role::Viewer, &event()), Err(PeopleError::Taken)));
        for wrong in ["", "a b", "<b>", &"x".repeat(101)] {
            assert!(
                matches!(people.add_user(wrong, None, Role::Viewer, &event()), Err(PeopleError::Name)),
                "{wrong}"
            );
        }
        people.add_user("bob", None, Role::Viewer, &event()).unwrap();
        assert_eq!(people.log_in("bob", "").unwrap(), None, "without a password nobody gets in");
    }

    #[test]
    fn who_is_disabled_stays_out() {
        let (_dir, people) = people();
        people.add_user("root", None, Role::Admin, &event()).unwrap();
        let amy = people.add_user("amy", Some(GOOD), Role::Viewer, &event()).unwrap();
        people.set_disabled(amy.id, true, &event()).unwrap();
        assert_eq!(people.log_in("amy", GOOD).unwrap(), None);
        people.set_disabled(amy.id, false, &event()).unwrap();
        assert!(people.log_in("amy", GOOD).unwrap().is_some());
    }

    #[test]
    fn the_last_administrator_stays() {
        let (_dir, people) = people();
        let root = people.add_user("root", None, Role::Admin, &event()).unwrap();
        assert!(matches!(people.set_disabled(root.id, true, &event()), Err(PeopleError::LastAdmin)));
        assert!(matches!(people.set_role(root.id, Role::Viewer, &event()), Err(PeopleError::LastAdmin)));
        people.add_user("other", None, Role::Admin, &event()).unwrap();
        people.set_role(root.id, Role::Viewer, &event()).unwrap();
    }

    #[test]
    fn a_proxy_takes_nobody_over() {
        let (_dir, people) = people();
        people.add_user("amy", Some(GOOD), Role::Admin, &event()).unwrap();
        assert!(matches!(people.from_proxy("amy", Some(Role::Admin), 0), Err(PeopleError::Taken)));
        let bob = people.from_proxy("bob", None, 0).unwrap();
        assert_eq!(bob.role, Role::Viewer);
        assert_eq!(people.from_proxy("bob", Some(Role::Editor), 0).unwrap().role, Role::Editor);
        assert_eq!(people.from_proxy("bob", None, 0).unwrap(), people.user(bob.id).unwrap());
    }
}
