use std::path::Path;

use alces_diagnostic::Source;
use proptest::prelude::*;

use super::{
    Compression, build,
    check::Checker,
    kind::{Group, Row},
    load::{Loaded, load},
    table::{INPUT, METRICS, MULTILINE, SPOOL, TLS, TOP, groups},
};

fn env(name: &str) -> Option<String> {
    match name {
        "COLLECTOR" => Some("logs1:5044".to_owned()),
        "SECRET" => Some("hunter2".to_owned()),
        _ => None,
    }
}

fn read(text: &str) -> Result<Loaded, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.yaml");
    std::fs::write(&path, text).unwrap();
    load(&path, &env).map_err(|errors| errors.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

/// Everything that is said of a file that is wrong.
fn errors(text: &str) -> String {
    read(text).map(|loaded| format!("{:?}", loaded.config)).unwrap_err()
}

/// A file with one option of one group, given its example.
fn file_with(group: &Group, name: &str, example: &str) -> String {
    let inside = |prefix: &str, also: &str| format!("{prefix}{{ {also}{name}: {example} }}\n");
    let input = |rest: &str| format!("inputs:\n  - paths: /a\n    {rest}");
    match group.title {
        title if title == TOP.title => format!("{name}: {example}\n"),
        title if title == INPUT.title && name == "paths" => format!("inputs:\n  - paths: {example}\n"),
        title if title == INPUT.title => input(&format!("{name}: {example}\n")),
        title if title == MULTILINE.title => {
            let also = if matches!(name, "pattern" | "count_lines") { "" } else { "pattern: x, " };
            input(&inside("multiline: ", also))
        }
        title if title == TLS.title && name == "certificate" => inside("tls: ", "key: /k, "),
        title if title == TLS.title && name == "key" => inside("tls: ", "certificate: /c, "),
        title if title == TLS.title => inside("tls: ", ""),
        title if title == SPOOL.title => inside("spool: ", ""),
        title if title == METRICS.title => inside("metrics: ", ""),
        other => panic!("no file for {other}"),
    }
}

/// The same file without the option.
fn file_without(group: &Group, name: &str) -> String {
    match group.title {
        title if title == INPUT.title && name == "paths" => "inputs: []\n".to_owned(),
        title if title == INPUT.title => "inputs:\n  - paths: /a\n".to_owned(),
        title if title == MULTILINE.title && matches!(name, "pattern" | "count_lines") => {
            "inputs:\n  - paths: /a\n".to_owned()
        }
        title if title == MULTILINE.title => {
            "inputs:\n  - paths: /a\n    multiline: { pattern: x }\n".to_owned()
        }
        title if title == TLS.title && name == "enabled" => "tls: { enabled: true }\n".to_owned(),
        _ => String::new(),
    }
}

#[test]
fn every_example_is_right_and_changes_what_the_agent_does() {
    for group in groups() {
        for row in group.rows {
            let with = file_with(group, row.name, row.example);
            let with = read(&with).unwrap_or_else(|errors| panic!("{}: {errors}", row.name));
            if row.name == "include" {
                assert!(with.folders.contains(&Path::new("/etc/alces/agent.d").to_owned()));
                continue;
            }
            let without = read(&file_without(group, row.name)).unwrap();
            assert_ne!(
                format!("{:?}", with.config),
                format!("{:?}", without.config),
                "{} of {} is read and forgotten",
                row.name,
                group.title
            );
        }
    }
}

#[test]
fn every_default_is_what_its_option_takes() {
    for group in groups() {
        for row in group.rows.iter().filter(|row| !row.default.is_empty()) {
            let file = file_with(group, row.name, row.default);
            assert!(read(&file).is_ok(), "{}: {}", row.name, errors(&file));
        }
    }
    assert_eq!(format!("{:?}", read("").unwrap().config), format!("{:?}", build::usual()));
}

#[test]
fn the_file_that_is_shipped_is_right() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/agent.yaml");
    let loaded = load(Path::new(path), &env).unwrap();
    assert!(!loaded.config.inputs.is_empty());
}

