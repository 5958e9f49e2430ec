//! What a rule watches besides a figure and its threshold: each kind is settled into figures and a threshold once its file is read, so that what
//! they mean over time is the same for all.

use serde::{Deserialize, Serialize};

use crate::{Reading, Rule, Span};

/// What a rule watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A figure, which should be on one side of a threshold.
    #[default]
    Threshold,
    /// A value of a field that no line had for long.
    NewTerm,
    /// A pattern of lines (`pattern_id`) that no line had for long.
    NewPattern,
    /// A field whose value becomes another.
    Change,
    /// How fast the error budget of an objective is spent.
    BurnRate,
    /// How many days a TLS certificate is good for.
    Certificate,
    /// It fires always, or as long as lines come, so that its silence is noticed.
    Watchdog,
}

/// Two windows that must both burn faster than this: a long one says that it matters, a short one that it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burn {
    /// The long one and the short one.
    pub windows: [Span; 2],
    /// How many times the pace at which the budget is just used up at the end of its period.
    pub above: f64,
}

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

/// The pages of Google's SRE Workbook, chapter 5, table 5-8: a fiftieth of a month's budget within an hour, a twentieth within six.
const PAGES: [Burn; 2] = [
    Burn { windows: [Span(HOUR), Span(5 * MINUTE)], above: 14.4 },
    Burn { windows: [Span(6 * HOUR), Span(30 * MINUTE)], above: 6.0 },
];

/// Not said in the file.
pub(crate) const UNSAID: Span = Span(-1);

impl Kind {
    /// How often a rule of this kind is asked, where it does not say so.
    const fn pace(self) -> Span {
        match self {
            Self::Threshold | Self::Watchdog => Span(30_000),
            Self::BurnRate => Span(MINUTE),
            // They look far back.
            Self::NewTerm | Self::NewPattern | Self::Change => Span(5 * MINUTE),
            Self::Certificate => Span(HOUR),
        }
    }

    /// Whether the past of a rule of this kind can be asked.
    #[must_use]
    pub const fn has_past(self) -> bool {
        !matches!(self, Self::Certificate | Self::Watchdog)
    }

    /// Whether it is asked of lines, of which there may be lines to show.
    #[must_use]
    pub const fn reads_lines(self) -> bool {
        self.has_past()
    }
}

/// Fills in what a kind implies, and says what does not go with it.
pub(crate) fn settle(rule: &mut Rule, wrong: &mut dyn FnMut(String)) {
    if rule.every == UNSAID {
        rule.every = rule.kind.pace();
    }
    let kind = rule.kind;
    let mut only = |is_said: bool, name: &str, kinds: &[Kind]| {
        if is_said && !kinds.contains(&kind) {
            wrong(format!("{name} does not go with this kind of rule"));
        }
    };
    only(!rule.metric.is_empty(), "metric", &[Kind::Threshold]);
    only(
        !rule.windows.is_empty(),
        "windows",
        &[Kind::Threshold, Kind::NewTerm, Kind::NewPattern, Kind::Change, Kind::Watchdog],
    );
    only(rule.below.is_some(), "below", &[Kind::Threshold, Kind::Certificate]);
    only(rule.above.is_some(), "above", &[Kind::Threshold, Kind::NewTerm, Kind::NewPattern]);
    only(rule.against.is_some(), "against", &[Kind::Threshold]);
    only(!rule.field.is_empty(), "field", &[Kind::Change]);
    only(rule.history != UNSAID, "history", &[Kind::NewTerm, Kind::NewPattern, Kind::Change]);
    only(rule.objective.is_some(), "objective", &[Kind::BurnRate]);
    only(!rule.burn.is_empty(), "burn", &[Kind::BurnRate]);
    only(!rule.address.is_empty(), "address", &[Kind::Certificate]);
    if rule.history == UNSAID {
        rule.history = Span(14 * DAY);
    }
    if !(HOUR..=90 * DAY).contains(&rule.history.0) {
        wrong("history is between 1h and 90d".into());
    }
    match kind {
        Kind::Threshold => {
            if rule.metric.is_empty() {
                wrong("say which figure is watched: metric: count".into());
            }
        }
        Kind::NewTerm | Kind::NewPattern | Kind::Change => looks_back(rule, wrong),
        Kind::BurnRate => burns(rule, wrong),
        Kind::Certificate => {
            (rule.unit, rule.below) = ("count".into(), rule.below.or(Some(14.0)));
            let port = rule.address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            if port.is_none_or(|(_, port)| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
                wrong("address is whose certificate is looked at: address: www.example.com:443".into());
            }
            if !rule.by.is_empty() {
                wrong("by does not go with this kind of rule".into());
            }
        }
        Kind::Watchdog => {
            (rule.above, rule.metric) = (Some(0.0), "count".into());
            if rule.windows.is_empty() && !rule.filter.is_empty() {
                wrong("say within which time lines of `filter` must come: windows: [2m]".into());
            }
            if !rule.by.is_empty() {
                wrong("by does not go with this kind of rule".into());
            }
        }
    }
}

