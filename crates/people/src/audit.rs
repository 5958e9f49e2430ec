//! Who did what, when and from where. Entries are only ever added, and removed by age.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, params};

use crate::{People, PeopleError};

/// Bytes of `what` that are kept.
const LONGEST: usize = 2000;

/// What kind of thing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody got in.
    Login,
    /// Somebody did not.
    Failure,
    /// Somebody left.
    Logout,
    /// Lines were searched for.
    Search,
    /// Figures or lines were taken along.
    Export,
    /// A board was tried out, an event was posted.
    Edit,
    /// A user, a link, a token or a limit was changed.
    People,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Login, Self::Failure, Self::Logout, Self::Search, Self::Export, Self::Edit, Self::People];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Failure => "failure",
            Self::Logout => "logout",
            Self::Search => "search",
            Self::Export => "export",
            Self::Edit => "edit",
            Self::People => "people",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Act {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|act| act.word() == word).ok_or(())
    }
}

/// Something that was done.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Epoch milliseconds.
    pub at: i64,
    /// Whose name; of a failed login what was typed.
    pub who: &'a str,
    /// What kind.
    pub act: Act,
    /// From which address.
    pub address: &'a str,
    /// What, in words. No secrets.
    pub what: &'a str,
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts up.
    pub id: i64,
    /// Epoch milliseconds.
    pub at: i64,
    /// Whose name.
    pub who: String,
    /// What kind, as [`Act::word`].
    pub act: String,
    /// From which address.
    pub address: String,
    /// What.
    pub what: String,
}

/// Which entries are wanted, the newest first.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of this name only.
    pub who: Option<String>,
    /// Of this kind only.
    pub act: Option<Act>,
    /// Only those before this one.
    pub before: Option<i64>,
    /// At most so many.
    pub most: usize,
}

impl Event<'_> {
    pub(crate) fn write(&self, db: &Connection) -> Result<(), PeopleError> {
        let cut = |text: &str, most: usize| text[..text.floor_char_boundary(most)].to_owned();
        db.prepare_cached("INSERT INTO audit (at, who, act, address, what) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                self.at,
                cut(self.who, 200),
                self.act.word(),
                cut(self.address, 100),
                cut(self.what, LONGEST)
            ])?;
        Ok(())
    }
}

impl People {
    /// Writes an entry down.
    ///
    /// # Errors
    /// The file's.
    pub fn record(&self, event: &Event<'_>) -> Result<(), PeopleError> {
        event.write(&self.db())
    }

    /// Entries, the newest first.
    ///
    /// # Errors
    /// The file's.
    pub fn audit(&self, wanted: &Wanted) -> Result<Vec<Entry>, PeopleError> {
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT id, at, who, act, address, what FROM audit WHERE (?1 IS NULL OR who = ?1 COLLATE NOCASE)
             AND (?2 IS NULL OR act = ?2) AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4",
        )?;
        let most = i64::try_from(wanted.most).unwrap_or(i64::MAX);
        let rows =
            asked.query_map(params![wanted.who, wanted.act.map(Act::word), wanted.before, most], |row| {
                Ok(Entry {
                    id: row.get(0)?,
                    at: row.get(1)?,
                    who: row.get(2)?,
                    act: row.get(3)?,
                    address: row.get(4)?,
                    what: row.get(5)?,
                })
            })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes entries from before `at`, and what has expired; how many entries.
    ///
    /// # Errors
    /// The file's.
    pub fn clean(&self, at: i64, now: i64) -> Result<usize, PeopleError> {
        self.change(|db| {
            db.execute("DELETE FROM links WHERE expires <= ?1", [now])?;
            db.execute("DELETE FROM tokens WHERE expires <= ?1", [now])?;
            crate::sessions::clean(db, now)?;
            Ok(db.execute("DELETE FROM audit WHERE at < ?1", [at])?)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::people::tests::people;

    pub(crate) fn event() -> Event<'static> {
        Event { at: 1000, who: "root", act: Act::People, address: "127.0.0.1", what: "a test" }
    }

    #[test]
    fn newest_first_in_pages_and_by_kind() {
        let (_dir, people) = people();
        for at in 0..5 {
            let act = if at % 2 == 0 { Act::Search } else { Act::Login };
            people.record(&Event { at, act, who: "amy", ..event() }).unwrap();
        }
        let ask = |who: Option<&str>, act, before, most| {
            let wanted = Wanted { who: who.map(str::to_owned), act, before, most };
            people.audit(&wanted).unwrap().into_iter().map(|e| e.at).collect::<Vec<_>>()
        };
        assert_eq!(ask(None, None, None, 2), [4, 3]);
        assert_eq!(ask(None, None, Some(4), 2), [2, 1]);
        assert_eq!(ask(Some("AMY"), Some(Act::Search), None, 9), [4, 2, 0]);
        assert!(ask(Some("eve"), None, None, 9).is_empty());
        assert_eq!(people.clean(3, 0).unwrap(), 3);
        assert_eq!(ask(None, None, None, 9), [4, 3]);
    }

    #[test]
    fn an_entry_is_cut_and_not_refused() {
        let (_dir, people) = people();
        people.record(&Event { what: &"ö".repeat(5000), ..event() }).unwrap();
        let kept = people.audit(&Wanted { most: 1, ..Wanted::default() }).unwrap();
        assert_eq!(kept[0].what.len(), LONGEST);
    }
}
