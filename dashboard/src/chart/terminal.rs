//! A drawing as text for a terminal: dots of braille, two by four in each cell, and words in cells of their own.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

use super::canvas::{Canvas, TYPE};
use super::legend::{self, Key};
use super::palette::{Dash, Paint, Theme};
use super::{Drawing, font, scan};

/// Draws into at most `columns` by `rows` cells: headline, picture, and a legend with the newest values. Without
/// `colour` there are no escape sequences, and areas differ by how dense their dots are.
pub(crate) fn text(drawing: &Drawing, columns: usize, rows: usize, colour: bool) -> String {
    let (columns, rows) = (columns.clamp(20, 500), rows.clamp(6, 200));
    let legend = legend_lines(drawing, columns, colour, rows / 3);
    let mut out = String::new();
    let title = font::shorten(&font::plain(drawing.title()), columns as i32, |t| cells(t) as i32);
    if colour {
        let _ = writeln!(out, "\u{1b}[1m{title}\u{1b}[0m");
    } else {
        let _ = writeln!(out, "{title}");
    }
    if drawing.is_empty() {
        let _ = writeln!(out, "No data in this time range.");
    } else {
        out.push_str(&picture(drawing, columns, rows - 1 - legend.len(), colour));
    }
    for line in legend {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn picture(drawing: &Drawing, columns: usize, rows: usize, colour: bool) -> String {
    let mut cells = vec![Cell::default(); columns * rows];
    {
        let root = Braille { cells: &mut cells, columns, rows, colour }.into_drawing_area();
        // A row is as high as a line of type. The backend cannot fail.
        let _ = drawing.paint(&Canvas::new(&root, 4.0 / TYPE, Theme::Light, true));
    }
    let mut out = String::new();
    for row in cells.chunks(columns) {
        let mut line = String::new();
        let mut current = None;
        for cell in row {
            let wanted = if colour { cell.colour } else { None };
            let sign = match cell.word {
                Some('\0') => continue,
                Some(c) => c,
                None if cell.dots == 0 => ' ',
                None => char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' '),
            };
            // A blank has no colour to change.
            if sign != ' ' && wanted != current {
                match wanted {
                    Some(code) => {
                        let _ = write!(line, "\u{1b}[38;5;{code}m");
                    }
                    None => line.push_str("\u{1b}[39m"),
                }
                current = wanted;
            }
            line.push(sign);
        }
        line.truncate(line.trim_end().len());
        if current.is_some() {
            line.push_str("\u{1b}[39m");
        }
        out.push_str(&line);
        out.push('\n');
    }
    // A few bars leave the rest of the picture empty.
    out.truncate(out.trim_end_matches('\n').len());
    out.push('\n');
    out
}

fn legend_lines(drawing: &Drawing, columns: usize, colour: bool, most: usize) -> Vec<String> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for entry in legend::entries(drawing) {
        let (sign, paint) = match entry.key {
            Key::Line { paint, ghost: true, .. } => ("╌╌", paint),
            Key::Line { paint, dash: Dash::Solid, .. } => ("──", paint),
            Key::Line { paint, dash: Dash::Dashed, .. } => ("╌╌", paint),
            Key::Line { paint, dash: Dash::Dotted, .. } => ("··", paint),
            Key::Fill(paint) => (if colour { "██" } else { swatch(density(paint, 1.0, false)) }, paint),
        };
        let name = font::shorten(&font::plain(&entry.name), 30, |t| cells(t) as i32);
        let words = format!(" {name} {}", entry.last);
        let words = font::shorten(&words, columns as i32 - 2, |t| cells(t) as i32);
        let wide = 2 + cells(&words);
        let written = match code(paint).filter(|_| colour) {
            Some(code) => format!("\u{1b}[38;5;{code}m{sign}\u{1b}[39m{words}"),
            None => format!("{sign}{words}"),
        };
        match lines.last_mut() {
            Some((used, line)) if *used + 3 + wide <= columns => {
                *used += 3 + wide;
                line.push_str("   ");
                line.push_str(&written);
            }
            _ => lines.push((wide, written)),
        }
    }
    let most_of = match drawing {
        Drawing::Heat(spec) => Some(super::Unit::Count.show(spec.most() as f64)),
        Drawing::Map(spec) => Some(spec.unit.show(spec.most())),
        _ => None,
    };
    if let Some(much) = most_of {
        lines.push((
            0,
            font::shorten(&format!("little ⠁⠡⠥⡩⡭⣭⣯⣿ {much}"), columns as i32, |t| {
                cells(t) as i32
            }),
        ));
    }
    lines.into_iter().take(most.max(1)).map(|(_, line)| line).collect()
}

