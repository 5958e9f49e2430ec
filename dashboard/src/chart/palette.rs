//! The colours: Wong's colour-blind-safe set, plus the greys of grid and text.
//!
//! The hex values are written into the SVG as presentation attributes. The style sheet overrides each of them by
//! attribute selector, which is how one drawing serves light and dark; a test holds the two lists together.

use plotters::style::RGBColor;

/// What a stroke or a fill is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Blue,
    Orange,
    Green,
    Purple,
    Sky,
    Vermillion,
    Grid,
    Axis,
    Text,
}

impl Paint {
    /// All paints, for the test that holds this list and the style sheet together.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 9] = [
        Self::Blue,
        Self::Orange,
        Self::Green,
        Self::Purple,
        Self::Sky,
        Self::Vermillion,
        Self::Grid,
        Self::Axis,
        Self::Text,
    ];

    const fn channels(self) -> (u8, u8, u8) {
        match self {
            Self::Blue => (0x00, 0x72, 0xB2),
            Self::Orange => (0xE6, 0x9F, 0x00),
            Self::Green => (0x00, 0x9E, 0x73),
            Self::Purple => (0xCC, 0x79, 0xA7),
            Self::Sky => (0x56, 0xB4, 0xE9),
            Self::Vermillion => (0xD5, 0x5E, 0x00),
            Self::Grid => (0xE4, 0xE7, 0xEB),
            Self::Axis => (0xB8, 0xBF, 0xC8),
            Self::Text => (0x5C, 0x66, 0x73),
        }
    }

    /// The colour as plotters wants it.
    pub(crate) const fn rgb(self) -> RGBColor {
        let (r, g, b) = self.channels();
        RGBColor(r, g, b)
    }

    /// The colour as it stands in the SVG: `#RRGGBB`, upper case.
    pub(crate) fn hex(self) -> String {
        let (r, g, b) = self.channels();
        format!("#{r:02X}{g:02X}{b:02X}")
    }

    /// The paint and dash of the `i`-th of several equal series (hosts): colour is never the only difference.
    pub(crate) fn nth(i: usize) -> (Self, Dash) {
        const PAINTS: [Paint; 5] = [Paint::Blue, Paint::Orange, Paint::Green, Paint::Purple, Paint::Sky];
        const DASHES: [Dash; 3] = [Dash::Solid, Dash::Dashed, Dash::Dotted];
        (PAINTS[i % PAINTS.len()], DASHES[i % DASHES.len()])
    }
}

/// How a line is broken, so that two lines differ without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Dash {
    /// The SVG `stroke-dasharray` in the units of the legend (1 = one CSS pixel), none for a solid line.
    pub(crate) const fn array(self) -> Option<&'static str> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some("6 3"),
            Self::Dotted => Some("2 2"),
        }
    }

    /// The same in chart units, which are half a CSS pixel.
    pub(crate) const fn array_doubled(self) -> Option<&'static str> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some("12 6"),
            Self::Dotted => Some("4 4"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheet_recolours_every_paint() {
        let css = crate::assets::CSS;
        for paint in Paint::ALL {
            let hex = paint.hex();
            assert!(
                css.contains(&format!("[stroke=\"{hex}\"]")) || css.contains(&format!("[fill=\"{hex}\"]")),
                "{hex} has no rule in alces.css"
            );
        }
    }

    #[test]
    fn neighbours_differ_in_dash_as_well() {
        assert_ne!(Paint::nth(0).1, Paint::nth(1).1);
        assert_eq!(Paint::nth(5).0, Paint::Blue);
    }
}
