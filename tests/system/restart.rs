//! Every line exactly once, whatever is killed.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    engine::Engine,
    eventually,
    files::{append, numbered},
    free_port, http,
    process::Process,
};

const INDEX: &str = "lines";

/// Store, collector and agent around one folder, each to be killed and started again.
struct House {
    dir: TempDir,
    port: u16,
    /// Whether the collector has a queue on disk, and where it is asked.
    queue: Option<u16>,
    store: Option<Engine>,
    store_address: String,
    collector: Option<Process>,
    agent: Option<Process>,
}

impl House {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(queue: Option<u16>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store_address = format!("127.0.0.1:{}", free_port());
        let mut house =
            Self { dir, port: free_port(), queue, store: None, store_address, collector: None, agent: None };
        house.start_store();
        house.start_collector();
        house.start_agent();
        house
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn start_store(&mut self) {
        self.store = Some(Engine::store(&self.store_address, &self.path("store")));
    }

    fn start_collector(&mut self) {
        let conf = format!(
            "input {{ beats {{ port => {} }} }} output {{ opensearch {{ hosts => \"{}\" index => \"{INDEX}\" }} }}",
            self.port, self.store_address
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["collector", "-e", &conf, "--data-dir"]).arg(self.path("collector"));
        match self.queue {
            Some(api) => command.args(["--queue", "persisted", "--api", &format!("127.0.0.1:{api}")]),
            None => command.args(["--api", "off"]),
        };
        let collector = Process::start("collector", &mut command);
        collector.wait_for("beats input listening");
        self.collector = Some(collector);
    }

    fn start_agent(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["agent", "--metrics", "0", "--collector", &format!("127.0.0.1:{}", self.port)]);
        command.arg("--logs").arg(self.path("*.log*")).arg("--data-dir").arg(self.path("agent"));
        self.agent = Some(Process::start("agent", &mut command));
    }

    fn store(&self) -> &Engine {
        self.store.as_ref().unwrap()
    }

    /// Waits until something of what was just written has arrived: the kill that follows falls into the middle.
    fn wait_for_more_than(&self, count: u64) {
        eventually("something arrives", || (self.store().count(INDEX) > count).then_some(()));
    }

