//! Units of values and how people write them.

use super::ticks::value_ticks;

/// The unit of all values of one chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Whole things.
    Count,
    /// Things a second.
    PerSecond,
    /// Requests a second.
    RequestsPerSecond,
    /// Per cent, 0 to 100.
    Percent,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Bytes; a kilobyte has 1000.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
}

/// A unit at the size that suits the largest value of an axis, so that all its labels share one suffix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// How many of the unit are one of what is written.
    pub(crate) divisor: f64,
    /// What is written behind the number, e.g. `MB/s`; empty for a plain count.
    pub(crate) suffix: &'static str,
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Distances of marks on a clock, in seconds.
const CLOCK: [f64; 20] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    5.0 * DAY,
];

/// The largest scale that `max` fills; the first is for everything smaller.
fn largest(max: f64, scales: &[(f64, f64, &'static str)]) -> Scale {
    let fits = scales.iter().rev().find(|(from, ..)| max >= *from).or(scales.first());
    fits.map_or(Scale { divisor: 1.0, suffix: "" }, |(_, divisor, suffix)| Scale {
        divisor: *divisor,
        suffix,
    })
}

impl Unit {
    /// All units.
    pub(crate) const ALL: [Self; 8] = [
        Self::Count,
        Self::PerSecond,
        Self::RequestsPerSecond,
        Self::Percent,
        Self::Millis,
        Self::Seconds,
        Self::Bytes,
        Self::BytesPerSecond,
    ];

    /// The word for a unit in addresses and files, which [`Unit::from_word`] understands.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::PerSecond => "/s",
            Self::RequestsPerSecond => "req/s",
            Self::Percent => "%",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::BytesPerSecond => "B/s",
        }
    }

    /// The unit of a word, none for any other word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|u| u.word() == word)
    }

    /// The scale that suits `max`.
    pub(crate) fn scale(self, max: f64) -> Scale {
        match self {
            Self::Count => largest(max, &[(0.0, 1.0, ""), (1e4, 1e3, "k"), (1e6, 1e6, "M"), (1e9, 1e9, "G")]),
            Self::PerSecond => {
                largest(max, &[(0.0, 1.0, "/s"), (1e4, 1e3, "k/s"), (1e6, 1e6, "M/s"), (1e9, 1e9, "G/s")])
            }
            Self::RequestsPerSecond => {
                largest(max, &[(0.0, 1.0, "req/s"), (1e4, 1e3, "k req/s"), (1e6, 1e6, "M req/s")])
            }
            Self::Percent => Scale { divisor: 1.0, suffix: "%" },
            Self::Millis => {
                let scale = Self::Seconds.scale(max / 1000.0);
                if max < 2000.0 {
                    Scale { divisor: 1.0, suffix: "ms" }
                } else {
                    Scale { divisor: scale.divisor * 1000.0, ..scale }
                }
            }
            Self::Seconds => largest(
                max,
                &[
                    (0.0, 1e-3, "ms"),
                    (1.0, 1.0, "s"),
                    (2.0 * MINUTE, MINUTE, "min"),
                    (2.0 * HOUR, HOUR, "h"),
                    (2.0 * DAY, DAY, "d"),
                ],
            ),
            Self::Bytes => largest(
                max,
                &[(0.0, 1.0, "B"), (1e3, 1e3, "kB"), (1e6, 1e6, "MB"), (1e9, 1e9, "GB"), (1e12, 1e12, "TB")],
            ),
            Self::BytesPerSecond => {
                largest(max, &[(0.0, 1.0, "B/s"), (1e3, 1e3, "kB/s"), (1e6, 1e6, "MB/s"), (1e9, 1e9, "GB/s")])
            }
        }
    }

    /// Marks of an axis from 0 to at least `max`, about `about` of them: round in the unit that they are written in. The
    /// last is the top of the axis.
    pub(crate) fn ticks(self, max: f64, about: usize) -> Vec<f64> {
        let second = match self {
            Self::Seconds => 1.0,
            Self::Millis => 1000.0,
            // Half a thing is no mark.
            Self::Count => return value_ticks(max, about.min(max.ceil().max(1.0) as usize)),
            _ => return value_ticks(max, about),
        };
        let raw = max / second / about.max(1) as f64;
        let step = CLOCK.into_iter().find(|s| *s >= raw * 0.999_999);
        match step {
            Some(step) if max >= 2.0 * MINUTE * second => {
                let n = (max / second / step - 1e-9).ceil().max(1.0) as usize;
                (0..=n).map(|i| i as f64 * step * second).collect()
            }
            _ => value_ticks(max, about),
        }
    }

    /// One value on its own, with its unit: `12.5 ms`, `3.2 MB/s`, `0.04 %`, `1 234`.
    pub(crate) fn show(self, value: f64) -> String {
        if self == Self::Count && value.abs() < 10_000.0 && value.fract() == 0.0 {
            let sign = if value < 0.0 { "-" } else { "" };
            return format!("{sign}{}", count(value.abs() as u64));
        }
        // Nothing has no size: "0 s", not "0 ms".
        let scale =
            if value == 0.0 && self == Self::Seconds { self.scale(1.0) } else { self.scale(value.abs()) };
        let number = number(value / scale.divisor);
        if scale.suffix.is_empty() { number } else { format!("{number} {}", scale.suffix) }
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
        if decimals == 0 && value >= 1000.0 {
            count(value.round() as u64)
        } else {
            format!("{value:.decimals$}")
        }
    }

    /// What stands once above an axis, behind whose numbers the unit is left out.
    pub(crate) const fn above(&self) -> &'static str {
        match self.suffix.as_bytes() {
            b"k" => "thousand",
            b"M" => "million",
            b"G" => "billion",
            _ => self.suffix,
        }
    }
}

