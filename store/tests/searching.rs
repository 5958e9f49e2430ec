//! Reading: hits, sorting, pages, aggregations, and what is refused.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Server, start};
use serde_json::{Value, json};

/// Six requests in two indexes over two hours.
async fn fill(server: &Server) {
    let line = |time: &str, status: u16, took: f64, path: &str| json!({"@timestamp": format!("2026-11-23T{time}Z"), "status": status, "took": took, "path": path, "ok": status < 400});
    let day = [
        ("1", line("10:00:00", 200, 0.1, "/a")),
        ("2", line("10:05:00", 500, 0.2, "/b")),
        ("3", line("10:15:00", 200, 0.3, "/a")),
    ];
    let late = [
        ("4", line("11:00:00", 404, 0.4, "/c")),
        ("5", line("11:10:00", 200, 0.5, "/a")),
        ("6", json!({"@timestamp": "2026-11-23T11:59:59.999Z", "status": 301})),
    ];
    assert_eq!(server.fill("logs-1", &day).await["errors"], false);
    assert_eq!(server.fill("logs-2", &late).await["errors"], false);
}

async fn aggs(server: &Server, aggs: Value) -> Value {
    let body = json!({"size": 0, "aggs": aggs});
    server.ok("POST", "/logs-*/_search", body).await["aggregations"].clone()
}

