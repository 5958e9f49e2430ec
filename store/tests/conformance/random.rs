//! Random documents, queries and aggregations, asked of both engines: the same hits in the same order, the same counts and buckets.

use super::compare::{Answer, compare};
use super::engines::Engine;
use super::script::Rules;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rounds of random documents; each is asked so many things at once.
const ROUNDS: u32 = 40;
const QUESTIONS: usize = 24;

/// A value, a list of values, or none.
fn some(value: impl Strategy<Value = Value> + Clone + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => value.clone(),
        1 => prop::collection::vec(value, 0..3).prop_map(Value::Array),
        1 => Just(Value::Null),
    ]
}

fn words() -> impl Strategy<Value = String> + Clone {
    let word = prop::sample::select(vec![
        "error", "timed", "out", "Out", "db", "foo-bar", "x1", "größe", "a.b.c", "10.0.0.1",
    ]);
    prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
}

fn key() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec!["a", "ab", "abc", "b", "B", "a b", "ä", "", "a*", "zz"]).prop_map(str::to_owned)
}

fn ip() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec!["10.0.0.1", "10.0.0.2", "10.1.0.1", "192.168.0.1", "::1", "2001:db8::7"])
        .prop_map(str::to_owned)
}

/// Minutes around a change of the clock in Europe.
fn moment() -> impl Strategy<Value = String> + Clone {
    (0i64..6 * 1440, prop::bool::ANY).prop_map(|(minute, precise)| {
        let (day, hour, minute) = (27 + minute / 1440, minute / 60 % 24, minute % 60);
        let (month, day) = if day > 31 { (4, day - 31) } else { (3, day) };
        let seconds = if precise { ":30.250" } else { ":00" };
        format!("2026-{month:02}-{day:02}T{hour:02}:{minute:02}{seconds}Z")
    })
}

fn document() -> impl Strategy<Value = Value> {
    (
        some((-20i64..20).prop_map(Value::from)),
        some(prop::sample::select(vec![-1.5, 0.0, 0.25, 1.0, 7.75, 1e6]).prop_map(Value::from)),
        some(key().prop_map(Value::from)),
        // Not lists: with slop a phrase goes over from one text to the next here, and not there.
        words().prop_map(Value::from),
        some(moment().prop_map(Value::from)),
        some(prop::bool::ANY.prop_map(Value::from)),
        some(ip().prop_map(Value::from)),
    )
        .prop_map(
            |(n, f, k, t, d, b, ip)| json!({"n": n, "f": f, "k": k, "t": t, "d": d, "b": b, "o": {"ip": ip}}),
        )
}

fn range(
    field: &'static str,
    value: impl Strategy<Value = Value> + Clone + 'static,
) -> impl Strategy<Value = Value> {
    let end = (prop::option::of(value.clone()), prop::bool::ANY);
    (end, prop::option::of(value), prop::bool::ANY).prop_map(move |((low, gte), high, lte)| {
        let mut bounds = json!({});
        if let Some(low) = low {
            bounds[if gte { "gte" } else { "gt" }] = low;
        }
        if let Some(high) = high {
            bounds[if lte { "lte" } else { "lt" }] = high;
        }
        json!({"range": {field: bounds}})
    })
}

