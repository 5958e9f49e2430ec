//! Random documents and queries: the store against a dull twin that looks at every document.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Server, start};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
struct Doc {
    /// Each document has one.
    m: i64,
    n: Option<i64>,
    tags: Vec<String>,
    words: String,
}

#[derive(Debug, Clone)]
enum Ask {
    Tag(String),
    Range(i64, i64),
    Word(String),
    Has,
    Not(Box<Ask>),
    Both(Box<Ask>, Box<Ask>),
    Either(Box<Ask>, Box<Ask>),
}

impl Ask {
    fn json(&self) -> Value {
        match self {
            Self::Tag(tag) => json!({"term": {"tags.keyword": tag}}),
            Self::Range(low, high) => json!({"range": {"n": {"gte": low, "lt": high}}}),
            Self::Word(word) => json!({"match": {"words": word}}),
            Self::Has => json!({"exists": {"field": "n"}}),
            Self::Not(ask) => json!({"bool": {"must_not": [ask.json()]}}),
            Self::Both(a, b) => json!({"bool": {"filter": [a.json()], "must": [b.json()]}}),
            Self::Either(a, b) => json!({"bool": {"should": [a.json(), b.json()]}}),
        }
    }

    fn matches(&self, doc: &Doc) -> bool {
        match self {
            Self::Tag(tag) => doc.tags.contains(tag),
            Self::Range(low, high) => doc.n.is_some_and(|n| (*low..*high).contains(&n)),
            Self::Word(word) => doc.words.split(' ').any(|w| w == word),
            Self::Has => doc.n.is_some(),
            Self::Not(ask) => !ask.matches(doc),
            Self::Both(a, b) => a.matches(doc) && b.matches(doc),
            Self::Either(a, b) => a.matches(doc) || b.matches(doc),
        }
    }
}

fn docs() -> impl Strategy<Value = Vec<Doc>> {
    let doc =
        (-5i64..5, prop::option::of(-20i64..20), prop::collection::vec("[ab]c?", 0..3), "[xyz]( [xyz]){0,3}");
    prop::collection::vec(doc.prop_map(|(m, n, tags, words)| Doc { m, n, tags, words }), 1..40)
}

fn ask() -> impl Strategy<Value = Ask> {
    let leaf = prop_oneof![
        "[ab]c?".prop_map(Ask::Tag),
        (-25i64..25, -25i64..25).prop_map(|(a, b)| Ask::Range(a, b)),
        "[xyz]".prop_map(Ask::Word),
        Just(Ask::Has),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let pair = (inner.clone(), inner.clone()).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
        prop_oneof![
            inner.prop_map(|a| Ask::Not(Box::new(a))),
            pair.clone().prop_map(|(a, b)| Ask::Both(a, b)),
            pair.prop_map(|(a, b)| Ask::Either(a, b)),
        ]
    })
}

/// Two indexes, and several segments in each.
async fn fill(server: &Server, docs: &[Doc]) {
    for (at, part) in docs.chunks(7).enumerate() {
        let line = |(n, d): (usize, &Doc)| {
            let word = d.words.split(' ').next();
            let source =
                json!({"m": d.m, "n": d.n, "tags": d.tags, "words": d.words, "word": word, "id": at * 7 + n});
            (format!("{:03}", at * 7 + n), source)
        };
        let lines: Vec<(String, Value)> = part.iter().enumerate().map(line).collect();
        let lines: Vec<(&str, Value)> = lines.iter().map(|(id, d)| (id.as_str(), d.clone())).collect();
        assert_eq!(server.fill(&format!("i{}", at % 2), &lines).await["errors"], false);
    }
}

