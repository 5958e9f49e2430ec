//! Parts of a whole.

use std::f64::consts::{FRAC_PI_2, TAU};

use plotters::prelude::DrawingBackend;

use super::bars::{self, Row};
use super::canvas::{Canvas, Side};
use super::font::plain;
use super::palette::{Dash, Paint};
use super::{DrawError, Unit};

/// What a pie shows. Rows without a value above zero are no part of it.
#[derive(Clone, Debug)]
pub(crate) struct PieSpec {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) rows: Vec<Row>,
}

/// As many slices as there are colours that can be told apart; what is less than these is one more, "other".
const SLICES: [Paint; 6] =
    [Paint::Blue, Paint::Orange, Paint::Green, Paint::Purple, Paint::Sky, Paint::Vermillion];

/// One slice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    pub(crate) label: String,
    /// In the unit of the pie.
    pub(crate) value: f64,
    /// Of the whole, 0 to 1.
    pub(crate) share: f64,
    pub(crate) paint: Paint,
}

impl PieSpec {
    /// The slices, the largest first, "other" last.
    pub(crate) fn slices(&self) -> Vec<Slice> {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|r| r.value > 0.0 && r.value.is_finite()).collect();
        rows.sort_by(|a, b| b.value.total_cmp(&a.value));
        let whole: f64 = rows.iter().map(|r| r.value).sum();
        let slice = |label: &str, value: f64, paint| Slice {
            label: label.to_owned(),
            value,
            share: value / whole,
            paint,
        };
        let mut slices: Vec<Slice> =
            rows.iter().zip(SLICES).map(|(r, paint)| slice(&r.label, r.value, paint)).collect();
        let rest = rows.get(SLICES.len()..).unwrap_or_default();
        if !rest.is_empty() {
            let label = format!("other ({})", rest.len());
            slices.push(slice(&label, rest.iter().map(|r| r.value).sum(), Paint::Axis));
        }
        slices
    }

    /// One sentence for those who hear the chart.
    pub(crate) fn describe(&self) -> String {
        let share = |s: Slice| Row::new(s.label, s.share * 100.0);
        bars::describe(&self.slices().into_iter().map(share).collect::<Vec<_>>(), Unit::Percent)
    }
}

/// A share in per cent, short enough for a column.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 0.1 {
        "< 0.1 %".into()
    } else if percent < 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// Paints the pie on the left, and a line for each slice on the right.
pub(crate) fn paint<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, spec: &PieSpec) -> Result<(), DrawError> {
    let slices = spec.slices();
    let edge = canvas.px(6.0);
    let radius = (canvas.height / 2 - edge).min(canvas.width * 21 / 100).max(2);
    let middle = (edge + radius, canvas.height / 2);
    let point = |turn: f64| {
        let (sin, cos) = (turn * TAU - FRAC_PI_2).sin_cos();
        let at = |c: i32, part: f64| c + (part * f64::from(radius)).round() as i32;
        (at(middle.0, cos), at(middle.1, sin))
    };
    // A corner every two drawing units or so looks round.
    let corners = (TAU * f64::from(radius) / 4.0).clamp(24.0, 400.0);
    let mut turn = 0.0;
    for slice in &slices {
        let n = (slice.share * corners).ceil().max(1.0);
        let arc = (0..=n as usize).map(|k| point(turn + slice.share * k as f64 / n));
        canvas.shape(std::iter::once(middle).chain(arc), slice.paint.solid())?;
        turn += slice.share;
    }
    if slices.len() > 1 && !canvas.coarse {
        let mut turn = 0.0;
        for slice in &slices {
            canvas.line([middle, point(turn)], Paint::Panel.solid(), 1.5, Dash::Solid)?;
            turn += slice.share;
        }
    }

    let gap = canvas.px(8.0);
    let left = middle.0 + radius + canvas.px(18.0);
    let key = canvas.px(10.0);
    let row = if canvas.coarse {
        4
    } else {
        canvas.px(19.0).min((canvas.height - edge) / slices.len().max(1) as i32)
    };
    let top = middle.1 - row * slices.len() as i32 / 2 + row / 2;
    let top = if canvas.coarse { top / 4 * 4 + 2 } else { top };
    let shares: Vec<String> = slices.iter().map(|s| percent(s.share)).collect();
    let values: Vec<String> = slices.iter().map(|s| spec.unit.show(s.value)).collect();
    let widest = |texts: &[String]| texts.iter().map(|t| canvas.measure(t)).max().unwrap_or(0);
    let (share_wide, value_wide) = (widest(&shares), widest(&values));
    // In a narrow picture the share alone is enough: the table has the values.
    let valued = canvas.width - left > share_wide + value_wide + canvas.px(110.0);
    let apart = gap + canvas.px(4.0);
    let figures = share_wide + apart + if valued { value_wide + apart } else { 0 };
    let name_room = canvas.width - left - key - gap - figures;
    let names: Vec<String> = slices.iter().map(|s| canvas.shorten(&plain(&s.label), name_room)).collect();
    // Figures stand beside their names, not at the far edge of a wide picture.
    let shares_end = left + key + gap + widest(&names) + apart + share_wide;
    for (i, slice) in slices.iter().enumerate() {
        let y = top + row * i as i32;
        let half = if canvas.coarse { 2 } else { canvas.px(5.0) };
        canvas.rect((left, y - half), (left + key, y + half), slice.paint.solid())?;
        canvas.text(&names[i], (left + key + gap, y), Side::Left, Paint::Ink.solid())?;
        canvas.text(&shares[i], (shares_end, y), Side::Right, Paint::Ink.solid())?;
        if valued {
            canvas.text(
                &values[i],
                (shares_end + apart + value_wide, y),
                Side::Right,
                Paint::Text.solid(),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pie(values: &[f64]) -> PieSpec {
        let rows = values.iter().enumerate().map(|(i, v)| Row::new(format!("r{i}"), *v)).collect();
        PieSpec { title: "Parts".into(), unit: Unit::Count, rows }
    }

    #[test]
    fn the_smallest_are_one_slice() {
        let slices = pie(&[1.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 2.0]).slices();
        assert_eq!(slices.len(), 7);
        assert_eq!((slices[0].label.as_str(), slices[0].value), ("r1", 9.0));
        assert_eq!((slices[6].label.as_str(), slices[6].value), ("other (2)", 3.0));
        assert!((slices.iter().map(|s| s.share).sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_amount_is_no_slice() {
        assert!(pie(&[0.0, -1.0, f64::NAN, f64::INFINITY]).slices().is_empty());
        assert_eq!(pie(&[0.0]).describe(), "No data.");
        assert_eq!(pie(&[3.0, 1.0]).describe(), "r0 75 %; r1 25 %.");
    }
}
