//! Deploys on the time axis: those that were told of, and those that a change of the version field shows.

use serde_json::{Value, json};

use super::answers::Answers;
use super::context::Context;
use super::plan::{Place, Plan, Shape};
use crate::board::Source;
use crate::chart::Mark;
use crate::fields::Idea;

/// More marks than this hide the chart.
const MOST: usize = 40;

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
    // A bucket's version is the one that most of its lines carry, so that a roll-back is a change like any other.
    let versions = context.logs.best(Idea::Version).map(|field| {
        let query = context.dsl(Source::Logs, &super::context::parsed("version:*"));
        let shape = Shape::OverTime(context.range.step());
        let agg = json!({"terms": {"field": field.name, "size": 1}});
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

fn changes(times: &[i64], columns: &[Option<&Value>]) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut last: Option<&str> = None;
    for (at, column) in times.iter().zip(columns) {
        let Some(version) = column.and_then(|c| c["buckets"][0]["key"].as_str()) else { continue };
        if last.is_some_and(|last| last != version) {
            marks.push(Mark { at: *at, label: clip(version) });
        }
        last = Some(version);
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
    fn a_roll_back_is_a_change_and_a_silent_bucket_is_none() {
        let of = |v: &str| json!({"buckets": [{"key": v, "doc_count": 9}]});
        let (a, b) = (of("1.0"), of("1.1"));
        let columns = [Some(&a), None, Some(&a), Some(&b), Some(&b), Some(&a)];
        let marks = changes(&[0, 1, 2, 3, 4, 5], &columns);
        let marks: Vec<_> = marks.iter().map(|m| (m.at, m.label.as_str())).collect();
        assert_eq!(marks, [(3, "1.1"), (5, "1.0")]);
    }
}
