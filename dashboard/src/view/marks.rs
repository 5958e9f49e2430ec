//! Deploys on the time axis: those that were told of, and those that a change of the version field shows.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::answers::Answers;
use super::context::Context;
use super::plan::{Place, Plan, Shape};
use crate::board::Source;
use crate::chart::Mark;
use crate::fields::Idea;

/// More marks than this hide the chart.
const MOST: usize = 40;

/// Versions of a bucket that are looked at.
const VERSIONS: usize = 5;
/// Buckets with lines in which a version was not seen, after which its lines are a change.
const ABSENT: usize = 5;

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    told: usize,
    versions: Option<Place>,
}

/// Asks for events and versions.
pub(crate) fn plan(context: &Context<'_>, plan: &mut Plan) -> Wanted {
    let all = json!({"match_all": {}});
    let told = plan.lines((Source::Events, context.span(), &all), MOST, &["@timestamp", "message", "title"]);
    let versions = context.logs.best(Idea::Version).map(|field| {
        let query = context.dsl(Source::Logs, &super::context::parsed("version:*"));
        let shape = Shape::OverTime(context.range.step());
        let agg = json!({"terms": {"field": field.name, "size": VERSIONS}});
        plan.raw((Source::Logs, context.whole(), &query, shape), agg)
    });
    Wanted { told, versions }
}

/// The marks, in order of time. An answer that failed costs its marks, not the page.
pub(crate) fn read(wanted: &Wanted, context: &Context<'_>, answers: &Answers) -> Vec<Mark> {
    let mut marks = Vec::new();
    if let Ok(answer) = answers.whole(wanted.told) {
        for hit in answer["hits"]["hits"].as_array().map_or(&[][..], |h| h) {
            let text = |name: &str| hit["_source"][name].as_str();
            let at = text("@timestamp").and_then(|t| t.parse::<jiff::Timestamp>().ok());
            if let Some(at) = at {
                let label = text("title").or_else(|| text("message")).unwrap_or("event");
                marks.push(Mark { at: at.as_millisecond(), label: clip(label) });
            }
        }
    }
    let columns = wanted.versions.and_then(|v| answers.raw_over_time(v, &context.times).ok());
    marks.extend(changes(&context.times, &columns.unwrap_or_default()));
    marks.sort_by_key(|m| m.at);
    marks.truncate(MOST);
    marks
}

/// A version that comes up, after it was not there for a while: new, or rolled back to.
fn changes(times: &[i64], columns: &[Option<&Value>]) -> Vec<Mark> {
    let mut marks = Vec::new();
    // For each version the last bucket with lines, counted among those, in which it was seen.
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut buckets = 0;
    for (at, column) in times.iter().zip(columns) {
        let versions = column.and_then(|c| c["buckets"].as_array()).map_or(&[][..], |b| b);
        let versions: Vec<&str> = versions.iter().filter_map(|b| b["key"].as_str()).collect();
        if versions.is_empty() {
            continue;
        }
        buckets += 1;
        for version in versions {
            let before = seen.insert(version, buckets);
            if buckets > 1 && before.is_none_or(|b| buckets - b > ABSENT) {
                marks.push(Mark { at: *at, label: clip(version) });
            }
        }
    }
    marks
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_version_and_a_roll_back_are_marked_and_silence_is_not() {
        let of = |versions: &[&str]| json!({"buckets": versions.iter().map(|v| json!({"key": v})).collect::<Vec<_>>()});
        let (a, b, both) = (of(&["1.0"]), of(&["1.1"]), of(&["1.0", "1.1"]));
        let mut columns = vec![Some(&a), None, Some(&a), Some(&both), Some(&a), Some(&both)];
        columns.extend([Some(&b); 8]);
        columns.push(Some(&a));
        let times: Vec<i64> = (0..columns.len() as i64).collect();
        let marks = changes(&times, &columns);
        let marks: Vec<_> = marks.iter().map(|m| (m.at, m.label.as_str())).collect();
        assert_eq!(marks, [(3, "1.1"), (14, "1.0")]);
    }
}
