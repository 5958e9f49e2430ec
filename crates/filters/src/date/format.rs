//! Reading dates by a Joda-Time pattern.

use alces_event::Timestamp;
use jiff::{
    civil::DateTime,
    tz::{Offset, TimeZone},
};

/// A Joda pattern, compiled for reading.
#[derive(Clone, Debug)]
pub(super) struct ParseFormat {
    parts: Vec<Part>,
    has_year: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Letter { letter: char, count: usize },
}

const KNOWN: &str = "yYMdDEeHhkKmsSaZ";

impl ParseFormat {
    pub(super) fn compile(pattern: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut chars = pattern.chars().peekable();
        let mut quoted = false;
        while let Some(c) = chars.next() {
            let literal = if c == '\'' {
                if chars.next_if_eq(&'\'').is_none() {
                    quoted = !quoted;
                    continue;
                }
                '\''
            } else if c.is_ascii_alphabetic() && !quoted {
                if !KNOWN.contains(c) {
                    return Err(format!(
                        "date format `{pattern}`: letter `{c}` cannot be read; known are {KNOWN}"
                    ));
                }
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                parts.push(Part::Letter { letter: c, count });
                continue;
            } else {
                c
            };
            match parts.last_mut() {
                Some(Part::Literal(text)) => text.push(literal),
                _ => parts.push(Part::Literal(literal.to_string())),
            }
        }
        let has_year = parts.iter().any(|p| matches!(p, Part::Letter { letter: 'y' | 'Y', .. }));
        Ok(Self { parts, has_year })
    }

    /// The whole of `text` by this pattern, in `zone` where it names no offset. A time that a clock change skips or
    /// repeats in that zone is not read.
    pub(super) fn parse(
        &self,
        text: &str,
        zone: &TimeZone,
        clock: &dyn Fn() -> Timestamp,
    ) -> Option<Timestamp> {
        let mut rest = text;
        let mut read = Read::default();
        for (at, part) in self.parts.iter().enumerate() {
            rest = match part {
                Part::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Part::Letter { letter, count } => {
                    // A number directly before another number takes just its own digits.
                    let joined = matches!(self.parts.get(at + 1), Some(Part::Letter { letter, .. }) if !"aEZ".contains(*letter));
                    read.take(*letter, *count, joined, rest)?
                }
            };
        }
        if !rest.is_empty() {
            return None;
        }
        if !self.has_year {
            read.guess_year(clock().to_zoned(zone.clone()).date());
        }
        read.finish(zone)
    }
}

struct Read {
    year: i16,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    hour: i8,
    half: Option<bool>,
    minute: i8,
    second: i8,
    nanos: i32,
    offset: Option<Offset>,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            half: None,
            minute: 0,
            second: 0,
            nanos: 0,
            offset: None,
        }
    }
}

