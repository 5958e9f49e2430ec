//! Patterns that lines carry (`pattern_id` and `pattern`, of the collector's filter `drain`): all lines of a search are counted, none is
//! looked at.
//!
//! An id is a hash of a pattern's text, and a pattern becomes more general while it is learned. So lines of one pattern may carry several
//! ids; a pattern that another one covers is counted as that one.
//!
//! Two rounds: which patterns there are; then, of those that are shown, a line each, and since when there is one in all that is stored.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::hits::{self, Hit};
use super::values::key;
use crate::fields::{Fields, shown};
use crate::query::{Query, TEXT};
use crate::range::interval;
use crate::sight::Sight;
use crate::view::answers::hits as total;
use crate::view::plan::{Span, within};

/// Where lines carry a pattern's id, and its text.
const ID: &str = "pattern_id";
const NAME: &str = "pattern";
/// Ids that are counted.
const IDS: usize = 500;
/// Patterns that are shown.
const SHOWN: usize = 60;
/// Parts of the time in a trend.
const PARTS: i64 = 24;
/// Ids that a search names: a search has at most 100 clauses.
const NAMED: usize = 40;

/// The fields, as they can be counted.
#[derive(Debug)]
pub(crate) struct Carried {
    id: String,
    name: String,
}

/// A pattern.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    /// Those of its lines, the most frequent first.
    pub(crate) ids: Vec<String>,
    pub(crate) count: u64,
    /// Lines in each part of the time.
    pub(crate) trend: Vec<Option<f64>>,
    /// Its newest line of the search, epoch milliseconds.
    pub(crate) last: Option<i64>,
    /// Its oldest line of all that is stored.
    pub(crate) first: Option<i64>,
    pub(crate) line: Option<Hit>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Lines of the search, and how many of them carry a pattern.
    pub(crate) lines: u64,
    pub(crate) with: u64,
    /// Those that are shown, the most frequent first.
    pub(crate) patterns: Vec<Pattern>,
    /// Patterns that are not shown, and lines of ids that were not counted.
    pub(crate) more: usize,
    pub(crate) beyond: u64,
}

impl Carried {
    /// None where lines carry none, or somebody may not see what patterns are made of.
    pub(crate) fn new(fields: &Fields, sight: &Sight) -> Option<Self> {
        // Values are struck from documents; a count of texts is none.
        if sight.mask.is_some() {
            return None;
        }
        Some(Self { id: fields.exact(ID)?.0, name: fields.exact(NAME)?.0 })
    }

    /// The first round: which patterns there are.
    pub(crate) fn ask(&self, span: Span, query: &Value, seconds: u32) -> Value {
        json!({
            "query": within(span, query), "timeout": format!("{seconds}s"), "size": 0, "track_total_hits": true,
            "aggs": {
                "with": {"filter": {"exists": {"field": self.id}}},
                "ids": {"terms": {"field": self.id, "size": IDS}, "aggs": {
                    "name": {"terms": {"field": self.name, "size": 1}},
                    "last": {"max": {"field": "@timestamp"}},
                    "trend": {"date_histogram": {
                        "field": "@timestamp", "fixed_interval": interval(step(span)), "min_doc_count": 1, "format": "epoch_millis",
                    }},
                }},
            },
        })
    }

    /// The second round, of patterns that are shown: since when there are such lines, and a line of each.
    pub(crate) fn ask_more(&self, found: &Found, span: Span, query: &Value, seconds: u32) -> Vec<Value> {
        let ids: Vec<&str> = found.patterns.iter().flat_map(|p| &p.ids).map(String::as_str).collect();
        let since = json!({
            "query": {"terms": {&self.id: ids}}, "timeout": format!("{seconds}s"), "size": 0, "track_total_hits": false,
            "aggs": {"ids": {"terms": {"field": self.id, "size": ids.len().max(1)}, "aggs": {"first": {"min": {"field": "@timestamp"}}}}},
        });
        let source: Vec<&str> =
            ["@timestamp", NAME].into_iter().chain(shown::MESSAGE.iter().copied()).collect();
        let line = |pattern: &Pattern| {
            let mut query = within(span, query);
            let mine = json!({"term": {&self.id: pattern.ids.first()}});
            if let Some(filter) = query.pointer_mut("/bool/filter").and_then(Value::as_array_mut) {
                filter.push(mine);
            }
            json!({
                "query": query, "timeout": format!("{seconds}s"), "size": 1, "track_total_hits": false,
                "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "date"}}], "_source": source,
            })
        };
        std::iter::once(since).chain(found.patterns.iter().map(line)).collect()
    }
}