fn date_end() -> impl Strategy<Value = Value> + Clone {
    let rounded = (moment(), prop::sample::select(vec!["/d", "/h", "+1d/d", "-3h", "/w", "/M", "-1M"]));
    prop_oneof![
        moment().prop_map(Value::from),
        moment().prop_map(|m| Value::from(m[..10].to_owned())),
        moment().prop_map(|m| Value::from(m[..7].to_owned())),
        rounded.prop_map(|(m, math)| Value::from(format!("{m}||{math}"))),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    let zones = prop::sample::select(vec!["UTC", "Europe/Berlin", "-05:00", "Asia/Kolkata"]);
    prop_oneof![
        key().prop_map(|k| json!({"term": {"k": k}})),
        (-22i64..22).prop_map(|n| json!({"term": {"n": n}})),
        ip().prop_map(|ip| json!({"term": {"o.ip": ip}})),
        Just(json!({"term": {"o.ip": "10.0.0.0/15"}})),
        prop::bool::ANY.prop_map(|b| json!({"term": {"b": b}})),
        prop::collection::vec(key(), 0..4).prop_map(|k| json!({"terms": {"k": k}})),
        prop::collection::vec(-20i64..20, 0..4).prop_map(|n| json!({"terms": {"n": n}})),
        range(
            "n",
            prop_oneof![(-22i64..22).prop_map(Value::from), (-44i64..44).prop_map(|n| json!(n as f64 / 2.0))]
        ),
        range("f", (-8i64..8).prop_map(|n| json!(n as f64 / 4.0))),
        range("k", key().prop_map(Value::from)),
        range("o.ip", ip().prop_map(Value::from)),
        (range("d", date_end()), zones).prop_map(|(mut query, zone)| {
            query["range"]["d"]["time_zone"] = json!(zone);
            query
        }),
        prop::sample::select(vec!["n", "f", "k", "d", "b", "o.ip", "o", "nope"])
            .prop_map(|f| json!({"exists": {"field": f}})),
        (words(), prop::sample::select(vec!["or", "and"]))
            .prop_map(|(t, o)| json!({"match": {"t": {"query": t, "operator": o}}})),
        (words(), -3i64..4)
            .prop_map(|(t, m)| json!({"match": {"t": {"query": t, "minimum_should_match": m}}})),
        // With slop tantivy takes one word for two that are the same.
        (words(), 0u8..3).prop_map(|(t, slop)| {
            let mut words: Vec<String> = t.split([' ', '-', '.']).map(str::to_lowercase).collect();
            words.sort();
            let again = words.windows(2).any(|pair| pair[0] == pair[1]);
            json!({"match_phrase": {"t": {"query": t, "slop": if again { 0 } else { slop }}}})
        }),
        key().prop_map(|k| json!({"prefix": {"k": k}})),
        "[abAB*?ä ]{1,4}".prop_map(|w| json!({"wildcard": {"k": w}})),
        "[ab.*?+|ä]{0,3}"
            .prop_filter("can be read", |r| regex_is_read(r))
            .prop_map(|r| json!({"regexp": {"k": r}})),
        "[eot]{1,2}[*]".prop_map(|w| json!({"wildcard": {"t": w}})),
        (words(), key())
            .prop_map(|(t, k)| json!({"multi_match": {"query": format!("{t} {k}"), "fields": ["t", "k"]}})),
        query_string(),
    ]
}

/// A repetition needs something before it, and an alternative something on both sides: else the two libraries differ.
fn regex_is_read(text: &str) -> bool {
    let mut before = '|';
    for c in text.chars() {
        if "*?+|".contains(c) && "*?+|".contains(before) {
            return false;
        }
        before = c;
    }
    !text.ends_with('|') && !text.is_empty()
}

fn query_string() -> impl Strategy<Value = Value> {
    let atom = prop::sample::select(vec![
        "error",
        "t:out",
        "k:a",
        "k:ab*",
        "n:>3",
        "n:[-5 TO 5]",
        "NOT db",
        "\"timed out\"",
        "-t:db",
        "+error",
        "(k:b OR n:2)",
        "_exists_:d",
        "f:<=1",
        "b:true",
        "t:o?t",
        "k:/a.*/",
        "d:[2026-03-28 TO *]",
    ]);
    let joined = (
        prop::collection::vec((atom, prop::sample::select(vec![" ", " AND ", " OR "])), 1..5),
        prop::bool::ANY,
    );
    joined.prop_map(|(atoms, and)| {
        let mut text = String::new();
        for (at, (atom, join)) in atoms.iter().enumerate() {
            if at > 0 {
                text.push_str(join);
            }
            text.push_str(atom);
        }
        json!({"query_string": {"query": text, "default_field": "t", "default_operator": if and { "AND" } else { "OR" }}})
    })
}

fn query() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 16, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..3);
        let clauses = (some(), some(), some(), some(), prop::option::of(-2i64..3));
        prop_oneof![
            3 => clauses.prop_map(|(must, filter, should, must_not, least)| {
                let mut query = json!({"must": must, "filter": filter, "should": should, "must_not": must_not});
                if let Some(least) = least {
                    query["minimum_should_match"] = json!(least);
                }
                json!({"bool": query})
            }),
            1 => inner.clone().prop_map(|q| json!({"constant_score": {"filter": q}})),
        ]
    })
}

