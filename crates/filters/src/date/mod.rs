//! `date`: a text becomes `@timestamp` (logstash-filter-date 3.1).

mod format;
mod iso;
mod last;
mod zone;

use alces_conf::Options;
use alces_event::{Event, FieldRef, Template, Timestamp, Value, ValueRef};
use alces_plugin::{
    names::{LANGUAGES, Names},
    zone::zone as zone_named,
};
use jiff::tz::TimeZone;

use crate::{
    common::{Common, failure_tags, field, field_option, template},
    context::{Clock, Context},
    filter::Filter,
};
use format::ParseFormat;
use zone::Memo;

/// A compiled `date { … }`.
#[derive(Clone)]
pub(crate) struct Date {
    source: FieldRef,
    formats: Vec<Format>,
    zone: Zone,
    target: FieldRef,
    tag_on_failure: Vec<String>,
    common: Common,
    clock: Clock,
    memo: Memo,
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
    Tai64n,
    Joda(Box<ParseFormat>),
}

#[derive(Clone)]
enum Zone {
    Fixed(TimeZone),
    /// Named by each event, with the last one.
    PerEvent(Template, Option<(String, TimeZone)>),
}

impl Date {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Box<dyn Filter>> {
        let common = Common::read(options);
        options.differs(
            "match",
            "`ISO8601` is read without a fraction after a space too; `EEE` is not held against the date",
        );
        options.differs("timezone", "the default is UTC, not the machine's zone");
        options.differs("locale", "a set of languages, and English names besides; the default is English");
        let zone = zone_option(options);
        let names = match options.text("locale") {
            None => Names::default(),
            Some(locale) => Names::of(&locale.node).unwrap_or_else(|| {
                options.error_with_help(
                    &locale.span,
                    format!("the names of months in `{}` are not known", locale.node),
                    format!("languages that are: {LANGUAGES}"),
                );
                Names::default()
            }),
        };
        let tag_on_failure = failure_tags(options, "_dateparsefailure");
        let target = match options.is_given("target") {
            true => field_option(options, "target"),
            false => {
                options.text("target");
                FieldRef::parse("@timestamp").ok()
            }
        };
        let now = (context.clock)();
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
                        "TAI64N" => Some(Format::Tai64n),
                        joda => match ParseFormat::compile(joda, &names, now) {
                            Ok(parsed) => Some(Format::Joda(Box::new(parsed))),
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
        let date = Self {
            source: source?,
            formats,
            zone: zone?,
            target: target?,
            tag_on_failure,
            common,
            clock: context.clock.clone(),
            memo: Memo::default(),
        };
        Some(Box::new(date))
    }
}

fn zone_option(options: &mut Options<'_>) -> Option<Zone> {
    let Some(name) = options.text("timezone") else { return Some(Zone::Fixed(TimeZone::UTC)) };
    if name.node.contains("%{") {
        return template(options, &name.node, &name.span).map(|template| Zone::PerEvent(template, None));
    }
    let zone = zone_named(&name.node);
    if zone.is_none() {
        options.error_with_help(
            &name.span,
            format!("`{}` is no time zone", name.node),
            "write one as `Europe/Berlin`, `UTC` or `+02:00`",
        );
    }
    zone.map(Zone::Fixed)
}

impl Zone {
    /// The zone for an event; `None` where the event names none that is known. Forgets what was remembered of another.
    fn of(&mut self, event: &Event, memo: &mut Memo) -> Option<&TimeZone> {
        match self {
            Self::Fixed(zone) => Some(zone),
            Self::PerEvent(template, last) => {
                let name = template.render(event);
                if last.as_ref().is_none_or(|(known, _)| *known != name) {
                    memo.other_zone();
                    *last = zone_named(&name).map(|zone| (name, zone));
                }
                last.as_ref().map(|(_, zone)| zone)
            }
        }
    }
}

impl Format {
    fn text(&self, text: &str, zone: Option<&TimeZone>, clock: &Clock, memo: &mut Memo) -> Option<Timestamp> {
        match self {
            Self::Iso8601 => iso::iso8601(text, zone?, memo),
            Self::Unix => iso::unix(text),
            Self::UnixMs => iso::unix_ms(text),
            Self::Tai64n => iso::tai64n(text),
            Self::Joda(format) => format.parse(text, zone?, &**clock, memo),
        }
    }