/// A small page is the beginning of a large one, and page after page gives all of it: whatever was left out unread because it could not make it.
async fn pages(docs: Vec<Doc>, asks: Vec<(Ask, usize)>) {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server, &docs).await;
    let ids = |answer: &Value| -> Vec<Value> {
        answer["hits"]["hits"].as_array().unwrap().iter().map(|hit| hit["_id"].clone()).collect()
    };
    for (ask, size) in asks {
        for (field, order, missing) in [
            ("", "desc", "_last"),
            ("m", "asc", "_last"),
            ("m", "desc", "_first"),
            ("n", "asc", "_last"),
            ("n", "desc", "_last"),
            ("n", "asc", "_first"),
            ("word.keyword", "asc", "_last"),
            ("word.keyword", "desc", "_last"),
            ("tags.keyword", "asc", "_last"),
            ("tags.keyword", "desc", "_first"),
        ] {
            let mut sort = vec![if field.is_empty() {
                json!("_score")
            } else {
                json!({field: {"order": order, "missing": missing, "unmapped_type": "keyword"}})
            }];
            let body = |size: usize, sort: &[Value]| json!({"query": ask.json(), "size": size, "sort": sort});
            let all = server.ok("POST", "/i*/_search", body(100, &sort)).await;
            let page = server.ok("POST", "/i*/_search", body(size, &sort)).await;
            let first: Vec<Value> = ids(&all).into_iter().take(size).collect();
            assert_eq!(ids(&page), first, "{ask:?} {field} {order} {missing} {size}");
            assert_eq!(page["hits"]["total"], all["hits"]["total"], "{ask:?} {field}");
            assert_eq!(page["hits"]["max_score"], all["hits"]["max_score"], "{ask:?} {field}");
            let mut few = body(size, &sort);
            few["track_total_hits"] = json!(2);
            assert_eq!(ids(&server.ok("POST", "/i*/_search", few).await), first, "{ask:?} {field} {order}");

            // A key that is missing cannot be told from one that is the least or the largest.
            if field.is_empty() || field.starts_with('n') || field.starts_with("tags") {
                continue;
            }
            sort.push(json!({"id": order}));
            let all = ids(&server.ok("POST", "/i*/_search", body(100, &sort)).await);
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let mut next = body(size, &sort);
                if let Some(after) = after {
                    next["search_after"] = after;
                }
                let page = server.ok("POST", "/i*/_search", next).await;
                let Some(last) = page["hits"]["hits"].as_array().unwrap().last() else { break };
                after = Some(last["sort"].clone());
                walked.extend(ids(&page));
            }
            assert_eq!(walked, all, "{ask:?} {field} {order} {size}");
        }
    }
    server.stop().await;
}

async fn compare(docs: Vec<Doc>, asks: Vec<Ask>) {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server, &docs).await;
    for ask in asks {
        let body = json!({"query": ask.json(), "size": 100, "sort": [{"n": {"order": "desc", "unmapped_type": "long"}}],
            "aggs": {"tags": {"terms": {"field": "tags.keyword", "order": {"_key": "asc"}}, "aggs": {"sum": {"sum": {"field": "n"}}}},
                "h": {"histogram": {"field": "n", "interval": 5, "min_doc_count": 1}, "aggs": {"c": {"cardinality": {"field": "n"}}}},
                "s": {"stats": {"field": "n"}}}});
        let answer = server.ok("POST", "/i*/_search", body).await;
        let found: Vec<(usize, &Doc)> = docs.iter().enumerate().filter(|(_, doc)| ask.matches(doc)).collect();
        let mut ids: Vec<String> = found.iter().map(|(at, _)| format!("{at:03}")).collect();
        let hits = answer["hits"]["hits"].as_array().unwrap();
        let mut got: Vec<String> = hits.iter().map(|h| h["_id"].as_str().unwrap().to_owned()).collect();
        let order: Vec<Option<i64>> = got.iter().map(|id| docs[id.parse::<usize>().unwrap()].n).collect();
        assert!(order.is_sorted_by(|a, b| a >= b), "{ask:?} {order:?}");
        ids.sort();
        got.sort();
        assert_eq!(got, ids, "{ask:?}");

        let mut tags: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        let mut places: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (_, doc) in &found {
            let mut own: Vec<&str> = doc.tags.iter().map(String::as_str).collect();
            own.sort_unstable();
            own.dedup();
            for tag in own {
                let entry = tags.entry(tag).or_default();
                *entry = (entry.0 + 1, entry.1 + doc.n.unwrap_or(0) as f64);
            }
            doc.n.iter().for_each(|n| places.entry(n.div_euclid(5) * 5).or_default().push(*n));
        }
        let want: Vec<Value> = tags
            .iter()
            .map(|(tag, (count, sum))| json!({"key": tag, "doc_count": count, "sum": {"value": sum}}))
            .collect();
        assert_eq!(answer["aggregations"]["tags"]["buckets"], json!(want), "{ask:?}");
        let want: Vec<Value> = places
            .into_iter()
            .map(|(key, mut ns)| {
                let count = ns.len();
                ns.sort_unstable();
                ns.dedup();
                json!({"key": key as f64, "doc_count": count, "c": {"value": ns.len()}})
            })
            .collect();
        assert_eq!(answer["aggregations"]["h"]["buckets"], json!(want), "{ask:?}");
        let least = found.iter().filter_map(|(_, doc)| doc.n).min().map(|n| n as f64);
        assert_eq!(answer["aggregations"]["s"]["min"], json!(least), "{ask:?}");
    }
    server.stop().await;
}