    /// All lines are there, each once.
    #[track_caller]
    fn check(&self, lines: usize) {
        self.store().wait_for_count(INDEX, lines as u64);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for document in self.store().documents(INDEX) {
            *seen.entry(document["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        let expected: Vec<String> = numbered(0, lines).lines().map(str::to_owned).collect();
        let missing: Vec<_> = expected.iter().filter(|line| !seen.contains_key(*line)).collect();
        assert!(missing.is_empty(), "{} lost, the first: {}", missing.len(), missing[0]);
        let doubled: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
        assert!(doubled.is_empty(), "{} doubled, the first: {:?}", doubled.len(), doubled[0]);
        assert_eq!(seen.len(), lines, "nothing else is there");
        assert_eq!(self.store().count(INDEX), lines as u64);
    }
}

/// Rounds of lines; each round's kill falls at another moment: at once, or when the first of them have arrived.
fn rounds(house: &mut House, mut kill: impl FnMut(&mut House, usize)) -> usize {
    let (each, count) = (900, 8);
    for round in 0..count {
        let before = house.store().count(INDEX);
        append(&house.path("app.log"), numbered(round * each, (round + 1) * each).as_bytes());
        if round % 2 == 0 {
            house.wait_for_more_than(before);
        }
        kill(house, round);
    }
    each * count
}

#[test]
fn an_agent_that_is_killed_or_stopped_in_mid_file_loses_and_doubles_nothing() {
    let mut house = House::new();
    let lines = rounds(&mut house, |house, round| {
        let agent = house.agent.take().unwrap();
        if round % 3 == 0 {
            agent.signal("-TERM");
        } else {
            agent.kill();
        }
        house.start_agent();
    });
    house.check(lines);
}

#[test]
fn a_collector_that_is_killed_in_mid_stream_loses_and_doubles_nothing() {
    let mut house = House::new();
    let lines = rounds(&mut house, |house, _| {
        house.collector.take().unwrap().kill();
        house.start_collector();
    });
    house.check(lines);
}

#[test]
fn a_collector_with_a_queue_on_disk_that_is_killed_in_mid_stream_loses_and_doubles_nothing() {
    let mut house = House::with(Some(free_port()));
    let lines = rounds(&mut house, |house, _| {
        house.collector.take().unwrap().kill();
        house.start_collector();
    });
    house.check(lines);
}

#[test]
fn what_a_queue_on_disk_has_acknowledged_survives_a_kill_while_the_store_is_away() {
    let api = free_port();
    let mut house = House::with(Some(api));
    house.store.take().unwrap().process.kill();
    let text = numbered(0, 3_000);
    append(&house.path("app.log"), text.as_bytes());
    let held = || {
        let stats = http::get_json(&format!("http://127.0.0.1:{api}/_node/stats/pipelines/main"))?;
        stats["pipelines"]["main"]["queue"]["events_count"].as_u64()
    };
    eventually("the queue has all lines", || (held() == Some(3_000)).then_some(()));
    // The agent has its acknowledgement; its file may go.
    house.agent.take().unwrap().signal("-TERM");
    let registry: Value =
        serde_json::from_slice(&std::fs::read(house.path("agent/registry.json")).unwrap()).unwrap();
    let offset = registry["files"].as_object().unwrap().values().next().unwrap()["offset"].as_u64();
    assert_eq!(offset, Some(text.len() as u64));
    std::fs::remove_file(house.path("app.log")).unwrap();
    house.collector.take().unwrap().kill();
    house.start_store();
    house.start_collector();
    house.check(3_000);
}

#[test]
fn a_store_that_is_killed_in_mid_stream_loses_and_doubles_nothing() {
    let mut house = House::new();
    let lines = rounds(&mut house, |house, _| {
        house.store.take().unwrap().process.kill();
        house.start_store();
    });
    house.check(lines);
}

#[test]
fn a_log_that_is_renamed_or_copied_and_cut_loses_and_doubles_nothing() {
    let mut house = House::new();
    // By another name that the pattern does not match, as `logrotate` does without copytruncate.
    append(&house.path("app.log"), numbered(0, 500).as_bytes());
    house.wait_for_more_than(0);
    std::fs::rename(house.path("app.log"), house.path("old")).unwrap();
    append(&house.path("old"), numbered(500, 700).as_bytes());
    append(&house.path("app.log"), numbered(700, 1_000).as_bytes());
    house.store().wait_for_count(INDEX, 1_000);
    // Copied and cut when everything is read, then written anew: shorter, and then longer than before.
    let cut = |path: &Path| std::fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
    cut(&house.path("app.log"));
    append(&house.path("app.log"), numbered(1_000, 1_100).as_bytes());
    house.store().wait_for_count(INDEX, 1_100);
    cut(&house.path("app.log"));
    append(&house.path("app.log"), numbered(1_100, 2_000).as_bytes());
    house.store().wait_for_count(INDEX, 2_000);
    house.agent.take().unwrap().kill();
    append(&house.path("app.log"), numbered(2_000, 2_100).as_bytes());
    house.start_agent();
    house.check(2_100);
}

#[test]
fn an_opensearch_that_is_away_stops_the_acknowledgements_and_all_flows_when_it_is_back() {
    let mut house = House::new();
    append(&house.path("app.log"), numbered(0, 100).as_bytes());
    house.check(100);
    house.store.take().unwrap().process.kill();
    append(&house.path("app.log"), numbered(100, 3_000).as_bytes());
    house.collector.as_ref().unwrap().wait_for("OpenSearch does not answer");
    let registry: Value =
        serde_json::from_slice(&std::fs::read(house.path("agent/registry.json")).unwrap()).unwrap();
    let offset = registry["files"].as_object().unwrap().values().next().unwrap()["offset"].as_u64().unwrap();
    assert!(offset <= numbered(0, 100).len() as u64, "nothing is acknowledged while nothing is indexed");
    house.start_store();
    house.check(3_000);
    let said = house.collector.as_ref().unwrap().lines();
    assert_eq!(
        said.iter().filter(|line| line.contains("OpenSearch does not answer")).count(),
        1,
        "said once"
    );
}

#[test]
fn an_agent_whose_collector_is_away_says_so_once_and_waits() {
    let mut house = House::new();
    house.collector.take().unwrap().kill();
    append(&house.path("app.log"), numbered(0, 1_000).as_bytes());
    house.agent.as_ref().unwrap().wait_for("the collector is away");
    house.start_collector();
    house.check(1_000);
    let said = house.agent.as_ref().unwrap().lines();
    assert_eq!(said.iter().filter(|line| line.contains("the collector is away")).count(), 1, "said once");
}

#[test]
fn up_survives_kills_without_losing_or_doubling_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let (store, dashboard, beats) = (free_port(), free_port(), free_port());
    let log = dir.path().join("app.log");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        let at = |port: u16| format!("127.0.0.1:{port}");
        command.args([
            "up",
            "--metrics",
            "0",
            "--store",
            &at(store),
            "--dashboard",
            &at(dashboard),
            "--beats",
            &at(beats),
        ]);
        command.arg("--logs").arg(&log).arg("--data-dir").arg(dir.path().join("data"));
        let up = Process::start("up", &mut command);
        up.wait_for("Dashboard: ");
        Engine { url: format!("http://127.0.0.1:{store}"), process: up }
    };
    let mut up = start();
    for round in 0..5 {
        append(&log, numbered(round * 1_000, (round + 1) * 1_000).as_bytes());
        if round % 2 == 0 {
            up.wait_for_count("logs-web-default", round as u64 * 1_000 + 1);
        }
        up.process.kill();
        up = start();
    }
    up.wait_for_count("logs-web-default", 5_000);
    let mut messages: Vec<String> = up
        .documents("logs-web-default")
        .iter()
        .map(|d| d["message"].as_str().unwrap_or_default().to_owned())
        .collect();
    messages.sort();
    let expected: Vec<String> = numbered(0, 5_000).lines().map(str::to_owned).collect();
    assert_eq!(messages, expected);
    let (status, _) = up.process.signal("-INT");
    assert!(status.success());
}
