//! Dates: milliseconds since 1970 (UTC) inside, ISO 8601 or epoch numbers outside, and date math in queries.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

/// One way of writing a date that a mapping or query may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Iso,
    EpochMillis,
    EpochSecond,
}

/// Reads a list such as `strict_date_optional_time||epoch_millis`. The error is the name that we do not know.
pub(crate) fn formats(list: &str) -> Result<Vec<Format>, String> {
    list.split("||")
        .map(|name| match name {
            "strict_date_optional_time"
            | "date_optional_time"
            | "strict_date_optional_time_nanos"
            | "strict_date_time"
            | "date_time"
            | "strict_date_time_no_millis"
            | "date_time_no_millis"
            | "iso8601" => Ok(Format::Iso),
            "epoch_millis" => Ok(Format::EpochMillis),
            "epoch_second" => Ok(Format::EpochSecond),
            other => Err(other.to_owned()),
        })
        .collect()
}

/// OpenSearch's default for date fields.
pub(crate) const DEFAULT: &[Format] = &[Format::Iso, Format::EpochMillis];

/// Milliseconds since 1970 of a date written in one of `formats`.
pub(crate) fn parse(text: &str, formats: &[Format]) -> Option<i64> {
    formats.iter().find_map(|format| match format {
        Format::Iso => parse_iso(text).map(|(millis, _)| millis),
        Format::EpochMillis => text.parse().ok(),
        Format::EpochSecond => text.parse::<i64>().ok()?.checked_mul(1000),
    })
}

/// Whether dynamic mapping takes this string for a date: OpenSearch's default patterns.
pub(crate) fn looks_like_date(text: &str) -> bool {
    // A bare year is four digits, which would turn every small number in quotes into a date.
    text.len() >= 10 && text.as_bytes()[4] == b'-' && parse_iso(text).is_some()
}

