//! A drawing as SVG.
//!
//! plotters hands over whole coordinates, so everything is drawn at twice the size and scaled by CSS: lines stay crisp.
//! The backend is ours and not plotters-svg, whose output has a fixed size and no words, knows no dashes, and repeats
//! for each element what is said once for all here. Neighbours of one style are one `<path>`.

use crate::language::text;
use std::convert::Infallible;
use std::fmt::Write as _;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

use super::canvas::Canvas;
use super::palette::{Dash, Theme};
use super::{DrawError, Drawing, font};

/// The size of a drawing in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// The class that the style sheet shows or hides.
    pub(crate) class: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// For a grid column on a desktop.
pub(crate) const WIDE: Size = Size { class: "wide", width: 420, height: 200 };
/// For a phone: fewer marks, the same type size.
pub(crate) const NARROW: Size = Size { class: "narrow", width: 300, height: 200 };

/// Drawing units to a CSS pixel.
const UNIT: u32 = 2;

/// Draws without a headline: the page has it. The root element has a `<title>` and a `<desc>`, and of the kinds with a
/// time axis `data-plot` (left, right, top and bottom in drawing units) and `data-time` (from, to and step).
///
/// # Errors
/// When plotters refuses: not for any data.
pub(crate) fn svg(drawing: &Drawing, size: Size) -> Result<String, DrawError> {
    let (width, height) = (size.width * UNIT, size.height * UNIT);
    let mut body = String::with_capacity(8 * 1024);
    let plot = {
        let root = Svg { out: &mut body, open: None, at: (0, 0), size: (width, height) }.into_drawing_area();
        let plot = drawing.paint(&Canvas::new(&root, f64::from(UNIT), Theme::Light, false))?;
        root.present().map_err(|e| DrawError(e.to_string()))?;
        plot
    };
    let mut out = String::with_capacity(body.len() + 1024);
    let _ = write!(
        out,
        "<svg class=\"chart {}\" role=\"img\" viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"sans-serif\"",
        size.class
    );
    if let (Some(plot), Some((from, to, step))) = (plot, drawing.span()) {
        let _ = write!(
            out,
            " data-plot=\"{} {} {} {}\" data-time=\"{from} {to} {step}\"",
            plot.left, plot.right, plot.top, plot.bottom
        );
    }
    out.push_str("><title>");
    escape(&mut out, &text(&font::plain(drawing.title())));
    out.push_str("</title><desc>");
    escape(&mut out, &font::plain(&drawing.describe()));
    out.push_str("</desc>");
    out.push_str(&body);
    out.push_str("</svg>");
    Ok(out)
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

/// What a path looks like: two of the same may share an element.
#[derive(Clone, Copy, PartialEq)]
struct Look {
    rgb: (u8, u8, u8),
    alpha: f64,
    /// Width and dash of a stroke, none for a fill.
    stroke: Option<u32>,
    /// Edges on whole pixels of the screen: or cells side by side have seams between them.
    crisp: bool,
}

/// The backend: writes elements to a string.
struct Svg<'a> {
    out: &'a mut String,
    /// The look of the path that is still being written.
    open: Option<Look>,
    /// Where that path's pen is.
    at: BackendCoord,
    size: (u32, u32),
}

impl Svg<'_> {
    fn hex(&mut self, (r, g, b): (u8, u8, u8)) {
        let _ = write!(self.out, "#{r:02X}{g:02X}{b:02X}");
    }

    fn opacity(&mut self, alpha: f64) {
        if alpha < 1.0 {
            let _ = write!(self.out, " opacity=\"{}\"", (alpha * 1000.0).round() / 1000.0);
        }
    }

    /// Ends the path that is being written.
    fn close(&mut self) {
        if self.open.take().is_some() {
            self.out.push_str("\"/>");
        }
    }

    /// Begins a path of this look, or goes on with the one that has it.
    fn path(&mut self, look: Look) {
        // Within one path, shapes that let something through would not add up where they overlap.
        if self.open == Some(look) && look.alpha >= 1.0 {
            return;
        }
        self.close();
        match look.stroke {
            Some(packed) => {
                let (width, dash) = Dash::from_width(packed);
                self.out.push_str("<path fill=\"none\" stroke=\"");
                self.hex(look.rgb);
                let _ = write!(self.out, "\" stroke-width=\"{width}\"");
                if let Some((on, off)) = dash.lengths() {
                    let _ = write!(self.out, " stroke-dasharray=\"{} {}\"", on * UNIT, off * UNIT);
                }
            }
            None => {
                self.out.push_str("<path fill=\"");
                self.hex(look.rgb);
                self.out.push('"');
            }
        }
        self.opacity(look.alpha);
        if look.crisp {
            self.out.push_str(" shape-rendering=\"crispEdges\"");
        }
        self.out.push_str(" d=\"");
        self.open = Some(look);
        self.at = (0, 0);
    }

    /// A way through points, as short as SVG has it: moves from point to point.
    fn way(&mut self, points: impl IntoIterator<Item = BackendCoord>, closed: bool) {
        let mut begun = None;
        for point in points {
            let (dx, dy) = (point.0 - self.at.0, point.1 - self.at.1);
            if begun.is_none() {
                let _ = write!(self.out, "M{} {}l", point.0, point.1);
                begun = Some(point);
            } else if (dx, dy) != (0, 0) {
                // A minus separates as well as a blank does.
                let _ = write!(self.out, "{dx}{}{dy} ", if dy < 0 { "" } else { " " });
            }
            self.at = point;
        }
        if self.out.ends_with(' ') {
            self.out.pop();
        } else if self.out.ends_with('l') {
            self.out.push_str("0 0");
        }
        if closed {
            self.out.push('z');
            self.at = begun.unwrap_or(self.at);
        }
    }
}

