//! Values of countries, on a map of the world.

use std::collections::HashMap;

use plotters::prelude::DrawingBackend;

use super::bars::{self, Row};
use super::canvas::{Canvas, Point, Side};
use super::countries::{self, Country};
use super::heat::ramp;
use super::palette::{Dash, Paint};
use super::{DrawError, Unit};

/// What a map shows.
#[derive(Clone, Debug)]
pub(crate) struct MapSpec {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    /// ISO 3166 alpha-2 codes in either case, and the value of each.
    pub(crate) values: Vec<(String, f64)>,
}

impl MapSpec {
    /// The largest value, 0 without any.
    pub(crate) fn most(&self) -> f64 {
        self.values.iter().map(|(_, v)| *v).filter(|v| v.is_finite()).fold(0.0, f64::max)
    }

    /// The values as rows with the countries' names, the largest first.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let name = |code: &str| countries::find(code).map_or_else(|| code.to_owned(), |c| c.name.to_owned());
        let mut rows: Vec<Row> = self.values.iter().map(|(code, v)| Row::new(name(code), *v)).collect();
        rows.sort_by(|a, b| b.value.total_cmp(&a.value));
        rows
    }

    /// The codes with a value that are no country of the map.
    pub(crate) fn unplaced(&self) -> Vec<&str> {
        let strange = self.values.iter().filter(|(code, v)| *v > 0.0 && countries::find(code).is_none());
        strange.map(|(code, _)| code.as_str()).collect()
    }

    /// One sentence for those who hear the chart.
    pub(crate) fn describe(&self) -> String {
        bars::describe(&self.rows(), self.unit)
    }
}

/// The projection Equal Earth (Šavrič, Patterson and Jenny 2018): areas are true, so that the north does not look as if
/// it had the most requests. Degrees in, about ±2.7 and ±1.3 out.
fn project((longitude, latitude): (f32, f32)) -> (f64, f64) {
    const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];
    let half_root = 3f64.sqrt() / 2.0;
    let theta = (half_root * f64::from(latitude).to_radians().sin()).asin();
    let (t2, t6) = (theta.powi(2), theta.powi(6));
    let y = theta * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
    let slope = A[0] + 3.0 * A[1] * t2 + t6 * (7.0 * A[2] + 9.0 * A[3] * t2);
    (f64::from(longitude).to_radians() * theta.cos() / (half_root * slope), y)
}

/// What the map shows: as far east and west as there is land, and from the south of Chile to the north of Greenland.
const EXTENT: (f64, f64, f64) = (2.6, 1.31, -1.01);

/// Paints the map over the whole canvas.
pub(crate) fn paint<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, spec: &MapSpec) -> Result<(), DrawError> {
    let (east, north, south) = EXTENT;
    let foot = if canvas.coarse { 0 } else { canvas.px(18.0) };
    let (width, height) = (f64::from(canvas.width), f64::from(canvas.height - foot));
    let unit = (width / (2.0 * east)).min(height / (north - south));
    let (x0, y0) = (width / 2.0, (height - unit * (north - south)) / 2.0 + unit * north);
    let place = |at: (f32, f32)| -> Point {
        let (x, y) = project(at);
        ((x0 + x * unit).round() as i32, (y0 - y * unit).round() as i32)
    };
    let values: HashMap<String, f64> =
        spec.values.iter().map(|(code, v)| (code.to_ascii_uppercase(), *v)).collect();
    let most = spec.most();
    let paint_of = |country: &Country| {
        values.get(country.code).and_then(|v| Paint::ramp(*v, most)).unwrap_or(Paint::Land)
    };

    // Points closer than a CSS pixel and a half cannot be seen, and would be most of an SVG.
    let fine = canvas.px(1.5).max(1);
    let outlines: Vec<(Paint, Vec<Point>)> = countries::all()
        .iter()
        .flat_map(|country| country.rings.iter().map(move |ring| (country, ring)))
        .map(|(country, ring)| (paint_of(country), thin(ring.iter().map(|p| place(*p)), fine)))
        .collect();
    for paint in std::iter::once(Paint::Land).chain((0..Paint::STEPS).map(Paint::Ramp)) {
        for (_, outline) in outlines.iter().filter(|(p, outline)| *p == paint && outline.len() > 2) {
            canvas.shape(outline.iter().copied(), paint.solid())?;
        }
    }
    if !canvas.coarse {
        for (_, outline) in outlines.iter().filter(|(_, outline)| outline.len() > 2) {
            let closed = outline.iter().chain(outline.first()).copied();
            canvas.line(closed, Paint::Panel.solid(), 0.5, Dash::Solid)?;
        }
    }
    // A place too small for an outline is a dot, if it has a value.
    for (paint, outline) in &outlines {
        if let ([at], Paint::Ramp(_)) = (outline.as_slice(), paint) {
            if !canvas.coarse {
                canvas.dot(*at, 3.0, Paint::Panel.solid())?;
            }
            canvas.dot(*at, 2.25, paint.solid())?;
        }
    }
    if canvas.coarse {
        return Ok(());
    }
    let y = canvas.height - canvas.px(8.0);
    let least = spec.values.iter().map(|(_, v)| *v).filter(|v| *v > 0.0).fold(most, f64::min);
    ramp(canvas, (canvas.width - canvas.px(4.0), y), &spec.unit.show(least), &spec.unit.show(most))?;
    let unplaced = spec.unplaced();
    if !unplaced.is_empty() {
        let text = format!("not on the map: {}", unplaced.join(", "));
        let text = canvas.shorten(&super::font::plain(&text), canvas.width * 2 / 5);
        canvas.text(&text, (0, y), Side::Left, Paint::Text.solid())?;
    }
    Ok(())
}

/// An outline without points that are closer than `fine` to the one before. What would vanish is a point.
fn thin(points: impl Iterator<Item = Point>, fine: i32) -> Vec<Point> {
    let all: Vec<Point> = points.collect();
    let mut kept: Vec<Point> = Vec::with_capacity(all.len());
    for (x, y) in &all {
        let near = |(a, b): &Point| (x - a).abs() < fine && (y - b).abs() < fine;
        if !kept.last().is_some_and(near) {
            kept.push((*x, *y));
        }
    }
    // A small island is better too fine than a line.
    if kept.len() < 3 && all.len() > 2 { all } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projection_is_equal_earth() {
        let near = |(x, y): (f64, f64), (a, b): (f64, f64)| (x - a).abs() < 1e-3 && (y - b).abs() < 1e-3;
        assert!(near(project((0.0, 0.0)), (0.0, 0.0)));
        assert!(near(project((180.0, 0.0)), (2.7066, 0.0)), "{:?}", project((180.0, 0.0)));
        assert!(near(project((0.0, 90.0)), (0.0, 1.3173)), "{:?}", project((0.0, 90.0)));
    }

    #[test]
    fn codes_that_are_no_country_are_told() {
        let spec = MapSpec {
            title: "Where from".into(),
            unit: Unit::Count,
            values: vec![("fr".into(), 3.0), ("EU".into(), 4.0), ("DE".into(), 0.0)],
        };
        assert_eq!(spec.unplaced(), ["EU"]);
        assert_eq!(spec.describe(), "EU 4; France 3; Germany 0.");
    }
}
