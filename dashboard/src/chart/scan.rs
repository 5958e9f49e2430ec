//! Which pixels of a row lie within a shape: for the backends that have only pixels. plotters' own way pairs edges by
//! guess where corners meet, which draws stripes across countries.

/// The stretches of the row whose middle is at `y`, as pairs of ends, from left to right: in and out by turns.
pub(super) fn row(points: &[(i32, i32)], y: f64) -> Vec<(f64, f64)> {
    let mut crossings: Vec<f64> = Vec::new();
    let mut before = points.last();
    for b in points {
        if let Some(a) = before {
            let (ay, by) = (f64::from(a.1), f64::from(b.1));
            if (ay <= y) != (by <= y) {
                crossings.push(f64::from(a.0) + f64::from(b.0 - a.0) * (y - ay) / (by - ay));
            }
        }
        before = Some(b);
    }
    crossings.sort_by(f64::total_cmp);
    crossings.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The rows that a shape reaches, within `0..height`.
pub(super) fn rows(points: &[(i32, i32)], height: i32) -> std::ops::Range<i32> {
    let low = points.iter().map(|p| p.1).min().unwrap_or(0).max(0);
    low..points.iter().map(|p| p.1).max().unwrap_or(0).min(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_and_out_by_turns() {
        let horseshoe = [(0, 0), (10, 0), (10, 10), (8, 10), (8, 2), (2, 2), (2, 10), (0, 10)];
        assert_eq!(rows(&horseshoe, 100), 0..10);
        assert_eq!(row(&horseshoe, 0.5), [(0.0, 10.0)]);
        assert_eq!(row(&horseshoe, 5.5), [(0.0, 2.0), (8.0, 10.0)]);
        assert!(row(&horseshoe, 10.5).is_empty() && row(&[], 1.0).is_empty());
    }
}
