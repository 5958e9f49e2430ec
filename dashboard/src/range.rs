//! The time range in the address: `?from=now-1h&to=now&tz=Europe/Paris`.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned, civil};

/// What the page offers to click: words, `from`, `to`.
pub(crate) const PRESETS: [(&str, &str, &str); 8] = [
    ("15 min", "now-15m", "now"),
    ("1 hour", "now-1h", "now"),
    ("6 hours", "now-6h", "now"),
    ("24 hours", "now-24h", "now"),
    ("Today", "now/d", "now"),
    ("2 days", "now-2d", "now"),
    ("7 days", "now-7d", "now"),
    ("30 days", "now-30d", "now"),
];

/// What is accepted, for the message on a bad value.
pub(crate) const ACCEPTED: &str = "now, now-15m, now-1h, now-7d, now/d (start of today), now-1d/d, an ISO time such as \
    2026-11-23T10:00:00Z or 2026-11-23 10:00, a date such as 2026-11-23, or milliseconds since 1970";

/// Bucket widths in seconds, each of which people recognise.
const STEPS: [i64; 22] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800, 1_209_600, 2_592_000,
];

/// At most this many buckets a chart: more than a phone has pixels to show, fewer than make a query slow.
const MOST_BUCKETS: i64 = 120;

/// A range as asked and as understood.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    /// As in the address.
    pub(crate) from_text: String,
    /// As in the address.
    pub(crate) to_text: String,
    /// As in the address; empty for UTC.
    pub(crate) tz_text: String,
    /// Epoch milliseconds, included.
    pub(crate) from: i64,
    /// Epoch milliseconds, excluded.
    pub(crate) to: i64,
    /// Epoch milliseconds at which the range was understood.
    pub(crate) now: i64,
    pub(crate) zone: TimeZone,
}

/// A range that cannot be understood, with words for the page.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RangeError {
    #[error("“{value}” is not a time that {name}= understands. Accepted: {ACCEPTED}.")]
    Time { name: &'static str, value: String },
    #[error("from ({from}) is not before to ({to}). Swap them, or choose an earlier from.")]
    Order { from: String, to: String },
    #[error("The range is longer than 10 years. Choose a later from.")]
    Long,
    #[error("“{0}” is not a time zone. Use a name such as Europe/Paris or Asia/Shanghai, or UTC.")]
    Zone(String),
}

impl Range {
    /// Understands a range at the time `now`.
    pub(crate) fn parse(from: &str, to: &str, tz: &str, now: Timestamp) -> Result<Self, RangeError> {
        let zone = match tz.trim() {
            "" | "UTC" | "utc" | "Z" => TimeZone::UTC,
            name => TimeZone::get(name).map_err(|_| RangeError::Zone(clip(name)))?,
        };
        let at = |name, text: &str| {
            instant(text.trim(), now, &zone).ok_or_else(|| RangeError::Time { name, value: clip(text) })
        };
        let (start, end) = (at("from", from)?, at("to", to)?);
        if start >= end {
            return Err(RangeError::Order { from: clip(from), to: clip(to) });
        }
        if end.duration_since(start) > SignedDuration::from_hours(24 * 3653) {
            return Err(RangeError::Long);
        }
        Ok(Self {
            from_text: from.trim().into(),
            to_text: to.trim().into(),
            tz_text: tz.trim().into(),
            from: start.as_millisecond(),
            to: end.as_millisecond(),
            now: now.as_millisecond(),
            zone,
        })
    }

    /// The same words understood at a round time just before: everybody who looks at that moment asks the same question, and is
    /// answered once. The time is rounded to a 30th of a bucket, at least 1 s and at most 10 s.
    pub(crate) fn rounded(&self) -> Self {
        let tick = (self.step() / 30).clamp(1000, 10_000);
        let now = self.now.div_euclid(tick) * tick;
        let again = Timestamp::from_millisecond(now)
            .ok()
            .and_then(|now| Self::parse(&self.from_text, &self.to_text, &self.tz_text, now).ok());
        again.unwrap_or_else(|| self.clone())
    }

