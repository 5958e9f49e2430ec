//! Reading dates by a Joda-Time pattern.

use alces_event::Timestamp;
use alces_plugin::{
    names::Names,
    zone::{offset, zone},
};
use jiff::{
    civil::{Date, ISOWeekDate, Weekday},
    tz::TimeZone,
};

use super::zone::{Clock, Memo};

/// A Joda pattern, compiled for reading.
#[derive(Clone, Debug)]
pub(super) struct ParseFormat {
    steps: Vec<Step>,
    names: Names,
    /// Without a year it is guessed.
    has_year: bool,
    /// Two digits of a year are within fifty years before and after this, less thirty.
    pivot: i16,
}

#[derive(Clone, Debug)]
enum Step {
    Byte(u8),
    Text(String),
    /// A number of at most two digits, but three for the day of the year.
    Number(Number),
    /// At most so many digits.
    Year {
        most: usize,
        week: bool,
    },
    /// Two digits; `lenient` is any number of them, then a whole year.
    ShortYear {
        lenient: bool,
        week: bool,
    },
    Fraction(usize),
    Month,
    Day,
    Half,
    Offset,
    ZoneId,
    ZoneName,
}

#[derive(Clone, Copy, Debug)]
enum Number {
    Month,
    DayOfMonth,
    DayOfYear,
    Week,
    DayOfWeek,
    /// `H`
    Hour0To23,
    /// `k`
    Hour1To24,
    /// `K`
    Hour0To11,
    /// `h`
    Hour1To12,
    Minute,
    Second,
}

const KNOWN: &str = "yYxMwdDeEaHhKkmsSZz";

/// Joda's limit for the digits of a year.
const LONGEST_YEAR: usize = 9;

impl ParseFormat {
    pub(super) fn compile(pattern: &str, names: &Names, now: Timestamp) -> Result<Self, String> {
        let mut letters: Vec<(char, usize)> = Vec::new();
        let mut literals: Vec<String> = vec![String::new()];
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
                        "date format `{pattern}`: letter `{c}` cannot be read; known are {KNOWN}, and text stands in '…'"
                    ));
                }
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                letters.push((c, count));
                literals.push(String::new());
                continue;
            } else {
                c
            };
            if let Some(text) = literals.last_mut() {
                text.push(literal);
            }
        }
        if letters.is_empty() {
            return Err(format!("date format `{pattern}` has no letter of a date"));
        }
        let mut steps = Vec::new();
        let mut literals = literals.into_iter();
        steps.extend(literals.next().and_then(text_step));
        for (at, (&(letter, count), literal)) in letters.iter().zip(literals).enumerate() {
            // A number directly before another one takes only its own digits.
            let next = letters.get(at + 1).filter(|_| literal.is_empty());
            let joined = next.is_some_and(|&(letter, count)| is_number(letter, count));
            steps.push(step(letter, count, joined));
            steps.extend(text_step(literal));
        }
        let has_year = letters.iter().any(|(letter, _)| "yYx".contains(*letter));
        let pivot = now.to_zoned(TimeZone::UTC).year() - 30;
        Ok(Self { steps, names: names.clone(), has_year, pivot })
    }

    /// The whole of `text` by this pattern, in `zone` where it names none.
    pub(super) fn parse(
        &self,
        text: &str,
        zone: &TimeZone,
        clock: &dyn Fn() -> Timestamp,
        memo: &mut Memo,
    ) -> Option<Timestamp> {
        // Who reads is told by the place of its steps: other patterns read the same text in other ways.
        let reader = self.steps.as_ptr().addr();
        if let Some(time) = memo.last.time(reader, text) {
            return Some(time);
        }
        let mut rest = text;
        let mut read = Read::default();
        let (mut seconds, mut places) = (0, 0);
        for step in &self.steps {
            if let Step::Number(Number::Second) = step {
                (seconds, places) = (text.len() - rest.len(), places + 1);
            }
            rest = self.step(step, &mut read, rest)?;
        }
        if !rest.is_empty() {
            return None;
        }
        let now = (!self.has_year).then(|| clock().to_zoned(zone.clone()).date());
        let follows = read.offset.is_some() && self.has_year && places == 1;
        let time = read.finish(zone, now, memo)?;
        if follows {
            memo.last.keep(reader, text, seconds, time);
        }
        Some(time)
    }

    fn step<'t>(&self, step: &Step, read: &mut Read, text: &'t str) -> Option<&'t str> {
        match step {
            Step::Byte(byte) => match text.as_bytes().first() {
                Some(found) if found.eq_ignore_ascii_case(byte) => text.get(1..),
                _ => None,
            },
            Step::Text(literal) => {
                let head = text.get(..literal.len())?;
                if head.eq_ignore_ascii_case(literal) { text.get(literal.len()..) } else { None }
            }
            Step::Number(number) => {
                let most = if matches!(number, Number::DayOfYear) { 3 } else { 2 };
                let (value, rest) = digits(text, most)?;
                read.set(*number, value as u16)?;
                Some(rest)
            }
            Step::Year { most, week } => {
                let (year, rest) = signed(text, *most)?;
                read.set_year(year, *week)?;
                Some(rest)
            }
            Step::ShortYear { lenient, week } => {
                let plain = text.bytes().take_while(u8::is_ascii_digit).count();
                let (year, rest) = if *lenient && plain != 2 {
                    signed(text, LONGEST_YEAR)?
                } else {
                    let (short, rest) = digits(text, 2).filter(|_| plain >= 2)?;
                    // The only year that ends so within a century around the pivot.
                    let first = i32::from(self.pivot) - 50;
                    (first + (short as i32 - first).rem_euclid(100), rest)
                };
                read.set_year(year, *week)?;
                Some(rest)
            }
            Step::Fraction(most) => {
                let end = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                // Joda keeps milliseconds.
                let mut millis = 0_i32;
                for at in 0..3 {
                    let digit =
                        text.as_bytes().get(at).filter(|_| at < end).map_or(0, |b| i32::from(b - b'0'));
                    millis = millis * 10 + digit;
                }
                read.clock.nanos = millis * 1_000_000;
                if end == 0 { None } else { text.get(end..) }
            }
            Step::Month => {
                let (month, rest) = self.names.month(text)?;
                read.month = month as i8;
                Some(rest)
            }
            // The day of the week says nothing that the date does not.
            Step::Day => self.names.day(text),
            Step::Half => {
                let afternoon = match text.get(..2)? {
                    half if half.eq_ignore_ascii_case("AM") => false,
                    half if half.eq_ignore_ascii_case("PM") => true,
                    _ => return None,
                };
                read.afternoon = Some(afternoon);
                text.get(2..)
            }
            Step::Offset => {
                let (seconds, rest) = offset(text)?;
                read.offset = Some(seconds);
                Some(rest)
            }
            Step::ZoneId => {
                let end = text
                    .find(|c: char| !(c.is_ascii_alphanumeric() || "/_+-:".contains(c)))
                    .unwrap_or(text.len());
                read.zone = Some(zone(text.get(..end)?)?);
                text.get(end..)
            }
            Step::ZoneName => {
                let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
                let name = text.get(..end)?;
                let (_, hours) = ZONE_NAMES.iter().find(|(known, _)| *known == name)?;
                read.offset = Some(hours * 3600);
                text.get(end..)
            }
        }
    }
}

