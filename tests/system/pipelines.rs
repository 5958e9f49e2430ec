//! The pipelines that are shipped: their golden cases, and what Filebeat's own ingest pipelines make of the same lines.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::support::{process::Process, project};

/// Fields that are Filebeat's own bookkeeping, or need what is not shipped.
const NOT_HELD: &[(&str, &str)] = &[
    ("event.module", "the dataset says it"),
    ("event.original", "ours is the input's business"),
    ("event.timezone", "an input of the case"),
    ("fileset.", "Filebeat's bookkeeping"),
    ("input.", "Filebeat's bookkeeping"),
    ("log.flags", "Filebeat's bookkeeping"),
    ("log.offset", "Filebeat's bookkeeping"),
    ("related.", "a copy of other fields"),
    ("service.type", "the dataset says it"),
    ("source.as.", "no database of networks is shipped"),
    ("source.geo.", "no database of places is shipped"),
];

/// Where ours differs on purpose: case, field, in how many events, and why.
const DIFFERENCES: &[(&str, &str, usize, &str)] = &[
    ("apache/error.log", "source.port", 1, "a number, theirs is text"),
    ("elasticsearch/server.log", "elasticsearch.node.name", 1, "an empty name is left out"),
    ("elasticsearch/server.log", "elasticsearch.server.gc.collection_duration.ms", 1, "stays in the message"),
    (
        "elasticsearch/server.log",
        "elasticsearch.server.gc.observation_duration.ms",
        1,
        "stays in the message",
    ),
    ("elasticsearch/server.log", "elasticsearch.server.gc.overhead_seq", 1, "a number, theirs is text"),
    ("elasticsearch/server.log", "elasticsearch.server.gc.young.one", 1, "a number, theirs is text"),
    ("elasticsearch/server.log", "elasticsearch.server.gc.young.two", 1, "a number, theirs is text"),
    ("elasticsearch/server.log", "message", 1, "theirs keeps the whole line for this one entry"),
    ("kafka/server.log", "kafka.log.component", 14, "left out where there is none, theirs says `unknown`"),
    ("mysql/error-5.5.log", "event.type", 2, "one type, theirs has `info` besides `error`"),
    ("mysql/slow-5.5.log", "event.duration", 14, "ours is mysql.slowlog.query_time.sec, in seconds"),
    ("mysql/slow-8.0.log", "event.duration", 2, "ours is mysql.slowlog.query_time.sec, in seconds"),
    (
        "mysql/slow-8.0.log",
        "mysql.thread_id",
        1,
        "a number, theirs is text where it stands in the second line",
    ),
    (
        "nginx/access-mixed.log",
        "nginx.access.remote_ip_list",
        4,
        "in the order of the line, theirs is sorted",
    ),
    ("nginx/access-mixed.log", "user_agent.version", 2, "theirs ends in a dot: `49.0.`"),
    ("nginx/access.log", "url.domain", 2, "ours is destination.domain alone"),
    ("nginx/access.log", "user_agent.version", 3, "theirs ends in a dot: `49.0.`"),
    ("system/auth.log", "event.category", 2, "one category, theirs has `session` besides"),
    ("system/auth.log", "event.type", 2, "one type, theirs has `group` and `user` besides"),
];

#[test]
fn every_shipped_pipeline_passes_its_golden_cases_and_a_strict_check() {
    let pipelines = project().join("pipelines");
    let mut test = Process::alces("test", &[pipelines.to_str().unwrap()]);
    let code = test.finish().code();
    let text = test.lines().join("\n");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("16 cases, 0 differ"), "{text}");
    for file in fs::read_dir(pipelines).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "conf") {
            let mut check = Process::alces("check", &["--strict", file.to_str().unwrap()]);
            assert!(check.finish().success(), "{}", check.lines().join("\n"));
        }
    }
}

#[test]
fn what_comes_is_what_filebeat_makes_of_the_same_lines_but_where_it_is_said() {
    let (mut held, mut found) = (0, BTreeMap::new());
    for folder in fs::read_dir(project().join("pipelines")).unwrap().map(|entry| entry.unwrap().path()) {
        let Some(name) = folder.file_name().and_then(|n| n.to_str()?.strip_suffix(".cases")) else {
            continue;
        };
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let Some(log) = file.file_name().and_then(|n| n.to_str()?.strip_suffix(".filebeat.json")) else {
                continue;
            };
            let case = format!("{name}/{log}");
            let theirs = events(&file);
            let ours = events(&folder.join(format!("{log}-expected.json")));
            // Of the longest file Filebeat's answers end after a hundred events.
            assert!(ours.len() == theirs.len() || theirs.len() == 100, "{case}: {} events", ours.len());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let Value::Object(theirs) = theirs else { panic!("{case}: an event is an object") };
                for (field, expected) in theirs {
                    if NOT_HELD.iter().any(|(prefix, _)| field.starts_with(prefix)) {
                        continue;
                    }
                    held += 1;
                    let pointer = format!("/{}", field.replace('.', "/"));
                    if !same(field, ours.pointer(&pointer), expected) {
                        *found.entry((case.clone(), field.clone())).or_insert(0) += 1;
                    }
                }
            }
        }
    }
    let explained: BTreeMap<_, _> = DIFFERENCES
        .iter()
        .map(|(case, field, events, _)| (((*case).to_owned(), (*field).to_owned()), *events))
        .collect();
    assert_eq!(found, explained);
    println!("{held} fields held against Filebeat's, {} differ as said", explained.values().sum::<usize>());
    assert!(held > 1800, "only {held} fields were held");
}

/// The events of a file, without those that a filter dropped.
fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    all.into_iter().filter(|event| !event.is_null()).collect()
}

/// A list of one is its item, and a time is a moment, however it is written.
fn same(field: &str, ours: Option<&Value>, theirs: &Value) -> bool {
    let theirs = match theirs {
        Value::Array(items) if items.len() == 1 => &items[0],
        other => other,
    };
    let ours = match ours {
        Some(Value::Array(items)) if items.len() == 1 => &items[0],
        Some(other) => other,
        None => return false,
    };
    if ["@timestamp", "event.start", "event.end"].contains(&field) {
        let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        return moment(ours) == moment(theirs);
    }
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => ours == theirs,
    }
}
