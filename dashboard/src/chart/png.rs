//! A drawing as PNG, for a chat or a report: with its headline, legend and unit, since it stands alone.
//!
//! Over plotters' bitmap backend, at twice the size, which is then halved: that is what makes edges smooth. Words,
//! lines and shapes are drawn here: plotters' own words stand too high and on whole pixels, its lines have spikes.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

use super::canvas::{Canvas, Side, TYPE};
use super::legend::{self, Key};
use super::palette::{Dash, Paint, Theme};
use super::{DrawError, Drawing, font, scan};

/// How much larger than the picture everything is painted.
const FINER: u32 = 2;
/// The smallest and the largest edge of a picture, pixels.
const EDGES: (u32, u32) = (160, 4096);
/// The size of the headline, CSS pixels.
const HEADLINE: f64 = 15.0;
/// Space around a picture, CSS pixels.
const MARGIN: f64 = 16.0;

/// Draws a picture of `width` by `height` pixels (each between 160 and 4096; what is beyond is that). The wider it is, the
/// larger is its type, up to four times the size on the page.
///
/// # Errors
/// When plotters or the encoder refuses: not for any data.
pub(crate) fn png(drawing: &Drawing, width: u32, height: u32, theme: Theme) -> Result<Vec<u8>, DrawError> {
    let (width, height) = (width.clamp(EDGES.0, EDGES.1), height.clamp(EDGES.0, EDGES.1));
    // Type that suits a low picture too.
    let unit = (f64::from(width) / 640.0).min(f64::from(height) / 250.0).clamp(1.0, 4.0);
    let picture = Picture::paint(width, height, unit, theme, |canvas| alone(canvas, drawing))?;
    picture.encode()
}

/// Puts several drawings into one picture, `columns` beside each other, below a headline: for a report.
///
/// # Errors
/// As [`png`].
pub(crate) fn sheet(
    headline: &str,
    drawings: &[Drawing],
    columns: usize,
    theme: Theme,
) -> Result<Vec<u8>, DrawError> {
    const UNIT: f64 = 1.5;
    const PANEL: (u32, u32) = (540 * 3 / 2, 300 * 3 / 2);
    const HEAD: u32 = 52 * 3 / 2;
    // No more than fit into the largest picture.
    let columns = columns.clamp(1, 4).min(drawings.len().max(1));
    let rows = drawings.len().div_ceil(columns).clamp(1, 40);
    let (width, height) = (PANEL.0 * columns as u32, HEAD + PANEL.1 * rows as u32);
    let head = Picture::paint(width, HEAD, UNIT, theme, |canvas| {
        let (x, y) = (canvas.px(MARGIN), canvas.px(28.0));
        let most = canvas.width - 2 * x;
        let text = font::shorten(&font::plain(headline), most, |t| canvas.measure_sized(t, 20.0));
        canvas.text_sized(&text, (x, y), Side::Left, Paint::Ink.solid(), 20.0)?;
        let line = [(x, canvas.height - 2), (canvas.width - x, canvas.height - 2)];
        canvas.line(line, Paint::Grid.solid(), 1.0, Dash::Solid)
    })?;
    let mut whole = Picture::blank(width, height, theme);
    whole.put(&head, 0, 0);
    for (i, drawing) in drawings.iter().take(rows * columns).enumerate() {
        let panel = Picture::paint(PANEL.0, PANEL.1, UNIT, theme, |canvas| alone(canvas, drawing))?;
        let (column, row) = ((i % columns) as u32, (i / columns) as u32);
        whole.put(&panel, column * PANEL.0, HEAD + row * PANEL.1);
    }
    whole.encode()
}

