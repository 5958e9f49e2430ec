//! What the handlers share: settings, backend, boards, and the pictures that were made already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use alces_people::People;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::access::Access;
use crate::alert;
use crate::backend::{Backend, Search};
use crate::board::{Board, Panel, Shelf, Source};
use crate::chart::Drawing;
use crate::config::Config;
use crate::error::{BackendError, DashboardError};
use crate::fields::Fields;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::query::Query;
use crate::range::{Compare, Range};
use crate::sight::Sight;
use crate::view::cache::Cache;
use crate::view::context::Context;
use crate::view::picture::{Part, Picture};
use crate::view::plan::within;
use crate::view::{self, View};

/// How long a field map is believed, milliseconds.
const FIELDS_LIVE: i64 = 30_000;
/// How many pictures and field maps are kept: enough for the presets, too few to fill the memory.
const KEPT: usize = 24;
/// How many exports may be under way.
const EXPORTS: usize = 4;

/// The time, as the caller tells it.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) backend: Backend,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    /// Signs the links to pictures.
    pub(crate) secret: Vec<u8>,
    /// Who may come in.
    pub(crate) access: Access,
    /// The way in by a provider.
    pub(crate) oidc: Option<Oidc>,
    /// Rules that are watched.
    pub(crate) alerts: Option<Arc<alert::Board>>,
    /// Exports that may be under way: each keeps the backend busy for as long as its client takes.
    pub(crate) exports: Arc<Semaphore>,
    /// Turns true when the dashboard is to end: what would go on for as long as somebody looks ends then.
    pub(crate) closing: watch::Sender<bool>,
    shelf: RwLock<Arc<Shelf>>,
    fields: Mutex<Kept<(Arc<Fields>, Arc<Fields>)>>,
    buckets: Cache,
    pictures: Mutex<Kept<Arc<Seen>>>,
    flights: Mutex<HashMap<String, WeakShared<Flight>>>,
}

type Flight = BoxFuture<'static, Result<Arc<Seen>, BackendError>>;

/// What is asked for: a board, when, and of which lines.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) board: Arc<Board>,
    pub(crate) range: Range,
    pub(crate) compare: Option<Compare>,
    /// What the visitor narrows the board down to.
    pub(crate) search: Query,
    /// What the visitor may see.
    pub(crate) sight: Arc<Sight>,
}

/// A picture with what it was made of.
pub(crate) struct Seen {
    pub(crate) wish: Wish,
    pub(crate) view: View,
    pub(crate) took: Duration,
    fields: (Arc<Fields>, Arc<Fields>),
    /// The board as it is written into pages, by language: drawn once, for everybody who looks at this moment.
    bodies: Mutex<HashMap<String, Arc<str>>>,
}

impl Seen {
    /// What the picture was made with.
    pub(crate) fn context(&self) -> Context<'_> {
        Context::new(&self.wish, (&self.fields.0, &self.fields.1))
    }
}

impl Seen {
    /// The board as it is written into pages in the language of the request.
    pub(crate) fn body(&self, draw: impl FnOnce() -> String) -> Arc<str> {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bodies.entry(crate::language::tag()).or_insert_with(|| draw().into()))
    }

    /// A panel with its content, by its id.
    pub(crate) fn panel(&self, id: &str) -> Option<(&Panel, &Part<Picture>)> {
        // Of the board that the picture was made of: there may be another of its name by now.
        let mut panels = self.wish.board.panels.iter().zip(&self.view.panels);
        panels.find(|(panel, _)| panel.id == id).map(|(panel, (content, _))| (panel, content))
    }

    /// All drawings of the board, in its order.
    pub(crate) fn drawings(&self) -> Vec<Drawing> {
        let drawing = |(p, _): &(Part<Picture>, String)| match p {
            Ok(Picture::Drawing(drawing)) => Some(drawing.clone()),
            _ => None,
        };
        self.view.panels.iter().filter_map(drawing).collect()
    }
}

/// A picture, or the last good one and why there is no newer.
pub(crate) struct Shown {
    pub(crate) seen: Arc<Seen>,
    pub(crate) stale: Option<BackendError>,
}

impl Wish {
    /// What tells two pictures apart, apart from the moment.
    fn key(&self) -> String {
        let compare = self.compare.map_or("", Compare::address);
        format!("{}\n{}\n{}\n{compare}\n{}", self.sight.key, self.board.id, self.range.key(), self.search)
    }
}

impl App {
    pub(crate) fn new(
        config: Config,
        backend: Backend,
        clock: Clock,
        secret: Vec<u8>,
    ) -> Result<Self, DashboardError> {
        Ok(Self {
            access: Access::new(&config, &secret),
            oidc: Oidc::new(&config, &secret)?,
            alerts: config.alerts.clone().map(alert::Board::open).transpose()?.map(Arc::new),
            shelf: RwLock::new(Arc::new(Shelf::built_in())),
            config,
            backend,
            clock,
            secret,
            metrics: Metrics::default(),
            exports: Arc::new(Semaphore::new(EXPORTS)),
            closing: watch::Sender::new(false),
            fields: Mutex::new(Kept::default()),
            buckets: Cache::default(),
            pictures: Mutex::new(Kept::default()),
            flights: Mutex::new(HashMap::new()),
        })
    }

    /// What is believed of buckets that were asked for.
    pub(crate) const fn buckets(&self) -> &Cache {
        &self.buckets
    }

