//! What would have become of a rule in the past: the same questions and the same judgement as live, at one moment after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use alces_alerts::{By, Change, Kind, Phase, Reading, Rule, State, Timing};
use tokio::time::Instant;

use super::{ask, watch};
use crate::app::App;

/// Moments that are asked in one go.
const AT_ONCE: usize = 40;
/// Searches of a backtest beside a rule: what one may cost.
const SEARCHES: i64 = 1_500;
/// A backtest beside a rule ends after so long, with what it has.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Parts of the time that its chart has.
const PARTS: i64 = 336;
/// How far back it looks, milliseconds.
pub(crate) const LENGTH: i64 = 14 * 86_400_000;

/// A group at one moment.
pub(crate) struct Moment<'m> {
    pub(crate) at: i64,
    pub(crate) group: &'m str,
    pub(crate) state: &'m State,
    pub(crate) before: Phase,
    pub(crate) change: Option<Change>,
}

/// A time during which a group would have fired.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spell {
    /// For people.
    pub(crate) group: String,
    /// Epoch milliseconds.
    pub(crate) from: i64,
    /// None where it still does.
    pub(crate) to: Option<i64>,
    /// The worst figure.
    pub(crate) peak: Option<f64>,
}

/// A part of the chart's time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Part {
    /// The worst figure of all groups.
    pub(crate) worst: Option<f64>,
    /// Whether a group fires.
    pub(crate) fires: bool,
}

/// What a page shows.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) from: i64,
    /// Up to where it was asked: the end, unless time ran out.
    pub(crate) to: i64,
    /// Between two questions, milliseconds.
    pub(crate) step: i64,
    pub(crate) spells: Vec<Spell>,
    /// Width of a part, milliseconds, and the parts from `from` on.
    pub(crate) width: i64,
    pub(crate) parts: Vec<Part>,
    /// Whether time ran out.
    pub(crate) is_cut: bool,
}

impl Course {
    /// How long groups fired in all, milliseconds; what still does, up to the end.
    pub(crate) fn firing(&self) -> i64 {
        self.spells.iter().map(|spell| spell.to.unwrap_or(self.to) - spell.from).sum()
    }
}

/// Between two questions: as often as live, or as seldom as makes the whole affordable, in whole minutes.
pub(crate) fn step(rule: &Rule, from: i64, to: i64) -> i64 {
    let windows = i64::try_from(rule.windows.len()).unwrap_or(1).max(1);
    let searches = match rule.kind {
        Kind::NewTerm | Kind::NewPattern => 3,
        Kind::Change => 2,
        _ => windows * if rule.against.is_some() { 2 } else { 1 },
    };
    let least = (to - from) * searches / SEARCHES;
    if least <= rule.every.0 { rule.every.0 } else { (least / 60_000 + 1) * 60_000 }
}

