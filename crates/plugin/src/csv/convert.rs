//! Types of columns, as Ruby's CSV converts them: what cannot be converted stays as it is.

use alces_conf::Options;
use alces_event::Value;
use jiff::{civil::DateTime, fmt::strtime, tz::TimeZone};

use crate::{options::one_of, ruby};

/// What a column is converted to.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Float,
    /// A day.
    Date,
    /// A point in time.
    DateTime,
    /// True or false.
    Boolean,
}

const TYPES: &[(&str, Type)] = &[
    ("integer", Type::Integer),
    ("float", Type::Float),
    ("date", Type::Date),
    ("date_time", Type::DateTime),
    ("boolean", Type::Boolean),
];

/// Types by the names of columns.
#[derive(Clone, Debug)]
pub struct Conversions(Vec<(String, Type)>);

impl Conversions {
    /// The type of the column `name`.
    pub fn of(&self, name: &str) -> Option<Type> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, to)| *to)
    }
}

/// Reads `convert`.
pub fn conversions(options: &mut Options<'_>) -> Conversions {
    let mut found = Vec::new();
    for (name, words) in options.text_lists("convert").unwrap_or_default() {
        for word in words {
            found.extend(one_of(options, &word, "convert", TYPES).map(|to| (name.node.clone(), to)));
        }
    }
    Conversions(found)
}

impl Type {
    /// The value of a text; `None` where it stays text.
    pub fn convert(self, text: &str) -> Option<Value> {
        match self {
            Self::Integer => integer(text).map(Value::Int),
            Self::Float => {
                ruby::float(text).or_else(|| ruby::hex(ruby::strip(text)).flatten()).map(Value::Float)
            }
            Self::Boolean => {
                let text = ruby::strip(text).to_lowercase();
                Some(match text.as_str() {
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    _ => Value::from(text),
                })
            }
            Self::Date => {
                date(text, &["%Y-%m-%d", "%B %d, %Y", "%b %d, %Y", "%d %b %Y", "%d %B %Y", "%A, %B %d, %Y"])
            }
            Self::DateTime => date_time(text),
        }
    }
}

/// `Integer("…")`: decimal, `0x…`, `0b…`, and octal after a zero, with underscores between digits.
fn integer(text: &str) -> Option<i64> {
    let text = ruby::strip(text);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    let plain = !digits.is_empty()
        && !digits.starts_with(['_', '+', '-'])
        && !digits.ends_with('_')
        && !digits.contains("__");
    plain.then(|| i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix).ok())?
}

fn date(text: &str, formats: &[&str]) -> Option<Value> {
    let text = text.trim();
    let civil = formats.iter().find_map(|format| strtime::parse(format, text).ok()?.to_date().ok())?;
    Some(Value::Time(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

fn date_time(text: &str) -> Option<Value> {
    let text = text.trim();
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil = text.trim_end_matches(" UTC").trim_end_matches(" GMT").parse::<DateTime>().ok().or_else(
            || {
                ["%b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Y", "%b %d %Y %H:%M:%S"]
                    .iter()
                    .find_map(|format| strtime::parse(format, text).ok()?.to_datetime().ok())
            },
        )?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Some(Value::Time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_as_ruby_reads_them() {
        for (text, number) in
            [("7", 7), ("-1_000", -1000), ("0x1F", 31), ("0b11", 3), ("012", 10), (" 5 ", 5), ("0", 0)]
        {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        for text in ["", "1.5", "x", "0x", "_1", "1__0", "08", "--1"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn dates_in_utc() {
        let print = |value: Option<Value>| value.map(|value| format!("{:?}", value.view_alone()));
        assert_eq!(print(Type::Date.convert("May 17, 2015")).unwrap(), "Time(2015-05-17T00:00:00Z)");
        assert_eq!(
            print(Type::DateTime.convert("May 17 10:05:03 2015")).unwrap(),
            "Time(2015-05-17T10:05:03Z)"
        );
        assert_eq!(
            print(Type::DateTime.convert("2015-05-17T10:05:03Z")).unwrap(),
            "Time(2015-05-17T10:05:03Z)"
        );
        assert!(print(Type::Date.convert("17")).is_none());
    }
}
