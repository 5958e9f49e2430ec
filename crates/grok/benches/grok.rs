//! What a line costs: `cargo bench -p alces-grok`. Times are for **all lines** of an input, `thrpt` is lines a second; ours, and the
//! `grok` crate (Oniguruma) in the same run. Captures only: no event is built.

#![allow(clippy::unwrap_used, reason = "a bench that cannot read its input should stop")]

use std::{
    collections::HashMap,
    hint::black_box,
    io::{BufRead as _, BufReader},
};

use alces_grok::{Grok, ListOutcome, Outcome, PatternList, PatternSet, Spans};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The real access log, 10,000 lines.
fn access() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/apache_access_10k.log.gz");
    let file = std::fs::File::open(path).unwrap();
    BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(Result::unwrap).collect()
}

/// The same requests without their last quote: they match nearly to the end.
fn cut(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.trim_end_matches('"').to_owned()).collect()
}

/// Lines of another program altogether.
fn foreign() -> Vec<String> {
    let line = |n: usize| {
        format!(
            "2026-01-02 10:00:{:02},123 INFO worker-{n} - Processed job {} in {} ms for queue default, attempt 1 of 3",
            n % 60,
            n * 77,
            n % 977
        )
    };
    (0..1000).map(line).collect()
}

fn syslog() -> Vec<String> {
    let line = |n: usize| {
        let program = ["sshd", "CRON", "systemd", "kernel", "postfix/smtpd"][n % 5];
        format!(
            "Feb {:2} {:02}:{:02}:{:02} web{} {program}[{}]: Accepted publickey for deploy from 10.0.2.{} port {} ssh2",
            n % 28 + 1,
            n % 24,
            n % 60,
            n * 7 % 60,
            n % 12,
            1000 + n,
            n % 256,
            20000 + n
        )
    };
    (0..1000).map(line).collect()
}

fn haproxy() -> Vec<String> {
    let line = |n: usize| {
        format!(
            "Sep 20 15:44:{:02} 127.0.0.1 haproxy[25457]: 127.0.0.{}:{} [20/Sep/2014:15:44:23.285] loadbalancer \
             default/instance{} 0/0/1/{}/{} 200 {} - - ---- {}/8/0/0/0 0/0 \"GET /tickets/{}/comments?page=2 HTTP/1.1\"",
            n % 60,
            n % 256,
            39000 + n,
            n % 8,
            n % 97,
            n % 97 + 1,
            287 + n * 13,
            n % 30,
            n * 31
        )
    };
    (0..1000).map(line).collect()
}

/// The last one is for the lines of [`syslog`].
const TEN: [&str; 10] = [
    "^%{TIMESTAMP_ISO8601:at} %{LOGLEVEL:level} +%{NOTSPACE:logger} - %{GREEDYDATA:text}$",
    r#"^%{IPORHOST:client} \S+ \S+ \[%{HTTPDATE:at}\] "%{WORD:verb} %{NOTSPACE:request} HTTP/%{NUMBER:version}" %{INT:status}"#,
    "ticket %{INT:ticket} moved from %{WORD:from} to %{WORD:to}",
    "slow query: %{NUMBER:seconds}s %{GREEDYDATA:query}",
    r"\[%{HTTPDERROR_DATE:at}\] \[%{LOGLEVEL:level}\] %{GREEDYDATA:text}",
    "user=%{USER:user} action=%{WORD:action} result=%{WORD:result}",
    "PHP (?:Warning|Notice|Fatal error): +%{DATA:text} in %{UNIXPATH:file} on line %{INT:line}",
    "Exception '%{DATA:class}' with message '%{DATA:text}' in %{GREEDYDATA:at}",
    r"%{SYSLOGBASE} connect from %{HOSTNAME:peer}\[%{IP:ip}\]",
    "%{SYSLOGBASE} Accepted %{WORD:how} for %{USER:user} from %{IP:ip} port %{INT:port}",
];

