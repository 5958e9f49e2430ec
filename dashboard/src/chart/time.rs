//! Paints a [`ChartSpec`]: axes, areas, lines, and what is written upon them.

use std::ops::Range;

use plotters::prelude::DrawingBackend;

use super::axis::{self, Frame, Scale};
use super::canvas::{Canvas, Point, Side, TYPE};
use super::font::plain;
use super::palette::{Dash, Ink, Paint};
use super::spec::runs;
use super::{ChartSpec, DrawError, Kind, Plot, Series};
use crate::language::text;

/// A chart narrower than this (CSS pixels) has no labels at the ends of its lines: the legend is enough.
const ROOM_FOR_LABELS: f64 = 380.0;

/// Paints the chart over the whole canvas.
pub(crate) fn paint<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
) -> Result<Plot, DrawError> {
    let (scale, ticks) = value_axis(spec, canvas);
    let top = ticks.last().copied().unwrap_or(1.0);
    let written = spec.unit.scale(top);
    let step = ticks.get(1).copied().unwrap_or(top);
    let (labels, above): (Vec<String>, &str) = match scale {
        Scale::Linear(_) => (ticks.iter().map(|t| written.tick(*t, step)).collect(), written.above()),
        // Over several powers of ten no single size suits: each label says its own.
        Scale::Log(..) => (ticks.iter().map(|t| spec.unit.show(*t)).collect(), ""),
    };
    let ends = end_labels(canvas, spec);
    let right = ends
        .iter()
        .map(|(_, name)| canvas.measure(name))
        .max()
        .map_or(canvas.px(6.0), |widest| widest + canvas.px(9.0));
    let frame = Frame { plot: axis::plot(canvas, &labels, right), from: spec.from, to: spec.to, scale };

    late(canvas, spec, &frame)?;
    // The unit stands once, over the axis, rather than behind each label.
    let head = (0, if canvas.coarse { 2 } else { canvas.px(8.0) });
    canvas.text(above, head, Side::Left, Paint::Text.solid())?;
    axis::values(canvas, &frame, &ticks, &labels)?;
    axis::times(canvas, &frame, &spec.zone)?;

    let shown = || spec.series.iter().filter(|s| !s.ghost);
    match spec.kind {
        Kind::Lines => {}
        Kind::Area => {
            for series in shown() {
                area(canvas, spec, &frame, series)?;
            }
        }
        Kind::Stacked => stack(canvas, spec, &frame)?,
        Kind::Band => {
            let all: Vec<&Series> = shown().collect();
            for pair in all.windows(2) {
                if let [low, high] = pair {
                    between(canvas, spec, &frame, low, high)?;
                }
            }
        }
    }
    for series in spec.series.iter().filter(|s| s.ghost) {
        line(canvas, spec, &frame, series, series.paint.pale(0.55), 1.25)?;
    }
    if let Some(limit) = &spec.limit {
        let y = frame.y(limit.value);
        let Plot { left, right, .. } = frame.plot;
        canvas.line([(left, y), (right, y)], Paint::Ink.pale(0.75), 1.0, Dash::Dashed)?;
    }
    if spec.kind != Kind::Stacked {
        for series in shown() {
            line(canvas, spec, &frame, series, series.paint.solid(), 1.5)?;
        }
    }
    limit_words(canvas, spec, &frame)?;
    let unit_end = if above.is_empty() { 0 } else { canvas.measure(above) + canvas.px(8.0) };
    marks(canvas, spec, &frame, unit_end)?;
    ends_written(canvas, spec, &frame, &ends)?;
    if spec.kind == Kind::Stacked {
        names_in_bands(canvas, spec, &frame)?;
    }
    Ok(frame.plot)
}

