//! Alerts: rules are asked of the lines, what they mean is kept, and receivers are told.
//!
//! `rules` reads the files, `ask` turns rules into figures by the same plan and fields that boards use, `watch` is a round of all that, `post`
//! sends what the ledger holds. What a figure means over time, and that neither an alert nor its end is lost, is `crates/alerts`.

mod ask;
pub(crate) mod backtest;
mod certificate;
mod change;
pub(crate) mod draft;
mod evidence;
mod groups;
pub(crate) mod lease;
mod mail;
mod novel;
mod post;
mod rules;
mod tell;
mod test_message;
mod watch;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alces_alerts::{Ledger, Rule, State};
use ipnet::IpNet;
use jiff::Timestamp;
use tokio::sync::{Notify, watch as told};

use crate::app::App;
use crate::error::DashboardError;

use backtest::Course;
use draft::{Deed, DraftError, Drafts};
pub(crate) use rules::Rules;
pub use rules::check_alerts;
pub use test_message::send_test;
pub(crate) use test_message::test_message;
pub(crate) use watch::Watch;

/// Where alerts are kept and whom they may reach.
#[derive(Clone)]
pub struct Alerts {
    /// Folder of rules and receivers, `*.yaml`.
    pub folder: PathBuf,
    /// States, episodes, and messages that are to be sent.
    pub ledger: Arc<Ledger>,
    /// Private networks in which receivers may be.
    pub allowed: Vec<IpNet>,
    /// Changes whenever the folder is to be read again.
    pub changed: Option<told::Receiver<()>>,
    /// Where several dashboards agree which of them watches; none where this is the only one.
    pub lease: Option<LeaseIndex>,
}

/// Where dashboards agree which of them watches.
#[derive(Clone, Debug)]
pub struct LeaseIndex {
    /// An index of the engine, of one name for all of them.
    pub index: String,
    /// The ledger's own file: its copies stand beside it for a moment.
    pub file: PathBuf,
}

/// What becomes of a rule of the browser's file.
pub(crate) enum Written {
    Save { instead_of: String, text: String },
    Delete(String),
}

/// What pages and rounds share.
pub(crate) struct Board {
    pub(crate) settings: Alerts,
    rules: std::sync::RwLock<Arc<Rules>>,
    /// There is something to send.
    pub(crate) posted: Notify,
    /// Which of several dashboards watches.
    pub(crate) lease: Option<lease::Shared>,
    /// Where this dashboard is, which messages link to; empty before it runs.
    pub(crate) base: std::sync::OnceLock<String>,
    /// Backtests of a moment ago, by what was asked; one is made at a time.
    tested: tokio::sync::Mutex<HashMap<String, (i64, Arc<Course>)>>,
    /// Held while the file of the browser's rules is written.
    writing: tokio::sync::Mutex<()>,
}

/// A backtest is believed for so long, milliseconds; so many are kept.
const BELIEVED: i64 = 10 * 60_000;
const TESTED: usize = 50;