#[test]
fn the_page_is_made_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/agent.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == super::markdown(),
        "run `cargo run -p alces-agent -- options --markdown > docs/agent.md`"
    );
}

#[test]
fn a_whole_file() {
    let loaded = read(
        "collectors: ${COLLECTOR}\ncompression: none\nmetrics: off\nfields: { env: production, rack: 12, zip: '12' }\n\
         inputs:\n  - /var/log/syslog\n  - paths: [/srv/a.log, /srv/b.log]\n    exclude: '*.gz'\n    start_at: end\n    multiline: php\n",
    )
    .unwrap();
    let config = loaded.config;
    assert_eq!(config.collectors, ["logs1:5044"]);
    assert_eq!((config.compression, config.metrics_every), (Compression::None, None));
    assert_eq!(
        serde_json::to_string(&config.fields).unwrap(),
        r#"{"env":"production","rack":12,"zip":"12"}"#
    );
    assert_eq!(config.paths(), ["/var/log/syslog", "/srv/a.log", "/srv/b.log"]);
    assert_eq!(config.inputs[1].exclude, ["*.gz"]);
    let multiline = config.inputs[1].multiline.as_ref().unwrap();
    assert!(multiline.negate && multiline.pattern.as_ref().unwrap().is_match("[22-Nov-2026 10:00:00 UTC] x"));
}

