//! `ISO8601`, `UNIX`, `UNIX_MS` and `TAI64N`: the formats that have names.

use alces_event::Timestamp;
use alces_plugin::zone::offset;
use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::zone::{Clock, Memo};

/// ISO 8601 with `T` or a space, `.` or `,` before the fraction, an offset or none (then in the filter's zone).
pub(super) fn iso8601(text: &str, zone: &TimeZone, memo: &mut Memo) -> Option<Timestamp> {
    if let Some(time) = usual(text, zone, memo) {
        return Some(time);
    }
    let text = text.replace(',', ".");
    if let Ok(time) = text.parse::<Timestamp>() {
        return millis(time);
    }
    // Only a year and a month.
    let text = if text.len() == 7 { format!("{text}-01") } else { text };
    let civil: DateTime = text.parse().ok()?;
    millis(zone.to_ambiguous_timestamp(civil).unambiguous().ok()?)
}

/// Joda keeps milliseconds.
fn millis(time: Timestamp) -> Option<Timestamp> {
    Timestamp::from_millisecond(time.as_millisecond()).ok()
}

/// `2015-05-17T10:05:03.123Z` and its likes, without the detours of a parser that knows everything.
fn usual(text: &str, zone: &TimeZone, memo: &mut Memo) -> Option<Timestamp> {
    let bytes: &[u8; 19] = text.as_bytes().first_chunk()?;
    let two = |at: usize| match bytes.get(at..at + 2) {
        Some([a @ b'0'..=b'9', b @ b'0'..=b'9']) => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    };
    let separated = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':';
    if !separated {
        return None;
    }
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    let date = Date::new(year, two(5)? as i8, two(8)? as i8).ok()?;
    let mut clock = Clock { hour: two(11)?, minute: two(14)?, second: two(17)?, nanos: 0 };
    if clock.hour > 23 || clock.minute > 59 || clock.second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let end = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&end) {
            return None;
        }
        let digit =
            |at: usize| fraction.as_bytes().get(at).filter(|_| at < end).map_or(0, |b| i32::from(b - b'0'));
        clock.nanos = (digit(0) * 100 + digit(1) * 10 + digit(2)) * 1_000_000;
        rest = fraction.get(end..)?;
    }
    if rest.is_empty() {
        return memo.in_zone(date, clock, zone, false);
    }
    match offset(rest)? {
        (seconds, "") => memo.at_offset(date, clock, seconds),
        _ => None,
    }
}

/// The most that `UNIX` takes: what is larger are milliseconds in disguise.
const MOST_SECONDS: i64 = i32::MAX as i64;

/// Seconds, with up to three digits of a fraction that count.
pub(super) fn unix(text: &str) -> Option<Timestamp> {
    let (seconds, millis) = match text.split_once('.') {
        None => (text.parse::<i64>().ok()?, 0),
        Some((seconds, fraction)) => {
            let digits = fraction.get(..fraction.len().min(3)).filter(|digits| !digits.is_empty())?;
            let scale = [100, 10, 1].get(digits.len() - 1)?;
            (seconds.parse::<i64>().ok()?, digits.parse::<u16>().map(i64::from).ok()? * scale)
        }
    };
    if seconds > MOST_SECONDS {
        return None;
    }
    Timestamp::from_millisecond(seconds.checked_mul(1000)?.checked_add(millis)?).ok()
}

/// A number of seconds.
pub(super) fn unix_number(seconds: f64) -> Option<Timestamp> {
    if !seconds.is_finite() || seconds.trunc() > MOST_SECONDS as f64 {
        return None;
    }
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}

pub(super) fn unix_ms(text: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(text.parse().ok()?).ok()
}

/// An `@` or none, sixteen digits of seconds and eight of nanoseconds, in hexadecimal. As in Logstash ten leap seconds are
/// taken off, whenever it was, and milliseconds are kept.
pub(super) fn tai64n(text: &str) -> Option<Timestamp> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let hex = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u64::from_str_radix(digits, 16).ok()
    };
    let seconds = i64::try_from(hex(0, 16)? & ((1 << 62) - 1)).ok()? - 10;
    let millis = i64::try_from(hex(16, 24)?).ok()? / 1_000_000;
    Timestamp::from_millisecond(seconds.checked_mul(1000)?.checked_add(millis)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> Option<String> {
        iso8601(text, &TimeZone::get("Europe/Berlin").unwrap(), &mut Memo::default())
            .map(|time| time.to_string())
    }

    #[test]
    fn iso8601_in_its_forms() {
        for (text, expect) in [
            ("2015-05-17T10:05:03Z", "2015-05-17T10:05:03Z"),
            ("2015-05-17T10:05:03.123456789+02:00", "2015-05-17T08:05:03.123Z"),
            ("2015-05-17 10:05:03,5-0230", "2015-05-17T12:35:03.5Z"),
            ("2015-05-17T10:05:03", "2015-05-17T08:05:03Z"),
            ("2015-05-17T10:05", "2015-05-17T08:05:00Z"),
            ("2015-05-17", "2015-05-16T22:00:00Z"),
            ("2015-05", "2015-04-30T22:00:00Z"),
            ("20150517T100503Z", "2015-05-17T10:05:03Z"),
        ] {
            assert_eq!(iso(text).as_deref(), Some(expect), "{text}");
        }
        // Not a date, a day that is none, an hour that a clock change leaves out.
        for text in [
            "",
            "yesterday",
            "2015-02-30T10:05:03Z",
            "2015-05-17T25:05:03Z",
            "2015-03-29T02:30:00",
            "2015-05-17T10:05:03Zx",
        ] {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, expect) in [
            ("1431857103", Some(1_431_857_103_000)),
            ("1431857103.25", Some(1_431_857_103_250)),
            ("1431857103.123456", Some(1_431_857_103_123)),
            ("0", Some(0)),
            ("-1", Some(-1000)),
            ("1431857103250", None),
            ("1.", None),
            (" 1", None),
            ("x", None),
        ] {
            assert_eq!(unix(text).map(Timestamp::as_millisecond), expect, "{text}");
        }
        assert_eq!(unix_number(1.5).map(Timestamp::as_millisecond), Some(1500));
        assert_eq!(unix_number(f64::NAN), None);
        assert_eq!(unix_ms("1431857103250").map(Timestamp::as_millisecond), Some(1_431_857_103_250));
        assert_eq!(unix_ms("1.5"), None);
    }

    #[test]
    fn tai64n_with_and_without_its_sign() {
        for text in ["4000000050d506482dbdf024", "@4000000050d506482dbdf024"] {
            assert_eq!(
                tai64n(text).map(|time| time.to_string()).as_deref(),
                Some("2012-12-22T01:00:46.767Z"),
                "{text}"
            );
        }
        for text in ["", "@", "@4000000050d50648", "4000000050d506482dbdf0zz", "é00000005é5064é2dbdf024"] {
            assert_eq!(tai64n(text), None, "{text}");
        }
    }
}
