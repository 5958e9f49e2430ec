//! Searches that are kept under a name: one's own, and those that others share.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::audit::Event;
use crate::{People, PeopleError};

/// Searches of one user, or of nobody.
const MOST: i64 = 200;
/// Characters of a name.
const LONGEST_NAME: usize = 100;
/// Bytes of a query.
const LONGEST_QUERY: usize = 4000;

/// A search to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewSearch<'a> {
    /// Whose; nobody's where there are no logins.
    pub user: Option<i64>,
    /// What it is called.
    pub name: &'a str,
    /// The query of an address, as the dashboard writes it.
    pub query: &'a str,
    /// Whether others see it.
    pub shared: bool,
}

/// A search as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Its number.
    pub id: i64,
    /// Whose; nobody's where there were no logins.
    pub user: Option<i64>,
    /// The name of its user.
    pub owner: Option<String>,
    /// What it is called.
    pub name: String,
    /// The query of an address.
    pub query: String,
    /// Whether others see it.
    pub shared: bool,
    /// Epoch milliseconds.
    pub created: i64,
}

const COLUMNS: &str = "s.id, s.user, u.name, s.name, s.query, s.shared, s.created";

fn search(row: &Row<'_>) -> rusqlite::Result<Search> {
    Ok(Search {
        id: row.get(0)?,
        user: row.get(1)?,
        owner: row.get(2)?,
        name: row.get(3)?,
        query: row.get(4)?,
        shared: row.get(5)?,
        created: row.get(6)?,
    })
}

fn find(db: &Connection, id: i64) -> Result<Search, PeopleError> {
    let mut asked = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM searches s LEFT JOIN users u ON u.id = s.user WHERE s.id = ?1"
    ))?;
    asked.query_row([id], search).optional()?.ok_or(PeopleError::NoSearch)
}

impl Search {
    /// Whether it is this user's. Nobody's is of everybody who needs no login.
    #[must_use]
    pub fn is_of(&self, user: Option<i64>) -> bool {
        self.user == user
    }
}