/// A drawing with all that the page would write around it.
fn alone<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, drawing: &Drawing) -> Result<(), DrawError> {
    let margin = canvas.px(MARGIN);
    let inner = canvas.part((margin, 0), canvas.width - 2 * margin, canvas.height);
    let title =
        font::shorten(&font::plain(drawing.title()), inner.width, |t| inner.measure_sized(t, HEADLINE));
    let mut y = canvas.px(MARGIN + HEADLINE / 2.0);
    inner.text_sized(&title, (0, y), Side::Left, Paint::Ink.solid(), HEADLINE)?;
    y += canvas.px(HEADLINE / 2.0 + 6.0);
    y = entries(&inner, drawing, y)? + canvas.px(6.0);
    let height = canvas.height - y - canvas.px(MARGIN - 6.0);
    let picture = inner.part((0, y), inner.width, height);
    if drawing.is_empty() {
        let middle = (picture.width / 2, picture.height / 2);
        return picture.text("No data in this time range.", middle, Side::Middle, Paint::Text.solid());
    }
    drawing.paint(&picture).map(|_| ())
}

/// The legend, in as many lines as it needs (at most three); returns where it ends.
fn entries<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    drawing: &Drawing,
    top: i32,
) -> Result<i32, DrawError> {
    let entries = legend::entries(drawing);
    if entries.is_empty() {
        return Ok(top);
    }
    let (line, key, gap) = (canvas.px(TYPE + 6.0), canvas.px(20.0), canvas.px(6.0));
    let (mut x, mut y) = (0, top + line / 2);
    for (i, entry) in entries.iter().enumerate() {
        let name = canvas.shorten(&font::plain(&entry.name), canvas.px(180.0));
        let (name_wide, wide) = (canvas.measure(&name), canvas.measure(&entry.last));
        let all = key + gap + name_wide + gap + wide;
        if x > 0 && x + all > canvas.width {
            if y > top + 2 * line {
                let rest = format!("and {} more", entries.len() - i);
                canvas.text(&rest, (x, y), Side::Left, Paint::Text.solid())?;
                break;
            }
            (x, y) = (0, y + line);
        }
        match entry.key {
            Key::Line { paint, dash, ghost } => {
                let ink = paint.pale(if ghost { 0.55 } else { 1.0 });
                canvas.line([(x, y), (x + key, y)], ink, 2.0, dash)?;
            }
            Key::Fill(paint) => {
                let half = canvas.px(5.0);
                canvas.rect((x + key / 2 - half, y - half), (x + key / 2 + half, y + half), paint.solid())?;
            }
        }
        canvas.text(&name, (x + key + gap, y), Side::Left, Paint::Text.solid())?;
        canvas.text(&entry.last, (x + key + gap + name_wide + gap, y), Side::Left, Paint::Ink.solid())?;
        x += all + canvas.px(16.0);
    }
    Ok(y + line / 2)
}