/// How many cells a text takes.
fn cells(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

/// Nothing for what is put upon the letter before, two for the writing of East Asia and for pictures, else one.
const fn cells_of(c: char) -> usize {
    match c as u32 {
        0x300..=0x36F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F => 2,
        0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The colour of a paint among a terminal's 256, readable on black and on white; none for the terminal's own.
const fn code(paint: Paint) -> Option<u8> {
    match paint {
        Paint::Blue => Some(33),
        Paint::Orange => Some(172),
        Paint::Green => Some(35),
        Paint::Purple => Some(169),
        Paint::Sky => Some(74),
        Paint::Vermillion => Some(202),
        Paint::Ramp(_) => Some(33),
        Paint::Grid | Paint::Axis | Paint::Land | Paint::Late => Some(244),
        Paint::Text | Paint::Ink | Paint::Panel | Paint::OnFill => None,
    }
}

/// How many of a cell's eight dots an area has.
fn density(paint: Paint, alpha: f64, colour: bool) -> u8 {
    match paint {
        Paint::Ramp(step) => step + 1,
        Paint::Land => 1,
        Paint::Panel => 0,
        // Lines would drown in it.
        _ if alpha < 0.4 => 0,
        // Neighbours of a stack differ even without colour.
        _ if colour => 8,
        Paint::Green => 3,
        Paint::Sky => 1,
        Paint::Orange => 5,
        Paint::Purple => 4,
        Paint::Vermillion => 7,
        Paint::Axis => 2,
        _ => 8,
    }
}

const fn swatch(density: u8) -> &'static str {
    match density {
        0..=1 => "⠁⠁",
        2 => "⠡⠡",
        3 => "⠥⠥",
        4 => "⡩⡩",
        5 => "⡭⡭",
        6..=7 => "⣯⣯",
        _ => "⣿⣿",
    }
}

/// The order in which a cell's dots fill up as an area becomes denser, by row and column.
const ORDER: [[u8; 2]; 4] = [[0, 5], [6, 3], [2, 7], [4, 1]];
/// The bits of braille, by row and column.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u8,
    colour: Option<u8>,
    /// A word's letter, which covers the dots; `\0` where a wide letter before it reaches.
    word: Option<char>,
}

/// The backend: a pixel is a dot.
struct Braille<'a> {
    cells: &'a mut [Cell],
    columns: usize,
    rows: usize,
    colour: bool,
}

/// Paint and share of what a style is painted with.
fn paint_of(color: BackendColor) -> Paint {
    let same = |rgb: RGBColor| (rgb.0, rgb.1, rgb.2) == color.rgb;
    let found = Paint::ALL.into_iter().find(|p| same(p.rgb(Theme::Light)) || same(p.label(Theme::Light)));
    found.unwrap_or(Paint::Ink)
}

