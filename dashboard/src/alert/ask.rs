//! Rules as figures: asked of the engine as boards ask it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alces_alerts::{Kind as What, Rule, Source as Lines};
use jiff::Timestamp;
use serde_json::json;

use crate::app::{App, Wish};
use crate::board::{Board, Metric, Panel, Source};
use crate::error::BackendError;
use crate::fields::Fields;
use crate::query::Query;
use crate::range::Range;
use crate::view::answers::{self, Answers};
use crate::view::context::Context;
use crate::view::picture::Part;
use crate::view::plan::{Place, Plan, Shape};

use super::certificate::{self, Looks};
use super::{change, groups, novel};

/// What no field's name holds.
pub(crate) const ODD: [char; 4] = ['"', '\n', '{', '}'];
/// Searches of one round trip.
const AT_ONCE: usize = 200;

/// A rule, with the moment that its window ends at, epoch milliseconds.
pub(crate) type Timed<'r> = (&'r Rule, i64);

/// What was found of a group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// As [`alces_alerts::By::group`] has it; empty where all lines are watched together.
    pub(crate) name: String,
    /// One for each window of its rule; none where there is nothing to read, or too little to say anything.
    pub(crate) figures: Vec<Option<f64>>,
    /// What there is to say beside the figure: which value became which, a pattern's text, why a certificate cannot be seen.
    pub(crate) detail: String,
}

impl Group {
    /// The only one of a rule without groups.
    pub(crate) fn all(figure: Option<f64>) -> Self {
        Self { name: String::new(), figures: vec![figure], detail: String::new() }
    }
}

/// One window of a rule, or the same window of the time that it is held against.
struct Window {
    rule: usize,
    window: usize,
    /// Which is held against.
    before: bool,
    wish: Wish,
    panel: Panel,
}

enum Wanted {
    /// A figure, and how many lines it rests on.
    One(Metric, Place, Place, f64),
    Groups(groups::Wanted),
    /// Its field is in no line.
    Nothing,
}

