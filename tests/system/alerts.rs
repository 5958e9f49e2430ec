//! Alerts as a receiver meets them: over the store and over OpenSearch, while the dashboard is killed and the receiver is down.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alces_alerts::Signer;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{DEADLINE, engine::Engine, http, process::Process, project, wire};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A message as it came.
#[derive(Clone, Debug)]
struct Message {
    id: String,
    is_signed: bool,
    is_taken: bool,
    body: Value,
}

#[derive(Default)]
struct Got {
    messages: Vec<Message>,
    is_up: bool,
}

/// A receiver that is down until it is told otherwise.
#[derive(Clone)]
struct Receiver {
    shared: Arc<(Mutex<Got>, Condvar)>,
    url: String,
}

impl Receiver {
    fn start() -> Self {
        let shared = Arc::<(Mutex<Got>, Condvar)>::default();
        let of_server = shared.clone();
        let address = wire::serve(move |request| {
            let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let (id, seconds) =
                (header("webhook-id"), header("webhook-timestamp").parse().unwrap_or_default());
            let is_signed =
                Signer::parse(SECRET).unwrap().header(&id, seconds, &body) == header("webhook-signature");
            let (got, changed) = &*of_server;
            let mut got = got.lock().unwrap_or_else(PoisonError::into_inner);
            let is_taken = got.is_up;
            got.messages.push(Message {
                id,
                is_signed,
                is_taken,
                body: serde_json::from_str(&body).unwrap(),
            });
            changed.notify_all();
            (if is_taken { 200 } else { 503 }, String::new())
        });
        Self { shared, url: format!("http://{address}/hook") }
    }

