//! A chart as SVG, drawn by plotters.
//!
//! plotters writes whole coordinates, so everything is drawn at twice the size and scaled by CSS: lines stay crisp.
//! Text is real `<text>`; the embedded font is only asked how wide labels are.

use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::spec::runs;
use super::ticks::{time_ticks, value_ticks};
use super::{ChartSpec, Kind, Paint};

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

/// The drawing failed; the reason is of use only in a log.
#[derive(Debug, thiserror::Error)]
#[error("a chart could not be drawn: {0}")]
pub(crate) struct DrawError(String);

const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");
/// Type size in drawing units: 11 CSS pixels, doubled; plotters divides by 1.24 when it writes SVG.
const TYPE: f64 = 22.0 * 1.24;

fn register() -> Result<(), DrawError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    if *DONE.get_or_init(|| register_font("sans-serif", FontStyle::Normal, FONT).is_ok()) {
        Ok(())
    } else {
        Err(DrawError("the embedded font is damaged; build again".into()))
    }
}

fn fail(e: impl std::fmt::Display) -> DrawError {
    DrawError(e.to_string())
}

/// Draws a chart.
///
/// # Errors
/// When plotters refuses: not for any data, only for a broken font.
pub(crate) fn draw(spec: &ChartSpec, size: Size) -> Result<String, DrawError> {
    register()?;
    let (width, height) = (size.width * 2, size.height * 2);
    let mut body = String::new();
    let plot = {
        let root = SVGBackend::with_string(&mut body, (width, height)).into_drawing_area();
        let plot = paint(&root, spec, width, height)?;
        root.present().map_err(fail)?;
        plot
    };
    Ok(finish(&body, spec, size, plot))
}

/// Pixel ranges of the plot in drawing units: left, right, top, bottom.
type Plot = (i32, i32, i32, i32);

fn paint(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    spec: &ChartSpec,
    width: u32,
    height: u32,
) -> Result<Plot, DrawError> {
    let top_value = spec.at_most.map_or_else(|| spec.max(), |most| spec.max().min(most));
    let ticks = value_ticks(top_value, 4);
    let top = ticks.last().copied().unwrap_or(1.0);
    let scale = spec.unit.scale(top);
    let step = ticks.get(1).copied().unwrap_or(top);
    let labels: Vec<String> = ticks.iter().map(|t| scale.tick(*t, step)).collect();

    let grey = Paint::Text.rgb();
    let text = TextStyle::from(("sans-serif", TYPE).into_font()).color(&grey);
    let widest =
        labels.iter().map(|l| root.estimate_text_size(l, &text).map_or(0, |s| s.0)).max().unwrap_or(0);
    let left = widest as i32 + 16;
    let (right, upper, lower) = (width as i32 - 12, 40, height as i32 - 44);

    let chart = ChartBuilder::on(root)
        .margin_left(left)
        .margin_right(width as i32 - right)
        .margin_top(upper)
        .margin_bottom(height as i32 - lower)
        .build_cartesian_2d(spec.from as f64..spec.to as f64, 0.0..top)
        .map_err(fail)?;
    let area = chart.plotting_area();
    let place = |at: f64, value: f64| area.map_coordinate(&(at, value.clamp(0.0, top)));

    // The unit stands once, over the axis, rather than behind each label.
    root.draw_text(scale.suffix, &text.pos(Pos::new(HPos::Left, VPos::Top)), (0, 2)).map_err(fail)?;
    for (value, label) in ticks.iter().zip(&labels) {
        let y = place(spec.from as f64, *value).1;
        let paint = if *value == 0.0 { Paint::Axis } else { Paint::Grid };
        root.draw(&PathElement::new(vec![(left, y), (right, y)], paint.rgb().stroke_width(2)))
            .map_err(fail)?;
        root.draw_text(label, &text.pos(Pos::new(HPos::Right, VPos::Center)), (left - 12, y))
            .map_err(fail)?;
    }
    let most = ((right - left) / 95).max(2) as usize;
    for (at, label) in time_ticks(spec.from, spec.to, &spec.zone, most) {
        let x = place(at as f64, 0.0).0;
        root.draw(&PathElement::new(vec![(x, lower), (x, lower + 8)], Paint::Axis.rgb().stroke_width(2)))
            .map_err(fail)?;
        // A label may not stick out of the picture; its mark stays where it is.
        let half = root.estimate_text_size(&label, &text).map_or(0, |s| s.0) as i32 / 2;
        let x = x.clamp(half, (width as i32 - half - 2).max(half));
        root.draw_text(&label, &text.pos(Pos::new(HPos::Center, VPos::Top)), (x, lower + 14))
            .map_err(fail)?;
    }

    match spec.kind {
        Kind::Lines => lines(root, spec, place)?,
        Kind::Stacked => stack(root, spec, place)?,
    }
    Ok((left, right, upper, lower))
}

fn lines(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    spec: &ChartSpec,
    place: impl Fn(f64, f64) -> (i32, i32),
) -> Result<(), DrawError> {
    for series in &spec.series {
        let color = series.paint.rgb();
        for run in runs(&series.values) {
            let points: Vec<(i32, i32)> =
                run.filter_map(|i| Some(place(spec.middle(i) as f64, series.values[i]?))).collect();
            match points.as_slice() {
                // A point alone between two gaps would be an invisible line.
                [one] => root.draw(&Circle::new(*one, 4, color.filled())).map_err(fail)?,
                _ => root.draw(&PathElement::new(points, color.stroke_width(3))).map_err(fail)?,
            }
        }
    }
    Ok(())
}