    /// The same range, whatever the clock says: epoch milliseconds.
    pub(crate) fn fixed(&self) -> (String, String) {
        (self.from.to_string(), self.to.to_string())
    }

    /// Whether buckets fall upon each other when the range is moved back by this.
    pub(crate) fn can_be_compared(&self, compare: Compare) -> bool {
        compare.back() % self.step() == 0
    }

    /// Width of a bucket in milliseconds: the smallest round one that gives at most 120 buckets.
    pub(crate) fn step(&self) -> i64 {
        let seconds = (self.to - self.from) / 1000;
        let step = STEPS.into_iter().find(|s| seconds <= s * MOST_BUCKETS).unwrap_or(2_592_000);
        step * 1000
    }

    /// Starts of all buckets that touch the range; they are whole multiples of the step since 1970, as OpenSearch counts.
    pub(crate) fn buckets(&self) -> Vec<i64> {
        let step = self.step();
        let mut at = self.from.div_euclid(step) * step;
        let mut out = Vec::new();
        while at < self.to {
            out.push(at);
            at += step;
        }
        out
    }

    /// Whether the range reaches (within a minute) up to now.
    pub(crate) fn is_live(&self) -> bool {
        self.to >= self.now - 60_000
    }

    /// The zone's name as the page shows it.
    pub(crate) fn zone_name(&self) -> &str {
        if self.tz_text.is_empty() { "UTC" } else { &self.tz_text }
    }

    /// What tells two pictures apart: the words of the address.
    pub(crate) fn key(&self) -> String {
        format!("{}\n{}\n{}", self.from_text, self.to_text, self.tz_text)
    }
}

/// What a range is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Day,
    Week,
}

impl Compare {
    /// `1d` and `1w`, as in the address; nothing for anything else.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "1d" => Some(Self::Day),
            "1w" => Some(Self::Week),
            _ => None,
        }
    }

    /// The word in the address.
    pub(crate) const fn address(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "1w",
        }
    }

    /// The word on the page.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Day => "1 day",
            Self::Week => "1 week",
        }
    }

    /// How far back, milliseconds.
    pub(crate) const fn back(self) -> i64 {
        match self {
            Self::Day => 86_400_000,
            Self::Week => 604_800_000,
        }
    }
}

