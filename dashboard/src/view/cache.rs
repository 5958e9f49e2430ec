//! Buckets of time that were counted before: a refresh asks only for the newest.
//!
//! A bucket is believed for a quarter of its age when it was counted (at least 2 s, at most 10 minutes): lines arrive late, but seldom
//! much later than the last ones. Buckets are whole multiples of their width since 1970, so that a range that moves on meets the same ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::plan::Span;

/// At most this many buckets are kept, of all questions together.
const MOST: usize = 20_000;

/// What one question's buckets held.
#[derive(Default)]
struct Entry {
    used: i64,
    buckets: BTreeMap<i64, Kept>,
}

#[derive(Clone)]
struct Kept {
    counted: i64,
    /// None: there was no line.
    bucket: Option<Arc<Value>>,
}

/// The buckets of a question by their starts; those without a line are not there.
pub(crate) type Buckets = BTreeMap<i64, Arc<Value>>;

/// All buckets that are believed, by question.
#[derive(Default)]
pub(crate) struct Cache {
    entries: Mutex<HashMap<String, Entry>>,
}

impl Cache {
    /// Which part of `span` (whole buckets) must be asked: its end, from the first bucket that is not believed. None: all of it is known.
    pub(crate) fn missing(&self, question: &str, span: Span, step: i64, now: i64) -> Option<Span> {
        let entries = self.lock();
        let Some(entry) = entries.get(question) else { return Some(span) };
        let mut start = span.0;
        while start < span.1 {
            match entry.buckets.get(&start) {
                Some(kept) if believed(kept.counted, start + step, now) => start += step,
                _ => return Some((start, span.1)),
            }
        }
        None
    }

    /// Puts in what was counted for `asked`, and gives all of `span`.
    pub(crate) fn merge(
        &self,
        question: &str,
        span: Span,
        asked: Option<(Span, Buckets)>,
        step: i64,
        now: i64,
    ) -> Buckets {
        let mut entries = self.lock();
        let entry = entries.entry(question.to_owned()).or_default();
        entry.used = now;
        if let Some(((from, to), mut counted)) = asked {
            let mut start = from;
            while start < to {
                entry.buckets.insert(start, Kept { counted: now, bucket: counted.remove(&start) });
                start += step;
            }
        }
        let all = entry.buckets.range(span.0..span.1);
        let all = all.filter_map(|(at, k)| Some((*at, Arc::clone(k.bucket.as_ref()?)))).collect();
        // What a range that moves on has left behind is not asked again soon.
        let keep = span.0 - (span.1 - span.0);
        entry.buckets.retain(|at, _| *at >= keep);
        Self::make_room(&mut entries, question);
        all
    }

    fn make_room(entries: &mut HashMap<String, Entry>, but: &str) {
        let mut count: usize = entries.values().map(|e| e.buckets.len()).sum();
        while count > MOST {
            let others = entries.iter().filter(|(q, _)| *q != but);
            let Some(oldest) = others.min_by_key(|(_, e)| e.used).map(|(q, _)| q.clone()) else { return };
            count -= entries.remove(&oldest).map_or(0, |e| e.buckets.len());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // A panic elsewhere leaves nothing half-written here.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a bucket that ended at `end` and was counted at `counted` can still be believed.
fn believed(counted: i64, end: i64, now: i64) -> bool {
    // One that had not ended was counted in part.
    end <= counted && (0..=((counted - end) / 4).clamp(2_000, 600_000)).contains(&(now - counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: i64 = 60_000;

    fn bucket(at: i64) -> (i64, Arc<Value>) {
        (at, Arc::new(Value::from(at)))
    }

    #[test]
    fn a_refresh_asks_only_for_the_newest() {
        let cache = Cache::default();
        let now = 100 * STEP + 5_000;
        let span = (40 * STEP, 101 * STEP);
        assert_eq!(cache.missing("q", span, STEP, now), Some(span));
        let counted = (40..101).map(|i| bucket(i * STEP)).collect();
        assert_eq!(cache.merge("q", span, Some((span, counted)), STEP, now).len(), 61);
        // The one that is filling was counted in part; the one before it had ended 5 s ago, and is believed for 2 s.
        assert_eq!(cache.missing("q", span, STEP, now + 1_000), Some((100 * STEP, 101 * STEP)));
        assert_eq!(cache.missing("q", span, STEP, now + 5_000), Some((99 * STEP, 101 * STEP)));
        // The range has moved on by a bucket.
        let later = (41 * STEP, 102 * STEP);
        assert_eq!(cache.missing("q", later, STEP, now + 10_000), Some((99 * STEP, 102 * STEP)));
        assert_eq!(cache.missing("other", span, STEP, now), Some(span));
        // After ten minutes nothing is believed any more.
        assert_eq!(cache.missing("q", span, STEP, now + 600_001), Some(span));
    }

    #[test]
    fn an_empty_bucket_is_known_to_be_empty() {
        let cache = Cache::default();
        let span = (0, 10 * STEP);
        assert!(cache.merge("q", span, Some((span, Buckets::new())), STEP, 100 * STEP).is_empty());
        assert_eq!(cache.missing("q", span, STEP, 100 * STEP), None);
    }

    #[test]
    fn the_question_that_was_longest_unused_makes_room() {
        let cache = Cache::default();
        let span = (0, STEP * 9_000);
        for (i, q) in ["a", "b", "c"].into_iter().enumerate() {
            cache.merge(q, span, Some((span, Buckets::new())), STEP, i as i64 + STEP * 20_000);
        }
        let entries = cache.lock();
        assert!(!entries.contains_key("a") && entries.contains_key("c"));
    }
}
