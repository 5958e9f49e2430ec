//! Counts by key and period, forgotten when they are old.

use std::collections::HashMap;

/// Bounds of the greatest age, and how far it moves at a time, in percent of what was asked for.
const LEAST: i64 = 5;
const STEP: i64 = 5;

/// With less than so many percent of the counters that may be, the age grows again.
const ROOM: usize = 80;

#[derive(Debug)]
pub(crate) struct Counters {
    keys: HashMap<Box<str>, Periods>,
    asked_age: i64,
    max_age: i64,
    max_counters: Option<usize>,
}

/// The periods of one key: they follow each other from the second of its first event on.
#[derive(Debug)]
struct Periods {
    first: i64,
    latest: i64,
    /// Where a period begins, and its events. Few: most keys have one.
    counts: Vec<(i64, u64)>,
}

impl Counters {
    pub(crate) fn new(max_age: i64, max_counters: Option<usize>) -> Self {
        Self { keys: HashMap::new(), asked_age: max_age, max_age, max_counters }
    }

    /// Counts an event; how many there are now in its period.
    pub(crate) fn count(&mut self, key: &str, second: i64, period: i64) -> u64 {
        if !self.keys.contains_key(key) {
            self.keys.insert(key.into(), Periods { first: second, latest: second, counts: Vec::new() });
        }
        let Some(periods) = self.keys.get_mut(key) else { return 1 };
        periods.latest = periods.latest.max(second);
        let begin = second - (second - periods.first).rem_euclid(period);
        let count = match periods.counts.iter_mut().find(|(at, _)| *at == begin) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                periods.counts.push((begin, 1));
                1
            }
        };
        let newest = periods.counts.iter().map(|(at, _)| *at).max().unwrap_or(begin);
        periods.counts.retain(|(at, _)| *at >= newest - self.max_age);
        count
    }

    /// Forgets keys that are old by the latest event of all. With too many counters left, the greatest age shrinks.
    pub(crate) fn tidy(&mut self) {
        let Some(latest) = self.keys.values().map(|periods| periods.latest).max() else { return };
        let oldest = latest - self.max_age;
        self.keys.retain(|_, periods| periods.latest >= oldest);
        let Some(most) = self.max_counters else { return };
        let total: usize = self.keys.values().map(|periods| periods.counts.len()).sum();
        let part = |percent: i64| self.asked_age * percent / 100;
        if total > most && self.max_age > part(LEAST) {
            self.max_age -= part(STEP);
        } else if total < most / 100 * ROOM + most % 100 * ROOM / 100 && self.max_age < self.asked_age {
            self.max_age += part(STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_keys_are_forgotten() {
        let mut counters = Counters::new(100, None);
        for (key, second) in [("a", 0), ("b", 50), ("c", 120)] {
            counters.count(key, second, 60);
        }
        counters.tidy();
        assert_eq!(counters.keys.len(), 2);
        assert_eq!(counters.count("a", 121, 60), 1);
        assert_eq!(counters.count("b", 51, 60), 2);
    }

    #[test]
    fn with_too_many_counters_the_age_shrinks_and_grows_again() {
        let mut counters = Counters::new(100, Some(5));
        for second in 0..7 {
            counters.count(&format!("key {second}"), second * 10, 60);
        }
        for _ in 0..100 {
            counters.tidy();
        }
        // It shrank until few enough were young enough, and stayed.
        assert_eq!((counters.keys.len(), counters.max_age), (5, 45));
        counters.keys.clear();
        counters.count("other", 0, 60);
        for _ in 0..100 {
            counters.tidy();
        }
        assert_eq!(counters.max_age, 100);
    }
}