/// A number with about three significant digits and no needless zeros: `1234`, `12.3`, `0.042`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".into();
    }
    // What is no number is not known.
    if !size.is_finite() {
        return "—".into();
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

    #[test]
    fn every_unit_has_a_word() {
        for unit in Unit::ALL {
            assert_eq!(Unit::from_word(unit.word()), Some(unit));
        }
        assert_eq!(Unit::from_word("furlong"), None);
    }

    #[test]
    fn sizes_of_every_unit() {
        let shown = |unit: Unit, values: &[f64]| {
            values.iter().map(|v| unit.show(*v)).collect::<Vec<_>>().join(" · ").replace('\u{a0}', "_")
        };
        insta::assert_snapshot!(shown(Unit::Count, &[0.0, 7.0, 1234.0, 12_345.0, 4.5e6, 2.5]), @"0 · 7 · 1_234 · 12.3 k · 4.5 M · 2.5");
        insta::assert_snapshot!(shown(Unit::PerSecond, &[0.5, 999.0, 12_345.0]), @"0.5 /s · 999 /s · 12.3 k/s");
        insta::assert_snapshot!(shown(Unit::Seconds, &[0.0, 0.25, 1.5, 90.0, 600.0, 7200.0, 200_000.0]), @"0 s · 250 ms · 1.5 s · 90 s · 10 min · 2 h · 2.31 d");
        insta::assert_snapshot!(shown(Unit::Millis, &[0.2, 1999.0, 2000.0, 240_000.0]), @"0.2 ms · 1999 ms · 2 s · 4 min");
        insta::assert_snapshot!(shown(Unit::Bytes, &[10.0, 1500.0, 2.5e6, 3e9, 1e12]), @"10 B · 1.5 kB · 2.5 MB · 3 GB · 1 TB");
    }

    #[test]
    fn ticks_are_round_in_what_is_written() {
        assert_eq!(Unit::Seconds.ticks(3000.0, 4), [0.0, 900.0, 1800.0, 2700.0, 3600.0]);
        assert_eq!(Unit::Millis.ticks(240_000.0, 4), [0.0, 60_000.0, 120_000.0, 180_000.0, 240_000.0]);
        assert_eq!(Unit::Millis.ticks(87.0, 4), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(Unit::Count.ticks(2.0, 4), [0.0, 1.0, 2.0]);
        assert_eq!(Unit::Count.ticks(0.0, 4), [0.0, 1.0]);
        assert_eq!(Unit::Count.scale(20_000.0).above(), "thousand");
        assert_eq!(Unit::Count.scale(5000.0).tick(1500.0, 500.0), "1\u{a0}500");
    }
}
