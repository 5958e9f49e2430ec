//! How many events, and how many a second: the moving averages of Unix's load.

use alces_event::Timestamp;

/// Averages are brought forward in steps of so many seconds.
const TICK: i64 = 5;

/// The spans of the averages, in minutes.
pub(crate) const MINUTES: [i64; 3] = [1, 5, 15];

/// Counts events.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub(crate) count: u64,
    /// Those since the last step.
    fresh: u64,
    stepped: i64,
    /// Events a second; none before the first step.
    rates: Option<[f64; 3]>,
}

impl Meter {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { count: 0, fresh: 0, stepped: now.as_second(), rates: None }
    }

    pub(crate) fn mark(&mut self, now: Timestamp) {
        self.step(now);
        self.count += 1;
        self.fresh += 1;
    }

    /// Events a second over one, five and fifteen minutes.
    pub(crate) fn rates(&mut self, now: Timestamp) -> [f64; 3] {
        self.step(now);
        self.rates.unwrap_or_default()
    }

    fn step(&mut self, now: Timestamp) {
        let steps = (now.as_second() - self.stepped).div_euclid(TICK);
        if steps < 1 {
            return;
        }
        self.stepped += steps * TICK;
        let fresh = std::mem::take(&mut self.fresh) as f64 / TICK as f64;
        // The first step has all that was fresh, those after it nothing.
        let quiet = (steps - 1) as f64;
        let before = self.rates;
        let mut rates = [fresh; 3];
        for (at, (rate, minutes)) in rates.iter_mut().zip(MINUTES).enumerate() {
            let decay = (-(TICK as f64) / 60.0 / minutes as f64).exp();
            if let Some(before) = before.and_then(|before| before.get(at).copied()) {
                *rate = before + (1.0 - decay) * (fresh - before);
            }
            *rate *= decay.powf(quiet);
        }
        self.rates = Some(rates);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_burst_fades() {
        let mut meter = Meter::new(at(0));
        (0..60).for_each(|_| meter.mark(at(1)));
        assert_eq!(meter.rates(at(4)), [0.0; 3]);
        assert_eq!(meter.rates(at(5)), [12.0; 3]);
        // After a minute a share of 1/e is left of the first.
        let [one, five, fifteen] = meter.rates(at(65));
        assert!((one - 12.0 / 1_f64.exp()).abs() < 1e-9, "{one}");
        assert!(one < five && five < fifteen && fifteen < 12.0);
        assert_eq!(meter.count, 60);
    }

    proptest! {
        /// The dull twin takes one step after the other.
        #[test]
        fn many_steps_at_once_are_as_one_by_one(marks in proptest::collection::vec(0_i64..40, 1..20)) {
            let (mut meter, mut twin) = (Meter::new(at(0)), Meter::new(at(0)));
            let mut now = 0;
            for pause in marks {
                for second in now..=now + pause {
                    twin.rates(at(second));
                }
                now += pause;
                meter.mark(at(now));
                twin.mark(at(now));
            }
            for (a, b) in meter.rates(at(now + 7)).into_iter().zip(twin.rates(at(now + 7))) {
                prop_assert!((a - b).abs() < 1e-9, "{a} {b}");
            }
        }
    }
}
