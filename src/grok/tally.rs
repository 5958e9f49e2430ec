//! The count at the end.

use std::{fmt, time::Duration};

use alces_grok::Outcome;

/// What came of all lines, and the time that the matching itself took.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    matched: u64,
    missed: u64,
    exhausted: u64,
    time: Duration,
    slowest: Option<(Duration, u64)>,
}

impl Tally {
    /// Counts one line.
    pub(crate) fn add(&mut self, outcome: Outcome, time: Duration) {
        match outcome {
            Outcome::Match => self.matched += 1,
            Outcome::NoMatch => self.missed += 1,
            Outcome::Exhausted => self.exhausted += 1,
        }
        self.time += time;
        if self.slowest.is_none_or(|(slowest, _)| time > slowest) {
            self.slowest = Some((time, self.lines()));
        }
    }

    /// Whether at least one line matched.
    pub(crate) fn any(&self) -> bool {
        self.matched > 0
    }

    fn lines(&self) -> u64 {
        self.matched + self.missed + self.exhausted
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { matched, missed, exhausted, .. } = self;
        let lines = self.lines();
        let s = if lines == 1 { "" } else { "s" };
        write!(f, "{lines} line{s}: {matched} matched, {missed} not matched, {exhausted} timed out")?;
        if let Some((time, line)) = self.slowest {
            let mean = self.time.as_nanos() / u128::from(lines);
            write!(f, "\nmatching: {mean} ns a line, the slowest (line {line}) {} ns", time.as_nanos())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(Outcome, u64)]) -> String {
        let mut tally = Tally::default();
        for (outcome, time) in lines {
            tally.add(*outcome, Duration::from_nanos(*time));
        }
        tally.to_string()
    }

    #[test]
    fn counts_mean_and_slowest() {
        insta::assert_snapshot!(check(&[]), @"0 lines: 0 matched, 0 not matched, 0 timed out");
        insta::assert_snapshot!(check(&[(Outcome::Match, 100), (Outcome::NoMatch, 400), (Outcome::Exhausted, 100)]), @"
        3 lines: 1 matched, 1 not matched, 1 timed out
        matching: 200 ns a line, the slowest (line 2) 400 ns
        ");
    }
}
