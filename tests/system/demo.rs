//! The demo, started as a user would, then asked over HTTP.

use crate::support::{eventually, http, process::Process, usual_ports};

/// The address behind a word that the demo prints.
fn address(demo: &Process, word: &str) -> String {
    let line = demo.wait_for(word);
    line[word.len()..].trim().trim_end_matches('/').to_owned()
}

#[test]
fn the_demo_shows_ten_thousand_real_requests_and_goes_on_live() {
    let _ports = usual_ports();
    let folder = std::env::temp_dir();
    let left = || {
        let entries = std::fs::read_dir(&folder).unwrap().flatten();
        entries.filter(|e| e.file_name().to_string_lossy().starts_with("alces-demo-")).count()
    };
    let before = left();
    let demo = Process::alces("demo", &["--dashboard", "127.0.0.1:0"]);
    let (page, store) = (address(&demo, "Dashboard: "), address(&demo, "Store: "));
    let overview = format!("{page}/api/v1/boards/overview?from=now-3h&to=now");
    let first = eventually("all requests are there", || {
        http::get_json(&overview).filter(|o| o["totals"]["requests"].as_u64() >= Some(9_999))
    });
    assert_eq!(first["lines"]["unparsed"], 1, "the sample's one broken line");
    assert!(first["totals"]["by_class"]["2xx"].as_u64() >= Some(9_000), "{}", first["totals"]);
    assert_eq!(first["totals"]["by_class"]["5xx"], 3, "{}", first["totals"]);
    for percentile in ["p50", "p95", "p99"] {
        assert!(first["totals"]["latency"][percentile].as_f64() > Some(0.0), "{}", first["totals"]);
    }
    // It goes on live, and the host's own figures arrive.
    let count = first["totals"]["requests"].as_u64().unwrap();
    eventually("more requests come in", || {
        http::get_json(&overview).filter(|o| o["totals"]["requests"].as_u64() > Some(count + 3))
    });
    eventually("host metrics arrive", || {
        let overview = http::get_json(&overview)?;
        let panels = overview["panels"].as_array()?;
        let has = |id: &str| {
            let panel = panels.iter().find(|p| p["id"] == id);
            let values = panel.and_then(|p| p["series"][0]["values"].as_array());
            values.is_some_and(|v| v.iter().any(serde_json::Value::is_number))
        };
        ["cpu", "memory", "disk", "network"].into_iter().all(has).then_some(())
    });
    assert_eq!(http::get(&format!("{page}/")).unwrap().0, 200);
    assert_eq!(http::get_json(&store).unwrap()["version"]["distribution"], "opensearch");
    let (status, lines) = demo.signal("-INT");
    assert!(status.success(), "{status}: {}", lines.join("\n"));
    assert_eq!(left(), before, "its temporary folder is gone");
}
