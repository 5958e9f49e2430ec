//! Charts: a [`Drawing`] says what a picture shows, apart from how it is drawn.
//!
//! `time`, `heat`, `bars`, `pie` and `map` hold one kind each: what it shows and how it is painted on a `canvas`, which
//! is a plotters drawing area of any backend. `svg`, `png` and `terminal` are the backends. `data` is the same
//! drawing as rows; `table`, `csv` and `json` write them down. `legend` says what the colours mean.

mod axis;
mod canvas;
mod font;
mod scan;
mod time;

pub(crate) mod bars;
pub(crate) mod countries;
pub(crate) mod csv;
pub(crate) mod data;
pub(crate) mod heat;
pub(crate) mod json;
pub(crate) mod legend;
pub(crate) mod map;
pub(crate) mod palette;
pub(crate) mod pie;
pub(crate) mod png;
pub(crate) mod samples;
pub(crate) mod sparkline;
pub(crate) mod spec;
pub(crate) mod svg;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod ticks;
pub(crate) mod units;

use plotters::prelude::DrawingBackend;

pub(crate) use bars::{BarSpec, Row};
pub(crate) use heat::HeatSpec;
pub(crate) use map::MapSpec;
pub(crate) use palette::{Dash, Paint, Theme};
pub(crate) use pie::PieSpec;
pub(crate) use spec::{ChartSpec, Kind, Limit, Mark, Series};
pub(crate) use units::Unit;

use canvas::Canvas;

/// A picture of any kind: everything that drawing it and writing it down need.
#[derive(Clone, Debug)]
pub(crate) enum Drawing {
    /// Values over time.
    Time(ChartSpec),
    /// How often which value was met, over time.
    Heat(HeatSpec),
    /// Values side by side.
    Bars(BarSpec),
    /// Parts of a whole.
    Pie(PieSpec),
    /// Values of countries.
    Map(MapSpec),
}

/// The drawing failed; the reason is of use only in a log.
#[derive(Debug, thiserror::Error)]
#[error("a chart could not be drawn: {0}")]
pub(crate) struct DrawError(pub(crate) String);

/// The part of a picture that stands for time, in drawing units: a cross-hair needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plot {
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) top: i32,
    pub(crate) bottom: i32,
}

/// The instants at the two ends of a time axis and the width of a bucket, epoch milliseconds.
pub(crate) type Span = (i64, i64, i64);

impl Drawing {
    /// The headline.
    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Time(spec) => &spec.title,
            Self::Heat(spec) => &spec.title,
            Self::Bars(spec) => &spec.title,
            Self::Pie(spec) => &spec.title,
            Self::Map(spec) => &spec.title,
        }
    }

    /// One sentence for those who hear the picture.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Time(spec) => spec.describe(),
            Self::Heat(spec) => spec.describe(),
            Self::Bars(spec) => spec.describe(),
            Self::Pie(spec) => spec.describe(),
            Self::Map(spec) => spec.describe(),
        }
    }

    /// Whether there is nothing to draw: the page then says so in words.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Time(spec) => spec.series.iter().all(Series::is_empty),
            Self::Heat(spec) => spec.most() == 0,
            Self::Bars(spec) => spec.rows.is_empty(),
            Self::Pie(spec) => spec.slices().is_empty(),
            Self::Map(spec) => spec.most() <= 0.0,
        }
    }

    /// The time axis, of the kinds that have one.
    pub(crate) fn span(&self) -> Option<Span> {
        match self {
            Self::Time(spec) => Some((spec.from, spec.to, spec.step)),
            Self::Heat(spec) => Some((spec.from, spec.to, spec.step)),
            _ => None,
        }
    }

    /// Paints the picture without its headline; tells where time is, of the kinds that have it.
    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<Option<Plot>, DrawError> {
        match self {
            Self::Time(spec) => time::paint(canvas, spec).map(Some),
            Self::Heat(spec) => heat::paint(canvas, spec).map(Some),
            Self::Bars(spec) => bars::paint(canvas, spec).map(|()| None),
            Self::Pie(spec) => pie::paint(canvas, spec).map(|()| None),
            Self::Map(spec) => map::paint(canvas, spec).map(|()| None),
        }
    }
}

impl From<ChartSpec> for Drawing {
    fn from(spec: ChartSpec) -> Self {
        Self::Time(spec)
    }
}
