//! The colours: Wong's colour-blind-safe set, a ramp of one hue for amounts, and the greys of grid and text.
//!
//! The light hex values are written into the SVG as presentation attributes. The style sheet overrides each of them by
//! attribute selector, which is how one drawing serves light and dark; a test holds the two lists together. A PNG
//! takes the colours of its [`Theme`] from here.

use plotters::style::RGBColor;

/// Which background a picture has that no style sheet reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Dark text on white.
    #[default]
    Light,
    /// Light text on near black.
    Dark,
}

/// What a stroke or a fill is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Blue,
    Orange,
    Green,
    Purple,
    Sky,
    Vermillion,
    /// Lines behind the data.
    Grid,
    /// The line at zero, and marks of an axis.
    Axis,
    /// Labels of axes.
    Text,
    /// Headlines, figures and lines that must be seen.
    Ink,
    /// The background.
    Panel,
    /// Text upon a fill of one of the six colours.
    OnFill,
    /// Where something is known to be nothing: land without a value, a heatmap's empty cells.
    Land,
    /// Where data has not arrived yet.
    Late,
    /// A step of the ramp for amounts, from 0 (little) to [`Paint::STEPS`] - 1 (much).
    Ramp(u8),
}

/// Light and dark channels of one colour.
type Pair = ([u8; 3], [u8; 3]);

/// Little is close to the background in both themes, so the ramp runs the other way in the dark.
const RAMP: [Pair; 8] = [
    ([0xD3, 0xE4, 0xF3], [0x17, 0x30, 0x4A]),
    ([0xB3, 0xD1, 0xEB], [0x19, 0x40, 0x65]),
    ([0x8D, 0xBB, 0xE0], [0x1C, 0x52, 0x83]),
    ([0x65, 0xA2, 0xD3], [0x24, 0x69, 0xA6]),
    ([0x41, 0x87, 0xC1], [0x3B, 0x85, 0xC5]),
    ([0x26, 0x6C, 0xA9], [0x65, 0xA5, 0xDE]),
    ([0x13, 0x50, 0x8A], [0x99, 0xC6, 0xEF]),
    ([0x08, 0x34, 0x66], [0xD5, 0xE9, 0xFB]),
];

impl Paint {
    /// How many steps the ramp has.
    pub(crate) const STEPS: u8 = RAMP.len() as u8;

    /// All paints, for the test that holds this list and the style sheet together, and for the terminal.
    pub(crate) const ALL: [Self; 22] = [
        Self::Blue,
        Self::Orange,
        Self::Green,
        Self::Purple,
        Self::Sky,
        Self::Vermillion,
        Self::Grid,
        Self::Axis,
        Self::Text,
        Self::Ink,
        Self::Panel,
        Self::OnFill,
        Self::Land,
        Self::Late,
        Self::Ramp(0),
        Self::Ramp(1),
        Self::Ramp(2),
        Self::Ramp(3),
        Self::Ramp(4),
        Self::Ramp(5),
        Self::Ramp(6),
        Self::Ramp(7),
    ];

    const fn pair(self) -> Pair {
        match self {
            Self::Blue => ([0x00, 0x72, 0xB2], [0x4A, 0xA8, 0xE8]),
            Self::Orange => ([0xE6, 0x9F, 0x00], [0xF0, 0xB4, 0x29]),
            Self::Green => ([0x00, 0x9E, 0x73], [0x1F, 0xB9, 0x8C]),
            Self::Purple => ([0xCC, 0x79, 0xA7], [0xE0, 0x9C, 0xC4]),
            Self::Sky => ([0x56, 0xB4, 0xE9], [0x8F, 0xD0, 0xF5]),
            Self::Vermillion => ([0xD5, 0x5E, 0x00], [0xF0, 0x79, 0x3A]),
            Self::Grid => ([0xE4, 0xE7, 0xEB], [0x23, 0x29, 0x33]),
            Self::Axis => ([0xB8, 0xBF, 0xC8], [0x3D, 0x46, 0x53]),
            Self::Text => ([0x5C, 0x66, 0x73], [0x98, 0xA2, 0xB0]),
            Self::Ink => ([0x17, 0x1B, 0x21], [0xE7, 0xEA, 0xEE]),
            Self::Panel => ([0xFF, 0xFF, 0xFF], [0x16, 0x1A, 0x21]),
            Self::OnFill => ([0x10, 0x13, 0x18], [0x0D, 0x10, 0x14]),
            Self::Land => ([0xEB, 0xED, 0xF0], [0x25, 0x2B, 0x34]),
            Self::Late => ([0x9A, 0xA3, 0xAE], [0x5A, 0x65, 0x74]),
            Self::Ramp(step) => RAMP[if step < Self::STEPS { step } else { Self::STEPS - 1 } as usize],
        }
    }

