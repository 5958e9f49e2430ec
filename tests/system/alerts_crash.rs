//! Alerts through crashes: the dashboard is killed again and again, the engine goes and comes back.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{DEADLINE, engine::Engine, eventually, http, process::Process, wire};

/// An alert of a message: under which id it came, of which rule, when it began, and whether that is its beginning or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    id: String,
    rule: String,
    began: String,
    firing: bool,
}

/// A receiver that refuses each third message; the alerts of those that it took, in the order of their coming.
#[derive(Clone, Default)]
struct Receiver {
    shared: Arc<(Mutex<Vec<Told>>, Condvar)>,
    url: String,
}

impl Receiver {
    fn start() -> Self {
        let shared = Arc::<(Mutex<Vec<Told>>, Condvar)>::default();
        let (of_server, tries) = (Arc::clone(&shared), Mutex::new(0));
        let address = wire::serve(move |request| {
            let mut tries = tries.lock().unwrap_or_else(PoisonError::into_inner);
            *tries += 1;
            if *tries % 3 == 0 {
                return (503, String::new());
            }
            let id = request.header("webhook-id").unwrap_or_default().to_owned();
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let told = body["alerts"].as_array().unwrap().iter().map(|alert| Told {
                id: id.clone(),
                rule: text(&alert["labels"]["alertname"]),
                began: text(&alert["startsAt"]),
                firing: alert["status"] == "firing",
            });
            of_server.0.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
            of_server.1.notify_all();
            (200, String::new())
        });
        Self { shared, url: format!("http://{address}/hook") }
    }

    /// Waits until so many beginnings, or ends, of a rule's alerts were told.
    #[track_caller]
    fn wait_for(&self, rule: &str, firing: bool, number: usize) {
        let end = Instant::now() + DEADLINE;
        let mut told = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut began: Vec<&str> = told
                .iter()
                .filter(|t| t.rule == rule && t.firing == firing)
                .map(|t| t.began.as_str())
                .collect();
            began.sort_unstable();
            began.dedup();
            if began.len() >= number {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {number} of {rule}, firing {firing}: {told:#?}");
            told = self.shared.1.wait_timeout(told, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was told of a rule, each transition once, in order. A transition has one id however often it came.
    fn transitions(&self, rule: &str) -> Vec<(String, bool)> {
        let told = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut ids, mut order) = (HashMap::new(), Vec::new());
        for one in told.iter().filter(|one| one.rule == rule) {
            let transition = (one.began.clone(), one.firing);
            let id = ids.entry(transition.clone()).or_insert_with(|| {
                order.push(transition);
                one.id.clone()
            });
            assert_eq!(*id, one.id, "one transition, two ids");
        }
        order
    }
}

/// A host that says something all the time, and fails while it is told to.
struct Host {
    fails: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    writing: Option<std::thread::JoinHandle<()>>,
}

impl Host {
    fn start(engine: &str) -> Self {
        let (fails, ended) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let writing = std::thread::spawn({
            let (engine, fails, ended) = (engine.to_owned(), Arc::clone(&fails), Arc::clone(&ended));
            move || {
                while !ended.load(Relaxed) {
                    let level = if fails.load(Relaxed) { "error" } else { "info" };
                    let document = json!({"@timestamp": Timestamp::now().to_string(), "host": {"name": "web-1"},
                        "log": {"level": level}, "message": format!("a line of {level}")});
                    // Where the engine is away there is nothing to write to.
                    let action = json!({"create": {"_index": "logs-crash"}});
                    drop(http::post_lines(
                        &format!("{engine}/_bulk?refresh=true"),
                        &format!("{action}\n{document}\n"),
                    ));
                    pause(Duration::from_millis(200));
                }
            }
        });
        Self { fails, ended, writing: Some(writing) }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        drop(self.writing.take().map(std::thread::JoinHandle::join));
    }
}

#[allow(clippy::disallowed_methods, reason = "lines are spread over time, and a crash comes at any moment")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn rules(folder: &Path, receiver: &Receiver, more: &str) {
    std::fs::create_dir(folder.join("alerts")).unwrap();
    let text = format!(
        "rules:\n  - {{id: errors, title: Errors, metric: count, filter: 'log.level:error', by: host.name, windows: [10s], every: 5s, delay: 0s, \
         patience: 0s, above: 0{more}}}\nreceivers:\n  - {{id: ops, url: '{}'}}\n",
        receiver.url
    );
    std::fs::write(folder.join("alerts/rules.yaml"), text).unwrap();
}

fn dashboard(engine: &str, folder: &Path) -> Process {
    one_of(engine, folder, "alerts.sqlite", &[])
}

/// A dashboard with a file of its own.
fn one_of(engine: &str, folder: &Path, file: &str, more: &[&str]) -> Process {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (alerts, file) = (at("alerts"), at(file));
    let options = [
        "--listen",
        "127.0.0.1:0",
        "--opensearch",
        engine,
        "--logs",
        "logs-crash",
        "--alerts",
        &alerts,
        "--alerts-file",
        &file,
        "--alerts-allow",
        "127.0.0.0/8",
    ];
    Process::alces("dashboard", &[&options, more].concat())
}

#[test]
fn each_alert_and_its_end_survive_crashes_at_any_moment_and_nothing_else_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = Engine::store("127.0.0.1:0", &folder.path().join("store"));
    let receiver = Receiver::start();
    rules(folder.path(), &receiver, "");
    let host = Host::start(&store.url);
    let (ended, kills) = (AtomicBool::new(false), Mutex::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Lives of up to a second and a half, each of another length; the system's clock is chance enough.
            while !ended.load(Relaxed) {
                let dashboard = dashboard(&store.url, folder.path());
                let nanoseconds = Timestamp::now().subsec_nanosecond().unsigned_abs();
                pause(Duration::from_millis(u64::from(nanoseconds / 1000 % 1500)));
                dashboard.kill();
                *kills.lock().unwrap() += 1;
            }
        });
        for failure in 1..=3 {
            host.fails.store(true, Relaxed);
            receiver.wait_for("errors", true, failure);
            host.fails.store(false, Relaxed);
            receiver.wait_for("errors", false, failure);
        }
        ended.store(true, Relaxed);
    });
    assert!(*kills.lock().unwrap() >= 20, "{}", kills.lock().unwrap());
    let transitions = receiver.transitions("errors");
    let mut began: Vec<String> = transitions.iter().map(|(began, _)| began.clone()).collect();
    began.dedup();
    let expected: Vec<(String, bool)> =
        began.iter().flat_map(|began| [(began.clone(), true), (began.clone(), false)]).collect();
    assert_eq!((transitions, began.len()), (expected, 3), "each beginning, then its end");
}