fn value_axis<DB: DrawingBackend>(spec: &ChartSpec, canvas: &Canvas<'_, DB>) -> (Scale, Vec<f64>) {
    let max = spec.at_most.map_or_else(|| spec.max(), |most| spec.max().min(most));
    if spec.log_y
        && matches!(spec.kind, Kind::Lines | Kind::Band)
        && let Some(least) = spec.least()
        && max.is_finite()
    {
        let low = 10f64.powf(least.log10().floor());
        let high = 10f64.powf(max.max(least).log10().ceil()).max(low * 10.0);
        return (Scale::Log(low, high), Scale::decades(low, high * 1.001));
    }
    // A mark every 45 CSS pixels or so; four in the usual chart.
    let tall = f64::from(canvas.height) / f64::from(canvas.px(100.0).max(1)) * 100.0;
    let about = ((tall - axis::ABOVE - axis::BELOW) / 40.0).round().clamp(2.0, 6.0) as usize;
    let ticks = spec.unit.ticks(max, about);
    (Scale::Linear(ticks.last().copied().unwrap_or(1.0)), ticks)
}

/// The columns of the buckets of a run.
fn columns(spec: &ChartSpec, frame: &Frame, run: &Range<usize>) -> Vec<i32> {
    run.clone().map(|i| frame.x(spec.middle(i))).collect()
}

/// The stretches of buckets that have a value.
fn known(spec: &ChartSpec, value: impl Fn(usize) -> Option<f64>) -> Vec<Range<usize>> {
    runs(&(0..spec.times.len()).map(value).collect::<Vec<_>>())
}

fn line<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
    series: &Series,
    ink: Ink,
    width: f64,
) -> Result<(), DrawError> {
    for run in known(spec, |i| series.value(i)) {
        let points: Vec<Point> =
            run.filter_map(|i| Some(frame.at(spec.middle(i), series.value(i)?))).collect();
        match points.as_slice() {
            // A point alone between two gaps would be an invisible line.
            [one] => canvas.dot(*one, 2.0, ink)?,
            _ => canvas.line(points, ink, width, series.dash)?,
        }
    }
    Ok(())
}

/// The pale space between a line and zero.
fn area<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
    series: &Series,
) -> Result<(), DrawError> {
    for run in known(spec, |i| series.value(i)) {
        let xs = columns(spec, frame, &run);
        let (Some(first), Some(last)) = (xs.first().copied(), xs.last().copied()) else { continue };
        let upper = run.zip(xs).map(|(i, x)| (x, frame.y(series.value(i).unwrap_or(0.0))));
        let bottom = frame.plot.bottom;
        canvas.shape(upper.chain([(last, bottom), (first, bottom)]), series.paint.pale(0.2))?;
    }
    Ok(())
}

/// The pale space between two lines, in the colour of the upper one.
fn between<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
    low: &Series,
    high: &Series,
) -> Result<(), DrawError> {
    for run in known(spec, |i| low.value(i).and(high.value(i))) {
        let xs = columns(spec, frame, &run);
        let side = |series: &Series| -> Vec<Point> {
            run.clone().zip(&xs).map(|(i, x)| (*x, frame.y(series.value(i).unwrap_or(0.0)))).collect()
        };
        canvas.shape(side(high).into_iter().chain(side(low).into_iter().rev()), high.paint.pale(0.2))?;
    }
    Ok(())
}

fn stack<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
) -> Result<(), DrawError> {
    let parts = || spec.series.iter().filter(|s| !s.ghost);
    for run in known(spec, |i| parts().filter_map(|s| s.value(i)).reduce(|a, b| a + b)) {
        let xs = columns(spec, frame, &run);
        let mut floor = vec![0.0; run.len()];
        for series in parts() {
            let ceiling: Vec<f64> =
                run.clone().zip(&floor).map(|(i, low)| low + series.value(i).unwrap_or(0.0)).collect();
            if ceiling.iter().zip(&floor).any(|(high, low)| high > low) {
                let side = |values: &[f64]| -> Vec<Point> {
                    xs.iter().zip(values).map(|(x, v)| (*x, frame.y(*v))).collect()
                };
                let (upper, lower) = (side(&ceiling), side(&floor));
                match (upper.as_slice(), lower.as_slice()) {
                    // One bucket between two gaps, which as an area would have no width.
                    ([(x, high)], [(_, low)]) => {
                        let half = canvas.px(1.0).max(1);
                        canvas.rect((x - half, *high), (x + half, *low), series.paint.solid())?;
                    }
                    _ => canvas
                        .shape(upper.into_iter().chain(lower.into_iter().rev()), series.paint.pale(0.88))?,
                }
            }
            floor = ceiling;
        }
    }
    Ok(())
}