/// Segments of several zones, some of which are passed by: what is found and its order are as if each row were looked at.
async fn zones(times: Vec<i64>, size: usize, range: (i64, i64), descending: bool) {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let host = |at: usize| if at.is_multiple_of(7) { "a" } else { "b" };
    let (earlier, later) = times.split_at(times.len() / 2);
    for (from, part) in [(0, earlier), (earlier.len(), later)] {
        let doc = |(n, t): (usize, &i64)| json!({"t": t, "host": host(from + n), "id": from + n});
        let lines: Vec<(String, Value)> =
            part.iter().enumerate().map(|(n, t)| (format!("{:05}", from + n), doc((n, t)))).collect();
        let lines: Vec<(&str, Value)> = lines.iter().map(|(id, d)| (id.as_str(), d.clone())).collect();
        assert_eq!(server.fill("i", &lines).await["errors"], false);
    }
    let order = if descending { "desc" } else { "asc" };
    let inside = json!({"range": {"t": {"gte": range.0, "lt": range.1}}});
    let on_a = json!({"term": {"host.keyword": "a"}});
    for (query, wanted) in [
        (json!({"match_all": {}}), (true, true)),
        (inside.clone(), (false, true)),
        (on_a.clone(), (true, false)),
        (json!({"bool": {"filter": [inside, on_a]}}), (false, false)),
    ] {
        let fits = |(at, t): &(usize, i64)| {
            (wanted.0 || (range.0..range.1).contains(t)) && (wanted.1 || host(*at) == "a")
        };
        let mut all: Vec<(usize, i64)> = times.iter().copied().enumerate().filter(fits).collect();
        for second in [None, Some("id")] {
            all.sort_by_key(|(at, t)| (if descending { -t } else { *t }, *at));
            let mut sort = vec![json!({"t": order})];
            sort.extend(second.map(|field| json!({field: "asc"})));
            let mut body = json!({"query": query, "size": size, "sort": sort, "track_total_hits": true});
            let mut rest = all.as_slice();
            for _ in 0..4 {
                let page = server.ok("POST", "/i/_search", body.clone()).await;
                assert_eq!(page["hits"]["total"]["value"], json!(all.len()), "{query} {order}");
                let hits = page["hits"]["hits"].as_array().unwrap();
                let got: Vec<&str> = hits.iter().map(|hit| hit["_id"].as_str().unwrap()).collect();
                let want: Vec<String> = rest.iter().take(size).map(|(at, _)| format!("{at:05}")).collect();
                assert_eq!(got, want, "{query} {order} {second:?}");
                let Some(last) = hits.last() else { break };
                body["search_after"] = last["sort"].clone();
                rest = &rest[hits.len()..];
                if second.is_none() {
                    // Of those that have the key of the last one all are passed by.
                    let key = last["sort"][0].as_i64().unwrap();
                    rest = &rest[rest.iter().take_while(|(_, t)| *t == key).count()..];
                }
            }
        }
    }
    server.stop().await;
}

/// Times of 3,000 to 5,000 rows: rising, nearly so, or as it comes, each many times.
fn times() -> impl Strategy<Value = Vec<i64>> {
    let noise = prop::collection::vec(0i64..2000, 3000..5000);
    (noise, prop_oneof![Just((1, 0)), Just((10, 1)), Just((0, 1))]).prop_map(|(noise, (slope, part))| {
        noise.into_iter().zip(0i64..).map(|(n, at)| at * slope / 4 + n * part).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn same_answers(docs in docs(), asks in prop::collection::vec(ask(), 1..8)) {
        tokio::runtime::Runtime::new().unwrap().block_on(compare(docs, asks));
    }

    #[test]
    fn small_pages_are_the_beginnings_of_large_ones(docs in docs(), asks in prop::collection::vec((ask(), 1usize..6), 1..4)) {
        tokio::runtime::Runtime::new().unwrap().block_on(pages(docs, asks));
    }

    #[test]
    fn zones_that_are_passed_by_hold_nothing(times in times(), size in 1usize..200, from in 0i64..4000, length in 0i64..3000, descending: bool) {
        tokio::runtime::Runtime::new().unwrap().block_on(zones(times, size, (from, from + length), descending));
    }
}
