//! Buckets of time: where the one that a moment falls into begins, and the next one.

use super::{floor, instant, shift};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The width of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Width {
    /// Milliseconds.
    Fixed(i64),
    /// A unit of the calendar, as in date math.
    Calendar(char),
}

/// How moments are rounded, in a time zone, shifted by an offset (as OpenSearch's `Rounding` does it).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rounding {
    pub(crate) width: Width,
    /// Milliseconds.
    pub(crate) offset: i64,
    pub(crate) zone: TimeZone,
}

impl Rounding {
    /// The beginning of the bucket.
    pub(crate) fn start(&self, millis: i64) -> i64 {
        let moved = millis - self.offset;
        let utc = self.zone == TimeZone::UTC;
        let start = match self.width {
            Width::Fixed(size) if utc => moved.div_euclid(size) * size,
            Width::Fixed(size) => self.fixed(moved, size).unwrap_or(moved),
            Width::Calendar(unit) => floor(moved, unit, &self.zone).unwrap_or(moved),
        };
        start + self.offset
    }

    /// The beginning of the next bucket; none at the end of time.
    pub(crate) fn next(&self, start: i64) -> Option<i64> {
        let moved = start - self.offset;
        match self.width {
            Width::Fixed(size) if self.zone == TimeZone::UTC => start.checked_add(size),
            Width::Fixed(size) => {
                // In local time, so that the change of an hour does not move what comes after it.
                let next = self.start(start.checked_add(size)?);
                Some(if next > start { next } else { start.checked_add(size)? })
            }
            Width::Calendar(unit) => {
                let next = shift(moved, 1, unit, &self.zone)?;
                // Midnight may not be there; then the day begins later.
                Some(floor(next, unit, &self.zone)?.max(moved + 1) + self.offset)
            }
        }
    }

    fn fixed(&self, millis: i64, size: i64) -> Option<i64> {
        let stamp = Timestamp::from_millisecond(millis).ok()?;
        let offset = i64::from(self.zone.to_offset(stamp).seconds()) * 1000;
        let local = (millis + offset).div_euclid(size) * size;
        // The offset at the beginning of the bucket may be another one.
        let start = Timestamp::from_millisecond(local).ok().map(|t| TimeZone::UTC.to_datetime(t))?;
        let found = instant(start, &self.zone)?;
        Some(if found <= millis { found } else { local - offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::{DEFAULT, iso, math, parse, zone};

    #[track_caller]
    fn check(width: Width, in_zone: &str, moment: &str, start: &str, next: &str) {
        let rounding = Rounding { width, offset: 0, zone: zone(in_zone).unwrap() };
        let found = rounding.start(parse(moment, DEFAULT).unwrap());
        assert_eq!((iso(found), rounding.next(found).map(iso)), (start.to_owned(), Some(next.to_owned())));
    }

    #[test]
    fn days_and_hours_around_a_change_of_the_clock() {
        let day = Width::Calendar('d');
        check(day, "UTC", "2026-03-29T10:00:00Z", "2026-03-29T00:00:00.000Z", "2026-03-30T00:00:00.000Z");
        // Twenty-three hours.
        check(
            day,
            "Europe/Berlin",
            "2026-03-29T10:00:00Z",
            "2026-03-28T23:00:00.000Z",
            "2026-03-29T22:00:00.000Z",
        );
        check(day, "+05:30", "2026-03-29T20:00:00Z", "2026-03-29T18:30:00.000Z", "2026-03-30T18:30:00.000Z");
        let six = Width::Fixed(6 * 3_600_000);
        check(
            six,
            "Europe/Berlin",
            "2026-01-10T08:00:00Z",
            "2026-01-10T05:00:00.000Z",
            "2026-01-10T11:00:00.000Z",
        );
        check(
            Width::Calendar('M'),
            "UTC",
            "2026-03-29T10:00:00Z",
            "2026-03-01T00:00:00.000Z",
            "2026-04-01T00:00:00.000Z",
        );
    }

    #[test]
    fn date_math_in_a_zone() {
        let (berlin, now) = (zone("Europe/Berlin").unwrap(), parse("2026-11-23T23:30:00Z", DEFAULT).unwrap());
        let start = math("now/d", DEFAULT, now, crate::dates::Round::Down, &berlin).unwrap();
        assert_eq!(iso(start), "2026-11-23T23:00:00.000Z");
        let plain = math("2026-11-24", DEFAULT, now, crate::dates::Round::Down, &berlin).unwrap();
        assert_eq!(iso(plain), "2026-11-23T23:00:00.000Z");
    }
}