/// Pixels, three bytes each.
struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    fn blank(width: u32, height: u32, theme: Theme) -> Self {
        let RGBColor(r, g, b) = Paint::Panel.rgb(theme);
        let rgb = [r, g, b].repeat(width as usize * height as usize);
        Self { width, height, rgb }
    }

    /// A picture painted finer and made smaller. `unit` is pixels to a CSS pixel.
    fn paint(
        width: u32,
        height: u32,
        unit: f64,
        theme: Theme,
        paint: impl FnOnce(&Canvas<'_, Bitmap<'_>>) -> Result<(), DrawError>,
    ) -> Result<Self, DrawError> {
        let unit = unit * f64::from(FINER);
        let mut fine = Self::blank(width * FINER, height * FINER, theme);
        {
            let inner = BitMapBackend::with_buffer(&mut fine.rgb, (fine.width, fine.height));
            let root = Bitmap { inner, unit }.into_drawing_area();
            paint(&Canvas::new(&root, unit, theme, false))?;
            root.present().map_err(|e| DrawError(e.to_string()))?;
        }
        Ok(fine.halved())
    }

    /// Each pixel the mean of four.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / FINER, self.height / FINER);
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        let row = self.width as usize * 3;
        for two in self.rgb.chunks_exact(row * 2) {
            let (upper, lower) = two.split_at(row);
            for (u, l) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
                for c in 0..3 {
                    let sum = [u[c], u[c + 3], l[c], l[c + 3]].into_iter().map(u16::from).sum::<u16>();
                    rgb.push(((sum + 2) / 4) as u8);
                }
            }
        }
        Self { width, height, rgb }
    }

    /// Copies another picture into this one; what sticks out is cut.
    fn put(&mut self, other: &Self, x: u32, y: u32) {
        let (row, wide) = (self.width as usize * 3, other.width as usize * 3);
        for (i, line) in other.rgb.chunks_exact(wide).enumerate() {
            let start = (y as usize + i) * row + x as usize * 3;
            let keep = wide.min(row.saturating_sub(x as usize * 3));
            if let Some(target) = self.rgb.get_mut(start..start + keep) {
                target.copy_from_slice(&line[..keep]);
            }
        }
    }

    fn encode(&self) -> Result<Vec<u8>, DrawError> {
        let fail = |e: ::png::EncodingError| DrawError(e.to_string());
        let mut out = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut out, self.width, self.height);
        encoder.set_color(::png::ColorType::Rgb);
        encoder.set_depth(::png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(fail)?;
        writer.write_image_data(&self.rgb).map_err(fail)?;
        writer.finish().map_err(fail)?;
        Ok(out)
    }
}

/// plotters' bitmap backend, with dashes and words of our own.
struct Bitmap<'a> {
    inner: BitMapBackend<'a>,
    /// Drawing units to a CSS pixel, for the lengths of dashes.
    unit: f64,
}

impl Bitmap<'_> {
    /// A line `width` wide with round joints and plain ends. plotters' own makes a polygon of it, which has spikes
    /// where short pieces meet at an angle.
    fn stroke(&mut self, points: &[BackendCoord], width: f64, color: BackendColor) -> Drawn {
        let (w, h) = self.get_size();
        let Some(mut area) = Cover::around(points, width, (w as i32, h as i32)) else { return Ok(()) };
        let last = points.len().saturating_sub(2);
        for (i, pair) in points.windows(2).enumerate() {
            if let [a, b] = pair {
                area.segment(*a, *b, width / 2.0, i == 0, i == last);
            }
        }
        for (i, cover) in area.cover.iter().enumerate().filter(|(_, c)| **c > 0) {
            let at = (area.left + (i % area.width) as i32, area.top + (i / area.width) as i32);
            let alpha = color.alpha * f64::from(*cover) / 255.0;
            self.inner.draw_pixel(at, BackendColor { alpha, ..color })?;
        }
        Ok(())
    }
}

/// How much of each pixel of a rectangle a line covers: each once, so that a pale line has no darker joints.
struct Cover {
    left: i32,
    top: i32,
    width: usize,
    /// Row by row, 255 for all of a pixel.
    cover: Vec<u8>,
}

impl Cover {
    /// Nothing covered yet: the part of the picture that a line through `points` can reach.
    fn around(points: &[BackendCoord], width: f64, (w, h): (i32, i32)) -> Option<Self> {
        let reach = width.ceil() as i32 + 1;
        let ends = |pick: fn(&BackendCoord) -> i32, most: i32| {
            let (low, high) = (points.iter().map(pick).min()?, points.iter().map(pick).max()?);
            let (low, high) = ((low - reach).max(0), (high + reach + 1).min(most));
            (low < high).then_some((low, high))
        };
        let ((left, right), (top, bottom)) = (ends(|p| p.0, w)?, ends(|p| p.1, h)?);
        let width = (right - left) as usize;
        Some(Self { left, top, width, cover: vec![0; width * (bottom - top) as usize] })
    }

