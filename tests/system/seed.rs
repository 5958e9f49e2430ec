//! The seed: real Filebeat, the Logstash pipeline unchanged, a real OpenSearch and the embedded store.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

use crate::support::{engine::Engine, files::sample, process::Process, project, target, usual_ports};

const STREAM: &str = "logs-generic-default";

/// Ships the sample through the seed's pipeline into the engine at `es01`, and gives back the documents by their offset and
/// what the collector printed.
fn run(engine: &Engine, es01: &str, dir: &Path) -> (BTreeMap<u64, Value>, Vec<String>) {
    std::fs::create_dir_all(dir).unwrap();
    let log = dir.join("access.log");
    std::fs::write(&log, sample()).unwrap();
    // `es01` is an address of this machine for the collector alone: it gets a hosts file of its own.
    let hosts = dir.join("hosts");
    std::fs::write(&hosts, format!("127.0.0.1 localhost\n{es01} es01\n")).unwrap();
    let seed = project().join("pipelines/seed.conf");
    let script = r#"mount --bind "$1" /etc/hosts && exec "$2" collector -f "$3" --data-dir "$4" --api off"#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command.arg(&hosts).arg(env!("CARGO_BIN_EXE_alces")).arg(&seed).arg(dir.join("collector"));
    let collector = Process::start("collector", &mut command);
    collector.wait_for("beats input listening");

    let config = dir.join("filebeat.yml");
    let text = format!(
        "filebeat.inputs:\n  - type: log\n    paths: [\"{}\"]\noutput.logstash:\n  hosts: [\"127.0.0.1:5044\"]\n",
        log.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(target().join("peers/filebeat"));
    command.args(["--strict.perms=false", "-e", "-c"]).arg(&config);
    command.arg("--path.data").arg(dir.join("data")).arg("--path.logs").arg(dir.join("logs"));
    let _filebeat = Process::start("Filebeat", &mut command);

    engine.wait_for_count(STREAM, 10_000);
    assert_eq!(engine.count(STREAM), 10_000);
    let documents = engine.documents(STREAM);
    let by_offset: BTreeMap<u64, Value> =
        documents.into_iter().map(|d| (d["log"]["offset"].as_u64().unwrap(), d)).collect();
    assert_eq!(by_offset.len(), 10_000, "no two documents of one line");
    let (status, lines) = collector.signal("-INT");
    assert!(status.success(), "{status}");
    (by_offset, lines)
}

/// What differs between two runs of Filebeat by its nature.
fn without_run(mut document: Value) -> Value {
    let object = document.as_object_mut().unwrap();
    object.remove("@timestamp");
    object.remove("agent");
    object["log"]["file"].as_object_mut().unwrap().remove("path");
    document
}

fn failed(document: &Value) -> bool {
    document["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "_grokparsefailure"))
}

#[test]
fn filebeat_through_the_seed_into_opensearch_and_into_the_store_gives_the_same_documents() {
    let _ports = usual_ports();
    // The port of the seed is fixed, so the two runs come one after the other.
    let dir = tempfile::tempdir().unwrap();
    let (theirs, printed) = run(Engine::shared_opensearch(), "127.77.0.3", &dir.path().join("one"));
    let ours = {
        let store = Engine::store("127.77.0.2:9200", &dir.path().join("store"));
        run(&store, "127.77.0.2", &dir.path().join("two")).0
    };
    assert_eq!(theirs.values().filter(|d| failed(d)).count(), 1);
    for (offset, document) in &theirs {
        let (a, b) = (without_run(document.clone()), without_run(ours[offset].clone()));
        assert_eq!(a, b, "the line at {offset}");
    }
    let first = &theirs[&0];
    assert_eq!(first["source"]["address"], "83.149.9.216");
    assert_eq!(first["http"]["response"]["status_code"], 200);
    assert_eq!(first["url"]["original"], "/presentations/logstash-monitorama-2013/images/kibana-search.png");

    // rubydebug: one hash an event, keys aligned, @timestamp bare, strings as Ruby writes them.
    let text = printed.join("\n");
    assert_eq!(printed.iter().filter(|line| *line == "{").count(), 10_000);
    assert_eq!(printed.iter().filter(|line| *line == "}").count(), 10_000);
    assert!(
        text.contains("\n          \"method\" => \"GET\",") || text.contains("\"method\" => \"GET\""),
        "{}",
        &text[..2_000]
    );
    assert!(printed.iter().any(|line| line.starts_with("    \"@timestamp\" => 20")), "{}", &text[..2_000]);
    assert!(text.contains("[1] \"_grokparsefailure\"\n"), "a list shows its indexes");
}
