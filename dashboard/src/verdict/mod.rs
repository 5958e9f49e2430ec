//! One word on top of the page, and why.

use serde::Serialize;

pub(crate) mod totals;

use totals::{Lines, Totals};

use crate::chart::units::number;
use crate::language::{Said, Value};
use crate::range::Range;
use crate::view::picture::Part;

/// Lines may come this late (milliseconds) before the page says so.
const LATE: i64 = 5 * 60 * 1000;
/// Fewer errors than this are no trend.
const FEW: u64 = 3;

/// The page's conclusion.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    /// Why, in sentences.
    pub(crate) reasons: Vec<Said>,
}

#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Ok,
    Degraded,
    NoData,
    Unknown,
}

impl State {
    /// The word on the page.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Degraded => "Degraded",
            Self::NoData => "No data",
            Self::Unknown => "Unknown",
        }
    }
}

impl Verdict {
    /// What remains of a conclusion `age` milliseconds later, when nobody can be asked: a green light that nobody
    /// tends is worse than none.
    pub(crate) fn grown_old(&self, age: i64) -> Self {
        let reason = Said::new("The store does not answer. {age} ago the verdict was: {state}.")
            .with("age", Value::Age(age))
            .with("state", Value::Word(self.state.word()));
        Self { state: State::Unknown, reasons: vec![reason] }
    }
}

/// Concludes.
pub(crate) fn of(
    totals: &Part<Totals>,
    previous: &Part<Totals>,
    lines: &Part<Lines>,
    range: &Range,
    degraded: f64,
) -> Verdict {
    let (Some(totals), Some(lines)) = (totals.as_ref().ok(), lines.as_ref().ok()) else {
        return Verdict {
            state: State::Unknown,
            reasons: vec![Said::new("The backend could not answer the main question.")],
        };
    };
    if totals.requests == 0 {
        return Verdict { state: State::NoData, reasons: vec![silence(lines, range)] };
    }
    let mut reasons = Vec::new();
    if let Some(rate) = totals.error_rate_5xx.filter(|r| *r >= degraded && totals.by_class.c5 >= FEW) {
        let reason = Said::new("{share} % of requests fail (5xx); {limit} % is the limit.")
            .with("share", number(rate * 100.0))
            .with("limit", number(degraded * 100.0));
        reasons.push(reason);
    }
    if let (Some(now), Some(before)) =
        (totals.latency, previous.as_ref().ok().and_then(|p| p.latency.map(|l| (l, p.requests))))
        && now.p95 > 2.0 * before.0.p95
        && totals.requests >= 100
        && before.1 >= 100
    {
        let reason = Said::new("p95 latency is {n} times what it was in the period before.");
        reasons.push(reason.with("n", number(now.p95 / before.0.p95)));
    }
    if let Some(age) = lines.newest.map(|n| range.now - n).filter(|age| range.is_live() && *age > LATE) {
        let reason = Said::new("The newest line is {age} old: data is late, or traffic has stopped.");
        reasons.push(reason.with("age", Value::Age(age)));
    }
    let state = if reasons.is_empty() { State::Ok } else { State::Degraded };
    Verdict { state, reasons }
}

/// What to say where there is nothing: nothing here, or nothing at all.
fn silence(lines: &Lines, range: &Range) -> Said {
    if lines.total > 0 {
        return Said::new("There are log lines in this range, but none with an HTTP status.");
    }
    match lines.newest_of_all {
        None => Said::new("No log line has arrived yet. Start an agent: alces agent."),
        Some(at) if at < range.from => {
            let said = Said::new("No lines in this range. The newest is {age} old.");
            said.with("age", Value::Age(range.now - at))
        }
        Some(_) => Said::new("No lines in this range, though there are later ones."),
    }
}

#[cfg(test)]
mod tests {
    use super::totals::{Classes, Latency};
    use super::*;

    fn range() -> Range {
        Range::parse("now-1h", "now", "", "2026-11-23T10:00:00Z".parse().expect("a time")).expect("a range")
    }

    fn totals(requests: u64, c5: u64, p95: f64) -> Part<Totals> {
        Ok(Totals {
            requests,
            by_class: Classes { c5, ..Classes::default() },
            error_rate_5xx: (requests > 0).then(|| c5 as f64 / requests as f64),
            latency: Some(Latency { p50: 1.0, p95, p99: p95 }),
            ..Totals::default()
        })
    }

    fn lines(age: i64) -> Part<Lines> {
        let newest = Some(range().now - age);
        Ok(Lines { total: 1, newest, newest_of_all: newest, ..Lines::default() })
    }

    fn state(now: &Part<Totals>, before: &Part<Totals>, age: i64) -> State {
        of(now, before, &lines(age), &range(), 0.01).state
    }

    #[test]
    fn the_four_states() {
        let calm = totals(1000, 1, 50.0);
        assert_eq!(state(&calm, &calm, 0), State::Ok);
        assert_eq!(state(&totals(1000, 20, 50.0), &calm, 0), State::Degraded);
        assert_eq!(state(&totals(1000, 0, 150.0), &calm, 0), State::Degraded);
        assert_eq!(state(&calm, &calm, LATE + 1), State::Degraded);
        assert_eq!(state(&totals(0, 0, 0.0), &calm, 0), State::NoData);
        assert_eq!(state(&Err("x".into()), &calm, 0), State::Unknown);
    }

    #[test]
    fn two_errors_of_a_quiet_night_are_no_alarm() {
        assert_eq!(state(&totals(20, 2, 50.0), &totals(20, 0, 50.0), 0), State::Ok);
    }

    #[test]
    fn an_old_range_is_not_late() {
        let old = Range::parse("now-2d", "now-1d", "", "2026-11-23T10:00:00Z".parse().expect("a time"))
            .expect("a range");
        let calm = totals(1000, 0, 1.0);
        assert_eq!(of(&calm, &calm, &lines(86_400_000), &old, 0.01).state, State::Ok);
    }
}