    /// Covers what is within `half` of the way from `a` to `b`; not beyond an end that is the line's own.
    fn segment(&mut self, a: BackendCoord, b: BackendCoord, half: f64, first: bool, last: bool) {
        let (ax, ay, bx, by) = (f64::from(a.0), f64::from(a.1), f64::from(b.0), f64::from(b.1));
        let (dx, dy) = (bx - ax, by - ay);
        let square = dx * dx + dy * dy;
        let reach = half + 1.0;
        let bottom = self.top + (self.cover.len() / self.width) as i32;
        let rows = ((ay.min(by) - reach) as i32).max(self.top)..((ay.max(by) + reach) as i32 + 1).min(bottom);
        for y in rows {
            let middle = f64::from(y) + 0.5;
            // The part of the way that comes near this row.
            let along = |row: f64| if dy == 0.0 { 0.5 } else { ((row - ay) / dy).clamp(0.0, 1.0) };
            let (from, to) =
                if dy == 0.0 { (0.0, 1.0) } else { (along(middle - reach), along(middle + reach)) };
            let (x0, x1) = (ax + dx * from, ax + dx * to);
            let left = ((x0.min(x1) - reach) as i32).max(self.left);
            let right = ((x0.max(x1) + reach) as i32 + 1).min(self.left + self.width as i32);
            for x in left..right {
                let (px, py) = (f64::from(x) + 0.5 - ax, middle - ay);
                let part = (px * dx + py * dy) / square;
                if (part < 0.0 && first) || (part > 1.0 && last) {
                    continue;
                }
                let part = part.clamp(0.0, 1.0);
                let away = (px - dx * part).hypot(py - dy * part);
                let cover = ((half + 0.5 - away).clamp(0.0, 1.0) * 255.0) as u8;
                let i = (y - self.top) as usize * self.width + (x - self.left) as usize;
                if let Some(pixel) = self.cover.get_mut(i) {
                    *pixel = (*pixel).max(cover);
                }
            }
        }
    }
}

type Failed = <BitMapBackend<'static> as DrawingBackend>::ErrorType;
type Drawn = Result<(), DrawingErrorKind<Failed>>;

