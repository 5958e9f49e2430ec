//! The axes of charts over time: marks and labels, and which point of the picture an instant and a value have.

use jiff::tz::TimeZone;
use plotters::prelude::DrawingBackend;

use super::canvas::{Canvas, Point, Side};
use super::palette::{Dash, Paint};
use super::ticks::time_ticks;
use super::{DrawError, Plot};

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// From zero to this value.
    Linear(f64),
    /// Between two values above zero, each ten times as high as the one a step below.
    Log(f64, f64),
}

impl Scale {
    /// The share of the height, 0 to 1, that `value` has.
    pub(crate) fn share(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear(top) => value / top,
            Self::Log(low, high) => (value.max(low) / low).ln() / (high / low).ln(),
        };
        // A plain clamp would keep NaN.
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The marks of a logarithmic axis: powers of ten within it.
    pub(crate) fn decades(low: f64, high: f64) -> Vec<f64> {
        let (first, last) = (low.log10().ceil(), high.log10().floor());
        if !(first.is_finite() && last.is_finite()) || last - first > 40.0 {
            return Vec::new();
        }
        // The logarithm of a power of ten may be a hair beside its whole number.
        let first =
            if low.log10() - low.log10().round() < 1e-9 { low.log10().round().min(first) } else { first };
        (first as i32..=last as i32).map(|p| 10f64.powi(p)).collect()
    }
}

/// Where the data is painted, and what its edges mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) plot: Plot,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) scale: Scale,
}

impl Frame {
    /// The column of an instant (epoch milliseconds), within the plot.
    pub(crate) fn x(&self, at: i64) -> i32 {
        let share = (at.saturating_sub(self.from)) as f64 / (self.to.saturating_sub(self.from)).max(1) as f64;
        let Plot { left, right, .. } = self.plot;
        left + (share.clamp(0.0, 1.0) * f64::from(right - left)).round() as i32
    }

    /// The line of a value, within the plot.
    pub(crate) fn y(&self, value: f64) -> i32 {
        let Plot { top, bottom, .. } = self.plot;
        bottom - (self.scale.share(value) * f64::from(bottom - top)).round() as i32
    }

    /// The point of an instant and a value.
    pub(crate) fn at(&self, at: i64, value: f64) -> Point {
        (self.x(at), self.y(value))
    }
}

/// Space above the plot for the unit and the flags of marks, CSS pixels.
pub(crate) const ABOVE: f64 = 20.0;
/// Space below the plot for the labels of time, CSS pixels.
pub(crate) const BELOW: f64 = 21.0;

/// The plot that is left when labels of the widths `labels` stand to its left, and `right` drawing units are kept free.
pub(crate) fn plot<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, labels: &[String], right: i32) -> Plot {
    let widest = labels.iter().map(|l| canvas.measure(l)).max().unwrap_or(0);
    let left = widest + canvas.px(8.0);
    let bottom = if canvas.coarse { canvas.height - 5 } else { canvas.height - canvas.px(BELOW) };
    let top = canvas.px(ABOVE);
    Plot { left, right: (canvas.width - right).max(left + 2), top, bottom: bottom.max(top + 2) }
}

/// Lines across with their labels: the marks of the value axis.
pub(crate) fn values<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: &Frame,
    ticks: &[f64],
    labels: &[String],
) -> Result<(), DrawError> {
    let Plot { left, right, .. } = frame.plot;
    // In a low picture every second label would stand in its neighbour.
    let room = canvas.px(super::canvas::TYPE + 1.0).max(if canvas.coarse { 4 } else { 1 });
    let mut free = i32::MAX;
    for (i, (value, label)) in ticks.iter().zip(labels).enumerate() {
        let y = frame.y(*value);
        let paint = if i == 0 { Paint::Axis } else { Paint::Grid };
        if i == 0 || !canvas.coarse {
            canvas.line([(left, y), (right, y)], paint.solid(), 1.0, Dash::Solid)?;
        }
        if free.saturating_sub(y) >= room {
            canvas.text(label, (left - canvas.px(6.0), y), Side::Right, Paint::Text.solid())?;
            free = y;
        }
    }
    Ok(())
}

/// The marks of the time axis.
pub(crate) fn times<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: &Frame,
    zone: &TimeZone,
) -> Result<(), DrawError> {
    let Plot { left, right, bottom, .. } = frame.plot;
    let most = ((right - left) / canvas.px(47.5).max(1)).max(2) as usize;
    let gap = canvas.px(6.0);
    let mut free = i32::MIN;
    for (at, label) in time_ticks(frame.from, frame.to, zone, most) {
        let x = frame.x(at);
        if !canvas.coarse {
            canvas.line(
                [(x, bottom), (x, bottom + canvas.px(4.0))],
                Paint::Axis.solid(),
                1.0,
                Dash::Solid,
            )?;
        }
        // A label may not stick out of the picture, nor touch the one before; its mark stays where it is.
        let half = canvas.measure(&label) / 2;
        let middle = x.clamp(half, (canvas.width - half - 1).max(half));
        if middle - half >= free {
            let y = if canvas.coarse { canvas.height - 2 } else { bottom + canvas.px(13.0) };
            canvas.text(&label, (middle, y), Side::Middle, Paint::Text.solid())?;
            free = middle + half + gap;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_stay_within_the_axis() {
        let linear = Scale::Linear(10.0);
        assert_eq!([linear.share(5.0), linear.share(-1.0), linear.share(11.0)], [0.5, 0.0, 1.0]);
        assert_eq!(linear.share(f64::NAN), 0.0);
        let log = Scale::Log(1.0, 100.0);
        assert!((log.share(10.0) - 0.5).abs() < 1e-9);
        assert_eq!([log.share(0.0), log.share(1000.0)], [0.0, 1.0]);
    }

    #[test]
    fn decades_lie_within() {
        assert_eq!(Scale::decades(1.0, 1000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(Scale::decades(2.0, 500.0), [10.0, 100.0]);
        assert!(Scale::decades(0.0, 10.0).is_empty());
    }
}
