//! What documents are written to: `alces store`, or a real OpenSearch.

use std::{path::Path, process::Command, sync::OnceLock};

use serde_json::{Value, json};

use super::{eventually, http, process::Process, target};

/// A running engine.
pub(crate) struct Engine {
    pub(crate) url: String,
    pub(crate) process: Process,
}

impl Engine {
    /// `alces store` at an address (port 0: any) with its data in a folder.
    pub(crate) fn store(address: &str, folder: &Path) -> Self {
        let process = Process::alces("store", &["--listen", address, "--data-dir", folder.to_str().unwrap()]);
        let url = format!("http://{}", process.value("store listening", "address"));
        Self { url, process }
    }

    /// The real OpenSearch of this run of the tests, at 127.77.0.3:9200. It is started when it is first asked for, and ends
    /// with the tests' process: its standard input is closed then.
    pub(crate) fn shared_opensearch() -> &'static Self {
        static SHARED: OnceLock<Engine> = OnceLock::new();
        SHARED.get_or_init(|| {
            // Nobody is left to remove it but the next run.
            let folder = target().join("tmp/opensearch");
            let _ = std::fs::remove_dir_all(&folder);
            Self::opensearch("127.77.0.3", 9200, &folder)
        })
    }

    /// A real OpenSearch on a loopback address of its own.
    fn opensearch(host: &str, port: u16, folder: &Path) -> Self {
        let peers = target().join("peers");
        let classes = format!("{0}/opensearch/lib/*:{0}/opensearch", peers.display());
        let mut command = Command::new(peers.join("java"));
        command.args([
            "-Xmx1g",
            "-cp",
            &classes,
            "Launcher",
            folder.to_str().unwrap(),
            host,
            &port.to_string(),
        ]);
        let process = Process::start("OpenSearch", &mut command);
        process.wait_for("ready");
        Self { url: format!("http://{host}:{port}"), process }
    }

    /// How many documents an index or pattern has; 0 where it is not there.
    pub(crate) fn count(&self, index: &str) -> u64 {
        http::get(&format!("{}/{index}/_refresh", self.url));
        let answer = http::get_json(&format!("{}/{index}/_count", self.url));
        answer.and_then(|a| a["count"].as_u64()).unwrap_or(0)
    }

    pub(crate) fn wait_for_count(&self, index: &str, count: u64) {
        eventually(&format!("{index} has {count} documents"), || (self.count(index) >= count).then_some(()));
    }

    /// All documents of an index, up to 10,000.
    pub(crate) fn documents(&self, index: &str) -> Vec<Value> {
        let body = json!({"size": 10_000, "query": {"match_all": {}}});
        let answer = http::post_json(&format!("{}/{index}/_search", self.url), &body).unwrap();
        let hits = answer["hits"]["hits"].as_array().unwrap_or_else(|| panic!("no hits in {answer}"));
        hits.iter().map(|hit| hit["_source"].clone()).collect()
    }
}
