//! What somebody may see: of which indices, which lines, and which fields only under a mask.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension as _, params};

use crate::audit::Event;
use crate::{People, PeopleError, Role};

/// Whom limits are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everybody of a role.
    Role(Role),
    /// One user, in addition to the role's.
    User(i64),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = PeopleError;

    fn from_str(text: &str) -> Result<Self, PeopleError> {
        let role = text.strip_prefix("role:").and_then(|r| r.parse().ok()).map(Self::Role);
        let user = || text.strip_prefix("user:").and_then(|u| u.parse().ok()).map(Self::User);
        role.or_else(user).ok_or(PeopleError::NoUser)
    }
}

/// Limits as they are written. What is empty limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Patterns of indices, such as `logs-shop-*`: of others nothing is shown.
    pub indices: Vec<String>,
    /// A search; lines that it does not find are not there.
    pub filter: String,
    /// Names of fields, or patterns of them; their values are shown as pseudonyms, and cannot be searched for. One that begins with
    /// `!` is excepted.
    pub masked: Vec<String>,
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty() && self.filter.is_empty() && self.masked.is_empty()
    }

    /// Limits as a form has them: words with commas or blanks between.
    ///
    /// # Errors
    /// Which word cannot be one. The search is the dashboard's own to check.
    pub fn parse(indices: &str, filter: &str, masked: &str) -> Result<Self, PeopleError> {
        let words = |text: &str| -> Vec<String> {
            text.split([',', ' ', '\n', '\r', '\t']).filter(|w| !w.is_empty()).map(str::to_owned).collect()
        };
        let (indices, masked) = (words(indices), words(masked));
        // A minus would take away, a date in <> would be another name: neither can be compared with a pattern.
        let is_index = |p: &String| {
            p.chars().all(|c| c.is_ascii_alphanumeric() && !c.is_ascii_uppercase() || "-_.*".contains(c))
                && !p.starts_with(['-', '_', '+'])
        };
        if let Some(wrong) = indices.iter().find(|p| !is_index(p)) {
            return Err(PeopleError::Limits(format!(
                "{wrong:?} is no pattern of indices: write it like logs-shop-*"
            )));
        }
        let is_field = |p: &String| {
            let name = p.strip_prefix('!').unwrap_or(p);
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.*@".contains(c))
        };
        if let Some(wrong) = masked.iter().find(|p| !is_field(p)) {
            return Err(PeopleError::Limits(format!(
                "{wrong:?} is no name of a field: write it like client, source.ip or user.*"
            )));
        }
        Ok(Self { indices, filter: filter.trim().to_owned(), masked })
    }
}

impl People {
    /// The limits that were written for a role or for a user.
    ///
    /// # Errors
    /// The file's.
    pub fn limits(&self, subject: Subject) -> Result<Limits, PeopleError> {
        let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
        let found = self
            .db()
            .prepare_cached("SELECT indices, filter, masked FROM limits WHERE subject = ?1")?
            .query_row([subject.to_string()], |row| {
                Ok(Limits { indices: words(row.get(0)?), filter: row.get(1)?, masked: words(row.get(2)?) })
            })
            .optional()?;
        Ok(found.unwrap_or_default())
    }

    /// Writes limits down; empty ones take them away.
    ///
    /// # Errors
    /// The file's.
    pub fn set_limits(&self, subject: Subject, limits: &Limits, by: &Event<'_>) -> Result<(), PeopleError> {
        self.change(|db| {
            db.execute("DELETE FROM limits WHERE subject = ?1", [subject.to_string()])?;
            if !limits.is_empty() {
                db.execute(
                    "INSERT INTO limits (subject, indices, filter, masked) VALUES (?1, ?2, ?3, ?4)",
                    params![
                        subject.to_string(),
                        limits.indices.join(" "),
                        limits.filter,
                        limits.masked.join(" ")
                    ],
                )?;
            }
            by.write(db)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_form() {
        let limits =
            Limits::parse("logs-shop-*, logs-web", " service:shop ", "client user.*\n!message").unwrap();
        assert_eq!(limits.indices, ["logs-shop-*", "logs-web"]);
        assert_eq!(limits.filter, "service:shop");
        assert_eq!(limits.masked, ["client", "user.*", "!message"]);
        assert!(Limits::parse("", "", "").unwrap().is_empty());
        for wrong in ["-logs-*", "<logs-{now/d}>", "Logs", "_all", "a/b", "logs?"] {
            assert!(Limits::parse(wrong, "", "").is_err(), "{wrong}");
        }
        assert!(Limits::parse("", "", "a\"b").is_err());
    }

    #[test]
    fn subjects_in_words() {
        for subject in [Subject::Role(Role::Viewer), Subject::User(7)] {
            assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        }
        assert!("user:x".parse::<Subject>().is_err() && "role:god".parse::<Subject>().is_err());
    }
}
