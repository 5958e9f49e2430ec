//! What the handlers share: settings, backend, the last good pictures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::backend::Backend;
use crate::config::Config;
use crate::error::BackendError;
use crate::fields::{Fields, names};
use crate::metrics::Metrics;
use crate::overview::query::{probe, searches};
use crate::overview::{Overview, answer};
use crate::range::Range;

/// How long a field map is believed, milliseconds.
const FIELDS_LIVE: i64 = 30_000;
/// How many pictures and field maps are kept: enough for the presets, too few to fill the memory.
const KEPT: usize = 32;

/// The time, as the caller tells it.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) backend: Backend,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    fields: Mutex<Kept<(Fields, Fields)>>,
    pictures: Mutex<Kept<Picture>>,
}

/// A picture with the range it shows.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) overview: Arc<Overview>,
    pub(crate) range: Range,
}

/// What the backend gave, or the last good picture and why there is no newer one.
pub(crate) struct Seen {
    pub(crate) picture: Picture,
    pub(crate) stale: Option<BackendError>,
}

impl App {
    pub(crate) fn new(config: Config, backend: Backend, clock: Clock) -> Self {
        Self {
            config,
            backend,
            clock,
            metrics: Metrics::default(),
            fields: Mutex::new(Kept::default()),
            pictures: Mutex::new(Kept::default()),
        }
    }

    /// The overview of a range; when the backend fails, the last good one for the same words in the address.
    pub(crate) async fn overview(&self, range: Range) -> Result<Seen, BackendError> {
        // A page asks up to three times; the limit is for all of them together.
        let answer = tokio::time::timeout(self.backend.limit(), self.fresh(&range)).await;
        match answer.unwrap_or_else(|_| Err(self.backend.timeout())) {
            Ok(overview) => {
                let picture = Picture { overview: Arc::new(overview), range };
                lock(&self.pictures).put(picture.range.key(), picture.range.now, picture.clone());
                Ok(Seen { picture, stale: None })
            }
            Err(error) => {
                self.metrics.backend_failed();
                tracing::warn!(%error, "no answer for the overview");
                match lock(&self.pictures).get(&range.key()) {
                    Some((at, picture)) => {
                        let age = range.now - at;
                        let overview = Overview {
                            verdict: picture.overview.verdict.grown_old(age),
                            ..(*picture.overview).clone()
                        };
                        let picture = Picture { overview: Arc::new(overview), range: picture.range.clone() };
                        Ok(Seen { picture, stale: Some(error) })
                    }
                    None => Err(error),
                }
            }
        }
    }

    async fn fresh(&self, range: &Range) -> Result<Overview, BackendError> {
        let begun = Instant::now();
        let (logs, metrics) = self.fields(range).await?;
        let asked = searches(&self.config, range, &logs, &metrics);
        let answers = self.backend.msearch(&asked).await?;
        let mut overview = answer::read(&answers, range, &logs, self.config.degraded_error_rate);
        let took = begun.elapsed();
        overview.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.metrics.overview_drawn(took);
        Ok(overview)
    }

    async fn fields(&self, range: &Range) -> Result<(Fields, Fields), BackendError> {
        let key = range.key();
        if let Some((at, fields)) = lock(&self.fields).get(&key)
            && (0..FIELDS_LIVE).contains(&(range.now - at))
        {
            return Ok(fields.clone());
        }
        let names = names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (logs, metrics) = tokio::try_join!(
            self.backend.field_caps(&self.config.logs, &names),
            self.backend.field_caps(&self.config.metrics, &names)
        )?;
        let (mut logs, mut metrics) = (Fields::from_caps(&logs), Fields::from_caps(&metrics));
        if logs.is_ambiguous() || metrics.is_ambiguous() {
            let asked =
                [probe(&self.config.logs, range, &logs), probe(&self.config.metrics, range, &metrics)];
            let answers = self.backend.msearch(&asked).await?;
            for (fields, answer) in [&mut logs, &mut metrics].into_iter().zip(&answers) {
                // Without counts the order of preference stands.
                if let Ok(answer) = answer {
                    fields.settle(answer.get("aggregations").unwrap_or(&serde_json::Value::Null));
                }
            }
        }
        lock(&self.fields).put(key, range.now, (logs.clone(), metrics.clone()));
        Ok((logs, metrics))
    }
}

/// A few values by name, each with its time; the oldest makes room.
struct Kept<T>(HashMap<String, (i64, T)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Kept<T> {
    fn get(&self, key: &str) -> Option<&(i64, T)> {
        self.0.get(key)
    }

    fn put(&mut self, key: String, at: i64, value: T) {
        if self.0.len() >= KEPT
            && !self.0.contains_key(&key)
            && let Some(oldest) = self.0.iter().min_by_key(|(_, (at, _))| *at).map(|(k, _)| k.clone())
        {
            self.0.remove(&oldest);
        }
        self.0.insert(key, (at, value));
    }
}

/// A panic elsewhere leaves nothing half-written in these maps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut kept = Kept::default();
        for i in 0..=KEPT {
            kept.put(i.to_string(), i as i64, ());
        }
        assert_eq!(kept.0.len(), KEPT);
        assert!(kept.get("0").is_none() && kept.get("32").is_some());
    }
}
