//! When a message was written: `Oct 11 22:14:15`, with or without a year, and ISO 8601.

use alces_event::Timestamp;
use jiff::{
    SignedDuration,
    civil::{Date, DateTime, Time as Clock},
    tz::TimeZone,
};

/// A year has twice as many days, so that what is nearer than this is nearest.
const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(182 * 24);

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// With its offset.
    Exact(Timestamp),
    /// In the sender's zone.
    Local(DateTime),
    /// In the sender's zone, of a year that is not said.
    Yearless {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
        /// On the clock.
        clock: Clock,
    },
}

impl Time {
    /// Reads a text that is a time and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((end, time)) = Self::legacy(text) {
            return (end == text.len()).then_some(time);
        }
        Self::iso(text)
    }

    /// The point in time, for a sender in `zone`. Where there is no year it is the one that brings the time nearest to `now`.
    pub fn resolve(self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let at = |date: Date, clock| zone.to_timestamp(DateTime::from_parts(date, clock)).ok();
        match self {
            Self::Exact(time) => Some(time),
            Self::Local(time) => zone.to_timestamp(time).ok(),
            Self::Yearless { month, day, clock } => {
                let this = zone.to_datetime(now).year();
                let of = |year| at(Date::new(year, month, day).ok()?, clock);
                let away = |time: &Timestamp| time.duration_since(now).abs();
                match of(this) {
                    Some(time) if away(&time) < HALF_A_YEAR => Some(time),
                    // The 29th of February is not in every year: the last or next leap year is at most eight years away.
                    _ => (this - 8..=this + 8).filter_map(of).min_by_key(away),
                }
            }
        }
    }

    /// `Oct 11 22:14:15` or `Oct 11 2003 22:14:15`, perhaps with a fraction, at the beginning of a text; and where it ends.
    pub(super) fn legacy(text: &str) -> Option<(usize, Self)> {
        let bytes = text.as_bytes();
        let month = month(bytes)?;
        let spaces = |at: usize| bytes.iter().skip(at).take_while(|byte| **byte == b' ').count();
        let gap = spaces(3);
        let (day, mut at) = number(bytes, 3 + gap, 2).filter(|_| gap > 0)?;
        at += Some(spaces(at)).filter(|gap| *gap > 0)?;
        let year = number(bytes, at, 4).filter(|(_, end)| *end == at + 4 && bytes.get(*end) == Some(&b' '));
        if let Some((_, end)) = year {
            at = end + 1;
        }
        let (hour, end) = number(bytes, at, 2)?;
        let (minute, end) = number(bytes, colon(bytes, end)?, 2)?;
        let (second, mut end) = number(bytes, colon(bytes, end)?, 2)?;
        let mut nanos = 0;
        if let Some(b'.' | b',') = bytes.get(end) {
            let digits = bytes.iter().skip(end + 1).take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 {
                let taken = text.get(end + 1..end + 1 + digits.min(9))?;
                nanos = taken.parse::<i32>().ok()? * 10_i32.pow(9 - taken.len() as u32);
                end += 1 + digits;
            }
        }
        // A leap second is the last one of its minute.
        let second = if second == 60 { 59 } else { second };
        let clock = Clock::new(hour as i8, minute as i8, second as i8, nanos).ok()?;
        let day = day as i8;
        let time = match year {
            Some((year, _)) => Self::Local(DateTime::from_parts(Date::new(year, month, day).ok()?, clock)),
            // 2000 had all days that there are.
            None => Date::new(2000, month, day).ok().map(|_| Self::Yearless { month, day, clock })?,
        };
        Some((end, time))
    }

    /// ISO 8601, with or without an offset.
    pub(super) fn iso(text: &str) -> Option<Self> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        match text.parse() {
            Ok(exact) => Some(Self::Exact(exact)),
            Err(_) => text.parse().ok().map(Self::Local),
        }
    }
}

fn month(bytes: &[u8]) -> Option<i8> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
    let name = bytes.first_chunk::<3>()?.map(|byte| byte.to_ascii_lowercase());
    MONTHS.iter().position(|month| **month == name).map(|at| at as i8 + 1)
}

/// A number of one to `most` digits, and where it ends.
fn number(bytes: &[u8], at: usize, most: usize) -> Option<(i16, usize)> {
    let digits = bytes.iter().skip(at).take(most).take_while(|byte| byte.is_ascii_digit());
    let (number, len) = digits.fold((0, 0), |(n, len), byte| (n * 10 + i16::from(byte - b'0'), len + 1));
    (len > 0).then_some((number, at + len))
}

fn colon(bytes: &[u8], at: usize) -> Option<usize> {
    (bytes.get(at) == Some(&b':')).then_some(at + 1)
}
