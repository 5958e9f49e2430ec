//! Quantiles of whole numbers: 128 steps an octave, so within 0.4 %, and no logarithm.

#[derive(Clone, Default)]
pub struct Sketch {
    counts: Vec<u32>,
    low: usize,
    pub total: u64,
}

fn place(n: i64) -> usize {
    let n = n.max(0) as u64 + 128;
    let shift = 56 - n.leading_zeros() as usize;
    (shift << 7) + ((n >> shift) as usize & 127)
}

fn value(place: usize) -> i64 {
    let (shift, low) = (place >> 7, place & 127);
    (((128 + low as u64) << shift) + (1u64 << shift >> 1)) as i64 - 128
}

impl Sketch {
    #[inline]
    pub fn add(&mut self, n: i64) {
        let at = place(n);
        self.total += 1;
        if at.wrapping_sub(self.low) >= self.counts.len() {
            self.grow(at);
        }
        self.counts[at - self.low] += 1;
    }

    #[cold]
    fn grow(&mut self, at: usize) {
        if self.counts.is_empty() {
            self.low = at & !127;
        }
        if at < self.low {
            let more = self.low - (at & !127);
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.low -= more;
        }
        let need = (at - self.low | 127) + 1;
        if need > self.counts.len() {
            self.counts.resize(need, 0);
        }
    }

    pub fn percentile(&self, percent: f64) -> i64 {
        let rank = (percent / 100.0 * self.total.saturating_sub(1) as f64).round() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen > rank {
                return value(at + self.low);
            }
        }
        0
    }
}