/// Reads the first round.
pub(crate) fn read(answer: &Value, span: Span) -> Found {
    let aggs = &answer["aggregations"];
    let buckets = aggs["ids"]["buckets"].as_array().map_or(&[][..], |b| b);
    let all = merged(buckets.iter().filter_map(|bucket| pattern(bucket, span)).collect());
    let more = all.len().saturating_sub(SHOWN);
    Found {
        lines: total(answer),
        with: aggs["with"]["doc_count"].as_u64().unwrap_or(0),
        patterns: all.into_iter().take(SHOWN).collect(),
        more,
        beyond: aggs["ids"]["sum_other_doc_count"].as_u64().unwrap_or(0),
    }
}

impl Found {
    /// Takes in the second round. What has no answer is not known.
    pub(crate) fn add(&mut self, answers: &[Result<Value, String>]) {
        let Some((since, lines)) = answers.split_first() else { return };
        let buckets =
            since.as_ref().ok().and_then(|answer| answer["aggregations"]["ids"]["buckets"].as_array());
        let first = |bucket: &Value| Some((key(bucket)?, bucket["first"]["value"].as_f64()? as i64));
        let since: HashMap<String, i64> = buckets.into_iter().flatten().filter_map(first).collect();
        for (pattern, line) in self.patterns.iter_mut().zip(lines) {
            pattern.first = pattern.ids.iter().filter_map(|id| since.get(id).copied()).min();
            pattern.line = line.as_ref().ok().and_then(|answer| hits::hits(answer).into_iter().next());
            // A text that is too long to be counted stands in the line.
            let text = pattern.line.as_ref().and_then(|line| line.source[NAME].as_str());
            if let Some(text) = text.filter(|_| pattern.ids.first() == Some(&pattern.text)) {
                pattern.text = text.to_owned();
            }
        }
    }
}

impl Pattern {
    /// The searches for its lines, and for all others; none where they cannot be written.
    pub(crate) fn narrowed(&self, search: &Query) -> Option<[Query; 2]> {
        if self.ids.len() > NAMED {
            return None;
        }
        let mine = Query::one_of(ID, self.ids.iter().map(String::as_str))?;
        let both = [search.clone().and(mine.clone()), search.clone().and(mine.not())];
        both.iter().all(|query| query.to_string().len() <= TEXT).then_some(both)
    }
}

/// The search for lines that carry no pattern.
pub(crate) fn without(search: &Query) -> String {
    let rest = format!("-{ID}:*");
    if search.is_everything() { rest } else { format!("({search}) {rest}") }
}

/// Milliseconds of a part of the time, whole seconds.
fn step((from, to): Span) -> i64 {
    ((to - from) / PARTS).max(1).div_euclid(1000).max(1) * 1000
}

fn pattern(bucket: &Value, span: Span) -> Option<Pattern> {
    let id = key(bucket)?;
    let text = bucket["name"]["buckets"].get(0).and_then(key);
    let (step, begin) = (step(span), span.0);
    let parts = (span.1 - 1).div_euclid(step) - begin.div_euclid(step) + 1;
    let mut trend = vec![Some(0.0); usize::try_from(parts).unwrap_or_default()];
    for part in bucket["trend"]["buckets"].as_array().into_iter().flatten() {
        let at = part["key"].as_f64()? as i64;
        let place = usize::try_from(at.div_euclid(step) - begin.div_euclid(step));
        if let Some(place) = place.ok().and_then(|place| trend.get_mut(place)) {
            *place = part["doc_count"].as_f64();
        }
    }
    Some(Pattern {
        // Until there is a line of it.
        text: text.unwrap_or_else(|| id.clone()),
        ids: vec![id],
        count: bucket["doc_count"].as_u64()?,
        trend,
        last: bucket["last"]["value"].as_f64().map(|at| at as i64),
        ..Pattern::default()
    })
}

/// Patterns with those that they cover, the most frequent first.
fn merged(mut all: Vec<Pattern>) -> Vec<Pattern> {
    // The most general ones first: what they cover is theirs.
    all.sort_by_key(|p| std::cmp::Reverse(p.text.matches("<*>").count()));
    let mut by_length: HashMap<usize, Vec<Pattern>> = HashMap::new();
    for pattern in all {
        let same = by_length.entry(pattern.text.split(' ').count()).or_default();
        match same.iter_mut().find(|general| covers(&general.text, &pattern.text)) {
            Some(general) => general.take(pattern),
            None => same.push(pattern),
        }
    }
    let mut all: Vec<Pattern> = by_length.into_values().flatten().collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    all
}

impl Pattern {
    fn take(&mut self, narrow: Self) {
        // The first id is the one that a line is asked for by.
        self.ids.extend(narrow.ids);
        self.count += narrow.count;
        self.last = self.last.max(narrow.last);
        for (sum, more) in self.trend.iter_mut().zip(narrow.trend) {
            *sum = Some(sum.unwrap_or(0.0) + more.unwrap_or(0.0));
        }
    }
}