impl Read {
    fn take<'t>(&mut self, letter: char, count: usize, joined: bool, text: &'t str) -> Option<&'t str> {
        let number = |max: usize| {
            let most = if joined { count } else { max };
            let end = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
            let value: i32 = text[..end].parse().ok()?;
            Some((value, &text[end..]))
        };
        match letter {
            'y' | 'Y' => {
                let (value, rest) = number(4)?;
                let digits = text.len() - rest.len();
                // Two digits are the year nearest to now in Joda; ±50 around 2000 serves every log alive.
                self.year = if count == 2 && digits == 2 {
                    (if value < 70 { 2000 + value } else { 1900 + value }) as i16
                } else {
                    i16::try_from(value).ok()?
                };
                Some(rest)
            }
            'M' if count >= 3 => {
                let (month, rest) = name(text, MONTHS)?;
                self.month = month as i8 + 1;
                Some(rest)
            }
            'E' => name(text, DAYS).map(|(_, rest)| rest),
            'a' => {
                let (half, rest) = name(text, &[("AM", "AM"), ("PM", "PM")])?;
                self.half = Some(half == 1);
                Some(rest)
            }
            'Z' => {
                let (offset, rest) = offset(text)?;
                self.offset = Some(offset);
                Some(rest)
            }
            'S' => {
                let end =
                    text.bytes().take(if joined { count } else { 9 }).take_while(u8::is_ascii_digit).count();
                let value: i32 = text[..end].parse().ok()?;
                // Joda keeps milliseconds.
                let nanos = value * 10_i32.pow(9 - end as u32);
                self.nanos = nanos / 1_000_000 * 1_000_000;
                Some(&text[end..])
            }
            'D' => {
                let (value, rest) = number(3)?;
                self.day_of_year = Some(value as i16);
                Some(rest)
            }
            _ => {
                let (value, rest) = number(2)?;
                let value = value as i8;
                match letter {
                    'M' => self.month = value,
                    'd' => self.day = value,
                    'H' => self.hour = value,
                    'k' => self.hour = value % 24,
                    'K' | 'h' => self.hour = value % 12,
                    'm' => self.minute = value,
                    's' => self.second = value,
                    // The day of the week says nothing that the date does not.
                    _ => {}
                }
                Some(rest)
            }
        }
    }

    /// Without a year: this one, but December seen in January was last year and January seen in December is next.
    fn guess_year(&mut self, now: jiff::civil::Date) {
        self.year = match (now.month(), self.month) {
            (1, 12) => now.year() - 1,
            (12, 1) => now.year() + 1,
            _ => now.year(),
        };
    }

    fn finish(self, zone: &TimeZone) -> Option<Timestamp> {
        let hour = if self.half == Some(true) { self.hour + 12 } else { self.hour };
        let civil =
            DateTime::new(self.year, self.month, self.day, hour, self.minute, self.second, self.nanos)
                .ok()?;
        let civil = match self.day_of_year {
            Some(day) => civil.with().day_of_year(day).build().ok()?,
            None => civil,
        };
        match self.offset {
            Some(offset) => offset.to_timestamp(civil).ok(),
            None => zone.to_ambiguous_timestamp(civil).compatible_unless_gap(),
        }
    }
}

trait CompatibleUnlessGap {
    fn compatible_unless_gap(self) -> Option<Timestamp>;
}

impl CompatibleUnlessGap for jiff::tz::AmbiguousTimestamp {
    /// A repeated hour takes the earlier, a skipped one is a failure (date_spec.rb:548).
    fn compatible_unless_gap(self) -> Option<Timestamp> {
        if matches!(self.offset(), jiff::tz::AmbiguousOffset::Gap { .. }) {
            None
        } else {
            self.compatible().ok()
        }
    }
}

/// Long and short names; case does not matter.
type Names = &'static [(&'static str, &'static str)];

const MONTHS: Names = &[
    ("January", "Jan"),
    ("February", "Feb"),
    ("March", "Mar"),
    ("April", "Apr"),
    ("May", "May"),
    ("June", "Jun"),
    ("July", "Jul"),
    ("August", "Aug"),
    ("September", "Sep"),
    ("October", "Oct"),
    ("November", "Nov"),
    ("December", "Dec"),
];

const DAYS: Names = &[
    ("Monday", "Mon"),
    ("Tuesday", "Tue"),
    ("Wednesday", "Wed"),
    ("Thursday", "Thu"),
    ("Friday", "Fri"),
    ("Saturday", "Sat"),
    ("Sunday", "Sun"),
];

fn name(text: &str, names: Names) -> Option<(usize, &str)> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    names.iter().enumerate().find_map(|(at, (long, short))| {
        [long, short].into_iter().find(|name| starts(name)).map(|name| (at, &text[name.len()..]))
    })
}

/// `Z`, `+0200`, `+02:00`, `+02`.
fn offset(text: &str) -> Option<(Offset, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((Offset::UTC, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours: i32 = text.get(1..3)?.parse().ok()?;
    let after = &text[3..];
    let colon = after.strip_prefix(':').unwrap_or(after);
    let (minutes, rest) = match colon.get(..2).and_then(|m| m.parse::<i32>().ok()) {
        Some(minutes) => (minutes, &colon[2..]),
        None => (0, after),
    };
    Some((Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?, rest))
}
