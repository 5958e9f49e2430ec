//! Grok against a real OpenSearch: every pattern of both sets in its grok processor (Joni, Ruby's dialect), capture by capture.

use alces_grok::{Grok, Outcome, PatternSet, Spans};
use serde_json::{Map, Value, json};

use crate::support::{engine::Engine, http, project};

/// The sample lines of the patterns; of each fourth also one with a character changed.
fn lines() -> Vec<String> {
    let text = std::fs::read_to_string(project().join("crates/grok/tests/data/lines.tsv")).unwrap();
    let rows = text.lines().skip(1).filter_map(|row| row.split_once('\t'));
    let mut lines: Vec<String> = rows.map(|(_, line)| line.replace("\\n", "\n")).collect();
    for at in (0..lines.len()).step_by(4) {
        let places: Vec<(usize, char)> = lines[at].char_indices().collect();
        let (place, c) = places[at * 7919 % places.len()];
        let mut line = lines[at].clone();
        line.replace_range(place..place + c.len_utf8(), ["", " ", "9", "é", ":", "-"][at % 6]);
        lines.push(line);
    }
    lines
}

/// What OpenSearch captures of each line; `null` where it does not match. Groups that took no part, and empty ones, are absent.
fn theirs(engine: &Engine, regex: &str, lines: &[String]) -> Vec<Value> {
    // `(?m)`: a dot matches a newline, as Logstash compiles its patterns.
    let grok = json!({"grok": {"field": "line", "patterns": [format!("(?m)(?<whole_match>{regex})")]}});
    let failed = json!({"set": {"field": "missed", "value": true}});
    let mut grok = grok;
    grok["grok"]["on_failure"] = json!([failed]);
    let docs: Vec<Value> = lines.iter().map(|line| json!({"_source": {"line": line}})).collect();
    let body = json!({"pipeline": {"processors": [grok]}, "docs": docs});
    let answer = http::post_json(&format!("{}/_ingest/pipeline/_simulate", engine.url), &body)
        .unwrap_or_else(|| panic!("no answer for {regex}"));
    let docs = answer["docs"].as_array().unwrap_or_else(|| panic!("{regex}: {answer}"));
    docs.iter()
        .map(|doc| {
            let source = &doc["doc"]["_source"];
            assert!(source.is_object(), "{regex}: {doc}");
            if source.get("missed").is_some() { Value::Null } else { source.clone() }
        })
        .collect()
}

fn ours(grok: &Grok, line: &str, spans: &mut Spans) -> Value {
    match grok.matches(line, spans) {
        Outcome::Match => {
            let mut captures = Map::new();
            captures.insert("line".to_owned(), line.into());
            for at in 0..grok.captures().len() {
                if let Some((start, end)) = spans.get(at) {
                    let name = if at == 0 { "whole_match".to_owned() } else { format!("g{}", at - 1) };
                    captures.insert(name, line[start..end].into());
                }
            }
            captures.into()
        }
        Outcome::NoMatch => Value::Null,
        Outcome::Exhausted => panic!("{} is exhausted by {line}", grok.regex()),
    }
}

#[test]
fn every_pattern_of_both_sets_captures_what_opensearch_captures() {
    let engine = Engine::shared_opensearch();
    let lines = lines();
    let (mut pairs, mut matches, mut wrong) = (0, 0, Vec::new());
    let mut spans = Spans::default();
    for set in [PatternSet::legacy(), PatternSet::ecs_v1()] {
        let mut names: Vec<&str> = set.names().collect();
        names.sort_unstable();
        for name in names {
            let inner = Grok::compile(&set, &format!("%{{{name}}}")).unwrap();
            let whole = Grok::compile(&set, &format!("%{{{name}:whole_match}}")).unwrap();
            let answers = theirs(engine, inner.regex(), &lines);
            for (line, theirs) in lines.iter().zip(answers) {
                pairs += 1;
                let ours = ours(&whole, line, &mut spans);
                matches += usize::from(!ours.is_null());
                if ours != theirs {
                    wrong.push(format!("{name} on {line:?}\n  ours   {ours}\n  theirs {theirs}"));
                }
            }
        }
    }
    println!("{pairs} pairs of a pattern and a line, {matches} matches, {} differences", wrong.len());
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    assert!(matches > 10_000, "{matches}");
}
