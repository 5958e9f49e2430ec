//! The built-in sets have Logstash's names, all of them and no others, and each name captures what Logstash's does.

use std::collections::{BTreeMap, BTreeSet};

use alces_grok::{Cast, Grok, PatternSet};

/// Set, pattern, and the fields it captures in order of appearance, each once.
const CAPTURES: &str = include_str!("data/captures.tsv");

/// In `CISCOFW302013_302014_302015_302016` of ecs-v1 a bracket lacks, so that it is no field's name. Ours has the bracket.
const BROKEN: (&str, &str) = ("[source][user][name ", "[source][user][name] ");

fn rows(set: &str) -> BTreeMap<&'static str, &'static str> {
    CAPTURES
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split('\t');
            (columns.next() == Some(set))
                .then(|| (columns.next().unwrap_or_default(), columns.next().unwrap_or_default()))
        })
        .collect()
}

fn captures(set: &PatternSet, name: &str) -> String {
    let grok = match Grok::compile(set, &format!("%{{{name}}}")) {
        Ok(grok) => grok,
        Err(error) => return error.to_string(),
    };
    let mut fields: Vec<String> = Vec::new();
    for capture in grok.captures() {
        let cast = match capture.cast {
            Cast::None => "",
            Cast::Int => ":int",
            Cast::Float => ":float",
        };
        let field = format!("{}{cast}", capture.field);
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields.join(" ")
}

fn check(name: &str, set: &PatternSet, count: usize) {
    let rows = rows(name);
    assert_eq!(rows.len(), count);
    let (ours, theirs): (BTreeSet<&str>, BTreeSet<&str>) =
        (set.names().collect(), rows.keys().copied().collect());
    assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), Vec::<&&str>::new(), "names of ours alone");
    assert_eq!(theirs.difference(&ours).collect::<Vec<_>>(), Vec::<&&str>::new(), "names that lack");
    let differ: Vec<String> = rows
        .iter()
        .map(|(pattern, fields)| (pattern, fields.replace(BROKEN.0, BROKEN.1), captures(set, pattern)))
        .filter(|(_, fields, ours)| fields != ours)
        .map(|(pattern, fields, ours)| format!("{pattern}\n  theirs {fields}\n  ours   {ours}"))
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn legacy_has_logstashs_names_and_captures() {
    check("legacy", &PatternSet::legacy(), 317);
}

#[test]
fn ecs_v1_has_logstashs_names_and_captures() {
    check("ecs-v1", &PatternSet::ecs_v1(), 361);
}
