//! Dates: milliseconds since 1970 (UTC) inside, ISO 8601, patterns or epoch numbers outside, and date math in queries.

mod iso;
mod math;
mod pattern;
mod rounding;

pub(crate) use math::{Round, floor, math, shift};
pub(crate) use pattern::Pattern;
pub(crate) use rounding::{Rounding, Width};

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use std::sync::Arc;

/// One way of writing a date that a mapping or query may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// ISO 8601 in any precision.
    Iso,
    EpochMillis,
    EpochSecond,
    /// A pattern of Java's `DateTimeFormatter`.
    Pattern(Arc<Pattern>),
}

/// Formats that have names, as OpenSearch's `DateFormatters` has them; `strict_` before a name means the same here.
const NAMED: &[(&str, &str)] = &[
    ("basic_date", "yyyyMMdd"),
    ("basic_date_time", "yyyyMMdd'T'HHmmss.SSSXXX"),
    ("basic_date_time_no_millis", "yyyyMMdd'T'HHmmssXXX"),
    ("date", "yyyy-MM-dd"),
    ("date_hour", "yyyy-MM-dd'T'HH"),
    ("date_hour_minute", "yyyy-MM-dd'T'HH:mm"),
    ("date_hour_minute_second", "yyyy-MM-dd'T'HH:mm:ss"),
    ("date_hour_minute_second_millis", "yyyy-MM-dd'T'HH:mm:ss.SSS"),
    ("date_time", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
    ("date_time_no_millis", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ("hour", "HH"),
    ("hour_minute", "HH:mm"),
    ("hour_minute_second", "HH:mm:ss"),
    ("year", "yyyy"),
    ("year_month", "yyyy-MM"),
    ("year_month_day", "yyyy-MM-dd"),
];

/// Reads a list such as `strict_date_optional_time||epoch_millis||dd/MMM/yyyy`. The error is the one that we do not know.
pub(crate) fn formats(list: &str) -> Result<Vec<Format>, String> {
    list.split("||")
        .map(|name| match name {
            "strict_date_optional_time"
            | "date_optional_time"
            | "strict_date_optional_time_nanos"
            | "rfc3339_lenient"
            | "iso8601" => Ok(Format::Iso),
            "epoch_millis" => Ok(Format::EpochMillis),
            "epoch_second" => Ok(Format::EpochSecond),
            other => {
                let bare = other.strip_prefix("strict_").unwrap_or(other);
                let pattern =
                    NAMED.iter().find(|(name, _)| *name == bare).map_or(other, |(_, pattern)| *pattern);
                Pattern::compile(pattern)
                    .map(|p| Format::Pattern(Arc::new(p)))
                    .ok_or_else(|| other.to_owned())
            }
        })
        .collect()
}

/// OpenSearch's default for date fields.
pub(crate) const DEFAULT: &[Format] = &[Format::Iso, Format::EpochMillis];

/// Milliseconds since 1970 of a date written in one of `formats`; UTC where it names no zone.
pub(crate) fn parse(text: &str, formats: &[Format]) -> Option<i64> {
    parse_in(text, formats, &TimeZone::UTC)
}

/// The same, in a zone where the date names none.
pub(crate) fn parse_in(text: &str, formats: &[Format], zone: &TimeZone) -> Option<i64> {
    formats.iter().find_map(|format| match format {
        Format::Iso => iso::parse(text, zone).map(|(millis, _)| millis),
        Format::EpochMillis => text.parse().ok(),
        Format::EpochSecond => text.parse::<i64>().ok()?.checked_mul(1000),
        Format::Pattern(pattern) => pattern.parse(text, zone),
    })
}

/// Whether dynamic mapping takes this string for a date: OpenSearch's default patterns.
pub(crate) fn looks_like_date(text: &str) -> bool {
    // A bare year is four digits, which would turn every small number in quotes into a date.
    let day = text.len() >= 10 && text.as_bytes()[4] == b'-' && iso::parse(text, &TimeZone::UTC).is_some();
    day || (text.len() >= 10 && text.as_bytes()[4] == b'/' && {
        let slashes = || ["yyyy/MM/dd HH:mm:ss", "yyyy/MM/dd"].into_iter().filter_map(Pattern::compile);
        slashes().any(|pattern| pattern.parse(text, &TimeZone::UTC).is_some())
    })
}

/// Writes a date in a given format, in UTC.
pub(crate) fn write(millis: i64, format: &Format) -> String {
    write_in(millis, format, &TimeZone::UTC)
}

/// Writes a date in a given format and zone.
pub(crate) fn write_in(millis: i64, format: &Format, zone: &TimeZone) -> String {
    match format {
        Format::Iso if *zone == TimeZone::UTC => iso::write(millis),
        Format::Iso => Pattern::compile("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
            .map_or_else(String::new, |p| p.write(millis, zone)),
        Format::EpochMillis => millis.to_string(),
        Format::EpochSecond => millis.div_euclid(1000).to_string(),
        Format::Pattern(pattern) => pattern.write(millis, zone),
    }
}

/// `2026-11-23T10:00:00.000Z`, as OpenSearch writes `key_as_string`.
pub(crate) fn iso(millis: i64) -> String {
    iso::write(millis)
}

/// A zone by its name (`Europe/Berlin`) or offset (`+01:00`).
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" | "Z" | "z" | "GMT" | "Etc/UTC" => return Some(TimeZone::UTC),
        _ => {}
    }
    if let Some(rest) = name.strip_prefix(['+', '-']) {
        let digits = rest.replace(':', "");
        let (hours, minutes) = digits.split_at_checked(2).unwrap_or((&digits, "0"));
        let minutes = if minutes.is_empty() { "0" } else { minutes };
        let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
        let sign = if name.starts_with('-') { -1 } else { 1 };
        let offset = Offset::from_seconds(sign * seconds).ok()?;
        return Some(if seconds == 0 { TimeZone::UTC } else { TimeZone::fixed(offset) });
    }
    TimeZone::get(name).ok()
}

/// The moment that a clock in the zone shows so; the earlier one where it shows it twice, the later one where never.
fn instant(local: DateTime, zone: &TimeZone) -> Option<i64> {
    if *zone == TimeZone::UTC {
        return Offset::UTC.to_timestamp(local).ok().map(|t| t.as_millisecond());
    }
    zone.to_ambiguous_timestamp(local).compatible().ok().map(|t| t.as_millisecond())
}

/// Milliseconds of a fixed interval such as `30s`, `10m`, `1h`, `7d`, `500ms`.
pub(crate) fn interval(text: &str) -> Option<i64> {
    span(text).filter(|n| *n > 0)
}

/// The same, which may be 0.
pub(crate) fn span(text: &str) -> Option<i64> {
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
    amount.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let t = parse("2026-11-23T10:00:00.123456Z", DEFAULT).unwrap();
        assert_eq!(write(t, &Format::Iso), "2026-11-23T10:00:00.123Z");
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
        let m = |text, round| math(text, DEFAULT, now, round, &TimeZone::UTC).map(iso::write);
        assert_eq!(m("now-1h", Round::Down).unwrap(), "2026-11-23T09:30:00.000Z");
        assert_eq!(m("now/d", Round::Up).unwrap(), "2026-11-23T23:59:59.999Z");
        assert_eq!(m("2026-11-23||-1M/M", Round::Down).unwrap(), "2026-10-01T00:00:00.000Z");
        assert_eq!(m("2026-11-23", Round::Up).unwrap(), "2026-11-23T23:59:59.999Z");
        assert_eq!(m("now/w", Round::Down).unwrap(), "2026-11-23T00:00:00.000Z");
        assert_eq!(m("now-1x", Round::Down), None);
    }
}
