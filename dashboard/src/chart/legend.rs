//! What the colours and dashes of a drawing mean. Kinds that say it within the picture have no entries here.

use super::palette::{Dash, Paint};
use super::{Drawing, Kind, Unit, units};

/// The sign before a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Key {
    /// A line; a ghost's is pale.
    Line { paint: Paint, dash: Dash, ghost: bool },
    /// A filled square.
    Fill(Paint),
}

/// One series of a chart over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) name: String,
    /// The newest value in words, a dash where there is none.
    pub(crate) last: String,
}

/// The legend of a drawing.
pub(crate) fn entries(drawing: &Drawing) -> Vec<Entry> {
    let Drawing::Time(spec) = drawing else { return Vec::new() };
    // The axis says req/s; four times the unit would only break the line.
    let show = |v: f64| match spec.unit {
        Unit::RequestsPerSecond | Unit::PerSecond if v < 10_000.0 => units::number(v),
        unit => unit.show(v),
    };
    let entry = |s: &super::Series| Entry {
        key: if spec.kind == Kind::Stacked && !s.ghost {
            Key::Fill(s.paint)
        } else {
            Key::Line { paint: s.paint, dash: s.dash, ghost: s.ghost }
        },
        name: s.name.clone(),
        last: s.last().map_or_else(|| "—".into(), show),
    };
    spec.series.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_stack_has_squares_and_its_ghost_a_line() {
        let entries = entries(&samples::stacked(12).into());
        let keys: Vec<bool> = entries.iter().map(|e| matches!(e.key, Key::Fill(_))).collect();
        assert_eq!(keys, [true, true, true, true, false]);
    }
}
