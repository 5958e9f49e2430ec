//! A dull search engine over flat documents: enough of the query language for the dashboard's questions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

type Documents<'a> = Vec<&'a Value>;

/// Answers a search.
pub(super) fn search(documents: &[Value], body: &Value) -> Value {
    let found: Documents<'_> = documents.iter().filter(|d| matches(d, &body["query"])).collect();
    let size = body["size"].as_u64().unwrap_or(10) as usize;
    let hits = if size == 0 { Vec::new() } else { hits(&found, body, size) };
    let mut out = json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "failed": 0}, "status": 200,
        "hits": {"total": {"value": found.len(), "relation": "eq"}, "hits": hits}});
    if let Some(aggs) = body["aggs"].as_object() {
        out["aggregations"] = aggregate(&found, aggs);
    }
    out
}

/// The first lines in the order that is asked for.
fn hits(found: &Documents<'_>, body: &Value, size: usize) -> Vec<Value> {
    let keys = keys(body);
    let mut sorted: Vec<(Vec<Value>, &Value)> = found.iter().map(|d| (places(&keys, d), *d)).collect();
    if let Some(after) = body["search_after"].as_array() {
        sorted.retain(|(place, _)| compare(&keys, after, place).is_lt());
    }
    sorted.sort_by(|a, b| compare(&keys, &a.0, &b.0));
    let hit = |(place, d): (Vec<Value>, &Value)| json!({"_id": id(d), "_index": "logs-fake", "_source": d, "sort": place});
    sorted.into_iter().take(size).map(hit).collect()
}

/// The fields of an order, each with whether it falls; the newest first where there is none.
fn keys(body: &Value) -> Vec<(String, bool)> {
    let sort =
        body["sort"].as_array().cloned().unwrap_or_else(|| vec![json!({"@timestamp": {"order": "desc"}})]);
    let key = |key: &Value| match key.as_object().and_then(|k| k.iter().next()) {
        Some((field, options)) => (field.clone(), options["order"] == "desc"),
        None => (key.as_str().expect("a field").to_owned(), false),
    };
    sort.iter().map(key).collect()
}

/// A document's sort values.
fn places(keys: &[(String, bool)], document: &Value) -> Vec<Value> {
    let place = |(field, _): &(String, bool)| match field.as_str() {
        "@timestamp" | "_doc" => json!(time(document)),
        field => document[field].clone(),
    };
    keys.iter().map(place).collect()
}

fn compare(keys: &[(String, bool)], a: &[Value], b: &[Value]) -> std::cmp::Ordering {
    let one = |((_, falls), (a, b)): (&(String, bool), (&Value, &Value))| {
        let order = match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => a.to_string().cmp(&b.to_string()),
        };
        if *falls { order.reverse() } else { order }
    };
    let mut orders = keys.iter().zip(a.iter().zip(b)).map(one);
    orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

fn id(document: &Value) -> String {
    format!("line-{}", time(document))
}

fn time(document: &Value) -> i64 {
    let text = document["@timestamp"].as_str().unwrap_or_default();
    text.parse::<jiff::Timestamp>().map(|t| t.as_millisecond()).unwrap_or(0)
}

fn number(document: &Value, field: &str) -> Option<f64> {
    if field == "@timestamp" { Some(time(document) as f64) } else { document[field].as_f64() }
}

fn text(document: &Value, field: &str) -> Option<String> {
    match &document[field] {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

fn matches(document: &Value, query: &Value) -> bool {
    let Some((kind, inner)) = query.as_object().and_then(|q| q.iter().next()) else { return true };
    let list = |name: &str| match &inner[name] {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let field = || inner.as_object().and_then(|o| o.iter().next()).expect("a field");
    let bare = |v: &Value, name: &str| v.get(name).unwrap_or(v).clone();
    match kind.as_str() {
        "match_all" => true,
        "bool" => {
            let should = list("should");
            list("filter").iter().chain(&list("must")).all(|q| matches(document, q))
                && !list("must_not").iter().any(|q| matches(document, q))
                && (should.is_empty() || should.iter().any(|q| matches(document, q)))
        }
        "range" => {
            let (name, bounds) = field();
            let bound = |b: &Value| b.as_f64().or_else(|| b.as_str()?.parse().ok()).expect("a number");
            number(document, name).is_some_and(|v| {
                bounds.as_object().expect("bounds").iter().all(|(op, b)| match op.as_str() {
                    "gte" => v >= bound(b),
                    "gt" => v > bound(b),
                    "lt" => v < bound(b),
                    "lte" => v <= bound(b),
                    _ => true,
                })
            })
        }
        "ids" => list("values").iter().any(|wanted| *wanted == id(document).as_str()),
        "exists" => !document[inner["field"].as_str().expect("a field")].is_null(),
        "term" => {
            let (name, wanted) = field();
            let wanted = bare(wanted, "value");
            text(document, name)
                .is_some_and(|t| wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned) == t)
        }
        "terms" => {
            let (name, wanted) = field();
            wanted.as_array().expect("values").iter().any(|w| matches(document, &json!({"term": {name: w}})))
        }
        "wildcard" => {
            let (name, wanted) = field();
            let wanted = bare(wanted, "value");
            text(document, name)
                .is_some_and(|t| like(t.as_bytes(), wanted.as_str().expect("a pattern").as_bytes()))
        }
        "match" | "match_phrase" => {
            let (name, wanted) = field();
            let wanted = bare(wanted, "query");
            text(document, name)
                .is_some_and(|t| t.to_lowercase().contains(&wanted.as_str().expect("a text").to_lowercase()))
        }
        other => panic!("the stand-in does not know the query {other}"),
    }
}

fn like(text: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|i| like(&text[i..], rest)),
        Some((b'?', rest)) => !text.is_empty() && like(&text[1..], rest),
        Some((c, rest)) => text.first() == Some(c) && like(&text[1..], rest),
    }
}

