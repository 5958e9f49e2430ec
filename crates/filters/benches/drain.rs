//! The `drain` filter on lines, over and over: what it costs to find a pattern that is known, among how many.

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

const SYSLOG: &str =
    "May 17 10:05:03 host sshd[4711]: Failed password for invalid user admin from 10.0.0.1 port 52413 ssh2";
const APP: &str = "request=6f1d2c3b-aaaa-4bbb-8ccc-0123456789ab user=amy path=/api/orders/17 status=200 took 12.5ms in 3 queries";

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("drain");
    for (name, text, others) in
        [("syslog", SYSLOG, 0), ("application", APP, 0), ("application, 1000 patterns", APP, 999)]
    {
        group.throughput(Throughput::Elements(1));
        let mut program = program("drain { }");
        let mut more = Vec::new();
        let event = |text: &str| Event::from_line(ByteString::from(text), Timestamp::UNIX_EPOCH);
        // Patterns of letters alone that share their first word and their number of words with the line.
        for i in 0..others {
            let word: String = format!("{i:03}").bytes().map(|b| char::from(b - b'0' + b'a')).collect();
            program
                .run(&mut event(&format!("request=<uuid>{}", format!(" {word}").repeat(8))), &mut more)
                .unwrap();
        }
        let event = event(text);
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut event = event.clone();
                program.run(&mut event, &mut more).unwrap();
                event
            });
        });
    }
    group.finish();
}

criterion_group!(drain, benches);
criterion_main!(drain);