/// Asks a rule at each `step` of a range, and tells `each` what that means for each group. Up to where it came: `until` may be earlier than the end.
///
/// # Errors
/// Why the rule cannot be asked.
pub(crate) async fn walk(
    app: &App,
    rule: &Rule,
    (from, to): (i64, i64),
    step: i64,
    until: Option<Instant>,
    mut each: impl FnMut(Moment<'_>),
    mut progress: impl FnMut(f64),
) -> Result<i64, String> {
    if !rule.kind.has_past() {
        return Err("this kind of rule has no past that could be asked".into());
    }
    let live = rule.timing();
    // What is asked more seldom than live counts as lasting from one question to the next; it is no gap.
    let hold = if live.hold < step && step > rule.every.0 { 0 } else { live.hold };
    let timing = Timing { hold, gap: live.gap + 4 * (step - rule.every.0), ..live };
    let mut states = BTreeMap::<String, State>::new();
    // The newest moment is the end: what fires now is seen.
    let from = to - (to - from).div_euclid(step) * step;
    let moments: Vec<i64> =
        std::iter::successors(Some(from), |at| Some(at + step)).take_while(|at| *at <= to).collect();
    let mut came = from;
    for some in moments.chunks(AT_ONCE) {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        let timed: Vec<ask::Timed<'_>> = some.iter().map(|at| (rule, *at)).collect();
        let found = ask::ask(app, None, &timed).await.map_err(|error| error.to_string())?;
        for (at, groups) in some.iter().zip(found) {
            for (group, reading) in watch::readings(rule, groups?, states.keys().cloned()) {
                let mut state =
                    states.remove(&group).unwrap_or_else(|| State { read: *at, ..State::default() });
                let before = state.phase;
                let change = state.step(reading, timing, rule.rising(), *at);
                if matches!(reading, Reading::Unknown) {
                    state.value = None;
                }
                each(Moment { at: *at, group: &group, state: &state, before, change });
                if !state.is_idle() || watch::remembers(rule) {
                    states.insert(group, state);
                }
            }
            came = *at;
        }
        progress((came - from) as f64 / (to - from).max(1) as f64);
    }
    Ok(came)
}

/// The backtest that stands beside a rule.
///
/// # Errors
/// Why the rule cannot be asked.
pub(crate) async fn beside(app: &App, rule: &Rule, (from, to): (i64, i64)) -> Result<Course, String> {
    let step = step(rule, from, to);
    let width = ((to - from) / PARTS).max(step);
    let mut chart = Chart {
        from,
        width,
        rising: rule.rising(),
        parts: Vec::new(),
        spells: Vec::new(),
        open: BTreeMap::new(),
    };
    let until = Some(Instant::now() + PATIENCE);
    let came = walk(app, rule, (from, to), step, until, |moment| chart.take(&moment), |_| {}).await?;
    Ok(Course {
        from,
        to: came,
        step,
        spells: chart.spells,
        width,
        parts: chart.parts,
        is_cut: came + step <= to,
    })
}

/// What is kept of a walk.
struct Chart {
    from: i64,
    width: i64,
    rising: bool,
    parts: Vec<Part>,
    spells: Vec<Spell>,
    /// Of groups that fire, where their spell is.
    open: BTreeMap<String, usize>,
}

impl Chart {
    fn take(&mut self, moment: &Moment<'_>) {
        let at = usize::try_from((moment.at - self.from) / self.width).unwrap_or(0);
        if self.parts.len() <= at {
            self.parts.resize(at + 1, Part::default());
        }
        let part = &mut self.parts[at];
        let worse = |before: f64, now: f64| if self.rising { before.max(now) } else { before.min(now) };
        if let Some(value) = moment.state.value {
            part.worst = Some(part.worst.map_or(value, |before| worse(before, value)));
        }
        part.fires |= matches!(moment.state.phase, Phase::Firing | Phase::Recovering);
        if moment.change == Some(Change::Fired) {
            self.open.insert(moment.group.to_owned(), self.spells.len());
            let group = By::shown(moment.group);
            self.spells.push(Spell { group, from: moment.at, to: None, peak: moment.state.peak });
        }
        if let Some(spell) = self.open.get(moment.group).and_then(|at| self.spells.get_mut(*at)) {
            spell.peak = moment.state.peak;
            if moment.change == Some(Change::Resolved) {
                spell.to = Some(moment.at);
                self.open.remove(moment.group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Rules;

    fn rule(more: &str) -> Rule {
        let text = format!("rules:\n  - id: a\n    title: A\n{more}");
        Rules::parse(&text).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0)
    }

    #[test]
    fn what_a_backtest_costs_is_bounded() {
        let day = 86_400_000;
        for more in [
            "    metric: count\n    windows: [5m]\n    above: 1\n",
            "    metric: count\n    windows: [1h, 5m]\n    above: 1\n    against: 1d\n",
            "    kind: burn_rate\n    part: a\n    objective: 99.9\n",
            "    kind: new_term\n    by: a\n",
        ] {
            let rule = rule(more);
            let step = step(&rule, 0, 14 * day);
            let searches = rule.windows.len() as i64 * if rule.against.is_some() { 2 } else { 1 };
            assert!(14 * day / step * searches <= SEARCHES, "{more} {step}");
            assert_eq!(step % 60_000, 0);
        }
        assert_eq!(
            step(&rule("    metric: count\n    windows: [5m]\n    above: 1\n"), 0, 3_600_000),
            30_000,
            "as live"
        );
    }

    #[test]
    fn spells_and_their_worst() {
        let rule = rule("    metric: count\n    windows: [5m]\n    above: 1\n");
        let mut chart = Chart {
            from: 0,
            width: 100,
            rising: true,
            parts: Vec::new(),
            spells: Vec::new(),
            open: BTreeMap::new(),
        };
        let mut state = State::default();
        for (at, value) in [(0, 0.0), (50, 3.0), (100, 7.0), (150, 0.0), (200, 2.0)] {
            let before = state.phase;
            let change = state.step(rule.judge(&[Some(value)]), rule.timing(), true, at);
            chart.take(&Moment { at, group: "web-1", state: &state, before, change });
        }
        let spell = |from, to, peak| Spell { group: "web-1".into(), from, to, peak: Some(peak) };
        assert_eq!(chart.spells, [spell(50, Some(150), 7.0), spell(200, None, 2.0)]);
        assert_eq!(chart.parts[0], Part { worst: Some(3.0), fires: true });
        let course = Course {
            from: 0,
            to: 260,
            step: 50,
            spells: chart.spells,
            width: 100,
            parts: chart.parts,
            is_cut: false,
        };
        assert_eq!(course.firing(), 160);
    }
}
