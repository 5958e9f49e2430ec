//! From the backend's answers to what the page knows. Nothing here trusts the shape of an answer.

use serde_json::Value;

use super::model::{
    Bucket, Classes, ErrorLine, Host, Hosts, Latency, Lines, Overview, Part, Span, Totals, UrlRow, UsedFields,
};
use super::query::{HOSTS, place};
use super::verdict;
use crate::backend::Answer;
use crate::fields::{Fields, Idea, shown};
use crate::range::Range;

/// Puts the answers together.
pub(crate) fn read(answers: &[Answer], range: &Range, fields: &Fields, degraded: f64) -> Overview {
    let factor = |idea| fields.best(idea).map_or(1.0, |f| f.factor * 1000.0);
    let reader = Reader { latency: factor(Idea::RequestTime), upstream: factor(Idea::UpstreamTime) };
    let part = |i: usize| answers.get(i).cloned().unwrap_or_else(|| Err("no answer".into()));

    let lines = known(part(place::LINES), |v| {
        let newest_of_all = part(place::NEWEST).ok().and_then(|v| instant(&v, "newest"));
        Lines {
            total: hits(v),
            unparsed: agg(v, "unparsed").and_then(|a| a["doc_count"].as_u64()).unwrap_or(0),
            oldest: instant(v, "oldest"),
            newest: instant(v, "newest"),
            newest_of_all,
        }
    });
    let requests = part(place::REQUESTS);
    let series = requests.as_ref().map_or_else(|_| Vec::new(), |v| reader.series(v, range, lines.known()));
    let totals = known(requests, |v| reader.totals(hits(v), v.get("aggregations").unwrap_or(&Value::Null)));
    let previous = known(part(place::PREVIOUS), |v| {
        reader.totals(hits(v), v.get("aggregations").unwrap_or(&Value::Null))
    });
    let verdict = verdict::of(&totals, &previous, &lines, range, degraded);
    Overview {
        verdict,
        range: Span {
            from: range.from,
            to: range.to,
            asked_at: range.now,
            step_seconds: range.step() / 1000,
        },
        totals,
        previous,
        lines,
        series,
        top_urls: known(part(place::URLS), |v| reader.urls(v)),
        newest_errors: known(part(place::ERRORS), errors),
        hosts: known(part(place::HOSTS), |v| hosts(v, range)),
        fields: used(fields),
        notes: notes(answers),
        took_ms: 0,
    }
}

fn known<T>(answer: Answer, read: impl FnOnce(&Value) -> T) -> Part<T> {
    match answer {
        Ok(value) => Part::Known(read(&value)),
        Err(failed) => Part::Failed { failed },
    }
}

/// Multiplies percentiles into milliseconds.
struct Reader {
    latency: f64,
    upstream: f64,
}

impl Reader {
    fn totals(&self, requests: u64, aggs: &Value) -> Totals {
        let class = |name: &str| aggs["classes"]["buckets"][name]["doc_count"].as_u64().unwrap_or(0);
        let by_class = Classes { c2: class("2xx"), c3: class("3xx"), c4: class("4xx"), c5: class("5xx") };
        let share = |n: u64| (requests > 0).then(|| n as f64 / requests as f64);
        let percent = |p| percentile(&aggs["latency"], p).map(|v| v * self.latency);
        let latency = match (percent(50), percent(95), percent(99)) {
            (Some(p50), Some(p95), Some(p99)) if requests > 0 => Some(Latency { p50, p95, p99 }),
            _ => None,
        };
        Totals {
            requests,
            by_class,
            error_rate_5xx: share(by_class.c5),
            error_rate_4xx: share(by_class.c4),
            latency,
            upstream_p95: percentile(&aggs["upstream"], 95)
                .filter(|_| requests > 0)
                .map(|v| v * self.upstream),
        }
    }

