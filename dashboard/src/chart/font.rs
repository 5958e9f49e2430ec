//! The embedded DejaVu Sans: how wide words are, and their shapes for a PNG.
//!
//! A browser writes the words of an SVG in its own font, which is rarely wider than this one.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

static FACE: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| FontRef::try_from_slice(FONT).ok());

/// ab_glyph measures a font by its full height; everyone else by its em.
fn scale(face: &FontRef<'_>, em: f32) -> PxScale {
    PxScale::from(em * face.height_unscaled() / face.units_per_em().unwrap_or(1000.0))
}

/// The width of `text` at a type size of `em`, in the unit of `em`.
pub(crate) fn width(text: &str, em: f32) -> f32 {
    let Some(face) = &*FACE else { return text.chars().count() as f32 * em * 0.6 };
    let face = face.as_scaled(scale(face, em));
    let (mut sum, mut before) = (0.0, None);
    for c in text.chars() {
        let glyph = face.glyph_id(c);
        sum += before.map_or(0.0, |b| face.kern(b, glyph)) + face.h_advance(glyph);
        before = Some(glyph);
    }
    sum
}

/// Draws `text` from `x` on upon a base line at `y`: calls `dot` with each pixel and how much of it (0 to 1) is
/// covered. A character that the font lacks is a box.
pub(crate) fn draw(text: &str, em: f32, x: f32, y: f32, mut dot: impl FnMut(i32, i32, f32)) {
    let Some(face) = &*FACE else { return };
    let size = scale(face, em);
    let scaled = face.as_scaled(size);
    let (mut at, mut before) = (x, None);
    for c in text.chars() {
        let glyph = face.glyph_id(c);
        at += before.map_or(0.0, |b| scaled.kern(b, glyph));
        if let Some(outline) = face.outline_glyph(glyph.with_scale_and_position(size, point(at, y))) {
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, cover| {
                dot(corner.x as i32 + dx as i32, corner.y as i32 + dy as i32, cover.clamp(0.0, 1.0));
            });
        }
        at += scaled.h_advance(glyph);
        before = Some(glyph);
    }
}

/// `text` without characters that would command a terminal or turn the direction of what follows.
pub(crate) fn plain(text: &str) -> String {
    let unsafe_one = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if unsafe_one(c) { '\u{fffd}' } else { c }).collect()
}

/// `text` cut to what `measure` finds at most `most` wide, with an ellipsis where something is missing.
pub(crate) fn shorten(text: &str, most: i32, measure: impl Fn(&str) -> i32) -> String {
    // What is longer than a line of any picture need not be measured.
    let mut kept: Vec<char> = text.chars().take(200).collect();
    if kept.len() == text.chars().count() && measure(text) <= most {
        return text.to_owned();
    }
    while kept.pop().is_some() {
        let short: String = kept.iter().chain(&['…']).collect();
        if measure(&short) <= most {
            return short;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_whole_and_has_what_names_need() {
        let face = FACE.as_ref().expect("the embedded font");
        for c in "AZaz09~éßÆőŁŽΩλЖя–—‘’“”•…‰€→↓−∞≈≠≤≥■✓�".chars()
        {
            assert_ne!(face.glyph_id(c).0, 0, "{c} is missing");
        }
    }

    #[test]
    fn wider_words_are_wider() {
        assert!(width("iii", 22.0) < width("mmm", 22.0));
        assert!((width("100", 22.0) - 42.0).abs() < 1.0, "{}", width("100", 22.0));
    }

    #[test]
    fn a_missing_character_is_a_box() {
        let mut dots = 0;
        draw("\u{6f22}", 22.0, 0.0, 22.0, |_, _, _| dots += 1);
        assert!(dots > 0);
    }

    #[test]
    fn cut_and_clean() {
        let measure = |t: &str| t.chars().count() as i32;
        assert_eq!(shorten("abcdef", 6, measure), "abcdef");
        assert_eq!(shorten("abcdef", 4, measure), "abc…");
        assert_eq!(shorten("abcdef", 0, measure), "");
        assert_eq!(plain("a\u{1b}[31m\u{202e}b"), "a\u{fffd}[31m\u{fffd}b");
    }
}