    /// The file that searches are kept in.
    pub(crate) fn kept(&self) -> Option<Arc<People>> {
        self.config.people.clone().or_else(|| self.config.searches.clone())
    }

    /// The boards.
    pub(crate) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other boards up.
    pub(crate) fn put_up(&self, shelf: Shelf) {
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shelf);
        // Pictures of the boards before may be of another shape.
        *lock(&self.pictures) = Kept::default();
        lock(&self.flights).clear();
    }

    /// A board; when the backend fails, the last good picture of the same words in the address.
    pub(crate) async fn look(self: &Arc<Self>, mut wish: Wish) -> Result<Shown, BackendError> {
        wish.range = wish.range.rounded();
        let key = wish.key();
        if let Some((at, seen)) = lock(&self.pictures).get(&key)
            && *at == wish.range.now
        {
            return Ok(Shown { seen: Arc::clone(seen), stale: None });
        }
        match self.flight(&key, wish).await {
            Ok(seen) => Ok(Shown { seen, stale: None }),
            Err(error) => match lock(&self.pictures).get(&key) {
                Some((_, seen)) => Ok(Shown { seen: Arc::clone(seen), stale: Some(error) }),
                None => Err(error),
            },
        }
    }

    /// Everybody who asks the same at the same time waits for one answer. When the last of them has left, the question is dropped, and
    /// with its connection the backend is told.
    fn flight(self: &Arc<Self>, key: &str, wish: Wish) -> Shared<Flight> {
        let name = format!("{key}\n{}", wish.range.now);
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&name).and_then(WeakShared::upgrade) {
            return flight;
        }
        flights.retain(|_, f| f.upgrade().is_some());
        let (app, key) = (Arc::clone(self), key.to_owned());
        let flight: Flight = Box::pin(async move {
            let at = wish.range.now;
            let made = app.make(wish).await.map(Arc::new);
            match &made {
                Ok(seen) => lock(&app.pictures).put(key, at, Arc::clone(seen)),
                Err(error) => {
                    app.metrics.backend_failed();
                    tracing::warn!(%error, "no answer for a board");
                }
            }
            made
        });
        let flight = flight.shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(name, weak);
        }
        flight
    }

    /// Makes a picture anew, whatever was made before; for boards that are being edited, and for links.
    pub(crate) async fn make(&self, wish: Wish) -> Result<Seen, BackendError> {
        let begun = Instant::now();
        // A page asks up to four times; the limit is for all of them together.
        let making = async {
            let fields = self.fields(&wish.range, &wish.sight).await?;
            let context = Context::new(&wish, (&fields.0, &fields.1));
            let view = view::make(&self.backend, &self.buckets, &self.config, &context).await?;
            Ok((fields, view))
        };
        let made = tokio::time::timeout(self.backend.limit(), making).await;
        let (fields, view) = made.unwrap_or_else(|_| Err(self.backend.timeout()))?;
        let took = begun.elapsed();
        self.metrics.board_made(took);
        Ok(Seen { wish, view, took, fields, bodies: Mutex::default() })
    }

    /// The field maps of logs and metrics, of what the visitor may see of them.
    pub(crate) async fn fields(
        &self,
        range: &Range,
        sight: &Sight,
    ) -> Result<(Arc<Fields>, Arc<Fields>), BackendError> {
        let key = format!("{}\n{}", sight.key, range.key());
        let (at_logs, at_metrics) = (sight.index(Source::Logs), sight.index(Source::Metrics));
        if let Some((at, fields)) = lock(&self.fields).get(&key)
            && (0..FIELDS_LIVE).contains(&(range.now - at))
        {
            return Ok(fields.clone());
        }
        let (logs, metrics) = tokio::try_join!(
            self.backend.field_caps(at_logs, &["*"]),
            self.backend.field_caps(at_metrics, &["*"])
        )?;
        let (mut logs, mut metrics) = (Fields::from_caps(&logs), Fields::from_caps(&metrics));
        // OpenSearch takes no empty list of filters, so that only those are asked about that are in doubt.
        let mut doubtful: Vec<(&str, &mut Fields)> = vec![(at_logs, &mut logs), (at_metrics, &mut metrics)];
        doubtful.retain(|(_, fields)| fields.is_ambiguous());
        if !doubtful.is_empty() {
            let asked: Vec<Search> =
                doubtful.iter().map(|(index, fields)| probe(index, range, fields)).collect();
            let answers = self.backend.msearch(&asked).await?;
            for ((_, fields), answer) in doubtful.into_iter().zip(&answers) {
                // Without counts the order of preference stands.
                if let Ok(answer) = answer {
                    fields.settle(answer.get("aggregations").unwrap_or(&serde_json::Value::Null));
                }
            }
        }
        if let Some(mask) = &sight.mask {
            logs.hide(mask);
            metrics.hide(mask);
        }
        let fields = (Arc::new(logs), Arc::new(metrics));
        lock(&self.fields).put(key, range.now, fields.clone());
        Ok(fields)
    }
}

/// The question which of several possible fields the lines of the range carry.
fn probe(index: &str, range: &Range, fields: &Fields) -> Search {
    let body = serde_json::json!({
        "size": 0, "track_total_hits": false,
        "query": within((range.from, range.to), &serde_json::json!({"match_all": {}})), "aggs": fields.probe(),
    });
    Search { index: index.to_owned(), body }
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
        assert!(kept.get("0").is_none() && kept.get("24").is_some());
    }
}
