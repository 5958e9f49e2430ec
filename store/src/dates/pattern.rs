//! Patterns of Java's `DateTimeFormatter`, as far as dates of logs are written with them.

use super::instant;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use std::fmt::Write as _;

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Pattern {
    /// None where a letter is not one that we know.
    pub(crate) fn compile(text: &str) -> Option<Self> {
        let mut parts: Vec<Part> = Vec::new();
        let mut chars = text.chars().peekable();
        let literal = |parts: &mut Vec<Part>, c: char| match parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => parts.push(Part::Text(c.to_string())),
        };
        while let Some(c) = chars.next() {
            match c {
                '\'' => {
                    if chars.next_if_eq(&'\'').is_some() {
                        literal(&mut parts, '\'');
                        continue;
                    }
                    loop {
                        match chars.next()? {
                            '\'' if chars.next_if_eq(&'\'').is_none() => break,
                            c => literal(&mut parts, c),
                        }
                    }
                }
                'y' | 'u' | 'M' | 'L' | 'd' | 'H' | 'h' | 'm' | 's' | 'S' | 'a' | 'E' | 'X' | 'x' | 'Z'
                | 'z' | 'D' => {
                    let mut count = 1;
                    while chars.next_if_eq(&c).is_some() {
                        count += 1;
                    }
                    parts.push(Part::Field(c, count));
                }
                c if c.is_ascii_alphabetic() || matches!(c, '[' | ']' | '{' | '}' | '#') => return None,
                c => literal(&mut parts, c),
            }
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// Writes a moment as a clock in the zone shows it.
    pub(crate) fn write(&self, millis: i64, zone: &TimeZone) -> String {
        let Ok(stamp) = Timestamp::from_millisecond(millis) else { return millis.to_string() };
        let (local, offset) = (zone.to_datetime(stamp), zone.to_offset(stamp).seconds());
        let mut out = String::new();
        for part in &self.0 {
            let _ = match part {
                Part::Text(text) => out.write_str(text),
                Part::Field('y' | 'u', 2) => write!(out, "{:02}", local.year().rem_euclid(100)),
                Part::Field('y' | 'u', n) => write!(out, "{:0n$}", local.year()),
                Part::Field('M' | 'L', n @ (1 | 2)) => write!(out, "{:0n$}", local.month()),
                Part::Field('M' | 'L', 3) => out.write_str(&MONTHS[local.month() as usize - 1][..3]),
                Part::Field('M' | 'L', _) => out.write_str(MONTHS[local.month() as usize - 1]),
                Part::Field('d', n) => write!(out, "{:0n$}", local.day()),
                Part::Field('D', n) => write!(out, "{:0n$}", local.date().day_of_year()),
                Part::Field('H', n) => write!(out, "{:0n$}", local.hour()),
                Part::Field('h', n) => write!(out, "{:0n$}", (local.hour() + 11) % 12 + 1),
                Part::Field('m', n) => write!(out, "{:0n$}", local.minute()),
                Part::Field('s', n) => write!(out, "{:0n$}", local.second()),
                Part::Field('S', n) => {
                    let nanos = format!("{:09}", local.subsec_nanosecond());
                    out.write_str(nanos.get(..(*n).min(9)).unwrap_or(""))
                }
                Part::Field('a', _) => out.write_str(if local.hour() < 12 { "AM" } else { "PM" }),
                Part::Field('E', n) => {
                    let name = DAYS[local.date().weekday().to_monday_zero_offset() as usize];
                    out.write_str(if *n < 4 { &name[..3] } else { name })
                }
                Part::Field('X', _) if offset == 0 => out.write_str("Z"),
                Part::Field('z', _) if offset == 0 => out.write_str("UTC"),
                Part::Field(letter, n) => {
                    let (sign, offset) = (if offset < 0 { '-' } else { '+' }, offset.abs());
                    let (hours, minutes) = (offset / 3600, offset / 60 % 60);
                    let colon = if matches!((letter, n), ('X' | 'x', 3..) | ('Z', 5..) | ('z', _)) {
                        ":"
                    } else {
                        ""
                    };
                    match (letter, n, minutes) {
                        ('X' | 'x', 1, 0) => write!(out, "{sign}{hours:02}"),
                        _ => write!(out, "{sign}{hours:02}{colon}{minutes:02}"),
                    }
                }
            };
        }
        out
    }

    /// Reads a whole text; the zone counts where the text names none.
    pub(crate) fn parse(&self, text: &str, zone: &TimeZone) -> Option<i64> {
        let (mut year, mut month, mut day, mut ordinal) = (1970i16, 1i8, 1i8, None);
        let (mut hour, mut minute, mut second, mut nanos) = (0i8, 0i8, 0i8, 0i32);
        let (mut afternoon, mut offset) = (None, None);
        let mut rest = text;
        for (at, part) in self.0.iter().enumerate() {
            // Digits that follow digits have the width of the pattern; others as many as there are.
            let packed = matches!(self.0.get(at + 1), Some(Part::Field(c, _)) if c.is_ascii_alphabetic() && !"aEXxZz".contains(*c));
            match part {
                Part::Text(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Part::Field('M' | 'L', 3..) => {
                    let place = MONTHS.iter().position(|name| {
                        rest.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(&name[..3]))
                    })?;
                    let name = MONTHS[place];
                    let long = rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
                    rest = &rest[if long { name.len() } else { 3 }..];
                    month = i8::try_from(place).ok()? + 1;
                }
                Part::Field('E', _) => {
                    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                    rest = &rest[letters..];
                }
                Part::Field('a', _) => {
                    afternoon = Some(rest.get(..2)?.eq_ignore_ascii_case("pm"));
                    rest = &rest[2..];
                }
                Part::Field('X' | 'x' | 'Z' | 'z', _) => {
                    if let Some(after) = ["UTC", "GMT", "Z"].iter().find_map(|name| rest.strip_prefix(name)) {
                        (offset, rest) = (Some(0), after);
                        continue;
                    }
                    let sign = match rest.bytes().next()? {
                        b'+' => 1,
                        b'-' => -1,
                        _ => return None,
                    };
                    let (hours, after) = number(&rest[1..], 2)?;
                    let after = after.strip_prefix(':').unwrap_or(after);
                    let (minutes, after) = number(after, 2).unwrap_or((0, after));
                    (offset, rest) = (Some(sign * (hours * 3600 + minutes * 60)), after);
                }
                Part::Field('S', n) => {
                    let digits =
                        rest.bytes().take_while(u8::is_ascii_digit).take(if packed { *n } else { 9 }).count();
                    let (value, after) = number(rest, digits)?;
                    nanos = value * 10i32.checked_pow(9 - u32::try_from(digits).ok()?)?;
                    rest = after;
                }
                Part::Field(letter, n) => {
                    let width = match letter {
                        _ if packed => *n,
                        'y' | 'u' if *n != 2 => 4,
                        'D' => 3,
                        _ => 2,
                    };
                    let (value, after) = number(rest, width)?;
                    rest = after;
                    match letter {
                        'y' | 'u' if *n == 2 => year = i16::try_from(value).ok()? + 2000,
                        'y' | 'u' => year = value.try_into().ok()?,
                        'M' | 'L' => month = value.try_into().ok()?,
                        'd' => day = value.try_into().ok()?,
                        'D' => ordinal = Some(i16::try_from(value).ok()?),
                        'H' | 'h' => hour = value.try_into().ok()?,
                        'm' => minute = value.try_into().ok()?,
                        _ => second = value.try_into().ok()?,
                    }
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        if let Some(afternoon) = afternoon {
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        let date = match ordinal {
            Some(day) => Date::new(year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
            None => Date::new(year, month, day).ok()?,
        };
        let local = DateTime::from_parts(date, Time::new(hour, minute, second, nanos).ok()?);
        match offset {
            Some(seconds) => Offset::from_seconds(seconds)
                .ok()?
                .to_timestamp(local)
                .ok()
                .map(|stamp| stamp.as_millisecond()),
            None => instant(local, zone),
        }
    }
}

/// Up to `most` digits, at least one.
fn number(text: &str, most: usize) -> Option<(i32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let value = text[..digits].parse().ok()?;
    Some((value, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, millis: i64) {
        let pattern = Pattern::compile(pattern).unwrap();
        assert_eq!(pattern.parse(text, &TimeZone::UTC), Some(millis));
        assert_eq!(pattern.write(millis, &TimeZone::UTC), text);
    }

    #[test]
    fn there_and_back() {
        check("yyyy-MM-dd HH:mm:ss", "2026-11-23 10:20:30", 1_795_429_230_000);
        check("yyyyMMdd'T'HHmmss.SSSXXX", "20261123T102030.123Z", 1_795_429_230_123);
        check("dd/MMM/yyyy:HH:mm:ss xx", "23/Nov/2026:10:20:30 +0000", 1_795_429_230_000);
        check("EEE, d MMMM yyyy 'at' h:mm a", "Mon, 23 November 2026 at 1:20 PM", 1_795_440_000_000);
        check("yyyy.DDD", "2026.327", 1_795_392_000_000);
        check("''yy''", "'26'", 1_767_225_600_000);
    }

    #[test]
    fn what_does_not_fit() {
        let day = Pattern::compile("yyyy-MM-dd").unwrap();
        for text in ["2026-11-31", "2026-11-2x", "2026-11-23 ", "", "x"] {
            assert_eq!(day.parse(text, &TimeZone::UTC), None, "{text}");
        }
        assert_eq!(
            (Pattern::compile("QQ"), Pattern::compile("'open"), Pattern::compile("")),
            (None, None, None)
        );
    }
}