    fn come_up(&self) {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).is_up = true;
    }

    /// Waits for a message, at any time since the start.
    #[track_caller]
    fn wait_for(&self, what: &str, is_it: impl Fn(&Message) -> bool) -> Message {
        let end = Instant::now() + DEADLINE;
        let mut got = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(message) = got.messages.iter().find(|m| is_it(m)) {
                return message.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {:#?}", got.messages);
            got = self.shared.1.wait_timeout(got, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn taken(&self) -> Vec<Message> {
        let got = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        got.messages.iter().filter(|m| m.is_taken).cloned().collect()
    }
}

/// Writes five errors of a host as of now.
pub(crate) fn errors(engine: &str, index: &str) {
    let document = json!({"@timestamp": Timestamp::now().to_string(), "host": {"name": "web-1"},
        "http": {"response": {"status_code": 503}}, "message": "upstream timed out"});
    let lines = format!("{}\n{document}\n", json!({"create": {"_index": index}})).repeat(5);
    let answer = http::post_lines(&format!("{engine}/_bulk?refresh=true"), &lines).unwrap();
    assert_eq!(answer["errors"], false, "{answer}");
}

fn an_alert_and_its_end_arrive(engine: &str, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let receiver = Receiver::start();
    std::fs::create_dir(at("alerts")).unwrap();
    std::fs::write(at("secret"), SECRET).unwrap();
    let rules = format!(
        "rules:\n  - id: errors\n    title: Errors\n    metric: count\n    part: status:5xx\n    by: host.name\n    windows: [10s]\n    \
         every: 5s\n    delay: 0s\n    above: 2\n    for: 5s\n    severity: critical\n    summary: '{{{{ value|round }}}} on {{{{ group }}}}'\n\
         receivers:\n  - {{id: ops, url: '{}', secret_file: '{}'}}\n",
        receiver.url,
        at("secret")
    );
    std::fs::write(at("alerts/rules.yaml"), rules).unwrap();
    let index = format!("logs-{name}-alerts");
    let (logs, folder_of_rules, file) = (index.clone(), at("alerts"), at("alerts.sqlite"));
    let start = || {
        let options = [
            "--listen",
            "127.0.0.1:0",
            "--opensearch",
            engine,
            "--logs",
            &logs,
            "--alerts",
            &folder_of_rules,
            "--alerts-file",
            &file,
            "--alerts-allow",
            "127.0.0.0/8",
        ];
        let dashboard = Process::alces("dashboard", &options);
        let url = dashboard.value("dashboard listening", "url");
        (dashboard, url)
    };
    errors(engine, &index);
    let (dashboard, _) = start();
    // Errors go on until the receiver has been met, which is down.
    let writing = Arc::new(Mutex::new(true));
    let writer = std::thread::spawn({
        let (engine, writing) = (engine.to_owned(), writing.clone());
        move || {
            while *writing.lock().unwrap() {
                errors(&engine, &index);
                pause();
            }
        }
    });
    let first = receiver.wait_for("a first try", |m| m.body["status"] == "firing");
    dashboard.kill();
    receiver.come_up();
    let (dashboard, url) = start();
    let fired = receiver.wait_for("the alert, after a crash", |m| m.is_taken && m.body["status"] == "firing");
    assert_eq!(fired.id, first.id, "a message has one name");
    assert!(fired.is_signed);
    let alert = &fired.body["alerts"][0];
    assert_eq!(alert["labels"], json!({"alertname": "errors", "host_name": "web-1", "severity": "critical"}));
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    assert!(alert["annotations"]["summary"].as_str().unwrap().ends_with(" on web-1"), "{alert}");
    let lines = alert["generatorURL"].as_str().unwrap();
    assert!(lines.contains("/explore?") && lines.contains("q="), "{lines}");
    let shown = http::get_json(&format!("{url}api/v1/alerts")).unwrap();
    assert_eq!(shown["states"][0]["phase"], "firing", "{shown}");
    let page = http::get(&format!("{url}alerts")).unwrap();
    assert!(page.0 == 200 && page.1.contains("web-1"), "{}", page.1.len());
    *writing.lock().unwrap() = false;
    writer.join().unwrap();
    let over = receiver.wait_for("its end", |m| m.body["status"] == "resolved");
    assert_eq!(over.body["alerts"][0]["startsAt"], alert["startsAt"]);
    assert_eq!(over.body["alerts"][0]["fingerprint"], alert["fingerprint"]);
    let told: Vec<Value> = receiver.taken().iter().map(|m| m.body["status"].clone()).collect();
    assert_eq!(told, ["firing", "resolved"], "each once, in order");
    drop(dashboard);

    let listed = Process::alces("alert", &["ls", "--alerts-file", &file]);
    listed.wait_for("over ");
    let tested = [
        "test",
        "errors",
        "--rules",
        &at("alerts/rules.yaml"),
        "--from",
        "now-5m",
        "--opensearch",
        engine,
        "--logs",
        &logs,
    ];
    Process::alces("alert", &tested).wait_for("1 times,");
}

/// Between two writes.
#[allow(clippy::disallowed_methods, reason = "the errors of a second are spread over it")]
fn pause() {
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn an_alert_and_its_end_arrive_over_the_store() {
    let folder = tempfile::tempdir().unwrap();
    an_alert_and_its_end_arrive(&Engine::store("127.0.0.1:0", folder.path()).url, "store");
}

#[test]
fn an_alert_and_its_end_arrive_over_opensearch() {
    an_alert_and_its_end_arrive(&Engine::shared_opensearch().url, "opensearch");
}

/// Each rule of the fleet is asked of the made-up fleet's last hours; those that its incident is about would have fired.
#[test]
fn the_fleets_rules_are_backtested_on_made_up_days() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::store("127.0.0.1:0", folder.path());
    let written = std::process::Command::new(project().join("tests/browser/fleet"))
        .args([&engine.url, "--namespace", "fleet"])
        .output()
        .unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let rules = project().join("pipelines/alerts/fleet.yaml");
    let ids: Vec<String> = std::fs::read_to_string(&rules)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("  - id: ").map(str::to_owned))
        .collect();
    assert!(ids.len() >= 16, "{ids:?}");
    for id in ids {
        let options = [
            "test",
            &id,
            "--rules",
            rules.to_str().unwrap(),
            "--from",
            "now-1h",
            "--opensearch",
            &engine.url,
        ];
        let sources = ["--logs", "logs-*-fleet", "--metrics", "metrics-*-fleet"];
        let fired =
            Process::alces("alert", &[&options[..], &sources[..]].concat()).wait_for(" minutes in all");
        if matches!(id.as_str(), "error-rate" | "error-budget-slow" | "new-version") {
            assert!(!fired.starts_with("0 times"), "{id}: {fired}");
        }
    }
}
