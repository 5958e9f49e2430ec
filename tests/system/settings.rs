//! A settings folder as Logstash's, with several pipelines in one process.

use crate::support::{eventually, free_port, http, process::Process};

#[test]
fn the_pipelines_of_a_settings_folder_run_side_by_side_with_dead_letters_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let (folder, api) = (dir.path().to_str().unwrap(), free_port());
    write(
        "logstash.yml",
        &format!(
            "path.data: {folder}/data\napi.http.port: {api}\nqueue.type: persisted\npipeline.batch.size: 125\n"
        ),
    );
    write(
        "pipelines.yml",
        &format!(
            "- pipeline.id: lines\n  path.config: {folder}/*.conf\n- pipeline.id: beats\n  config.string: 'input {{ beats {{ port => {} }} }} output {{ null {{ }} }}'\n",
            free_port()
        ),
    );
    // Files count as one, in the order of their names.
    write("1.conf", "input { stdin { } }");
    write("2.conf", "filter { if [message] == \"bad\" { if [missing] > 5 { drop { } } } }");
    write("3.conf", "output { stdout { codec => json_lines } }");
    let mut collector = Process::alces("collector", &["--path.settings", folder]);
    assert!(collector.wait_for("pipeline.batch.size").contains("has no effect here"));
    collector.write("good\nbad\n");
    collector.wait_for("\"message\":\"good\"");
    collector.wait_for("a condition could not be decided");
    // An event is a dead letter in the account once its batch is done, a moment after the letter is written and told of.
    let stats = eventually("an account of the dead letter", || {
        let stats = http::get_json(&format!("http://127.0.0.1:{api}/_node/stats"))?;
        (stats["pipelines"]["lines"]["dead_letter_queue"]["events"] == 1).then_some(stats)
    });
    assert_eq!(stats["pipelines"]["lines"]["events"]["in"], 2);
    assert_eq!(stats["pipelines"]["lines"]["queue"]["type"], "persisted");
    assert_eq!(stats["pipelines"]["beats"]["events"]["in"], 0);
    let letters = std::fs::read_to_string(dir.path().join("data/dead_letter_queue/lines.ndjson")).unwrap();
    let letter: serde_json::Value = serde_json::from_str(letters.trim()).unwrap();
    assert_eq!(letter["reason"], "`>` cannot compare: [missing] is missing, the other side is a number");
    assert_eq!(letter["event"]["message"], "bad");
    assert!(collector.signal("-TERM").0.success());
}

#[test]
fn a_pipeline_takes_a_secret_from_the_keystore_before_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("alces.keystore");
    let file = file.to_str().unwrap();
    let keystore = |args: &[&str], input: &str| {
        let mut process = Process::alces("keystore", &[args, &["--keystore", file]].concat());
        process.write(input);
        (process.finish().code(), process.lines().join("\n"))
    };
    assert_eq!(keystore(&["create"], "").0, Some(0));
    assert_eq!(keystore(&["add", "GREETING", "--stdin"], "from the keystore\n"), (Some(0), String::new()));
    let (code, text) = keystore(&["add", "GREETING", "--stdin"], "x\n");
    assert_eq!((code, text.contains("--force")), (Some(1), true), "{text}");
    assert_eq!(keystore(&["list"], ""), (Some(0), "GREETING".to_owned()));
    let conf = "input { stdin { } } filter { mutate { add_field => { greeting => \"${GREETING}\" home => \"${HOME}\" } } } output { stdout { codec => json_lines } }";
    let mut collector = Process::alces(
        "collector",
        &["--api", "off", "--data-dir", dir.path().to_str().unwrap(), "--keystore", file, "-e", conf],
    );
    collector.write("hello\n");
    assert!(collector.wait_for("\"message\":\"hello\"").contains("\"greeting\":\"from the keystore\""));
    // One that is changed is taken up when the collector is told to read its configuration.
    assert_eq!(keystore(&["add", "GREETING", "--stdin", "--force"], "another\n").0, Some(0));
    collector.send("-HUP");
    collector.wait_for("the new pipeline runs");
    collector.write("again\n");
    assert!(collector.wait_for("\"message\":\"again\"").contains("\"greeting\":\"another\""));
    assert!(collector.finish().success());
}
