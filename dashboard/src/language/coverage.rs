//! What there is to translate: the texts of the sources, the scripts, and the boards that come with Alces.
//!
//! `languages/alces.pot` is the template that translators begin with; it is made from these texts, and a test holds it to them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::Language;
use crate::page::layout::SCRIPT_TEXTS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.extension().is_some_and(|e| e == end) {
            found.push(path);
        }
    }
    found.sort();
}

/// The literals behind `starts`, as Rust and JavaScript write them.
fn literals(source: &str, starts: &[&str], found: &mut BTreeSet<String>) {
    for start in starts {
        for (at, _) in source.match_indices(start) {
            // The macro's own name within another one: `format!("` ends like `t!("`.
            let before = source[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = source[at + start.len()..].trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let mut text = String::new();
            let mut chars = rest.chars();
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
            }
            found.insert(text);
        }
    }
}

/// All texts in English.
fn texts() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut sources = Vec::new();
    files(&root().join("src"), "rs", &mut sources);
    for path in sources.iter().filter(|p| !p.to_string_lossy().contains("/language/")) {
        let source = fs::read_to_string(path).expect("a source");
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        literals(source, &["t!(", "plain!(", "Said::new("], &mut found);
    }
    found.extend(SCRIPT_TEXTS.map(str::to_owned));
    found.extend(words().into_iter().map(str::to_owned));
    found.extend(boards());
    found
}

/// Words that are looked up by what they are, and not where they stand.
fn words() -> Vec<&'static str> {
    use alces_people::{Act, Role, Scope};
    let mut words = vec![
        // Units of time, and how a date is written (`strftime`).
        "{n} s",
        "{n} min",
        "{n} h",
        "{n} days",
        "%d %b %H:%M:%S",
        "%d %b %H:%M",
        "%d %b %Y",
        "%d %b %H:%M:%S%.3f",
        "%-d %b",
        "%b %Y",
        "%A %d %B %Y %H:%M:%S%.3f",
        "%-d %b %H:%M:%S",
        "%a %d %b %Y %H:%M",
        // The verdict.
        "OK",
        "Degraded",
        "No data",
        "Unknown",
        // Distances of comparisons, and columns of tables.
        "1 day",
        "1 week",
        "Time",
        "Name",
        "Value",
        "Note",
        "Share",
        "Country",
        "Code",
        "count",
        // Kinds of fields.
        "number",
        "keyword",
        "text",
        "time",
        "IP address",
        "true or false",
        // Where a user is from.
        "local",
        "proxy",
        "oidc",
        crate::page::searches::NOWHERE,
        "Lines over time",
        "30m",
        "2h",
        "8h",
        "1d",
        "7d",
        "errors: 5xx, error",
        "warnings: 4xx, warn",
        "others",
    ];
    words.extend(crate::range::PRESETS.iter().map(|(label, ..)| *label));
    words.extend(Role::ALL.map(Role::word));
    words.extend(Scope::ALL.map(Scope::word));
    words.extend(Act::ALL.map(Act::word));
    words
}

/// Titles and names of the boards that come with Alces: what a board says about itself, its panels and their lines.
fn boards() -> BTreeSet<String> {
    let mut paths = Vec::new();
    files(&root().join("../pipelines/boards"), "yaml", &mut paths);
    let mut found = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(path).expect("a board");
        let board: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        named(&board, &mut found);
    }
    found
}

fn named(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if matches!(name.as_str(), "title" | "name" | "empty" | "label") => {
                        found.insert(text.to_owned());
                    }
                    _ => named(value, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| named(item, found)),
        _ => {}
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[test]
fn the_template_has_every_text() {
    let mut template = String::from(
        "# Texts of the dashboard. Copy this file, name the language in its header, and fill in what is empty:\n\
         # see docs/languages.md.\n\
         msgid \"\"\nmsgstr \"\"\n\"Language: \\n\"\n\"Language-Team: \\n\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n",
    );
    for text in texts() {
        let _ = write!(template, "\nmsgid {}\nmsgstr \"\"\n", quoted(&text));
    }
    let path = root().join("languages/alces.pot");
    if std::env::var_os("ALCES_UPDATE").is_some() {
        fs::write(&path, &template).expect("written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == template,
        "languages/alces.pot is not what the sources say: run this test with ALCES_UPDATE=1"
    );
}

#[test]
fn chinese_has_every_text_and_no_other() {
    let chinese = Language::parse(include_str!("../../languages/zh-CN.po")).expect("a catalog");
    let all = texts();
    let missing: Vec<&String> = all.iter().filter(|text| chinese.get(text).is_none()).collect();
    assert!(missing.is_empty(), "missing in zh-CN.po: {missing:#?}");
    let needless: Vec<&String> = chinese.texts.keys().filter(|text| !all.contains(*text)).collect();
    assert!(needless.is_empty(), "nobody says in English: {needless:#?}");
}

#[test]
fn the_scripts_say_nothing_else() {
    let mut said = BTreeSet::new();
    for name in ["alces.js", "explore.js"] {
        let source = fs::read_to_string(root().join("assets").join(name)).expect("a script");
        literals(&source, &["t("], &mut said);
    }
    assert_eq!(said, SCRIPT_TEXTS.map(str::to_owned).into_iter().collect());
}
