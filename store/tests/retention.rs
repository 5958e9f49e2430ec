//! Policies over HTTP, with a clock of the test's own.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use alces_store::Config;
use common::{Server, start_with};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const DAY: i64 = 86_400_000;
/// 2026-11-23
const START: i64 = 1_795_392_000_000;

/// A store whose time stands still until the test moves it.
struct House {
    server: Server,
    now: Arc<AtomicI64>,
}

impl House {
    async fn open(dir: &Path, now: Arc<AtomicI64>) -> Self {
        let mut config = Config::new(dir);
        let clock = Arc::clone(&now);
        config.clock = Arc::new(move || clock.load(Ordering::Relaxed));
        Self { server: start_with(config).await, now }
    }

    /// So many days later, and what a tick then does.
    async fn later(&self, days: i64) {
        self.now.fetch_add(days * DAY, Ordering::Relaxed);
        self.server.store.tick().await;
    }

    async fn put(&self, id: &str, policy: Value) {
        self.server.ok("PUT", &format!("/_plugins/_ism/policies/{id}"), json!({"policy": policy})).await;
    }

    /// The indexes that there are, and the number of documents that an expression finds.
    async fn indexes(&self, expression: &str) -> Vec<String> {
        let answer = self.server.ok("GET", &format!("/{expression}"), Value::Null).await;
        answer.as_object().unwrap().keys().cloned().collect()
    }

    async fn write(&self, index: &str, id: &str) -> String {
        let time = "2026-11-23T00:00:00Z";
        let body = format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{{\"@timestamp\":\"{time}\"}}\n");
        let answer = self.server.bulk(&format!("/{index}/_bulk?refresh=true"), &body).await;
        let item = &answer["items"][0]["create"];
        assert_eq!(item["status"], 201, "{answer}");
        item["_index"].as_str().unwrap().to_owned()
    }

    async fn message(&self, index: &str) -> String {
        let answer = self.server.ok("GET", &format!("/_plugins/_ism/explain/{index}"), Value::Null).await;
        answer[index]["info"]["message"].as_str().unwrap_or_default().to_owned()
    }
}

fn gone_after(days: u32, pattern: &str) -> Value {
    json!({"ism_template": [{"index_patterns": [pattern]}], "default_state": "hot", "states": [
        {"name": "hot", "transitions": [{"state_name": "gone", "conditions": {"min_index_age": format!("{days}d")}}]},
        {"name": "gone", "actions": [{"delete": {}}]}]})
}

fn rolled_then_gone(pattern: &str) -> Value {
    json!({"ism_template": [{"index_patterns": [pattern]}], "default_state": "hot", "states": [
        {"name": "hot", "actions": [{"rollover": {"min_index_age": "1d", "min_doc_count": 1000}}],
            "transitions": [{"state_name": "gone", "conditions": {"min_rollover_age": "7d"}}]},
        {"name": "gone", "actions": [{"delete": {}}]}]})
}

#[tokio::test]
async fn dated_indexes_go_after_a_restart_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(START));
    let house = House::open(dir.path(), Arc::clone(&now)).await;
    house.write("logs-old", "1").await;
    house.later(1).await;
    house.put("week", gone_after(7, "logs-*")).await;
    house.write("logs-2026.11.24", "1").await;
    house.write("other", "1").await;
    house.later(6).await;
    house.server.stop().await;
    let house = House::open(dir.path(), now).await;
    assert_eq!(house.message("logs-2026.11.24").await, "waiting for a transition's condition");
    house.later(1).await;
    // What was there before the policy is not its own.
    assert_eq!(house.indexes("*").await, ["logs-old", "other"]);
    let added = house.server.ok("POST", "/_plugins/_ism/add/logs-old", json!({"policy_id": "week"})).await;
    assert_eq!((&added["updated_indices"], &added["failures"]), (&json!(1), &json!(false)));
    house.server.store.tick().await;
    assert_eq!(house.indexes("*").await, ["other"]);
    house.server.stop().await;
}