impl People {
    /// The searches that a user sees: the own ones, those that others share, and nobody's; by name.
    ///
    /// # Errors
    /// The file's.
    pub fn searches(&self, user: Option<i64>) -> Result<Vec<Search>, PeopleError> {
        let db = self.db();
        let mut asked = db.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM searches s LEFT JOIN users u ON u.id = s.user
             WHERE s.user IS NULL OR s.user = ?1 OR (s.shared AND u.disabled IS NULL) ORDER BY s.name COLLATE NOCASE, s.id"
        ))?;
        let found = asked.query_map([user], search)?.collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// A search that a user sees.
    ///
    /// # Errors
    /// [`PeopleError::NoSearch`], also for one that somebody else keeps alone; the file's.
    pub fn search(&self, id: i64, user: Option<i64>) -> Result<Search, PeopleError> {
        let found = find(&self.db(), id)?;
        let seen = found.shared || found.user.is_none() || found.is_of(user);
        if seen { Ok(found) } else { Err(PeopleError::NoSearch) }
    }

    /// Keeps a search.
    ///
    /// # Errors
    /// [`PeopleError::SearchName`], [`PeopleError::SearchTaken`], [`PeopleError::SearchLong`], [`PeopleError::SearchesFull`]; the file's.
    pub fn add_search(&self, new: &NewSearch<'_>, by: &Event<'_>) -> Result<Search, PeopleError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(PeopleError::SearchName);
        }
        if new.query.len() > LONGEST_QUERY {
            return Err(PeopleError::SearchLong);
        }
        self.change(|db| {
            // A unique index takes two of nobody's for different ones.
            let (taken, count): (bool, i64) = db.query_row(
                "SELECT COALESCE(MAX(name = ?2 COLLATE NOCASE), 0), COUNT(*) FROM searches WHERE user IS ?1",
                params![new.user, name],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if taken {
                return Err(PeopleError::SearchTaken);
            }
            if count >= MOST {
                return Err(PeopleError::SearchesFull);
            }
            db.execute(
                "INSERT INTO searches (user, name, query, shared, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![new.user, name, new.query, new.shared, by.at],
            )?;
            let id = db.last_insert_rowid();
            by.write(db)?;
            find(db, id)
        })
    }

    /// Shows a search to others, or to its user alone.
    ///
    /// # Errors
    /// [`PeopleError::NoSearch`]; the file's.
    pub fn share_search(&self, id: i64, shared: bool, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            find(db, id)?;
            db.execute("UPDATE searches SET shared = ?2 WHERE id = ?1", params![id, shared])?;
            by.write(db)
        })
    }

    /// Removes a search.
    ///
    /// # Errors
    /// [`PeopleError::NoSearch`]; the file's.
    pub fn remove_search(&self, id: i64, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            find(db, id)?;
            db.execute("DELETE FROM searches WHERE id = ?1", [id])?;
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

    fn new(user: Option<i64>, name: &str, shared: bool) -> NewSearch<'_> {
        NewSearch { user, name, query: "from=now-1h&q=status%3A5xx", shared }
    }

    #[test]
    fn one_sees_the_own_and_the_shared_ones() {
        let (_dir, people) = people();
        let amy = people.add_user("amy", None, Role::Viewer, &event()).unwrap().id;
        let bob = people.add_user("bob", None, Role::Editor, &event()).unwrap().id;
        let own = people.add_search(&new(Some(amy), " Mine ", false), &event()).unwrap();
        assert_eq!((own.name.as_str(), own.owner.as_deref()), ("Mine", Some("amy")));
        let shared = people.add_search(&new(Some(bob), "errors", true), &event()).unwrap();
        people.add_search(&new(None, "before there were logins", false), &event()).unwrap();
        let seen =
            |user| -> Vec<String> { people.searches(user).unwrap().into_iter().map(|s| s.name).collect() };
        assert_eq!(seen(Some(amy)), ["before there were logins", "errors", "Mine"]);
        assert_eq!(seen(Some(bob)), ["before there were logins", "errors"]);
        assert!(matches!(people.search(own.id, Some(bob)), Err(PeopleError::NoSearch)));
        people.share_search(shared.id, false, &event()).unwrap();
        assert!(matches!(people.search(shared.id, Some(amy)), Err(PeopleError::NoSearch)));
        people.share_search(own.id, true, &event()).unwrap();
        people.add_user("root", None, Role::Admin, &event()).unwrap();
        people.set_disabled(amy, true, &event()).unwrap();
        assert_eq!(
            seen(Some(bob)),
            ["before there were logins", "errors"],
            "whose user is disabled is not shown"
        );
        people.remove_search(own.id, &event()).unwrap();
        assert!(matches!(people.remove_search(own.id, &event()), Err(PeopleError::NoSearch)));
    }

    #[test]
    fn names_are_told_apart_and_there_is_an_end() {
        let (_dir, people) = people();
        let amy = Some(people.add_user("amy", None, Role::Viewer, &event()).unwrap().id);
        for user in [amy, None] {
            people.add_search(&new(user, "errors", false), &event()).unwrap();
            assert!(matches!(
                people.add_search(&new(user, "ERRORS", false), &event()),
                Err(PeopleError::SearchTaken)
            ));
        }
        for wrong in ["", " ", "a\nb", &"x".repeat(101)] {
            assert!(matches!(
                people.add_search(&new(amy, wrong, false), &event()),
                Err(PeopleError::SearchName)
            ));
        }
        let long = NewSearch { query: &"x".repeat(LONGEST_QUERY + 1), ..new(amy, "long", false) };
        assert!(matches!(people.add_search(&long, &event()), Err(PeopleError::SearchLong)));
        for n in 1..MOST {
            people.add_search(&new(amy, &n.to_string(), false), &event()).unwrap();
        }
        assert!(matches!(
            people.add_search(&new(amy, "one more", false), &event()),
            Err(PeopleError::SearchesFull)
        ));
    }
}
