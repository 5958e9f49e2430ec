//! “Why?”: what differs between these lines and those before, ranked.
//!
//! For each field that tells requests, hosts and programs apart, the share of each value among the selected lines is compared with its
//! share before. What weighs most is a value's part in the divergence of the two distributions (Kullback and Leibler 1951):
//! `p · log₂(p / q)`; a value that was rare and is now frequent comes first, one that is as frequent as ever last.
//!
//! Errors are few before they are many, and the shares of few lines are chance. So before, a value counts as if there had been twenty
//! more lines like the rest of the traffic: with many lines before, that changes nothing. The same is done with the patterns of the newest
//! thousand lines of each set.

use serde_json::{Value, json};

use crate::board::Source;
use crate::query::{self, Query};
use crate::view::answers::Answers;
use crate::view::context::Context;
use crate::view::plan::{Place, Plan, Shape, Span};
use crate::view::{lines, patterns, rows};

/// The words that are compared, in the order in which equals are shown.
const DIMENSIONS: [&str; 16] = [
    "status",
    "error",
    "url",
    "host",
    "version",
    "upstream",
    "vhost",
    "service",
    "method",
    "level",
    "cache_status",
    "country",
    "client",
    "user_agent",
    "device",
    "dataset",
];
/// Values that are asked of each field.
const VALUES: usize = 30;
/// So many lines like all others are added to those before.
const PRIOR: f64 = 20.0;
/// Differences that are shown.
const SHOWN: usize = 12;

/// One difference. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// The search word of its field, or `pattern`.
    pub(crate) field: &'static str,
    pub(crate) value: String,
    /// What finds its lines, beside the selection's own search.
    pub(crate) search: Query,
    /// Lines with this value among those selected.
    pub(crate) count: u64,
    pub(crate) share: f64,
    /// Among the lines before that the same search finds.
    pub(crate) before: f64,
    /// Among all lines before.
    pub(crate) usual: f64,
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
    /// The selection, what was like it before, and everything before.
    totals: [Place; 3],
    fields: Vec<(&'static str, [Place; 3])>,
    /// The searches for the newest lines of each, for their patterns.
    lines: [usize; 3],
    /// Whether the visitor may see the text of lines.
    alike: bool,
}

/// Asks for the values of all fields that exist, in both spans.
pub(crate) fn plan(context: &Context<'_>, before: Span, plan: &mut Plan) -> Wanted {
    let selected = context.dsl(Source::Logs, context.also);
    let everything = json!({"match_all": {}});
    let sets = [(context.span(), &selected), (before, &selected), (before, &everything)];
    let mut ask = |agg: Value| {
        sets.map(|(span, query)| plan.raw((Source::Logs, span, query, Shape::Total), agg.clone()))
    };
    let totals = ask(json!({"value_count": {"field": "@timestamp"}}));
    // That lines with a status have that status explains nothing.
    let named = context.also.fields();
    let mut fields = Vec::new();
    for word in DIMENSIONS {
        let Some(field) =
            context.logs.word(word).filter(|f| !named.contains(&word) && !named.contains(&f.name.as_str()))
        else {
            continue;
        };
        fields.push((word, ask(json!({"terms": {"field": field.name, "size": VALUES}}))));
    }
    let mut sample =
        |(span, query)| plan.lines((Source::Logs, span, query), patterns::SAMPLE, &patterns::fields());
    // In the order in which patterns meet: what is usual first.
    let lines = [sample(sets[2]), sample(sets[1]), sample(sets[0])];
    let alike = context.sight.mask.as_ref().is_none_or(|mask| !mask.hides_lines());
    Wanted { totals, fields, lines, alike }
}

/// Ranks what came back.
///
/// # Errors
/// The backend's reason for having no answer.
pub(crate) fn read(wanted: &Wanted, answers: &Answers) -> Result<Found, String> {
    let count = |place| answers.raw(place).map(|v| v["value"].as_f64().unwrap_or(0.0) as u64);
    let [now, before, all] = wanted.totals;
    let totals = [count(now)?, count(before)?, count(all)?];
    let mut differences = Vec::new();
    for (word, [now, before, all]) in &wanted.fields {
        let sets = [values(answers.raw(*now)?), values(answers.raw(*before)?), values(answers.raw(*all)?)];
        differences.extend(compare(word, &sets, totals));
    }
    if wanted.alike {
        differences.extend(lines_alike(wanted, answers, totals[0])?);
    }
    differences.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    differences.truncate(SHOWN);
    Ok(Found { lines: (totals[0], totals[1]), differences })
}

