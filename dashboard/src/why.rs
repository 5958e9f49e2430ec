//! “Why?”: what differs between these lines and those before, ranked.
//!
//! For each field that tells requests, hosts and programs apart, the share of each value among the selected lines is compared with its
//! share before. What weighs most is a value's part in the divergence of the two distributions (Kullback and Leibler 1951):
//! `p · log₂(p / q)`; a value that was rare and is now frequent comes first, one that is as frequent as ever last.

use serde_json::{Value, json};

use crate::board::Source;
use crate::query::Query;
use crate::view::answers::Answers;
use crate::view::context::Context;
use crate::view::plan::{Place, Plan, Shape, Span};

/// The words that are compared, in the order in which equals are shown.
const DIMENSIONS: [&str; 16] = [
    "status", "error", "url", "host", "version", "upstream", "vhost", "service", "method", "level", "cache_status", "country",
    "client", "user_agent", "device", "dataset",
];
/// Values that are asked of each field.
const VALUES: usize = 30;
/// Differences that are shown.
const SHOWN: usize = 12;

/// One difference. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// The search word of its field.
    pub(crate) field: &'static str,
    pub(crate) value: String,
    /// Lines with this value among those selected.
    pub(crate) count: u64,
    pub(crate) share: f64,
    pub(crate) before: f64,
    /// Bits of surprise.
    pub(crate) weight: f64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// Lines selected, and lines compared with.
    pub(crate) lines: (u64, u64),
    pub(crate) differences: Vec<Difference>,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    totals: [Place; 2],
    fields: Vec<(&'static str, Place, Place)>,
}

/// Asks for the values of all fields that exist, in both spans.
pub(crate) fn plan(context: &Context<'_>, before: Span, plan: &mut Plan) -> Wanted {
    let all = context.dsl(Source::Logs, context.also);
    let at = |span| (Source::Logs, span, &all, Shape::Total);
    let count = json!({"value_count": {"field": "@timestamp"}});
    let totals = [context.span(), before].map(|span| plan.raw(at(span), count.clone()));
    let mut fields = Vec::new();
    for word in DIMENSIONS {
        let Some(field) = context.logs.word(word) else { continue };
        let agg = json!({"terms": {"field": field.name, "size": VALUES}});
        fields.push((word, plan.raw(at(context.span()), agg.clone()), plan.raw(at(before), agg)));
    }
    Wanted { totals, fields }
}

/// Ranks what came back.
///
/// # Errors
/// The backend's reason for having no answer.
pub(crate) fn read(wanted: &Wanted, answers: &Answers) -> Result<Found, String> {
    let [now, before] = wanted.totals.map(|p| answers.raw(p).map(|v| v["value"].as_u64().or_else(|| v["value"].as_f64().map(|f| f as u64)).unwrap_or(0)));
    let lines = (now?, before?);
    let mut differences = Vec::new();
    for (word, now, before) in &wanted.fields {
        differences.extend(compare(word, &values(answers.raw(*now)?), &values(answers.raw(*before)?), lines));
    }
    differences.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    differences.truncate(SHOWN);
    Ok(Found { lines, differences })
}

fn values(agg: &Value) -> Vec<(String, u64)> {
    let value = |b: &Value| {
        let label = b["key_as_string"].as_str().map(str::to_owned).or_else(|| match &b["key"] {
            Value::String(s) => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        })?;
        Some((label, b["doc_count"].as_u64()?))
    };
    agg["buckets"].as_array().map_or_else(Vec::new, |b| b.iter().filter_map(value).collect())
}

fn compare(
    field: &'static str,
    now: &[(String, u64)],
    before: &[(String, u64)],
    (total, total_before): (u64, u64),
) -> Vec<Difference> {
    if total == 0 {
        return Vec::new();
    }
    let one = |(value, count): &(String, u64)| {
        let old = before.iter().find(|(v, _)| v == value).map_or(0, |(_, n)| *n);
        let share = *count as f64 / total as f64;
        let was = old as f64 / total_before.max(1) as f64;
        // Half a line more on both sides: what was never seen is rare, not impossible.
        let smooth = (old as f64 + 0.5) / (total_before as f64 + 1.0);
        let weight = share * (share / smooth).log2();
        // Few lines show nothing, and a hair's breadth is none.
        (*count >= 3 && weight > 0.02).then(|| Difference {
            field,
            value: value.clone(),
            count: *count,
            share,
            before: was,
            weight,
        })
    };
    now.iter().filter_map(one).collect()
}

/// The search that narrows `search` down to a difference.
pub(crate) fn narrowed(search: &Query, difference: &Difference) -> Query {
    search.clone().and(Query::exactly(difference.field, &difference.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, u64)]) -> Vec<(String, u64)> {
        values.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect()
    }

    #[test]
    fn what_was_rare_and_is_frequent_comes_first() {
        let found = compare(
            "url",
            &of(&[("/pay", 60), ("/", 30), ("/new", 10)]),
            &of(&[("/", 900), ("/pay", 100)]),
            (100, 1000),
        );
        let rows: Vec<_> = found.iter().map(|d| (d.value.as_str(), d.share, d.before)).collect();
        assert_eq!(rows, [("/pay", 0.6, 0.1), ("/new", 0.1, 0.0)]);
        assert!(found[0].weight > found[1].weight);
    }

    #[test]
    fn two_lines_are_no_cause_and_as_ever_is_no_difference() {
        assert!(compare("host", &of(&[("a", 2)]), &[], (2, 100)).is_empty());
        assert!(compare("host", &of(&[("a", 50), ("b", 50)]), &of(&[("a", 505), ("b", 495)]), (100, 1000)).is_empty());
        assert!(compare("host", &[], &[], (0, 0)).is_empty());
    }
}
