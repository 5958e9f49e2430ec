//! What a person sees first: help, errors, exit codes.

use std::process::Command;

use crate::support::{process::Process, project};

#[test]
fn the_help_of_each_role_shows_an_example() {
    for role in
        ["demo", "up", "agent", "collector", "dashboard", "store", "check", "test", "keystore", "grok"]
    {
        let mut help = Process::alces(role, &["--help"]);
        assert!(help.finish().success());
        let text = help.lines().join("\n");
        assert!(
            text.contains("Examples:\n  alces ") || text.contains(&format!("alces {role}")),
            "{role}: {text}"
        );
    }
}

#[test]
fn the_slim_agent_links_no_engine_no_search_and_no_charts() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-p", "alces-agent", "-e", "normal", "--prefix", "none"])
        .current_dir(project())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("alces-lumberjack"), "{tree}");
    for heavy in ["tantivy", "plotters", "alces-filters", "alces-grok", "alces-conf", "opensearch", "axum"] {
        assert!(!tree.lines().any(|line| line.starts_with(&format!("{heavy} "))), "it links {heavy}");
    }
}

#[test]
fn check_names_file_line_and_column_and_everything_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("broken.conf");
    std::fs::write(&conf, "input { beats { prot => 5044 } }\nfilter { grok { match => { \"message\" => \"%{NOPE}\" } } }\noutput { stdout { } }\n").unwrap();
    let mut check = Process::alces("check", &[conf.to_str().unwrap()]);
    assert_eq!(check.finish().code(), Some(1));
    let text = check.lines().join("\n");
    assert!(text.contains("broken.conf:1:17: unknown option `prot` of beats"), "{text}");
    assert!(text.contains("did you mean `port`?"), "{text}");
    assert!(text.contains("broken.conf:2:42: pattern `%{NOPE}` is not defined"), "{text}");
    let mut fine = Process::alces("check", &[project().join("pipelines").to_str().unwrap()]);
    assert!(fine.finish().success(), "{}", fine.lines().join("\n"));
}

#[test]
fn check_warns_of_what_cannot_work_for_people_and_for_programs() {
    let dir = tempfile::tempdir().unwrap();
    let conf = dir.path().join("early.conf");
    std::fs::write(&conf, "input { stdin { } }\nfilter { if [verb] == \"GET\" { drop { } }\n grok { match => { \"message\" => \"%{WORD:verb}\" } } }\noutput { null { } }\n").unwrap();
    let path = conf.to_str().unwrap();
    let mut people = Process::alces("check", &[path]);
    assert!(people.finish().success());
    let text = people.lines().join("\n");
    assert!(
        text.contains("warning: ")
            && text.contains("early.conf:2:13: [verb] is used here, but set only later"),
        "{text}"
    );
    assert!(text.contains("early.conf: ok, 1 warning"), "{text}");
    let mut strict = Process::alces("check", &["--strict", "--json", path]);
    assert_eq!(strict.finish().code(), Some(1));
    let found: serde_json::Value = serde_json::from_str(&strict.lines().join("\n")).unwrap();
    assert_eq!(found[0]["severity"], "warning");
    assert_eq!((found[0]["line"].as_u64(), found[0]["column"].as_u64()), (Some(2), Some(13)));
    let mut missing = Process::alces("check", &["/does/not/exist.conf"]);
    assert_eq!(missing.finish().code(), Some(2));
}

#[test]
fn a_listener_beyond_loopback_is_refused_in_clear_words() {
    for (role, args) in [
        ("store", vec!["--listen", "0.0.0.0:0"]),
        ("dashboard", vec!["--listen", "0.0.0.0:0"]),
        (
            "collector",
            vec![
                "--api",
                "off",
                "-e",
                "input { beats { host => \"0.0.0.0\" port => 0 } } output { null { } }",
            ],
        ),
    ] {
        let mut process = Process::alces(role, &args);
        assert_eq!(process.finish().code(), Some(1), "{role}");
        let text = process.lines().join("\n");
        assert!(text.contains("reachable from other machines"), "{role}: {text}");
    }
}