#[test]
fn a_dead_mans_switch_is_silent_when_lines_stop() {
    let folder = tempfile::tempdir().unwrap();
    let store = Engine::store("127.0.0.1:0", &folder.path().join("store"));
    let receiver = Receiver::start();
    std::fs::create_dir(folder.path().join("alerts")).unwrap();
    let text = format!(
        "rules:\n  - {{id: alive, title: Lines arrive, kind: watchdog, windows: [10s], every: 5s, delay: 0s, repeat: 1m}}\n\
         receivers:\n  - {{id: outside, preset: heartbeat, url: '{}'}}\n",
        receiver.url
    );
    std::fs::write(folder.path().join("alerts/rules.yaml"), text).unwrap();
    let host = Host::start(&store.url);
    let dashboard = dashboard(&store.url, folder.path());
    let url = dashboard.value("dashboard listening", "url");
    let beats = || receiver.shared.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    eventually("it is told again after a minute", || (beats().len() >= 2).then_some(()));
    drop(host);
    eventually("no line has come for a while", || {
        let shown = http::get_json(&format!("{url}api/v1/alerts"))?;
        shown["episodes"][0]["ended"].is_number().then_some(())
    });
    // What could be sent is sent: nothing waits.
    eventually("nothing waits", || {
        let shown = http::get_json(&format!("{url}api/v1/alerts"))?;
        shown["receivers"].as_array()?.iter().all(|r| r["waiting"] == 0).then_some(())
    });
    assert!(beats().iter().all(|beat| beat.firing), "an end is no sign of life: {:?}", beats());
    let log = http::get(&format!("{url}alerts/deliveries")).unwrap().1;
    assert!(!log.contains("msg_"), "of signs of life nothing is kept: {log}");
}

