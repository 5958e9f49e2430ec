//! Timestamps as Logstash writes them: ISO 8601, UTC, at least milliseconds.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

/// Appends `time` as `2015-05-17T10:05:03.000Z`: three digits of fraction, or six or nine where the time has them.
pub fn format_timestamp(out: &mut String, time: Timestamp) {
    let civil = TimeZone::UTC.to_datetime(time);
    let nanos = civil.subsec_nanosecond();
    // A year before 0 or after 9999 is written with as many digits as it needs.
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    );
    let _ = if nanos % 1_000_000 == 0 {
        write!(out, "{:03}Z", nanos / 1_000_000)
    } else if nanos % 1_000 == 0 {
        write!(out, "{:06}Z", nanos / 1_000)
    } else {
        write!(out, "{nanos:09}Z")
    };
}

/// Reads an ISO 8601 timestamp with an offset or `Z`.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_digits() {
        for (input, output) in [
            ("2015-05-17T10:05:03Z", "2015-05-17T10:05:03.000Z"),
            ("2015-05-17T12:05:03.5+02:00", "2015-05-17T10:05:03.500Z"),
            ("2015-05-17T10:05:03.123456Z", "2015-05-17T10:05:03.123456Z"),
            ("2015-05-17T10:05:03.000000001Z", "2015-05-17T10:05:03.000000001Z"),
        ] {
            let mut out = String::new();
            format_timestamp(&mut out, parse_timestamp(input).unwrap());
            assert_eq!(out, output);
        }
    }
}
