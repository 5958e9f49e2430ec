//! `date`: a text becomes `@timestamp` (logstash-filter-date 3.1).

mod format;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Timestamp, Value, ValueRef};
use jiff::tz::TimeZone;

use crate::{
    common::{Common, field},
    context::{Clock, Context},
    filter::Filter,
};
use format::ParseFormat;

/// A compiled `date { … }`.
#[derive(Clone)]
pub(crate) struct Date {
    source: FieldRef,
    formats: Vec<Format>,
    zone: TimeZone,
    target: FieldRef,
    tag_on_failure: Vec<String>,
    common: Common,
    clock: Clock,
}

impl std::fmt::Debug for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Date").field("source", &self.source).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
enum Format {
    Iso8601,
    Unix,
    UnixMs,
    Joda(ParseFormat),
}

impl Date {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        let zone = match options.text("timezone") {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(&name.node).unwrap_or_else(|_| {
                options.error(
                    &name.span,
                    format!("`{}` is no time zone; write one as `Europe/Berlin`", name.node),
                );
                TimeZone::UTC
            }),
        };
        if let Some(locale) = options.text("locale")
            && !locale.node.to_lowercase().starts_with("en")
        {
            options.error(&locale.span, "only English names of months and days are read so far");
        }
        let tag_on_failure = options
            .texts("tag_on_failure")
            .map_or(vec!["_dateparsefailure".to_owned()], |tags| tags.into_iter().map(|t| t.node).collect());
        let target = options
            .text("target")
            .and_then(|t| field(options, &t.node, &t.span))
            .or_else(|| FieldRef::parse("@timestamp").ok());
        let mut source = None;
        let mut formats = Vec::new();
        match options.texts("match").as_deref() {
            Some([name, rest @ ..]) if !rest.is_empty() => {
                source = field(options, &name.node, &name.span);
                for format in rest {
                    formats.extend(match format.node.as_str() {
                        "ISO8601" => Some(Format::Iso8601),
                        "UNIX" => Some(Format::Unix),
                        "UNIX_MS" => Some(Format::UnixMs),
                        "TAI64N" => {
                            options.error(&format.span, "the date format TAI64N is not supported yet");
                            None
                        }
                        joda => match ParseFormat::compile(joda) {
                            Ok(parsed) => Some(Format::Joda(parsed)),
                            Err(reason) => {
                                options.error(&format.span, reason);
                                None
                            }
                        },
                    });
                }
            }
            _ => options.error_here("date wants `match => [\"field\", \"format\", …]`"),
        }
        let (source, target) = source.zip(target)?;
        let clock = context.clock.clone();
        Some(Box::new(Self { source, formats, zone, target, tag_on_failure, common, clock }))
    }

    fn read(&self, format: &Format, text: &str) -> Option<Timestamp> {
        match format {
            Format::Iso8601 => iso8601(text, &self.zone),
            // Seconds with a fraction, kept to the millisecond.
            Format::Unix => {
                let seconds: f64 = text.trim().parse().ok()?;
                // Larger values are milliseconds in disguise (date_spec.rb).
                (seconds.abs() <= f64::from(i32::MAX))
                    .then(|| Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok())?
            }
            Format::UnixMs => Timestamp::from_millisecond(text.trim().parse().ok()?).ok(),
            Format::Joda(format) => format.parse(text, &self.zone, &*self.clock),
        }
    }
}

impl Filter for Date {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let time = match event.get(&self.source) {
            None | Some(ValueRef::Null) => return,
            Some(ValueRef::Str(text)) => self.formats.iter().find_map(|format| self.read(format, text)),
            Some(ValueRef::Int(number)) => {
                self.formats.iter().find_map(|format| self.read(format, &number.to_string()))
            }
            Some(ValueRef::Float(number)) => {
                self.formats.iter().find_map(|format| self.read(format, &number.to_string()))
            }
            Some(ValueRef::Time(time)) => Some(time),
            Some(_) => None,
        };
        match time {
            Some(time) => {
                event.set(&self.target, Value::Time(time));
                self.common.apply(event);
            }
            None => {
                for tag in &self.tag_on_failure {
                    event.tag(tag);
                }
            }
        }
    }
}

/// ISO 8601 with `T` or a space, `.` or `,` before the fraction, an offset or none (then in the filter's zone).
fn iso8601(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let text = text.replace(',', ".");
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    zone.to_ambiguous_timestamp(civil).unambiguous().ok()
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, errors};

    fn time(format: &str, text: &str) -> String {
        let out = check(&format!(r#"date {{ match => ["message", {format}] }}"#), text);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        if json["tags"][0] == "_dateparsefailure" {
            return "failure".to_owned();
        }
        json["@timestamp"].as_str().unwrap().to_owned()
    }

    #[test]
    fn formats() {
        for (format, text, expect) in [
            (r#""dd/MMM/yyyy:HH:mm:ss Z""#, "17/May/2015:10:05:03 +0200", "2015-05-17T08:05:03.000Z"),
            (r#""ISO8601""#, "2015-05-17 10:05:03,5", "2015-05-17T10:05:03.500Z"),
            (r#""ISO8601""#, "2015-05-17T10:05:03+02:00", "2015-05-17T08:05:03.000Z"),
            (r#""UNIX""#, "1431857103.25", "2015-05-17T10:05:03.250Z"),
            (r#""UNIX_MS""#, "1431857103250", "2015-05-17T10:05:03.250Z"),
            (r#""UNIX""#, "1431857103250", "failure"),
            (r#""yyyy/MM/dd HH:mm:ss""#, "2015/05/17 10:05:03", "2015-05-17T10:05:03.000Z"),
            (r#""nope", "yyyy""#, "x", "failure"),
            // The clock says 2 January 2026: December was last year.
            (r#""MMM dd HH:mm:ss", "MMM  d HH:mm:ss""#, "Dec 31 23:59:59", "2025-12-31T23:59:59.000Z"),
            (r#""MMM dd HH:mm:ss", "MMM  d HH:mm:ss""#, "Jan  1 00:00:01", "2026-01-01T00:00:01.000Z"),
            (
                r#""EEE MMM dd HH:mm:ss.SSSSSS yyyy""#,
                "Sun May 17 10:05:03.123456 2015",
                "2015-05-17T10:05:03.123Z",
            ),
            (r#""h:mm a dd.MM.yy""#, "1:05 PM 17.05.15", "2015-05-17T13:05:00.000Z"),
        ] {
            let format =
                if format.contains("nope") { format.replace("nope", "'nope'") } else { format.to_owned() };
            assert_eq!(time(&format, text), expect, "{format} of {text}");
        }
    }

    #[test]
    fn a_time_that_a_clock_change_skips_is_a_failure() {
        let conf = r#"date { match => ["message", "yyyy-MM-dd HH:mm"] timezone => "Europe/Berlin" }"#;
        assert!(check(conf, "2015-03-29 02:30").contains("_dateparsefailure"));
        assert!(check(conf, "2015-03-29 03:30").contains("2015-03-29T01:30:00.000Z"));
    }

    #[test]
    fn what_cannot_be_read_is_said_before_it_runs() {
        assert!(errors(r#"date { match => ["message", "yyyy-jj"] }"#).contains("letter `j`"));
        assert!(errors(r#"date { match => ["message"] }"#).contains("date wants `match"));
        assert!(
            errors(r#"date { match => ["m", "yyyy"] timezone => "Mars/Base" }"#).contains("no time zone")
        );
    }
}