impl Braille<'_> {
    fn cell(&mut self, x: i32, y: i32) -> Option<&mut Cell> {
        let (column, row) = (usize::try_from(x).ok()? / 2, usize::try_from(y).ok()? / 4);
        if column < self.columns { self.cells.get_mut(row * self.columns + column) } else { None }
    }

    fn set(&mut self, (x, y): BackendCoord, colour: Option<u8>) {
        if let Some(cell) = self.cell(x, y) {
            cell.dots |= BITS[(y & 3) as usize][(x & 1) as usize];
            cell.colour = colour;
        }
    }

    /// A dot of an area: covers what was there before, and may stay empty.
    fn fill(&mut self, (x, y): BackendCoord, density: u8, colour: Option<u8>) {
        let (row, column) = ((y & 3) as usize, (x & 1) as usize);
        if let Some(cell) = self.cell(x, y) {
            if ORDER[row][column] < density {
                cell.dots |= BITS[row][column];
                cell.colour = colour;
            } else {
                cell.dots &= !BITS[row][column];
            }
        }
    }

    fn row_of_area(&mut self, y: i32, from: i32, to: i32, color: BackendColor) {
        let paint = paint_of(color);
        let density = density(paint, color.alpha, self.colour);
        if density == 0 {
            return;
        }
        for x in from.max(0)..to.min(self.columns as i32 * 2) {
            self.fill((x, y), density, code(paint));
        }
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Braille<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.columns as u32 * 2, self.rows as u32 * 4)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.set(point, code(paint_of(color)));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let (_, dash) = Dash::from_width(style.stroke_width());
        let shown = |n: i32| match dash {
            Dash::Solid => true,
            Dash::Dashed => n % 4 < 2,
            Dash::Dotted => n % 3 == 0,
        };
        let colour = code(paint_of(style.color()));
        let mut before: Option<BackendCoord> = None;
        let mut n = 0;
        for (x, y) in path {
            if let Some((x0, y0)) = before {
                let steps = (x - x0).abs().max((y - y0).abs()).max(1);
                for k in 0..=steps {
                    let along =
                        |a: i32, b: i32| a + (f64::from((b - a) * k) / f64::from(steps)).round() as i32;
                    if shown(n) {
                        self.set((along(x0, x), along(y0, y)), colour);
                    }
                    n += i32::from(k < steps);
                }
            }
            before = Some((x, y));
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        for y in top.max(0)..bottom.min(self.rows as i32 * 4).max(top + 1) {
            self.row_of_area(y, left, right.max(left + 1), style.color());
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        for y in scan::rows(&points, self.rows as i32 * 4) {
            for (from, to) in scan::row(&points, f64::from(y) + 0.5) {
                self.row_of_area(y, from.round() as i32, to.round() as i32, style.color());
            }
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        let (r, colour) = (radius as i32, code(paint_of(style.color())));
        for dy in -r..=r {
            for dx in -r..=r {
                if dx * dx + dy * dy <= r * r {
                    self.set((x + dx, y + dy), colour);
                }
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let wide = cells(text) as i32;
        let start = match style.anchor().h_pos {
            HPos::Left => x.div_euclid(2) + x.rem_euclid(2),
            HPos::Center => (x - wide).div_euclid(2),
            HPos::Right => x.div_euclid(2) - wide,
        };
        let row = y.div_euclid(4);
        let colour = code(paint_of(style.color()));
        let mut column = start;
        for c in text.chars() {
            let n = cells_of(c) as i32;
            // What is put upon a letter has no cell of its own here.
            for k in 0..n {
                if let Some(cell) = self.cell((column + k) * 2, row * 4) {
                    *cell = Cell { dots: 0, colour, word: Some(if k == 0 { c } else { '\0' }) };
                }
            }
            column += n;
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((cells(text) as u32 * 2, 4))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::super::spec::tests::small;
    use super::*;

    #[test]
    fn a_gap_is_a_gap() {
        insta::assert_snapshot!(text(&small().into(), 40, 10, false), @"
        Latency
        ms
        20
                      ⠤ ⠉
                  ⡠ ⠊
        10      ⠊
                                          ⢴⠄
         0 ⢀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡀
         1 Jan             00:02          00:04
        ╌╌ p95 5 ms
        ");
    }

    #[test]
    fn within_its_bounds_and_plain_without_colour() {
        for (name, drawing) in samples::all(60) {
            for (columns, rows) in [(80, 24), (20, 6), (200, 60)] {
                let plain = text(&drawing, columns, rows, false);
                assert!(!plain.contains('\u{1b}'), "{name}");
                assert!(plain.lines().count() <= rows, "{name}: {} lines", plain.lines().count());
                assert!(plain.lines().all(|l| cells(l) <= columns), "{name}\n{plain}");
            }
            assert!(text(&drawing, 80, 24, true).contains("\u{1b}[38;5;"), "{name}");
        }
    }

    #[test]
    fn bars_as_text() {
        insta::assert_snapshot!(text(&Drawing::Bars(samples::bars()), 60, 9, false).replace('\u{a0}', "_"), @"
        Most requested
                 /api/v1/tickets ⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿ 48.2 k · 41 %
        /api/v1/tickets/{id}/co… ⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿ 30.1 k · 26 %
                          /login ⣿⣿⣿⣿⣿⡇ 12.5 k · 11 %
        /assets/application-4f2… ⣿⣿⣿⣿⡇ 9_930 · 8 %
                        /healthz ⣿⣿⣿⣿ 8_640 · 7 %
                         /search ⣿⣿ 4_210 · 4 %
                               / ⡇ 950 · 0.8 %
        ");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        let mut spec = small();
        spec.title = "\u{1b}]0;owned\u{7}".into();
        spec.series[0].name = "\u{1b}[2J".into();
        assert!(!text(&spec.into(), 60, 12, false).contains('\u{1b}'));
    }
}