fn one_of_two_watches_and_the_other_takes_over(engine: &str, index: &str) {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    rules(folder.path(), &receiver, "");
    let host = Host::start(engine);
    host.fails.store(true, Relaxed);
    let start = |name: &str| {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        let dashboard =
            one_of(engine, folder.path(), &format!("{name}/alerts.sqlite"), &["--alerts-lease", index]);
        let url = dashboard.value("dashboard listening", "url");
        (dashboard, url)
    };
    let state = |url: &str| http::get_json(&format!("{url}api/v1/alerts")).unwrap();
    let (first, first_url) = start("first");
    first.wait_for("this dashboard watches alerts");
    let (second, second_url) = start("second");
    receiver.wait_for("errors", true, 1);
    // The second one shows what the first one knows, says who that is, and changes nothing.
    let until = |what: &str, holds: &dyn Fn() -> bool| eventually(what, || holds().then_some(()));
    until("the second one follows", &|| state(&second_url)["states"][0]["phase"] == "firing");
    assert_eq!(
        (&state(&second_url)["watched_by"], &state(&first_url)["watched_by"]),
        (&json!(first_url), &Value::Null)
    );
    let page = http::get(&format!("{second_url}alerts")).unwrap().1;
    assert!(page.contains("Another dashboard watches") && page.contains(&first_url), "{page}");
    let asked = json!({"rule": "errors", "group": "web-1"});
    let ack = |url: &str| http::post_json(&format!("{url}api/v1/alerts/ack"), &asked).unwrap();
    assert!(ack(&second_url)["error"].as_str().unwrap().contains(&first_url), "{}", ack(&second_url));
    assert!(ack(&first_url)["by"].is_string());
    until("what was done there is known here", &|| {
        state(&second_url)["states"][0]["acknowledged"]["by"].is_string()
    });
    first.kill();
    second.wait_for("this dashboard watches alerts");
    host.fails.store(false, Relaxed);
    receiver.wait_for("errors", false, 1);
    assert_eq!(receiver.transitions("errors").len(), 2, "told once, and its end by the other one");
    // Who comes back waits.
    let (_back, back_url) = start("first");
    until("it follows", &|| state(&back_url)["watched_by"] == json!(second_url));
}

#[test]
fn one_of_two_dashboards_watches_and_the_other_takes_over_on_the_store() {
    let folder = tempfile::tempdir().unwrap();
    one_of_two_watches_and_the_other_takes_over(
        &Engine::store("127.0.0.1:0", folder.path()).url,
        "alces-alerts",
    );
}

#[test]
fn one_of_two_dashboards_watches_and_the_other_takes_over_on_opensearch() {
    one_of_two_watches_and_the_other_takes_over(&Engine::shared_opensearch().url, "alces-alerts-of-two");
}

#[test]
fn while_the_engine_is_away_states_stand_still_and_one_alert_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("store");
    let store = Engine::store("127.0.0.1:0", &data);
    let (url, address) = (store.url.clone(), store.url.trim_start_matches("http://").to_owned());
    let receiver = Receiver::start();
    // The engine may be asked before the first line is written to it again.
    rules(folder.path(), &receiver, ", keep_firing_for: 10s");
    let host = Host::start(&url);
    host.fails.store(true, Relaxed);
    let dashboard = dashboard(&url, folder.path());
    receiver.wait_for("errors", true, 1);
    store.process.kill();
    // What was wrong goes on being wrong; for a minute nothing is told of the engine, which may only have been restarted.
    receiver.wait_for("alces-rules-fail", true, 1);
    let store = Engine::store(&address, &data);
    receiver.wait_for("alces-rules-fail", false, 1);
    assert_eq!(
        receiver.transitions("errors").len(),
        1,
        "it still fires, and was not told to be over meanwhile"
    );
    host.fails.store(false, Relaxed);
    receiver.wait_for("errors", false, 1);
    let transitions = receiver.transitions("errors");
    let words: BTreeMap<bool, usize> = transitions.iter().fold(BTreeMap::new(), |mut all, (_, firing)| {
        *all.entry(*firing).or_default() += 1;
        all
    });
    assert_eq!(words, BTreeMap::from([(true, 1), (false, 1)]), "{transitions:?}");
    drop((dashboard, store));
}
