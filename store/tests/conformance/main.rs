//! The store beside a real OpenSearch 3.8: the same requests, the same answers; or the difference is known, has a reason, and stands in
//! `store/COMPATIBILITY.md`, which this test makes.
//!
//! For those who work on it: `ALCES_OPENSEARCH=http://host:9200` uses an engine that runs already, `ALCES_SCENARIO=aggs` runs the files whose
//! names contain the text, `ALCES_RANDOM=400` asks other random questions, and so many rounds of them, `UPDATE=1` writes the page anew.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test: its rooms share, and what is wrong ends it")]

mod compare;
mod engines;
mod page;
mod random;
mod script;
mod wishes;

#[path = "../common/mod.rs"]
mod common;

use compare::{Answer, at, compare};
use engines::{Engine, OpenSearch};
use script::Step;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use wishes::Wishes;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/scenarios")
}

/// The scenario files in the order of their names, as (name, steps).
fn scenarios() -> Vec<(String, Vec<Step>)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = files.iter().map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path));
    named.map(|(name, path)| (name, script::read(&std::fs::read_to_string(path).unwrap()))).collect()
}

/// An engine and what was saved of its answers.
struct Side<'a> {
    engine: &'a Engine,
    saved: HashMap<String, String>,
}

impl Side<'_> {
    fn send(&mut self, step: &Step) -> Answer {
        let (mut path, mut body) = (step.path.clone(), step.body.clone());
        for (name, value) in &self.saved {
            let place = format!("{{{{{name}}}}}");
            (path, body) = (path.replace(&place, value), body.replace(&place, value));
        }
        let mut answer = self.engine.send(&step.method, &path, &body);
        for (name, path) in &step.rules.save {
            at(&mut answer.body, path, &mut |value| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.saved.insert(name.clone(), text);
            });
        }
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_answers_as_opensearch_does_or_the_difference_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let server = common::start(&dir.path().join("store")).await;
    let ours = Engine::new(format!("http://{}", server.address));
    let folder = dir.path().join("opensearch");
    let report = tokio::task::spawn_blocking(move || {
        let wishes = Wishes::read();
        let theirs = OpenSearch::start(&folder, wishes.opensearch.clone());
        let mut problems = run(&theirs.engine, &ours, &wishes);
        if let Err(problem) = random::run(&theirs.engine, &ours, wishes.rounds) {
            problems.push(problem);
        }
        problems
    });
    let problems = report.await.unwrap();
    server.stop().await;
    assert!(problems.is_empty(), "\n{}\n{} requests differ", problems.join("\n"), problems.len());
}

/// The requests whose answers differ, each with what differs.
fn run(theirs: &Engine, ours: &Engine, wishes: &Wishes) -> Vec<String> {
    let only = &wishes.scenario;
    let mut problems = Vec::new();
    let mut requests = 0;
    let all = scenarios();
    for (name, steps) in
        all.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| name.contains(only.as_str())))
    {
        // Every scenario has names of its own, which start with the file's.
        for path in
            [format!("/{name}*"), format!("/_data_stream/{name}*"), format!("/_index_template/{name}*")]
        {
            theirs.send("DELETE", &path, "");
        }
        let mut there = Side { engine: theirs, saved: HashMap::new() };
        let mut here = Side { engine: ours, saved: HashMap::new() };
        for step in steps {
            let (theirs, ours) = (there.send(step), here.send(step));
            if step.rules.setup {
                assert!(
                    theirs.status < 300,
                    "{name}:{} is not taken by OpenSearch: {}",
                    step.line,
                    theirs.body
                );
                if ours.status >= 300 {
                    problems
                        .push(format!("{name}:{} {} {}: {}", step.line, step.method, step.path, ours.body));
                }
                continue;
            }
            requests += 1;
            let found = compare(&theirs, &ours, &step.rules);
            let place = format!("{name}:{} {} ({} {})", step.line, step.name, step.method, step.path);
            match (&step.rules.differs, found.is_empty()) {
                (None, false) => {
                    problems.push(format!("{place}\n    {}{}", found.join("\n    "), why(&theirs, &ours)));
                }
                (Some(_), true) => problems.push(format!("{place}\n    is said to differ, and does not")),
                _ => {}
            }
        }
    }
    println!("{requests} requests compared, {} differ", problems.len());
    if only.is_none() && problems.is_empty() {
        page::check(&all, wishes.update);
    }
    problems
}

/// The words of errors, which are not compared, but tell those who look why.
fn why(theirs: &Answer, ours: &Answer) -> String {
    let reason = |answer: &Answer| match &answer.body["error"] {
        Value::Null => None,
        error => Some(error["reason"].as_str().map_or_else(|| error.to_string(), str::to_owned)),
    };
    let mut text = String::new();
    for (who, answer) in [("there", theirs), ("here", ours)] {
        if let Some(reason) = reason(answer) {
            text += &format!("\n    ({who}: {reason})");
        }
    }
    text
}
