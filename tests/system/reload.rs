//! Pipelines that change while the collector runs.

use crate::support::{eventually, free_port, http, process::Process};

#[test]
fn pipelines_change_come_and_go_while_others_run() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, api) = (dir.path().to_str().unwrap(), free_port());
    // Whole at once, as deployments do it.
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join("new"), text).unwrap();
        std::fs::rename(dir.path().join("new"), dir.path().join(name)).unwrap();
    };
    let pipelines = |ids: &[&str]| {
        let each = ids.iter().map(|id| format!("- pipeline.id: {id}\n  path.config: {folder}/{id}.conf\n"));
        write("pipelines.yml", &each.collect::<String>());
    };
    write("logstash.yml", &format!("path.data: {folder}/data\napi.http.port: {api}\n"));
    write(
        "a.conf",
        "input { stdin { } } filter { mutate { add_tag => one } } output { stdout { codec => json_lines } }",
    );
    write("b.conf", "input { heartbeat { count => 1 } } output { pipeline { send_to => behind } }");
    write("c.conf", "input { pipeline { address => behind } } output { stdout { codec => json_lines } }");
    pipelines(&["a"]);
    let running = || {
        let stats = http::get_json(&format!("http://127.0.0.1:{api}/_node/pipelines"))?;
        Some(stats["pipelines"].as_object()?.keys().cloned().collect::<Vec<_>>().join(" "))
    };
    let wait_for = |ids: &str| eventually("pipelines", || (running()? == ids).then_some(()));
    let mut collector = Process::alces("collector", &["--settings", folder]);
    wait_for("a");
    collector.write("1\n");
    assert!(collector.wait_for("\"message\":\"1\"").contains("\"one\""));
    // Its text changes; standard input stays open.
    write(
        "a.conf",
        "input { stdin { } } filter { mutate { add_tag => two } } output { stdout { codec => json_lines } }",
    );
    collector.wait_for("the new pipeline runs");
    collector.write("2\n");
    assert!(collector.wait_for("\"message\":\"2\"").contains("\"two\""));
    // What is wrong changes nothing, and is told with its place.
    write("a.conf", "input { stdin { } } filter { mutat { } } output { stdout { codec => json_lines } }");
    collector.wait_for("did you mean `mutate`?");
    collector.write("3\n");
    assert!(collector.wait_for("\"message\":\"3\"").contains("\"two\""));
    write(
        "a.conf",
        "input { stdin { } } filter { mutate { add_tag => three } } output { stdout { codec => json_lines } }",
    );
    collector.wait_for("the configuration is right again");
    eventually("the third", || {
        let stats = http::get_json(&format!("http://127.0.0.1:{api}/_node/stats/reloads"))?;
        (stats["reloads"]["successes"] == 2).then_some(())
    });
    // Others come, one behind the other.
    pipelines(&["a", "b", "c"]);
    collector.wait_for("\"message\":\"ok\"");
    pipelines(&["a", "c"]);
    // The one that has come to its end is not begun again.
    wait_for("a c");
    collector.write("4\n");
    assert!(collector.wait_for("\"message\":\"4\"").contains("\"three\""));
    // A signal reads all of it anew.
    collector.send("-HUP");
    eventually("both are reloaded", || {
        let stats = http::get_json(&format!("http://127.0.0.1:{api}/_node/stats/reloads"))?;
        (stats["reloads"]["successes"] == 4).then_some(())
    });
    assert!(collector.signal("-TERM").0.success());
}
