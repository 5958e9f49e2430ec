//! The `redact` filter on one event, over and over: what it costs where there is nothing to find.

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

const ACCESS: &str = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /presentations/logstash-monitorama-2013/images/kibana-search.png HTTP/1.1" 200 203023 "http://semicomplete.com/presentations/logstash-monitorama-2013/" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36""#;

const SYSLOG: &str =
    "May 17 10:05:03 host sshd[4711]: Failed password for invalid user admin from 10.0.0.1 port 52413 ssh2";

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("redact");
    for (name, options, text, finds) in [
        ("access log", "", ACCESS, false),
        ("syslog", "", SYSLOG, false),
        ("access log, address", r#"kinds => ["ipv4", "ipv6"]"#, ACCESS, true),
        ("mail", "", "to alice@example.com, 4111 1111 1111 1111", true),
        ("mail, hashed", r#"method => hash key => "k""#, "to alice@example.com, 4111 1111 1111 1111", true),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let mut program = program(&format!("redact {{ {options} }}"));
        let mut more = Vec::new();
        let event = Event::from_line(ByteString::from(text), Timestamp::UNIX_EPOCH);
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut event = event.clone();
                program.run(&mut event, &mut more).unwrap();
                event
            });
        });
        let mut event = event.clone();
        program.run(&mut event, &mut more).unwrap();
        assert_eq!(event.has_tag("redacted"), finds, "{name}");
    }
    group.finish();
}

criterion_group!(redact, benches);
criterion_main!(redact);
