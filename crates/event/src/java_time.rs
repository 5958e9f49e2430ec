//! Dates as java.time's `DateTimeFormatter` writes them, as in `%{{yyyy-MM-dd}}`: always in UTC, in English.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use crate::letters::{self, Part};

/// A java.time pattern, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JavaTimeFormat(Vec<Part>);

/// What cannot be written here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JavaTimeError {
    /// A letter that is not known.
    #[error("date format `{pattern}`: letter `{letter}` is not supported; known are {KNOWN}")]
    Letter {
        /// The whole format.
        pattern: String,
        /// The letter.
        letter: char,
    },
    /// `%{{TIME_NOW}}`
    #[error("`%{{{{TIME_NOW}}}}` is not supported: `%{{@timestamp}}` is the event's time")]
    Now,
}

const KNOWN: &str = "u y M L Q q d D E a H k K h m s S A n N V z O X x Z";

impl JavaTimeFormat {
    /// Reads a pattern.
    ///
    /// # Errors
    /// An unknown letter; those of weeks are not known, because what a week is depends on where the reader is.
    pub fn parse(pattern: &str) -> Result<Self, JavaTimeError> {
        if pattern == "TIME_NOW" {
            return Err(JavaTimeError::Now);
        }
        let parts = letters::split(pattern);
        match letters::unknown(&parts, KNOWN) {
            Some(letter) => Err(JavaTimeError::Letter { pattern: pattern.to_owned(), letter }),
            None => Ok(Self(parts)),
        }
    }

    /// Appends `time` in this format.
    pub fn format(&self, out: &mut String, time: Timestamp) {
        let zoned = time.to_zoned(TimeZone::UTC);
        let (date, hour) = (zoned.date(), i64::from(zoned.hour()));
        let second = (hour * 60 + i64::from(zoned.minute())) * 60 + i64::from(zoned.second());
        let nanosecond = i64::from(zoned.subsec_nanosecond());
        let quarter = (i64::from(date.month()) + 2) / 3;
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
            // A name whole, its first letter, or short.
            let name = |out: &mut String, long: &str, short: &str| {
                let name = date.strftime(if n >= 4 { long } else { short }).to_string();
                out.push_str(if n == 5 { name.get(..1).unwrap_or(&name) } else { &name });
            };
            match letter {
                'u' | 'y' if n == 2 => {
                    let _ = write!(out, "{:02}", date.year().rem_euclid(100));
                }
                'u' | 'y' => pad(out, date.year().into()),
                'M' | 'L' if n >= 3 => name(out, "%B", "%b"),
                'M' | 'L' => pad(out, date.month().into()),
                'Q' | 'q' if n == 3 => pad_after(out, "Q", quarter),
                'Q' | 'q' if n == 4 => {
                    let ending = ["st", "nd", "rd", "th"][(quarter as usize - 1).min(3)];
                    let _ = write!(out, "{quarter}{ending} quarter");
                }
                'Q' | 'q' => pad(out, quarter),
                'd' => pad(out, date.day().into()),
                'D' => pad(out, date.day_of_year().into()),
                'E' => name(out, "%A", "%a"),
                'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
                'H' => pad(out, hour),
                'k' => pad(out, if hour == 0 { 24 } else { hour }),
                'K' => pad(out, hour % 12),
                'h' => pad(out, (hour + 11) % 12 + 1),
                'm' => pad(out, zoned.minute().into()),
                's' => pad(out, zoned.second().into()),
                'S' => {
                    let digits = format!("{nanosecond:09}");
                    out.extend(digits.chars().chain(std::iter::repeat('0')).take(n));
                }
                'A' => pad(out, second * 1000 + nanosecond / 1_000_000),
                'n' => pad(out, nanosecond),
                'N' => pad(out, second * 1_000_000_000 + nanosecond),
                'V' => out.push_str("UTC"),
                'z' => out.push_str(if n >= 4 { "Coordinated Universal Time" } else { "UTC" }),
                'O' => out.push_str("GMT"),
                'X' => out.push('Z'),
                'Z' if n == 5 => out.push('Z'),
                'Z' if n == 4 => out.push_str("GMT"),
                'x' if n == 1 => out.push_str("+00"),
                'x' if n % 2 == 1 => out.push_str("+00:00"),
                'x' | 'Z' => out.push_str("+0000"),
                // `parse` lets no other letter through.
                _ => {}
            }
        }
    }
}

fn pad_after(out: &mut String, before: &str, number: i64) {
    let _ = write!(out, "{before}{number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, expect: &str) {
        let time: Timestamp = "2015-01-03T00:05:09.123456Z".parse().unwrap();
        let mut out = String::new();
        JavaTimeFormat::parse(pattern).unwrap().format(&mut out, time);
        assert_eq!(out, expect, "{pattern}");
    }

    #[test]
    fn formats() {
        check("uuuu-MM-dd'T'HH:mm:ss.SSSXXX", "2015-01-03T00:05:09.123Z");
        check("yy.M.d D", "15.1.3 3");
        check("EEE EEEE EEEEE, MMM MMMM MMMMM", "Sat Saturday S, Jan January J");
        check("h:mm a K k", "12:05 AM 0 24");
        check("Q QQ QQQ QQQQ", "1 01 Q1 1st quarter");
        check("A n N", "309123 123456000 309123456000");
        check("x xx xxx Z ZZZZ VV z O", "+00 +0000 +00:00 +0000 GMT UTC UTC GMT");
    }

    #[test]
    fn what_is_not_written_here_is_named() {
        let error = |pattern: &str| JavaTimeFormat::parse(pattern).unwrap_err().to_string();
        assert!(error("YYYY").contains("letter `Y` is not supported"));
        assert!(error("TIME_NOW").starts_with("`%{{TIME_NOW}}` is not supported"));
    }
}
