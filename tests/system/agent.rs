//! The agent's file: commands, status, and changes while lines flow.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    engine::Engine,
    eventually,
    files::{append, numbered},
    free_port,
    process::Process,
};

const INDEX: &str = "lines";

/// Store and collector for an agent whose file is changed.
struct House {
    dir: TempDir,
    port: u16,
    store: Engine,
    collector: Option<Process>,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Engine::store("127.0.0.1:0", &dir.path().join("store"));
        let mut house = Self { dir, port: free_port(), store, collector: None };
        house.start_collector();
        house
    }

    fn start_collector(&mut self) {
        let conf = format!(
            "input {{ beats {{ port => {} }} }} output {{ opensearch {{ hosts => \"{}\" index => \"{INDEX}\" }} }}",
            self.port,
            self.store.url.trim_start_matches("http://")
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
        command.args(["collector", "--api", "off", "-e", &conf, "--data-dir"]).arg(self.path("collector"));
        let collector = Process::start("collector", &mut command);
        collector.wait_for("beats input listening");
        self.collector = Some(collector);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the agent's file as a deployment does: whole.
    fn settings(&self, more: &str) {
        let text = format!(
            "collectors: 127.0.0.1:{}\ndata_dir: {}\nmetrics: off\n{more}\n",
            self.port,
            self.path("agent").display()
        );
        std::fs::write(self.path("agent.yaml.new"), text).unwrap();
        std::fs::rename(self.path("agent.yaml.new"), self.path("agent.yaml")).unwrap();
    }

    fn agent(&self) -> Process {
        Process::alces("agent", &["run", "--config", self.path("agent.yaml").to_str().unwrap()])
    }

    fn status(&self) -> (Option<i32>, Value) {
        let folder = self.path("agent");
        let mut status =
            Process::alces("agent", &["status", "--json", "--data-dir", folder.to_str().unwrap()]);
        let code = status.finish().code();
        (code, serde_json::from_str(&status.lines().join("\n")).unwrap_or_default())
    }

    /// The messages in the store, sorted.
    fn messages(&self) -> Vec<String> {
        let message = |d: &Value| d["message"].as_str().unwrap_or_default().to_owned();
        let mut messages: Vec<String> = self.store.documents(INDEX).iter().map(message).collect();
        messages.sort();
        messages
    }
}

fn times(process: &Process, text: &str) -> usize {
    process.lines().iter().filter(|line| line.contains(text)).count()
}

fn lines(from: usize, to: usize) -> Vec<String> {
    numbered(from, to).lines().map(str::to_owned).collect()
}

#[test]
fn settings_change_while_lines_flow_and_every_line_arrives_once() {
    let house = House::new();
    let input = |name: &str| format!("inputs: [{}]", house.path(name).display());
    house.settings(&input("*.log"));
    let agent = house.agent();
    let (each, rounds) = (800, 8);
    for round in 0..rounds {
        append(&house.path("app.log"), numbered(round * each, (round + 1) * each).as_bytes());
        // Half the changes fall while these lines are read, half when some of them have arrived.
        if round % 2 == 0 {
            house.store.wait_for_count(INDEX, (round * each + 1) as u64);
        }
        house.settings(&format!("window_events: {}\n{}", 100 + round, input("*.log")));
        eventually("the change is taken up", || {
            (times(&agent, "running with new settings") == round + 1).then_some(())
        });
    }
    house.store.wait_for_count(INDEX, (each * rounds) as u64);
    assert_eq!(house.messages(), lines(0, each * rounds));
    assert_eq!(house.store.count(INDEX), (each * rounds) as u64);
    assert!(agent.signal("-TERM").0.success());
}

#[test]
fn settings_change_while_no_collector_answers_and_every_line_arrives_once() {
    let mut house = House::new();
    let input = |house: &House| format!("inputs: [{}]", house.path("app.log").display());
    house.settings(&input(&house));
    let agent = house.agent();
    append(&house.path("app.log"), numbered(0, 3_000).as_bytes());
    house.store.wait_for_count(INDEX, 1);
    house.collector.take().unwrap().kill();
    append(&house.path("app.log"), numbered(3_000, 9_000).as_bytes());
    for round in 1..3 {
        house.settings(&format!("window_events: {}\n{}", 100 * round, input(&house)));
        eventually("the change is taken up", || {
            (times(&agent, "running with new settings") == round).then_some(())
        });
    }
    house.start_collector();
    house.store.wait_for_count(INDEX, 9_000);
    assert_eq!(house.messages(), lines(0, 9_000));
    assert_eq!(house.store.count(INDEX), 9_000);
}

#[test]
fn a_change_that_is_wrong_is_told_and_the_agent_goes_on_until_it_is_right() {
    let house = House::new();
    let input = |name: &str| format!("inputs: [{}]", house.path(name).display());
    house.settings(&input("a.log"));
    append(&house.path("a.log"), numbered(0, 10).as_bytes());
    append(&house.path("b.log"), numbered(10, 20).as_bytes());
    let agent = house.agent();
    house.store.wait_for_count(INDEX, 10);
    house.settings(&format!("input: [{}]", house.path("b.log").display()));
    agent.wait_for("agent.yaml:4:1: unknown option `input`: did you mean `inputs`?");
    append(&house.path("a.log"), numbered(20, 30).as_bytes());
    house.store.wait_for_count(INDEX, 20);
    // What cannot be used is as wrong as what cannot be read.
    house.settings(&format!("tls: {{ ca: {} }}", house.path("none.pem").display()));
    agent.wait_for("the new settings cannot be used");
    house.settings(&input("*.log"));
    house.store.wait_for_count(INDEX, 30);
    assert_eq!(house.messages(), lines(0, 30));
}

#[test]
fn sighup_reads_the_file_that_is_not_watched() {
    let house = House::new();
    let input = |name: &str| format!("reload: false\ninputs: [{}]", house.path(name).display());
    house.settings(&input("a.log"));
    append(&house.path("b.log"), numbered(0, 10).as_bytes());
    let agent = house.agent();
    append(&house.path("a.log"), numbered(10, 20).as_bytes());
    house.store.wait_for_count(INDEX, 10);
    house.settings(&input("*.log"));
    agent.send("-HUP");
    house.store.wait_for_count(INDEX, 20);
    assert_eq!(house.messages(), lines(0, 20));
}

#[test]
fn status_is_that_of_the_agent_that_runs_or_of_the_one_that_did() {
    let house = House::new();
    let log = house.path("a.log");
    house.settings(&format!("inputs: [{}]", log.display()));
    assert_eq!(house.status().0, Some(1), "nothing was ever there");
    let text = numbered(0, 10);
    append(&log, text.as_bytes());
    let agent = house.agent();
    let acknowledged = |status: &Value| status["files"][0]["acknowledged"] == text.len();
    let status = eventually("all is acknowledged", || {
        let (code, status) = house.status();
        (code == Some(0) && acknowledged(&status)).then_some(status)
    });
    assert_eq!(status["files"][0]["path"], log.to_str().unwrap());
    assert_eq!(status["files"][0]["lag_bytes"], 0);
    assert_eq!(status["collectors"][0]["connected"], true);
    assert_eq!(status["collectors"][0]["acknowledged"], 10);
    agent.signal("-TERM");
    append(&log, b"one more\n");
    let (code, status) = house.status();
    assert_eq!(code, Some(3));
    assert!(acknowledged(&status) && status["since"].is_null());
    assert_eq!(status["files"][0]["lag_bytes"], 9);
    assert!(!Path::new(&house.path("agent/agent.sock")).exists());
}

#[test]
fn check_has_an_exit_code_and_names_the_place() {
    let house = House::new();
    house.settings(&format!("inputs: [{}]", house.path("*.log").display()));
    append(&house.path("a.log"), b"x\n");
    let file = house.path("agent.yaml");
    let check = || {
        let mut check = Process::alces("agent", &["check", "--connect", "--config", file.to_str().unwrap()]);
        (check.finish().code(), check.lines().join("\n"))
    };
    let (code, text) = check();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("a.log  2 B") && text.contains("answers"), "{text}");
    house.settings("inptus: []");
    let (code, text) = check();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("agent.yaml:4:1: unknown option `inptus`: did you mean `inputs`?"), "{text}");
}
