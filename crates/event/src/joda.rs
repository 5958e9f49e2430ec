//! Dates in file and index names: Joda-Time patterns as in `%{+yyyy.MM.dd}`, always in UTC.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use crate::letters::{self, Part};

/// A Joda pattern, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JodaFormat(Vec<Part>);

/// A letter that Joda does not know or that is not written here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("date format `{pattern}`: letter `{letter}` is not supported; known are {KNOWN}")]
pub struct JodaError {
    pattern: String,
    letter: char,
}

const KNOWN: &str = "y Y x M d D e E w H k h K m s S a Z";

impl JodaFormat {
    /// Reads a pattern: letters count, `'…'` quotes, `''` is a quote, anything else stands for itself.
    ///
    /// # Errors
    /// An unknown letter.
    pub fn parse(pattern: &str) -> Result<Self, JodaError> {
        let parts = letters::split(pattern);
        match letters::unknown(&parts, KNOWN) {
            Some(letter) => Err(JodaError { pattern: pattern.to_owned(), letter }),
            None => Ok(Self(parts)),
        }
    }

    /// Appends `time` in this format.
    pub fn format(&self, out: &mut String, time: Timestamp) {
        let zoned = time.to_zoned(TimeZone::UTC);
        let date = zoned.date();
        for part in &self.0 {
            let (letter, n) = match part {
                Part::Literal(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Letter { letter, count } => (*letter, *count),
            };
            let pad = |out: &mut String, number: i64| {
                let _ = write!(out, "{number:0n$}");
            };
            match letter {
                'y' | 'Y' if n == 2 => {
                    let _ = write!(out, "{:02}", date.year().rem_euclid(100));
                }
                'y' | 'Y' => pad(out, date.year().into()),
                'x' => pad(out, date.iso_week_date().year().into()),
                'w' => pad(out, date.iso_week_date().week().into()),
                'e' => pad(out, date.weekday().to_monday_one_offset().into()),
                'M' if n >= 4 => out.push_str(&date.strftime("%B").to_string()),
                'M' if n == 3 => out.push_str(&date.strftime("%b").to_string()),
                'M' => pad(out, date.month().into()),
                'd' => pad(out, date.day().into()),
                'D' => pad(out, date.day_of_year().into()),
                'E' if n >= 4 => out.push_str(&date.strftime("%A").to_string()),
                'E' => out.push_str(&date.strftime("%a").to_string()),
                'H' => pad(out, zoned.hour().into()),
                'k' => pad(out, if zoned.hour() == 0 { 24 } else { zoned.hour().into() }),
                'K' => pad(out, i64::from(zoned.hour()) % 12),
                'h' => pad(out, (i64::from(zoned.hour()) + 11) % 12 + 1),
                'm' => pad(out, zoned.minute().into()),
                's' => pad(out, zoned.second().into()),
                'S' => {
                    let digits = format!("{:09}", zoned.subsec_nanosecond());
                    out.extend(digits.chars().chain(std::iter::repeat('0')).take(n));
                }
                'a' => out.push_str(if zoned.hour() < 12 { "AM" } else { "PM" }),
                'Z' if n == 1 => out.push_str("+0000"),
                'Z' if n == 2 => out.push_str("+00:00"),
                'Z' => out.push_str("UTC"),
                // `parse` lets no other letter through.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expect: &str) {
        let time: Timestamp = "2015-01-03T00:05:09.123456Z".parse().unwrap();
        let mut out = String::new();
        JodaFormat::parse(pattern).unwrap().format(&mut out, time);
        assert_eq!(out, expect, "{pattern}");
    }

    #[test]
    fn formats() {
        check("yyyy.MM.dd", "2015.01.03");
        check("YYYY-MM-dd'T'HH:mm:ss.SSSZ", "2015-01-03T00:05:09.123+0000");
        check("xxxx.ww", "2015.01");
        check("yy MMM MMMM E EEEE", "15 Jan January Sat Saturday");
        check("h a, ''k'' D", "12 AM, '24' 3");
    }

    #[test]
    fn an_unknown_letter_is_named() {
        assert!(JodaFormat::parse("yyyy.j").unwrap_err().to_string().contains("letter `j`"));
    }
}
