//! Latency heatmaps: how many lines of each bucket of time fell into which span of a duration. Averages hide two humps; this does not.

use serde_json::{Value, json};

use super::answers::Answers;
use super::chart::unit;
use super::context::{Context, Edges};
use super::picture::{Nothing, Part, Picture};
use super::plan::{NoField, Place, Plan, Shape};
use crate::board::{Metric, Panel};
use crate::chart::{Drawing, HeatSpec, Unit};

/// Edges of the spans in milliseconds: five a decade, from below a millisecond to above a minute.
const MILLIS: [f64; 26] = [
    0.0,
    1.0,
    1.6,
    2.5,
    4.0,
    6.3,
    10.0,
    16.0,
    25.0,
    40.0,
    63.0,
    100.0,
    160.0,
    250.0,
    400.0,
    630.0,
    1000.0,
    1600.0,
    2500.0,
    4000.0,
    6300.0,
    10_000.0,
    16_000.0,
    25_000.0,
    60_000.0,
    f64::INFINITY,
];

/// A heatmap that was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    place: Place,
}

/// Asks for a panel's spans.
///
/// # Errors
/// [`NoField`] when the panel's field does not exist.
pub(crate) fn plan(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Result<Wanted, NoField> {
    // Checked when the board was read.
    let word = panel.of.as_deref().unwrap_or_default();
    let field = context.fields(panel.source).word(word).ok_or_else(|| NoField(word.to_owned()))?;
    // An edge in the panel's unit becomes one in the field's.
    let factor = context.factor(panel.source, &Metric::Unique(word.to_owned()), unit(panel));
    let ranges: Vec<Value> = bounds(unit(panel))
        .windows(2)
        .map(|edge| {
            let mut range = json!({"from": edge[0] / factor});
            if edge[1].is_finite() {
                range["to"] = json!(edge[1] / factor);
            }
            range
        })
        .collect();
    let agg = json!({"range": {"field": field.name, "ranges": ranges}});
    let query = context.query(panel);
    let shape = Shape::OverTime(context.range.step());
    Ok(Wanted { place: plan.raw((panel.source, context.whole(), &query, shape), agg) })
}

fn bounds(unit: Unit) -> Vec<f64> {
    match unit {
        Unit::Seconds => MILLIS.iter().map(|m| m / 1000.0).collect(),
        // Sizes and counts: from 100 B to 100 MB.
        Unit::Bytes | Unit::Count => MILLIS.iter().map(|m| m * 100.0).collect(),
        _ => MILLIS.to_vec(),
    }
}

/// Makes the heatmap of what came back.
pub(crate) fn read(
    wanted: &Wanted,
    context: &Context<'_>,
    panel: &Panel,
    answers: &Answers,
    edges: Edges,
) -> Part<Picture> {
    let bounds = bounds(unit(panel));
    let columns = answers.raw_over_time(wanted.place, &context.times)?;
    let lines = columns.iter().any(Option::is_some);
    let column = |(agg, known): (Option<&Value>, bool)| -> Vec<Option<u64>> {
        let spans = agg.and_then(|a| a["buckets"].as_array());
        let count = |i: usize| match spans {
            Some(spans) => spans.get(i).and_then(|s| s["doc_count"].as_u64()),
            None => known.then_some(0),
        };
        (0..bounds.len() - 1).map(count).collect()
    };
    let counts: Vec<Vec<Option<u64>>> = columns.into_iter().zip(context.known(edges)).map(column).collect();
    // Spans at both ends into which nothing fell would only make the others small.
    let used = |row: usize| counts.iter().any(|c| c[row].is_some_and(|n| n > 0));
    let (Some(first), Some(last)) =
        ((0..bounds.len() - 1).find(|r| used(*r)), (0..bounds.len() - 1).rfind(|r| used(*r)))
    else {
        let field = panel.of.clone().filter(|_| lines);
        return Ok(Picture::Empty(field.map_or(Nothing::NoLines, Nothing::NoField)));
    };
    Ok(Picture::Drawing(Drawing::Heat(HeatSpec {
        title: panel.title.clone(),
        unit: unit(panel),
        from: context.range.from,
        to: context.range.to,
        step: context.range.step(),
        times: context.times.clone(),
        bounds: bounds[first..=last + 1].to_vec(),
        counts: counts.into_iter().map(|c| c[first..=last].to_vec()).collect(),
        zone: context.range.zone.clone(),
    })))
}
