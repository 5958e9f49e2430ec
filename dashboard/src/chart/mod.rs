//! Charts: one [`ChartSpec`] says what a picture shows; `svg` draws it, `table` writes it down for those who
//! cannot see it. Later pictures (PNG, text) start from the same spec.

pub(crate) mod palette;
pub(crate) mod spec;
pub(crate) mod svg;
pub(crate) mod table;
pub(crate) mod ticks;
pub(crate) mod units;

pub(crate) use palette::{Dash, Paint};
pub(crate) use spec::{ChartSpec, Kind, Series};
pub(crate) use units::Unit;
