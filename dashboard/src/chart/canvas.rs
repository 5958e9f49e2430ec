//! What all charts paint on: a plotters drawing area of any backend, measured in CSS pixels.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::DrawError;
use super::font::{plain, shorten};
use super::palette::{Dash, Ink, Paint, Theme};

/// A point in drawing units: pixels of the backend, from the canvas's own upper left corner.
pub(crate) type Point = (i32, i32);

/// The size of all labels, in CSS pixels.
pub(crate) const TYPE: f64 = 11.0;

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Left,
    Middle,
    Right,
}

/// A part of a drawing area.
pub(crate) struct Canvas<'a, DB: DrawingBackend> {
    root: &'a DrawingArea<DB, Shift>,
    origin: Point,
    /// Width in drawing units.
    pub(crate) width: i32,
    /// Height in drawing units.
    pub(crate) height: i32,
    /// Drawing units to a CSS pixel.
    unit: f64,
    /// The colours; always light for an SVG, whose style sheet turns it dark.
    pub(crate) theme: Theme,
    /// A terminal: a dot is as wide as a line, so what only pleases the eye is left out.
    pub(crate) coarse: bool,
}

fn fail(e: impl std::fmt::Display) -> DrawError {
    DrawError(e.to_string())
}

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    /// The whole of a drawing area, with `unit` drawing units to a CSS pixel.
    pub(crate) fn new(root: &'a DrawingArea<DB, Shift>, unit: f64, theme: Theme, coarse: bool) -> Self {
        let (width, height) = root.dim_in_pixel();
        Self { root, origin: (0, 0), width: width as i32, height: height as i32, unit, theme, coarse }
    }

    /// A part of this canvas, as one of its own.
    pub(crate) fn part(&self, (x, y): Point, width: i32, height: i32) -> Self {
        let origin = (self.origin.0 + x, self.origin.1 + y);
        Self { origin, width: width.max(1), height: height.max(1), ..*self }
    }

    /// CSS pixels in drawing units.
    pub(crate) fn px(&self, css: f64) -> i32 {
        (css * self.unit).round() as i32
    }

    /// The width in CSS pixels: what fits beside what.
    pub(crate) fn css_width(&self) -> f64 {
        f64::from(self.width) / self.unit
    }

    fn place(&self, (x, y): Point) -> Point {
        (x.saturating_add(self.origin.0), y.saturating_add(self.origin.1))
    }

    fn stroke(&self, ink: Ink, width: f64, dash: Dash) -> ShapeStyle {
        let width = if self.coarse { 1 } else { self.px(width).max(1) as u32 };
        ink.paint.rgb(self.theme).mix(ink.alpha).stroke_width(dash.into_width(width))
    }

    fn fill(&self, ink: Ink) -> ShapeStyle {
        ink.paint.rgb(self.theme).mix(ink.alpha).filled()
    }

    /// A line through `points`, `width` CSS pixels wide.
    pub(crate) fn line(
        &self,
        points: impl IntoIterator<Item = Point>,
        ink: Ink,
        width: f64,
        dash: Dash,
    ) -> Result<(), DrawError> {
        let points: Vec<Point> = points.into_iter().map(|p| self.place(p)).collect();
        if points.len() < 2 {
            return Ok(());
        }
        self.root.draw(&PathElement::new(points, self.stroke(ink, width, dash))).map_err(fail)
    }

    /// A filled shape.
    pub(crate) fn shape(&self, points: impl IntoIterator<Item = Point>, ink: Ink) -> Result<(), DrawError> {
        let points: Vec<Point> = points.into_iter().map(|p| self.place(p)).collect();
        if points.len() < 3 {
            return Ok(());
        }
        self.root.draw(&Polygon::new(points, self.fill(ink))).map_err(fail)
    }

    /// A filled rectangle between two corners.
    pub(crate) fn rect(&self, a: Point, b: Point, ink: Ink) -> Result<(), DrawError> {
        self.root.draw(&Rectangle::new([self.place(a), self.place(b)], self.fill(ink))).map_err(fail)
    }

    /// A filled circle, `radius` CSS pixels.
    pub(crate) fn dot(&self, at: Point, radius: f64, ink: Ink) -> Result<(), DrawError> {
        let radius = self.px(radius).max(if self.coarse { 0 } else { 1 });
        self.root.draw(&Circle::new(self.place(at), radius, self.fill(ink))).map_err(fail)
    }

    fn style(&self, ink: Ink, size: f64) -> TextStyle<'static> {
        let color = ink.paint.label(self.theme).mix(ink.alpha);
        let font = TextStyle::from(("sans-serif", size * self.unit).into_font());
        TextStyle { color: color.to_backend_color(), ..font }
    }

    /// A text whose left end, middle or right end is at `at`, half of its height above and below.
    pub(crate) fn text(&self, text: &str, at: Point, side: Side, ink: Ink) -> Result<(), DrawError> {
        self.text_sized(text, at, side, ink, TYPE)
    }

    /// The same in another type size, CSS pixels.
    pub(crate) fn text_sized(
        &self,
        text: &str,
        at: Point,
        side: Side,
        ink: Ink,
        size: f64,
    ) -> Result<(), DrawError> {
        if text.is_empty() {
            return Ok(());
        }
        let side = match side {
            Side::Left => HPos::Left,
            Side::Middle => HPos::Center,
            Side::Right => HPos::Right,
        };
        let style = self.style(ink, size).pos(Pos::new(side, VPos::Center));
        self.root.draw_text(&plain(text), &style, self.place(at)).map_err(fail)
    }

    /// How wide a text is, in drawing units.
    pub(crate) fn measure(&self, text: &str) -> i32 {
        self.measure_sized(text, TYPE)
    }

    /// The same in another type size, CSS pixels.
    pub(crate) fn measure_sized(&self, text: &str, size: f64) -> i32 {
        let style = self.style(Paint::Text.solid(), size);
        self.root.estimate_text_size(text, &style).map_or(0, |s| s.0 as i32)
    }

    /// A text cut to `most` drawing units.
    pub(crate) fn shorten(&self, text: &str, most: i32) -> String {
        shorten(text, most, |t| self.measure(t))
    }
}