fn metric() -> impl Strategy<Value = Value> {
    // Not over what is not mapped: beneath buckets OpenSearch 3.8 then loses the buckets.
    let number = prop::sample::select(vec!["n", "f"]);
    let kind = prop::sample::select(vec![
        "min",
        "max",
        "avg",
        "sum",
        "stats",
        "extended_stats",
        "value_count",
        "cardinality",
    ]);
    prop_oneof![
        (kind, number, prop::option::of(-3i64..3)).prop_map(|(kind, field, missing)| {
            let mut body = json!({"field": field});
            if let Some(missing) = missing {
                body["missing"] = json!(missing);
            }
            json!({kind: body})
        }),
        prop::sample::select(vec!["k", "o.ip", "b", "d"]).prop_map(|f| json!({"cardinality": {"field": f}})),
        prop::sample::select(vec!["k", "o.ip", "b", "d"]).prop_map(|f| json!({"value_count": {"field": f}})),
        Just(json!({"top_hits": {"size": 2, "sort": [{"id": "desc"}], "_source": ["n"]}})),
    ]
}

fn agg() -> impl Strategy<Value = Value> {
    let subs = |inner: BoxedStrategy<Value>| prop::option::of(inner);
    let composite = (prop::sample::select(vec!["asc", "desc"]), 1usize..8, prop::bool::ANY).prop_map(
        |(order, size, missing)| {
            json!({"composite": {"size": size, "sources": [
                {"k": {"terms": {"field": "k", "order": order, "missing_bucket": missing}}},
                // A document with two dates of one day counts twice there, and once here.
                    {"i": {"histogram": {"field": "id", "interval": 5}}},
            ]}})
        },
    );
    let nested = metric().boxed().prop_recursive(2, 6, 1, move |inner| {
        let order = prop::sample::select(vec![
            json!({"_key": "asc"}),
            json!({"_key": "desc"}),
            json!([{"_count": "desc"}, {"_key": "asc"}]),
            json!([{"_count": "asc"}, {"_key": "desc"}]),
        ]);
        let terms = (prop::sample::select(vec!["k", "n", "f", "b", "o.ip", "d"]), order, 1usize..12, 1u64..3).prop_map(
            |(field, order, size, least)| {
                json!({"terms": {"field": field, "order": order, "size": size, "shard_size": 1000, "min_doc_count": least}})
            },
        );
        let zones = prop::sample::select(vec!["UTC", "Europe/Berlin", "-05:00", "Asia/Kolkata"]);
        let steps = prop::sample::select(vec![
            ("fixed_interval", "6h"),
            ("fixed_interval", "45m"),
            ("fixed_interval", "1d"),
            ("calendar_interval", "hour"),
            ("calendar_interval", "day"),
            ("calendar_interval", "week"),
            ("calendar_interval", "month"),
        ]);
        let dates = (steps, zones, 0u64..3, prop::sample::select(vec!["0s", "+1h", "-30m"])).prop_map(|((kind, step), zone, least, offset)| {
            json!({"date_histogram": {"field": "d", kind: step, "time_zone": zone, "min_doc_count": least, "offset": offset}})
        });
        let histogram = (prop::sample::select(vec!["n", "f"]), 1u8..9, 0u64..2, -2i64..3).prop_map(|(field, step, least, offset)| {
            let least = if field == "f" { 1 } else { least };
                    // OpenSearch forgets buckets where the offset is not below the interval.
                    let offset = offset.rem_euclid(i64::from(step));
            json!({"histogram": {"field": field, "interval": step, "min_doc_count": least, "offset": offset}})
        });
        let ranges = prop::collection::vec((prop::option::of(-20i64..20), prop::option::of(-20i64..20)), 1..4).prop_map(|ranges| {
            let one = |(at, (from, to)): (usize, &(Option<i64>, Option<i64>))| {
                let mut range = json!({"key": format!("r{at}")});
                from.iter().for_each(|from| range["from"] = json!(from));
                to.iter().for_each(|to| range["to"] = json!(to));
                range
            };
            json!({"range": {"field": "n", "ranges": ranges.iter().enumerate().map(one).collect::<Vec<_>>()}})
        });
        let bucket = prop_oneof![
            terms,
            dates,
            histogram,
            ranges,
            prop::sample::select(vec!["k", "n", "d", "b"]).prop_map(|f| json!({"missing": {"field": f}})),
            leaf().prop_map(|q| json!({"filter": q})),
            (leaf(), leaf()).prop_map(|(a, b)| json!({"filters": {"filters": {"a": a, "b": b}, "other_bucket": true}})),
        ];
        (bucket, subs(inner)).prop_map(|(mut agg, sub)| {
            if let Some(sub) = sub {
                agg["aggs"] = json!({"x": sub});
            }
            agg
        })
    });
    // OpenSearch has it at the top only.
    prop_oneof![6 => nested, 1 => composite]
}

