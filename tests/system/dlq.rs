//! `alces dlq`, beside a collector that goes on appending.

use crate::support::{engine::Engine, eventually, process::Process};

/// What `alces dlq` answers, and its exit code.
fn dlq(data: &str, args: &[&str]) -> (Option<i32>, String) {
    let mut process = Process::alces("dlq", &[args, &["--data-dir", data]].concat());
    let code = process.finish().code();
    (code, process.lines().join("\n"))
}

#[test]
fn letters_are_counted_sent_again_and_dropped_while_the_collector_appends() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (
        Engine::store("127.0.0.1:0", &dir.path().join("1")),
        Engine::store("127.0.0.1:0", &dir.path().join("2")),
    );
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let conf = format!(
        "input {{ stdin {{ codec => json }} }} filter {{ if [message] == \"odd\" {{ if [missing] > 5 {{ drop {{ }} }} }} }} output {{ opensearch {{ hosts => \"{}\" index => \"x\" manage_template => false }} }}",
        first.url
    );
    let mut collector = Process::alces("collector", &["--api", "off", "--data-dir", data, "-e", &conf]);
    // The field is a number from here on.
    collector.write("{\"n\":1}\n");
    eventually("the first event is indexed", || (first.count("x") == 1).then_some(()));
    collector.write("{\"n\":\"a 1\"}\n{\"n\":\"a 2\"}\n{\"message\":\"odd\"}\n");
    collector.wait_for("a 1");
    collector.wait_for("a condition could not be decided");

    eventually("three letters are there", || {
        (dlq(data, &["show", "--json"]).1.matches("\"reason\"").count() == 3).then_some(())
    });
    let (code, listed) = dlq(data, &["ls", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (code, listed[0]["pipeline"].as_str(), listed[0]["letters"].as_u64()),
        (Some(0), Some("main"), Some(3))
    );
    // Those that differ in a number only are one.
    assert_eq!(listed[0]["reasons"][0]["letters"], 2);
    assert_eq!(dlq(data, &["show", "--plugin", "if"]).1.lines().count(), 3);

    // The one that refused them does so again; another one takes them.
    let (code, said) = dlq(data, &["retry", "--plugin", "opensearch"]);
    assert!(code == Some(1) && said.contains("0 letters taken, 2 refused again"), "{said}");
    let (code, said) = dlq(data, &["retry", "--plugin", "opensearch", "--to", &second.url]);
    assert!(code == Some(0) && said.contains("2 letters taken"), "{said}");
    assert_eq!(second.count("x"), 2);
    let (code, said) = dlq(data, &["retry", "--to", "http://127.0.0.1:1"]);
    assert!(code == Some(1) && said.contains("1 letter left"), "{said}");

    // The file is another one by now.
    collector.write("{\"n\":\"b 3\"}\n");
    collector.wait_for("b 3");
    let mended = dir.path().join("mended.conf");
    let text = format!(
        "filter {{ mutate {{ remove_field => \"n\" }} }} output {{ opensearch {{ hosts => \"{}\" index => \"y\" manage_template => false }} }}",
        first.url
    );
    std::fs::write(&mended, text).unwrap();
    let (code, said) = dlq(data, &["retry", "--plugin", "opensearch", "--through", mended.to_str().unwrap()]);
    assert!(code == Some(0) && said.contains("1 letter through the pipeline, 0 refused again"), "{said}");
    assert_eq!(first.count("y"), 1);

    let (code, said) = dlq(data, &["drop", "--all"]);
    assert!(code == Some(2) && said.contains("--yes"), "{said}");
    let (code, said) = dlq(data, &["drop", "--older-than", "1h", "--yes"]);
    assert!(code == Some(0) && said.contains("no such letters"), "{said}");
    let (code, said) = dlq(data, &["drop", "--all", "--yes"]);
    assert!(code == Some(0) && said.contains("Dropped 1 letter."), "{said}");
    assert!(collector.finish().success());
    assert!(dlq(data, &["ls", "--pipeline", "web"]).1.contains("there are of: main"));
}

#[test]
fn a_pipeline_reads_the_letters_of_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let conf = "input { stdin { } } filter { if [missing] > 5 { drop { } } } output { null { } }";
    let mut writer = Process::alces("collector", &["--api", "off", "--data-dir", data, "-e", conf]);
    writer.write("lost and found\n");
    assert!(writer.finish().success());
    let conf = format!(
        "input {{ dead_letter_queue {{ path => \"{data}/dead_letter_queue\" clean_consumed => true }} }} output {{ stdout {{ codec => rubydebug {{ metadata => true }} }} }}"
    );
    let reader =
        Process::alces("collector", &["--api", "off", "--data-dir", &format!("{data}/other"), "-e", &conf]);
    reader.wait_for("\"message\" => \"lost and found\"");
    reader.wait_for("\"plugin_type\" => \"if\"");
    reader.wait_for("letters that were read left the dead-letter queue");
    assert!(reader.signal("-TERM").0.success());
    assert!(dlq(data, &["ls"]).1.contains("main: 0 letters"));
}