    fn series(&self, answer: &Value, range: &Range, lines: Option<&Lines>) -> Vec<Bucket> {
        let null = Value::Null;
        let answered = buckets(agg(answer, "over_time"));
        let span = lines.and_then(|l| Some((l.oldest?, l.newest?)));
        let step = range.step();
        range
            .buckets()
            .into_iter()
            .map(|at| {
                let bucket = answered.iter().find(|b| key(b) == Some(at)).copied().unwrap_or(&null);
                let totals = self.totals(bucket["doc_count"].as_u64().unwrap_or(0), bucket);
                let covered = range.covered(at);
                // A sliver of a bucket makes a rate out of one or two lines: worse than saying nothing.
                let enough = covered * 4 >= step || (range.to - range.from) < step;
                let known = enough && span.is_some_and(|(old, new)| at + step > old && at <= new);
                Bucket { at, seconds: covered as f64 / 1000.0, known, totals }
            })
            .collect()
    }

    fn urls(&self, answer: &Value) -> Vec<UrlRow> {
        let row = |b: &&Value| {
            let requests = b["doc_count"].as_u64()?;
            Some(UrlRow {
                url: text(&b["key"])?,
                requests,
                errors_5xx: b["errors"]["doc_count"].as_u64().unwrap_or(0),
                p95: percentile(&b["latency"], 95).map(|v| v * self.latency),
            })
        };
        buckets(agg(answer, "urls")).iter().filter_map(row).collect()
    }
}

fn agg<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    answer.get("aggregations")?.get(name)
}

fn buckets(agg: Option<&Value>) -> Vec<&Value> {
    agg.and_then(|a| a.get("buckets")).and_then(Value::as_array).map_or_else(Vec::new, |b| b.iter().collect())
}

fn key(bucket: &Value) -> Option<i64> {
    let key = bucket.get("key")?;
    key.as_i64().or_else(|| key.as_f64().map(|f| f as i64)).or_else(|| key.as_str()?.parse().ok())
}

fn hits(answer: &Value) -> u64 {
    let total = &answer["hits"]["total"];
    total["value"].as_u64().or_else(|| total.as_u64()).unwrap_or(0)
}

/// A percentile's value: `95` and `95.0` are both in use as its name, and an empty one is null or "NaN".
fn percentile(agg: &Value, percent: u32) -> Option<f64> {
    let values = agg.get("values")?;
    let value = values.get(format!("{percent}.0")).or_else(|| values.get(percent.to_string()))?;
    value.as_f64().filter(|v| v.is_finite())
}

fn metric(agg: Option<&Value>) -> Option<f64> {
    agg?.get("value")?.as_f64().filter(|v| v.is_finite())
}

fn instant(answer: &Value, name: &str) -> Option<i64> {
    metric(agg(answer, name)).map(|v| v as i64)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        // A field with several values shows its first.
        Value::Array(items) => items.first().and_then(text),
        _ => None,
    }
}

/// Reads `a.b.c` from a document that may have it nested, flat, or half of each.
fn path<'a>(source: &'a Value, name: &str) -> Option<&'a Value> {
    let object = source.as_object()?;
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(i, _)| path(object.get(&name[..i])?, &name[i + 1..]))
}

fn errors(answer: &Value) -> Vec<ErrorLine> {
    let hits = answer["hits"]["hits"].as_array();
    let line = |hit: &Value| {
        let source = &hit["_source"];
        let first = |names: &[&str]| names.iter().find_map(|n| path(source, n).and_then(text));
        let at = first(&["@timestamp"])
            .and_then(|t| t.parse::<jiff::Timestamp>().ok())
            .map(|t| t.as_millisecond());
        ErrorLine {
            at: at.or_else(|| hit["sort"][0].as_i64()),
            status: first(shown::STATUS),
            level: first(shown::LEVEL),
            method: first(shown::METHOD),
            url: first(shown::URL),
            host: first(shown::HOST),
            message: first(shown::MESSAGE).unwrap_or_default(),
        }
    };
    hits.map_or_else(Vec::new, |h| h.iter().map(line).collect())
}

