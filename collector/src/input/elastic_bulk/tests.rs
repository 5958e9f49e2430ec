use super::super::test_support::{Running, ask, errors};

/// What is answered, and what becomes of it.
async fn check(options: &str, head: &str, body: &str) -> String {
    let mut running = Running::start(&format!("elastic_bulk {{ port => 0 {options} }}")).await;
    let (answer, events) = ask(&mut running, head, body.as_bytes(), &["x-elastic", "www-"]).await;
    running.stop().await;
    [vec![answer], events].concat().join("\n")
}

#[tokio::test]
async fn documents_become_events() {
    let body = "{\"create\":{\"_id\":\"7\"}}\n{\"@timestamp\":\"2020-01-01T00:00:00Z\",\"a\":1}\n{\"index\":{\"_index\":\"other\",\"pipeline\":\"p\",\"routing\":\"r\"}}\n{\"b\":\n";
    insta::assert_snapshot!(check("tags => 't'", "POST /logs/_bulk HTTP/1.1", body).await, @r#"
    200 OK | x-elastic-product: Elasticsearch | {"errors":false,"items":[{"create":{"_id":"7","_index":"logs","_primary_term":1,"_seq_no":0,"_shards":{"failed":0,"successful":1,"total":1},"_version":1,"result":"created","status":201}},{"index":{"_index":"other","_primary_term":1,"_seq_no":0,"_shards":{"failed":0,"successful":1,"total":1},"_version":1,"result":"created","status":201}}],"took":0}
    {"@timestamp":"2020-01-01T00:00:00.000Z","a":1,"tags":["t"]} {"_bulk":{"op":"create","index":"logs","id":"7","host":"127.0.0.1"},"_id":"7"}
    {"message":"{\"b\":","tags":["_jsonparsefailure","t"]} {"_bulk":{"op":"index","index":"other","pipeline":"p","routing":"r","host":"127.0.0.1"}}
    "#);
}

#[tokio::test]
async fn what_a_pipeline_cannot_do_is_said() {
    let body = "{\"delete\":{\"_index\":\"a\",\"_id\":\"7\"}}\n{\"index\":{\"_index\":\"a\"}}\n{\"b\":1}\n";
    insta::assert_snapshot!(check("", "POST /_bulk?filter_path=errors HTTP/1.1", body).await, @r#"
    200 OK | x-elastic-product: Elasticsearch | {"errors":true,"items":[{"delete":{"_id":"7","_index":"a","error":{"reason":"a pipeline takes new documents only: `index` and `create`","type":"illegal_argument_exception"},"status":400}},{"index":{"_index":"a","_primary_term":1,"_seq_no":0,"_shards":{"failed":0,"successful":1,"total":1},"_version":1,"result":"created","status":201}}],"took":0}
    {"b":1} {"_bulk":{"op":"index","index":"a","host":"127.0.0.1"}}
    "#);
    insta::assert_snapshot!(check("", "POST /_bulk HTTP/1.1", "{\"index\":{}}\n{}\n").await, @r#"400 Bad Request | x-elastic-product: Elasticsearch | {"error":{"reason":"Action/metadata line [1]: index is missing","root_cause":[{"reason":"Action/metadata line [1]: index is missing","type":"illegal_argument_exception"}],"type":"illegal_argument_exception"},"status":400}"#);
    insta::assert_snapshot!(check("", "GET /a/_search HTTP/1.1", "").await, @r#"404 Not Found | x-elastic-product: Elasticsearch | {"error":{"reason":"/a/_search is not here: this is the input of a pipeline, which takes `_bulk`","root_cause":[{"reason":"/a/_search is not here: this is the input of a pipeline, which takes `_bulk`","type":"resource_not_found_exception"}],"type":"resource_not_found_exception"},"status":404}"#);
}

#[tokio::test]
async fn it_says_that_it_is_elasticsearch_to_those_who_may_know() {
    let found = check("elasticsearch_version => '9.1.0'", "GET / HTTP/1.1", "").await;
    assert!(found.starts_with("200 OK | x-elastic-product: Elasticsearch | {"), "{found}");
    assert!(found.contains(r#""number":"9.1.0""#), "{found}");
    assert_eq!(check("", "HEAD / HTTP/1.1", "").await, "200 OK | x-elastic-product: Elasticsearch | ");
    let options = "api_key => 'id:key' user => 'u' password => 'p'";
    insta::assert_snapshot!(check(options, "GET / HTTP/1.1", "").await, @r#"401 Unauthorized | www-authenticate: Basic realm="alces", charset="UTF-8" | x-elastic-product: Elasticsearch | {"error":{"reason":"not authorized","root_cause":[{"reason":"not authorized","type":"alces_exception"}],"type":"alces_exception"},"status":401}"#);
    let found = check(options, "HEAD / HTTP/1.1\nAuthorization: ApiKey aWQ6a2V5", "").await;
    assert!(found.starts_with("200 OK"), "{found}");
}

#[test]
fn what_is_wrong_is_told() {
    assert!(errors("elastic_bulk { api_key => 'x' }").contains("wants `ID:KEY`"));
    assert!(errors("elastic_bulk { user => 'x' }").contains("belong together"));
}