/// Whether all lines of a pattern are lines of one that is more general: word by word the same, `<*>`, or `name=<*>`.
pub(crate) fn covers(general: &str, narrow: &str) -> bool {
    let one = |(general, narrow): (&str, &str)| {
        let name = general.strip_suffix("<*>");
        general == narrow
            || name.is_some_and(|name| name.is_empty() || (name.ends_with('=') && narrow.starts_with(name)))
    };
    general.split(' ').count() == narrow.split(' ').count()
        && general.split(' ').zip(narrow.split(' ')).all(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::caps;
    use crate::query::parse;

    const SPAN: Span = (240_000, 480_000);

    fn bucket(id: &str, text: &str, count: u64, at: i64) -> Value {
        json!({"key": id, "doc_count": count, "name": {"buckets": [{"key": text, "doc_count": count}]},
            "last": {"value": at as f64}, "trend": {"buckets": [{"key": at / 10_000 * 10_000, "doc_count": count}]}})
    }

    fn found(buckets: &[Value]) -> Found {
        let answer = json!({"hits": {"total": {"value": 100}}, "aggregations": {
            "with": {"doc_count": 90}, "ids": {"buckets": buckets, "sum_other_doc_count": 3}}});
        read(&answer, SPAN)
    }

    #[test]
    fn what_was_learned_on_the_way_is_counted_with_what_it_became() {
        let found = found(&[
            bucket("b", "user <*> took <num> ms", 50, 250_000),
            bucket("z", "disk <path> is full", 20, 260_000),
            bucket("a", "user amy took <num> ms", 1, 479_999),
        ]);
        let rows: Vec<_> =
            found.patterns.iter().map(|p| (p.text.as_str(), p.count, p.ids.len(), p.last)).collect();
        assert_eq!(
            rows,
            [("user <*> took <num> ms", 51, 2, Some(479_999)), ("disk <path> is full", 20, 1, Some(260_000))]
        );
        assert_eq!((found.lines, found.with, found.more, found.beyond), (100, 90, 0, 3));
        let trend = &found.patterns[0].trend;
        assert_eq!((trend.len(), trend[1], trend[23]), (24, Some(50.0), Some(1.0)));
    }

    #[test]
    fn a_pattern_covers_what_is_word_by_word_within_it() {
        for (general, narrow, expected) in [
            ("user <*> is gone", "user amy is gone", true),
            ("user=<*> is gone", "user=amy is gone", true),
            ("user=<*> is gone", "name=amy is gone", false),
            ("user <*> is gone", "user amy is here", false),
            ("user <*> is", "user amy is gone", false),
            ("<*> gone", "user=<*> gone", true),
            ("a(<*> gone", "a(b gone", false),
        ] {
            assert_eq!(covers(general, narrow), expected, "{general} {narrow}");
        }
    }

    #[test]
    fn the_second_round_says_since_when_and_shows_a_line() {
        let fields = Fields::from_caps(&caps(&[("pattern_id", "keyword"), ("pattern", "keyword")]));
        let carried = Carried { id: fields.exact(ID).expect("a field").0, name: NAME.into() };
        let mut found = found(&[
            bucket("b", "user <*> is gone", 5, 250_000),
            bucket("a", "user amy is gone", 1, 250_000),
        ]);
        let asked = carried.ask_more(&found, SPAN, &json!({"match_all": {}}), 5);
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0]["query"], json!({"terms": {"pattern_id": ["b", "a"]}}));
        assert_eq!(asked[1]["query"]["bool"]["filter"][1], json!({"term": {"pattern_id": "b"}}));
        found.add(&[
            Ok(json!({"aggregations": {"ids": {"buckets": [
                {"key": "b", "doc_count": 9, "first": {"value": 9000.0}}, {"key": "a", "doc_count": 1, "first": {"value": 7000.0}}]}}})),
            Err("gone".into()),
        ]);
        assert_eq!(found.patterns[0].first, Some(7000));
        assert!(found.patterns[0].line.is_none());
    }

    #[test]
    fn searches_name_all_ids_of_a_pattern() {
        let search = parse("level:error").expect("parsed");
        let pattern = Pattern { ids: vec!["0a".into(), "1b".into()], ..Pattern::default() };
        let [only, others] = pattern.narrowed(&search).expect("searches");
        assert_eq!(parse(&only.to_string()).expect("parsed"), only);
        insta::assert_snapshot!(format!("{only} | {others} | {}", without(&search)), @r#"level:error pattern_id:("0a" OR "1b") | level:error -pattern_id:("0a" OR "1b") | (level:error) -pattern_id:*"#);
        let many = Pattern { ids: (0..50).map(|i| i.to_string()).collect(), ..Pattern::default() };
        assert!(many.narrowed(&search).is_none());
    }
}