    /// The colour as plotters wants it.
    pub(crate) const fn rgb(self, theme: Theme) -> RGBColor {
        let (light, dark) = self.pair();
        let [r, g, b] = match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        };
        RGBColor(r, g, b)
    }

    /// The colour of words in this paint: of the six colours a shade that is readable at the size of a label.
    pub(crate) const fn label(self, theme: Theme) -> RGBColor {
        let (light, dark) = match self {
            Self::Blue => ([0x00, 0x5A, 0x8E], [0x6C, 0xBC, 0xF0]),
            Self::Orange => ([0x8A, 0x5C, 0x00], [0xF3, 0xBE, 0x45]),
            Self::Green => ([0x00, 0x71, 0x50], [0x4F, 0xD1, 0xA5]),
            Self::Purple => ([0x96, 0x41, 0x70], [0xE8, 0xAF, 0xD0]),
            Self::Sky => ([0x1F, 0x6F, 0x9D], [0xA5, 0xDA, 0xF7]),
            Self::Vermillion => ([0xA6, 0x45, 0x00], [0xFF, 0x9A, 0x5C]),
            other => other.pair(),
        };
        let [r, g, b] = match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        };
        RGBColor(r, g, b)
    }

    /// The light colour as it stands in the SVG: `#RRGGBB`, upper case.
    pub(crate) fn hex(self) -> String {
        let RGBColor(r, g, b) = self.rgb(Theme::Light);
        format!("#{r:02X}{g:02X}{b:02X}")
    }

    /// This paint, covering.
    pub(crate) const fn solid(self) -> Ink {
        Ink { paint: self, alpha: 1.0 }
    }

    /// This paint, letting through what lies beneath: `alpha` from 0 (nothing) to 1 (all of it).
    pub(crate) const fn pale(self, alpha: f64) -> Ink {
        Ink { paint: self, alpha }
    }

    /// The paint and dash of the `i`-th of several equal series (hosts): colour is never the only difference.
    pub(crate) fn nth(i: usize) -> (Self, Dash) {
        const PAINTS: [Paint; 5] = [Paint::Blue, Paint::Orange, Paint::Green, Paint::Purple, Paint::Sky];
        const DASHES: [Dash; 3] = [Dash::Solid, Dash::Dashed, Dash::Dotted];
        (PAINTS[i % PAINTS.len()], DASHES[i % DASHES.len()])
    }

    /// The step of the ramp for `value`, where `most` is the largest there is; logarithmic, so that one busy cell does
    /// not make all others pale. None for nothing.
    pub(crate) fn ramp(value: f64, most: f64) -> Option<Self> {
        if value.is_nan() || value <= 0.0 {
            return None;
        }
        // Shares below one keep their order too: all are measured by the largest.
        let unit = if most < 10.0 { most / 100.0 } else { 1.0 };
        let share = (value / unit).ln_1p() / (most / unit).ln_1p();
        Some(Self::Ramp(((share * f64::from(Self::STEPS)) as u8).min(Self::STEPS - 1)))
    }
}

/// A paint, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ink {
    pub(crate) paint: Paint,
    /// From 0 (not to be seen) to 1 (covering).
    pub(crate) alpha: f64,
}