    /// Numbers are what numbers are: seconds or milliseconds.
    fn whole(&self, number: i64) -> Option<Timestamp> {
        match self {
            Self::Unix => iso::unix_number(number as f64),
            Self::UnixMs => Timestamp::from_millisecond(number).ok(),
            _ => None,
        }
    }

    fn float(&self, number: f64) -> Option<Timestamp> {
        match self {
            Self::Unix => iso::unix_number(number),
            Self::UnixMs => Timestamp::from_millisecond(number as i64).ok(),
            _ => None,
        }
    }
}

impl Filter for Date {
    fn apply(&mut self, event: &mut Event, _: &mut Vec<Event>) {
        let (formats, clock, memo) = (&self.formats, &self.clock, &mut self.memo);
        let time = match event.get(&self.source) {
            None | Some(ValueRef::Null) => return,
            Some(ValueRef::Str(text)) => {
                let zone = self.zone.of(event, memo);
                formats.iter().find_map(|format| format.text(text, zone, clock, memo))
            }
            Some(ValueRef::Int(number)) => formats.iter().find_map(|format| format.whole(number)),
            Some(ValueRef::Float(number)) => formats.iter().find_map(|format| format.float(number)),
            Some(_) => None,
        };
        match time {
            Some(time) => {
                event.set(&self.target, Value::Time(time));
                self.common.apply(event);
            }
            None => self.tag_on_failure.iter().for_each(|tag| event.tag(tag)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::{check, check_json, errors};

    /// The time that `date { match => ["message", …] … }` reads; the clock says 2 January 2026.
    fn time_with(options: &str, format: &str, text: &str) -> String {
        let out = check(&format!(r#"date {{ match => ["message", {format}] {options} }}"#), text);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        if json["tags"][0] == "_dateparsefailure" {
            return "failure".to_owned();
        }
        json["@timestamp"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn time(format: &str, text: &str, expect: &str) {
        assert_eq!(time_with("", format, text), expect, "{format} of {text}");
    }

    #[test]
    fn formats() {
        for (format, text, expect) in [
            (r#""dd/MMM/yyyy:HH:mm:ss Z""#, "17/May/2015:10:05:03 +0200", "2015-05-17T08:05:03.000Z"),
            (r#""ISO8601""#, "2015-05-17 10:05:03,5", "2015-05-17T10:05:03.500Z"),
            (r#""UNIX""#, "1431857103.25", "2015-05-17T10:05:03.250Z"),
            (r#""UNIX_MS""#, "1431857103250", "2015-05-17T10:05:03.250Z"),
            (r#""UNIX""#, "1431857103250", "failure"),
            (r#""TAI64N""#, "@4000000050d506482dbdf024", "2012-12-22T01:00:46.767Z"),
            (r#""yyyy/MM/dd HH:mm:ss""#, "2015/05/17 10:05:03", "2015-05-17T10:05:03.000Z"),
            (r#""'nope'yyyy", "yyyy""#, "x", "failure"),
            (r#""'nope'yyyy", "yyyy""#, "2015", "2015-01-01T00:00:00.000Z"),
            (
                r#""EEE MMM dd HH:mm:ss.SSSSSS yyyy""#,
                "Sun May 17 10:05:03.123456 2015",
                "2015-05-17T10:05:03.123Z",
            ),
            (r#""EEEE, d MMMM yyyy""#, "Sunday, 7 September 2014", "2014-09-07T00:00:00.000Z"),
            (r#""h:mm a dd.MM.yyyy""#, "1:05 PM 17.05.2015", "2015-05-17T13:05:00.000Z"),
            (r#""h a dd.MM.yyyy""#, "12 am 17.05.2015", "2015-05-17T00:00:00.000Z"),
            (r#""K a dd.MM.yyyy""#, "11 PM 17.05.2015", "2015-05-17T23:00:00.000Z"),
            (r#""k dd.MM.yyyy""#, "24 17.05.2015", "2015-05-17T00:00:00.000Z"),
            (r#""yyyyMMddHHmmssSSS""#, "20150517100503123", "2015-05-17T10:05:03.123Z"),
            (r#""yyyy-DDD""#, "2015-137", "2015-05-17T00:00:00.000Z"),
            (r#""xxxx-'W'ww-e""#, "2015-W20-7", "2015-05-17T00:00:00.000Z"),
            (r#""yyyy-MM-dd HH:mm ZZ""#, "2015-05-17 10:05 +02:00", "2015-05-17T08:05:00.000Z"),
            (r#""yyyy-MM-dd HH:mm ZZZ""#, "2015-05-17 10:05 Europe/Berlin", "2015-05-17T08:05:00.000Z"),
            (r#""yyyy-MM-dd HH:mm z""#, "2015-05-17 10:05 EST", "2015-05-17T15:05:00.000Z"),
            (r#""yyyy-MM-dd'T'HH:mm:ssZ""#, "2015-05-17T10:05:03Z", "2015-05-17T10:05:03.000Z"),
            (r#""yyyy 'o''clock' HH""#, "2015 O'Clock 7", "2015-01-01T07:00:00.000Z"),
        ] {
            time(format, text, expect);
        }
    }

    #[test]
    fn what_is_out_of_range_or_left_over_is_a_failure() {
        for (format, text) in [
            (r#""yyyy-MM-dd""#, "2015-13-01"),
            (r#""yyyy-MM-dd""#, "2015-02-29"),
            (r#""yyyy-MM-dd""#, "2015-02-03 "),
            (r#""yyyy-MM-dd""#, ""),
            (r#""HH:mm""#, "24:00"),
            (r#""h a""#, "13 PM"),
            (r#""h a""#, "0 AM"),
            (r#""HH:mm:ss.SSS""#, "10:05:03.1234"),
            (r#""dd/MMM/yyyy""#, "17/Mai/2015"),
            (r#""yyyy Z""#, "2015 02:00"),
            (r#""yyyy-MM-dd é""#, "2015-02-03 e"),
        ] {
            time(format, text, "failure");
        }
    }

    #[test]
    fn years_of_two_digits_are_near() {
        for (text, year) in [("45", 2045), ("46", 1946), ("99", 1999), ("00", 2000), ("2015", 2015), ("7", 7)]
        {
            time(r#""yy""#, text, &format!("{year:04}-01-01T00:00:00.000Z"));
        }
        time(r#""yyMMdd""#, "150517", "2015-05-17T00:00:00.000Z");
    }

    #[test]
    fn a_year_that_is_not_there_is_guessed() {
        let formats = r#""MMM dd HH:mm:ss", "MMM  d HH:mm:ss""#;
        // The clock says 2 January 2026: December was last year.
        time(formats, "Dec 31 23:59:59", "2025-12-31T23:59:59.000Z");
        time(formats, "Jan  1 00:00:01", "2026-01-01T00:00:01.000Z");
        time(formats, "Nov 30 00:00:00", "2026-11-30T00:00:00.000Z");
        time(formats, "Feb 29 00:00:00", "2026-02-28T00:00:00.000Z");
    }

    #[test]
    fn zones() {
        let in_zone = |zone: &str, text: &str| {
            time_with(&format!(r#"timezone => "{zone}""#), r#""yyyy-MM-dd HH:mm", "ISO8601""#, text)
        };
        assert_eq!(in_zone("Europe/Berlin", "2015-05-17 10:05"), "2015-05-17T08:05:00.000Z");
        assert_eq!(in_zone("+02:00", "2015-05-17 10:05"), "2015-05-17T08:05:00.000Z");
        assert_eq!(in_zone("UTC", "2015-05-17 10:05"), "2015-05-17T10:05:00.000Z");
        assert_eq!(in_zone("America/New_York", "2015-05-17T10:05:00"), "2015-05-17T14:05:00.000Z");
        // A time that a clock change skips is a failure, one that it repeats is the first.
        assert_eq!(in_zone("Europe/Berlin", "2015-03-29 02:30"), "failure");
        assert_eq!(in_zone("Europe/Berlin", "2015-03-29 03:30"), "2015-03-29T01:30:00.000Z");
        assert_eq!(in_zone("Europe/Berlin", "2015-10-25 02:30"), "2015-10-25T00:30:00.000Z");
    }

    #[test]
    fn a_zone_that_the_event_names() {
        let conf = r#"date { match => ["t", "yyyy-MM-dd HH:mm"] timezone => "%{tz}" target => "x" } date { match => ["u", "yyyy-MM-dd HH:mm"] timezone => "%{other}" target => "y" }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"t":"2015-05-17 10:05","u":"2015-05-17 10:05","tz":"Europe/Berlin","other":"America/New_York"}"#), @r#"{"t":"2015-05-17 10:05","u":"2015-05-17 10:05","tz":"Europe/Berlin","other":"America/New_York","x":"2015-05-17T08:05:00.000Z","y":"2015-05-17T14:05:00.000Z"}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"t":"2015-05-17 10:05","tz":"Mars/Base"}"#), @r#"{"t":"2015-05-17 10:05","tz":"Mars/Base","tags":["_dateparsefailure"]}"#);
    }

    #[test]
    fn names_in_other_languages() {
        for (locale, text) in [
            ("de", "17. Mai 2015"),
            ("de_AT", "17. Mai 2015"),
            ("fr-FR", "17. mai 2015"),
            ("es", "17. mayo 2015"),
            ("pl", "17. maja 2015"),
            ("de", "17. May 2015"),
        ] {
            assert_eq!(
                time_with(&format!(r#"locale => "{locale}""#), r#""dd. MMM yyyy""#, text),
                "2015-05-17T00:00:00.000Z",
                "{locale}"
            );
        }
    }

    #[test]
    fn what_the_field_may_hold() {
        let conf = r#"date { match => ["t", "UNIX", "yyyyMMdd"] target => "[a][b]" add_tag => "ok" tag_on_failure => ["x", "y"] }"#;
        insta::assert_snapshot!(check_json(conf, r#"{"t":1431857103}"#), @r#"{"t":1431857103,"a":{"b":"2015-05-17T10:05:03.000Z"},"tags":["ok"]}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"t":1431857103.25}"#), @r#"{"t":1431857103.25,"a":{"b":"2015-05-17T10:05:03.250Z"},"tags":["ok"]}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"t":99999999999}"#), @r#"{"t":99999999999,"tags":["x","y"]}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"t":["1431857103"]}"#), @r#"{"t":["1431857103"],"tags":["x","y"]}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"t":null}"#), @r#"{"t":null}"#);
        insta::assert_snapshot!(check_json(conf, r#"{"u":1}"#), @r#"{"u":1}"#);
        assert!(
            check_json(r#"date { match => ["t", "UNIX_MS"] }"#, r#"{"t":1431857103250}"#)
                .contains("2015-05-17T10:05:03.250Z")
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_before_it_runs() {
        insta::assert_snapshot!(errors(r#"date { match => ["message", "yyyy-jj", "-"] timezone => "Mars/Base" locale => "tlh" target => "[" }"#), @r#"
        x.conf:1:66: `Mars/Base` is no time zone
          |
        1 | filter { date { match => ["message", "yyyy-jj", "-"] timezone => "Mars/Base" locale => "tlh" target => "[" } }
          |                                                                  ^^^^^^^^^^^
          = help: write one as `Europe/Berlin`, `UTC` or `+02:00`
        x.conf:1:88: the names of months in `tlh` are not known
          |
        1 | filter { date { match => ["message", "yyyy-jj", "-"] timezone => "Mars/Base" locale => "tlh" target => "[" } }
          |                                                                                        ^^^^^
          = help: languages that are: en, da, de, es, fi, fr, it, nb, nl, pl, pt, sv
        x.conf:1:104: `[` is not a field reference: write `name` or `[outer][inner]`
          |
        1 | filter { date { match => ["message", "yyyy-jj", "-"] timezone => "Mars/Base" locale => "tlh" target => "[" } }
          |                                                                                                        ^^^
        x.conf:1:38: date format `yyyy-jj`: letter `j` cannot be read; known are yYxMwdDeEaHhKkmsSZz, and text stands in '…'
          |
        1 | filter { date { match => ["message", "yyyy-jj", "-"] timezone => "Mars/Base" locale => "tlh" target => "[" } }
          |                                      ^^^^^^^^^
        x.conf:1:49: date format `-` has no letter of a date
          |
        1 | filter { date { match => ["message", "yyyy-jj", "-"] timezone => "Mars/Base" locale => "tlh" target => "[" } }
          |                                                 ^^^
        "#);
        assert!(errors(r#"date { match => ["message"] }"#).contains("date wants `match"));
    }
}