fn hosts(answer: &Value, range: &Range) -> Hosts {
    let named = agg(answer, "hosts");
    let mut shown: Vec<Host> = buckets(named)
        .into_iter()
        .filter_map(|b| Some(host(text(&b["key"])?, b.get("over_time"), range)))
        .collect();
    if named.is_none() && hits(answer) > 0 {
        shown.push(host("host".into(), agg(answer, "over_time"), range));
    }
    let others = named.and_then(|a| a["sum_other_doc_count"].as_u64()).unwrap_or(0);
    Hosts { more: shown.len() >= HOSTS && others > 0, shown }
}

fn host(name: String, over_time: Option<&Value>, range: &Range) -> Host {
    let answered = buckets(over_time);
    let series = |metric_name: &str| {
        let value =
            |at: i64| answered.iter().find(|b| key(b) == Some(at)).and_then(|b| metric(b.get(metric_name)));
        range.buckets().into_iter().map(value).collect()
    };
    Host {
        name,
        cpu: series("cpu"),
        memory: series("memory"),
        disk: series("disk"),
        net_in: series("net_in"),
        net_out: series("net_out"),
    }
}

fn used(fields: &Fields) -> UsedFields {
    let name = |idea| fields.best(idea).map(|f| f.name.clone());
    UsedFields {
        status: fields.all(Idea::Status).iter().map(|f| f.name.clone()).collect(),
        url: name(Idea::Url),
        request_time: name(Idea::RequestTime),
        upstream_time: name(Idea::UpstreamTime),
    }
}

fn notes(answers: &[Answer]) -> Vec<String> {
    let answers = answers.iter().filter_map(|a| a.as_ref().ok());
    let (mut failed, mut late) = (0, false);
    for answer in answers {
        failed = failed.max(answer["_shards"]["failed"].as_u64().unwrap_or(0));
        late |= answer["timed_out"].as_bool().unwrap_or(false);
    }
    let mut notes = Vec::new();
    if failed > 0 {
        notes.push(format!("{failed} shards gave no answer: the figures below are too low."));
    }
    if late {
        notes.push("A search ran out of time: the figures below are too low. Choose a shorter range.".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn range() -> Range {
        Range::parse("now-1h", "now", "", "2026-11-23T10:00:00Z".parse().expect("a time")).expect("a range")
    }

    #[test]
    fn documents_nested_flat_or_both() {
        assert_eq!(path(&json!({"a": {"b": {"c": 1}}}), "a.b.c"), Some(&json!(1)));
        assert_eq!(path(&json!({"a.b": {"c": 2}}), "a.b.c"), Some(&json!(2)));
        assert_eq!(path(&json!({"a.b.c": 3}), "a.b.c"), Some(&json!(3)));
        assert_eq!(path(&json!({"a": 4}), "a.b.c"), None);
    }

    #[test]
    fn a_percentile_without_values_is_unknown() {
        assert_eq!(percentile(&json!({"values": {"95.0": null}}), 95), None);
        assert_eq!(percentile(&json!({"values": {"95.0": "NaN"}}), 95), None);
        assert_eq!(percentile(&json!({"values": {"95": 0.25}}), 95), Some(0.25));
    }

    #[test]
    fn zero_within_the_data_is_known_and_outside_is_not() {
        let range = range();
        let lines = Lines {
            oldest: Some(range.from + 600_000),
            newest: Some(range.to - 600_000),
            ..Lines::default()
        };
        let reader = Reader { latency: 1000.0, upstream: 1000.0 };
        let series = reader.series(&json!({}), &range, Some(&lines));
        assert!(!series[0].known && !series[series.len() - 1].known);
        let middle = &series[60];
        assert!(middle.known);
        assert_eq!((middle.totals.requests, middle.totals.error_rate_5xx), (0, None));
    }

    #[test]
    fn empty_and_failed_answers_are_not_the_same() {
        let empty: Vec<Answer> = vec![Ok(json!({})); 7];
        let overview = read(&empty, &range(), &Fields::default(), 0.01);
        assert_eq!(overview.totals.known().map(|t| t.requests), Some(0));
        let failed: Vec<Answer> = vec![Err("too many buckets".into()); 7];
        let overview = read(&failed, &range(), &Fields::default(), 0.01);
        assert!(overview.totals.known().is_none() && overview.newest_errors.known().is_none());
    }
}
