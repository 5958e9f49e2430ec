//! Values side by side, as horizontal bars.

use plotters::prelude::DrawingBackend;

use super::canvas::{Canvas, Side};
use super::font;
use super::palette::{Dash, Paint};
use super::{DrawError, Unit};
use crate::language::{plain, t};

/// One named value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// In the unit of the picture.
    pub(crate) value: f64,
    /// A few words behind the value, e.g. `12 % of all`.
    pub(crate) note: Option<String>,
}

impl Row {
    /// A row without a note.
    pub(crate) fn new(label: impl Into<String>, value: f64) -> Self {
        Self { label: label.into(), value, note: None }
    }
}

/// What a bar chart shows, in the order in which the rows shall stand.
#[derive(Clone, Debug)]
pub(crate) struct BarSpec {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) rows: Vec<Row>,
}

impl BarSpec {
    /// One sentence for those who hear the chart.
    pub(crate) fn describe(&self) -> String {
        describe(&self.rows, self.unit)
    }

    /// The largest value.
    fn most(&self) -> f64 {
        self.rows.iter().map(|r| r.value).filter(|v| v.is_finite()).fold(0.0, f64::max)
    }
}

/// The first rows in words.
pub(super) fn describe(rows: &[Row], unit: Unit) -> String {
    const SPOKEN: usize = 6;
    let first: Vec<String> =
        rows.iter().take(SPOKEN).map(|r| format!("{} {}", r.label, unit.show(r.value))).collect();
    match rows.len() {
        0 => t!("No data.").into_owned(),
        1..=SPOKEN => format!("{}.", first.join("; ")),
        n => plain!("{first}; and {n} more.", first = first.join("; "), n = (n - SPOKEN).to_string()),
    }
}

/// A row is at most this high, CSS pixels: few bars are not fat bars.
const HIGH: f64 = 26.0;
/// A row is at least this high, CSS pixels, or there are too many of them.
const LOW: f64 = 14.0;

/// Paints the bars over the whole canvas. Rows that find no room are counted in a last line.
pub(crate) fn paint<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, spec: &BarSpec) -> Result<(), DrawError> {
    let edge = canvas.px(4.0);
    let low = if canvas.coarse { 4 } else { canvas.px(LOW).max(1) };
    let room = ((canvas.height - edge) / low).max(1) as usize;
    let (shown, hidden) = if spec.rows.len() > room {
        (room.saturating_sub(1), spec.rows.len() - room.saturating_sub(1))
    } else {
        (spec.rows.len(), 0)
    };
    let lines = (shown + usize::from(hidden > 0)).max(1) as i32;
    let pitch = ((canvas.height - edge) / lines).clamp(low, canvas.px(HIGH).max(low));
    let pitch = if canvas.coarse { 4 } else { pitch };

    let rows = &spec.rows[..shown];
    let most_label = canvas.width * 2 / 5;
    let labels: Vec<String> =
        rows.iter().map(|r| canvas.shorten(&font::plain(&r.label), most_label)).collect();
    let values: Vec<String> = rows
        .iter()
        .map(|r| match &r.note {
            Some(note) => format!("{} · {}", spec.unit.show(r.value), font::plain(note)),
            None => spec.unit.show(r.value),
        })
        .map(|v| canvas.shorten(&v, canvas.width / 3))
        .collect();
    let widest = |texts: &[String]| texts.iter().map(|t| canvas.measure(t)).max().unwrap_or(0);
    let gap = canvas.px(6.0);
    let left = widest(&labels) + gap;
    let longest = (canvas.width - left - widest(&values) - gap).max(2);
    let half = if canvas.coarse { 2 } else { (f64::from(pitch) * 0.31).round() as i32 };
    let most = spec.most();
    for (i, row) in rows.iter().enumerate() {
        let y = edge / 2 + pitch * i as i32 + pitch / 2;
        let share =
            if most > 0.0 && row.value.is_finite() { (row.value / most).clamp(0.0, 1.0) } else { 0.0 };
        let long = (share * f64::from(longest)).round() as i32;
        // Little is not nothing.
        let long = if row.value > 0.0 { long.max(canvas.px(1.0).max(1)) } else { long };
        canvas.text(&labels[i], (left - gap, y), Side::Right, Paint::Ink.solid())?;
        if long > 0 {
            canvas.rect((left, y - half), (left + long, y + half), Paint::Blue.solid())?;
        }
        canvas.text(&values[i], (left + long + gap, y), Side::Left, Paint::Text.solid())?;
    }
    if !canvas.coarse && shown > 0 {
        let bottom = edge / 2 + pitch * shown as i32;
        canvas.line([(left, edge / 2), (left, bottom)], Paint::Axis.solid(), 1.0, Dash::Solid)?;
    }
    if hidden > 0 {
        let y = edge / 2 + pitch * shown as i32 + pitch / 2;
        canvas.text(&format!("and {hidden} more"), (left, y), Side::Left, Paint::Text.solid())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::svg::{NARROW, svg};
    use super::super::{Drawing, samples};
    use super::*;

    #[test]
    fn rows_without_room_are_counted() {
        let mut spec = samples::bars();
        spec.rows = (0..40).map(|i| Row::new(format!("row {i}"), 40.0 - f64::from(i))).collect();
        let svg = svg(&Drawing::Bars(spec), NARROW).expect("drawn");
        assert!(svg.contains(">and 27 more</text>"), "{svg}");
    }

    #[test]
    fn odd_values_are_no_reason_to_fail() {
        let mut spec = samples::bars();
        spec.rows = [f64::NAN, f64::INFINITY, -1.0, 0.0].map(|v| Row::new("x", v)).to_vec();
        assert!(svg(&Drawing::Bars(spec), NARROW).is_ok());
    }
}
