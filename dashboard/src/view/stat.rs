//! One figure, beside what it was before.

use super::answers::Answers;
use super::chart::unit;
use super::context::{Context, Edges};
use super::picture::{Nothing, Part, Picture, Stat};
use super::plan::{NoField, Place, Plan, Shape};
use crate::board::{Metric, Panel};

/// A figure that was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    metric: Metric,
    factor: f64,
    now: Place,
    before: Place,
    over_time: Place,
}

/// Asks for a panel's figure.
///
/// # Errors
/// [`NoField`] when the figure's field does not exist.
pub(crate) fn plan(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Result<Wanted, NoField> {
    // Both were checked when the board was read.
    let series = panel.series.first().ok_or_else(|| NoField(String::new()))?;
    let metric = Metric::parse(&series.metric).map_err(|_| NoField(series.metric.clone()))?;
    let query = context.query(panel);
    let part = context.part(panel.source, &series.filter);
    let fields = context.fields(panel.source);
    let mut figure =
        |span, shape| plan.figure((panel.source, span, &query, shape), part.as_ref(), &metric, fields);
    let (from, to) = context.span();
    let back = context.compare.map_or(to - from, |c| c.back());
    let now = figure((from, to), Shape::Total)?;
    let before = figure((from - back, to - back), Shape::Total)?;
    let over_time = figure(context.whole(), Shape::OverTime(context.range.step()))?;
    let factor = context.factor(panel.source, &metric, unit(panel)) * series.scale;
    Ok(Wanted { metric, factor, now, before, over_time })
}

/// Makes the panel of what came back.
pub(crate) fn read(
    wanted: &Wanted,
    context: &Context<'_>,
    panel: &Panel,
    answers: &Answers,
    edges: Edges,
) -> Part<Picture> {
    let range = context.range;
    let whole = (range.to - range.from).max(1) as f64 / 1000.0;
    let past = (range.to.min(range.now) - range.from).max(1) as f64 / 1000.0;
    let now = answers.total(wanted.now)?;
    if edges.newest.is_none() {
        return Ok(Picture::Empty(Nothing::NoLines));
    }
    let before = answers.total(wanted.before)?;
    let value = |cell, seconds| context.value(&wanted.metric, cell, seconds, wanted.factor);
    let cells = answers.over_time(wanted.over_time, &context.times)?.into_iter().zip(&context.times);
    let known = context.known(edges);
    let sparkline = cells.zip(known).map(|((cell, at), known)| {
        known.then(|| value(cell, context.covered(*at) as f64 / 1000.0)).flatten()
    });
    Ok(Picture::Stat(Stat {
        unit: unit(panel),
        value: value(now, past),
        // A period with next to no lines (before the first day, a night) is nothing to compare with.
        before: (before.of > 0 && before.of * 20 >= now.of).then(|| value(before, whole)).flatten(),
        sparkline: sparkline.collect(),
        rise_is_bad: panel.rise_is_bad,
    }))
}