fn stack(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    spec: &ChartSpec,
    place: impl Fn(f64, f64) -> (i32, i32),
) -> Result<(), DrawError> {
    let known: Vec<Option<f64>> = (0..spec.times.len())
        .map(|i| spec.series.iter().filter_map(|s| s.values.get(i).copied().flatten()).reduce(|a, b| a + b))
        .collect();
    for run in runs(&known) {
        let mut floor = vec![0.0; run.len()];
        for series in &spec.series {
            let ceiling: Vec<f64> =
                run.clone().zip(&floor).map(|(i, low)| low + series.values[i].unwrap_or(0.0)).collect();
            if ceiling.iter().zip(&floor).any(|(high, low)| high > low) {
                let ends = edge_times(spec, &run);
                let at = |k: usize| ends.get(k).copied().unwrap_or_default();
                let upper = ceiling.iter().enumerate().map(|(k, v)| place(at(k), *v));
                let lower = floor.iter().enumerate().rev().map(|(k, v)| place(at(k), *v));
                let outline: Vec<(i32, i32)> = upper.chain(lower).collect();
                if run.len() == 1 {
                    bar(root, series.paint, &outline)?;
                } else {
                    root.draw(&Polygon::new(outline, series.paint.rgb().mix(0.88).filled())).map_err(fail)?;
                }
            }
            floor = ceiling;
        }
    }
    Ok(())
}

/// The x of each bucket of a run.
fn edge_times(spec: &ChartSpec, run: &std::ops::Range<usize>) -> Vec<f64> {
    run.clone().map(|i| spec.middle(i) as f64).collect()
}

/// One bucket between two gaps, which as an area would have no width.
fn bar(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    paint: Paint,
    outline: &[(i32, i32)],
) -> Result<(), DrawError> {
    if let [(x, high), (_, low)] = outline {
        root.draw(&Rectangle::new([(x - 2, *high), (x + 2, *low)], paint.rgb().filled())).map_err(fail)?;
    }
    Ok(())
}

/// plotters' root element has a fixed size and no words: ours scales, and says what it shows.
fn finish(body: &str, spec: &ChartSpec, size: Size, plot: Plot) -> String {
    let inner = body.find('>').map_or("", |end| &body[end + 1..]);
    let mut inner = inner.replace('\n', "");
    for series in &spec.series {
        if let Some(array) = series.dash.array_doubled() {
            let stroke = format!("stroke=\"{}\"", series.paint.hex());
            inner = inner.replace(&stroke, &format!("{stroke} stroke-dasharray=\"{array}\""));
        }
    }
    let (left, right, top, bottom) = plot;
    let title = escape(spec.title);
    let desc = escape(&spec.describe());
    format!(
        "<svg class=\"chart {class}\" role=\"img\" viewBox=\"0 0 {w} {h}\" xmlns=\"http://www.w3.org/2000/svg\" \
         data-plot=\"{left} {right} {top} {bottom}\" data-time=\"{from} {to} {step}\">\
         <title>{title}</title><desc>{desc}</desc>{inner}",
        class = size.class,
        w = size.width * 2,
        h = size.height * 2,
        from = spec.from,
        to = spec.to,
        step = spec.step,
    )
}

fn escape(text: &str) -> String {
    maud::html! { (text) }.into_string()
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::small;
    use super::super::{Dash, Series};
    use super::*;

    #[test]
    fn a_gap_breaks_the_line() {
        let svg = draw(&small(), WIDE).expect("drawn");
        let strokes: Vec<&str> =
            svg.split("<polyline").filter(|p| p.contains("stroke=\"#0072B2\"")).collect();
        assert_eq!(strokes.len(), 1, "the two points before the gap are a line");
        assert_eq!(svg.matches("<circle").count(), 1, "the lone point after it is a dot");
        assert!(strokes[0].contains("stroke-dasharray=\"12 6\""));
    }

    #[test]
    fn it_says_what_it_shows() {
        let svg = draw(&small(), NARROW).expect("drawn");
        insta::assert_snapshot!(&svg[..svg.find("</desc>").expect("a desc")], @r#"<svg class="chart narrow" role="img" viewBox="0 0 600 400" xmlns="http://www.w3.org/2000/svg" data-plot="45 588 40 356" data-time="0 240000 60000"><title>Latency</title><desc>p95 between 5 ms and 20 ms, last 5 ms."#);
        assert!(svg.ends_with("</svg>"), "{}", &svg[svg.len() - 40..]);
    }

    #[test]
    fn names_cannot_break_out() {
        let mut spec = small();
        spec.series[0].name = "</desc><script>".into();
        assert!(!draw(&spec, WIDE).expect("drawn").contains("<script>"));
    }

    #[test]
    fn a_stack_without_data_has_no_area() {
        let mut spec = small();
        spec.kind = Kind::Stacked;
        spec.series = vec![Series {
            name: "2xx".into(),
            paint: Paint::Green,
            dash: Dash::Solid,
            values: vec![None; 4],
        }];
        assert!(!draw(&spec, WIDE).expect("drawn").contains("<polygon"));
        spec.series[0].values = vec![Some(1.0), Some(2.0), None, Some(3.0)];
        let svg = draw(&spec, WIDE).expect("drawn");
        assert_eq!(svg.matches("<polygon").count(), 1);
        assert_eq!(svg.matches("<rect").count(), 1, "a lone bucket is a bar");
    }
}