/// Where data has not arrived: tinted, hatched, and a word. Zero is a line and the unknown a gap; this is neither.
fn late<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
) -> Result<(), DrawError> {
    let Some(from) = spec.late_from.filter(|at| *at < spec.to) else { return Ok(()) };
    let Plot { right, top, bottom, .. } = frame.plot;
    let left = frame.x(from);
    if left >= right {
        return Ok(());
    }
    let (width, height) = (right - left, bottom - top);
    if !canvas.coarse {
        canvas.rect((left, top), (right, bottom), Paint::Late.pale(0.14))?;
    }
    // Lines from lower left to upper right, cut where they leave the rectangle.
    let gap = canvas.px(8.0).max(2);
    for start in (-(height / gap) * gap..width).step_by(gap as usize) {
        let (low, high) = ((-start).max(0), (width - start).min(height));
        if low < high {
            let point = |d: i32| (left + start + d, bottom - d);
            canvas.line([point(low), point(high)], Paint::Late.pale(0.45), 1.0, Dash::Solid)?;
        }
    }
    let word = "late";
    let wide = canvas.measure(word);
    if wide + canvas.px(8.0) <= width {
        let (x, y) = (left + width / 2, top + height / 2);
        let (dx, dy) = (wide / 2 + canvas.px(3.0), canvas.px(8.0));
        if !canvas.coarse {
            canvas.rect((x - dx, y - dy), (x + dx, y + dy), Paint::Panel.pale(0.85))?;
        }
        canvas.text(word, (x, y), Side::Middle, Paint::Text.solid())?;
    }
    Ok(())
}

/// The words of the limit, over all lines.
fn limit_words<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
) -> Result<(), DrawError> {
    let Some(limit) = &spec.limit else { return Ok(()) };
    let Plot { left, right, top, .. } = frame.plot;
    let y = frame.y(limit.value);
    // They stand above the line, or below where that would be in the row of the flags.
    let above = y - canvas.px(8.0);
    let at = if above - canvas.px(6.0) < top { y + canvas.px(9.0) } else { above };
    let label = canvas.shorten(&plain(&limit.label), (right - left) / 2);
    let start = left + canvas.px(6.0);
    if !canvas.coarse {
        let (half, end) = (canvas.px(6.5), start + canvas.measure(&label) + canvas.px(3.0));
        canvas.rect((start - canvas.px(3.0), at - half), (end, at + half), Paint::Panel.pale(0.9))?;
    }
    canvas.text(&label, (start, at), Side::Left, Paint::Ink.pale(0.85))
}

/// Deployments and the like: a line, a flag on top, and the word where no other is in the way.
fn marks<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
    mut free: i32,
) -> Result<(), DrawError> {
    let Plot { top, bottom, .. } = frame.plot;
    let mut all: Vec<_> = spec.marks_within().collect();
    all.sort_by_key(|m| m.at);
    let (half, tall) = (canvas.px(4.0), canvas.px(6.0));
    for mark in all {
        let x = frame.x(mark.at);
        canvas.line([(x, top), (x, bottom)], Paint::Ink.pale(0.6), 1.0, Dash::Dashed)?;
        if !canvas.coarse {
            canvas.shape([(x - half, top - tall), (x + half, top - tall), (x, top)], Paint::Ink.solid())?;
        }
        let label = canvas.shorten(&plain(&mark.label), canvas.px(90.0));
        let wide = canvas.measure(&label);
        let start = (x - wide / 2).clamp(0, (canvas.width - wide).max(0));
        if !label.is_empty() && start >= free {
            let y = if canvas.coarse { 2 } else { canvas.px(7.0) };
            canvas.text(&label, (start, y), Side::Left, Paint::Ink.solid())?;
            free = start + wide + canvas.px(8.0);
        }
    }
    Ok(())
}

