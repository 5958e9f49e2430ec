//! The store's process, which is killed, and a client that comes again.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{disk::Disk, http::post};

/// What all documents are in.
pub(crate) const INDEX: &str = "siege";
/// How long anybody waits for the store before it is thought to be stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// As many documents are asked for at once.
const AT_ONCE: usize = 1000;

/// The store's process.
pub(crate) struct Keep {
    folder: PathBuf,
    address: SocketAddr,
    pub(crate) disk: Option<Disk>,
    child: Option<Child>,
}

impl Keep {
    pub(crate) fn new(folder: &Path, address: SocketAddr, disk: Option<Disk>) -> Self {
        Self { folder: folder.to_owned(), address, disk, child: None }
    }

    pub(crate) fn start(&mut self) {
        let program = env!("CARGO_BIN_EXE_alces");
        let mut command = match &self.disk {
            Some(disk) => disk.command(program),
            None => Command::new(program),
        };
        command
            .args(["store", "--listen", &self.address.to_string(), "--data-dir"])
            .arg(self.folder.join("data"));
        let log = File::options().create(true).append(true).open(self.folder.join("store.txt")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// `kill -9`; what it said where it had ended by itself.
    pub(crate) fn kill(&mut self) -> Option<String> {
        let mut child = self.child.take()?;
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        ended.map(|status| format!("it ended by itself, {status}:\n{}", self.last_words()))
    }

    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read(self.folder.join("store.txt")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A connection to the store, made anew when it breaks.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// One request; none where nobody answers.
    pub(crate) async fn post(&mut self, path: &str, kind: &str, body: &str) -> Option<(u16, Value)> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(TcpStream::connect(self.address).await.ok()?),
        };
        let answer = post(stream, path, kind, body.as_bytes(), PATIENCE).await;
        if answer.is_none() {
            self.stream = None;
        }
        let answer = answer?;
        Some((answer.second().parse().ok()?, serde_json::from_slice(&answer.body).ok()?))
    }

    /// The same, until somebody answers with 200.
    pub(crate) async fn insist(&mut self, path: &str, body: &Value) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.post(path, "application/json", &body.to_string()).await;
            if let Some((200, answer)) = answer {
                return answer;
            }
            assert!(Instant::now() < end, "the store does not answer {path}: {answer:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the store has of these ids, as searches see it after a refresh.
    pub(crate) async fn look(&mut self, ids: &[String]) -> Vec<Value> {
        self.insist(&format!("/{INDEX}/_refresh"), &json!({})).await;
        let mut hits = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let query = json!({"size": 2 * AT_ONCE, "query": {"ids": {"values": ids}}});
            let mut answer = self.insist(&format!("/{INDEX}/_search"), &query).await;
            hits.append(answer["hits"]["hits"].as_array_mut().unwrap());
        }
        hits
    }
}
