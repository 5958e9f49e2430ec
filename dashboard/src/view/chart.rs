//! Time charts: lines, areas, stacks, bands.

use super::answers::Answers;
use super::context::{Context, Edges};
use super::picture::{Nothing, Part, Picture};
use super::plan::{NoField, Place, Plan, Shape};
use serde_json::Value;

use crate::board::schema::{Color, Dash as Broken};
use crate::board::{Kind, Metric, Panel, Series, Source};
use crate::chart::{ChartSpec, Dash, Drawing, Kind as Drawn, Limit, Mark, Paint, Series as Line, Unit};

/// A chart that was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    lines: Vec<Asked>,
    /// The first field that a figure wanted and that is not there.
    missing: Option<NoField>,
}

#[derive(Debug)]
struct Asked {
    name: String,
    metric: Metric,
    factor: f64,
    paint: Paint,
    dash: Dash,
    optional: bool,
    now: Place,
    before: Option<Place>,
}

/// Asks for a panel's series.
pub(crate) fn plan(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> Wanted {
    let mut wanted = Wanted { lines: Vec::new(), missing: None };
    let query = context.query(panel);
    for (i, series) in panel.series.iter().enumerate() {
        let (paint, dash) = look(series, i);
        wanted.ask(
            context,
            panel,
            series,
            &series.filter,
            (series.name.clone(), paint, dash),
            (plan, &query),
        );
    }
    wanted
}

/// Asks for a line for each of `values` of the panel's `by`.
pub(crate) fn plan_split(
    context: &Context<'_>,
    panel: &Panel,
    values: &[(String, String)],
    plan: &mut Plan,
) -> Wanted {
    let mut wanted = Wanted { lines: Vec::new(), missing: None };
    let query = context.query(panel);
    for (i, (value, search)) in values.iter().enumerate() {
        let (paint, dash) = Paint::nth(i);
        for series in &panel.series {
            let filter = if series.filter.is_empty() {
                search.clone()
            } else {
                format!("({}) {search}", series.filter)
            };
            wanted.ask(context, panel, series, &filter, (value.clone(), paint, dash), (plan, &query));
        }
    }
    // A value may have lines, but none with this figure.
    wanted.lines.iter_mut().for_each(|line| line.optional = true);
    wanted
}

impl Wanted {
    fn ask(
        &mut self,
        context: &Context<'_>,
        panel: &Panel,
        series: &Series,
        filter: &str,
        (name, paint, dash): (String, Paint, Dash),
        (plan, query): (&mut Plan, &Value),
    ) {
        // Checked when the board was read.
        let Ok(metric) = Metric::parse(&series.metric) else { return };
        let source = panel.source;
        let part = context.part(source, filter);
        let shape = Shape::OverTime(context.range.step());
        let (from, to) = context.whole();
        let mut figure = |span| {
            plan.figure((source, span, query, shape.clone()), part.as_ref(), &metric, context.fields(source))
        };
        let now = match figure((from, to)) {
            Ok(place) => place,
            Err(missing) => {
                if !series.optional {
                    self.missing.get_or_insert(missing);
                }
                return;
            }
        };
        let back = context.beneath().map(|c| c.back());
        let before = back.and_then(|b| figure((from - b, to - b)).ok());
        let factor = context.factor(source, &metric, unit(panel)) * series.scale;
        self.lines.push(Asked { name, metric, factor, paint, dash, optional: series.optional, now, before });
    }
}

/// The unit of a panel; checked when the board was read.
pub(crate) fn unit(panel: &Panel) -> Unit {
    Unit::from_word(&panel.unit).unwrap_or(Unit::Count)
}

fn look(series: &Series, i: usize) -> (Paint, Dash) {
    let (paint, dash) = Paint::nth(i);
    let paint = match series.color {
        Some(Color::Blue) => Paint::Blue,
        Some(Color::Orange) => Paint::Orange,
        Some(Color::Green) => Paint::Green,
        Some(Color::Purple) => Paint::Purple,
        Some(Color::Sky) => Paint::Sky,
        Some(Color::Vermillion) => Paint::Vermillion,
        None => paint,
    };
    let dash = match series.dash {
        Some(Broken::Solid) => Dash::Solid,
        Some(Broken::Dashed) => Dash::Dashed,
        Some(Broken::Dotted) => Dash::Dotted,
        // A colour that was chosen needs no dash to be told apart.
        None if series.color.is_some() => Dash::Solid,
        None => dash,
    };
    (paint, dash)
}

/// Makes the chart of what came back.
pub(crate) fn read(
    wanted: &Wanted,
    context: &Context<'_>,
    panel: &Panel,
    answers: &Answers,
    edges: Edges,
    marks: &[Mark],
) -> Part<Picture> {
    let known = context.known(edges);
    let unit = unit(panel);
    let mut series = Vec::new();
    // A field that a figure wanted, and that the lines which are there do not carry.
    let mut carried_not = wanted.missing.as_ref().map(|NoField(field)| field.clone());
    for asked in &wanted.lines {
        let values = |place: Place, back: i64| -> Part<Vec<Option<f64>>> {
            let times: Vec<i64> = context.times.iter().map(|t| t - back).collect();
            let cells = answers.over_time(place, &times)?;
            // A period before the first line is no period of silence.
            let any = cells.iter().any(|c| c.of > 0);
            let value = |(i, cell)| {
                // The period before is over, all of its buckets are whole.
                let ms = if back > 0 { context.range.step() } else { context.covered(context.times[i]) };
                let known = if back > 0 { any } else { known[i] };
                known.then(|| context.value(&asked.metric, cell, ms as f64 / 1000.0, asked.factor)).flatten()
            };
            let values: Vec<Option<f64>> = cells.into_iter().enumerate().map(value).collect();
            Ok(if panel.source == Source::Metrics { hold(values) } else { values })
        };
        let line = Line {
            name: asked.name.clone(),
            paint: asked.paint,
            dash: asked.dash,
            ghost: false,
            values: values(asked.now, 0)?,
        };
        if line.is_empty() && carried_not.is_none() {
            let lines = answers.over_time(asked.now, &context.times)?.iter().any(|cell| cell.docs > 0);
            carried_not = asked.metric.field().filter(|_| lines).map(str::to_owned);
        }
        if asked.optional && line.is_empty() {
            continue;
        }
        if let (Some(place), Some(compare)) = (asked.before, context.beneath()) {
            let ghost = Line {
                name: format!("{}, {} before", asked.name, compare.word()),
                ghost: true,
                values: values(place, compare.back())?,
                ..line.clone()
            };
            if !ghost.is_empty() {
                series.push(ghost);
            }
        }
        series.push(line);
    }
    if series.iter().all(Line::is_empty) {
        return Ok(Picture::Empty(carried_not.map_or(Nothing::NoLines, Nothing::NoField)));
    }
    Ok(Picture::Drawing(Drawing::Time(ChartSpec {
        title: panel.title.clone(),
        unit,
        kind: match panel.kind {
            Kind::Stacked => Drawn::Stacked,
            Kind::Area => Drawn::Area,
            Kind::Band => Drawn::Band,
            _ => Drawn::Lines,
        },
        from: context.range.from,
        to: context.range.to,
        step: context.range.step(),
        times: context.times.clone(),
        series,
        at_least: panel.at_least.unwrap_or(0.0),
        at_most: panel.at_most,
        zone: context.range.zone.clone(),
        marks: marks.to_vec(),
        late_from: context.late_from(edges),
        log_y: false,
        limit: panel.limit.as_ref().map(|l| Limit { value: l.value, label: l.label.clone() }),
    })))
}

/// A reading holds until the next, for at most three times the usual distance of two readings: buckets may be narrower than readings
/// are apart, and a host that stops sending becomes a gap.
fn hold(mut values: Vec<Option<f64>>) -> Vec<Option<f64>> {
    let read: Vec<usize> = (0..values.len()).filter(|i| values[*i].is_some()).collect();
    let mut apart: Vec<usize> = read.windows(2).map(|w| w[1] - w[0]).collect();
    apart.sort_unstable();
    let Some(usual) = apart.get(apart.len() / 2).copied().filter(|u| *u > 0) else { return values };
    for (i, at) in read.iter().enumerate() {
        let next = read.get(i + 1).copied();
        // Behind the last reading there is nothing yet to be held for, but for what is usual.
        let until = next.unwrap_or(values.len().min(at + usual));
        if next.is_none() || until - at <= usual * 3 {
            let value = values[*at];
            values[at + 1..until].fill(value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::hold;

    #[test]
    fn a_reading_holds_until_the_next_and_a_silent_host_is_a_gap() {
        let of = |text: &str| text.chars().map(|c| c.to_digit(10).map(f64::from)).collect::<Vec<_>>();
        assert_eq!(hold(of(".1.2.3.")), of(".112233"));
        assert_eq!(hold(of("1.2.3.......4.5")), of("11223.......445"));
        assert_eq!(hold(of("12345")), of("12345"));
        assert_eq!(hold(of("..1..")), of("..1.."));
    }
}
