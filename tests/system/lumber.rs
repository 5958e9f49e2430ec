//! Lumberjack with others: go-lumber, the library that Elastic's Beats speak with, at either end; and between our own ends.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    time::Duration,
};

use crate::support::{
    eventually,
    files::{append, numbered},
    process::Process,
    target,
};

fn lumber(args: &[&str]) -> Process {
    Process::start("go-lumber", Command::new(target().join("peers/lumber")).args(args))
}

/// A collector that prints what comes, with `@metadata`, and its address.
fn collector(dir: &Path) -> (Process, String) {
    let conf = "input { beats { port => 0 } } output { stdout { codec => rubydebug { metadata => true } } }";
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["collector", "--api", "off", "-e", conf, "--data-dir"]).arg(dir.join("collector"));
    let collector = Process::start("collector", &mut command);
    let address = collector.value("beats input listening", "address");
    (collector, address)
}

/// An agent that ships `app.log` of a folder and says what it thinks.
fn agent(dir: &Path, address: &str, more: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alces"));
    command.args(["agent", "--metrics", "0", "--collector", address, "--logs"]).arg(dir.join("app.log"));
    command.arg("--data-dir").arg(dir.join("agent")).args(more).env("ALCES_LOG", "info,alces_agent=debug");
    Process::start("agent", &mut command)
}

/// The messages among what a process printed, in order.
fn messages(process: &Process, before: &str, after: &str) -> Vec<String> {
    let message = |line: &String| Some(line.split_once(before)?.1.split_once(after)?.0.to_owned());
    process.lines().iter().filter_map(message).collect()
}

fn lines(count: usize) -> Vec<String> {
    numbered(0, count).lines().map(str::to_owned).collect()
}

#[test]
fn go_lumber_receives_every_line_of_our_agent_once_and_in_order() {
    for more in [&[][..], &["--compression", "0"], &["--compression", "9"]] {
        let dir = tempfile::tempdir().unwrap();
        append(&dir.path().join("app.log"), numbered(0, 9_000).as_bytes());
        let server = lumber(&["serve"]);
        let agent = agent(dir.path(), &server.value("listening", "address"), more);
        server.wait_for("line 008999 of the test");
        let (status, said) = agent.signal("-INT");
        assert!(status.success(), "{said:?}");
        assert!(said.iter().any(|line| line.contains("acknowledged=9000")), "{said:?}");
        assert!(!said.iter().any(|line| line.contains("in our own form")), "go-lumber does not know it");
        assert_eq!(messages(&server, "\"message\":\"", "\""), lines(9_000));
    }
}

#[test]
fn the_other_collector_gets_what_the_one_that_is_killed_did_not() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("app.log"), numbered(0, 1_000).as_bytes());
    let servers = [lumber(&["serve"]), lumber(&["serve"])];
    let [one, two] = [0, 1].map(|at: usize| servers[at].value("listening", "address"));
    let agent = agent(dir.path(), &one, &["--collector", &two]);
    let used = agent.value("connected", "collector");
    let [first, second] = servers;
    let (used, other) = if used == one { (first, second) } else { (second, first) };
    used.wait_for("line 000999 of the test");
    let mut got = messages(&used, "\"message\":\"", "\"");
    used.kill();
    append(&dir.path().join("app.log"), numbered(1_000, 5_000).as_bytes());
    other.wait_for("line 004999 of the test");
    agent.wait_for("the collector is back");
    let (_, said) = agent.signal("-INT");
    assert_eq!(
        said.iter().filter(|line| line.contains("the collector is away")).count(),
        1,
        "said once: {said:?}"
    );
    // A window that was printed and not acknowledged comes again.
    got.extend(messages(&other, "\"message\":\"", "\""));
    got.sort();
    got.dedup();
    assert_eq!(got, lines(5_000));
}

#[test]
fn our_collector_receives_every_line_of_go_lumber_once_and_acknowledges_it() {
    let dir = tempfile::tempdir().unwrap();
    let (collector, address) = collector(dir.path());
    let mut client = lumber(&["send", &address]);
    client.write(&numbered(0, 9_000));
    assert!(client.finish().success(), "{:?}", client.lines());
    assert_eq!(client.lines(), ["acknowledged=9000"]);
    let mut got = eventually("all lines are printed", || {
        let got = messages(&collector, "\"message\" => \"", "\"");
        (got.len() >= 9_000).then_some(got)
    });
    // Workers take windows as they come.
    got.sort();
    assert_eq!(got, lines(9_000));
}

#[test]
fn our_own_ends_speak_their_own_form_and_the_question_is_no_part_of_an_event() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("app.log"), numbered(0, 5_000).as_bytes());
    let (collector, address) = collector(dir.path());
    let agent = agent(dir.path(), &address, &[]);
    agent.wait_for("windows go out in our own form");
    let mut got = eventually("all lines are printed", || {
        let got = messages(&collector, "\"message\" => \"", "\"");
        (got.len() >= 5_000).then_some(got)
    });
    got.sort();
    assert_eq!(got, lines(5_000));
    assert!(!collector.lines().iter().any(|line| line.contains("\"frames\"")));
}

#[test]
fn who_does_not_ask_is_acknowledged_and_told_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (_collector, address) = collector(dir.path());
    let window = |json: &str| {
        [b"2W\0\0\0\x01", &b"2J\0\0\0\x01\0\0\0"[..], &[json.len() as u8], json.as_bytes()].concat()
    };
    let question = r#"{"@metadata":{"alces":{"frames":["records"]}}}"#;
    for (documents, answer) in [
        ([r#"{"message":"a"}"#, question], &b"2A\0\0\0\x012A\0\0\0\x01"[..]),
        ([question, question], b"2B\0\0\0\x012A\0\0\0\x012A\0\0\0\x01"),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(&documents.map(window).concat()).unwrap();
        let mut got = vec![0; answer.len()];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(got, answer);
    }
}
