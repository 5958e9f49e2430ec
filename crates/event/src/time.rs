//! Timestamps as Logstash writes them: ISO 8601, UTC, at least milliseconds.

use jiff::Timestamp;

use crate::out::Out;

/// Appends `time` as `2015-05-17T10:05:03.000Z`: three digits of fraction, or six or nine where the time has them.
pub fn format_timestamp(out: &mut String, time: Timestamp) {
    let mut bytes = Vec::new();
    write_timestamp(&mut Out::new(&mut bytes, LONGEST), time);
    // Digits and signs only.
    out.push_str(std::str::from_utf8(&bytes).unwrap_or_default());
}

/// `2015-05-17T10:05:03.000000000Z`
const LONGEST: usize = 30;

/// The same, into bytes. Every event is written with one, so this is arithmetic and not formatting.
pub(crate) fn write_timestamp(out: &mut Out<'_>, time: Timestamp) {
    let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
    if nanos < 0 {
        // Before 1970 both count backwards.
        (seconds, nanos) = (seconds - 1, nanos + 1_000_000_000);
    }
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
    let (year, month, day) = civil(days);
    if year < 0 {
        out.byte(b'-');
    }
    let year = year.unsigned_abs();
    let (millis, below) = (nanos as u32 / 1_000_000, nanos as u32 % 1_000_000);
    let room: &mut [u8; LONGEST] = out.room();
    room[..24].copy_from_slice(b"0000-00-00T00:00:00.000Z");
    for (at, number) in [
        (0, year / 100 % 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3600),
        (14, second / 60 % 60),
        (17, second % 60),
        (21, millis % 100),
    ] {
        room[at..at + 2].copy_from_slice(&two(number));
    }
    room[20] = b'0' + (millis / 100) as u8;
    if below == 0 {
        return out.advance(24);
    }
    let mut rest = below;
    for digit in room[23..29].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let end = if below % 1_000 == 0 { 26 } else { 29 };
    room[end] = b'Z';
    out.advance(end + 1);
}

/// The two digits of a number below a hundred.
#[inline]
fn two(number: u32) -> [u8; 2] {
    const PAIRS: [[u8; 2]; 128] = {
        let mut pairs = [[b'0'; 2]; 128];
        let mut number = 0;
        while number < 100 {
            pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
            number += 1;
        }
        pairs
    };
    PAIRS[(number % 128) as usize]
}

/// Year, month and day of the day that is so many behind 1970-01-01, in the Gregorian calendar (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: i64) -> (i32, u32, u32) {
    // Years begin in March, so that the leap day is the last one; an era has 400 of them.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = i64::from(year_of_era) + era * 400 + i64::from(month <= 2);
    (year as i32, month, day)
}

/// Reads an ISO 8601 timestamp with an offset or `Z`.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// The time library's own calendar is the dull twin.
        #[test]
        fn the_same_day_as_the_librarys(seconds in -60_000_000_000_i64..250_000_000_000) {
            let time = Timestamp::from_second(seconds).unwrap();
            let twin = jiff::tz::TimeZone::UTC.to_datetime(time);
            let mut out = String::new();
            format_timestamp(&mut out, time);
            proptest::prop_assert_eq!(out, format!("{}.000Z", twin.strftime("%Y-%m-%dT%H:%M:%S")));
        }
    }

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
