//! One-time links: the first administrator's, invitations, and another password for who lost it.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::Event;
use crate::users::{self, Origin, User};
use crate::{People, PeopleError, Role, Secret, secret};

/// How long a link can be used, milliseconds: a day.
const LIFE: i64 = 86_400_000;

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The role that a new user gets.
    pub role: Role,
    /// Who gets another password; none for a new user.
    pub user: Option<User>,
    /// Until when, epoch milliseconds.
    pub expires: i64,
}

fn insert(db: &Connection, role: Role, user: Option<i64>, now: i64) -> Result<Secret, PeopleError> {
    let made = Secret::new("")?;
    db.execute(
        "INSERT INTO links (hash, role, user, expires) VALUES (?1, ?2, ?3, ?4)",
        params![secret::hash(made.text()), role.word(), user, now + LIFE],
    )?;
    Ok(made)
}

fn find(db: &Connection, text: &str, now: i64) -> Result<Invitation, PeopleError> {
    let found = db
        .prepare_cached("SELECT role, user, expires FROM links WHERE hash = ?1 AND expires > ?2")?
        .query_row(params![secret::hash(text), now], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, i64>(2)?))
        })
        .optional()?;
    let (role, user, expires) = found.ok_or(PeopleError::Link)?;
    let user = user.map(|id| users::by_id(db, id)).transpose()?;
    if user.as_ref().is_some_and(|u| u.disabled.is_some()) {
        return Err(PeopleError::Link);
    }
    Ok(Invitation { role: role.parse().map_err(|_| PeopleError::Link)?, user, expires })
}

impl People {
    /// The link by which the first administrator comes in; none where there is one who can. Those from starts before end.
    ///
    /// # Errors
    /// The file's.
    pub fn first_link(&self, now: i64) -> Result<Option<Secret>, PeopleError> {
        self.change(|db| {
            let there: bool = db.query_row(
                "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND disabled IS NULL)",
                [],
                |row| row.get(0),
            )?;
            if there {
                return Ok(None);
            }
            db.execute("DELETE FROM links WHERE user IS NULL AND role = 'admin'", [])?;
            insert(db, Role::Admin, None, now).map(Some)
        })
    }

    /// A link by which somebody becomes a user of this role.
    ///
    /// # Errors
    /// The file's.
    pub fn invite(&self, role: Role, by: &Event<'_>) -> Result<Secret, PeopleError> {
        self.change(|db| {
            by.write(db)?;
            insert(db, role, None, by.at)
        })
    }

    /// A link by which a user sets another password. Links from before end; the password stays until it is used.
    ///
    /// # Errors
    /// [`PeopleError::NoUser`], also for one whom a proxy lets in; the file's.
    pub fn reset(&self, id: i64, by: &Event<'_>) -> Result<Secret, PeopleError> {
        self.change(|db| {
            let user = users::by_id(db, id)?;
            if user.origin != Origin::Local.word() {
                return Err(PeopleError::NoUser);
            }
            db.execute("DELETE FROM links WHERE user = ?1", [id])?;
            by.write(db)?;
            insert(db, user.role, Some(id), by.at)
        })
    }

    /// What a link is for.
    ///
    /// # Errors
    /// [`PeopleError::Link`]; the file's.
    pub fn invitation(&self, link: &str, now: i64) -> Result<Invitation, PeopleError> {
        find(&self.db(), link, now)
    }

    /// Uses a link up: there is a new user, or a user with another password, whose sessions have ended. `name` counts for a new user.
    ///
    /// # Errors
    /// [`PeopleError::Link`]; what is wrong with name or password, and then the link is good still; the file's.
    pub fn accept(
        &self,
        link: &str,
        name: &str,
        password: &str,
        by: &Event<'_>,
    ) -> Result<User, PeopleError> {
        // Hashing takes its time, in which nobody else should wait for the file.
        let invitation = self.invitation(link, by.at)?;
        let name = invitation.user.as_ref().map_or(name, |u| u.name.as_str());
        let hash = users::checked(password, name)?;
        self.change(|db| {
            // Whoever was faster has it.
            let invitation = find(db, link, by.at)?;
            let user = match invitation.user {
                Some(user) => {
                    users::set_password(db, user.id, &hash)?;
                    users::by_id(db, user.id)?
                }
                None => users::insert(db, name, invitation.role, Origin::Local, Some(&hash), by.at)?,
            };
            db.execute("DELETE FROM links WHERE hash = ?1", [secret::hash(link)])?;
            Event { who: &user.name, ..*by }.write(db)?;
            Ok(user)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::event;
    use crate::people::tests::people;

    const GOOD: &str = "correct horse battery";

    #[test]
    fn the_first_administrator_comes_in_once() {
        let (_dir, people) = people();
        let old = people.first_link(0).unwrap().unwrap();
        let link = people.first_link(0).unwrap().unwrap();
        assert!(
            matches!(people.invitation(old.text(), 1), Err(PeopleError::Link)),
            "another start, another link"
        );
        assert!(matches!(
            people.accept(link.text(), "root", "short", &event()),
            Err(PeopleError::Password(_))
        ));
        let root = people.accept(link.text(), "root", GOOD, &event()).unwrap();
        assert_eq!((root.name.as_str(), root.role), ("root", Role::Admin));
        assert!(
            matches!(people.accept(link.text(), "eve", GOOD, &event()), Err(PeopleError::Link)),
            "single use"
        );
        assert!(people.first_link(0).unwrap().is_none());
        assert!(people.log_in("root", GOOD).unwrap().is_some());
    }

    #[test]
    fn links_expire() {
        let (_dir, people) = people();
        let link = people.invite(Role::Editor, &event()).unwrap();
        assert_eq!(people.invitation(link.text(), 1000).unwrap().role, Role::Editor);
        let late = Event { at: 1000 + LIFE, ..event() };
        assert!(matches!(people.accept(link.text(), "amy", GOOD, &late), Err(PeopleError::Link)));
    }

    #[test]
    fn a_reset_ends_what_the_old_password_opened() {
        let (_dir, people) = people();
        people.add_user("root", None, Role::Admin, &event()).unwrap();
        let amy = people.add_user("amy", Some(GOOD), Role::Viewer, &event()).unwrap();
        let session = people.open_session(amy.id, &event()).unwrap();
        let old = people.reset(amy.id, &event()).unwrap();
        let link = people.reset(amy.id, &event()).unwrap();
        assert!(people.invitation(old.text(), 1000).is_err());
        assert!(people.session(session.text(), 1000).unwrap().is_some(), "until it is used");
        people.accept(link.text(), "ignored", "another horse battery", &event()).unwrap();
        assert!(people.session(session.text(), 1000).unwrap().is_none());
        assert!(people.log_in("amy", GOOD).unwrap().is_none());
        assert!(people.log_in("amy", "another horse battery").unwrap().is_some());
        let link = people.reset(amy.id, &event()).unwrap();
        people.set_disabled(amy.id, true, &event()).unwrap();
        assert!(people.invitation(link.text(), 1000).is_err());
    }
}
