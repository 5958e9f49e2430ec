//! ISO 8601, read and written by hand: most of what is indexed are such dates.

use super::instant;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// The instant, and how many milliseconds the written precision spans (a day for `2026-11-23`).
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<(i64, i64)> {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let year = i16::try_from(digits(0, 4)?).ok()?;
    let (mut month, mut day, mut hour, mut minute, mut second, mut nanos) = (1, 1, 0, 0, 0, 0);
    let mut span = 365 * 86_400_000;
    let mut at = 4;
    let mut offset = None;
    'read: {
        if bytes.get(at) != Some(&b'-') {
            break 'read;
        }
        month = digits(5, 7)?;
        (at, span) = (7, 28 * 86_400_000);
        if bytes.get(at) != Some(&b'-') {
            break 'read;
        }
        day = digits(8, 10)?;
        (at, span) = (10, 86_400_000);
        if !matches!(bytes.get(at), Some(b'T' | b't')) {
            break 'read;
        }
        hour = digits(11, 13)?;
        (at, span) = (13, 3_600_000);
        if bytes.get(at) == Some(&b':') {
            minute = digits(14, 16)?;
            (at, span) = (16, 60_000);
            if bytes.get(at) == Some(&b':') {
                second = digits(17, 19)?;
                (at, span) = (19, 1000);
                if matches!(bytes.get(at), Some(b'.' | b',')) {
                    at += 1;
                    let start = at;
                    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                        if at - start < 9 {
                            nanos = nanos * 10 + i64::from(bytes[at] - b'0');
                        }
                        at += 1;
                    }
                    if at == start {
                        return None;
                    }
                    nanos *= 10i64.pow(9u32.saturating_sub(u32::try_from(at - start).ok()?));
                    span = 1;
                }
            }
        }
        match bytes.get(at) {
            Some(b'Z' | b'z') => {
                at += 1;
                offset = Some(0);
            }
            Some(sign @ (b'+' | b'-')) => {
                let hours = digits(at + 1, at + 3)?;
                at += 3;
                if bytes.get(at) == Some(&b':') {
                    at += 1;
                }
                let minutes = if at < bytes.len() { digits(at, at + 2)? } else { 0 };
                at = (at + 2).min(bytes.len());
                offset = Some((hours * 60 + minutes) * 60_000 * if *sign == b'-' { -1 } else { 1 });
            }
            _ => {}
        }
    }
    if at != bytes.len() {
        return None;
    }
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0)
        .ok()?;
    let moment = DateTime::from_parts(date, time);
    let millis = match offset {
        Some(offset) => Offset::UTC.to_timestamp(moment).ok()?.as_millisecond() - offset,
        None => instant(moment, zone)?,
    };
    Some((millis + nanos / 1_000_000, span))
}

/// `2026-11-23T10:00:00.000Z`, as OpenSearch writes `key_as_string`.
pub(crate) fn write(millis: i64) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(stamp) => {
            let t = Offset::UTC.to_datetime(stamp);
            format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                t.year(),
                t.month(),
                t.day(),
                t.hour(),
                t.minute(),
                t.second(),
                t.millisecond()
            )
        }
        Err(_) => millis.to_string(),
    }
}
