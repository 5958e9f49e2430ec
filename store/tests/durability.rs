//! What was acknowledged is there after `kill -9`, once.

#![allow(clippy::unwrap_used)]

mod common;

use alces_store::{Config, Store, StoreError};
use common::{start, start_with};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Not a test of its own: the process that the others kill. Does nothing unless it is started as that.
#[tokio::test]
#[allow(clippy::disallowed_methods)] // The parent passes the folder in; a test binary takes no arguments of its own.
async fn victim() {
    let Ok(dir) = std::env::var("ALCES_STORE_VICTIM") else { return };
    let mut config = Config::new(dir);
    config.refresh_interval = Duration::from_millis(20);
    let server = start_with(config).await;
    println!("\nlistening {}", server.address);
    std::future::pending::<()>().await;
}

struct Victim(Child, SocketAddr);

impl Victim {
    fn start(dir: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture"])
            .env("ALCES_STORE_VICTIM", dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address =
            lines.map_while(Result::ok).find_map(|line| line.strip_prefix("listening ").map(str::to_owned));
        Self(child, address.unwrap().parse().unwrap())
    }

    /// Sends one bulk; the answer is an error when the process was killed under way.
    fn bulk(address: SocketAddr, body: &str) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "POST /_bulk HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok(serde_json::from_str(body)?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    let mut sent = 0;
    for round in 0..4 {
        let Victim(mut child, address) = Victim::start(dir.path());
        let (acks, seen) = std::sync::mpsc::channel();
        let first = sent;
        let writer = std::thread::spawn(move || {
            let mut number = first;
            loop {
                let ids: Vec<String> = (number..number + 50).map(|n| format!("id-{n}")).collect();
                let lines: String =
                    ids.iter().map(|id| format!("{{\"create\":{{\"_index\":\"a\",\"_id\":\"{id}\"}}}}\n{{\"f{number}\":\"x y\",\"id\":\"{id}\"}}\n")).collect();
                number += 50;
                let Ok(answer) = Victim::bulk(address, &lines) else { return number };
                assert_eq!(answer["errors"], false, "{answer}");
                acks.send(ids).unwrap();
            }
        });
        // The kill comes after some acknowledgements, in the midst of the next request.
        acknowledged.extend(seen.iter().take(10 + round * 7).flatten());
        child.kill().unwrap();
        child.wait().unwrap();
        sent = writer.join().unwrap();
        acknowledged.extend(seen.iter().flatten());
    }
    let server = start(dir.path()).await;
    let total = server.count("a", json!({"match_all": {}})).await;
    assert!(total >= acknowledged.len() as u64 && total <= sent, "{} {total} {sent}", acknowledged.len());
    for ids in acknowledged.chunks(500) {
        assert_eq!(server.count("a", json!({"ids": {"values": ids}})).await, ids.len() as u64);
        assert_eq!(server.count("a", json!({"terms": {"id.keyword": ids}})).await, ids.len() as u64);
    }
    // Sent again, as an agent does that never saw its acknowledgement: nothing is doubled.
    let again: String = acknowledged
        .iter()
        .map(|id| format!("{{\"create\":{{\"_id\":\"{id}\"}}}}\n{{\"id\":\"{id}\"}}\n"))
        .collect();
    let answer = server.bulk("/a/_bulk?refresh=true", &again).await;
    assert!(answer["items"].as_array().unwrap().iter().all(|item| item["create"]["status"] == 409));
    assert_eq!(server.count("a", json!({"match_all": {}})).await, total);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_loses_no_update_and_no_alias() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.ok("PUT", "/a", json!({"aliases": {"other": {"filter": {"exists": {"field": "f0"}}}}})).await;
    server.stop().await;
    let mut acknowledged = 0u64;
    for _ in 0..3 {
        let Victim(mut child, address) = Victim::start(dir.path());
        let (acks, seen) = std::sync::mpsc::channel();
        let first = acknowledged;
        let writer = std::thread::spawn(move || {
            for number in first.. {
                let body = format!(
                    "{{\"update\":{{\"_index\":\"other\",\"_id\":\"1\"}}}}\n{{\"doc\":{{\"f{number}\":{number}}},\"doc_as_upsert\":true}}\n"
                );
                let Ok(answer) = Victim::bulk(address, &body) else { return };
                assert_eq!(answer["errors"], false, "{answer}");
                acks.send(number + 1).unwrap();
            }
        });
        acknowledged = seen.iter().take(15).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        writer.join().unwrap();
        acknowledged = seen.iter().last().unwrap_or(acknowledged);
    }
    let server = start(dir.path()).await;
    let answer = server.ok("POST", "/other/_search", json!({})).await;
    assert_eq!(answer["hits"]["total"]["value"], 1, "{answer}");
    let source = &answer["hits"]["hits"][0]["_source"];
    for number in 0..acknowledged {
        assert_eq!(source[format!("f{number}")], number, "{source}");
    }
    server.stop().await;
}

#[tokio::test]
async fn reopening_keeps_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    server.ok("PUT", "/_index_template/t", json!({"index_patterns": ["a*"], "template": {"mappings": {"properties": {"n": {"type": "short"}}}}})).await;
    server.fill("a", &[("1", json!({"n": 1, "new": "x"})), ("2", json!({"n": 2}))]).await;
    server.fill("a", &[("1", json!({"n": 3, "new": "x"}))]).await;
    server.bulk("/a/_bulk", "{\"delete\":{\"_id\":\"2\"}}\n").await;
    let before = server.ok("GET", "/a/_mapping", Value::Null).await;
    server.stop().await;
    let server = start(dir.path()).await;
    assert_eq!(server.ok("GET", "/a/_mapping", Value::Null).await, before);
    assert_eq!(server.ids("a", json!({"query": {"term": {"n": 3}}})).await, ["1"]);
    assert_eq!(server.count("a", json!({"match_all": {}})).await, 1);
    let answer = server.bulk("/a/_bulk", "{\"index\":{\"_id\":\"1\"}}\n{\"n\":4}\n").await;
    assert_eq!(answer["items"][0]["index"]["_version"], 3);
    server.ok("DELETE", "/a", Value::Null).await;
    server.fill("a", &[("9", json!({"n": 9}))]).await;
    server.stop().await;
    let server = start(dir.path()).await;
    assert_eq!(server.ids("a", json!({})).await, ["9"]);
    server.stop().await;
}

