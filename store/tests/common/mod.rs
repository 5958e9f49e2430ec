//! A store on a free port, and a small HTTP client.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use alces_store::{Config, Store, serve_store};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Server {
    pub address: SocketAddr,
    pub store: Store,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

pub async fn start(dir: &Path) -> Server {
    start_with(Config::new(dir)).await
}

pub async fn start_with(config: Config) -> Server {
    let store = Store::open(config).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = store.clone();
    let task = tokio::spawn(async move {
        serve_store(listener, served, async {
            let _ = stopped.await;
        })
        .await
        .unwrap();
    });
    Server { address, store, stop: Some(stop), task }
}

impl Server {
    /// Stops it, and lets go of the data folder.
    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.task.await.unwrap();
    }

    /// Sends with a header `Authorization`, and gives status, head and JSON of the answer.
    pub async fn as_who(&self, who: &str, method: &str, path: &str, body: Value) -> (u16, String, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let header = if who.is_empty() { String::new() } else { format!("authorization: {who}\r\n") };
        let (status, head, answer) = self.whole(method, path, &header, text.as_bytes()).await;
        (status, head, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
    }

    pub async fn raw(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let (status, _, body) = self.whole(method, path, headers, body).await;
        (status, body)
    }

    /// The answer's status, head and body.
    pub async fn whole(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    pub async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) =
            self.raw(method, path, "content-type: application/json\r\n", body.as_bytes()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Sends, and wants a good answer.
    pub async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    /// Indexes documents given as `(id, document)` and makes them visible.
    pub async fn fill(&self, index: &str, documents: &[(&str, Value)]) -> Value {
        let mut body = String::new();
        for (id, document) in documents {
            let id = if id.is_empty() { String::new() } else { format!(r#","_id":"{id}""#) };
            body += &format!("{{\"index\":{{\"_index\":\"{index}\"{id}}}}}\n{document}\n");
        }
        self.bulk("/_bulk?refresh=true", &body).await
    }

    pub async fn bulk(&self, path: &str, body: &str) -> Value {
        let (status, text) =
            self.raw("POST", path, "content-type: application/x-ndjson\r\n", body.as_bytes()).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn count(&self, index: &str, query: Value) -> u64 {
        let body = serde_json::json!({"query": query});
        self.ok("POST", &format!("/{index}/_count"), body).await["count"].as_u64().unwrap()
    }

    /// Ids of the hits of a search, in order.
    pub async fn ids(&self, index: &str, body: Value) -> Vec<String> {
        let answer = self.ok("POST", &format!("/{index}/_search"), body).await;
        let hits = answer["hits"]["hits"].as_array().unwrap();
        hits.iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect()
    }
}
