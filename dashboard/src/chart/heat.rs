//! A heatmap: how often which value was met, over time.

use jiff::tz::TimeZone;
use plotters::prelude::DrawingBackend;

use super::axis::{self, Frame, Scale};
use super::canvas::{Canvas, Side, TYPE};
use super::palette::{Dash, Paint};
use super::{DrawError, Plot, Unit};
use crate::language::{plain, t};

/// What a heatmap shows.
#[derive(Clone, Debug)]
pub(crate) struct HeatSpec {
    pub(crate) title: String,
    /// The unit of `bounds`.
    pub(crate) unit: Unit,
    /// The time axis, epoch milliseconds.
    pub(crate) from: i64,
    /// End of the time axis, epoch milliseconds.
    pub(crate) to: i64,
    /// Width of a bucket of time, milliseconds.
    pub(crate) step: i64,
    /// Starts of the buckets of time, epoch milliseconds, ascending.
    pub(crate) times: Vec<i64>,
    /// Edges of the buckets of values, ascending: one more than there are buckets. The first may be 0 and the last
    /// infinite.
    pub(crate) bounds: Vec<f64>,
    /// How many values, by bucket of time and then of value. A bucket of time that is not known has no counts, or only
    /// `None`: a gap.
    pub(crate) counts: Vec<Vec<Option<u64>>>,
    pub(crate) zone: TimeZone,
}

impl HeatSpec {
    /// The count of a cell, none where it is not known.
    pub(crate) fn count(&self, time: usize, bucket: usize) -> Option<u64> {
        self.counts.get(time)?.get(bucket).copied().flatten()
    }

    /// How many buckets of values there are.
    pub(crate) fn buckets(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The largest count.
    pub(crate) fn most(&self) -> u64 {
        self.counts.iter().flatten().flatten().copied().max().unwrap_or(0)
    }

    /// The words for a bucket of values: `10 ms – 20 ms`, `over 1 s`.
    pub(crate) fn bucket_name(&self, bucket: usize) -> String {
        let edge = |i: usize| self.bounds.get(i).copied().unwrap_or(f64::INFINITY);
        let (low, high) = (edge(bucket), edge(bucket + 1));
        if high.is_infinite() {
            format!("over {}", decade(self.unit, low))
        } else {
            format!("{} – {}", decade(self.unit, low), decade(self.unit, high))
        }
    }

    /// One sentence for those who hear the chart.
    pub(crate) fn describe(&self) -> String {
        let mut total = vec![0u64; self.buckets()];
        for row in &self.counts {
            for (sum, count) in total.iter_mut().zip(row) {
                *sum += count.unwrap_or(0);
            }
        }
        let all: u64 = total.iter().sum();
        match total.iter().enumerate().max_by_key(|(_, sum)| **sum) {
            Some((bucket, _)) if all > 0 => plain!(
                "{n} values, most of them {bucket}; at most {most} in one cell.",
                n = Unit::Count.show(all as f64),
                bucket = self.bucket_name(bucket),
                most = Unit::Count.show(self.most() as f64)
            ),
            _ => t!("No data in this time range.").into_owned(),
        }
    }

    /// Finite edges above zero for the logarithmic axis: an edge at 0 or at infinity is put as far out as the bucket
    /// beside it is high.
    fn edges(&self) -> Vec<f64> {
        let mut edges = self.bounds.clone();
        let inner: Vec<f64> = edges.iter().copied().filter(|e| *e > 0.0 && e.is_finite()).collect();
        let ratio = match inner.as_slice() {
            [a, b, ..] if b > a => b / a,
            _ => 10.0,
        };
        if let (Some(edge), Some(next)) = (edges.first().copied(), inner.first())
            && edge <= 0.0
        {
            edges[0] = next / ratio;
        }
        if let (Some(edge), Some(before)) = (edges.last_mut(), inner.last())
            && !edge.is_finite()
        {
            *edge = before * ratio;
        }
        edges
    }
}

/// A round value with the unit that fits it, so that a thousand milliseconds are a second.
fn decade(unit: Unit, value: f64) -> String {
    if unit == Unit::Millis && value >= 1000.0 {
        Unit::Seconds.show(value / 1000.0)
    } else {
        unit.show(value)
    }
}

/// Paints the heatmap over the whole canvas.
pub(crate) fn paint<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, spec: &HeatSpec) -> Result<Plot, DrawError> {
    let edges = spec.edges();
    let low = edges.first().copied().filter(|e| *e > 0.0 && e.is_finite()).unwrap_or(1.0);
    let high = edges.last().copied().filter(|e| *e > low && e.is_finite()).unwrap_or(low * 10.0);
    let ticks = Scale::decades(low, high);
    let labels: Vec<String> = ticks.iter().map(|t| decade(spec.unit, *t)).collect();
    let frame = Frame {
        plot: axis::plot(canvas, &labels, canvas.px(6.0)),
        from: spec.from,
        to: spec.to,
        scale: Scale::Log(low, high),
    };
    let Plot { left, right, bottom, .. } = frame.plot;
    let most = spec.most();

    // One paint after the other, so that the backend may take neighbours together.
    let cells = cells(spec, &edges, &frame, most);
    for paint in std::iter::once(Paint::Land).chain((0..Paint::STEPS).map(Paint::Ramp)) {
        for cell in cells.iter().filter(|c| c.paint == paint) {
            canvas.rect((cell.left, cell.top), (cell.right, cell.bottom), paint.solid())?;
        }
    }
    for (value, label) in ticks.iter().zip(&labels) {
        let y = frame.y(*value);
        if !canvas.coarse {
            canvas.line([(left - canvas.px(4.0), y), (left, y)], Paint::Axis.solid(), 1.0, Dash::Solid)?;
        }
        canvas.text(label, (left - canvas.px(6.0), y), Side::Right, Paint::Text.solid())?;
    }
    canvas.line([(left, bottom), (right, bottom)], Paint::Axis.solid(), 1.0, Dash::Solid)?;
    axis::times(canvas, &frame, &spec.zone)?;
    if !canvas.coarse {
        ramp(canvas, (right, canvas.px(8.0)), "1", &Unit::Count.show(most as f64))?;
    }
    Ok(frame.plot)
}

