//! The two engines: our store in this process' own server, and a real OpenSearch.

use super::compare::Answer;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Sends requests to one engine.
pub struct Engine {
    url: String,
    agent: ureq::Agent,
}

impl Engine {
    pub fn new(url: String) -> Self {
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
        Self { url, agent: agent.build().into() }
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let kind = if path.contains("_bulk") || path.contains("_msearch") {
            "application/x-ndjson"
        } else {
            "application/json"
        };
        // Spaces and quotes are written plainly in scenarios.
        let path = path
            .replace(' ', "%20")
            .replace('"', "%22")
            .replace('<', "%3C")
            .replace('>', "%3E")
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('|', "%7C");
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", kind)
            .body(body.to_owned())
            .unwrap();
        let mut response =
            self.agent.run(request).unwrap_or_else(|e| panic!("{method} {path} at {}: {e}", self.url));
        let text = response.body_mut().with_config().limit(50 << 20).read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status: response.status().as_u16(), body }
    }
}

/// A real OpenSearch as `tests/peers/setup` puts it there; killed when dropped.
pub struct OpenSearch {
    child: Option<Child>,
    pub engine: Engine,
}

const HOST: &str = "127.77.2.1";

impl OpenSearch {
    /// Starts it, or takes the one that runs already.
    pub fn start(folder: &Path, running: Option<String>) -> Self {
        if let Some(url) = running {
            return Self { child: None, engine: Engine::new(url) };
        }
        let peers = target().join("peers");
        let classes = format!("{0}/lib/*:{0}", peers.join("opensearch").display());
        let mut child = Command::new(peers.join("java"))
            .args(["-Xmx1g", "-cp", &classes, "Launcher"])
            .arg(folder)
            .args([HOST, "9200"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("OpenSearch does not start ({e}): run tests/peers/setup first"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.is_ok_and(|line| line.ends_with("ready"))),
            "OpenSearch ended before it was ready"
        );
        // What it says later is read and forgotten, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child: Some(child), engine: Engine::new(format!("http://{HOST}:9200")) }
    }
}

impl Drop for OpenSearch {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Cargo's target folder: this test lies in `<target>/<profile>/deps`.
fn target() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(3).unwrap().to_owned()
}