/// The instant, and how many milliseconds the written precision spans (a day for `2026-11-23`).
fn parse_iso(text: &str) -> Option<(i64, i64)> {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = bytes.get(from..to)?;
        part.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let year = i16::try_from(digits(0, 4)?).ok()?;
    let (mut month, mut day, mut hour, mut minute, mut second, mut nanos) = (1, 1, 0, 0, 0, 0);
    let mut span = 365 * 86_400_000;
    let mut at = 4;
    let mut offset = 0i64;
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
            Some(b'Z' | b'z') => at += 1,
            Some(sign @ (b'+' | b'-')) => {
                let hours = digits(at + 1, at + 3)?;
                at += 3;
                if bytes.get(at) == Some(&b':') {
                    at += 1;
                }
                let minutes = if at < bytes.len() { digits(at, at + 2)? } else { 0 };
                at = (at + 2).min(bytes.len());
                offset = (hours * 60 + minutes) * 60_000 * if *sign == b'-' { -1 } else { 1 };
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
    let stamp = Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    Some((stamp.as_millisecond() + nanos / 1_000_000 - offset, span))
}

/// `2026-11-23T10:00:00.000Z`, as OpenSearch writes `key_as_string`.
pub(crate) fn iso(millis: i64) -> String {
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

/// Writes a date in a given format.
pub(crate) fn write(millis: i64, format: Format) -> String {
    match format {
        Format::Iso => iso(millis),
        Format::EpochMillis => millis.to_string(),
        Format::EpochSecond => millis.div_euclid(1000).to_string(),
    }
}

/// Which end of a rounded or imprecise date is meant: `gt` and `lte` mean its last millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    Down,
    Up,
}

/// A date or date math expression: `now-1h/d`, `2026-11-23||+1d/d`, or a plain date.
pub(crate) fn math(text: &str, formats: &[Format], now: i64, round: Round) -> Option<i64> {
    let (mut millis, mut rest) = if let Some(rest) = text.strip_prefix("now") {
        (now, rest)
    } else if let Some((date, rest)) = text.split_once("||") {
        (parse(date, formats)?, rest)
    } else {
        if formats.contains(&Format::Iso)
            && let Some((millis, span)) = parse_iso(text)
        {
            return Some(if round == Round::Up { millis + span.min(86_400_000) - 1 } else { millis });
        }
        return parse(text, formats);
    };
    while let Some(op) = rest.chars().next() {
        rest = &rest[op.len_utf8()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
        let unit = rest[digits..].chars().next()?;
        rest = &rest[digits + unit.len_utf8()..];
        match op {
            '+' => millis = shift(millis, amount, unit)?,
            '-' => millis = shift(millis, amount.checked_neg()?, unit)?,
            '/' if digits == 0 => {
                millis = floor(millis, unit)?;
                if round == Round::Up {
                    millis = shift(millis, 1, unit)? - 1;
                }
            }
            _ => return None,
        }
    }
    Some(millis)
}

/// Moves by whole calendar units in UTC.
pub(crate) fn shift(millis: i64, amount: i64, unit: char) -> Option<i64> {
    let fixed = match unit {
        's' => Some(1000),
        'm' => Some(60_000),
        'h' | 'H' => Some(3_600_000),
        'd' => Some(86_400_000),
        'w' => Some(7 * 86_400_000),
        _ => None,
    };
    if let Some(unit) = fixed {
        return millis.checked_add(amount.checked_mul(unit)?);
    }
    let amount = i32::try_from(amount).ok()?;
    let span: Span = match unit {
        'M' => Span::new().try_months(amount).ok()?,
        'q' => Span::new().try_months(amount.checked_mul(3)?).ok()?,
        'y' => Span::new().try_years(amount).ok()?,
        _ => return None,
    };
    let zoned = Timestamp::from_millisecond(millis).ok()?.to_zoned(TimeZone::UTC);
    Some(zoned.checked_add(span).ok()?.timestamp().as_millisecond())
}

/// The start of the calendar unit that `millis` lies in, in UTC. Weeks start on Monday.
pub(crate) fn floor(millis: i64, unit: char) -> Option<i64> {
    let to = |size: i64| Some(millis.div_euclid(size) * size);
    match unit {
        's' => to(1000),
        'm' => to(60_000),
        'h' | 'H' => to(3_600_000),
        'd' => to(86_400_000),
        // 1970-01-01 was a Thursday.
        'w' => Some((millis + 3 * 86_400_000).div_euclid(7 * 86_400_000) * 7 * 86_400_000 - 3 * 86_400_000),
        'M' | 'q' | 'y' => {
            let date = Offset::UTC.to_datetime(Timestamp::from_millisecond(millis).ok()?).date();
            let first = match unit {
                'M' => date.first_of_month(),
                'q' => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok()?,
                _ => date.first_of_year(),
            };
            let stamp = Offset::UTC.to_timestamp(first.to_datetime(Time::midnight())).ok()?;
            Some(stamp.as_millisecond())
        }
        _ => None,
    }
}

/// Milliseconds of a fixed interval such as `30s`, `10m`, `1h`, `7d`, `500ms`.
pub(crate) fn interval(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let amount: i64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    amount.checked_mul(unit).filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let t = parse("2026-11-23T10:00:00.123456Z", DEFAULT).unwrap();
        assert_eq!(iso(t), "2026-11-23T10:00:00.123Z");
        assert_eq!(parse("2026-11-23T12:00:00+02:00", DEFAULT).unwrap(), t - 123);
        assert_eq!(parse("2026-11-23T12:00:00+0200", DEFAULT).unwrap(), t - 123);
        assert_eq!(parse("1000", &[Format::EpochSecond]), Some(1_000_000));
        for wrong in
            ["2026-13-01", "2026-11-23T25:00:00Z", "2026-11-23x", "today", "", "2026-11-23T10:00:00.Z"]
        {
            assert_eq!(parse(wrong, DEFAULT), None, "{wrong}");
        }
        assert!(looks_like_date("2026-11-23") && !looks_like_date("2026") && !looks_like_date("10.0.0.1:80"));
    }

    #[test]
    fn does_math() {
        let now = parse("2026-11-23T10:30:00Z", DEFAULT).unwrap();
        let m = |text, round| math(text, DEFAULT, now, round).map(iso);
        assert_eq!(m("now-1h", Round::Down).unwrap(), "2026-11-23T09:30:00.000Z");
        assert_eq!(m("now/d", Round::Up).unwrap(), "2026-11-23T23:59:59.999Z");
        assert_eq!(m("2026-11-23||-1M/M", Round::Down).unwrap(), "2026-10-01T00:00:00.000Z");
        assert_eq!(m("2026-11-23", Round::Up).unwrap(), "2026-11-23T23:59:59.999Z");
        assert_eq!(m("now/w", Round::Down).unwrap(), "2026-11-23T00:00:00.000Z");
        assert_eq!(m("now-1x", Round::Down), None);
    }
}
