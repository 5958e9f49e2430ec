//! The monitoring API over HTTP, of a pipeline that has done something.

use alces_filters::Label;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::plugins::{PluginStats, Plugins};

/// What is answered to a `GET`, with numbers that are another each time as 0.
async fn get(path: &str) -> String {
    let listener = bind(Some("127.0.0.1:0".parse().unwrap())).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stats = Arc::new(Stats::default());
    let label = |id: &str, name: &str| Label { id: id.to_owned(), name: name.to_owned() };
    let (input, output) = (PluginStats::new(label("in\"1", "beats")), PluginStats::new(label("out", "null")));
    stats.ledger.enter(5);
    stats.ledger.change(|accounts| {
        accounts.let_go(3);
        accounts.acknowledged += 2;
        accounts.dead_lettered += 1;
    });
    output.refuse(1);
    input.begin(3).done();
    let _held = input.begin(2);
    output.begin(3).done();
    stats.set_plugins(Plugins {
        inputs: vec![input],
        filters: Vec::new(),
        outputs: vec![output],
        workers: 2,
        queue: None,
    });
    let pipelines = Pipelines::default();
    pipelines.insert("main", stats);
    let server = tokio::spawn(serve(listener, pipelines, None, std::future::pending()));
    let mut peer = TcpStream::connect(address).await.unwrap();
    peer.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    server.abort();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn what_is_under_way_is_in_the_numbers() {
    let metrics = get("/metrics").await;
    for line in [
        "alces_collector_events_in_total{pipeline=\"main\"} 5",
        "alces_collector_events_held{pipeline=\"main\"} 2",
        "alces_collector_events_acknowledged_total{pipeline=\"main\"} 2",
        "alces_collector_events_dead_lettered_total{pipeline=\"main\"} 1",
        "alces_collector_plugin_events_dead_lettered_total{pipeline=\"main\",plugin=\"output\",id=\"out\",name=\"null\"} 1",
        "alces_collector_plugin_events_in_total{pipeline=\"main\",plugin=\"input\",id=\"in\\\"1\",name=\"beats\"} 5",
        "alces_collector_plugin_events_out_total{pipeline=\"main\",plugin=\"output\",id=\"out\",name=\"null\"} 3",
        "alces_collector_plugin_events_held{pipeline=\"main\",plugin=\"input\",id=\"in\\\"1\",name=\"beats\"} 2",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn monitors_of_logstash_find_what_they_read() {
    let parse = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let stats = parse(get("/_node/stats").await);
    let main = &stats["pipelines"]["main"];
    assert_eq!(
        (&main["events"]["in"], &main["events"]["out"], &main["events"]["held"]),
        (&json!(5), &json!(3), &json!(2))
    );
    assert_eq!((&main["events"]["acknowledged"], &main["events"]["dead_lettered"]), (&json!(2), &json!(1)));
    assert_eq!(main["plugins"]["outputs"][0]["events"]["in"], 3);
    assert_eq!(main["plugins"]["outputs"][0]["events"]["dead_lettered"], 1);
    assert!(stats["process"]["open_file_descriptors"].as_u64().unwrap() > 0);
    let alone = parse(get("/_node/stats/pipelines/main").await);
    assert_eq!(alone["pipelines"]["main"]["events"]["in"], 5);
    assert_eq!(parse(get("/_node/stats/events").await)["events"]["in"], 5);
    assert_eq!(parse(get("/_node/pipelines/main").await)["pipelines"]["main"]["workers"], 2);
    assert_eq!(parse(get("/").await)["status"], "green");
    assert_eq!(
        parse(get("/_health_report").await)["indicators"]["pipelines"]["indicators"]["main"]["status"],
        "green"
    );
    assert!(!parse(get("/_node/hot_threads").await)["hot_threads"]["threads"].as_array().unwrap().is_empty());
    for path in ["/_node/pipelines/none", "/nothing", "/_node/jvm"] {
        assert_eq!(parse(get(path).await)["error"]["code"], 404);
    }
}
