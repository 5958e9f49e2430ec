//! The table for people: as a page of Markdown, and as a list in the terminal.

use std::fmt::Write as _;

use super::{
    kind::{Group, Kind, Row},
    presets::PRESETS,
    read::quoted,
    table::groups,
};

/// What stands around the tables, by hand.
const FRAME: &str = include_str!("page.md");

/// The page `docs/agent.md`.
#[must_use]
pub fn markdown() -> String {
    let mut tables = String::new();
    for group in groups() {
        let _ = writeln!(tables, "### Options of {}\n", group.title);
        tables.push_str(&introduction(group));
        tables.push_str("| option | value | default | meaning | example |\n|---|---|---|---|---|\n");
        for row in group.rows {
            let _ = writeln!(
                tables,
                "| `{}` | {} | {} | {} | `{}` |",
                row.name,
                cell(&kind(row.kind)),
                if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) },
                cell(row.meaning),
                cell(row.example)
            );
        }
        tables.push('\n');
    }
    let mut presets = String::from("| preset | for |\n|---|---|\n");
    for preset in PRESETS {
        let _ = writeln!(presets, "| `{}` | {} |", preset.name, cell(preset.meaning));
    }
    FRAME.replace("{{options}}\n\n", &tables).replace("{{presets}}\n", &presets)
}

/// The list of `alces agent options`: everything, or what has one of the words in its name or its group's.
#[must_use]
pub fn list(words: &[String]) -> String {
    let mut out = String::new();
    for group in groups() {
        let wanted =
            |row: &&Row| words.is_empty() || words.iter().any(|word| row.name.contains(word.as_str()));
        let rows: Vec<_> = group.rows.iter().filter(wanted).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{}{}:", if out.is_empty() { "" } else { "\n" }, group.title.replace('`', ""));
        for row in rows {
            let default =
                if row.default.is_empty() { String::new() } else { format!(" [default: {}]", row.default) };
            let _ = writeln!(out, "  {}: {}", row.name, row.example);
            let _ = writeln!(out, "      {}{default}", row.meaning.replace('`', ""));
        }
        let words = (group.words)();
        if !words.is_empty() {
            let _ = writeln!(out, "  or one of: {}", words.join(", "));
        }
    }
    out
}

fn introduction(group: &Group) -> String {
    let words = (group.words)();
    if words.is_empty() || words.len() > 3 {
        return String::new();
    }
    format!("In their place may stand {}.\n\n", quoted(&words))
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Duration => "duration".to_owned(),
        Kind::Size => "size".to_owned(),
        Kind::Whole(from, to) => format!("{from} to {to}"),
        Kind::Text => "text".to_owned(),
        Kind::Word(words) => quoted(words),
        Kind::Path => "path".to_owned(),
        Kind::Addresses => "`host:port`, one or a list".to_owned(),
        Kind::Texts => "text, one or a list".to_owned(),
        Kind::Patterns => "path pattern, one or a list".to_owned(),
        Kind::Regex => "regular expression".to_owned(),
        Kind::Regexes => "regular expression, one or a list".to_owned(),
        Kind::Encoding => "character set".to_owned(),
        Kind::Log => "level".to_owned(),
        Kind::Fields => "names and values".to_owned(),
        Kind::Group(_) => "options".to_owned(),
        Kind::Groups(_) => "list of options".to_owned(),
    }
}

/// A cell may not end early.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