/// OpenSearch's `fixed_interval` for a step in milliseconds: `30s`, `5m`, `2h`, `7d`.
pub(crate) fn interval(step: i64) -> String {
    let seconds = step / 1000;
    match seconds {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

/// An instant as people and addresses write it; `now` is this one.
pub(crate) fn instant(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(rest) = text.strip_prefix("now") {
        return relative(rest, now.to_zoned(zone.clone())).map(|z| z.timestamp());
    }
    if let Ok(ms) = text.parse::<i64>() {
        // Nobody asks for 1970; a year or a number of seconds is a slip that would look like "no data".
        return (ms >= 100_000_000_000).then(|| Timestamp::from_millisecond(ms).ok()).flatten();
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    // A `+` that was not escaped in the address arrives as a space.
    if let Some((time, offset)) = text.split_once(' ').filter(|(time, _)| time.contains('T')) {
        return format!("{time}+{offset}").parse().ok();
    }
    // A browser's datetime-local field and people write no offset: then the page's own zone is meant.
    let local =
        text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(|d| d.at(0, 0, 0, 0)));
    local.ok()?.to_zoned(zone.clone()).ok().map(|z| z.timestamp())
}

/// `-1h`, `-1d/d`, `/w`: date math as in OpenSearch, steps from left to right.
fn relative(mut rest: &str, mut at: Zoned) -> Option<Zoned> {
    while !rest.is_empty() {
        let (op, tail) = (rest.chars().next()?, rest.get(1..)?);
        let digits = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let unit = tail[digits..].chars().next()?;
        rest = tail[digits..].get(unit.len_utf8()..)?;
        at = match op {
            '+' | '-' => {
                let n: i64 = if digits == 0 { 1 } else { tail[..digits].parse().ok()? };
                let span = span(n, unit)?;
                if op == '+' { at.checked_add(span).ok()? } else { at.checked_sub(span).ok()? }
            }
            '/' if digits == 0 => floor(&at, unit)?,
            _ => return None,
        };
    }
    Some(at)
}

fn span(n: i64, unit: char) -> Option<Span> {
    let span = Span::new();
    match unit {
        's' => span.try_seconds(n),
        'm' => span.try_minutes(n),
        'h' | 'H' => span.try_hours(n),
        'd' => span.try_days(n),
        'w' => span.try_weeks(n),
        'M' => span.try_months(n),
        'y' => span.try_years(n),
        _ => return None,
    }
    .ok()
}

fn floor(at: &Zoned, unit: char) -> Option<Zoned> {
    let day = |date: civil::Date| date.to_zoned(at.time_zone().clone()).ok();
    match unit {
        's' => {
            at.round(jiff::ZonedRound::new().smallest(jiff::Unit::Second).mode(jiff::RoundMode::Floor)).ok()
        }
        'm' => {
            at.round(jiff::ZonedRound::new().smallest(jiff::Unit::Minute).mode(jiff::RoundMode::Floor)).ok()
        }
        'h' | 'H' => {
            at.round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Floor)).ok()
        }
        'd' => day(at.date()),
        'w' => {
            let back = at.date().weekday().to_monday_zero_offset();
            day(at.date().checked_sub(Span::new().days(back)).ok()?)
        }
        'M' => day(at.date().first_of_month()),
        'y' => day(at.date().first_of_year()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T10:04:30Z".parse().expect("a time")
    }

    fn start(from: &str, tz: &str) -> Result<String, RangeError> {
        let range = Range::parse(from, "2027-01-01T00:00:00Z", tz, now())?;
        Ok(Timestamp::from_millisecond(range.from).expect("in range").to_string())
    }

    #[test]
    fn times_as_people_write_them() {
        let cases = [
            ("now-15m", "", "2026-11-23T09:49:30Z"),
            ("now/d", "", "2026-11-23T00:00:00Z"),
            ("now/d", "Asia/Shanghai", "2026-11-22T16:00:00Z"),
            ("now-1d/d", "", "2026-11-22T00:00:00Z"),
            ("now/w", "", "2026-11-23T00:00:00Z"),
            ("now-1M/M", "", "2026-10-01T00:00:00Z"),
            ("2026-11-20", "", "2026-11-20T00:00:00Z"),
            ("2026-11-20T08:00", "Europe/Paris", "2026-11-20T07:00:00Z"),
            ("2026-11-20 08:00:05", "", "2026-11-20T08:00:05Z"),
            ("2026-11-20T08:00:00+02:00", "", "2026-11-20T06:00:00Z"),
            ("2026-11-20T08:00:00 02:00", "", "2026-11-20T06:00:00Z"),
            ("1795428270000", "", "2026-11-23T10:04:30Z"),
        ];
        for (text, tz, want) in cases {
            assert_eq!(start(text, tz).as_deref(), Ok(want), "{text} {tz}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_words() {
        for text in [
            "yesterday",
            "now-",
            "now-1x",
            "now-h5",
            "",
            "now/5d",
            "2026",
            "now-99999999999999999999m",
            "nowé",
            "now-1é",
        ] {
            let error = start(text, "").expect_err(text);
            assert!(error.to_string().contains("now-15m"), "{error}");
        }
        assert!(matches!(start("now", "Mars/Base"), Err(RangeError::Zone(_))));
        assert!(matches!(Range::parse("now", "now-1h", "", now()), Err(RangeError::Order { .. })));
        assert_eq!(start("now-30y", ""), Err(RangeError::Long));
    }

    #[test]
    fn buckets_are_round_and_few() {
        for (from, want) in
            [("now-15m", 10), ("now-1h", 30), ("now-24h", 900), ("now-7d", 7200), ("now-30d", 21_600)]
        {
            let range = Range::parse(from, "now", "", now()).expect(from);
            assert_eq!(range.step() / 1000, want, "{from}");
            assert!((60..=121).contains(&range.buckets().len()), "{from}: {}", range.buckets().len());
        }
        assert_eq!(interval(30_000), "30s");
        assert_eq!(interval(7_200_000), "2h");
        assert_eq!(interval(604_800_000), "7d");
    }
}