/// Asks rules, each of a window that ends at a moment (epoch milliseconds). Certificates are looked at by `looks`; the past has none.
///
/// # Errors
/// When the engine gives no answer at all; a rule that it refuses has that as its answer.
pub(crate) async fn ask(
    app: &App,
    looks: Option<&Arc<dyn Looks>>,
    rules: &[Timed<'_>],
) -> Result<Vec<Part<Vec<Group>>>, BackendError> {
    let now = (app.clock)();
    // Of one name for every round, so that the fields that were asked for a moment ago are known still.
    let Ok(lately) = Range::parse("now-1h", "now", "", now) else { return Ok(Vec::new()) };
    let fields = app.fields(&lately, &app.access.everything).await?;
    let fields = (&*fields.0, &*fields.1);
    let mut all: Vec<Part<Vec<Group>>> = rules.iter().map(|_| Ok(Vec::new())).collect();
    for ways in [
        &[What::Threshold, What::BurnRate][..],
        &[What::NewTerm, What::NewPattern],
        &[What::Change],
        &[What::Certificate, What::Watchdog],
    ] {
        let mine: Vec<usize> = (0..rules.len()).filter(|at| ways.contains(&asked_as(rules[*at].0))).collect();
        for mine in mine.chunks(AT_ONCE / 2) {
            let some: Vec<Timed<'_>> = mine.iter().map(|at| rules[*at]).collect();
            let found = match ways[0] {
                What::Threshold | What::BurnRate => ask_figures(app, fields, &some).await?,
                What::NewTerm | What::NewPattern => novel::ask(app, fields, &some).await?,
                What::Change => change::ask(app, fields, &some).await?,
                What::Certificate | What::Watchdog => certificate::ask(looks, &some).await,
            };
            for (at, found) in mine.iter().zip(found) {
                all[*at] = found;
            }
        }
    }
    Ok(all)
}

/// A watchdog that wants lines is a count of them.
fn asked_as(rule: &Rule) -> What {
    let counts = rule.kind == What::Watchdog && !rule.windows.is_empty();
    if counts { What::Threshold } else { rule.kind }
}

async fn ask_figures(
    app: &App,
    fields: (&Fields, &Fields),
    rules: &[Timed<'_>],
) -> Result<Vec<Part<Vec<Group>>>, BackendError> {
    let mut windows: Vec<Window> = Vec::new();
    for (at, (rule, end)) in rules.iter().enumerate() {
        for (window, length) in rule.windows.iter().enumerate() {
            for shift in std::iter::once(None).chain(rule.against.map(Some)) {
                let end = end - shift.map_or(0, |shift| shift.0);
                let Some(wish) = wish(app, end - length.0, end) else { continue };
                windows.push(Window { rule: at, window, before: shift.is_some(), wish, panel: panel(rule) });
            }
        }
    }
    let mut all: Vec<Part<BTreeMap<String, Figures>>> = rules.iter().map(|_| Ok(BTreeMap::new())).collect();
    for part in windows.chunks(AT_ONCE) {
        ask_some(app, fields, rules, part, &mut all).await?;
    }
    Ok(all
        .into_iter()
        .zip(rules)
        .map(|(found, (rule, _))| found.map(|groups| figures(rule, groups)))
        .collect())
}

/// Of each window: the figure now, and the one that it is held against.
type Figures = BTreeMap<(usize, bool), f64>;

fn figures(rule: &Rule, groups: BTreeMap<String, Figures>) -> Vec<Group> {
    // A group that was there before and is not now has no lines, which is a figure where lines are counted.
    let counts = matches!(Metric::parse(&rule.metric), Ok(Metric::Count | Metric::Rate | Metric::SumRate(_)));
    let absent = (!rule.by.is_empty() && rule.against.is_some() && counts).then_some(0.0);
    let figure = |figures: &Figures, window| {
        let now = figures.get(&(window, false)).copied().or(absent);
        if rule.against.is_none() {
            return now;
        }
        let before = figures.get(&(window, true)).copied().filter(|before| *before > 0.0);
        now.zip(before).map(|(now, before)| now / before)
    };
    groups
        .into_iter()
        .map(|(name, figures)| Group {
            name,
            figures: (0..rule.windows.len()).map(|w| figure(&figures, w)).collect(),
            detail: String::new(),
        })
        .collect()
}

async fn ask_some(
    app: &App,
    fields: (&Fields, &Fields),
    rules: &[(&Rule, i64)],
    windows: &[Window],
    all: &mut [Part<BTreeMap<String, Figures>>],
) -> Result<(), BackendError> {
    let contexts: Vec<Context<'_>> = windows.iter().map(|w| Context::new(&w.wish, fields)).collect();
    let mut plan = Plan::default();
    let wanted: Vec<Wanted> = windows
        .iter()
        .zip(&contexts)
        .map(|(window, context)| want(rules[window.rule].0, context, &window.panel, &mut plan))
        .collect();
    let Some(first) = contexts.first() else { return Ok(()) };
    let answers = answers::ask(&app.backend, app.buckets(), &app.config, first, &plan).await?;
    // Half an answer counts too little: what it says is not what is so.
    if let Some(note) = answers.notes.first() {
        for window in windows {
            all[window.rule] = Err(note.to_string());
        }
        return Ok(());
    }
    for ((window, context), wanted) in windows.iter().zip(&contexts).zip(&wanted) {
        let rule = rules[window.rule].0;
        let read = read((rule, window.window), context, wanted, &answers);
        match (&mut all[window.rule], read) {
            (Ok(groups), Ok(read)) => {
                for (group, value) in read {
                    let figures = groups.entry(group).or_default();
                    if let Some(value) = value {
                        figures.insert((window.window, window.before), value);
                    }
                }
            }
            (whole, Err(reason)) => *whole = Err(reason),
            (Err(_), _) => {}
        }
    }
    Ok(())
}

fn want(rule: &Rule, context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Wanted {
    // Checked when the rule was read.
    let Ok(metric) = Metric::parse(&rule.metric) else { return Wanted::Nothing };
    let fields = context.fields(panel.source);
    if metric.field().is_some_and(|word| fields.word(word).is_none()) {
        return Wanted::Nothing;
    }
    if !rule.by.is_empty() {
        return groups::plan(context, rule, panel, plan).map_or(Wanted::Nothing, Wanted::Groups);
    }
    let query = context.query(panel);
    let part = context.part(panel.source, &rule.part);
    let mut figure = |metric| {
        plan.figure((panel.source, context.span(), &query, Shape::Total), part.as_ref(), metric, fields)
    };
    match (figure(&metric), figure(&Metric::Count)) {
        (Ok(value), Ok(count)) => {
            let unit = crate::chart::Unit::from_word(&rule.unit).unwrap_or(crate::chart::Unit::Count);
            let factor = context.factor(panel.source, &metric, unit) * rule.scale;
            Wanted::One(metric, value, count, factor)
        }
        _ => Wanted::Nothing,
    }
}

/// The figure of each group.
fn read(
    (rule, window): (&Rule, usize),
    context: &Context<'_>,
    wanted: &Wanted,
    answers: &Answers,
) -> Part<Vec<(String, Option<f64>)>> {
    let enough = |value: Option<f64>, count: u64| value.filter(|_| count >= rule.least(window));
    match wanted {
        Wanted::Nothing => Ok(if !rule.by.is_empty() { Vec::new() } else { vec![(String::new(), None)] }),
        Wanted::One(metric, value, count, factor) => {
            let seconds = (context.range.to - context.range.from).max(1) as f64 / 1000.0;
            let value = context.value(metric, answers.total(*value)?, seconds, *factor);
            Ok(vec![(String::new(), enough(value, answers.total(*count)?.docs))])
        }
        Wanted::Groups(wanted) => {
            let groups = wanted.read(context, answers)?;
            Ok(groups.into_iter().map(|(group, value, count)| (group, enough(value, count))).collect())
        }
    }
}

/// The question's range, which is exact: no bucket is rounded.
pub(super) fn wish(app: &App, from: i64, to: i64) -> Option<Wish> {
    let now = Timestamp::from_millisecond(to).ok()?;
    let range = Range::parse(&from.to_string(), &to.to_string(), "", now).ok()?;
    let board = Arc::new(Board::blank(Vec::new()));
    Some(Wish {
        board,
        range,
        compare: None,
        search: Query::everything(),
        sight: Arc::clone(&app.access.everything),
    })
}

/// The lines that a rule is about, as a panel.
pub(super) fn panel(rule: &Rule) -> Panel {
    let source = match rule.source {
        Lines::Logs => Source::Logs,
        Lines::Metrics => Source::Metrics,
    };
    Panel {
        id: rule.id.clone(),
        title: rule.title.clone(),
        source,
        filter: rule.filter.clone(),
        unit: rule.unit.clone(),
        ..Panel::newest(1)
    }
}

/// When the newest figures of each host came that has sent any lately, epoch milliseconds: how far its lines have certainly arrived.
/// Nothing where hosts send no figures.
pub(crate) async fn arrivals(app: &App, now: i64, lately: i64) -> Result<Vec<i64>, BackendError> {
    let Some(wish) = wish(app, now - lately, now) else { return Ok(Vec::new()) };
    let Ok(range) = Range::parse("now-1h", "now", "", (app.clock)()) else { return Ok(Vec::new()) };
    let fields = app.fields(&range, &app.access.everything).await?;
    let Some(host) = fields.1.by("host") else { return Ok(Vec::new()) };
    let context = Context::new(&wish, (&fields.0, &fields.1));
    let mut plan = Plan::default();
    let agg = json!({"terms": {"field": host.name, "size": 10_000}, "aggs": {"at": {"max": {"field": "@timestamp"}}}});
    let place = plan.raw((Source::Metrics, context.span(), &json!({"match_all": {}}), Shape::Total), agg);
    let answers = answers::ask(&app.backend, app.buckets(), &app.config, &context, &plan).await?;
    let newest = |bucket: &serde_json::Value| bucket["at"]["value"].as_f64().map(|at| at as i64);
    let Ok(hosts) = answers.raw(place) else { return Ok(Vec::new()) };
    Ok(hosts["buckets"].as_array().map_or_else(Vec::new, |all| all.iter().filter_map(newest).collect()))
}
