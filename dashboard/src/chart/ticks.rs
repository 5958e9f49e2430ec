//! Where the marks of an axis stand: round numbers for values, round local times for time.

use crate::language::text;
use jiff::{Timestamp, ToSpan, Unit, civil, tz::TimeZone};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Distances of time marks that people read without thinking, in milliseconds.
const TIME_STEPS: [i64; 22] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
];

/// Marks of a value axis from 0 to at least `max`, in steps of 1, 2, 2.5 or 5 times a power of ten.
/// The last mark is the top of the axis.
pub(crate) fn value_ticks(max: f64, about: usize) -> Vec<f64> {
    let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
    let raw = max / about.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let factor =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|f| f * power >= raw * 0.999_999).unwrap_or(10.0);
    let step = factor * power;
    let n = (max / step - 1e-9).ceil().max(1.0) as usize;
    (0..=n).map(|i| i as f64 * step).collect()
}

/// Marks of a time axis: at most `most` of them between the two instants (epoch milliseconds), each with its label in `zone`.
pub(crate) fn time_ticks(from: i64, to: i64, zone: &TimeZone, most: usize) -> Vec<(i64, String)> {
    let span = (to - from).max(1);
    let most = most.max(1) as i64;
    let step = TIME_STEPS.into_iter().find(|s| span / s < most).unwrap_or(364 * DAY);
    let Ok(start) = Timestamp::from_millisecond(from) else { return Vec::new() };
    let mut date = start.to_zoned(zone.clone()).date();
    let mut marks = Vec::new();
    // Day by day, so that marks stay on round local hours across a change of daylight-saving time.
    while let Some(midnight) = local_midnight(date, zone) {
        if midnight > to {
            break;
        }
        let Ok(tomorrow) = date.checked_add(1.day()) else { break };
        let next = local_midnight(tomorrow, zone).unwrap_or(i64::MAX);
        if step >= DAY {
            if midnight >= from && starts_step(date, step) {
                marks.push((midnight, day_label(date, step)));
            }
        } else {
            let mut at = midnight + (from - midnight).max(0) / step * step;
            while at < next && at <= to {
                if at >= from {
                    marks.push((
                        at,
                        if at == midnight { day_label(date, step) } else { clock(at, zone, step) },
                    ));
                }
                at += step;
            }
        }
        date = tomorrow;
    }
    marks
}

fn local_midnight(date: civil::Date, zone: &TimeZone) -> Option<i64> {
    date.to_zoned(zone.clone()).ok().map(|z| z.timestamp().as_millisecond())
}

/// Whether a step of whole days begins on this date: months and years begin on their first day.
fn starts_step(date: civil::Date, step: i64) -> bool {
    let days = step / DAY;
    match days {
        ..28 => date
            .since((Unit::Day, civil::date(1970, 1, 5)))
            .is_ok_and(|s| i64::from(s.get_days()).rem_euclid(days) == 0),
        28 => date.day() == 1,
        91 => date.day() == 1 && (date.month() - 1) % 3 == 0,
        _ => date.day() == 1 && date.month() == 1,
    }
}

fn day_label(date: civil::Date, step: i64) -> String {
    let format = match step / DAY {
        ..28 => "%-d %b",
        _ => "%b %Y",
    };
    date.strftime(&*text(format)).to_string()
}

fn clock(at: i64, zone: &TimeZone, step: i64) -> String {
    let format = if step < MINUTE { "%H:%M:%S" } else { "%H:%M" };
    Timestamp::from_millisecond(at)
        .map_or_else(|_| String::new(), |t| t.to_zoned(zone.clone()).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a timestamp").as_millisecond()
    }

    fn labels(from: &str, to: &str, zone: &TimeZone, most: usize) -> Vec<String> {
        time_ticks(ms(from), ms(to), zone, most).into_iter().map(|(_, l)| l).collect()
    }

    #[test]
    fn value_marks_are_round() {
        assert_eq!(value_ticks(87.0, 4), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(value_ticks(100.0, 4), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(value_ticks(0.9, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(value_ticks(0.0, 4).last(), Some(&1.0));
        assert_eq!(value_ticks(f64::NAN, 4).last(), Some(&1.0));
    }

    #[test]
    fn an_hour_is_marked_by_tens_of_minutes() {
        assert_eq!(
            labels("2026-11-23T10:04:00Z", "2026-11-23T11:04:00Z", &TimeZone::UTC, 7),
            ["10:10", "10:20", "10:30", "10:40", "10:50", "11:00"]
        );
    }

    #[test]
    fn midnight_is_a_date_and_days_are_local() {
        assert_eq!(
            labels("2026-11-22T20:00:00Z", "2026-11-23T08:00:00Z", &TimeZone::UTC, 5),
            ["21:00", "23 Nov", "03:00", "06:00"]
        );
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(labels("2026-11-22T12:00:00Z", "2026-11-22T20:00:00Z", &zone, 5)[1], "23 Nov");
    }

    #[test]
    fn months_begin_on_their_first() {
        assert_eq!(
            labels("2026-01-15T00:00:00Z", "2026-04-20T00:00:00Z", &TimeZone::UTC, 5),
            ["Feb 2026", "Mar 2026", "Apr 2026"]
        );
    }
}
