//! The seed: real Filebeat, the Logstash pipeline unchanged, real OpenSearch of two versions and the embedded store.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    client::Client,
    engine::{Engine, Version},
    files::sample,
    process::Process,
    project, target, usual_ports,
};

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

/// OpenSearch's official client counts and finds the same, and reads the same documents by each of its ways.
#[track_caller]
fn read_back(engine: &Engine, documents: &BTreeMap<u64, Value>) {
    let client = Client::new(&engine.url);
    assert_eq!(client.count(STREAM), documents.len() as u64);
    let posted = json!({"bool": {"filter": [{"term": {"http.request.method": "POST"}}]}});
    let posts = documents.values().filter(|d| d["http"]["request"]["method"] == "POST").count();
    assert_eq!(client.found(STREAM, &posted), posts as u64);
    for hits in [client.scrolled(STREAM), client.at_one_time(STREAM)] {
        let read: BTreeMap<u64, &Value> = hits
            .iter()
            .map(|hit| (hit["_source"]["log"]["offset"].as_u64().unwrap(), &hit["_source"]))
            .collect();
        assert_eq!(hits.len(), documents.len());
        assert!(read.into_iter().eq(documents.iter().map(|(offset, document)| (*offset, document))));
    }
}

#[test]
fn filebeat_through_the_seed_into_opensearch_and_into_the_store_gives_the_same_documents() {
    let _ports = usual_ports();
    let dir = tempfile::tempdir().unwrap();
    // It takes its time to start.
    let older =
        Engine::opensearch(Version::Two, "127.77.0.4", &dir.path().join("opensearch-2"), &["-Xmx512m"], &[]);
    // The port of the seed is fixed, so the runs come one after the other.
    let newer = Engine::shared_opensearch();
    let (theirs, printed) = run(newer, "127.77.0.3", &dir.path().join("one"));
    read_back(newer, &theirs);
    let ours = {
        let store = Engine::store("127.77.0.2:9200", &dir.path().join("store"));
        run(&store, "127.77.0.2", &dir.path().join("two")).0
    };
    older.process.wait_for("ready");
    let (of_older, _) = run(&older, "127.77.0.4", &dir.path().join("three"));
    read_back(&older, &of_older);
    drop(older);
    assert_eq!(theirs.values().filter(|d| failed(d)).count(), 1);
    for (offset, document) in &theirs {
        let document = without_run(document.clone());
        assert_eq!(document, without_run(ours[offset].clone()), "the line at {offset}");
        assert_eq!(document, without_run(of_older[offset].clone()), "the line at {offset}");
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