/// The names at the right ends of lines: only of a few, and only where the chart is wide.
fn end_labels<'a, DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &'a ChartSpec,
) -> Vec<(&'a Series, String)> {
    let shown: Vec<&Series> = spec.series.iter().filter(|s| !s.ghost && !s.is_empty()).collect();
    let fits = !canvas.coarse && spec.kind != Kind::Stacked && (2..=6).contains(&shown.len());
    if !fits || canvas.css_width() < ROOM_FOR_LABELS {
        return Vec::new();
    }
    let most = canvas.px(canvas.css_width() / 6.0);
    shown.into_iter().map(|s| (s, canvas.shorten(&text(&plain(&s.name)), most))).collect()
}

fn ends_written<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
    labels: &[(&Series, String)],
) -> Result<(), DrawError> {
    let Plot { right, top, bottom, .. } = frame.plot;
    let last = |s: &Series| (0..spec.times.len()).rev().find_map(|i| s.value(i)).unwrap_or(0.0);
    let mut placed: Vec<(i32, &(&Series, String))> =
        labels.iter().map(|label| (frame.y(last(label.0)), label)).collect();
    placed.sort_by_key(|(y, _)| *y);
    let wanted: Vec<i32> = placed.iter().map(|(y, _)| *y).collect();
    let ys = apart(&wanted, canvas.px(TYPE + 1.5), top, bottom);
    for ((_, (series, name)), y) in placed.iter().zip(ys) {
        canvas.text(name, (right + canvas.px(5.0), y), Side::Left, series.paint.solid())?;
    }
    Ok(())
}

/// Moves ascending positions at least `gap` apart, as little as may be, between `low` and `high`.
fn apart(wanted: &[i32], gap: i32, low: i32, high: i32) -> Vec<i32> {
    let mut placed = wanted.to_vec();
    // Down from the top, then up from the bottom: enough for the few labels of a chart.
    let mut free = low;
    for y in &mut placed {
        *y = (*y).max(free);
        free = *y + gap;
    }
    let mut free = high;
    for y in placed.iter_mut().rev() {
        *y = (*y).min(free);
        free = *y - gap;
    }
    placed
}

/// The names of a stack's parts, each within its own at the right end where it is thick enough for the word.
fn names_in_bands<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    spec: &ChartSpec,
    frame: &Frame,
) -> Result<(), DrawError> {
    let parts: Vec<&Series> = spec.series.iter().filter(|s| !s.ghost && !s.is_empty()).collect();
    let fits = !canvas.coarse && (2..=6).contains(&parts.len()) && canvas.css_width() >= ROOM_FOR_LABELS;
    let whole = |i: usize| parts.iter().filter_map(|s| s.value(i)).reduce(|a, b| a + b);
    let Some(last) = known(spec, whole).pop().filter(|_| fits) else { return Ok(()) };
    let end = frame.x(spec.middle(last.end - 1)) - canvas.px(4.0);
    for (n, series) in parts.iter().enumerate() {
        let name = canvas.shorten(&text(&plain(&series.name)), canvas.px(90.0));
        let start = end - canvas.measure(&name);
        // The room that the part leaves in every bucket the word lies over.
        let (mut upper, mut lower) = (frame.plot.top, frame.plot.bottom);
        let mut covered = false;
        for i in last.clone().rev() {
            let below: f64 = parts[..n].iter().filter_map(|s| s.value(i)).sum();
            upper = upper.max(frame.y(below + series.value(i).unwrap_or(0.0)));
            lower = lower.min(frame.y(below));
            if frame.x(spec.middle(i)) <= start {
                covered = true;
                break;
            }
        }
        if covered && lower - upper >= canvas.px(TYPE + 3.0) {
            canvas.text(&name, (end, i32::midpoint(upper, lower)), Side::Right, Paint::OnFill.solid())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_move_apart_as_little_as_may_be() {
        assert_eq!(apart(&[10, 12, 50], 10, 0, 100), [10, 20, 50]);
        assert_eq!(apart(&[95, 98, 99], 10, 0, 100), [80, 90, 100]);
        assert_eq!(apart(&[-5], 10, 0, 100), [0]);
        assert!(apart(&[], 10, 0, 100).is_empty());
    }
}
