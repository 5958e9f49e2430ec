//! From the time on a clock to a point in time, with the last day remembered: logs come in the order of time.

use alces_event::Timestamp;
use jiff::{
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};

const SECONDS_OF_DAY: i64 = 86_400;

/// A zone by the name that Joda knows it by: `Europe/Berlin`, `UTC`, `EST5EDT`, `+02:00`.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if name == "Z" {
        return Some(TimeZone::UTC);
    }
    if let Some((offset, "")) = offset(name) {
        return Some(TimeZone::fixed(Offset::from_seconds(offset).ok()?));
    }
    TimeZone::get(name).ok()
}

/// An offset in seconds and the text after it: `Z`, `+02`, `+0200`, `+02:00`, `+02:00:00`.
pub(super) fn offset(text: &str) -> Option<(i32, &str)> {
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b'Z' | b'z' => return Some((0, text.get(1..)?)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize, most: i32| match bytes.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => {
            let number = i32::from(a - b'0') * 10 + i32::from(b - b'0');
            (number <= most).then_some(number)
        }
        _ => None,
    };
    let mut seconds = two(1, 23)? * 3600;
    let mut at = 3;
    // Both further parts with colons, or both without.
    let colon = usize::from(bytes.get(at) == Some(&b':'));
    if let Some(minutes) = two(at + colon, 59) {
        seconds += minutes * 60;
        at += 2 + colon;
        if (bytes.get(at) == Some(&b':')) == (colon == 1)
            && let Some(more) = two(at + colon, 59)
        {
            seconds += more;
            at += 2 + colon;
        }
    }
    Some((sign * seconds, text.get(at..)?))
}

/// The last day that was converted.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    day: Option<(Date, i64)>,
    /// The zone's offset on that day, where it does not change in it.
    offset: Option<(Date, Option<i32>)>,
}

impl Memo {
    /// Seconds of the epoch at the beginning of a day, as if in UTC.
    fn start_of(&mut self, date: Date) -> Option<i64> {
        if let Some((known, start)) = self.day
            && known == date
        {
            return Some(start);
        }
        let start = Offset::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok()?.as_second();
        self.day = Some((date, start));
        Some(start)
    }

    /// At an offset of its own.
    pub(super) fn at_offset(&mut self, date: Date, time: Clock, offset: i32) -> Option<Timestamp> {
        let seconds = self.start_of(date)? + time.seconds() - i64::from(offset);
        Timestamp::new(seconds, time.nanos).ok()
    }

    /// In a zone. A time that a clock change leaves out is `None`, or where `lenient` moved on by that change; one that comes
    /// twice is the first.
    pub(super) fn in_zone(
        &mut self,
        date: Date,
        time: Clock,
        zone: &TimeZone,
        lenient: bool,
    ) -> Option<Timestamp> {
        let known = match self.offset {
            Some((known, offset)) if known == date => offset,
            _ => {
                let offset = whole_day(self.start_of(date)?, zone);
                self.offset = Some((date, offset));
                offset
            }
        };
        if let Some(offset) = known {
            return self.at_offset(date, time, offset);
        }
        let ambiguous = zone.to_ambiguous_timestamp(DateTime::from_parts(date, time.civil()?));
        if !lenient && matches!(ambiguous.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
            return None;
        }
        ambiguous.compatible().ok()
    }

    /// For another zone: the offset is forgotten.
    pub(super) fn other_zone(&mut self) {
        self.offset = None;
    }
}

/// The zone's offset for the whole of a day and its neighbours, where it is one.
fn whole_day(start: i64, zone: &TimeZone) -> Option<i32> {
    let from = Timestamp::from_second(start - SECONDS_OF_DAY).ok()?;
    let to = Timestamp::from_second(start + 2 * SECONDS_OF_DAY).ok()?;
    match zone.following(from).next() {
        Some(change) if change.timestamp() <= to => None,
        _ => Some(zone.to_offset(from).seconds()),
    }
}

/// A time of day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) nanos: i32,
}

impl Clock {
    fn seconds(self) -> i64 {
        i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second)
    }

    fn civil(self) -> Option<Time> {
        Time::new(self.hour as i8, self.minute as i8, self.second as i8, self.nanos).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets() {
        for (text, expect) in [
            ("Z", Some((0, ""))),
            ("+02", Some((7200, ""))),
            ("+0230x", Some((9000, "x"))),
            ("-02:30", Some((-9000, ""))),
            ("+02:00:30", Some((7230, ""))),
            ("+02:", Some((7200, ":"))),
            ("+2", None),
            ("+24", None),
            ("02", None),
            ("++1", None),
        ] {
            assert_eq!(offset(text), expect, "{text}");
        }
    }

    proptest! {
        /// What is remembered changes nothing.
        #[test]
        fn as_the_library_says(days in prop::collection::vec(-40_000_i32..40_000, 1..6), seconds in 0_i64..SECONDS_OF_DAY) {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let mut memo = Memo::default();
            for day in days {
                let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(day));
                let time = Clock {
                    hour: (seconds / 3600) as u8,
                    minute: (seconds / 60 % 60) as u8,
                    second: (seconds % 60) as u8,
                    nanos: 0,
                };
                let expect = zone.to_ambiguous_timestamp(DateTime::from_parts(date, time.civil().unwrap()));
                let gap = matches!(expect.offset(), jiff::tz::AmbiguousOffset::Gap { .. });
                let expect = expect.compatible().ok().filter(|_| !gap);
                prop_assert_eq!(memo.in_zone(date, time, &zone, false), expect);
            }
        }
    }
}
