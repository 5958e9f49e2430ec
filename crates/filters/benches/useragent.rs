//! The `useragent` filter on lines whose agents have been seen, and a whole access line's filters.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot start should stop")]

use std::{io::Read as _, sync::Arc};

use alces_conf::{Escapes, Source, parse};
use alces_event::{Event, Timestamp};
use alces_filters::{Context, Disk, EcsMode, Program};
use bytestring::ByteString;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// As in the command itself.
#[global_allocator]
static ALLOCATOR: alces_allocator::Allocator = alces_allocator::Allocator;

const LINES: &[u8] = include_bytes!("../../../data/apache_access_10k.log.gz");

const GROK: &str = r#"grok { match => { "message" => "%{COMBINEDAPACHELOG}" } }"#;
const DATE: &str = r#"date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] }"#;
const USERAGENT: &str = r#"useragent { source => "[user_agent][original]" }"#;

fn program(filters: &str) -> Program {
    let source = Source::new("bench.conf", &format!("filter {{ {filters} }}"));
    let config = parse(&source, Escapes::Off).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let clock = Arc::new(move || now);
    let context = Context { source: &source, env: &|_| None, ecs: EcsMode::V8, clock, files: &Disk };
    Program::compile(&context, &config).unwrap()
}

fn lines() -> Vec<ByteString> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(LINES).read_to_string(&mut text).unwrap();
    text.lines().map(ByteString::from).collect()
}

fn run(program: &mut Program, events: Vec<Event>) -> Vec<Event> {
    let mut more = Vec::new();
    let mut events = events;
    for event in &mut events {
        program.run(event, &mut more).unwrap();
    }
    events
}

fn benches(c: &mut Criterion) {
    let lines = lines();
    let fresh: Vec<Event> =
        lines.iter().map(|line| Event::from_line(line.clone(), Timestamp::UNIX_EPOCH)).collect();
    let parsed = run(&mut program(GROK), fresh.clone());
    // A hundred events stay in the processor's caches, as they do in a pipeline's batch.
    let few = parsed[..100].to_vec();
    let mut program_of_few = program(USERAGENT);
    run(&mut program_of_few, few.clone());
    let mut group = c.benchmark_group("a batch");
    group.throughput(Throughput::Elements(few.len() as u64));
    group.bench_function("useragent, seen", |b| {
        b.iter_batched(|| few.clone(), |events| run(&mut program_of_few, events), BatchSize::SmallInput);
    });
    group.finish();
    let mut group = c.benchmark_group("access lines");
    group.throughput(Throughput::Elements(lines.len() as u64)).sample_size(20);
    for (name, filters, events) in [
        ("useragent, seen", USERAGENT.to_owned(), &parsed),
        ("grok", GROK.to_owned(), &fresh),
        ("grok, date", format!("{GROK} {DATE}"), &fresh),
        ("grok, date, useragent", format!("{GROK} {DATE} {USERAGENT}"), &fresh),
    ] {
        let mut program = program(&filters);
        run(&mut program, events.clone());
        group.bench_function(name, |b| {
            b.iter_batched(|| events.clone(), |events| run(&mut program, events), BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(useragent, benches);
criterion_main!(useragent);