#[tokio::test]
async fn one_store_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(Config::new(dir.path())).unwrap();
    let second = Store::open(Config::new(dir.path()));
    assert!(matches!(&second, Err(StoreError::Locked(path)) if path == dir.path()));
    drop(first);
    assert!(Store::open(Config::new(dir.path())).is_ok());
}

#[tokio::test]
async fn a_torn_log_opens_with_the_whole_records() {
    let dir = tempfile::tempdir().unwrap();
    let Victim(mut child, address) = Victim::start(dir.path());
    Victim::bulk(address, "{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"n\":1}\n").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let wal = dir.path().join("wal");
    let last = std::fs::read_dir(&wal).unwrap().map(|e| e.unwrap().path()).max().unwrap();
    let mut bytes = std::fs::read(&last).unwrap();
    bytes.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3, 4, 5]);
    std::fs::write(&last, bytes).unwrap();
    let server = start(dir.path()).await;
    assert_eq!(server.ids("a", json!({})).await, ["1"]);
    server.stop().await;
}

/// A kill comes while an index is being deleted and one of its name was made meanwhile: both folders are there.
#[tokio::test]
async fn an_older_index_of_a_name_does_not_come_back_when_the_later_one_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let indices = dir.path().join("indices");
    let folder = || std::fs::read_dir(&indices).unwrap().next().unwrap().unwrap().path();
    let server = start(dir.path()).await;
    server.fill("a", &[("1", json!({"n": 1}))]).await;
    server.stop().await;
    let (older, kept) = (folder(), tempfile::tempdir().unwrap());
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        std::fs::create_dir_all(to).unwrap();
        for file in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(|file| file.path().is_file())
        {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    copy(&older, kept.path());
    let server = start(dir.path()).await;
    server.ok("DELETE", "/a", Value::Null).await;
    server.fill("a", &[("2", json!({"n": 2}))]).await;
    server.stop().await;
    assert_ne!(folder(), older);
    copy(kept.path(), &older);
    let server = start(dir.path()).await;
    assert_eq!(server.ids("a", json!({})).await, ["2"]);
    server.ok("DELETE", "/a", Value::Null).await;
    server.stop().await;
    let server = start(dir.path()).await;
    assert_eq!(server.raw("HEAD", "/a", "", b"").await.0, 404);
    server.stop().await;
}
