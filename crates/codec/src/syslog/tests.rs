use alces_event::{Event, FieldRef, Timestamp, ValueRef};
use alces_grok::{Grok, Outcome, PatternSet, Spans};
use bytes::Bytes;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Datum, Framed, Message, Time, data, parse};
use crate::{
    Decoder as _, Framing,
    test_support::{decoder, now},
};

/// What is found in a line.
fn check(line: &str) -> String {
    let Some(message) = parse(line) else { return "neither".to_owned() };
    let Message { priority, version, time, host, program, process, kind, data, text } = message;
    let mut out = format!("{priority}");
    if let Some(version) = version {
        out += &format!(" v{version}");
    }
    if let Some((_, time)) = &time {
        let time = time.resolve(&TimeZone::UTC, now()).map(|time| time.to_string());
        out += &format!(" {}", time.unwrap_or_default());
    }
    for (name, part) in
        [("host", host), ("program", program), ("process", process), ("kind", kind), ("data", data)]
    {
        if let Some(part) = part {
            out += &format!(" {name}={}", &line[part]);
        }
    }
    format!("{out} {:?}", &line[text])
}

#[test]
fn messages_of_rfc_3164() {
    let lines = [
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
        "<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time.",
        "<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
        "<0>Jan 1 00:00:00 h kernel: [    0.000000] up\n",
        "<86>Dec 24 02:44:11 kernel: nobody said a host",
        "<166>Jan 02 2026 10:00:00: %ASA-6-302013: Built outbound TCP",
        "<189>Jan  2 10:00:00.123 router foo::bar[7]: x",
        "<13>2026-01-02T03:04:05.678+02:00 h sshd[9]: Accepted",
        "<13>2026-01-02T03:04:05 h systemd[one]: no number",
        "<13>Jan  2 10:00:00 h",
        "<13>Jan  2 10:00:00 h su:",
        "<13>Jan  2 10:00:00",
        "<13>Jan  2 10:00:00 [x] y",
        "<13>Feb 29 12:00:00 h a: leap",
        "<13>Dec 31 23:59:60 h a: of last year",
        "<13>Jun 30 23:59:59 h a: of this",
    ];
    insta::assert_snapshot!(lines.map(check).join("\n"), @r#"
    34 2025-10-11T22:14:15Z host=mymachine program=su "'su root' failed for lonvick on /dev/pts/8"
    13 2026-02-05T17:32:18Z host=10.0.0.99 "Use the BFG!"
    165 2025-08-24T05:34:00Z host=CST "1987 mymachine myproc[10]: %% It's time."
    neither
    0 2026-01-01T00:00:00Z host=h program=kernel "[    0.000000] up"
    86 2025-12-24T02:44:11Z program=kernel "nobody said a host"
    166 2026-01-02T10:00:00Z program=%ASA-6-302013 "Built outbound TCP"
    189 2026-01-02T10:00:00.123Z host=router program=foo::bar process=7 "x"
    13 2026-01-02T01:04:05.678Z host=h program=sshd process=9 "Accepted"
    13 2026-01-02T03:04:05Z host=h "systemd[one]: no number"
    13 2026-01-02T10:00:00Z host=h ""
    13 2026-01-02T10:00:00Z host=h "su:"
    13 2026-01-02T10:00:00Z ""
    13 2026-01-02T10:00:00Z "[x] y"
    13 2024-02-29T12:00:00Z host=h program=a "leap"
    13 2025-12-31T23:59:59Z host=h program=a "of last year"
    13 2026-06-30T23:59:59Z host=h program=a "of this"
    "#);
}

#[test]
fn messages_of_rfc_5424() {
    let lines = [
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed for lonvick on /dev/pts/8",
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
        r#"<165>1 2003-10-11T22:14:15.003Z m evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="App[\]\"\\lication"][b@1] An entry"#,
        r#"<165>1 - - - - - [a]"#,
        "<165>1 - - - - - -",
        "<165>999 - - - - - - x",
    ];
    insta::assert_snapshot!(lines.map(check).join("\n"), @r#"
    34 v1 2003-10-11T22:14:15.003Z host=mymachine.example.com program=su kind=ID47 "'su root' failed for lonvick on /dev/pts/8"
    165 v1 2003-08-24T12:14:15.000003Z host=192.0.2.1 program=myproc process=8710 "%% It's time."
    165 v1 2003-10-11T22:14:15.003Z host=m program=evntslog kind=ID47 data=[exampleSDID@32473 iut="3" eventSource="App[\]\"\\lication"][b@1] "An entry"
    165 v1 data=[a] ""
    165 v1 ""
    165 v999 "x"
    "#);
}

#[test]
fn what_is_neither() {
    for line in [
        "",
        "<",
        "<13>",
        "<13",
        "no number",
        "<1000>Jan  2 10:00:00 h a: x",
        "<013>Jan  2 10:00:00 h a: x",
        "<13>Jan 32 10:00:00 h a: x",
        "<13>Jan  2 25:00:00 h a: x",
        "<13>Foo  2 10:00:00 h a: x",
        "<13>Jan  2 10:00:00h a: x",
        "<13>1 yesterday h a - - - x",
        "<13>1 - h a - - [x x",
        "<13>1 - h a - - [x a=\"b] x",
        "<13>1 - h a - - [x a=\"b\"]x",
        "<13>1 - h a - -x",
        "<13>0 - h a - - - x",
        "<13>é",
    ] {
        assert_eq!(parse(line), None, "{line:?}");
    }
}

#[test]
fn structured_data_is_unescaped() {
    let text = r#"[a@1 x="1" y="\]\"\\\n"][b] rest"#;
    let mut found = Vec::new();
    assert_eq!(data(text, |datum| found.push(datum)), Some(text.len() - " rest".len()));
    let [Datum::Element("a@1"), Datum::Parameter("x", x), Datum::Parameter("y", y), Datum::Element("b")] =
        &found[..]
    else {
        panic!("{found:?}")
    };
    assert_eq!((x.as_ref(), y.as_ref()), ("1", r#"]"\\n"#));
    assert!(matches!(x, std::borrow::Cow::Borrowed(_)));
}

/// What Logstash's own pattern finds, in the order of `check`'s names.
fn twin(line: &str) -> Option<[Option<String>; 5]> {
    let set = PatternSet::ecs_v1();
    let grok = Grok::compile(&set, "<%{POSINT:priority}>%{SYSLOGLINE}").unwrap();
    let mut spans = Spans::default();
    let Outcome::Match = grok.matches(line, &mut spans) else { return None };
    let get = |name: &str| {
        let mut found = grok.captures().iter().enumerate().filter(|(_, capture)| capture.field == name);
        found.find_map(|(at, _)| spans.get(at)).map(|span| line[span.0..span.1].to_owned())
    };
    Some(["timestamp", "[host][hostname]", "[process][name]", "[process][pid]", "message"].map(get))
}

proptest! {
    /// As Logstash's grok pattern reads it, where a message has all that RFC 3164 wants.
    #[test]
    fn as_logstash_reads_it(
        priority in 1..192_u16,
        month in "(Jan|Mar|Dec)",
        day in 1..31,
        host in "([a-z][a-z0-9-]{0,5}[a-z0-9](\\.[a-z0-9]{1,3})?|192\\.0\\.2\\.[1-9])",
        program in "[a-zA-Z%][a-z/.:_-]{0,6}[a-z]",
        pid in proptest::option::of(1..9999),
        text in "[ -~]{0,20}",
        has_program: bool,
    ) {
        let pid = pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        let program = if has_program { format!("{program}{pid}: ") } else { String::new() };
        let line = format!("<{priority}>{month} {day:>2} 10:20:30 {host} {program}{text}");
        let ours = parse(&line).unwrap();
        let part = |range: Option<std::ops::Range<usize>>| range.map(|range| line[range].to_owned());
        let ours = [part(ours.time.map(|(range, _)| range)), part(ours.host), part(ours.program), part(ours.process), part(Some(ours.text))];
        prop_assert_eq!(ours, twin(&line).unwrap());
    }

    /// Nothing that comes from outside is too much for it, and what is found lies in the line.
    #[test]
    fn any_text(line in "(<1>)?(1 )?[-\\[\\]\"\\\\<>=: a0é]{0,30}") {
        if let Some(found) = parse(&line) {
            for part in [found.host, found.program, found.process, found.kind, found.data, Some(found.text)].into_iter().flatten() {
                prop_assert!(line.get(part).is_some());
            }
        }
        let _ = (data(&line, |_| {}), Time::parse(&line));
    }

    /// However a stream is chopped, and however each message is framed, the messages are the same.
    #[test]
    fn messages_in_a_stream(
        messages in prop::collection::vec("<[1-9]>[ -~]{0,12}", 0..6),
        counted in prop::collection::vec(any::<bool>(), 6),
        sizes in prop::collection::vec(1_usize..9, 1..9),
    ) {
        let mut stream = String::new();
        for (message, counted) in messages.iter().zip(counted) {
            stream += &if counted { format!("{} {message}", message.len()) } else { format!("{message}\r\n") };
        }
        prop_assert_eq!(&framed(stream.as_bytes(), &sizes, 100), &messages);
        prop_assert_eq!(&framed(stream.as_bytes(), &[usize::MAX], 100), &messages);
    }

    /// Bytes of any kind are the same in any pieces.
    #[test]
    fn any_stream(stream in "[1-9]{0,3}( <|[0-9 <\r\n]){0,20}", sizes in prop::collection::vec(1_usize..9, 1..9), most in 1_usize..20) {
        prop_assert_eq!(framed(stream.as_bytes(), &sizes, most), framed(stream.as_bytes(), &[usize::MAX], most));
    }

    /// A year that is not said is the nearest.
    #[test]
    fn the_nearest_year(days in -170_i64..170, seconds in 0_i64..86_400) {
        let time = Timestamp::from_second(now().as_second() + days * 86_400 + seconds).unwrap();
        let text = TimeZone::UTC.to_datetime(time).strftime("%b %e %H:%M:%S").to_string();
        prop_assert_eq!(Time::parse(&text).unwrap().resolve(&TimeZone::UTC, now()), Some(time));
    }
}

/// The messages of a stream that comes in pieces of these sizes.
fn framed(stream: &[u8], sizes: &[usize], most: usize) -> Vec<String> {
    let mut frames =
        Framed::with_longest(decoder("plain { ecs_compatibility => disabled }", Framing::Messages), most);
    let mut out = Vec::new();
    let (mut rest, mut turn) = (stream, sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*turn.next().unwrap()));
        frames.decode(Bytes::copy_from_slice(piece), now(), &mut out);
        rest = after;
    }
    frames.flush(now(), &mut out);
    let text = |event: &Event| match event.get(&FieldRef::field("message")) {
        Some(ValueRef::Str(text)) => text.to_owned(),
        other => panic!("{other:?}"),
    };
    out.iter().map(text).collect()
}

#[test]
fn lines_that_begin_with_a_number_are_lines() {
    let stream = b"12 monkeys\n3 <1>5 <2>xx12345678 <3>\n\n7 <4>cut";
    assert_eq!(framed(stream, &[1], 100), ["12 monkeys", "<1>", "<2>xx", "12345678 <3>", "<4>cut"]);
    assert_eq!(framed(b"<1>abcdefgh\n", &[3], 5), ["<1>ab", "cdefg", "h"]);
}