fn look<S: BackendStyle>(style: &S, stroke: bool) -> Option<Look> {
    let BackendColor { rgb, alpha } = style.color();
    (alpha > 0.0).then(|| Look { rgb, alpha, stroke: stroke.then(|| style.stroke_width()), crisp: false })
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        self.close();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if let Some(look) = look(style, !fill) {
            self.path(Look { crisp: true, ..look });
            let (w, h) = (right - left, bottom - top);
            let _ = write!(self.out, "M{left} {top}h{w}v{h}h{}z", -w);
            self.at = (left, top);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if let Some(look) = look(style, true) {
            self.path(look);
            self.way(path, false);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        if let Some(look) = look(style, !fill) {
            self.path(look);
            let (r, d) = (radius, radius * 2);
            let _ = write!(self.out, "M{} {y}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z", x - r as i32);
            self.at = (x - r as i32, y);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if let Some(look) = look(style, false) {
            self.path(look);
            self.way(path, true);
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        self.close();
        let BackendColor { rgb, alpha } = style.color();
        // The point is the middle of the height; the base line is a little over a third of the size below.
        let base = y + (style.size() * 0.36).round() as i32;
        let _ = write!(self.out, "<text x=\"{x}\" y=\"{base}\" font-size=\"{}\"", style.size());
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => self.out.push_str(" text-anchor=\"middle\""),
            HPos::Right => self.out.push_str(" text-anchor=\"end\""),
        }
        self.opacity(alpha);
        self.out.push_str(" fill=\"");
        self.hex(rgb);
        self.out.push_str("\">");
        escape(self.out, text);
        self.out.push_str("</text>");
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((font::width(text, style.size() as f32).ceil() as u32, style.size().ceil() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::small;
    use super::super::{ChartSpec, Kind, Limit, Mark, Paint, Series};
    use super::*;

    fn drawn(spec: &ChartSpec, size: Size) -> String {
        svg(&Drawing::Time(spec.clone()), size).expect("drawn")
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let svg = drawn(&small(), WIDE);
        let strokes: Vec<&str> = svg.split("<path").filter(|p| p.contains("stroke=\"#0072B2\"")).collect();
        assert_eq!(strokes.len(), 1, "the two points before the gap are a line");
        assert!(strokes[0].contains("stroke-dasharray=\"12 6\""));
        assert_eq!(strokes[0].matches('M').count(), 1);
        let dots: Vec<&str> = svg.split("<path").filter(|p| p.contains("fill=\"#0072B2\"")).collect();
        assert_eq!(dots.len(), 1, "the lone point after it is a dot");
        assert!(dots[0].contains("a4 4 0"), "{}", dots[0]);
    }

    #[test]
    fn it_says_what_it_shows() {
        let svg = drawn(&small(), NARROW);
        insta::assert_snapshot!(&svg[..svg.find("</desc>").expect("a desc")], @r#"<svg class="chart narrow" role="img" viewBox="0 0 600 400" xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" data-plot="44 588 40 358" data-time="0 240000 60000"><title>Latency</title><desc>p95 between 5 ms and 20 ms, last 5 ms."#);
        assert!(svg.ends_with("</svg>"), "{}", &svg[svg.len() - 40..]);
    }

    #[test]
    fn names_cannot_break_out() {
        let mut spec = small();
        spec.title = "</title><script>".into();
        spec.series[0].name = "</desc><script>".into();
        spec.marks = vec![Mark { at: 0, label: "<script>".into() }];
        spec.limit = Some(Limit { value: 1.0, label: "<script>".into() });
        assert!(!drawn(&spec, WIDE).contains("<script>"));
    }

    #[test]
    fn a_stack_without_data_has_no_area() {
        let mut spec = small();
        spec.kind = Kind::Stacked;
        spec.series = vec![Series::solid("2xx", Paint::Green, vec![None; 4])];
        let green = |spec: &ChartSpec| {
            let svg = drawn(spec, WIDE);
            svg.split("<path")
                .filter(|p| p.contains("fill=\"#009E73\""))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert!(green(&spec).is_empty());
        spec.series[0].values = vec![Some(1.0), Some(2.0), None, Some(3.0)];
        let found = green(&spec);
        assert_eq!(found.len(), 2, "an area, and a bar for the lone bucket: {found:?}");
        assert!(found[0].contains("opacity=\"0.88\"") && found[1].contains('h'), "{found:?}");
    }

    #[test]
    fn late_is_hatched_and_named() {
        let mut spec = small();
        assert!(!drawn(&spec, WIDE).contains("#9AA3AE"));
        spec.late_from = Some(180_000);
        let svg = drawn(&spec, WIDE);
        assert!(svg.contains(">late</text>") && svg.contains("stroke=\"#9AA3AE\""));
    }

    #[test]
    fn names_stand_at_the_ends_only_where_there_is_room() {
        let mut spec = small();
        spec.series.push(Series::solid("p50", Paint::Orange, vec![Some(5.0); 4]));
        spec.series.push(Series::ghost("before", Paint::Orange, vec![Some(5.0); 4]));
        let wide = drawn(&spec, WIDE);
        assert!(wide.contains(">p50</text>") && wide.contains(">p95</text>"));
        assert!(!wide.contains(">before</text>"));
        assert!(!drawn(&spec, NARROW).contains(">p50</text>"));
    }
}
