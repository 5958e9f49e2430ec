//! A cluster of three OpenSearch nodes, which are killed one after the other while lines are written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use serde_json::json;

use crate::support::{
    client::Client,
    engine::{Engine, Version},
    eventually,
    files::{append, numbered},
    free_port, http,
    process::Process,
};

const INDEX: &str = "lines";
const NODES: usize = 3;

/// Nodes are started often, on a machine of two cores: what makes a long life faster only makes these slower.
const JAVA: [&str; 4] =
    ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:ActiveProcessorCount=1"];

fn host(node: usize) -> String {
    format!("127.77.1.{}", node + 1)
}

/// Nodes that know each other, and the folders that they keep.
struct Cluster {
    folder: PathBuf,
    nodes: Vec<Option<Engine>>,
}

impl Cluster {
    fn start(folder: &Path) -> Self {
        let mut cluster = Self { folder: folder.to_owned(), nodes: Vec::new() };
        cluster.nodes = (0..NODES).map(|node| Some(cluster.node(node))).collect();
        cluster.wait(0, NODES, "green");
        cluster
    }

    fn node(&self, node: usize) -> Engine {
        let all = |what: fn(usize) -> String| (0..NODES).map(what).collect::<Vec<_>>().join(",");
        let settings = [
            "cluster.name=alces".to_owned(),
            format!("node.name=node-{}", host(node)),
            "transport.port=9300".to_owned(),
            format!("discovery.seed_hosts={}", all(|node| format!("{}:9300", host(node)))),
            format!("cluster.initial_cluster_manager_nodes={}", all(|node| format!("node-{}", host(node)))),
        ];
        let folder = self.folder.join(format!("node-{node}"));
        Engine::opensearch(Version::Three, &host(node), &folder, &JAVA, &settings)
    }

    /// Waits until a node says that there are so many, and this of the cluster.
    fn wait(&self, asked: usize, nodes: usize, status: &str) {
        let host = host(asked);
        eventually(&format!("{host} knows of {nodes} nodes and is {status}"), || {
            let url = format!(
                "http://{host}:9200/_cluster/health?wait_for_nodes={nodes}&wait_for_status={status}&timeout=5s"
            );
            http::get_json(&url).filter(|health| health["timed_out"] == false)
        });
    }

    fn kill(&mut self, node: usize) {
        self.nodes[node].take().unwrap().process.kill();
    }

    fn start_again(&mut self, node: usize) {
        self.nodes[node] = Some(self.node(node));
    }
}

#[test]
fn nodes_of_a_cluster_that_are_killed_one_after_the_other_lose_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(dir.path());
    // A replica is made on another node at once, and not after the minute in which its node may come back.
    let settings = json!({"settings": {
        "number_of_shards": 2, "number_of_replicas": 1, "refresh_interval": "1s",
        "index.unassigned.node_left.delayed_timeout": "0",
    }});
    assert_eq!(
        http::put_json(&format!("http://{}:9200/{INDEX}", host(0)), &settings).unwrap()["acknowledged"],
        true
    );

    let hosts: Vec<String> = (0..NODES).map(|node| format!("'{}'", host(node))).collect();
    let port = free_port();
    let conf = format!(
        "input {{ beats {{ port => {port} }} }} output {{ opensearch {{ hosts => [{}] index => {INDEX} manage_template => false }} }}",
        hosts.join(", ")
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["collector", "--api", "off", "-e", &conf, "--data-dir"]).arg(dir.path().join("collector"));
    let collector = Process::start("collector", &mut command);
    collector.wait_for("beats input listening");
    let log = dir.path().join("app.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command
        .args(["agent", "--metrics", "0", "--collector", &format!("127.0.0.1:{port}"), "--logs"])
        .arg(&log);
    let _agent = Process::start("agent", command.arg("--data-dir").arg(dir.path().join("agent")));

    let over = AtomicBool::new(false);
    let lines = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&log, &over));
        let at_the_end = Over(&over);
        let indexed = || cluster_count(&host(0)).max(cluster_count(&host(1)));
        // Two of them are enough: the one that leads the others, most likely, and one that does not.
        for node in 0..NODES - 1 {
            let before = indexed();
            eventually("some more lines are indexed", || (indexed() > before + 300).then_some(()));
            cluster.kill(node);
            cluster.wait((node + 1) % NODES, NODES - 1, "yellow");
            let before = indexed();
            eventually("lines are indexed without the node", || (indexed() > before + 300).then_some(()));
            cluster.start_again(node);
            cluster.wait(node, NODES, "green");
        }
        drop(at_the_end);
        writer.join().unwrap()
    });
    let client = Client::new(&format!("http://{}:9200", host(2)));
    // Refreshed, that each copy of a shard shows them: one may be counted, and another one read, a refresh behind.
    eventually("all lines are indexed", || (client.refreshed_count(INDEX)? >= lines as u64).then_some(()));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for hit in client.scrolled(INDEX) {
        *seen.entry(hit["_source"]["message"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected = numbered(0, lines);
    let missing: Vec<_> = expected.lines().filter(|line| !seen.contains_key(*line)).collect();
    assert!(missing.is_empty(), "{} lost, the first: {}", missing.len(), missing[0]);
    assert!(seen.values().all(|times| *times == 1), "some are doubled");
    assert_eq!(seen.len(), lines, "nothing else is there");
}

/// Says that it is over when it goes, be it by a failure.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Writes lines until it is over, slowly enough for a cluster that has one core; how many.
#[allow(clippy::disallowed_methods, reason = "a program that logs at its own pace")]
fn write(log: &Path, over: &AtomicBool) -> usize {
    let mut lines = 0;
    while !over.load(Relaxed) {
        append(log, numbered(lines, lines + 25).as_bytes());
        lines += 25;
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    lines
}

/// How many documents a node counts; 0 where it does not answer.
#[allow(clippy::disallowed_methods, reason = "nodes that are asked all the time do nothing else")]
fn cluster_count(host: &str) -> u64 {
    std::thread::sleep(std::time::Duration::from_millis(250));
    let answer = http::get_json(&format!("http://{host}:9200/{INDEX}/_count"));
    answer.and_then(|a| a["count"].as_u64()).unwrap_or(0)
}
