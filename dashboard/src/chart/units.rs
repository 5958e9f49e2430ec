//! Units of values and how people write them.

/// The unit of all values of one chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Requests a second.
    RequestsPerSecond,
    /// Per cent, 0 to 100.
    Percent,
    /// Milliseconds.
    Millis,
    /// Bytes a second.
    BytesPerSecond,
}

/// A unit at the size that suits the largest value of an axis, so that all its labels share one suffix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    divisor: f64,
    /// What is written behind the number, e.g. `MB/s`.
    pub(crate) suffix: &'static str,
    glue: &'static str,
}

impl Unit {
    /// The scale that suits `max`.
    pub(crate) fn scale(self, max: f64) -> Scale {
        let (divisor, suffix, glue) = match self {
            Self::RequestsPerSecond if max >= 10_000.0 => (1000.0, "k req/s", " "),
            Self::RequestsPerSecond => (1.0, "req/s", " "),
            Self::Percent => (1.0, "%", " "),
            Self::Millis if max >= 2000.0 => (1000.0, "s", " "),
            Self::Millis => (1.0, "ms", " "),
            Self::BytesPerSecond if max >= 1e9 => (1e9, "GB/s", " "),
            Self::BytesPerSecond if max >= 1e6 => (1e6, "MB/s", " "),
            Self::BytesPerSecond if max >= 1e3 => (1e3, "kB/s", " "),
            Self::BytesPerSecond => (1.0, "B/s", " "),
        };
        Scale { divisor, suffix, glue }
    }

    /// One value on its own, with its unit: `12.5 ms`, `3.2 MB/s`, `0.04 %`.
    pub(crate) fn show(self, value: f64) -> String {
        let scale = self.scale(value.abs());
        format!("{}{}{}", number(value / scale.divisor), scale.glue, scale.suffix)
    }
}

impl Scale {
    /// A tick's label: as many decimals as `step` (the distance of two ticks, in the unit) needs.
    pub(crate) fn tick(&self, value: f64, step: f64) -> String {
        let step = step / self.divisor;
        let whole = |decimals: &usize| {
            let scaled = step * 10f64.powi(*decimals as i32);
            (scaled - scaled.round()).abs() < 1e-6 && scaled >= 0.5
        };
        let decimals = (0..6).find(whole).unwrap_or(0);
        let value = value / self.divisor;
        format!("{value:.decimals$}")
    }
}

/// A number with about three significant digits and no needless zeros: `1234`, `12.3`, `0.042`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".into();
    }
    let decimals = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 1.0 {
        2
    } else {
        (2.0 - size.log10().floor()).clamp(2.0, 6.0) as usize - 1
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A count with a thin gap between thousands: `9 999`. A no-break space keeps it on one line.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 2);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_a_fitting_unit() {
        assert_eq!(Unit::Millis.show(12.34), "12.3 ms");
        assert_eq!(Unit::Millis.show(2500.0), "2.5 s");
        assert_eq!(Unit::BytesPerSecond.show(3_210_000.0), "3.21 MB/s");
        assert_eq!(Unit::Percent.show(0.04), "0.04 %");
        assert_eq!(Unit::Percent.show(0.0), "0 %");
    }

    #[test]
    fn ticks_of_one_axis_share_decimals() {
        let scale = Unit::Percent.scale(1.0);
        assert_eq!(scale.tick(0.5, 0.25), "0.50");
        assert_eq!(Unit::Percent.scale(1.0).tick(0.2, 0.2), "0.2");
        assert_eq!(Unit::BytesPerSecond.scale(2e6).tick(1.5e6, 5e5), "1.5");
        assert_eq!(Unit::RequestsPerSecond.scale(40.0).tick(20.0, 10.0), "20");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(9999), "9\u{a0}999");
        assert_eq!(count(12), "12");
        assert_eq!(count(1_000_000), "1\u{a0}000\u{a0}000");
    }
}
