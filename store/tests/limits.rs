//! What is too much is answered, and the store lives.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use alces_store::Config;
use common::{Server, start, start_with};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;

/// Documents with a text of their own each, and a number.
async fn fill(server: &Server, count: usize) {
    let template = json!({"index_patterns": ["many"], "template": {"mappings": {"properties": {
        "text": {"type": "keyword"}, "n": {"type": "double"}}}}});
    server.ok("PUT", "/_index_template/many", template).await;
    let mut body = String::new();
    for at in 0..count {
        body += &format!("{{\"create\":{{}}}}\n{{\"text\":\"value-{at}\",\"n\":{at}}}\n");
    }
    let answer = server.bulk("/many/_bulk?refresh=true", &body).await;
    assert_eq!(answer["errors"], false);
}

/// A search that works for a while: the same aggregation many times.
fn heavy(times: usize) -> Value {
    let one = json!({"histogram": {"field": "n", "interval": 10},
        "aggs": {"p": {"percentiles": {"field": "n"}}, "c": {"cardinality": {"field": "text"}}}});
    let aggs: Map<String, Value> = (0..times).map(|at| (format!("a{at}"), one.clone())).collect();
    json!({"size": 0, "track_total_hits": true, "aggs": aggs})
}

async fn metric(server: &Server, name: &str) -> u64 {
    let (_, text) = server.raw("GET", "/metrics", "", b"").await;
    let line =
        text.lines().find(|line| line.starts_with(&format!("alces_store_{name} "))).unwrap().to_owned();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_search_that_would_hold_too_much_is_refused_and_gives_back_what_it_held() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::new(dir.path());
    config.search_memory = 2 << 20;
    let server = start_with(config).await;
    fill(&server, 20_000).await;
    let terms = json!({"terms": {"field": "text", "size": 10}});
    let sketches = json!({"histogram": {"field": "n", "interval": 10},
        "aggs": {"c": {"cardinality": {"field": "text"}}}});
    let pages = json!({"composite": {"sources": [{"t": {"terms": {"field": "text"}}}]}});
    let tops = json!({"histogram": {"field": "n", "interval": 1}, "aggs": {"t": {"top_hits": {"size": 1}}}});
    for agg in [terms, sketches, pages, tops] {
        let body = json!({"size": 0, "aggs": {"a": agg}});
        let (status, answer) = server.send("POST", "/many/_search", body).await;
        assert_eq!(status, 429, "{answer}");
        let error = &answer["error"];
        assert_eq!(error["type"], "circuit_breaking_exception");
        assert_eq!(error["bytes_limit"], 2 << 20);
        let reason = error["reason"].as_str().unwrap();
        assert!(reason.starts_with("[request] Data too large, data for [<search>] would be ["), "{reason}");
        assert_eq!(metric(&server, "search_bytes_held").await, 0);
    }
    // Many hits, by what their sources take.
    let wide = json!({"text": "x".repeat(600_000)});
    server.fill("wide", &[("1", wide.clone()), ("2", wide.clone()), ("3", wide)]).await;
    assert_eq!(server.send("POST", "/wide/_search", json!({"size": 1})).await.0, 200);
    assert_eq!(server.send("POST", "/wide/_search", json!({"size": 3})).await.0, 429);
    let small = json!({"size": 0, "aggs": {"a": {"histogram": {"field": "n", "interval": 1000}}}});
    let answer = server.ok("POST", "/many/_search", small).await;
    assert_eq!(answer["aggregations"]["a"]["buckets"].as_array().unwrap().len(), 20);
    assert_eq!(metric(&server, "search_breaker_trips_total").await, 5);
    assert_eq!(metric(&server, "search_bytes_held").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_search_whose_client_went_away_stops() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server, 40_000).await;
    let body = heavy(400).to_string();
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /many/_search HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let until = async |name: &str| while metric(&server, name).await == 0 {};
    let long = std::time::Duration::from_secs(60);
    tokio::time::timeout(long, until("searches_total")).await.unwrap();
    drop(stream);
    tokio::time::timeout(long, until("searches_cancelled_total")).await.unwrap();
    assert_eq!(metric(&server, "search_bytes_held").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_timeout_ends_a_search_with_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    fill(&server, 20_000).await;
    for (path, timeout) in [("/many/_search", Some("1ms")), ("/many/_search?timeout=1ms", None)] {
        let mut body = heavy(100);
        if let Some(timeout) = timeout {
            body["timeout"] = json!(timeout);
        }
        let answer = server.ok("POST", path, body).await;
        assert_eq!(answer["timed_out"], true);
        assert!(answer["hits"]["total"]["value"].as_u64().unwrap() < 20_000);
    }
    let answer = server.ok("POST", "/many/_search", json!({"timeout": "1m", "track_total_hits": true})).await;
    assert_eq!((&answer["timed_out"], &answer["hits"]["total"]["value"]), (&json!(false), &json!(20_000)));
    assert_eq!(server.send("POST", "/many/_search", json!({"timeout": "soon"})).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn sizes_and_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::new(dir.path());
    config.max_indices = 2;
    config.max_body = 100_000;
    let server = start_with(config).await;
    server.ok("PUT", "/a", Value::Null).await;
    server.ok("PUT", "/b", Value::Null).await;
    let deep = |depth: usize, inner: &str| "{\"a\":".repeat(depth) + inner + &"}".repeat(depth);
    let nested = (0..40).fold(json!({"match_all": {}}), |inner, _| json!({"bool": {"must": inner}}));
    let regexps: Vec<Value> = (0..65).map(|at| json!({"regexp": {"k": format!("{at}.*")}})).collect();
    let aggs = (0..25).fold(
        json!({"a": {"avg": {"field": "n"}}}),
        |inner, _| json!({"a": {"filter": {"match_all": {}}, "aggs": inner}}),
    );
    for (path, body, status, kind) in [
        ("/c", String::new(), 400, "validation_exception"),
        ("/a/_search", deep(200, "1"), 400, "parsing_exception"),
        ("/a/_search", json!({"query": nested}).to_string(), 400, ""),
        ("/a/_search", json!({"aggs": aggs}).to_string(), 400, "illegal_argument_exception"),
        ("/a/_search", json!({"from": 9_999, "size": 2}).to_string(), 400, ""),
        ("/a/_search", json!({"query": {"bool": {"should": regexps}}}).to_string(), 400, "too_many_clauses"),
        ("/a/_search", "x".repeat(100_001), 413, "content_too_long_exception"),
    ] {
        let method = if path == "/c" { "PUT" } else { "POST" };
        let (got, text) = server.raw(method, path, "", body.as_bytes()).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(got, status, "{path} {answer}");
        assert!(kind.is_empty() || answer["error"]["type"] == kind, "{path} {answer}");
    }
    // A document that is too deep is one item's matter.
    let lines = format!("{{\"index\":{{}}}}\n{}\n{{\"index\":{{}}}}\n{{\"n\":1}}\n", deep(30, "1"));
    let answer = server.bulk("/a/_bulk", &lines).await;
    let status = |at: usize| answer["items"][at]["index"]["status"].clone();
    assert_eq!((status(0), status(1)), (json!(400), json!(201)), "{answer}");
    let many = "{}\n{}\n".repeat(10_001);
    let (status, text) = server.raw("POST", "/_msearch", "", many.as_bytes()).await;
    assert!(status == 400 && text.contains("[10000] searches"), "{text}");
    let headers: String = (0..101).map(|at| format!("x-{at}: 1\r\n")).collect();
    assert_eq!(server.raw("GET", "/", &headers, b"").await.0, 431);
    let long = format!("x: {}\r\n", "1".repeat(300_000));
    assert_eq!(server.raw("GET", "/", &long, b"").await.0, 431);
    assert_eq!(server.raw("GET", "/", "", b"").await.0, 200);
    server.stop().await;
}