fn looks_back(rule: &mut Rule, wrong: &mut dyn FnMut(String)) {
    if rule.windows.is_empty() {
        rule.windows = vec![Span(15 * MINUTE)];
    }
    if rule.windows.len() > 1 || rule.windows.iter().any(|window| window.0 >= rule.history.0) {
        wrong("windows is one length, shorter than history: windows: [15m]".into());
    }
    rule.metric = "count".into();
    rule.above.get_or_insert(0.0);
    match rule.kind {
        Kind::NewPattern if !rule.by.is_empty() => {
            wrong("a new pattern is one of `pattern_id`: leave by out".into());
        }
        Kind::NewPattern => rule.by = vec!["pattern_id".to_owned()].into(),
        Kind::NewTerm if rule.by.fields().len() != 1 => {
            wrong("say of which field values are watched: by: service.version".into());
        }
        Kind::Change if rule.field.is_empty() => {
            wrong("say which field is watched: field: service.version".into());
        }
        _ => {}
    }
}

fn burns(rule: &mut Rule, wrong: &mut dyn FnMut(String)) {
    if rule.burn.is_empty() {
        rule.burn = PAGES.to_vec();
    }
    if rule.part.is_empty() {
        wrong("say which lines are bad: part: status:5xx".into());
    }
    if !rule.objective.is_some_and(|objective| (50.0..100.0).contains(&objective)) {
        wrong("objective is the per cent of lines that are to be good: objective: 99.9".into());
    }
    if rule.burn.len() > 4
        || rule.burn.iter().any(|b| b.windows[1].0 >= b.windows[0].0 || b.above.is_nan() || b.above <= 0.0)
    {
        wrong("burn is one to four of {windows: [1h, 5m], above: 14.4}: the long window first, and a pace above 0".into());
    }
    rule.windows = rule.burn.iter().flat_map(|burn| burn.windows).collect();
    rule.metric = "share".into();
    rule.unit = "count".into();
    rule.above = rule.burn.iter().map(|burn| burn.above).reduce(f64::min);
}

