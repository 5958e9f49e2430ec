//! A line as small as a word, for tables: no axis, no words. The figures stand beside it.

use std::fmt::Write as _;

/// An SVG of `width` by `height` CSS pixels, in the colour of the text around it. From zero (or the lowest value below it)
/// to the highest value; a gap where a value is not known.
pub(crate) fn sparkline(values: &[Option<f64>], width: u32, height: u32) -> String {
    let value = |i: usize| values.get(i).copied().flatten().filter(|v| v.is_finite());
    let known = || (0..values.len()).filter_map(value);
    let (low, high) = (known().fold(0.0, f64::min), known().fold(0.0, f64::max));
    let (w, h) = (f64::from(width), f64::from(height));
    // Half of the stroke stays within the picture.
    let edge = 1.0;
    let gap = (w - 2.0 * edge) / values.len().saturating_sub(1).max(1) as f64;
    let point = |(i, v): (usize, f64)| {
        let share = if high > low { (v - low) / (high - low) } else { 0.0 };
        (edge + i as f64 * gap, h - edge - share * (h - 2.0 * edge))
    };
    let mut out = format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         aria-hidden=\"true\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" stroke-linejoin=\"round\" \
         stroke-linecap=\"round\">"
    );
    let all: Vec<Option<f64>> = (0..values.len()).map(value).collect();
    for run in super::spec::runs(&all) {
        let alone = run.len() == 1;
        out.push_str("<polyline points=\"");
        for (i, v) in run.filter_map(|i| Some((i, value(i)?))) {
            let (x, y) = point((i, v));
            let _ = write!(out, "{x:.1},{y:.1} ");
            if alone {
                // A line to itself is a dot, by its round ends.
                let _ = write!(out, "{x:.1},{y:.1} ");
            }
        }
        out.truncate(out.trim_end().len());
        out.push_str("\"/>");
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_it() {
        let svg = sparkline(&[Some(0.0), Some(10.0), None, Some(5.0)], 62, 22);
        insta::assert_snapshot!(svg.replace("/>", "/>\n"), @r#"
        <svg class="spark" viewBox="0 0 62 22" width="62" height="22" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round"><polyline points="1.0,21.0 21.0,1.0"/>
        <polyline points="61.0,11.0 61.0,11.0"/>
        </svg>
        "#);
    }

    #[test]
    fn nothing_and_odd_values() {
        assert!(!sparkline(&[], 60, 20).contains("polyline"));
        assert!(!sparkline(&[None, Some(f64::NAN)], 60, 20).contains("polyline"));
        assert!(!sparkline(&[Some(0.0), Some(0.0)], 60, 20).contains("NaN"));
    }
}