#[tokio::test]
async fn hits() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server).await;
    let newest = json!([{"@timestamp": {"order": "desc"}}]);
    assert_eq!(server.ids("logs-*", json!({"sort": newest, "size": 2})).await, ["6", "5"]);
    assert_eq!(server.ids("logs-*", json!({"sort": newest, "size": 2, "from": 2})).await, ["4", "3"]);
    let after = json!({"sort": newest, "search_after": [1_795_431_600_000i64], "size": 1});
    let page = server.ok("POST", "/logs-*/_search", json!({"sort": newest, "size": 3})).await;
    let third = page["hits"]["hits"][2]["sort"].clone();
    let next = json!({"sort": newest, "search_after": third, "size": 1});
    assert_eq!(server.ids("logs-*", next).await, ["3"]);
    assert_eq!(server.send("POST", "/logs-*/_search", after).await.0, 200);
    assert_eq!(
        server.ids("logs-*", json!({"sort": [{"path.keyword": "desc"}, {"took": "desc"}]})).await,
        ["4", "2", "5", "3", "1", "6"]
    );
    let body = json!({"query": {"term": {"status": 500}}, "_source": ["status"], "track_total_hits": true});
    let answer = server.ok("POST", "/logs-*/_search", body).await;
    assert_eq!(answer["hits"]["total"], json!({"value": 1, "relation": "eq"}));
    assert_eq!(answer["hits"]["hits"][0]["_source"], json!({"status": 500}));
    assert_eq!(answer["_shards"]["total"], 2);
    let window = json!({"query": {"range": {"@timestamp": {"gte": "2026-11-23T11:00:00Z||-1h", "lt": "2026-11-23T10:15:00Z"}}}});
    assert_eq!(server.ids("logs-*", window).await.len(), 2);
    let both = json!({"query": {"bool": {"filter": [{"terms": {"status": [200, 404]}}], "must_not": {"prefix": {"path.keyword": "/c"}},
        "should": [{"match": {"path": "a"}}, {"term": {"status": 301}}], "minimum_should_match": 1}}});
    assert_eq!(server.ids("logs-*", both).await.len(), 3);
    let many = "{\"index\":\"logs-1\"}\n{\"size\":0}\n{}\n{\"sort\":[\"nope\"]}\n";
    let (status, text) = server.raw("POST", "/_msearch", "", many.as_bytes()).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["responses"][0]["status"]), (200, &json!(200)));
    let cause = &answer["responses"][1]["error"]["root_cause"][0]["reason"];
    assert_eq!(cause, "No mapping found for [nope] in order to sort on");
    // One that cannot be read fails them all.
    let wrong = "{}\n{\"size\":0}\n{}\n{\"query\":{\"nope\":{}}}\n";
    let (status, text) = server.raw("POST", "/_msearch", "", wrong.as_bytes()).await;
    assert!(status == 400 && text.contains("unknown query [nope]"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn buckets() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server).await;
    let got = aggs(&server, json!({"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "30m"},
        "aggs": {"p": {"percentiles": {"field": "took", "percents": [50, 99]}}, "bad": {"filter": {"range": {"status": {"gte": 500}}}}}}})).await;
    let counts = |got: &Value| -> Vec<u64> {
        got["buckets"].as_array().unwrap().iter().map(|b| b["doc_count"].as_u64().unwrap()).collect()
    };
    assert_eq!(counts(&got["t"]), [3, 0, 2, 1], "{got}");
    assert_eq!(got["t"]["buckets"][0]["key_as_string"], "2026-11-23T10:00:00.000Z");
    assert_eq!(got["t"]["buckets"][0]["bad"]["doc_count"], 1);
    assert_eq!(got["t"]["buckets"][1]["p"]["values"]["50.0"], Value::Null);
    // A float of 32 bits, as OpenSearch shows it too.
    assert_eq!(got["t"]["buckets"][0]["p"]["values"]["50.0"], f64::from(0.2f32));
    assert_eq!(server.count("logs-*", json!({"range": {"took": {"gte": 0.2, "lte": 0.2}}})).await, 1);

    let got = aggs(&server, json!({"t": {"date_histogram": {"field": "@timestamp", "calendar_interval": "hour", "format": "epoch_millis",
        "min_doc_count": 0, "extended_bounds": {"min": "2026-11-23T09:00:00Z", "max": "2026-11-23T12:30:00Z"}}}})).await;
    assert_eq!(counts(&got["t"]), [0, 3, 3, 0], "{got}");
    assert_eq!(got["t"]["buckets"][0]["key_as_string"], got["t"]["buckets"][0]["key"].to_string());

    let got = aggs(&server, json!({
        "paths": {"terms": {"field": "path.keyword", "size": 2, "order": {"slow": "desc"}}, "aggs": {"slow": {"max": {"field": "took"}}}},
        "codes": {"terms": {"field": "status"}}, "oks": {"terms": {"field": "ok", "order": {"_key": "asc"}}},
        "none": {"missing": {"field": "path.keyword"}}})).await;
    let keys = |got: &Value| -> Vec<Value> {
        got["buckets"].as_array().unwrap().iter().map(|b| b["key"].clone()).collect()
    };
    assert_eq!(keys(&got["paths"]), ["/a", "/c"], "{got}");
    assert_eq!(got["paths"]["sum_other_doc_count"], 1);
    assert_eq!(keys(&got["codes"]), [200, 301, 404, 500]);
    assert_eq!(
        (&got["oks"]["buckets"][0]["key"], &got["oks"]["buckets"][0]["key_as_string"]),
        (&json!(0), &json!("false"))
    );
    assert_eq!(got["none"]["doc_count"], 1);

    let got = aggs(&server, json!({
        "f": {"filters": {"filters": {"2xx": {"range": {"status": {"gte": 200, "lt": 300}}}, "9xx": {"term": {"status": 900}}}, "other_bucket": true}},
        "r": {"range": {"field": "took", "ranges": [{"to": 0.25}, {"from": 0.25, "to": 0.45, "key": "mid"}, {"from": 0.45}]}},
        "h": {"histogram": {"field": "status", "interval": 100, "min_doc_count": 1}},
        "global": {"filter": {"exists": {"field": "took"}}, "aggs": {"n": {"value_count": {"field": "took"}}}}})).await;
    assert_eq!(
        got["f"]["buckets"],
        json!({"2xx": {"doc_count": 3}, "9xx": {"doc_count": 0}, "_other_": {"doc_count": 3}})
    );
    assert_eq!(counts(&got["r"]), [2, 2, 1]);
    assert_eq!(
        (&got["r"]["buckets"][0]["key"], &got["r"]["buckets"][1]["key"]),
        (&json!("*-0.25"), &json!("mid"))
    );
    assert_eq!(keys(&got["h"]), [200.0, 300.0, 400.0, 500.0]);
    assert_eq!(got["global"], json!({"doc_count": 5, "n": {"value": 5}}));
    server.stop().await;
}

