//! How measured values lie: the least, the greatest, the mean, the deviation and the percentiles.

use std::collections::BinaryHeap;

use alces_event::Timestamp;
use fastrand::Rng;

use super::meter::Meter;

/// Values that the percentiles are taken of. With more, each is kept by chance, recent ones rather than old ones ("Forward Decay", Cormode
/// and others, 2009), as Metriks and its likes do.
const SAMPLE: usize = 1028;
const DECAY: f64 = 0.015;

/// Measured values.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    pub(crate) meter: Meter,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
    /// The sum of the squares of the distances to the mean (Welford).
    squares: f64,
    began: i64,
    sample: BinaryHeap<Kept>,
    chance: Rng,
}

/// A value of the sample. The one that goes first is the greatest of the heap, so the order is upside down.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// The logarithm of its priority: priorities themselves grow past all numbers in some days.
    priority: f64,
    value: f64,
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.priority.total_cmp(&self.priority)
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Kept {}

impl Timer {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            meter: Meter::new(now),
            min: 0.0,
            max: 0.0,
            mean: 0.0,
            squares: 0.0,
            began: now.as_second(),
            sample: BinaryHeap::new(),
            // Any seed will do, and with the same one a run can be repeated.
            chance: Rng::with_seed(1028),
        }
    }

    /// Adds a value; negative ones are none.
    pub(crate) fn update(&mut self, value: f64, now: Timestamp) {
        if value.is_nan() || value < 0.0 {
            return;
        }
        self.meter.mark(now);
        let count = self.meter.count as f64;
        if self.meter.count == 1 {
            (self.min, self.max) = (value, value);
        } else {
            (self.min, self.max) = (self.min.min(value), self.max.max(value));
        }
        let distance = value - self.mean;
        self.mean += distance / count;
        self.squares += distance * (value - self.mean);
        let age = now.as_second().saturating_sub(self.began) as f64;
        // From 0 to 1, without 0.
        let chance = 1.0 - self.chance.f64();
        self.sample.push(Kept { priority: DECAY * age - chance.ln(), value });
        if self.sample.len() > SAMPLE {
            self.sample.pop();
        }
    }

    pub(crate) fn deviation(&self) -> f64 {
        if self.meter.count < 2 { 0.0 } else { (self.squares / (self.meter.count - 1) as f64).sqrt() }
    }

    /// The values of the sample in order, to take percentiles of.
    pub(crate) fn sorted(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.sample.iter().map(|kept| kept.value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }
}

/// The value below which a share of all lies, between two neighbours in proportion.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = percent / 100.0 * (sorted.len() + 1) as f64;
    let at = |index: usize| sorted.get(index).copied();
    if place < 1.0 {
        return at(0).unwrap_or_default();
    }
    let below = place.floor();
    match (at(below as usize - 1), at(below as usize)) {
        (Some(lower), Some(upper)) => lower + (place - below) * (upper - lower),
        _ => sorted.last().copied().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_values_tell() {
        let mut timer = Timer::new(at(0));
        assert_eq!((timer.min, timer.max, timer.mean, timer.deviation()), (0.0, 0.0, 0.0, 0.0));
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, -1.0, f64::NAN]
            .into_iter()
            .for_each(|value| timer.update(value, at(1)));
        assert_eq!((timer.meter.count, timer.min, timer.max, timer.mean), (8, 2.0, 9.0, 5.0));
        assert!((timer.deviation() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        let values = [10.0, 20.0, 30.0, 40.0];
        assert_eq!(percentile(&values, 0.0), 10.0);
        assert_eq!(percentile(&values, 50.0), 25.0);
        assert_eq!(percentile(&values, 90.0), 40.0);
        assert_eq!(percentile(&values, 100.0), 40.0);
        assert_eq!(percentile(&[], 50.0), 0.0);
    }

    #[test]
    fn of_many_values_a_sample_is_kept_and_recent_ones_rather() {
        let mut timer = Timer::new(at(0));
        for value in 0..20_000 {
            timer.update(f64::from(value), at(i64::from(value) / 100));
        }
        let sorted = timer.sorted();
        assert_eq!(sorted.len(), SAMPLE);
        let recent = sorted.iter().filter(|value| **value >= 15_000.0).count();
        assert!(recent * 2 > SAMPLE, "{recent} of the last quarter");
        assert!(percentile(&sorted, 50.0) > 12_000.0);
    }
}
