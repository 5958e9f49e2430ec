//! From the time on a clock to a point in time, with the last day remembered: logs come in the order of time.

use super::last::Last;
use alces_event::Timestamp;
use jiff::{
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};

const SECONDS_OF_DAY: i64 = 86_400;

/// The last day that was converted, and the last text.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    day: Option<(Date, i64)>,
    /// The zone's offset on that day, where it does not change in it.
    offset: Option<(Date, Option<i32>)>,
    pub(super) last: Last,
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
