//! A tick: what was decided is done, one index after the other.

use super::decide::{Held, Judged, Step, Target, decide};
use super::held::held;
use super::names;
use crate::error::ApiError;
use crate::index::Index;
use crate::store::Store;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use tracing::{info, warn};

impl Store {
    /// All indexes, and what their policies say of those that have one.
    pub(crate) fn judged(&self) -> (Vec<Held>, Vec<Judged>) {
        let indexes: Vec<Arc<Index>> = self.names().iter().filter_map(|name| self.index(name)).collect();
        let held = held(&indexes, &self.aliases());
        let judged = decide(&self.retention().book(), &held, self.now());
        (held, judged)
    }

    /// Gives new indexes their policies, by the templates of those.
    pub(crate) fn attach_policies(&self) -> Result<(), ApiError> {
        let (held, _) = self.judged();
        // Nothing is written where nothing changes.
        if super::Book::clone(&self.retention().book()).attach(&held) {
            self.retention().change(|book| {
                book.attach(&held);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Deletes and rolls over what policies say. What fails is tried again at the next tick, and told by `_plugins/_ism/explain`.
    pub async fn tick(&self) {
        if let Err(error) = self.attach_policies() {
            warn!(%error, "policies could not be given to new indexes");
        }
        let (held, judged) = self.judged();
        let mut failures = std::collections::BTreeMap::new();
        for Judged { uuid, policy, message, step, .. } in judged {
            let Some(step) = step else { continue };
            let Some(name) = held.iter().find(|held| held.uuid == uuid).map(|held| &held.name) else {
                continue;
            };
            let Some(index) = self.index(name).filter(|index| index.uuid == uuid) else { continue };
            let done = match step {
                Step::Delete => self.delete(&index).await.map(|()| self.count(&self.counters().deleted)),
                Step::RollOver(target) => self.roll_over(&target, &index).map(|next| {
                    info!(index = %next, "made to be written to");
                    self.count(&self.counters().rolled_over);
                }),
            };
            match done {
                Ok(()) => info!(index = %name, policy, message, "done by its policy"),
                Err(error) => {
                    warn!(index = %name, policy, %error, "what its policy says could not be done");
                    failures.insert(uuid, error.to_string());
                }
            }
        }
        *self.retention().failures.lock().unwrap_or_else(PoisonError::into_inner) = failures;
    }

    fn count(&self, counter: &std::sync::atomic::AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the next index of an alias or data stream, which is written to from now on. The one from before stays, to be searched.
    fn roll_over(&self, target: &Target, index: &Arc<Index>) -> Result<String, ApiError> {
        let next = if target.is_stream {
            let generation = names::stream_of(&index.name).map_or(1, |(_, generation)| generation);
            names::backing(&target.name, generation + 1)
        } else {
            names::next(&index.name).ok_or_else(|| {
                ApiError::illegal(format!("index name [{}] does not match pattern '^.*-\\d+$'", index.name))
            })?
        };
        // One that is there already was made before a crash, and nothing was written to it since.
        let stream = target.is_stream.then_some(target.name.as_str());
        self.create_as(&next, stream, None, true)?;
        self.write_through(&target.name, &index.name, &next)?;
        Ok(next)
    }
}