#[test]
fn all_errors_are_told_at_once_each_with_its_place() {
    insta::assert_snapshot!(errors(
        "colectors: [logs1:5044]\nmetrics: of\nscan_every: 10\ninputs:\n  - path: /a\n  - paths: /b\n    max_bytes: 1MB\n    start_at: en\n    tls: { }\n"
    ), @"
    agent.yaml:1:1: unknown option `colectors`: did you mean `collectors`?
      |
    1 | colectors: [logs1:5044]
      | ^^^^^^^^^

    agent.yaml:2:10: `of` is no group of options
      |
    2 | metrics: of
      |          ^^
      = help: did you mean `off`?

    agent.yaml:3:13: `10` is no duration: write a number and its unit, as in `10s`, `5m`, `1h 30m`
      |
    3 | scan_every: 10
      |             ^^

    agent.yaml:5:5: unknown option `path`: did you mean `paths`?
      |
    5 |   - path: /a
      |     ^^^^

    agent.yaml:7:5: unknown option `max_bytes`: it is `max_line` here
      |
    7 |     max_bytes: 1MB
      |     ^^^^^^^^^

    agent.yaml:8:15: `en` is none of `beginning`, `end`
      |
    8 |     start_at: en
      |               ^^
      = help: did you mean `end`?

    agent.yaml:9:5: unknown option `tls` of `inputs`
      |
    9 |     tls: { }
      |     ^^^
      = help: it is an option of the agent
    ");
}

#[test]
fn what_only_shows_together() {
    insta::assert_snapshot!(errors(
        "collectors: []\ntls: { certificate: /a.pem }\ninputs:\n  - paths: /b\n    multiline: { negate: true }\n"
    ), @"
    agent.yaml:5:5: `multiline` needs either `pattern` or `count_lines`
      |
    5 |     multiline: { negate: true }
      |     ^^^^^^^^^
      = help: write one of them, or the name of a preset: `alces agent options` lists those

    agent.yaml:2:21: a certificate needs its key, and a key its certificate
      |
    2 | tls: { certificate: /a.pem }
      |                     ^^^^^^
      = help: give both, or neither where collectors do not ask for one

    agent.yaml:1:13: there is no collector
      |
    1 | collectors: []
      |             ^^
      = help: write one, as in `collectors: logs1:5044`
    ");
}

#[test]
fn a_variable_that_is_not_set_is_named_and_what_one_holds_is_never_told() {
    insta::assert_snapshot!(errors("collectors: ${NOWHERE}\nnice: ${SECRET}\n"), @"
    agent.yaml:1:13: the variable `NOWHERE` is not set
      |
    1 | collectors: ${NOWHERE}
      |             ^^^^^^^^^^
      = help: set it in the agent's environment, or write ${NOWHERE:default}

    agent.yaml:2:7: `${SECRET}` is no whole number from 0 to 19
      |
    2 | nice: ${SECRET}
      |       ^^^^^^^^^
    ");
    assert_eq!(read("host_name: ${NOWHERE:web01}\n").unwrap().config.host_name, "web01");
}

#[test]
fn what_is_no_map_of_options() {
    insta::assert_snapshot!(errors("- /var/log/a\n"), @"
    agent.yaml:1:1: this is to be a map of options
      |
    1 | - /var/log/a
      | ^^^^^^^^^^^^
      = help: write `inputs:` and below it what is read; `alces agent options` lists all options
    ");
    insta::assert_snapshot!(errors("inputs: [\n"), @"
    agent.yaml:1:9: this is no YAML: unclosed bracket '['
      |
    1 | inputs: [
      |         ^
      = help: a text with `{`, `[`, `#`, `: ` or `*` in it needs quotes, as in '/var/log/{a,b}.log'
    ");
    insta::assert_snapshot!(errors("inputs:\n  - paths: /a\n  paths: /b\n"), @"
    agent.yaml:3:3: this is no YAML: while parsing a block collection, did not find expected '-' indicator
      |
    3 |   paths: /b
      |   ^
      = help: a text with `{`, `[`, `#`, `: ` or `*` in it needs quotes, as in '/var/log/{a,b}.log'
    ");
}

#[test]
fn inputs_come_from_other_files_too() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::create_dir(dir.path().join("agent.d")).unwrap();
    write("agent.yaml", "include: agent.d/*.yaml\ninputs: [/a]\n");
    write("agent.d/b.yaml", "- paths: /b\n");
    write("agent.d/c.yaml", "- /c\n");
    write("agent.d/d.yaml.off", "nonsense");
    let path = dir.path().join("agent.yaml");
    let loaded = load(&path, &env).unwrap();
    assert_eq!(loaded.config.paths(), ["/a", "/b", "/c"]);
    assert_eq!(loaded.sources.len(), 3);
    write("agent.d/c.yaml", "- pats: /c\n");
    let told = load(&path, &env).unwrap_err().to_string();
    assert!(told.contains("agent.d/c.yaml:1:3: unknown option `pats`: did you mean `paths`?"), "{told}");
}

/// Options of the agent, each with its example, in any order and number.
fn some_options() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::hash_set(0..TOP.rows.len(), 0..TOP.rows.len())
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

proptest! {
    /// The twin: each option alone. What one says does not depend on those beside it.
    #[test]
    fn the_order_of_options_does_not_matter(rows in some_options()) {
        let rows: Vec<_> = rows.iter().map(|at| &TOP.rows[*at]).filter(|row| row.name != "include").collect();
        let line = |row: &&Row| format!("{}: {}\n", row.name, row.example);
        let forth: String = rows.iter().map(line).collect();
        let back: String = rows.iter().rev().map(line).collect();
        let show = |text: &str| read(text).map(|loaded| format!("{:?}", loaded.config));
        prop_assert_eq!(show(&forth), show(&back));
    }

    /// Whatever a file is: it is read, or it is told what is wrong with it and where.
    #[test]
    fn no_text_is_too_strange(text in "[a-z:\\[\\]{}'\"#&*|>%$ \n\t-]{0,60}|(inputs|tls|fields|collectors|multiline|paths|: |\n| |- |x|\\{|\\}|,){0,30}") {
        let source = Source::new("agent.yaml", &text);
        match super::yaml::read(&source) {
            Err(error) => prop_assert!(error.line() <= text.split('\n').count()),
            Ok(root) => {
                if let super::yaml::What::Map(members) = &root.what {
                    let mut checker =
                        Checker { source: &source, env: &env, errors: Vec::new() };
                    checker.group(&TOP, members, 0..0);
                    for error in &checker.errors {
                        prop_assert!(error.line() <= text.split('\n').count(), "{error}");
                        prop_assert!(error.to_string().contains('^'));
                    }
                }
            }
        }
    }
}
