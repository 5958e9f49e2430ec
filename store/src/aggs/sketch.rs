//! Sketches that merge without losing their bound: quantiles and distinct counts.

use crate::quick::QuickSet;

/// So many values are kept as they are; quantiles over them are exact.
const EXACT: usize = 256;
/// Beyond that, values fall into buckets, 128 to an octave: an answer is at most 0.4 % off. A float's own bits say which, without a logarithm.
const STEPS: u32 = 7;
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - STEPS;

/// Quantiles: exact while small, then a histogram with logarithmic buckets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quantiles {
    exact: Vec<f64>,
    /// Counts of neighbouring buckets, the first of which is `low`.
    buckets: Vec<u64>,
    low: i32,
    count: u64,
    min: f64,
    max: f64,
}

impl Quantiles {
    pub(crate) fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if self.buckets.is_empty() {
            self.exact.push(value);
            if self.exact.len() > EXACT {
                for value in std::mem::take(&mut self.exact) {
                    self.tally(bucket(value));
                }
            }
            return;
        }
        self.tally(bucket(value));
    }

    fn tally(&mut self, bucket: i32) {
        if self.buckets.is_empty() {
            self.low = bucket;
        }
        if bucket < self.low {
            let more = (self.low - bucket) as usize;
            self.buckets.splice(0..0, std::iter::repeat_n(0, more));
            self.low = bucket;
        }
        let at = (bucket - self.low) as usize;
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        self.buckets[at] += 1;
    }

    /// The value below which `percent` of the values lie, with as t-digest has it.
    pub(crate) fn percentile(&self, percent: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        if !self.exact.is_empty() {
            let mut values = self.exact.clone();
            values.sort_by(f64::total_cmp);
            // As t-digest has it while each value is a centroid of its own.
            let at = (percent / 100.0 * values.len() as f64).floor() as usize;
            return values.get(at.min(values.len() - 1)).copied();
        }
        let rank = (percent / 100.0 * (self.count - 1) as f64).round() as u64;
        let mut seen = 0;
        for (bucket, count) in (self.low..).zip(&self.buckets) {
            seen += count;
            if seen > rank {
                return Some(middle(bucket).clamp(self.min, self.max));
            }
        }
        Some(self.max)
    }
}

impl Quantiles {
    /// Bytes beside its own.
    pub(crate) fn memory(&self) -> usize {
        (self.exact.capacity() + self.buckets.capacity()) * 8
    }

    /// The percentage of values that are at most `value`.
    pub(crate) fn rank(&self, value: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let below: u64 = if self.exact.is_empty() {
            let last = bucket(value);
            (self.low..).zip(&self.buckets).take_while(|(at, _)| *at <= last).map(|(_, count)| count).sum()
        } else {
            self.exact.iter().filter(|v| **v <= value).count() as u64
        };
        Some(below as f64 / self.count as f64 * 100.0)
    }
}

/// Values closer to zero than this are zero. Negative values have negative buckets.
const SMALLEST: f64 = 1e-9;

fn bucket(value: f64) -> i32 {
    if value.abs() < SMALLEST {
        return 0;
    }
    // Bits of positive floats rise with them; those beneath the shift are the place within a bucket.
    let place = (value.abs().to_bits() >> SHIFT) - (SMALLEST.to_bits() >> SHIFT);
    let place = i32::try_from(place).unwrap_or(i32::MAX - 1) + 1;
    if value < 0.0 { -place } else { place }
}

fn middle(bucket: i32) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let low = (u64::from(bucket.unsigned_abs()) - 1 + (SMALLEST.to_bits() >> SHIFT)) << SHIFT;
    let size = f64::midpoint(f64::from_bits(low), f64::from_bits(low + (1 << SHIFT)));
    if bucket < 0 { -size } else { size }
}

/// So many distinct hashes are kept exactly, as OpenSearch's default `precision_threshold`.
const THRESHOLD: usize = 3000;
const REGISTERS: usize = 1 << 14;

/// Distinct values by their hashes: exact while few, then HyperLogLog with an error of about 0.8 %.
#[derive(Debug, Clone)]
pub(crate) enum Distinct {
    Few(QuickSet<u64>),
    Many(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(QuickSet::default())
    }
}

impl Distinct {
    /// Bytes beside its own.
    pub(crate) fn memory(&self) -> usize {
        match self {
            // A place of the table and its byte of control, and a part of them empty.
            Self::Few(set) => set.capacity() * 11,
            Self::Many(registers) => registers.capacity(),
        }
    }

    pub(crate) fn add(&mut self, hash: u64) {
        match self {
            Self::Few(set) => {
                set.insert(hash);
                if set.len() > THRESHOLD {
                    let mut registers = vec![0; REGISTERS];
                    set.iter().for_each(|hash| register(&mut registers, *hash));
                    *self = Self::Many(registers);
                }
            }
            Self::Many(registers) => register(registers, hash),
        }
    }

    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Few(set) => set.len() as u64,
            Self::Many(registers) => {
                let m = REGISTERS as f64;
                let sum: f64 = registers.iter().map(|r| 2f64.powi(-i32::from(*r))).sum();
                let estimate = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
                let zeros = registers.iter().filter(|r| **r == 0).count();
                let small = estimate <= 2.5 * m && zeros > 0;
                (if small { m * (m / zeros as f64).ln() } else { estimate }).round() as u64
            }
        }
    }
}

fn register(registers: &mut [u8], hash: u64) {
    let at = (hash >> 50) as usize;
    let rank = (hash << 14 | 1 << 13).leading_zeros() as u8 + 1;
    registers[at] = registers[at].max(rank);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_keep_their_bound() {
        let mut sketch = Quantiles::default();
        (1..=100_000).for_each(|n| sketch.add(f64::from(n) / 1000.0));
        for percent in [1.0, 50.0, 95.0, 99.0] {
            let value = sketch.percentile(percent).unwrap();
            assert!((value / percent - 1.0).abs() < 0.005, "{percent}: {value}");
        }
        let mut few = Quantiles::default();
        [1.0, 2.0, 3.0, 4.0].into_iter().for_each(|n| few.add(n));
        assert_eq!(few.percentile(50.0), Some(3.0));
        assert_eq!((few.percentile(0.0), few.percentile(100.0)), (Some(1.0), Some(4.0)));
        assert_eq!(Quantiles::default().percentile(50.0), None);
    }

    #[test]
    fn distinct_counts() {
        let mut sketch = Distinct::default();
        for n in 0..200_000u64 {
            sketch.add(xxhash_rust::xxh3::xxh3_64(&(n % 100_000).to_le_bytes()));
        }
        assert!((sketch.count() as f64 / 100_000.0 - 1.0).abs() < 0.03, "{}", sketch.count());
    }
}
