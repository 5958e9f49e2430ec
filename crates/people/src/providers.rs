//! Users whom an OpenID provider lets in.
//!
//! Such a user is who has this `sub` at this issuer. The name is for people: it comes from the first login, stays, and never leads to a
//! user whom somebody else vouches for.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::{Act, Event};
use crate::users::{self, Origin, User};
use crate::{People, PeopleError, Role};

/// What a provider says of who logs in.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The provider, as it writes itself.
    pub issuer: &'a str,
    /// Whom it means: never another person at this provider.
    pub subject: &'a str,
    /// The name of a user who was never here.
    pub name: &'a str,
}

/// In which role somebody comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// In this one from now on, whatever it was.
    Role(Role),
    /// In this one who was never here; others in theirs.
    New(Role),
}

impl Identity<'_> {
    /// An issuer is an address and has no blank, so that no two pairs are written alike.
    fn key(&self) -> String {
        format!("{} {}", self.issuer, self.subject)
    }

    fn find(&self, db: &Connection) -> Result<Option<User>, PeopleError> {
        let id: Option<i64> = db
            .prepare_cached("SELECT id FROM users WHERE origin = ?1 AND subject = ?2")?
            .query_row(params![Origin::Oidc.word(), self.key()], |row| row.get(0))
            .optional()?;
        id.map(|id| users::by_id(db, id)).transpose()
    }
}

impl People {
    /// Who a provider says it is; one who was never here becomes a user. A role that is another than before is written into the audit log.
    ///
    /// # Errors
    /// [`PeopleError::Taken`] where somebody else has the name of a new user: nobody takes that over. [`PeopleError::Name`];
    /// [`PeopleError::NoUser`] for one who is disabled; the file's.
    pub fn from_provider(
        &self,
        identity: &Identity<'_>,
        grant: Grant,
        by: &Event<'_>,
    ) -> Result<User, PeopleError> {
        self.change(|db| {
            let Some(user) = identity.find(db)? else {
                let (Grant::Role(role) | Grant::New(role)) = grant;
                let user = users::insert(db, identity.name, role, Origin::Oidc, None, by.at)?;
                db.execute("UPDATE users SET subject = ?2 WHERE id = ?1", params![user.id, identity.key()])?;
                let what = format!("became a user, {role}, by {}", identity.issuer);
                Event { who: &user.name, act: Act::People, what: &what, ..*by }.write(db)?;
                return Ok(user);
            };
            if user.disabled.is_some() {
                return Err(PeopleError::NoUser);
            }
            match grant {
                Grant::Role(role) if role != user.role => {
                    db.execute("UPDATE users SET role = ?2 WHERE id = ?1", params![user.id, role.word()])?;
                    let what = format!("is {role} and no more {}, by {}", user.role, identity.issuer);
                    Event { who: &user.name, act: Act::People, what: &what, ..*by }.write(db)?;
                    users::by_id(db, user.id)
                }
                _ => Ok(user),
            }
        })
    }

    /// Whom a provider gives no role any more: sessions and tokens of that user end. The name of the user, where there is one.
    ///
    /// # Errors
    /// The file's.
    pub fn shut_out(&self, identity: &Identity<'_>, by: &Event<'_>) -> Result<Option<String>, PeopleError> {
        self.change(|db| {
            let Some(user) = identity.find(db)? else { return Ok(None) };
            users::end_sessions(db, user.id)?;
            db.execute("DELETE FROM tokens WHERE user = ?1", [user.id])?;
            Event { who: &user.name, ..*by }.write(db)?;
            Ok(Some(user.name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::event;
    use crate::people::tests::people;
    use crate::{NewToken, Scope, Wanted};

    const AMY: Identity<'static> =
        Identity { issuer: "https://id.example.com", subject: "248289761001", name: "amy" };

    #[test]
    fn known_by_issuer_and_subject_and_by_nothing_else() {
        let (_dir, people) = people();
        let amy = people.from_provider(&AMY, Grant::New(Role::Viewer), &event()).unwrap();
        assert_eq!((amy.origin.as_str(), amy.has_password), ("oidc", false));
        let renamed = Identity { name: "amy.miller", ..AMY };
        let again = people.from_provider(&renamed, Grant::New(Role::Admin), &event()).unwrap();
        assert_eq!(again, amy, "the same, under the same name and in the same role");
        for other in [
            Identity { issuer: "https://evil.example", ..AMY },
            Identity { subject: "1", ..AMY },
            Identity { name: "AMY", subject: "2", ..AMY },
        ] {
            let taken = people.from_provider(&other, Grant::Role(Role::Admin), &event());
            assert!(matches!(taken, Err(PeopleError::Taken)), "{taken:?}");
        }
        let other = Identity { issuer: "https://evil.example", name: "eve", ..AMY };
        assert_ne!(people.from_provider(&other, Grant::New(Role::Viewer), &event()).unwrap().id, amy.id);
        assert_eq!(people.log_in("amy", "").unwrap(), None, "there is no password");
        assert!(matches!(people.reset(amy.id, &event()), Err(PeopleError::NoUser)), "and no way to one");
        assert!(matches!(people.from_proxy("amy", None, 0), Err(PeopleError::Taken)), "nor for a proxy");
    }

    #[test]
    fn nobody_takes_a_local_user_over() {
        let (_dir, people) = people();
        people.add_user("Amy", Some("correct horse battery"), Role::Admin, &event()).unwrap();
        let taken = people.from_provider(&AMY, Grant::Role(Role::Viewer), &event());
        assert!(matches!(taken, Err(PeopleError::Taken)), "{taken:?}");
        assert_eq!(people.user_named("amy").unwrap().unwrap().role, Role::Admin);
    }

    #[test]
    fn the_role_follows_the_claim_and_the_log_says_so() {
        let (_dir, people) = people();
        people.from_provider(&AMY, Grant::Role(Role::Admin), &event()).unwrap();
        let amy = people.from_provider(&AMY, Grant::Role(Role::Viewer), &event()).unwrap();
        assert_eq!(amy.role, Role::Viewer);
        let audit = people.audit(&Wanted { most: 9, ..Wanted::default() }).unwrap();
        assert_eq!(audit[0].what, "is viewer and no more admin, by https://id.example.com");
        people.set_disabled(amy.id, true, &event()).unwrap();
        let disabled = people.from_provider(&AMY, Grant::Role(Role::Admin), &event());
        assert!(matches!(disabled, Err(PeopleError::NoUser)), "{disabled:?}");
    }

    #[test]
    fn who_is_shut_out_is_out_at_once() {
        let (_dir, people) = people();
        assert_eq!(people.shut_out(&AMY, &event()).unwrap(), None);
        let amy = people.from_provider(&AMY, Grant::New(Role::Editor), &event()).unwrap();
        let session = people.open_session(amy.id, &event()).unwrap();
        let new = NewToken { user: amy.id, name: "deploys", scope: Scope::Write, expires: i64::MAX };
        let token = people.add_token(&new, &event()).unwrap();
        assert_eq!(people.shut_out(&AMY, &event()).unwrap().as_deref(), Some("amy"));
        assert!(people.session(session.text(), 1000).unwrap().is_none());
        assert!(people.token(token.text(), 1000).unwrap().is_none());
    }
}