impl DrawingBackend for Bitmap<'_> {
    type ErrorType = Failed;

    fn get_size(&self) -> (u32, u32) {
        self.inner.get_size()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        self.inner.ensure_prepared()
    }

    fn present(&mut self) -> Drawn {
        self.inner.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.inner.draw_pixel(point, color)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ((left, top), (right, bottom)) = (from, to);
        if !fill {
            return self.draw_path([from, (right, top), to, (left, bottom), from], style);
        }
        // The far edge is not part of it, so that neighbours do not overlap.
        let (w, h) = self.get_size();
        for y in top.max(0)..bottom.min(h as i32) {
            for x in left.max(0)..right.min(w as i32) {
                self.inner.draw_pixel((x, y), style.color())?;
            }
        }
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
        let (width, dash) = Dash::from_width(style.stroke_width());
        let mut points: Vec<BackendCoord> = path.into_iter().collect();
        // Two points in one place have no direction to stroke in.
        points.dedup();
        let pieces = match dash.lengths() {
            None => vec![points],
            Some((on, off)) => pieces(&points, f64::from(on) * self.unit, f64::from(off) * self.unit),
        };
        for piece in pieces {
            self.stroke(&piece, f64::from(width), style.color())?;
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.inner.draw_circle(center, radius, style, fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        let (w, h) = self.get_size();
        let color = style.color();
        for y in scan::rows(&points, h as i32) {
            for (from, to) in scan::row(&points, f64::from(y) + 0.5) {
                for x in (from.floor() as i32).max(0)..(to.ceil() as i32).min(w as i32) {
                    // The first and the last pixel are covered in part.
                    let cover = (f64::from(x + 1).min(to) - f64::from(x).max(from)).clamp(0.0, 1.0);
                    self.inner.draw_pixel((x, y), BackendColor { alpha: color.alpha * cover, ..color })?;
                }
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let BackendColor { rgb, alpha } = style.color();
        let size = style.size() as f32;
        let wide = font::width(text, size);
        let left = x as f32
            - match style.anchor().h_pos {
                HPos::Left => 0.0,
                HPos::Center => wide / 2.0,
                HPos::Right => wide,
            };
        // Half a capital (0.729 em) below the middle.
        let base = y as f32 + size * 0.36;
        let (w, h) = self.get_size();
        let mut result = Ok(());
        font::draw(text, size, left, base, |x, y, cover| {
            if x >= 0 && y >= 0 && (x as u32) < w && (y as u32) < h && result.is_ok() {
                result = self.inner.draw_pixel((x, y), BackendColor { rgb, alpha: alpha * f64::from(cover) });
            }
        });
        result
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Failed>> {
        Ok((font::width(text, style.size() as f32).ceil() as u32, style.size().ceil() as u32))
    }
}

/// The dashes of a way: pieces `on` long, `off` apart.
fn pieces(points: &[BackendCoord], on: f64, off: f64) -> Vec<Vec<BackendCoord>> {
    let round = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let mut out = Vec::new();
    let (mut drawing, mut left) = (true, on.max(1.0));
    let mut piece: Vec<BackendCoord> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let [a, b] = pair else { continue };
        let (mut x, mut y) = (f64::from(a.0), f64::from(a.1));
        let (end_x, end_y) = (f64::from(b.0), f64::from(b.1));
        let mut rest = (end_x - x).hypot(end_y - y);
        while rest > left {
            (x, y) = (x + (end_x - x) * left / rest, y + (end_y - y) * left / rest);
            rest -= left;
            piece.push(round((x, y)));
            if drawing {
                out.push(std::mem::take(&mut piece));
            }
            drawing = !drawing;
            left = if drawing { on } else { off }.max(1.0);
            piece = vec![round((x, y))];
        }
        left -= rest;
        piece.push(*b);
    }
    if drawing {
        out.push(piece);
    }
    for piece in &mut out {
        piece.dedup();
    }
    out.retain(|p| p.len() > 1);
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn size(png: &[u8]) -> (u32, u32) {
        let reader = ::png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
        (reader.info().width, reader.info().height)
    }

    #[test]
    fn every_kind_in_both_themes() {
        for (name, drawing) in samples::all(24) {
            for theme in [Theme::Light, Theme::Dark] {
                let bytes = png(&drawing, 600, 320, theme).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!(size(&bytes), (600, 320), "{name}");
            }
        }
    }

    #[test]
    fn sizes_stay_within_reason() {
        let drawing = samples::lines(4).into();
        assert_eq!(size(&png(&drawing, 0, 100_000, Theme::Light).expect("drawn")), (160, 4096));
    }

    #[test]
    fn a_sheet_holds_all() {
        let drawings: Vec<Drawing> = samples::all(12).into_iter().take(3).map(|(_, d)| d).collect();
        let bytes = sheet("Week 48", &drawings, 2, Theme::Light).expect("drawn");
        assert_eq!(size(&bytes), (1620, 78 + 900));
        assert!(sheet("Nothing", &[], 0, Theme::Dark).is_ok());
    }

    #[test]
    fn strange_words_do_not_fail() {
        let mut spec = samples::lines(12);
        spec.title = "漢字 \u{1f600} \u{1b}[31m e\u{301} \u{202e}x".repeat(30);
        spec.series[0].name = "\u{10ffff}\0".into();
        assert!(png(&spec.into(), 300, 200, Theme::Light).is_ok());
    }

    #[test]
    fn dashes_go_round_corners() {
        assert_eq!(
            pieces(&[(0, 0), (10, 0), (10, 10)], 6.0, 3.0),
            [vec![(0, 0), (6, 0)], vec![(9, 0), (10, 0), (10, 5)], vec![(10, 8), (10, 10)]]
        );
        assert!(pieces(&[], 6.0, 3.0).is_empty());
    }
}