#[tokio::test]
async fn figures() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server).await;
    let got = aggs(&server, json!({
        "avg": {"avg": {"field": "took"}}, "min": {"min": {"field": "status"}}, "max": {"max": {"field": "@timestamp"}},
        "stats": {"stats": {"field": "took"}}, "card": {"cardinality": {"field": "path.keyword"}}, "none": {"avg": {"field": "absent"}},
        "list": {"percentiles": {"field": "took", "percents": [50], "keyed": false}}})).await;
    assert!((got["avg"]["value"].as_f64().unwrap() - 0.3).abs() < 1e-6, "{got}");
    assert_eq!(got["min"]["value"], 200.0);
    assert_eq!(got["max"]["value_as_string"], "2026-11-23T11:59:59.999Z");
    assert_eq!(
        (&got["stats"]["count"], &got["card"]["value"], &got["none"]["value"]),
        (&json!(5), &json!(3), &Value::Null)
    );
    assert_eq!(got["list"]["values"][0]["key"], 50.0);
    server.stop().await;
}

#[tokio::test]
async fn refusals_name_what_they_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server).await;
    for (body, word) in [
        (json!({"query": {"fuzzy": {"a": "b"}}}), "fuzzy"),
        (json!({"highlight": {"fields": {"a": {}}}}), "highlight"),
        (json!({"aggs": {"x": {"derivative": {}}}}), "derivative"),
        (json!({"aggs": {"x": {"terms": {"field": "status", "include": "a"}}}}), "include"),
        (json!({"aggs": {"x": {"terms": {"field": "path"}}}}), "keyword field"),
        (json!({"aggs": {"x": {"avg": {"field": "path.keyword"}}}}), "path.keyword"),
        (
            json!({"aggs": {"x": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1s",
            "extended_bounds": {"min": 0, "max": 1_000_000_000_000i64}}}}}),
            "too many buckets",
        ),
        (json!({"size": 10_001}), "Result window"),
        (json!({"sort": ["nope"]}), "nope"),
        (json!({"query": {"range": {"@timestamp": {"gte": "yesterday"}}}}), "yesterday"),
        (json!({"query": {"term": {"status": "abc"}}}), "abc"),
    ] {
        let (status, answer) = server.send("POST", "/logs-*/_search", body.clone()).await;
        assert_eq!(status, 400, "{body}");
        // What is wrong with the query for an index stands in the cause, as in OpenSearch.
        let reason = answer["error"]["root_cause"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(word), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn documents_without_a_value_are_in_the_hour_of_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    // One a second, more than an hour of them, and some in the middle without the figure.
    let lines: Vec<(String, Value)> = (0..4096)
        .map(|n| {
            let at = 1_795_431_600_000i64 + n * 1000;
            let source = if (1300..1310).contains(&n) {
                json!({"@timestamp": at})
            } else {
                json!({"@timestamp": at, "ms": 5})
            };
            (format!("{n:04}"), source)
        })
        .collect();
    let lines: Vec<(&str, Value)> = lines.iter().map(|(id, source)| (id.as_str(), source.clone())).collect();
    let mapping =
        json!({"mappings": {"properties": {"@timestamp": {"type": "date"}, "ms": {"type": "long"}}}});
    server.ok("PUT", "/seconds", mapping).await;
    assert_eq!(server.fill("seconds", &lines).await["errors"], false);
    let hours = json!({"h": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}});
    let body = json!({"size": 0, "aggs": {
        "plain": hours["h"],
        "all": {"range": {"field": "ms", "missing": 0, "ranges": [{"to": 1000}]}, "aggs": hours}}});
    for _ in 0..2 {
        let answer = server.ok("POST", "/seconds/_search", body.clone()).await;
        let counts = |buckets: &Value| -> Vec<u64> {
            buckets["buckets"].as_array().unwrap().iter().map(|b| b["doc_count"].as_u64().unwrap()).collect()
        };
        assert_eq!(counts(&answer["aggregations"]["plain"]), [3600, 496]);
        assert_eq!(counts(&answer["aggregations"]["all"]["buckets"][0]["h"]), [3600, 496]);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_page_sorted_by_floats_keeps_what_is_behind_minus_zero() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mapping = json!({"mappings": {"properties": {"x": {"type": "double"}}}});
    server.ok("PUT", "/floats", mapping).await;
    // Two segments.
    server.fill("floats", &[("a", json!({"x": 5.0})), ("b", json!({"x": -0.0}))]).await;
    server.fill("floats", &[("c", json!({"x": 0.0}))]).await;
    let body = json!({"size": 2, "sort": [{"x": "desc"}]});
    let answer = server.ok("POST", "/floats/_search", body).await;
    let ids: Vec<&str> =
        answer["hits"]["hits"].as_array().unwrap().iter().map(|h| h["_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "c"]);
    server.stop().await;
}
