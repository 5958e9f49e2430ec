//! The `date` filter on one event, over and over.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot start should stop")]

use std::sync::Arc;

use alces_conf::{Escapes, Source, parse};
use alces_event::{Event, Timestamp};
use alces_filters::{Context, Disk, EcsMode, Program};
use bytestring::ByteString;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn program(filters: &str) -> Program {
    let source = Source::new("bench.conf", &format!("filter {{ {filters} }}"));
    let config = parse(&source, Escapes::Off).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let clock = Arc::new(move || now);
    let context = Context { source: &source, env: &|_| None, ecs: EcsMode::V8, clock, files: &Disk };
    Program::compile(&context, &config).unwrap()
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("date");
    group.throughput(Throughput::Elements(1));
    for (name, options, text) in [
        ("access log", r#""dd/MMM/yyyy:HH:mm:ss Z""#, "17/May/2015:10:05:03 +0000"),
        (
            "access log in a zone",
            r#""dd/MMM/yyyy:HH:mm:ss Z"] timezone => "Europe/Berlin""#,
            "17/May/2015:10:05:03 +0200",
        ),
        (
            "no offset, in a zone",
            r#""yyyy-MM-dd HH:mm:ss"] timezone => "Europe/Berlin""#,
            "2015-05-17 10:05:03",
        ),
        ("syslog, second format", r#""MMM dd HH:mm:ss", "MMM  d HH:mm:ss""#, "May  7 10:05:03"),
        ("ISO8601", r#""ISO8601""#, "2015-05-17T10:05:03.123Z"),
        ("UNIX_MS", r#""UNIX_MS""#, "1431857103250"),
    ] {
        let conf = match options.split_once("] ") {
            Some((formats, rest)) => format!(r#"date {{ match => ["message", {formats}] {rest} }}"#),
            None => format!(r#"date {{ match => ["message", {options}] }}"#),
        };
        let mut program = program(&conf);
        let mut event = Event::from_line(ByteString::from(text), Timestamp::UNIX_EPOCH);
        let mut more = Vec::new();
        group.bench_function(name, |b| b.iter(|| program.run(&mut event, &mut more)));
        assert!(event.timestamp() != Timestamp::UNIX_EPOCH, "{name} is read");
    }
    group.finish();
}

criterion_group!(date, benches);
criterion_main!(date);
