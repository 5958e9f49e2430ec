//! Retention: policies in the form of OpenSearch's Index State Management say how long indexes stay.
//!
//! **Decision.** Nothing is kept of where an index stands in its policy: at each tick its policy is walked from its first state, with the
//! index as it is now ([`decide::decide`], which does nothing but decide). So a crash between two steps means nothing, and a policy that
//! was changed holds for the indexes that it has already. What is kept is the policies, and which index has which.
//!
//! As in OpenSearch a policy takes the indexes that were made after it, by the patterns of its `ism_template`; others are given to it
//! by `_plugins/_ism/add`. So putting a policy deletes nothing that was there before.

pub(crate) mod decide;
mod held;
pub(crate) mod names;
pub(crate) mod policy;
mod run;
#[cfg(test)]
mod tests;
mod units;

use crate::error::{ApiError, StoreError};
use crate::files;
use decide::Held;
use policy::Policy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// More policies than this are somebody's mistake.
const MOST: usize = 1000;

/// A policy, and how often it was written.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) policy: Policy,
    pub(crate) version: u64,
    pub(crate) seq_no: u64,
}

/// All policies, and the indexes that have one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    pub(crate) policies: BTreeMap<String, Kept>,
    pub(crate) attached: BTreeMap<u64, String>,
    /// Indexes from which a policy was taken by hand: no template gives them one again.
    pub(crate) detached: BTreeSet<u64>,
    seq_no: u64,
}

/// The book as it lies on disk.
#[derive(Serialize, Deserialize, Default)]
struct Page {
    policies: BTreeMap<String, Written>,
    attached: BTreeMap<u64, String>,
    detached: BTreeSet<u64>,
    seq_no: u64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u64,
    seq_no: u64,
    updated: i64,
    policy: Value,
}

impl Book {
    fn load(path: &Path) -> Result<Self, StoreError> {
        let page: Page = files::load(path)?;
        let mut policies = BTreeMap::new();
        for (id, Written { version, seq_no, updated, policy }) in page.policies {
            let policy = Policy::parse(&id, &policy, updated)
                .map_err(|error| StoreError::Damaged { path: path.to_owned(), reason: error.reason })?;
            policies.insert(id, Kept { policy, version, seq_no });
        }
        Ok(Self { policies, attached: page.attached, detached: page.detached, seq_no: page.seq_no })
    }

    fn save(&self, path: &Path) -> Result<(), ApiError> {
        let one = |(id, kept): (&String, &Kept)| {
            let Kept { policy, version, seq_no } = kept;
            let (updated, policy) = (policy.updated, policy.json.clone());
            (id.clone(), Written { version: *version, seq_no: *seq_no, updated, policy })
        };
        let page = Page {
            policies: self.policies.iter().map(one).collect(),
            attached: self.attached.clone(),
            detached: self.detached.clone(),
            seq_no: self.seq_no,
        };
        let text = serde_json::to_vec(&page).map_err(|e| ApiError::new(500, "exception", e.to_string()))?;
        Ok(files::replace(path, &text)?)
    }

    /// Adds a policy, or replaces the one that the caller has seen.
    pub(crate) fn put(&mut self, policy: Policy, seen: Option<(u64, u64)>) -> Result<Kept, ApiError> {
        let conflict = |what: String| {
            ApiError::new(
                409,
                "version_conflict_engine_exception",
                format!("[{}]: version conflict, {what}", policy.id),
            )
        };
        let before = self.policies.get(&policy.id);
        match (before, seen) {
            (Some(kept), None) => {
                return Err(conflict(format!(
                    "document already exists (current version [{}])",
                    kept.version
                )));
            }
            (Some(kept), Some((seq_no, term))) if (kept.seq_no, 1) != (seq_no, term) => {
                return Err(conflict(format!(
                    "required seqNo [{seq_no}], primary term [{term}]. current document has seqNo [{}] and primary term [1]",
                    kept.seq_no
                )));
            }
            (None, Some((seq_no, term))) => {
                return Err(conflict(format!(
                    "required seqNo [{seq_no}], primary term [{term}]. but no document was found"
                )));
            }
            _ => {}
        }
        if before.is_none() && self.policies.len() >= MOST {
            return Err(ApiError::illegal(format!("there are [{MOST}] policies; remove some first")));
        }
        for (id, other) in self.policies.iter().filter(|(id, _)| **id != policy.id) {
            if let Some(pattern) = policy.conflicts_with(&other.policy) {
                return Err(ApiError::illegal(format!(
                    "New policy {} has an ISM template with index pattern [{pattern}] matching existing policy templates, please \
                     use a different priority than that of [{id}]",
                    policy.id
                )));
            }
        }
        let version = before.map_or(1, |kept| kept.version + 1);
        let kept = Kept { version, seq_no: self.seq_no, policy };
        self.seq_no += 1;
        self.policies.insert(kept.policy.id.clone(), kept.clone());
        Ok(kept)
    }

    /// Gives indexes without a policy the one whose template names them. True where that changed something.
    pub(crate) fn attach(&mut self, indexes: &[Held]) -> bool {
        let there: BTreeSet<u64> = indexes.iter().map(|held| held.uuid).collect();
        let before = (self.attached.len(), self.detached.len());
        self.attached.retain(|uuid, id| there.contains(uuid) && self.policies.contains_key(id));
        self.detached.retain(|uuid| there.contains(uuid));
        let mut changed = before != (self.attached.len(), self.detached.len());
        for held in indexes {
            if self.attached.contains_key(&held.uuid) || self.detached.contains(&held.uuid) {
                continue;
            }
            let policies = self.policies.values().map(|kept| &kept.policy);
            let newer = policies.filter(|policy| held.created >= policy.updated);
            let best = newer.filter_map(|policy| Some((policy.priority_for(&held.known_as)?, policy)));
            if let Some((_, policy)) = best.max_by_key(|(priority, _)| *priority) {
                self.attached.insert(held.uuid, policy.id.clone());
                changed = true;
            }
        }
        changed
    }
}

/// The book in memory and on disk.
pub(crate) struct Retention {
    path: PathBuf,
    changing: Mutex<()>,
    book: RwLock<Arc<Book>>,
    /// What went wrong at the last tick, by index.
    failures: Mutex<BTreeMap<u64, String>>,
}

impl Retention {
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("retention.json");
        let book = RwLock::new(Arc::new(Book::load(&path)?));
        Ok(Self { path, changing: Mutex::new(()), book, failures: Mutex::default() })
    }

    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the book and writes it to disk, or changes nothing.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut book = Book::clone(&self.book());
        let result = change(&mut book)?;
        book.save(&self.path)?;
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
        Ok(result)
    }

    /// Why an index could not be deleted or rolled over at the last tick.
    pub(crate) fn failure(&self, uuid: u64) -> Option<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(&uuid).cloned()
    }
}
