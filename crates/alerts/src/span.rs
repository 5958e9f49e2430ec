//! How long: `30s`, `5m`, `2h`, `7d`, as Prometheus and the dashboard write it.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub i64);

impl Span {
    /// Reads `5m`; none of what is no length, or longer than a hundred years.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|n| (0..=3_153_600_000).contains(n))?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let ms = count.checked_mul(seconds * 1000)?;
        (ms <= 3_153_600_000_000).then_some(Self(ms))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let units = [(604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m")];
        match units.into_iter().find(|(unit, _)| seconds > 0 && seconds % unit == 0) {
            Some((unit, word)) => write!(f, "{}{word}", seconds / unit),
            None => write!(f, "{seconds}s"),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!("{text:?} is no length of time: write it like 30s, 5m, 2h or 7d"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written() {
        for (text, ms) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("2w", 1_209_600_000),
            ("0s", 0),
            ("90s", 90_000),
        ] {
            assert_eq!(Span::parse(text), Some(Span(ms)), "{text}");
            assert_eq!(Span(ms).to_string(), text);
        }
        for text in ["", "5", "m", "-1m", "1y", "5 m", "99999999999d", "9999999w", "1é"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