#[tokio::test]
async fn an_alias_is_rolled_over_and_goes_on_being_searched() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path(), Arc::new(AtomicI64::new(START))).await;
    house.put("p", rolled_then_gone("app-*")).await;
    house.server.ok("PUT", "/app-000001", json!({"aliases": {"app": {}}})).await;
    house.later(2).await;
    assert_eq!(house.indexes("app").await, ["app-000001"], "it is empty");
    assert_eq!(house.write("app", "1").await, "app-000001");
    house.later(0).await;
    assert_eq!(house.indexes("app").await, ["app-000001", "app-000002"]);
    assert_eq!(house.write("app", "2").await, "app-000002");
    assert_eq!(house.server.count("app", json!({"match_all": {}})).await, 2);
    let aliases = house.server.ok("GET", "/_alias/app", Value::Null).await;
    assert_eq!(aliases["app-000001"]["aliases"]["app"]["is_write_index"], false);
    assert_eq!(aliases["app-000002"]["aliases"]["app"]["is_write_index"], true);
    house.later(7).await;
    assert_eq!(house.indexes("app-*").await, ["app-000002", "app-000003"]);
    assert_eq!(house.write("app", "3").await, "app-000003");
    assert_eq!(house.server.count("app", json!({"match_all": {}})).await, 2);
    house.server.stop().await;
}

#[tokio::test]
async fn a_data_stream_is_rolled_over_and_its_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(START));
    let house = House::open(dir.path(), Arc::clone(&now)).await;
    let template = json!({"index_patterns": ["logs-*"], "data_stream": {},
        "template": {"mappings": {"properties": {"kind": {"type": "keyword"}}}}});
    house.server.ok("PUT", "/_index_template/logs", template).await;
    house.put("p", rolled_then_gone("logs-*")).await;
    assert_eq!(house.write("logs-app", "1").await, "logs-app");
    house.later(1).await;
    assert_eq!(house.write("logs-app", "2").await, ".ds-logs-app-000002");
    house.later(1).await;
    assert_eq!(house.write("logs-app", "3").await, ".ds-logs-app-000003");
    assert_eq!(house.server.count("logs-*", json!({"match_all": {}})).await, 3);
    let streams = house.server.ok("GET", "/_data_stream", Value::Null).await;
    let stream = &streams["data_streams"][0];
    assert_eq!((&stream["name"], &stream["generation"]), (&json!("logs-app"), &json!(3)));
    assert_eq!(stream["indices"].as_array().unwrap().len(), 3);
    let mapping = house.server.ok("GET", "/logs-app/_mapping", Value::Null).await;
    assert_eq!(mapping[".ds-logs-app-000003"]["mappings"]["properties"]["kind"]["type"], "keyword");
    assert_eq!(house.server.ok("GET", "/_alias", Value::Null).await["logs-app"], json!({"aliases": {}}));
    house.server.stop().await;
    // The stream is what it was after a restart, and after its first index is gone.
    let house = House::open(dir.path(), now).await;
    assert_eq!(house.write("logs-app", "4").await, ".ds-logs-app-000003");
    house.later(6).await;
    assert_eq!(
        house.indexes("logs-app").await,
        [".ds-logs-app-000002", ".ds-logs-app-000003", ".ds-logs-app-000004"]
    );
    assert_eq!(house.write("logs-app", "5").await, ".ds-logs-app-000004");
    assert_eq!(house.server.count("logs-app", json!({"match_all": {}})).await, 4);
    let (status, _) = house.server.send("PUT", "/_data_stream/logs-app", Value::Null).await;
    assert_eq!(status, 400);
    house.server.ok("DELETE", "/_data_stream/logs-app", Value::Null).await;
    assert!(house.indexes("*").await.is_empty());
    assert_eq!(house.write("logs-app", "6").await, "logs-app");
    house.server.stop().await;
}

