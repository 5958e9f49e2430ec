//! A running collector is looked at: `alces tap` and `alces collector status`.

use std::process::{Command, Output};

use crate::support::{eventually, process::Process};

fn alces(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alces")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn events_are_seen_as_they_pass_and_numbers_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let conf = "input { stdin { } } filter { mutate { add_field => { \"n\" => \"%{message}\" } convert => { \"n\" => \"integer\" } } } output { null { } }";
    let mut collector =
        Process::alces("collector", &["--api", "127.0.0.1:0", "--data-dir", folder, "-e", conf]);
    let address = collector.value("monitoring API listening", "address");
    let mut tap = Process::alces(
        "tap",
        &["--data-dir", folder, "--filter", "[message] =~ /^9/ or \"x\" in [tags]", "--count", "2"],
    );
    tap.wait_for("looking at `main`");
    (0..100).for_each(|n| collector.write(&format!("{n}\n")));
    assert!(tap.finish().success());
    let lines = tap.lines();
    let shown: Vec<_> = lines.iter().filter(|line| line.starts_with('{')).collect();
    assert_eq!(shown.len(), 2, "{lines:?}");
    assert!(shown[0].contains("\"message\":\"9\"") && shown[1].contains("\"message\":\"90\""), "{lines:?}");

    let page = eventually("all events are in the numbers", || {
        let page = text(&alces(&["collector", "status", "--once", "--data-dir", folder]).stdout);
        let line = page.lines().find(|line| line.contains("output null"))?.to_owned();
        (line.split_whitespace().any(|word| word == "100")).then_some(page)
    });
    assert!(page.contains(&format!("at {address}  green")) && page.contains("filter mutate"), "{page}");

    // A word is wanted, also of those on this machine.
    let refused = alces(&["tap", "--data-dir", "/nonexistent", "--api", &address]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("may read the collector's data folder"), "{refused:?}");
    let broken = alces(&["tap", "--data-dir", folder, "--filter", "[n] = 3"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(text(&broken.stderr).contains("--filter:1:5"), "{broken:?}");
    let missing = alces(&["tap", "nobody", "--data-dir", folder]);
    assert!(text(&missing.stderr).contains("there is no such pipeline"), "{missing:?}");

    assert!(collector.signal("-TERM").0.success());
    assert_eq!(alces(&["collector", "status", "--data-dir", folder]).status.code(), Some(3));
}