/// Goes through rounds until one differs; then the smallest that differs is told.
pub fn run(theirs: &Engine, ours: &Engine, others: Option<u32>) -> Result<(), String> {
    let question = (query(), prop::option::of(agg()));
    let round = (prop::collection::vec(document(), 1..40), prop::collection::vec(question, QUESTIONS));
    // The same rounds each time, unless somebody asks for others: `ALCES_RANDOM=400`.
    let cases = others.unwrap_or(ROUNDS);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let number = AtomicUsize::new(0);
    let mut runner = match others {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let result = runner.run(&round, |(documents, questions)| {
        let index = format!("random-{}", number.fetch_add(1, Ordering::Relaxed));
        let found = ask(theirs, ours, &index, &documents, &questions);
        found.map_or(Ok(()), |difference| Err(TestCaseError::fail(difference)))
    });
    result.map_err(|error| match error {
        TestError::Abort(reason) => reason.to_string(),
        // The smallest round that differs; what was asked stands in the reason.
        TestError::Fail(reason, (documents, _)) => {
            let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
            format!("{reason}\n  of the documents\n  {}", lines.join("\n  "))
        }
    })
}

fn ask(
    theirs: &Engine,
    ours: &Engine,
    index: &str,
    documents: &[Value],
    questions: &[(Value, Option<Value>)],
) -> Option<String> {
    let mapping = json!({
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {"properties": {
            "id": {"type": "long"}, "n": {"type": "integer"}, "f": {"type": "double"}, "k": {"type": "keyword"},
            "t": {"type": "text"}, "d": {"type": "date"}, "b": {"type": "boolean"}, "o": {"properties": {"ip": {"type": "ip"}}},
        }},
    });
    let mut bulk = String::new();
    for (id, document) in documents.iter().enumerate() {
        let mut document = document.clone();
        document["id"] = json!(id);
        bulk += &format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{document}\n");
        // Several segments.
        if id % 9 == 8 {
            bulk.push('\u{1}');
        }
    }
    let mut search = String::new();
    for (query, agg) in questions {
        let mut body = json!({"query": query, "size": 50, "sort": ["id"], "_source": false});
        if let Some(agg) = agg {
            body["aggs"] = json!({"a": agg});
        }
        search += &format!("{{}}\n{body}\n");
    }
    let mut answers = Vec::new();
    for engine in [theirs, ours] {
        engine.send("DELETE", &format!("/{index}"), "");
        let made = engine.send("PUT", &format!("/{index}"), &mapping.to_string());
        assert_eq!(made.status, 200, "{}", made.body);
        for part in bulk.split('\u{1}').filter(|part| !part.is_empty()) {
            let filled = engine.send("POST", &format!("/{index}/_bulk?refresh=true"), part);
            assert_eq!(filled.body["errors"], false, "{}", filled.body);
        }
        let answer = engine.send("POST", &format!("/{index}/_msearch"), &search);
        assert_eq!(answer.status, 200, "{}", answer.body);
        engine.send("DELETE", &format!("/{index}"), "");
        answers.push(answer.body["responses"].as_array().unwrap().clone());
    }
    for (at, (query, agg)) in questions.iter().enumerate() {
        let side = |n: usize| Answer { status: 200, body: answers[n][at].clone() };
        let found = compare(&side(0), &side(1), &Rules::default());
        if !found.is_empty() {
            let agg = agg.as_ref().map_or(String::new(), |agg| format!("\n  aggregated by {agg}"));
            return Some(format!(
                "asked {query}{agg}\n  {}\n  {} / {}",
                found.join("\n  "),
                answers[0][at],
                answers[1][at]
            ));
        }
    }
    None
}