/// Cells of one paint that touch.
struct Cell {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
    paint: Paint,
}

/// The rectangles of the map: cells of one paint that lie above each other in a column are one.
fn cells(spec: &HeatSpec, edges: &[f64], frame: &Frame, most: u64) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for (i, start) in spec.times.iter().enumerate() {
        let (left, right) = (frame.x(*start), frame.x(start.saturating_add(spec.step)));
        if right <= left {
            continue;
        }
        for (bucket, pair) in edges.windows(2).enumerate() {
            let (Some(count), [low, high]) = (spec.count(i, bucket), pair) else { continue };
            let paint = Paint::ramp(count as f64, most as f64).unwrap_or(Paint::Land);
            let (top, bottom) = (frame.y(*high), frame.y(*low));
            match cells.last_mut() {
                Some(below) if below.left == left && below.paint == paint && below.top == bottom => {
                    below.top = top;
                }
                _ => cells.push(Cell { left, right, top, bottom, paint }),
            }
        }
    }
    cells
}

/// The legend of the ramp, its right end at `at`: little on the left, much on the right.
pub(super) fn ramp<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (right, y): (i32, i32),
    little: &str,
    much: &str,
) -> Result<(), DrawError> {
    let (step, half, gap) = (canvas.px(10.0), canvas.px(TYPE / 2.0 - 1.0), canvas.px(5.0));
    canvas.text(much, (right, y), Side::Right, Paint::Text.solid())?;
    let end = right - canvas.measure(much) - gap;
    let start = end - step * i32::from(Paint::STEPS);
    for i in 0..Paint::STEPS {
        let x = start + step * i32::from(i);
        canvas.rect((x, y - half), (x + step, y + half), Paint::Ramp(i).solid())?;
    }
    canvas.text(little, (start - gap, y), Side::Right, Paint::Text.solid())
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn edges_at_zero_and_infinity_are_as_far_as_their_neighbours() {
        let mut spec = samples::heat(3);
        spec.bounds = vec![0.0, 1.0, 2.0, 4.0, f64::INFINITY];
        assert_eq!(spec.edges(), [0.5, 1.0, 2.0, 4.0, 8.0]);
        assert_eq!(spec.bucket_name(0), "0 ms – 1 ms");
        assert_eq!(spec.bucket_name(3), "over 4 ms");
        spec.bounds = vec![0.0, f64::INFINITY];
        assert_eq!(spec.edges().len(), 2);
        spec.bounds.clear();
        assert!(spec.edges().is_empty());
    }

    #[test]
    fn unknown_is_not_zero() {
        let mut spec = samples::heat(3);
        spec.counts = vec![vec![Some(0); spec.buckets()], Vec::new(), vec![None; spec.buckets()]];
        let frame = Frame {
            plot: Plot { left: 0, right: 300, top: 0, bottom: 100 },
            from: spec.from,
            to: spec.to,
            scale: Scale::Log(1.0, 100.0),
        };
        let cells = cells(&spec, &spec.edges(), &frame, 0);
        assert!(!cells.is_empty() && cells.iter().all(|c| c.paint == Paint::Land && c.right <= 100));
        assert_eq!(spec.describe(), "No data in this time range.");
    }
}