/// The names that Joda reads for `z`, with their hours.
const ZONE_NAMES: &[(&str, i32)] = &[
    ("UT", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

fn text_step(text: String) -> Option<Step> {
    match text.as_bytes() {
        [] => None,
        [byte] => Some(Step::Byte(*byte)),
        _ => Some(Step::Text(text)),
    }
}

fn is_number(letter: char, count: usize) -> bool {
    !("aEZz".contains(letter) || (letter == 'M' && count >= 3))
}

fn step(letter: char, count: usize, joined: bool) -> Step {
    match letter {
        'y' | 'Y' | 'x' if count == 2 => Step::ShortYear { lenient: !joined, week: letter == 'x' },
        'y' | 'Y' | 'x' => {
            Step::Year { most: if joined { count } else { LONGEST_YEAR }, week: letter == 'x' }
        }
        'M' if count >= 3 => Step::Month,
        'M' => Step::Number(Number::Month),
        'd' => Step::Number(Number::DayOfMonth),
        'D' => Step::Number(Number::DayOfYear),
        'w' => Step::Number(Number::Week),
        'e' => Step::Number(Number::DayOfWeek),
        'E' => Step::Day,
        'a' => Step::Half,
        'H' => Step::Number(Number::Hour0To23),
        'k' => Step::Number(Number::Hour1To24),
        'K' => Step::Number(Number::Hour0To11),
        'h' => Step::Number(Number::Hour1To12),
        'm' => Step::Number(Number::Minute),
        's' => Step::Number(Number::Second),
        'S' => Step::Fraction(count),
        'Z' if count >= 3 => Step::ZoneId,
        'Z' => Step::Offset,
        // `compile` lets no other letter than `z` come here.
        _ => Step::ZoneName,
    }
}

/// A number of at most `most` digits.
#[inline]
fn digits(text: &str, most: usize) -> Option<(u32, &str)> {
    // What nearly all numbers of a date are.
    if let (2, Some([tens @ b'0'..=b'9', ones @ b'0'..=b'9'])) = (most, text.as_bytes().first_chunk()) {
        return Some((u32::from(tens - b'0') * 10 + u32::from(ones - b'0'), text.get(2..)?));
    }
    let mut value = 0_u32;
    let mut end = 0;
    for byte in text.bytes().take(most) {
        if !byte.is_ascii_digit() {
            break;
        }
        value = value * 10 + u32::from(byte - b'0');
        end += 1;
    }
    if end == 0 { None } else { Some((value, text.get(end..)?)) }
}

/// The same with a sign.
fn signed(text: &str, most: usize) -> Option<(i32, &str)> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ => (1, text),
    };
    let (value, rest) = digits(unsigned, most)?;
    Some((sign * i32::try_from(value).ok()?, rest))
}

