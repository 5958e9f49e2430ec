//! The dashboard's JSON, held against its own description: schemathesis makes requests out of `/api/v1/openapi.json`, good ones and bad ones,
//! and looks whether the answers are as they are described.

use std::process::Command;

use alces_people::{Act, Event, NewToken, People, Role, Scope};
use jiff::Timestamp;

use crate::support::{engine::Engine, process::Process, project, target};

/// Not asked:
/// - `positive_data_acceptance`: a search, a time, a field are texts with a grammar that a schema cannot say, and are refused with 400.
const NOT_CHECKED: &str = "positive_data_acceptance";

/// A token that may do everything.
fn token(file: &std::path::Path) -> String {
    let people = People::open(file).unwrap();
    let now = Timestamp::now().as_millisecond();
    let event = Event { at: now, who: "(test)", act: Act::People, address: "", what: "made" };
    let root = people.add_user("root", None, Role::Admin, &event).unwrap();
    let new =
        NewToken { user: root.id, name: "schemathesis", scope: Scope::Admin, expires: now + 86_400_000 };
    people.add_token(&new, &event).unwrap().text().to_owned()
}

#[test]
fn every_answer_is_as_it_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::store("127.0.0.1:0", &folder.path().join("store"));
    let mut fleet = Command::new(project().join("tests/browser/fleet"));
    let written = fleet.args([&engine.url, "--namespace", "fleet", "--days", "1"]).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let people = folder.path().join("people.sqlite");
    let token = token(&people);
    let options =
        ["--listen", "127.0.0.1:0", "--opensearch", &engine.url, "--people", people.to_str().unwrap()];
    let dashboard = Process::alces("dashboard", &options);
    let url = dashboard.value("dashboard listening", "url");
    let mut schemathesis = Command::new(target().join("peers/schemathesis/bin/schemathesis"));
    schemathesis
        .args(["run", &format!("{url}api/v1/openapi.json"), "--header"])
        .arg(format!("Authorization: Bearer {token}"))
        .args(["--checks", "all", "--exclude-checks", NOT_CHECKED])
        // The same requests each time, and so many that the whole is over within a minute and a half.
        .args(["--seed", "1", "--max-examples", "25", "--generation-deterministic"])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--workers",
            "2",
            "--request-timeout",
            "30",
            "--no-color",
        ])
        .current_dir(folder.path());
    let mut schemathesis = Process::start("schemathesis", &mut schemathesis);
    let status = schemathesis.finish();
    assert!(status.success(), "{}", schemathesis.lines().join("\n"));
}