fn compare(criterion: &mut Criterion, name: &str, pattern: &str, lines: &[String]) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(lines.len() as u64));
    for (kind, set) in [("legacy", PatternSet::legacy()), ("ecs-v1", PatternSet::ecs_v1())] {
        let Ok(grok) = Grok::compile(&set, pattern) else { continue };
        let mut spans = Spans::default();
        group.bench_function(format!("alces {kind}"), |bencher| {
            each(bencher, lines, |line| black_box(grok.matches(line, &mut spans)) == Outcome::Match);
        });
    }
    let theirs = grok::Grok::with_default_patterns().compile(pattern, true).unwrap();
    group.bench_function("grok crate", |bencher| {
        each(bencher, lines, |line| match theirs.match_against(line) {
            Some(found) => found.iter().all(|(_, value)| black_box(value).len() < 100_000),
            None => false,
        });
    });
    group.bench_function("grok crate, with its map", |bencher| {
        each(bencher, lines, |line| match theirs.match_against(line) {
            Some(found) => !black_box(found.collect::<HashMap<_, _>>()).is_empty(),
            None => false,
        });
    });
    group.finish();
}

/// Times all lines, one after another.
fn each(bencher: &mut criterion::Bencher<'_>, lines: &[String], mut run: impl FnMut(&str) -> bool) {
    bencher.iter(|| lines.iter().filter(|line| run(line)).count());
}

/// A list of ten patterns, the last of which matches.
fn ten(criterion: &mut Criterion, lines: &[String]) {
    let mut group = criterion.benchmark_group("ten patterns, the last matches");
    group.throughput(Throughput::Elements(lines.len() as u64));
    for (kind, set) in [("legacy", PatternSet::legacy()), ("ecs-v1", PatternSet::ecs_v1())] {
        let groks = TEN.iter().map(|pattern| Grok::compile(&set, pattern).unwrap()).collect();
        let list = PatternList::new(groks);
        let mut spans = Spans::default();
        group.bench_function(format!("alces {kind}"), |bencher| {
            each(bencher, lines, |line| {
                black_box(list.first_match(line, &mut spans)) == ListOutcome::Match(9)
            });
        });
    }
    let set = grok::Grok::with_default_patterns();
    let theirs: Vec<_> = TEN.iter().map(|pattern| set.compile(pattern, true).unwrap()).collect();
    group.bench_function("grok crate", |bencher| {
        each(bencher, lines, |line| match theirs.iter().find_map(|one| one.match_against(line)) {
            Some(found) => found.iter().all(|(_, value)| black_box(value).len() < 100_000),
            None => false,
        });
    });
    group.bench_function("grok crate, with its map", |bencher| {
        each(bencher, lines, |line| match theirs.iter().find_map(|one| one.match_against(line)) {
            Some(found) => !black_box(found.collect::<HashMap<_, _>>()).is_empty(),
            None => false,
        });
    });
    group.finish();
}

/// A pipeline that is loaded: a hundred patterns which are made of the same parts, mostly.
fn load(criterion: &mut Criterion) {
    let patterns: Vec<String> =
        (0..100).map(|at| format!("%{{COMBINEDAPACHELOG}} %{{NUMBER:n{at}}}")).collect();
    let set = PatternSet::ecs_v1();
    criterion.bench_function("100 patterns compiled", |b| {
        b.iter(|| patterns.iter().map(|pattern| Grok::compile(&set, pattern).unwrap()).collect::<Vec<_>>());
    });
}

fn benchmarks(criterion: &mut Criterion) {
    let access = access();
    compare(criterion, "COMBINEDAPACHELOG", "%{COMBINEDAPACHELOG}", &access);
    compare(criterion, "COMBINEDAPACHELOG without the last quote", "%{COMBINEDAPACHELOG}", &cut(&access));
    compare(criterion, "COMBINEDAPACHELOG on another program's lines", "%{COMBINEDAPACHELOG}", &foreign());
    compare(criterion, "SYSLOGLINE", "%{SYSLOGLINE}", &syslog());
    compare(criterion, "HAPROXYHTTP", "%{HAPROXYHTTP}", &haproxy());
    ten(criterion, &syslog());
    load(criterion);
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