struct Read {
    year: i16,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    week_year: Option<i16>,
    week: Option<i8>,
    weekday: Option<i8>,
    clock: Clock,
    /// The hour of a half day.
    half_hour: Option<u8>,
    afternoon: Option<bool>,
    offset: Option<i32>,
    zone: Option<TimeZone>,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            // Joda's year where none is read; a leap year, so that a 29 February is read.
            year: 2000,
            month: 1,
            day: 1,
            day_of_year: None,
            week_year: None,
            week: None,
            weekday: None,
            clock: Clock::default(),
            half_hour: None,
            afternoon: None,
            offset: None,
            zone: None,
        }
    }
}

impl Read {
    fn set(&mut self, number: Number, value: u16) -> Option<()> {
        let within = |least: u16, most: u16| (least..=most).contains(&value).then_some(value as u8);
        match number {
            Number::Month => self.month = within(1, 12)? as i8,
            Number::DayOfMonth => self.day = within(1, 31)? as i8,
            Number::DayOfYear => {
                self.day_of_year = Some(i16::try_from(value).ok().filter(|day| (1..=366).contains(day))?);
            }
            Number::Week => self.week = Some(within(1, 53)? as i8),
            Number::DayOfWeek => self.weekday = Some(within(1, 7)? as i8),
            Number::Hour0To23 => self.clock.hour = within(0, 23)?,
            Number::Hour1To24 => self.clock.hour = within(1, 24)? % 24,
            Number::Hour0To11 => self.half_hour = Some(within(0, 11)?),
            Number::Hour1To12 => self.half_hour = Some(within(1, 12)? % 12),
            Number::Minute => self.clock.minute = within(0, 59)?,
            Number::Second => self.clock.second = within(0, 59)?,
        }
        Some(())
    }

    fn set_year(&mut self, year: i32, week: bool) -> Option<()> {
        let year = i16::try_from(year).ok()?;
        if week {
            self.week_year = Some(year);
        } else {
            self.year = year;
        }
        Some(())
    }

    fn date(&self) -> Option<Date> {
        if self.week_year.is_some() || self.week.is_some() {
            let weekday = Weekday::from_monday_one_offset(self.weekday.unwrap_or(1)).ok()?;
            let date = ISOWeekDate::new(self.week_year.unwrap_or(self.year), self.week.unwrap_or(1), weekday);
            return Some(date.ok()?.date());
        }
        let date = Date::new(self.year, self.month, self.day).ok()?;
        match self.day_of_year {
            Some(day) => date.with().day_of_year(day).build().ok(),
            None => Some(date),
        }
    }

    /// `now` is given where the year is to be guessed.
    fn finish(mut self, zone: &TimeZone, now: Option<Date>, memo: &mut Memo) -> Option<Timestamp> {
        if let Some(hour) = self.half_hour {
            self.clock.hour = hour;
        }
        match self.afternoon {
            Some(true) if self.clock.hour < 12 => self.clock.hour += 12,
            Some(false) if self.clock.hour >= 12 => self.clock.hour -= 12,
            _ => {}
        }
        let mut date = self.date()?;
        if let Some(now) = now {
            date = guess_year(date, now);
        }
        match (self.offset, &self.zone) {
            (Some(offset), _) => memo.at_offset(date, self.clock, offset),
            (None, Some(own)) => {
                memo.other_zone();
                let time = memo.in_zone(date, self.clock, own, now.is_some());
                memo.other_zone();
                time
            }
            (None, None) => memo.in_zone(date, self.clock, zone, now.is_some()),
        }
    }
}

/// Without a year: this one, but December seen in January was last year and January seen in December is next. A 29 February of
/// a year that has none is the day before.
fn guess_year(date: Date, now: Date) -> Date {
    let year = match (now.month(), date.month()) {
        (1, 12) => now.year() - 1,
        (12, 1) => now.year() + 1,
        _ => now.year(),
    };
    let last = |date: Date| date.with().day(28).year(year).build().ok();
    date.with().year(year).build().ok().or_else(|| last(date)).unwrap_or(date)
}
