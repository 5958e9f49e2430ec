//! A tick: what was decided is done, one index after the other.

use super::decide::{Held, Judged, Step, Target, decide};
use super::held::held;
use super::{Book, names};
use crate::error::ApiError;
use crate::index::Index;
use crate::store::Store;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use tracing::{info, warn};

impl Store {
    /// All indexes, and what their policies say of those that have one; new ones are given theirs first, by the templates of those.
    ///
    /// This reads of each index how large it is: it is no work for a thread that answers requests.
    pub(crate) fn judged(&self) -> Result<(Vec<Held>, Vec<Judged>), ApiError> {
        let mut book = Book::clone(&self.retention().book());
        if book.policies.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let indexes: Vec<Arc<Index>> = self.names().iter().filter_map(|name| self.index(name)).collect();
        let held = held(&indexes, &self.aliases());
        // Nothing is written where nothing changes.
        if book.attach(&held) {
            book = self.retention().change(|book| {
                book.attach(&held);
                Ok(book.clone())
            })?;
        }
        let judged = decide(&book, &held, self.now());
        Ok((held, judged))
    }

    /// Deletes and rolls over what policies say. What fails is tried again at the next tick, and told by `_plugins/_ism/explain`.
    pub async fn tick(&self) {
        let judged = self.aside(|store| store.judged()).await;
        let (held, judged) = match judged {
            Ok(judged) => judged,
            Err(error) => {
                warn!(%error, "policies cannot be looked after");
                return;
            }
        };
        let mut failures = BTreeMap::new();
        for Judged { uuid, policy, message, step, .. } in judged {
            let Some(step) = step else { continue };
            let Some(name) = held.iter().find(|held| held.uuid == uuid).map(|held| &held.name) else {
                continue;
            };
            let Some(index) = self.index(name).filter(|index| index.uuid == uuid) else { continue };
            let done = match step {
                Step::Delete => self.delete(&index).await.map(|()| self.count(&self.counters().deleted)),
                Step::RollOver(target) => {
                    let next = self.aside(move |store| store.roll_over(&target, &index)).await;
                    next.map(|next| {
                        info!(index = %next, "made to be written to");
                        self.count(&self.counters().rolled_over);
                    })
                }
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

    /// Runs what reads and writes files where it holds up no requests.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.map_err(|error| ApiError::new(500, "exception", error.to_string()))?
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
        // One that is there already and empty was made before a crash; another one is somebody's own.
        if self.index(&next).and_then(|there| there.snapshot()).is_some_and(|snapshot| snapshot.count() > 0) {
            return Err(ApiError::new(
                400,
                "resource_already_exists_exception",
                format!("index [{next}] already exists, and has documents"),
            ));
        }
        let stream = target.is_stream.then_some(target.name.as_str());
        self.create_as(&next, stream, None, true)?;
        self.write_through(&target.name, &index.name, &next)?;
        Ok(next)
    }
}