/// What shares of bad lines mean (per cent; of each pair's long and short window, one pair after the other): the fastest pace of a pair that burns too fast
/// in both windows, otherwise the fastest of all.
pub(crate) fn judge_burn(rule: &Rule, shares: &[Option<f64>]) -> Reading {
    let budget = 100.0 - rule.objective.unwrap_or_default();
    // In a pair the slower of both counts. Too few bad lines in the long one, or no line at all, are no evidence.
    let pace = |pair: &[Option<f64>]| match pair {
        [Some(long), Some(short)] => Some(long.min(*short) / budget).filter(|pace| pace.is_finite()),
        _ => None,
    };
    let paces = || shares.chunks(2).map(pace).zip(&rule.burn).filter_map(|(pace, burn)| Some((pace?, burn)));
    let fastest = |a: f64, b: f64| a.max(b);
    let bad = paces().filter(|(pace, burn)| *pace > burn.above).map(|(pace, _)| pace).reduce(fastest);
    bad.map_or_else(
        || Reading::Good(paces().map(|(pace, _)| pace).reduce(fastest).unwrap_or(0.0)),
        Reading::Bad,
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(more: &str) -> Result<Rule, String> {
        let text = format!("rules:\n  - id: a\n    title: A\n{more}");
        let errors =
            |all: Vec<crate::RuleError>| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        crate::read(&text).map(|mut file| file.rules.remove(0)).map_err(errors)
    }

    fn refused(more: &str, why: &str) {
        let error = read(more).expect_err(why);
        assert!(error.contains(why), "{error}");
    }

    const SLO: &str = "    kind: burn_rate\n    part: status:5xx\n    objective: 99.9\n";

    #[test]
    fn each_kind_says_what_it_wants() {
        refused("    metric: count\n    above: 1\n", "windows: one to four");
        refused("    windows: [5m]\n    above: 1\n", "say which figure");
        refused("    kind: new_term\n", "say of which field values are watched");
        refused("    kind: new_term\n    by: [a, b]\n", "say of which field values are watched");
        refused("    kind: new_term\n    by: a\n    history: 10m\n", "history is between");
        refused(
            "    kind: new_term\n    by: a\n    windows: [2h]\n    history: 1h\n",
            "shorter than history",
        );
        refused("    kind: new_pattern\n    by: a\n", "leave by out");
        refused("    kind: change\n    by: host\n", "say which field is watched");
        refused("    kind: burn_rate\n    objective: 99.9\n", "say which lines are bad");
        refused("    kind: burn_rate\n    part: a\n", "objective is the per cent");
        refused(&format!("{SLO}    burn: [{{windows: [5m, 1h], above: 2}}]\n"), "the long window first");
        refused(&format!("{SLO}    above: 2\n"), "above does not go with");
        refused("    kind: certificate\n", "address is whose");
        refused("    kind: certificate\n    address: www.example.com\n", "address is whose");
        refused("    kind: watchdog\n    metric: count\n", "metric does not go with");
        refused("    kind: dog\n", "watchdog");
    }

    #[test]
    fn what_is_not_said_is_settled() {
        let term = read("    kind: new_term\n    by: service.version\n").expect("a rule");
        assert_eq!(
            (term.windows[0], term.history, term.every),
            (Span(15 * MINUTE), Span(14 * DAY), Span(5 * MINUTE))
        );
        let pattern = read("    kind: new_pattern\n").expect("a rule");
        assert_eq!(pattern.by.fields(), ["pattern_id"]);
        let certificate = read("    kind: certificate\n    address: '[::1]:443'\n").expect("a rule");
        assert_eq!((certificate.below, certificate.every), (Some(14.0), Span(HOUR)));
        assert_eq!(certificate.judge(&[Some(13.5)]), Reading::Bad(13.5));
        let watchdog = read("    kind: watchdog\n").expect("a rule");
        assert_eq!(watchdog.judge(&[Some(1.0)]), Reading::Bad(1.0));
        let slo = read(SLO).expect("a rule");
        assert_eq!(slo.windows.len(), 4);
    }

    #[test]
    fn a_budget_burns_where_both_windows_of_a_pair_say_so() {
        let slo = read(SLO).expect("a rule");
        let judged = |shares: [f64; 4]| slo.judge(&shares.map(Some));
        // Of 0.1 % that may fail, 1.5 % is 15 times as much.
        let Reading::Bad(pace) = judged([1.5, 2.0, 0.3, 0.3]) else { panic!("it burns") };
        assert!((pace - 15.0).abs() < 1e-9, "{pace}");
        assert!(matches!(judged([1.5, 0.1, 0.3, 0.3]), Reading::Good(_)), "it is over");
        assert!(matches!(judged([0.9, 0.9, 0.7, 0.7]), Reading::Bad(_)), "slowly");
        assert!(matches!(judged([0.2, 9.0, 0.1, 9.0]), Reading::Good(_)), "a moment");
        assert_eq!(slo.judge(&[None, Some(50.0), None, Some(9.0)]), Reading::Good(0.0), "one error at night");
    }

    #[test]
    fn the_least_number_of_bad_lines_is_that_of_the_long_window() {
        let slo = read(&format!("{SLO}    at_least: 10\n")).expect("a rule");
        assert_eq!([0, 1, 2, 3].map(|window| slo.least(window)), [10, 0, 10, 0]);
    }

    proptest! {
        /// More errors never make it good again, and what is told is the pace of a pair.
        #[test]
        fn more_errors_are_no_better(shares in prop::array::uniform4(0.0f64..100.0), more in 0.0f64..10.0) {
            let slo = read(SLO).expect("a rule");
            let before = slo.judge(&shares.map(Some));
            let after = slo.judge(&shares.map(|share| Some(share + more)));
            if matches!(before, Reading::Bad(_)) {
                prop_assert!(matches!(after, Reading::Bad(_)));
            }
            let budget = 100.0 - 99.9;
            let paces = [shares[0].min(shares[1]), shares[2].min(shares[3])].map(|share| share / budget);
            prop_assert!(before.value().is_some_and(|told| paces.iter().any(|pace| (pace - told).abs() < 1e-6)));
        }
    }
}
