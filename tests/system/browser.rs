//! The page in a real browser.

use std::process::Command;

use crate::support::{process::Process, project, usual_ports};

#[test]
fn the_first_page_in_chromium() {
    let _ports = usual_ports();
    let demo = Process::alces("demo", &["--dashboard", "127.0.0.1:0"]);
    let line = demo.wait_for("Dashboard: ");
    let url = line.trim_start_matches("Dashboard: ").trim();
    let script = project().join("tests/browser/overview.mjs");
    let mut browser = Process::start("browser", Command::new("node").arg(script).arg(url));
    let status = browser.finish();
    assert!(status.success(), "{}", browser.lines().join("\n"));
}
