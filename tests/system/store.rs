//! The store's command: users, and where it may listen.

use std::path::Path;

use crate::support::process::Process;

fn user(folder: &Path, args: &[&str], typed: &str) -> (Option<i32>, Vec<String>) {
    let folder = folder.to_str().unwrap();
    let mut all = vec!["user"];
    all.extend(args);
    all.extend(["--data-dir", folder]);
    let mut process = Process::alces("store", &all);
    process.write(typed);
    (process.finish().code(), process.lines())
}

fn status(address: &str, login: Option<(&str, &str)>) -> u16 {
    let login = login.map_or_else(String::new, |(name, password)| format!("{name}:{password}@"));
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    agent.get(format!("http://{login}{address}/")).call().unwrap().status().as_u16()
}

#[test]
fn users_are_made_listed_and_removed_while_the_store_runs() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("store");
    let store = Process::alces("store", &["--listen", "127.0.0.1:0", "--data-dir", folder.to_str().unwrap()]);
    let address = store.value("store listening", "address");
    assert_eq!(status(&address, None), 200);

    let (code, said) = user(&folder, &["add", "ada", "--role", "read", "--role", "write"], "correct-horse\n");
    assert_eq!(code, Some(0), "{said:?}");
    assert!(!said.join("\n").contains("correct-horse"));
    assert_eq!(status(&address, None), 401);
    assert_eq!(status(&address, Some(("ada", "correct-horse"))), 200);
    assert_eq!(status(&address, Some(("ada", "other"))), 401);

    let (code, said) = user(&folder, &["add", "root", "--role", "admin", "--generate"], "");
    assert_eq!(code, Some(0), "{said:?}");
    let made = said.iter().find(|line| line.len() == 22 && !line.contains(' ')).unwrap();
    assert_eq!(status(&address, Some(("root", made))), 200);

    let (_, mut said) = user(&folder, &["ls"], "");
    said.sort();
    assert_eq!(said, ["ada\tread,write", "root\tadmin"]);
    assert_eq!(user(&folder, &["rm", "nobody"], "").0, Some(1));
    assert_eq!(user(&folder, &["rm", "ada"], "").0, Some(0));
    assert_eq!(status(&address, Some(("ada", "correct-horse"))), 401);
    for wrong in [&["add", "a:b", "--role", "read"][..], &["add", "a", "--role", "chief"], &["add", "a"]] {
        assert_ne!(user(&folder, wrong, "long enough\n").0, Some(0), "{wrong:?}");
    }
    let log = store.lines().join("\n");
    assert!(!log.contains(made) && !log.contains("correct-horse"), "{log}");
}

#[test]
fn a_store_for_other_machines_says_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let open = ["--listen", "0.0.0.0:0", "--data-dir", folder];
    let mut refused = Process::alces("store", &open);
    assert_eq!(refused.finish().code(), Some(1));
    let text = refused.lines().join("\n");
    assert!(text.contains("--tls-cert") && text.contains("alces store user add"), "{text}");
    let allowed = Process::alces("store", &[&open[..], &["--allow-plaintext"]].concat());
    allowed.wait_for("neither TLS nor");
    allowed.value("store listening", "address");
}