#[tokio::test]
async fn what_is_written_to_is_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path(), Arc::new(AtomicI64::new(START))).await;
    house.put("p", gone_after(1, "*")).await;
    house.server.ok("PUT", "/logs-today", json!({"aliases": {"logs": {}}})).await;
    house.write("logs", "1").await;
    house.server.ok("PUT", "/app-1", json!({"aliases": {"app": {}}})).await;
    house.write("app", "1").await;
    house.later(1).await;
    assert_eq!(house.indexes("*").await, ["app-000002", "app-1", "logs-today"]);
    house.later(0).await;
    assert_eq!(house.indexes("*").await, ["app-000002", "logs-today"]);
    assert!(house.message("logs-today").await.contains("does not end in a dash and a number"));
    house.later(30).await;
    assert_eq!(house.indexes("*").await, ["app-000002", "logs-today"], "the one is empty, the other stuck");
    house.server.stop().await;
}

#[tokio::test]
async fn the_next_index_may_be_there_only_if_it_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path(), Arc::new(AtomicI64::new(START))).await;
    house.put("p", rolled_then_gone("a-*")).await;
    house.server.ok("PUT", "/a-1", json!({"aliases": {"a": {}}})).await;
    house.write("a", "1").await;
    house.write("a-000002", "1").await;
    house.later(1).await;
    assert_eq!(house.write("a", "2").await, "a-1");
    assert!(house.message("a-1").await.contains("index [a-000002] already exists"));
    house.server.ok("DELETE", "/a-000002", Value::Null).await;
    house.server.ok("PUT", "/a-000002", Value::Null).await;
    house.later(0).await;
    assert_eq!(house.write("a", "3").await, "a-000002");
    assert_eq!(house.message("a-1").await, "waiting for a transition's condition");
    house.server.stop().await;
}

#[tokio::test]
async fn policies_as_opensearch_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path(), Arc::new(AtomicI64::new(START))).await;
    let path = "/_plugins/_ism/policies/p";
    let body = json!({"policy": gone_after(7, "logs-*")});
    let (status, made) = house.server.send("PUT", path, body.clone()).await;
    assert_eq!(
        (status, &made["_version"], &made["policy"]["policy"]["policy_id"]),
        (201, &json!(1), &json!("p"))
    );
    assert_eq!(house.server.send("PUT", path, body.clone()).await.0, 409);
    let seen = format!("{path}?if_seq_no={}&if_primary_term=1", made["_seq_no"]);
    // What is shown can be put again.
    let shown = house.server.ok("GET", path, Value::Null).await;
    let again = json!({"policy": shown["policy"]});
    let (status, changed) = house.server.send("PUT", &seen, again).await;
    assert_eq!((status, &changed["_version"]), (200, &json!(2)));
    assert_eq!(house.server.send("PUT", &seen, body).await.0, 409);
    let all = house.server.ok("GET", "/_opendistro/_ism/policies", Value::Null).await;
    assert_eq!(all["total_policies"], 1);
    let unsupported = json!({"policy": {"states": [{"name": "s", "actions": [{"shrink": {}}]}]}});
    let (status, answer) = house.server.send("PUT", "/_plugins/_ism/policies/q", unsupported).await;
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["reason"], "the action [shrink] is not supported by this store");
    house.write("logs-1", "1").await;
    house.write("other", "1").await;
    let explained = house.server.ok("GET", "/_plugins/_ism/explain/*", Value::Null).await;
    assert_eq!(explained["total_managed_indices"], 1);
    assert_eq!(
        (&explained["logs-1"]["policy_id"], &explained["logs-1"]["state"]["name"]),
        (&json!("p"), &json!("hot"))
    );
    assert_eq!(explained["other"]["enabled"], Value::Null);
    let removed = house.server.ok("POST", "/_plugins/_ism/remove/logs-1", Value::Null).await;
    assert_eq!(removed["updated_indices"], 1);
    house.later(30).await;
    assert_eq!(house.indexes("*").await, ["logs-1", "other"]);
    assert_eq!(house.server.ok("DELETE", path, Value::Null).await["result"], "deleted");
    assert_eq!(house.server.send("GET", path, Value::Null).await.0, 404);
    house.server.stop().await;
}