impl Board {
    /// Reads the folder.
    ///
    /// # Errors
    /// [`DashboardError::Alerts`] names files and places: at the start a wrong rule is an error, as a wrong pipeline is.
    pub(crate) fn open(settings: Alerts) -> Result<Self, DashboardError> {
        let rules =
            Rules::read(&settings.folder).map_err(|errors| DashboardError::Alerts(errors.join("\n")))?;
        let lease = settings.lease.clone().map(|lease| lease::Shared::new(lease.index, lease.file));
        Ok(Self {
            settings,
            rules: std::sync::RwLock::new(Arc::new(rules)),
            posted: Notify::new(),
            lease,
            base: std::sync::OnceLock::new(),
            tested: tokio::sync::Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// Whether it is this dashboard that watches.
    fn leads(&self) -> bool {
        self.lease.as_ref().is_none_or(lease::Shared::leads)
    }

    /// The backtest beside a rule, over the last two weeks.
    ///
    /// # Errors
    /// Why the rule cannot be asked.
    pub(crate) async fn test(&self, app: &App, rule: &Rule) -> Result<Arc<Course>, String> {
        let now = (app.clock)().as_millisecond().div_euclid(60_000) * 60_000;
        self.course(app, rule, (now - backtest::LENGTH, now), format!("{rule:?}")).await
    }

    /// What a rule did from a moment on, which a message shows.
    ///
    /// # Errors
    /// Why the rule cannot be asked.
    pub(crate) async fn picture(
        &self,
        app: &App,
        rule: &Rule,
        (from, to): (i64, i64),
    ) -> Result<Arc<Course>, String> {
        self.course(app, rule, (from, to), format!("{from} {rule:?}")).await
    }

    /// One at a time, so that pages of rules and pictures in chats do not keep the engine busy; one of a moment ago is shown again.
    async fn course(
        &self,
        app: &App,
        rule: &Rule,
        (from, to): (i64, i64),
        key: String,
    ) -> Result<Arc<Course>, String> {
        let mut tested = self.tested.lock().await;
        if let Some((_, course)) = tested.get(&key).filter(|(at, _)| (0..BELIEVED).contains(&(to - at))) {
            return Ok(Arc::clone(course));
        }
        let course = Arc::new(backtest::beside(app, rule, (from, to)).await?);
        if tested.len() >= TESTED {
            tested.clear();
        }
        tested.insert(key, (to, Arc::clone(&course)));
        Ok(course)
    }

    /// Changes the file of the browser's rules, and takes up what it says; the rule's id.
    ///
    /// # Errors
    /// [`DraftError`]; nothing has changed then.
    pub(crate) async fn write(&self, deed: Written, version: String) -> Result<String, DraftError> {
        let _one = self.writing.lock().await;
        let folder = self.settings.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            let deed = match &deed {
                Written::Save { instead_of, text } => Deed::Save { instead_of, text },
                Written::Delete(id) => Deed::Delete(id),
            };
            let id = Drafts::open(&folder)?.carry_out(&deed, &version)?;
            Ok((id, Rules::read(&folder).map_err(DraftError::Wrong)?))
        });
        let (id, rules) =
            written.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?;
        self.put(rules);
        Ok(id)
    }

    /// What tells the file of the browser's rules from a later one.
    ///
    /// # Errors
    /// [`DraftError::ReadOnly`] where it cannot be read.
    pub(crate) async fn version(&self) -> Result<String, DraftError> {
        let folder = self.settings.folder.clone();
        let version = tokio::task::spawn_blocking(move || Ok(Drafts::open(&folder)?.version()));
        version.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn put(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(rules);
    }

    /// Does something with the ledger, on a thread that may wait for the disk.
    pub(crate) async fn ledger<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Ledger) -> Result<T, alces_alerts::LedgerError> + Send + 'static,
    ) -> Result<T, alces_alerts::LedgerError> {
        let ledger = Arc::clone(&self.settings.ledger);
        match tokio::task::spawn_blocking(move || what(&ledger)).await {
            Ok(done) => done,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

/// How often it is looked which rules are due.
const TICK: Duration = Duration::from_secs(1);

/// Asks, keeps and tells for as long as the dashboard runs. A mistake of ours that ends it is told, and it begins anew: an alert that nobody
/// watches is worse than none.
pub(crate) async fn run(app: Arc<App>, base: String) {
    while app.alerts.is_some() {
        let mut running = tokio::task::JoinSet::new();
        running.spawn(watch_all(Arc::clone(&app), base.clone()));
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(%error, "watching alerts has failed: it begins anew");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            _ => return,
        }
    }
}

async fn watch_all(app: Arc<App>, base: String) {
    let Some(board) = app.alerts.clone() else { return };
    board.base.get_or_init(|| base.clone());
    if let Err(error) = board.ledger(Ledger::enable).await {
        tracing::warn!(%error, "receivers that were gone stay so");
    }
    // Ended with this task, however that ends. What is under way is sent once more after a restart, under its id.
    let mut beside = tokio::task::JoinSet::new();
    beside.spawn(post::run(Arc::clone(&app), Arc::clone(&board)));
    beside.spawn(reread(Arc::clone(&board)));
    beside.spawn(clean(Arc::clone(&app), Arc::clone(&board)));
    beside.spawn({
        let (app, board, base) = (Arc::clone(&app), Arc::clone(&board), base.clone());
        async move { lease::run(app, board, base).await }
    });
    let mut watch = Watch::new(Arc::clone(&app), Arc::clone(&board), base);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut closing = app.closing.subscribe();
    loop {
        tokio::select! {
            _ = ticks.tick() => if board.leads() {
                watch.round((app.clock)()).await;
            } else {
                watch.forget();
            },
            // What has nothing to do ends; what has failed is begun anew with all of this, for a message that nobody sends is an alert that nobody hears.
            Some(Err(failed)) = beside.join_next() => if failed.is_panic() {
                std::panic::resume_unwind(failed.into_panic());
            },
            () = async { drop(closing.wait_for(|closing| *closing).await) } => break,
        }
    }
}

/// How often what is over for long is removed.
const CLEANING: Duration = Duration::from_secs(3600);

async fn clean(app: Arc<App>, board: Arc<Board>) {
    loop {
        let now = (app.clock)().as_millisecond();
        if let Err(error) = board.ledger(move |ledger| ledger.clean(now)).await {
            tracing::warn!(%error, "alerts of long ago could not be removed");
        }
        tokio::time::sleep(CLEANING).await;
    }
}

/// Reads the folder again whenever it is told to; a folder with a mistake changes nothing.
async fn reread(board: Arc<Board>) {
    let Some(mut changed) = board.settings.changed.clone() else { return };
    while changed.changed().await.is_ok() {
        let folder = board.settings.folder.clone();
        match tokio::task::spawn_blocking(move || Rules::read(&folder)).await {
            Ok(Ok(rules)) => {
                tracing::info!(
                    rules = rules.rules.len(),
                    receivers = rules.receivers.len(),
                    "alert rules read again"
                );
                board.put(rules);
                board.posted.notify_one();
                if let Err(error) = board.ledger(Ledger::enable).await {
                    tracing::warn!(%error, "receivers that were gone stay so");
                }
            }
            Ok(Err(errors)) => {
                for error in errors {
                    tracing::warn!(%error, "alert rules: those before stay");
                }
            }
            Err(error) => tracing::error!(%error, "alert rules could not be read again: those before stay"),
        }
    }
}

/// Understands two ends of a range as the dashboard's addresses have them: `now-1d`, `2026-11-23T10:00:00Z`.
///
/// # Errors
/// [`DashboardError::Nothing`] says what is wrong.
pub fn time_range(from: &str, to: &str, now: Timestamp) -> Result<(Timestamp, Timestamp), DashboardError> {
    let range =
        crate::range::Range::parse(from, to, "", now).map_err(|e| DashboardError::Nothing(e.to_string()))?;
    let at = |ms| Timestamp::from_millisecond(ms).map_err(|e| DashboardError::Nothing(e.to_string()));
    Ok((at(range.from)?, at(range.to)?))
}

/// What would have become of a rule in the past: a point for each time that it was asked.
///
/// # Errors
/// [`DashboardError`]: settings, the rule, the backend.
pub async fn backtest(
    config: crate::Config,
    file: &str,
    rule: &str,
    (from, to): (Timestamp, Timestamp),
    mut progress: impl FnMut(f64),
) -> Result<Vec<(Timestamp, String, State, Option<alces_alerts::Change>)>, DashboardError> {
    let nothing = |why: String| DashboardError::Nothing(why);
    let rules = Rules::parse(file).map_err(|errors| nothing(errors.join("\n")))?;
    let names: Vec<String> = rules.rules.iter().map(|r| r.id.clone()).collect();
    let Some(rule) = rules.rules.into_iter().find(|r| r.id == rule) else {
        return Err(nothing(format!("there is no rule {rule}. There are: {}", names.join(", "))));
    };
    let app = crate::offline::app(config, Arc::new(Timestamp::now))?;
    let mut course = Vec::new();
    let each = |moment: backtest::Moment<'_>| {
        if moment.change.is_some() || moment.state.phase != moment.before {
            let at = Timestamp::from_millisecond(moment.at).unwrap_or(from);
            course.push((at, moment.group.to_owned(), moment.state.clone(), moment.change));
        }
    };
    let range = (from.as_millisecond(), to.as_millisecond());
    backtest::walk(&app, &rule, range, rule.every.0, None, each, &mut progress).await.map_err(nothing)?;
    Ok(course)
}
