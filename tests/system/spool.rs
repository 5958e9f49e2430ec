//! Lines wait on disk while no collector takes them, and their files may go.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::support::{
    engine::Engine,
    eventually,
    files::{append, numbered},
    free_port,
    process::Process,
};

fn agent(dir: &Path, port: u16) -> Process {
    let settings = format!(
        "collectors: 127.0.0.1:{port}\ndata_dir: {dir}/agent\nmetrics: off\nwindow_events: 100\nspool: {{ after: 100ms, max_size: 50MB }}\n\
         inputs:\n  - paths: {dir}/*.log\n",
        dir = dir.display()
    );
    std::fs::write(dir.join("agent.yaml"), settings).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["agent", "run", "--config"]).arg(dir.join("agent.yaml"));
    Process::start("agent", &mut command)
}

fn status(dir: &Path) -> Option<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["agent", "status", "--json", "--data-dir"]).arg(dir.join("agent"));
    serde_json::from_slice(&command.output().unwrap().stdout).ok()
}

/// Waits until everything of the only file is read.
fn wait_until_read(dir: &Path, bytes: u64) {
    eventually("all of the file is in the spool", || {
        let status = status(dir)?;
        (status["files"][0]["acknowledged"].as_u64()? == bytes && status["spool"]["records"].as_u64()? > 0)
            .then_some(())
    });
}

#[test]
fn a_file_that_is_deleted_while_no_collector_answers_is_not_lost_with_the_agent() {
    let dir = tempfile::tempdir().unwrap();
    let (port, store_address) = (free_port(), format!("127.0.0.1:{}", free_port()));
    let running = agent(dir.path(), port);
    let log = dir.path().join("app.log");
    let lines = numbered(0, 5_000);
    append(&log, lines.as_bytes());
    running.wait_for("writing them to the spool");
    wait_until_read(dir.path(), lines.len() as u64);
    std::fs::remove_file(&log).unwrap();
    running.kill();
    // Another one goes on, still alone, and then has an end that is no kill.
    let running = agent(dir.path(), port);
    running.wait_for("the collector is away");
    append(&log, numbered(5_000, 6_000).as_bytes());
    // It is open then. That it is seen is not enough: its inode may be that of the file before.
    eventually("the second file is read", || {
        let status = status(dir.path())?;
        let read = |file: &Value| file["size"].as_u64() > Some(0) && file["offset"].as_u64() > Some(0);
        status["files"].as_array()?.iter().any(read).then_some(())
    });
    std::fs::remove_file(&log).unwrap();
    assert!(running.signal("-TERM").0.success());
    let store = Engine::store(&store_address, &dir.path().join("store"));
    let conf = format!(
        "input {{ beats {{ port => {port} }} }} output {{ opensearch {{ hosts => \"{store_address}\" index => \"lines\" }} }}"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["collector", "--api", "off", "-e", &conf, "--data-dir"]).arg(dir.path().join("collector"));
    let _collector = Process::start("collector", &mut command);
    let running = agent(dir.path(), port);
    store.wait_for_count("lines", 6_000);
    running.wait_for("the spool is empty");
    let mut messages: Vec<String> = store
        .documents("lines")
        .iter()
        .map(|document| document["message"].as_str().unwrap().to_owned())
        .collect();
    messages.sort();
    let mut expect: Vec<String> = numbered(0, 6_000).lines().map(str::to_owned).collect();
    expect.sort();
    assert_eq!(messages, expect);
}
