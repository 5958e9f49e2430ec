//! Times as CEF writes them: milliseconds since 1970, or a text that may leave out the year and the zone.

use std::fmt;

use alces_conf::Options;
use alces_event::Timestamp;
use alces_plugin::{
    Clock,
    names::{LANGUAGES, Names},
    zone::zone,
};
use jiff::{
    ToSpan as _, Zoned,
    civil::{Date, Time},
    tz::TimeZone,
};

/// Reads times.
#[derive(Clone)]
pub(super) struct Times {
    names: Names,
    zone: TimeZone,
    clock: Clock,
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Times").field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// What Java reads by a short name.
const SHORT: &[(&str, &str)] = &[
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CET", "Europe/Paris"),
    ("CEST", "Europe/Paris"),
    ("BST", "Europe/London"),
    ("JST", "Asia/Tokyo"),
    ("IST", "Asia/Kolkata"),
];

impl Times {
    /// Reads `locale` and `default_timezone`.
    pub(super) fn read(options: &mut Options<'_>, clock: Clock) -> Option<Self> {
        options.differs("default_timezone", "where it is not given it is UTC, not the machine's zone");
        let zone = match options.text("default_timezone") {
            None => Some(TimeZone::UTC),
            Some(name) => {
                let found = zone(&name.node);
                if found.is_none() {
                    let message = format!("`{}` is no time zone that is known", name.node);
                    options.error_with_help(
                        &name.span,
                        message,
                        "write it as in `Europe/Berlin` or `+02:00`",
                    );
                }
                found
            }
        };
        options.differs("locale", "where it is not given it is English, which is read besides any other");
        let names = match options.text("locale") {
            None => Some(Names::default()),
            Some(tag) => {
                let found = Names::of(&tag.node);
                if found.is_none() {
                    let message = format!("the names of months in `{}` are not known", tag.node);
                    options.error_with_help(&tag.span, message, format!("known are {LANGUAGES}"));
                }
                found
            }
        };
        Some(Self { names: names?, zone: zone?, clock })
    }

    /// A time; one without a zone is in `device`'s, or in the codec's.
    pub(super) fn parse(&self, text: &str, device: Option<&str>) -> Option<Timestamp> {
        if let Some(time) = millis(text) {
            return Some(time);
        }
        let (month, rest) = self.names.month(text)?;
        let (day, rest) = number(rest.strip_prefix(' ')?, 2)?;
        let rest = rest.strip_prefix(' ')?;
        let (year, rest) = match number(rest, 4) {
            Some((year, rest)) => (Some(year), rest.strip_prefix(' ')?),
            None => (None, rest),
        };
        let (hour, rest) = number(rest, 2)?;
        let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
        let (second, rest) = number(rest.strip_prefix(':')?, 2)?;
        let (nanos, rest) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(rest) => {
                let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let (fraction, rest) = rest.split_at(digits);
                let scale = match digits {
                    3 => 1_000_000,
                    6 => 1_000,
                    9 => 1,
                    _ => return None,
                };
                (fraction.parse::<i32>().ok()? * scale, rest)
            }
        };
        let zone = match (rest.strip_prefix(' '), device) {
            (Some(name), _) => {
                let known = SHORT.iter().find(|(short, _)| *short == name).map(|(_, name)| *name);
                zone(known.unwrap_or(name))?
            }
            (None, _) if !rest.is_empty() => return None,
            (None, Some(name)) => zone(name)?,
            (None, None) => self.zone.clone(),
        };
        let time = Time::new(hour as i8, minute as i8, second as i8, nanos).ok()?;
        let at = |year: i16| {
            let date = Date::new(year, month as i8, day as i8).ok()?;
            date.to_datetime(time).to_zoned(zone.clone()).ok()
        };
        let zoned = match year {
            Some(year) => at(year as i16)?,
            None => self.near(&zone, at)?,
        };
        Some(zoned.timestamp())
    }

    /// Without a year: this one, where that is not more than two days from now; around the new year the next.
    fn near(&self, zone: &TimeZone, at: impl Fn(i16) -> Option<Zoned>) -> Option<Zoned> {
        let now = (self.clock)().to_zoned(zone.clone());
        let soon = now.checked_add(2.days()).ok()?;
        let this = at(now.year())?;
        if this > soon {
            return at(now.year() - 1);
        }
        match at(now.year() + 1) {
            Some(next) if now.month() == 12 && next <= soon => Some(next),
            _ => Some(this),
        }
    }
}

/// Milliseconds since 1970, with a fraction or without one.
fn millis(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.starts_with('0') || !digits(whole) || !digits(fraction) {
        return None;
    }
    let nanos: i128 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    Timestamp::from_nanosecond(whole.parse::<i128>().ok()?.checked_mul(1_000_000)? + nanos).ok()
}

/// A number of so many digits, and what is after it.
fn number(text: &str, digits: usize) -> Option<(i32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, rest))
}
