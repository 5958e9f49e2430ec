//! Our messages at a program that was made for Alertmanager's: alertmanager-gchat-integration, unchanged.

use std::process::Command;
use std::sync::mpsc;

use serde_json::Value;

use crate::alerts::errors;
use crate::support::{DEADLINE, engine::Engine, http, process::Process, project, target, wire};

#[test]
fn a_receiver_made_for_alertmanager_takes_our_messages() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // The chat that it writes to.
    let (tell, told) = mpsc::channel();
    let chat = wire::serve(move |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        // The test may be over.
        let _ = tell.send(body["text"].as_str().unwrap().to_owned());
        (200, "{}".into())
    });
    let template = project().join("tests/peers/gchat/template.j2");
    let settings = format!(
        "[app.notification]\norigin = 'test'\ncustom_template_path = '{}'\n[app.room.ops]\nnotification_url = 'http://{chat}/'\n",
        template.display()
    );
    std::fs::write(at("gchat.toml"), settings).unwrap();
    let mut command = Command::new(target().join("peers/gchat/bin/gunicorn"));
    command.args(["--bind", "127.0.0.1:0", "alertmanager_gchat_integration.app:app"]);
    let gchat = Process::start("gchat", command.env("CONFIG_FILE_LOCATION", at("gchat.toml")));
    let line = gchat.wait_for("Listening at: ");
    let (_, after) = line.split_once("Listening at: ").unwrap();
    let url = after.split_whitespace().next().unwrap();

    let rule = |id: &str| {
        format!(
            "  - {{id: {id}, title: Errors, metric: count, part: 'status:5xx', by: host.name, windows: [1h], every: 5s, delay: 0s, above: 2,\n     \
             summary: '{{{{ value|round }}}} errors of {{{{ group }}}}'}}\n"
        )
    };
    let rules = format!(
        "rules:\n{}{}receivers:\n  - {{id: ops, url: '{url}/alerts?room=ops', group_by: [host.name], group_wait: 0s}}\n",
        rule("errors"),
        rule("failures")
    );
    std::fs::create_dir(at("alerts")).unwrap();
    std::fs::write(at("alerts/rules.yaml"), rules).unwrap();
    let engine = Engine::store("127.0.0.1:0", folder.path());
    errors(&engine.url, "logs-receivers");
    let (alerts, file) = (at("alerts"), at("alerts.sqlite"));
    let options = [
        ["--listen", "127.0.0.1:0"],
        ["--opensearch", &engine.url],
        ["--logs", "logs-receivers"],
        ["--alerts", &alerts],
        ["--alerts-file", &file],
        ["--alerts-allow", "127.0.0.0/8"],
    ];
    let dashboard = Process::alces("dashboard", options.as_flattened());
    for rule in ["errors", "failures"] {
        let said = told.recv_timeout(DEADLINE).expect("an alert");
        assert!(said.starts_with(&format!("firing {rule} of web-1 since 20")), "{said}");
        assert!(said.contains(": 5 errors of web-1 (http") && said.contains("/explore?"), "{said}");
    }
    let url = dashboard.value("dashboard listening", "url");
    let link = format!("{url}alerts?silence=alertname%3Derrors&silence=host_name%3Dweb-1");
    let (status, page) = http::get(&link).unwrap();
    assert!(status == 200 && page.contains("alertname=errors\nhost_name=web-1</textarea>"), "{page}");
    assert!(page.contains("action=\"/alerts/ack\""), "{page}");
    let (status, page) = http::get(&format!("{url}alerts/deliveries")).unwrap();
    assert!(status == 200 && page.contains("/alerts/receivers/ops/test") && page.contains("msg_"), "{page}");
    drop(dashboard);

    let test = ["send-test", "ops", "--alerts", &alerts, "--alerts-allow", "127.0.0.0/8"];
    Process::alces("alert", &test).wait_for("ops: status 200");
    let said = told.recv_timeout(DEADLINE).expect("a test");
    assert!(said.starts_with("resolved alces-test of "), "{said}");
    let acked = ["ack", "errors", "web-1", "--alerts-file", &file];
    Process::alces("alert", &acked).wait_for("looks after it since");
    Process::alces("alert", &["ls", "--alerts-file", &file]).wait_for("acknowledged by");
}