fn values(agg: &Value) -> Vec<(String, u64)> {
    let value = |b: &Value| Some((rows::label(b)?, b["doc_count"].as_u64()?));
    agg["buckets"].as_array().map_or_else(Vec::new, |b| b.iter().filter_map(value).collect())
}

/// A field's values in the selection, in what was like it before, and in everything before, with the numbers of lines of each.
fn compare(
    field: &'static str,
    [now, before, all]: &[Vec<(String, u64)>; 3],
    totals: [u64; 3],
) -> Vec<Difference> {
    let of = |set: &[(String, u64)], value: &str| {
        set.iter().find(|(v, _)| v == value).map_or(0, |(_, n)| *n) as f64
    };
    let [total, total_before, total_all] = totals.map(|t| t.max(1) as f64);
    let one = |(value, count): &(String, u64)| {
        let share = *count as f64 / total;
        let old = of(before, value);
        // Half a line more: what was never seen is rare, not impossible.
        let usual = (of(all, value) + 0.5) / (total_all + 1.0);
        let expected = (old + PRIOR * usual) / (totals[1] as f64 + PRIOR);
        let weight = share * (share / expected).log2();
        // Few lines show nothing, and a hair's breadth is none.
        (*count >= 3 && weight > 0.05).then(|| Difference {
            field,
            value: value.clone(),
            search: Query::exactly(field, value),
            count: *count,
            share,
            before: old / total_before,
            usual: of(all, value) / total_all,
            weight,
        })
    };
    now.iter().filter_map(one).collect()
}

/// What differs in the patterns of the lines, as far as the newest of each set tell.
fn lines_alike(wanted: &Wanted, answers: &Answers, total: u64) -> Result<Vec<Difference>, String> {
    let mut samples = Vec::new();
    for search in wanted.lines {
        samples.push(lines::of(answers.whole(search)?).lines);
    }
    let clusters = patterns::cluster(&samples.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let set = |i: usize| {
        clusters.iter().map(|c| (c.text(), c.counts[i])).filter(|(_, n)| *n > 0).collect::<Vec<_>>()
    };
    let sets = [set(2), set(1), set(0)];
    let sizes = [samples[2].len(), samples[1].len(), samples[0].len()].map(|n| n as u64);
    let mut found = compare("pattern", &sets, sizes);
    for difference in &mut found {
        // Of a sample, the share of all.
        difference.count = (difference.share * total as f64).round() as u64;
        let phrase = clusters.iter().find(|c| c.text() == difference.value).map(patterns::Cluster::phrase);
        difference.search =
            phrase.and_then(|p| query::parse(&format!("{p:?}")).ok()).unwrap_or_else(Query::everything);
    }
    Ok(found)
}

/// The search that narrows `search` down to a difference.
pub(crate) fn narrowed(search: &Query, difference: &Difference) -> Query {
    search.clone().and(difference.search.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, u64)]) -> Vec<(String, u64)> {
        values.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect()
    }

    #[test]
    fn what_was_rare_and_is_frequent_comes_first() {
        let before = of(&[("/", 900), ("/pay", 100)]);
        let found = compare(
            "url",
            &[of(&[("/pay", 60), ("/", 30), ("/new", 10)]), before.clone(), before],
            [100, 1000, 1000],
        );
        let rows: Vec<_> = found.iter().map(|d| (d.value.as_str(), d.share, d.before)).collect();
        assert_eq!(rows, [("/pay", 0.6, 0.1), ("/new", 0.1, 0.0)]);
        assert!(found[0].weight > found[1].weight);
    }

    #[test]
    fn two_lines_are_no_cause_and_as_ever_is_no_difference() {
        let nothing = Vec::new;
        assert!(compare("host", &[of(&[("a", 2)]), nothing(), nothing()], [2, 100, 100]).is_empty());
        let usual = of(&[("a", 505), ("b", 495)]);
        assert!(
            compare("host", &[of(&[("a", 50), ("b", 50)]), usual.clone(), usual], [100, 1000, 1000])
                .is_empty()
        );
        assert!(compare("host", &[nothing(), nothing(), nothing()], [0, 0, 0]).is_empty());
    }

    #[test]
    fn chance_among_few_errors_before_is_no_cause() {
        // Both errors of before were no MISS, which a quarter of all requests is.
        let sets = [of(&[("MISS", 20), ("HIT", 60)]), of(&[("HIT", 2)]), of(&[("MISS", 250), ("HIT", 750)])];
        assert!(compare("cache_status", &sets, [80, 2, 1000]).is_empty());
    }
}
