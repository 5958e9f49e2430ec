//! What a rule's figures mean over time, for one of its groups.

use serde::{Deserialize, Serialize};

/// Where a group of a rule is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// It is wrong, and not for long enough yet.
    Pending,
    /// It is wrong.
    Firing,
    /// It is good again, and not for long enough yet.
    Recovering,
}

/// What was read at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// Beyond the threshold.
    Bad(f64),
    /// Neither beyond the threshold nor well within it: what fires goes on, what does not, does not begin.
    Between(f64),
    /// Within.
    Good(f64),
    /// Nothing could be read, or what it means is not to be judged: everything stands still.
    Unknown,
}

impl Reading {
    /// The figure.
    #[must_use]
    pub const fn value(self) -> Option<f64> {
        match self {
            Self::Bad(value) | Self::Between(value) | Self::Good(value) => Some(value),
            Self::Unknown => None,
        }
    }
}

/// How long something must last, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// `for`: so long it must be bad before it fires.
    pub hold: i64,
    /// `keep_firing_for`: so long it must be good before it is over.
    pub keep: i64,
    /// Between two readings at most: after a longer gap (a restart, a store that was away) nobody knows what was between, and what was being
    /// counted begins anew.
    pub gap: i64,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It fires since now.
    Fired,
    /// It is over.
    Resolved,
}

/// The state of a group of a rule, which is kept over restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Where it is.
    pub phase: Phase,
    /// Since when, epoch milliseconds.
    pub since: i64,
    /// When it was read last.
    pub read: i64,
    /// When the episode began that goes on: its name, together with rule and group.
    pub fired: Option<i64>,
    /// The newest figure.
    pub value: Option<f64>,
    /// The worst figure of the episode: the one farthest from what was good.
    pub peak: Option<f64>,
}

impl State {
    /// Takes one more reading. `rising` says whether more is worse.
    pub fn step(&mut self, reading: Reading, timing: Timing, rising: bool, now: i64) -> Option<Change> {
        let value = reading.value()?;
        let gap = now - self.read > timing.gap;
        self.read = now;
        self.value = Some(value);
        let bad = matches!(reading, Reading::Bad(_));
        let good = matches!(reading, Reading::Good(_));
        let change = match self.phase {
            Phase::Ok if bad && timing.hold == 0 => Some(Change::Fired),
            Phase::Ok if bad => {
                self.enter(Phase::Pending, now);
                None
            }
            Phase::Pending if bad && gap => {
                self.enter(Phase::Pending, now);
                None
            }
            Phase::Pending if bad => (now - self.since >= timing.hold).then_some(Change::Fired),
            Phase::Pending => {
                self.enter(Phase::Ok, now);
                None
            }
            Phase::Firing if good && timing.keep == 0 => Some(Change::Resolved),
            Phase::Firing if good => {
                self.enter(Phase::Recovering, now);
                None
            }
            Phase::Recovering if !good => {
                self.enter(Phase::Firing, now);
                None
            }
            Phase::Recovering if gap => {
                self.enter(Phase::Recovering, now);
                None
            }
            Phase::Recovering => (now - self.since >= timing.keep).then_some(Change::Resolved),
            Phase::Ok | Phase::Firing => None,
        };
        match change {
            Some(Change::Fired) => {
                self.enter(Phase::Firing, now);
                (self.fired, self.peak) = (Some(now), None);
            }
            Some(Change::Resolved) => self.enter(Phase::Ok, now),
            None => {}
        }
        if self.fires() {
            let worse = |peak: f64| if rising { value > peak } else { value < peak };
            if self.peak.is_none_or(worse) {
                self.peak = Some(value);
            }
        }
        change
    }

    fn enter(&mut self, phase: Phase, now: i64) {
        (self.phase, self.since) = (phase, now);
    }

    /// Whether it is an alert: what receivers are told of.
    #[must_use]
    pub const fn fires(&self) -> bool {
        matches!(self.phase, Phase::Firing | Phase::Recovering)
    }

    /// Whether it is worth keeping: what is fine and was told to nobody need not be.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Ok
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMING: Timing = Timing { hold: 120, keep: 60, gap: 100 };

    /// Readings every 30, and what came of each.
    fn course(timing: Timing, readings: &str) -> String {
        let mut state = State::default();
        let step = |(i, c): (usize, char)| {
            let reading = match c {
                'b' => Reading::Bad(9.0),
                '-' => Reading::Between(5.0),
                'g' => Reading::Good(1.0),
                _ => Reading::Unknown,
            };
            match (state.step(reading, timing, true, 1000 + i as i64 * 30), state.phase) {
                (Some(Change::Fired), _) => 'F',
                (Some(Change::Resolved), _) => 'R',
                (None, Phase::Ok) => '.',
                (None, Phase::Pending) => 'p',
                (None, Phase::Firing) => 'f',
                (None, Phase::Recovering) => 'r',
            }
        };
        readings.chars().enumerate().map(step).collect()
    }

    #[test]
    fn it_fires_when_it_lasts_and_ends_when_it_is_over_for_long_enough() {
        assert_eq!(course(TIMING, "gbbbbbbgggg"), ".ppppFfrrR.");
        assert_eq!(course(Timing { hold: 0, keep: 0, gap: 100 }, "gbgb"), ".FRF");
    }

    #[test]
    fn what_flaps_is_one_alert() {
        assert_eq!(course(TIMING, "bbbbbgbgbgggg"), "ppppFrfrfrrR.");
        assert_eq!(course(TIMING, "bbgbbgbbg"), "pp.pp.pp.");
    }

    #[test]
    fn between_the_thresholds_nothing_begins_and_nothing_ends() {
        assert_eq!(course(TIMING, "--bb-bbbbb---gg"), "..pp.ppppFfffrr");
        assert_eq!(course(TIMING, "bbbbbgg-ggg"), "ppppFrrfrrR");
    }

    #[test]
    fn while_nothing_is_known_everything_stands_still() {
        assert_eq!(course(TIMING, "bb?bbb"), "ppppFf");
        // After a gap nobody knows whether it was bad all the time.
        assert_eq!(course(TIMING, "bb????bbbbb"), "ppppppppppF");
        assert_eq!(course(TIMING, "bbbbb??????b"), "ppppFfffffff");
        assert_eq!(course(TIMING, "bbbbbg????gggg"), "ppppFrrrrrrrR.");
    }

    proptest! {
        /// Beginnings and ends take turns, and none comes earlier than it may.
        #[test]
        fn an_end_follows_each_beginning(readings in "[bg?-]{0,80}", hold in 0i64..200, keep in 0i64..200) {
            let timing = Timing { hold, keep, gap: 100 };
            let told: String = course(timing, &readings).chars().filter(|c| matches!(c, 'F' | 'R')).collect();
            prop_assert!(!told.contains("FF") && !told.contains("RR") && !told.starts_with('R'));
            let course = course(timing, &readings);
            if let Some(at) = course.find('F') {
                // So many bad readings in a row stand before it, unknown ones aside.
                let enough = usize::try_from((hold + 29) / 30).unwrap_or(0) + 1;
                let bad = readings[..=at].chars().rev().filter(|c| *c != '?').take_while(|c| *c == 'b').count();
                prop_assert!(bad >= 1 && (bad >= enough || readings[..=at].contains('?')), "{readings} {course}");
            }
        }
    }
}