fn aggregate(documents: &Documents<'_>, aggs: &Map<String, Value>) -> Value {
    aggs.iter().map(|(name, agg)| (name.clone(), one(documents, agg))).collect::<Map<_, _>>().into()
}

fn bucket(mut head: Value, documents: &Documents<'_>, agg: &Value) -> Value {
    head["doc_count"] = json!(documents.len());
    if let Some(Value::Object(inner)) =
        agg.get("aggs").map(|inner| aggregate(documents, inner.as_object().expect("aggs")))
    {
        head.as_object_mut().expect("a bucket").extend(inner);
    }
    head
}

fn one(documents: &Documents<'_>, agg: &Value) -> Value {
    let (kind, inner) =
        agg.as_object().and_then(|a| a.iter().find(|(k, _)| *k != "aggs")).expect("an aggregation");
    let field = inner["field"].as_str().unwrap_or_default();
    let mut numbers: Vec<f64> = documents.iter().filter_map(|d| number(d, field)).collect();
    let value = |v: Option<f64>| json!({"value": v});
    match kind.as_str() {
        "filter" => {
            let part = documents.iter().copied().filter(|d| matches(d, inner)).collect();
            bucket(json!({}), &part, agg)
        }
        "filters" => {
            let filters = inner["filters"].as_object().expect("filters");
            assert!(!filters.is_empty(), "[filters] cannot be empty.");
            let buckets = filters.iter().map(|(name, filter)| {
                let part = documents.iter().copied().filter(|d| matches(d, filter)).collect();
                (name.clone(), bucket(json!({}), &part, agg))
            });
            json!({"buckets": buckets.collect::<Map<_, _>>()})
        }
        "terms" => {
            let mut parts: BTreeMap<String, Documents<'_>> = BTreeMap::new();
            for document in documents {
                if let Some(key) = text(document, field) {
                    parts.entry(key).or_default().push(document);
                }
            }
            let mut buckets: Vec<Value> =
                parts.iter().map(|(key, part)| bucket(json!({"key": key}), part, agg)).collect();
            buckets.sort_by_key(|b| std::cmp::Reverse(b["doc_count"].as_u64()));
            if let Some((by, way)) = inner["order"].as_object().and_then(|o| o.iter().next()) {
                buckets.sort_by(|a, b| {
                    let of = |b: &Value| b[by]["value"].as_f64().unwrap_or(0.0);
                    if way == "asc" { of(a).total_cmp(&of(b)) } else { of(b).total_cmp(&of(a)) }
                });
            }
            buckets.truncate(inner["size"].as_u64().unwrap_or(10) as usize);
            json!({"buckets": buckets, "sum_other_doc_count": 0})
        }
        "date_histogram" => {
            let step = step(inner["fixed_interval"].as_str().expect("a width"));
            let mut parts: BTreeMap<i64, Documents<'_>> = BTreeMap::new();
            for document in documents {
                parts.entry(time(document).div_euclid(step) * step).or_default().push(document);
            }
            let buckets: Vec<Value> =
                parts.iter().map(|(key, part)| bucket(json!({"key": key}), part, agg)).collect();
            json!({"buckets": buckets})
        }
        "range" => {
            let within = |r: &Value| {
                let (low, high) =
                    (r["from"].as_f64().unwrap_or(f64::MIN), r["to"].as_f64().unwrap_or(f64::MAX));
                json!({"doc_count": numbers.iter().filter(|n| **n >= low && **n < high).count()})
            };
            json!({"buckets": inner["ranges"].as_array().expect("ranges").iter().map(within).collect::<Vec<_>>()})
        }
        "percentiles" => {
            numbers.sort_by(f64::total_cmp);
            let at = |p: &Value| {
                let p = p.as_f64().expect("a percentile");
                let i = ((numbers.len() as f64 - 1.0) * p / 100.0).round() as usize;
                (format!("{p:?}"), json!(numbers.get(i)))
            };
            json!({"values": inner["percents"].as_array().expect("percents").iter().map(at).collect::<Map<_, _>>()})
        }
        "min" => value(numbers.iter().copied().reduce(f64::min)),
        "max" => value(numbers.iter().copied().reduce(f64::max)),
        "sum" => value(Some(numbers.iter().sum())),
        "avg" => value((!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)),
        "value_count" => value(Some(numbers.len() as f64)),
        "cardinality" => {
            let distinct: std::collections::BTreeSet<_> =
                documents.iter().filter_map(|d| text(d, field)).collect();
            value(Some(distinct.len() as f64))
        }
        other => panic!("the stand-in does not know the aggregation {other}"),
    }
}

fn step(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 86_400_000,
    };
    number.parse::<i64>().expect("a number") * unit
}
