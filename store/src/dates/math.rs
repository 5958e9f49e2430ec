//! Date math: `now-1h/d`, `2026-11-23||+1M`, in a time zone.

use super::{Format, instant, iso, parse_in};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Which end of a rounded or imprecise date is meant: `gt` and `lte` mean its last millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    Down,
    Up,
}

/// A date or date math expression: `now-1h/d`, `2026-11-23||+1d/d`, or a plain date.
pub(crate) fn math(text: &str, formats: &[Format], now: i64, round: Round, zone: &TimeZone) -> Option<i64> {
    let (mut millis, mut rest) = if let Some(rest) = text.strip_prefix("now") {
        (now, rest)
    } else if let Some((date, rest)) = text.split_once("||") {
        (parse_in(date, formats, zone)?, rest)
    } else {
        if formats.contains(&Format::Iso)
            && let Some((millis, span)) = iso::parse(text, zone)
        {
            return Some(if round == Round::Up { millis + span.min(86_400_000) - 1 } else { millis });
        }
        return parse_in(text, formats, zone);
    };
    while let Some(op) = rest.chars().next() {
        rest = &rest[op.len_utf8()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
        let unit = rest[digits..].chars().next()?;
        rest = &rest[digits + unit.len_utf8()..];
        match op {
            '+' => millis = shift(millis, amount, unit, zone)?,
            '-' => millis = shift(millis, amount.checked_neg()?, unit, zone)?,
            '/' if digits == 0 => {
                millis = floor(millis, unit, zone)?;
                if round == Round::Up {
                    millis = shift(millis, 1, unit, zone)? - 1;
                }
            }
            _ => return None,
        }
    }
    Some(millis)
}

/// Moves by whole units; days and longer are days of the calendar in the zone.
pub(crate) fn shift(millis: i64, amount: i64, unit: char, zone: &TimeZone) -> Option<i64> {
    let utc = *zone == TimeZone::UTC;
    let fixed = match unit {
        's' => Some(1000),
        'm' => Some(60_000),
        'h' | 'H' => Some(3_600_000),
        'd' if utc => Some(86_400_000),
        'w' if utc => Some(7 * 86_400_000),
        _ => None,
    };
    if let Some(unit) = fixed {
        return millis.checked_add(amount.checked_mul(unit)?);
    }
    let span: Span = match unit {
        'd' => Span::new().try_days(amount).ok()?,
        'w' => Span::new().try_weeks(amount).ok()?,
        'M' => Span::new().try_months(amount).ok()?,
        'q' => Span::new().try_months(amount.checked_mul(3)?).ok()?,
        'y' => Span::new().try_years(amount).ok()?,
        _ => return None,
    };
    let zoned = Timestamp::from_millisecond(millis).ok()?.to_zoned(zone.clone());
    Some(zoned.checked_add(span).ok()?.timestamp().as_millisecond())
}

/// The start of the calendar unit that `millis` lies in, in the zone. Weeks start on Monday.
pub(crate) fn floor(millis: i64, unit: char, zone: &TimeZone) -> Option<i64> {
    if *zone == TimeZone::UTC
        && let Some(size) = match unit {
            's' => Some(1000),
            'm' => Some(60_000),
            'h' | 'H' => Some(3_600_000),
            'd' => Some(86_400_000),
            _ => None,
        }
    {
        return Some(millis.div_euclid(size) * size);
    }
    let local = zone.to_datetime(Timestamp::from_millisecond(millis).ok()?);
    let (date, time) = (local.date(), local.time());
    let midnight = |date: Date| DateTime::from_parts(date, Time::midnight());
    let at = |hour, minute, second| {
        Time::new(hour, minute, second, 0).ok().map(|time| DateTime::from_parts(date, time))
    };
    let start = match unit {
        // An offset of a zone is whole minutes for all dates that matter here.
        's' => at(time.hour(), time.minute(), time.second())?,
        'm' => at(time.hour(), time.minute(), 0)?,
        'h' | 'H' => at(time.hour(), 0, 0)?,
        'd' => midnight(date),
        'w' => midnight(
            date.checked_sub(Span::new().days(i64::from(date.weekday().to_monday_zero_offset()))).ok()?,
        ),
        'M' => midnight(date.first_of_month()),
        'q' => midnight(Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok()?),
        'y' => midnight(date.first_of_year()),
        _ => return None,
    };
    let found = instant(start, zone)?;
    // An hour that comes twice has one beginning in each offset: the one at or before this moment.
    if matches!(unit, 's' | 'm' | 'h' | 'H') {
        let step = if unit == 's' {
            1000
        } else if unit == 'm' {
            60_000
        } else {
            3_600_000
        };
        let offset = i64::from(zone.to_offset(Timestamp::from_millisecond(millis).ok()?).seconds()) * 1000;
        return Some((millis + offset).div_euclid(step) * step - offset);
    }
    Some(found)
}