/// How a line is broken, so that two lines differ without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Dash {
    /// The lengths of dash and gap in CSS pixels, none for a solid line.
    pub(crate) const fn lengths(self) -> Option<(u32, u32)> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some((6, 3)),
            Self::Dotted => Some((2, 2)),
        }
    }

    /// The SVG `stroke-dasharray` in CSS pixels, none for a solid line.
    pub(crate) const fn array(self) -> Option<&'static str> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some("6 3"),
            Self::Dotted => Some("2 2"),
        }
    }

    /// plotters' strokes know a width and no dash: the dash travels above the width, and our backends take it apart.
    pub(crate) const fn into_width(self, width: u32) -> u32 {
        width | (self as u32) << 16
    }

    /// The width and the dash that [`Dash::into_width`] has packed.
    pub(crate) const fn from_width(packed: u32) -> (u32, Self) {
        let dash = match packed >> 16 {
            0 => Self::Solid,
            1 => Self::Dashed,
            _ => Self::Dotted,
        };
        (packed & 0xFFFF, dash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(RGBColor(r, g, b): RGBColor) -> String {
        format!("#{r:02X}{g:02X}{b:02X}")
    }

    #[test]
    fn style_sheet_recolours_every_paint() {
        let css = crate::assets::CSS;
        for paint in Paint::ALL {
            for hex in [paint.hex(), hex_of(paint.label(Theme::Light))] {
                assert!(
                    css.contains(&format!("[stroke=\"{hex}\"]"))
                        || css.contains(&format!("[fill=\"{hex}\"]")),
                    "{hex} has no rule in alces.css"
                );
            }
        }
    }

    #[test]
    fn no_two_paints_share_a_colour() {
        for theme in [Theme::Light, Theme::Dark] {
            for (i, a) in Paint::ALL.iter().enumerate() {
                assert!(Paint::ALL[..i].iter().all(|b| a.rgb(theme) != b.rgb(theme)), "{a:?} in {theme:?}");
            }
        }
    }

    /// Relative luminance and contrast as WCAG 2 has them.
    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let part = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let light = |RGBColor(r, g, b): RGBColor| 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        let (a, b) = (light(a), light(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn words_can_be_read() {
        for theme in [Theme::Light, Theme::Dark] {
            let panel = Paint::Panel.rgb(theme);
            for paint in Paint::ALL[..6].iter().chain(&[Paint::Text, Paint::Ink]) {
                let found = contrast(paint.label(theme), panel);
                assert!(found >= 4.5, "{paint:?} on the panel in {theme:?}: {found:.2}");
            }
            for paint in &Paint::ALL[..6] {
                let found = contrast(Paint::OnFill.rgb(theme), paint.rgb(theme));
                assert!(found >= 3.5, "words on {paint:?} in {theme:?}: {found:.2}");
            }
        }
    }

    #[test]
    fn neighbours_differ_in_dash_as_well() {
        assert_ne!(Paint::nth(0).1, Paint::nth(1).1);
        assert_eq!(Paint::nth(5).0, Paint::Blue);
    }

    #[test]
    fn a_dash_travels_with_the_width() {
        for dash in [Dash::Solid, Dash::Dashed, Dash::Dotted] {
            assert_eq!(Dash::from_width(dash.into_width(3)), (3, dash));
        }
    }

    #[test]
    fn the_ramp_is_logarithmic() {
        assert_eq!(Paint::ramp(0.0, 1000.0), None);
        assert_eq!(Paint::ramp(f64::NAN, 1000.0), None);
        assert_eq!(Paint::ramp(1.0, 1000.0), Some(Paint::Ramp(0)));
        assert_eq!(Paint::ramp(30.0, 1000.0), Some(Paint::Ramp(3)));
        assert_eq!(Paint::ramp(1000.0, 1000.0), Some(Paint::Ramp(7)));
        assert_eq!(Paint::ramp(0.001, 0.5), Some(Paint::Ramp(0)));
        assert_eq!(Paint::ramp(0.5, 0.5), Some(Paint::Ramp(7)));
    }
}
