//! Writing: bulk, ids, mappings, templates, data streams, names.

#![allow(clippy::unwrap_used)]

mod common;

use common::start;
use serde_json::{Value, json};
use std::io::Write as _;

#[tokio::test]
async fn root_is_what_clients_look_for() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let root = server.ok("GET", "/", Value::Null).await;
    assert_eq!(root["version"]["distribution"], "opensearch");
    assert_eq!(root["tagline"], "The OpenSearch Project: https://opensearch.org/");
    assert_eq!(server.raw("HEAD", "/", "", b"").await, (200, String::new()));
    assert_eq!(server.raw("GET", "/healthz", "", b"").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn bulk_judges_each_item_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let body = concat!(
        r#"{"create":{"_index":"a","_id":"1","_type":"_doc"}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"create":{"_index":"a","_id":"1"}}"#,
        "\n",
        r#"{"n":2}"#,
        "\n",
        r#"{"index":{"_index":"a","_id":"2"}}"#,
        "\n",
        r#"{"n":"not a number"}"#,
        "\n",
        r#"{"index":{"_index":"a","_id":"3"}}"#,
        "\n",
        r#"{"n":"#,
        "\n",
        r#"{"index":{"_index":"A","_id":"4"}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"index":{"_index":"a","_id":"1"}}"#,
        "\n",
        r#"{"n":"7"}"#,
        "\n",
    );
    let (_, text) = server.raw("POST", "/_bulk?refresh=true", "", body.as_bytes()).await;
    assert!(
        text.starts_with(r#"{"took":"#) && text.contains(r#","errors":true,"items":[{"create":"#),
        "{text}"
    );
    let answer: Value = serde_json::from_str(&text).unwrap();
    let item = |at: usize| answer["items"][at].as_object().unwrap().values().next().unwrap().clone();
    let statuses: Vec<_> = (0..6).map(|at| item(at)["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 409, 400, 400, 400, 200], "{text}");
    assert_eq!(item(1)["error"]["type"], "version_conflict_engine_exception");
    assert_eq!(item(2)["error"]["type"], "mapper_parsing_exception");
    assert!(
        item(2)["error"]["reason"].as_str().unwrap().contains("failed to parse field [n] of type [long]")
    );
    assert_eq!(item(4)["error"]["type"], "invalid_index_name_exception");
    assert_eq!((&item(5)["result"], &item(5)["_version"]), (&json!("updated"), &json!(2)));
    assert_eq!(server.ids("a", json!({"query": {"term": {"n": 7}}})).await, ["1"]);
    assert_eq!(server.count("a", json!({"match_all": {}})).await, 1);
    // The same after the id went from the uncommitted tail into a segment.
    let again = server.bulk("/a/_bulk", "{\"create\":{\"_id\":\"1\"}}\n{\"n\":1}\n").await;
    assert_eq!(again["items"][0]["create"]["status"], 409);
    server.stop().await;
}

#[tokio::test]
async fn gzip_and_refusals() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"index\":{}}\n{\"a\":1}\n").unwrap();
    let (status, text) =
        server.raw("POST", "/z/_bulk?refresh", "content-encoding: gzip\r\n", &gzip.finish().unwrap()).await;
    assert_eq!(status, 200);
    assert!(text.contains(r#""errors":false,"items":["#), "{text}");
    assert_eq!(server.count("z", json!({"match_all": {}})).await, 1);
    for (body, word) in [
        ("{\"index\":{}}\n{\"a\":1}", "terminated by a newline"),
        ("{\"indx\":{}}\n{\"a\":1}\n", "indx"),
        ("{\"index\":{\"_nonsense\":1}}\n{\"a\":1}\n", "_nonsense"),
        ("", "request body is required"),
        ("\n", "no requests added"),
    ] {
        let (status, text) = server.raw("POST", "/z/_bulk", "", body.as_bytes()).await;
        assert!(status == 400 && text.contains(word), "{text}");
    }
    assert_eq!(server.send("GET", "/_nonsense/x/y", Value::Null).await.0, 400);
    assert_eq!(server.send("POST", "/z/_search?nonsense=1", Value::Null).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn dynamic_mapping_and_templates() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server
        .ok(
            "PUT",
            "/_index_template/t",
            json!({
                "index_patterns": ["logs-*"], "priority": 10,
                "template": {"mappings": {"properties": {
                    "status": {"type": "short"}, "client": {"properties": {"ip": {"type": "ip"}}},
                    "message": {"type": "match_only_text"}}}}
            }),
        )
        .await;
    server.ok("PUT", "/_index_template/low", json!({"index_patterns": ["*"], "priority": 1})).await;
    let document = json!({"status": "200", "client": {"ip": "10.1.2.3"}, "message": "Hello World", "tags": ["a", "b"],
        "when": "2026-11-23T10:00:00Z", "ok": true, "f": 1.5, "deep": {"er": {"x": 1}}, "text": "Some Words"});
    let answer = server.fill("logs-1", &[("1", document)]).await;
    assert_eq!(answer["errors"], false, "{answer}");
    let mapping = server.ok("GET", "/logs-1/_mapping", Value::Null).await;
    let of = |pointer: &str| mapping["logs-1"]["mappings"].pointer(pointer).cloned().unwrap_or_default();
    for (pointer, kind) in [
        ("/properties/status/type", "short"),
        ("/properties/client/properties/ip/type", "ip"),
        ("/properties/message/type", "match_only_text"),
        ("/properties/tags/fields/keyword/type", "keyword"),
        ("/properties/when/type", "date"),
        ("/properties/ok/type", "boolean"),
        ("/properties/f/type", "float"),
        ("/properties/deep/properties/er/properties/x/type", "long"),
        ("/properties/text/type", "text"),
    ] {
        assert_eq!(of(pointer), kind, "{pointer} in {mapping}");
    }
    for query in [
        json!({"term": {"status": 200}}),
        json!({"term": {"client.ip": "10.0.0.0/8"}}),
        json!({"match": {"message": "world"}}),
        json!({"term": {"tags.keyword": "b"}}),
        json!({"range": {"when": {"gte": "2026-11-23", "lt": "2026-11-24"}}}),
        json!({"term": {"ok": true}}),
        json!({"range": {"f": {"gt": 1}}}),
        json!({"term": {"deep.er.x": "1"}}),
        json!({"match_phrase": {"text": "some words"}}),
        json!({"exists": {"field": "deep"}}),
        json!({"exists": {"field": "message"}}),
        json!({"prefix": {"text.keyword": "Some"}}),
        json!({"wildcard": {"tags.keyword": {"value": "?"}}}),
        json!({"ids": {"values": ["1"]}}),
    ] {
        assert_eq!(server.count("logs-1", query.clone()).await, 1, "{query}");
    }
    for query in [
        json!({"term": {"status": 404}}),
        json!({"term": {"client.ip": "11.0.0.0/8"}}),
        json!({"match": {"message": "worl"}}),
        json!({"match_phrase": {"text": "words some"}}),
        json!({"exists": {"field": "absent"}}),
        json!({"term": {"absent": 1}}),
        json!({"bool": {"must_not": [{"term": {"ok": true}}]}}),
    ] {
        assert_eq!(server.count("logs-1", query.clone()).await, 0, "{query}");
    }
    let caps = server.ok("GET", "/logs-*/_field_caps?fields=*", Value::Null).await;
    assert_eq!(caps["fields"]["tags.keyword"]["keyword"]["aggregatable"], true);
    let bad = server.send("PUT", "/_index_template/bad", json!({"index_patterns": ["x"], "template": {"mappings": {"properties": {"a": {"type": "geo_point"}}}}})).await;
    assert_eq!((bad.0, bad.1["error"]["type"].as_str()), (400, Some("mapper_parsing_exception")));
    assert_eq!(server.send("HEAD", "/_index_template/t", Value::Null).await.0, 200);
    assert_eq!(server.send("HEAD", "/_index_template/none", Value::Null).await.0, 404);
    server.ok("DELETE", "/_index_template/t", Value::Null).await;
    server.stop().await;
}

#[tokio::test]
async fn a_field_without_index_and_doc_values_is_only_in_the_source() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let field = json!({"type": "keyword", "index": false, "doc_values": false});
    server.ok("PUT", "/a", json!({"mappings": {"properties": {"original": field}}})).await;
    // Longer than a term may be: nothing is made a term of here.
    let long = "x".repeat(40_000);
    let answer = server.fill("a", &[("1", json!({"original": long}))]).await;
    assert_eq!(answer["errors"], false, "{answer}");
    assert_eq!(server.count("a", json!({"match_all": {}})).await, 1);
    assert_eq!(server.count("a", json!({"exists": {"field": "original"}})).await, 0);
    let found = server.ok("POST", "/a/_search", json!({})).await;
    assert_eq!(found["hits"]["hits"][0]["_source"]["original"], long.as_str());
    server.stop().await;
}

#[tokio::test]
async fn data_streams_take_only_create() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.ok("PUT", "/_index_template/ds", json!({"index_patterns": ["ds"], "data_stream": {}})).await;
    let body = "{\"index\":{}}\n{\"@timestamp\":1}\n{\"create\":{}}\n{\"a\":1}\n{\"create\":{}}\n{\"@timestamp\":\"2026-01-01\"}\n";
    let answer = server.bulk("/ds/_bulk", body).await;
    let statuses: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [400, 400, 201]);
    let streams = server.ok("GET", "/_data_stream/ds", Value::Null).await;
    assert_eq!(streams["data_streams"][0]["timestamp_field"]["name"], "@timestamp");
    server.stop().await;
}

#[tokio::test]
async fn names_and_deletion() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    for index in ["a-1", "a-2", "b"] {
        server.fill(index, &[("x", json!({"n": 1}))]).await;
    }
    let all = json!({"match_all": {}});
    assert_eq!(server.count("a-*", all.clone()).await, 2);
    assert_eq!(server.count("a-*,b", all.clone()).await, 3);
    assert_eq!(server.count("_all", all.clone()).await, 3);
    assert_eq!(server.count("nope-*", all.clone()).await, 0);
    let (status, answer) = server.send("POST", "/nope/_search", Value::Null).await;
    assert_eq!((status, answer["error"]["type"].as_str()), (404, Some("index_not_found_exception")));
    assert_eq!(server.send("POST", "/nope/_search?ignore_unavailable=true", Value::Null).await.0, 200);
    let table = server.raw("GET", "/_cat/indices?h=index,docs.count", "", b"").await.1;
    assert_eq!(table, "a-1 1\na-2 1\nb   1\n");
    server.ok("DELETE", "/a-1", Value::Null).await;
    assert_eq!(server.send("HEAD", "/a-1", Value::Null).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn an_id_that_comes_twice_in_a_request_is_judged_twice() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.fill("a", &[("1", json!({"n": 1})), ("2", json!({"n": 1}))]).await;
    let create = "{\"create\":{\"_id\":\"1\"}}\n{\"n\":2}\n";
    let index = "{\"index\":{\"_id\":\"2\"}}\n{\"n\":2}\n";
    let delete = "{\"delete\":{\"_id\":\"2\"}}\n";
    let body = [create, create, index, delete, index].concat();
    let answer = server.bulk("/a/_bulk?refresh=true", &body).await;
    let said = |at: usize| answer["items"][at].as_object().unwrap().values().next().unwrap().clone();
    let statuses: Vec<_> = (0..5).map(|at| said(at)["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [409, 409, 200, 200, 201], "{answer}");
    assert_eq!(server.count("a", json!({"match_all": {}})).await, 2);
    server.stop().await;
}

#[tokio::test]
async fn fields_beyond_the_limit_are_searched_in_one_column_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let document = |from: usize, to: usize| {
        let fields: Vec<String> = (from..to).map(|n| format!(r#""f{n}":"v{n}""#)).collect();
        format!(r#"{{ {},"deep":{{"{from}":{{"n":{from}.50}}}}}}"#, fields.join(", "))
    };
    // Each string field is two: its words, and its whole.
    let bodies = [document(0, 400), document(380, 900), r#"{"f1":"v1","late":[true,"x=y"]}"#.to_owned()];
    let check = async |server: &common::Server| {
        for (query, ids) in [
            (json!({"term": {"f1.keyword": "v1"}}), vec!["0", "2"]),
            (json!({"match": {"f899": "v899"}}), vec!["1"]),
            (json!({"term": {"f899": "v898"}}), vec![]),
            (json!({"terms": {"_overflow": ["v899", "x=y"]}}), vec!["1", "2"]),
            (json!({"term": {"late": "x=y"}}), vec!["2"]),
            (json!({"term": {"late": true}}), vec!["2"]),
            (json!({"exists": {"field": "late"}}), vec!["2"]),
            (json!({"exists": {"field": "nowhere"}}), vec![]),
            (json!({"prefix": {"f899": "v8"}}), vec!["1"]),
            (json!({"wildcard": {"f899": "*99"}}), vec!["1"]),
            (json!({"range": {"f899": {"gt": "v"}}}), vec!["1"]),
            (json!({"range": {"f899": {"lt": "v"}}}), vec![]),
            (json!({"query_string": {"query": "f899:v899 AND NOT f1:v1"}}), vec!["1"]),
            (json!({"bool": {"must_not": {"exists": {"field": "f899"}}}}), vec!["0", "2"]),
        ] {
            let mut found = server.ids("wide", json!({"query": query, "size": 10})).await;
            found.sort();
            assert_eq!(found, ids, "{query}");
        }
        for (id, body) in bodies.iter().enumerate() {
            let query = format!(r#"{{"query":{{"ids":{{"values":["{id}"]}}}}}}"#);
            let (_, text) = server.raw("POST", "/wide/_search", "", query.as_bytes()).await;
            assert!(text.contains(&format!("\"_source\":{body}")), "{text}");
        }
        let mapping = server.ok("GET", "/wide/_mapping", Value::Null).await;
        let properties = mapping["wide"]["mappings"]["properties"].as_object().unwrap();
        assert_eq!(properties["_overflow"], json!({"type": "flat_object"}));
        assert!(properties.len() <= 502, "{}", properties.len());
    };
    for (id, body) in bodies.iter().enumerate() {
        let lines = format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{body}\n");
        let answer = server.bulk("/wide/_bulk?refresh=true", &lines).await;
        assert_eq!(answer["errors"], false, "{answer}");
    }
    check(&server).await;
    let (_, metrics) = server.raw("GET", "/metrics", "", b"").await;
    let counted = metrics.lines().find(|line| line.contains("values_beyond_field_limit_total ")).unwrap();
    assert!(!counted.ends_with(" 0"), "{counted}");
    // A mapping that a client asks for is refused, as OpenSearch does it.
    let one = json!({"properties": {"one": {"type": "long"}, "more": {"type": "long"}}});
    let (status, answer) = server.send("PUT", "/wide/_mapping", one).await;
    assert_eq!(status, 400);
    assert!(answer["error"]["reason"].as_str().unwrap().contains("Limit of total fields [1000]"), "{answer}");
    server.stop().await;
    let server = start(dir.path()).await;
    check(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn a_field_of_the_client_that_is_named_as_the_shared_column_stays_the_clients() {
    for own in [r#"{"_overflow":{"a":1}}"#, r#"{"_overflow":"a"}"#] {
        let dir = tempfile::tempdir().unwrap();
        let server = start(dir.path()).await;
        let many: Vec<String> = (0..1100).map(|n| format!(r#""n{n}":{n}"#)).collect();
        let lines = format!("{{\"index\":{{}}}}\n{own}\n{{\"index\":{{}}}}\n{{{}}}\n", many.join(","));
        let answer = server.bulk("/own/_bulk?refresh=true", &lines).await;
        assert_eq!(answer["errors"], false, "{answer}");
        server.stop().await;
        let server = start(dir.path()).await;
        assert_eq!(server.count("own", json!({"term": {"n1": 1}})).await, 1);
        assert_eq!(server.count("own", json!({"match_all": {}})).await, 2);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_path_beyond_the_limit_stays_there_and_disturbs_no_other_index() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let many: Vec<String> = (0..999).map(|n| format!(r#""n{n}":{n}"#)).collect();
    let lines = [
        format!("{{{}}}", many.join(",")),
        r#"{"x":"abc"}"#.to_owned(),
        r#"{"x":5}"#.to_owned(),
        r#"{"n1":1,"a=b":"c","a":"b=c"}"#.to_owned(),
    ];
    let body: String = lines.iter().map(|line| format!("{{\"index\":{{}}}}\n{line}\n")).collect();
    let answer = server.bulk("/full/_bulk?refresh=true", &body).await;
    assert_eq!(answer["errors"], false, "{answer}");
    let below = server.bulk("/full/_bulk", "{\"index\":{}}\n{\"n1.y\":1}\n").await;
    assert_eq!(below["items"][0]["index"]["status"], 400, "nothing is below a number: {below}");
    server.fill("other", &[("1", json!({"bytes": 7, "from": "10.0.0.1", "name": "abc"}))]).await;
    let check = async |server: &common::Server| {
        for (query, count) in [
            (json!({"term": {"x": "abc"}}), 1),
            (json!({"term": {"x": 5}}), 1),
            (json!({"regexp": {"x": "a.c"}}), 1),
            (json!({"regexp": {"x": "b.*"}}), 0),
            (json!({"term": {"a": "b=c"}}), 1),
            (json!({"term": {"a=b": "c"}}), 1),
            (json!({"term": {"a=b": "b=c"}}), 0),
        ] {
            assert_eq!(server.count("full", query.clone()).await, count, "{query}");
        }
        let body = json!({"size": 1, "query": {"regexp": {"name.keyword": "ab."}}, "sort": [{"bytes": {"order": "desc", "unmapped_type": "long"}}],
            "aggs": {"avg": {"avg": {"field": "bytes"}}, "by": {"terms": {"field": "bytes"}}}});
        let answer = server.ok("POST", "/full,other/_search", body).await;
        assert_eq!(answer["aggregations"]["avg"]["value"], 7.0, "{answer}");
        assert_eq!(answer["aggregations"]["by"]["buckets"][0]["key"], 7, "{answer}");
    };
    check(&server).await;
    server.stop().await;
    let server = start(dir.path()).await;
    check(&server).await;
    server.stop().await;
}

#[tokio::test]
async fn updates_that_write_too_much_are_refused_and_what_was_taken_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = alces_store::Config::new(dir.path());
    config.max_in_flight = 3_000_000;
    let server = common::start_with(config.clone()).await;
    let large = format!("{{\"index\":{{\"_id\":\"1\"}}}}\n{{\"note\":\"{}\"}}\n", "x y ".repeat(250_000));
    assert_eq!(server.bulk("/large/_bulk?refresh=true", &large).await["errors"], false);
    let update = |n: usize| format!("{{\"update\":{{\"_id\":\"1\"}}}}\n{{\"doc\":{{\"n\":{n}}}}}\n");
    let answer = server.bulk("/large/_bulk", &(0..8).map(update).collect::<String>()).await;
    let statuses: Vec<u64> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["update"]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429, 429, 429], "{statuses:?}");
    server.stop().await;
    let server = common::start_with(config).await;
    assert_eq!(server.count("large", json!({"term": {"n": 2}})).await, 1);
    server.stop().await;
}
