//! Times of the week in which somebody is not told: `{days: mon-fri, hours: 22:00-07:00, zone: Europe/Berlin}`.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de};

/// The days, in the order of the week, by the names that files have.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A time of the week. Hours that go over midnight belong to the day on which they begin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// On which days; every day where none is named.
    #[serde(default)]
    pub days: Days,
    /// At which hours; the whole day where none are named.
    #[serde(default)]
    pub hours: Hours,
    /// Where the clock hangs (IANA's name); UTC where none is named.
    #[serde(default)]
    pub zone: Zone,
}

impl Mute {
    /// Whether a moment, epoch milliseconds, lies within.
    #[must_use]
    pub fn covers(&self, now: i64) -> bool {
        let Ok(at) = Timestamp::from_millisecond(now) else { return false };
        let at = at.to_zoned(self.zone.0.clone());
        let (today, minute) = (
            at.weekday(),
            u16::try_from(at.hour()).unwrap_or(0) * 60 + u16::try_from(at.minute()).unwrap_or(0),
        );
        let Hours { from, to } = self.hours;
        if from < to {
            return self.days.has(today) && (from..to).contains(&minute);
        }
        (self.days.has(today) && minute >= from) || (self.days.has(today.previous()) && minute < to)
    }
}

/// Days of the week: `mon-fri`, `sat,sun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days([bool; 7]);

impl Default for Days {
    fn default() -> Self {
        Self([true; 7])
    }
}

impl Days {
    fn has(self, day: Weekday) -> bool {
        DAYS.iter().zip(self.0).any(|((_, known), on)| on && *known == day)
    }

    fn parse(text: &str) -> Option<Self> {
        let day = |name: &str| DAYS.iter().position(|(known, _)| name.trim().eq_ignore_ascii_case(known));
        let mut all = [false; 7];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            // `sat-mon` goes over the end of the week.
            for at in 0..=(last + 7 - first) % 7 {
                all[(first + at) % 7] = true;
            }
        }
        Some(Self(all))
    }
}

/// Hours of a day in minutes since midnight, `to` excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Default for Hours {
    fn default() -> Self {
        Self { from: 0, to: DAY }
    }
}

impl Hours {
    fn parse(text: &str) -> Option<Self> {
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from)?, minute(to)?);
        (from != to && from < DAY).then_some(Self { from, to })
    }
}

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

/// Reads a text, or says how it is written.
fn read<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&str) -> Option<T>,
    how: impl fmt::Display,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} {how}")))
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(from, Self::parse, "names no days: write them like mon-fri or sat,sun")
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(from, Self::parse, "names no hours: write them like 22:00-07:00")
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        read(from, |name| TimeZone::get(name).ok().map(Self), "is no time zone: write it like Europe/Berlin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mute(text: &str) -> Result<Mute, String> {
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    #[track_caller]
    fn covers(text: &str, at: &str) -> bool {
        let at: Timestamp = at.parse().expect("a moment");
        mute(text).expect("a time of the week").covers(at.as_millisecond())
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let nights = "{days: fri, hours: '22:00-07:00'}";
        // 27 November 2026 is a Friday.
        for (at, within) in [
            ("2026-11-27T06:00:00Z", false),
            ("2026-11-27T21:59:59Z", false),
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T06:59:59Z", true),
            ("2026-11-28T07:00:00Z", false),
            ("2026-11-28T23:00:00Z", false),
        ] {
            assert_eq!(covers(nights, at), within, "{at}");
        }
        assert!(
            covers("{days: sat-mon}", "2026-11-29T12:00:00Z")
                && !covers("{days: sat-mon}", "2026-12-01T12:00:00Z")
        );
    }

    #[test]
    fn the_clock_is_the_zones_in_summer_and_in_winter() {
        let nights = "{hours: '22:00-07:00', zone: Europe/Berlin}";
        assert!(covers(nights, "2026-07-01T20:30:00Z") && !covers(nights, "2026-12-01T20:30:00Z"));
        assert!(covers(nights, "2026-12-01T05:30:00Z") && !covers(nights, "2026-07-01T05:30:00Z"));
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(mute("{days: someday}").is_err_and(|e| e.contains("write them like mon-fri")));
        for hours in ["7-8", "25:00-26:00", "07:00-07:00", "07:60-08:00", "24:00-01:00"] {
            assert!(
                mute(&format!("{{hours: '{hours}'}}")).is_err_and(|e| e.contains("22:00-07:00")),
                "{hours}"
            );
        }
        assert!(mute("{zone: Mars/Olympus}").is_err_and(|e| e.contains("no time zone")));
    }
}
