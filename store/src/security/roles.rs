//! Roles, and the indexes that they are given for.

use crate::error::ApiError;
use crate::names::wildcard;
use crate::retention::names::stream_of;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Searches, and all that shows what is there.
    Read,
    /// Documents, and the indexes, streams and templates that they need.
    Write,
    /// Everything.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "admin" => Ok(Self::Admin),
            other => Err(format!("`{other}` is no role: read, write and admin are")),
        }
    }
}

/// Roles for the indexes whose names match one of the patterns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) indexes: Vec<String>,
    pub(crate) roles: BTreeSet<Role>,
}

impl Grant {
    pub(crate) fn everything() -> Self {
        Self::everywhere([Role::Admin].into())
    }

    pub(crate) fn everywhere(roles: BTreeSet<Role>) -> Self {
        Self { indexes: vec!["*".to_owned()], roles }
    }

    pub(crate) fn is_everywhere(&self) -> bool {
        self.indexes.iter().any(|pattern| pattern == "*")
    }
}

/// The indexes that one request may touch, and what to say of others.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) patterns: Vec<String>,
    pub(crate) action: &'static str,
    pub(crate) user: String,
}

impl Scope {
    /// Whether an index, or all that a pattern of names could mean, lies within.
    ///
    /// A pattern is matched as if it were a name. As those of a grant have no `?`, each of its letters meets the same letter, and what is
    /// wild in the pattern only meets what is wild in the grant.
    ///
    /// Of a data stream's indexes the stream's name counts.
    pub(crate) fn holds(&self, name: &str) -> bool {
        let name = stream_of(name).map_or(name, |(stream, _)| stream);
        self.patterns.iter().any(|pattern| wildcard(pattern, name))
    }

    /// The same, or the answer that it does not.
    pub(crate) fn check(&self, name: &str) -> Result<(), ApiError> {
        if self.holds(name) { Ok(()) } else { Err(super::refused(self.action, &self.user)) }
    }
}
