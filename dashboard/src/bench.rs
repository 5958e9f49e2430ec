//! What `benches/draw.rs` and `examples/gallery.rs` need of the charts. No part of the interface.

use crate::chart::svg::{NARROW, WIDE};
use crate::chart::{Drawing, Theme, png, samples, sparkline, svg, table, terminal};

/// A drawing with made-up figures.
#[derive(Clone, Debug)]
pub struct Sample(Drawing);

/// One of each kind, by name; those over time with `buckets` buckets.
#[must_use]
pub fn samples(buckets: usize) -> Vec<(&'static str, Sample)> {
    samples::all(buckets).into_iter().map(|(name, drawing)| (name, Sample(drawing))).collect()
}

const fn theme(dark: bool) -> Theme {
    if dark { Theme::Dark } else { Theme::Light }
}

impl Sample {
    /// As on a page: the wide drawing, or the narrow one. Empty when it failed.
    #[must_use]
    pub fn svg(&self, wide: bool) -> String {
        svg::svg(&self.0, if wide { WIDE } else { NARROW }).unwrap_or_default()
    }

    /// As in a chat. Empty when it failed.
    #[must_use]
    pub fn png(&self, width: u32, height: u32, dark: bool) -> Vec<u8> {
        png::png(&self.0, width, height, theme(dark)).unwrap_or_default()
    }

    /// As in a terminal.
    #[must_use]
    pub fn text(&self, columns: usize, rows: usize, colour: bool) -> String {
        terminal::text(&self.0, columns, rows, colour)
    }

    /// The table beneath the drawing, as HTML.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(&self.0, "sample").into_string()
    }
}

/// All of them on one picture. Empty when it failed.
#[must_use]
pub fn sheet(samples: &[(&'static str, Sample)], columns: usize, dark: bool) -> Vec<u8> {
    let drawings: Vec<Drawing> = samples.iter().map(|(_, s)| s.0.clone()).collect();
    png::sheet("Week 48 of 2026", &drawings, columns, theme(dark)).unwrap_or_default()
}

/// A line as small as a word.
#[must_use]
pub fn spark(values: &[Option<f64>]) -> String {
    sparkline::sparkline(values, 80, 20)
}

/// The style sheet of the pages.
pub const CSS: &str = crate::assets::CSS;
