//! Events as they pass, for somebody who looks: behind the filters, before the outputs. Who looks slows nothing down: what he cannot
//! take, or asked not to be shown, is counted and left out.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use alces_conf::{Diagnostic, Escapes, Source};
use alces_event::{Event, Timestamp};
use alces_filters::{Condition, Context, EcsMode, NoFiles};
use tokio::sync::mpsc;

/// Events that may wait for one who looks.
const WAITING: usize = 256;

/// So many may look at a pipeline at once: each makes work for every event.
const MOST: usize = 4;

/// Those who look at a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    /// How many there are, so that it costs nothing where there is none.
    open: AtomicUsize,
    taps: RwLock<Vec<Arc<Tap>>>,
}

/// What somebody wants to see, and what he saw.
#[derive(Debug)]
struct Tap {
    condition: Option<Condition>,
    rate: Mutex<Rate>,
    out: mpsc::Sender<Vec<u8>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    passed: AtomicU64,
    matched: AtomicU64,
    shown: AtomicU64,
}

/// How many events passed since the tap was opened, how many of them matched, and how many of those were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) passed: u64,
    pub(crate) matched: u64,
    pub(crate) shown: u64,
}

/// An open tap, which is closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    taps: Arc<crate::Stats>,
    tap: Arc<Tap>,
    events: mpsc::Receiver<Vec<u8>>,
}

impl Taps {
    /// Shows an event to those who look.
    #[inline]
    pub(crate) fn see(&self, event: &Event) {
        if self.open.load(Ordering::Relaxed) > 0 {
            self.show(event);
        }
    }

    #[cold]
    fn show(&self, event: &Event) {
        for tap in self.taps.read().unwrap_or_else(PoisonError::into_inner).iter() {
            tap.see(event);
        }
    }
}

impl Tap {
    fn see(&self, event: &Event) {
        self.counts.passed.fetch_add(1, Ordering::Relaxed);
        // One that cannot be decided does not hold.
        if !self.condition.as_ref().is_none_or(|condition| condition.holds(event).unwrap_or(false)) {
            return;
        }
        self.counts.matched.fetch_add(1, Ordering::Relaxed);
        let may = self.rate.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        if !may {
            return;
        }
        let Ok(place) = self.out.try_reserve() else { return };
        let mut json = Vec::with_capacity(1024);
        event.write_json(&mut json);
        place.send(json);
        self.counts.shown.fetch_add(1, Ordering::Relaxed);
    }
}

impl Open {
    /// Looks at the pipeline that counts in `stats`: at no more than `rate` events a second. None where too many look already.
    pub(crate) fn new(stats: &Arc<crate::Stats>, condition: Option<Condition>, rate: u32) -> Option<Self> {
        let (out, events) = mpsc::channel(WAITING);
        let rate = Mutex::new(Rate::new(rate, Instant::now()));
        let tap = Arc::new(Tap { condition, rate, out, counts: Counts::default() });
        let mut taps = stats.taps.taps.write().unwrap_or_else(PoisonError::into_inner);
        if taps.len() >= MOST {
            return None;
        }
        taps.push(tap.clone());
        stats.taps.open.store(taps.len(), Ordering::Relaxed);
        drop(taps);
        Some(Self { taps: stats.clone(), tap, events })
    }

    /// The next event, as JSON.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        self.events.recv().await
    }

    pub(crate) fn seen(&self) -> Seen {
        let Counts { passed, matched, shown } = &self.tap.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Seen { passed: get(passed), matched: get(matched), shown: get(shown) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut taps = self.taps.taps.taps.write().unwrap_or_else(PoisonError::into_inner);
        taps.retain(|tap| !Arc::ptr_eq(tap, &self.tap));
        self.taps.taps.open.store(taps.len(), Ordering::Relaxed);
    }
}

/// So many a second, evenly over the seconds but at the start.
#[derive(Debug)]
struct Rate {
    a_second: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    fn new(a_second: u32, now: Instant) -> Self {
        Self { a_second: a_second.into(), left: a_second.into(), at: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.a_second).min(self.a_second);
        self.at = now;
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

/// Compiles a condition as one stands behind `if`. It knows no `${VAR}`.
///
/// # Errors
/// Everything that is wrong with it, with its place.
pub fn condition(text: &str) -> Result<Condition, Vec<Diagnostic>> {
    let source = Source::new("--filter", text);
    let parsed = alces_conf::parse_condition(&source, Escapes::Off).map_err(|error| vec![error])?;
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    let context = Context { source: &source, env: &|_| None, ecs: EcsMode::V8, clock, files: &NoFiles };
    Condition::compile(&context, &parsed).map_err(|error| vec![error])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Stats;

    fn event(json: &str) -> Event {
        Event::from_json(json.as_bytes(), "2026-01-02T00:00:00Z".parse().unwrap()).unwrap().0
    }

    #[tokio::test]
    async fn what_matches_is_shown_and_all_is_counted() {
        let stats = Arc::new(Stats::default());
        stats.taps.see(&event(r#"{"n":0}"#));
        let mut open = Open::new(&stats, Some(condition("[n] > 1").unwrap()), 100).unwrap();
        for n in 0..4 {
            stats.taps.see(&event(&format!(r#"{{"n":{n}}}"#)));
        }
        stats.taps.see(&event(r#"{"m":7}"#));
        for n in [2, 3] {
            let shown = String::from_utf8(open.next().await.unwrap()).unwrap();
            assert!(shown.contains(&format!("\"n\":{n}")), "{shown}");
        }
        assert_eq!(open.seen(), Seen { passed: 5, matched: 2, shown: 2 });
        drop(open);
        assert_eq!(stats.taps.open.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_does_not_read_holds_nothing_up_and_few_may_look() {
        let stats = Arc::new(Stats::default());
        let taps: Vec<_> = (0..MOST).map(|_| Open::new(&stats, None, 100_000).unwrap()).collect();
        assert!(Open::new(&stats, None, 1).is_none());
        for _ in 0..WAITING + 10 {
            stats.taps.see(&event("{}"));
        }
        let all = (WAITING + 10) as u64;
        assert_eq!(taps[0].seen(), Seen { passed: all, matched: all, shown: WAITING as u64 });
    }

    #[test]
    fn a_rate_is_kept() {
        let start = Instant::now();
        let mut rate = Rate::new(10, start);
        // A hundred a second, for ten seconds: ten at once, and ten in each second.
        let shown = (0..1_000).filter(|at| rate.take(start + Duration::from_millis(at * 10))).count();
        assert!((108..=110).contains(&shown), "{shown}");
    }

    #[test]
    fn errors_of_a_condition_have_their_place() {
        let errors = |text: &str| {
            let errors = condition(text).unwrap_err();
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert!(errors("[n] = 1").contains("`==` compares"), "{}", errors("[n] = 1"));
        assert!(errors("[n] == 1 }").contains("the end of the condition"), "{}", errors("[n] == 1 }"));
        assert!(errors("").contains("a condition"), "{}", errors(""));
    }
}
