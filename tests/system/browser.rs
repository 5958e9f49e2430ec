//! The pages in a real browser.

use std::process::Command;

use crate::support::{engine::Engine, process::Process, project, usual_ports};

#[test]
fn the_first_page_in_chromium() {
    let _ports = usual_ports();
    let demo = Process::alces("demo", &["--dashboard", "127.0.0.1:0"]);
    look("overview.mjs", &[demo.wait_for("Dashboard: ").trim_start_matches("Dashboard: ").trim()]);
}

#[test]
fn the_boards_in_chromium_over_the_store() {
    let folder = tempfile::tempdir().unwrap();
    boards(&Engine::store("127.0.0.1:0", folder.path()).url);
}

#[test]
fn the_boards_in_chromium_over_opensearch() {
    boards(&Engine::shared_opensearch().url);
}

/// Every board and the explorer over a made-up fleet.
fn boards(engine: &str) {
    let mut fleet = Command::new(project().join("tests/browser/fleet"));
    let written = fleet.args([engine, "--namespace", "fleet"]).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let options = [
        "--listen",
        "127.0.0.1:0",
        "--opensearch",
        engine,
        "--logs",
        "logs-*-fleet",
        "--metrics",
        "metrics-*-fleet",
    ];
    let dashboard = Process::alces("dashboard", &options);
    let url = dashboard.value("dashboard listening", "url");
    look("boards.mjs", &[&url]);
    look("explore.mjs", &[&url]);
    look("language.mjs", &[&url]);
    drop(dashboard);
    let file = tempfile::tempdir().unwrap();
    let people = file.path().join("people.sqlite");
    let with_logins = [&options[..], &["--people", people.to_str().unwrap()]].concat();
    let dashboard = Process::alces("dashboard", &with_logins);
    let url = dashboard.value("dashboard listening", "url");
    look("people.mjs", &[&url, dashboard.wait_for("/invite/").trim()]);
    drop(dashboard);
    let rules = file.path().join("alerts");
    std::fs::create_dir(&rules).unwrap();
    std::fs::copy(project().join("pipelines/alerts/fleet.yaml"), rules.join("fleet.yaml")).unwrap();
    let ledger = file.path().join("alerts.sqlite");
    let watched = ["--alerts", rules.to_str().unwrap(), "--alerts-file", ledger.to_str().unwrap()];
    let dashboard = Process::alces("dashboard", &[&options[..], &watched[..]].concat());
    look("alerts.mjs", &[&dashboard.value("dashboard listening", "url")]);
}

/// Lets a script of `tests/browser` look at pages.
pub(crate) fn look(script: &str, urls: &[&str]) {
    let script = project().join("tests/browser").join(script);
    let mut browser = Process::start("browser", Command::new("node").arg(script).args(urls));
    let status = browser.finish();
    assert!(status.success(), "{}", browser.lines().join("\n"));
}
