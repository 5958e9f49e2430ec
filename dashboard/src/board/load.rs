//! From a board's text to a [`Board`], or to what is wrong with it and where.

use std::collections::HashSet;

use super::Metric;
use super::schema::{Board, Kind, Panel};
use crate::chart::Unit;
use crate::query;

/// More panels than this make no page.
const MOST_PANELS: usize = 40;
/// More text than this is no board.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// What is wrong with a board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct BoardError {
    /// From 1; none where the error is of the whole.
    pub(crate) line: Option<u64>,
    /// From 1, in characters.
    pub(crate) column: Option<u64>,
    /// What, and what to write instead.
    pub(crate) message: String,
}

impl std::fmt::Display for BoardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: {}", self.message),
            _ => f.write_str(&self.message),
        }
    }
}

/// Reads a board; `id` is its file's name without the extension.
///
/// # Errors
/// Everything that is wrong with it: all of what a reader of YAML can go on after, only the first of what it cannot.
pub(crate) fn read(id: &str, text: &str) -> Result<Board, Vec<BoardError>> {
    if text.len() > MOST_BYTES {
        return Err(vec![whole(format!("the file is larger than {} kB", MOST_BYTES / 1024))]);
    }
    let mut board: Board = serde_saphyr::from_str(text).map_err(|error| {
        let place = error.location();
        let message = error.without_snippet().to_string();
        // The place stands before the message already, as in every other error of this program.
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        vec![BoardError { line: place.map(|p| p.line()), column: place.map(|p| p.column()), message }]
    })?;
    id.clone_into(&mut board.id);
    let mut errors = Vec::new();
    check(&board, &mut |panel, message| errors.push(at(text, panel, message)));
    if errors.is_empty() { Ok(board) } else { Err(errors) }
}

fn whole(message: String) -> BoardError {
    BoardError { line: None, column: None, message }
}

/// The error at the line where its panel begins.
fn at(text: &str, panel: Option<&str>, message: String) -> BoardError {
    let Some(panel) = panel else { return whole(message) };
    let begins = |line: &str| {
        let rest = line.trim_start().trim_start_matches('-').trim_start();
        rest.strip_prefix("id:").is_some_and(|v| v.trim().trim_matches(['"', '\'']) == panel)
    };
    let line = text.lines().position(begins);
    let column = line.and_then(|l| text.lines().nth(l)).map(|l| l.len() - l.trim_start().len() + 1);
    BoardError {
        line: line.map(|l| l as u64 + 1),
        column: column.map(|c| c as u64),
        message: format!("panel {panel}: {message}"),
    }
}

fn check(board: &Board, wrong: &mut dyn FnMut(Option<&str>, String)) {
    if board.title.trim().is_empty() {
        wrong(None, "title is empty".into());
    }
    if board.panels.is_empty() || board.panels.len() > MOST_PANELS {
        wrong(None, format!("a board has 1 to {MOST_PANELS} panels, this one {}", board.panels.len()));
    }
    filter(&board.filter, &mut |m| wrong(None, m));
    let mut seen = HashSet::new();
    for panel in &board.panels {
        let id = panel.id.as_str();
        let mut wrong = |message: String| wrong(Some(id), message);
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            wrong("an id has letters, digits, - and _ only".into());
        }
        if !seen.insert(id) {
            wrong("a panel before has this id already".into());
        }
        check_panel(panel, &mut wrong);
    }
}

fn check_panel(panel: &Panel, wrong: &mut dyn FnMut(String)) {
    if !(1..=12).contains(&panel.width) {
        wrong(format!("width is {}, of 12 columns: write 1 to 12", panel.width));
    }
    filter(&panel.filter, wrong);
    for unit in std::iter::once(&panel.unit).chain(panel.series.iter().filter_map(|s| s.unit.as_ref())) {
        if Unit::from_word(unit).is_none() {
            wrong(format!("“{unit}” is no unit. Write req/s, %, ms, s, B/s, B, /s or count"));
        }
    }
    for series in &panel.series {
        if let Err(error) = Metric::parse(&series.metric) {
            wrong(format!("series {}: {error}", series.name));
        }
        filter(&series.filter, &mut |m| wrong(format!("series {}: {m}", series.name)));
    }
    if let Some(order) = &panel.order {
        for name in order.split('×').map(str::trim) {
            if !panel.series.iter().any(|s| s.name == name) {
                wrong(format!("order: there is no series {name}"));
            }
        }
    }
    if panel.lookback_hours > 24 * 31 {
        wrong("lookback_hours is at most a month".into());
    }
    if panel.top.is_some_and(|t| t == 0 || t > 100) {
        wrong("top is 1 to 100".into());
    }
    let needs = |what: bool, word: &str, wrong: &mut dyn FnMut(String)| {
        if !what {
            wrong(format!("this kind of panel needs {word}"));
        }
    };
    match panel.kind {
        Kind::Line | Kind::Area | Kind::Stacked | Kind::Stat => {
            needs(!panel.series.is_empty(), "series", wrong);
            if panel.by.is_some() && panel.series.len() != 1 {
                wrong("with `by` there is one series, drawn once for each value".into());
            }
            if panel.kind == Kind::Stat && panel.series.len() != 1 {
                wrong("a stat has one series".into());
            }
        }
        Kind::Band => needs(panel.series.len() >= 2, "two series at least, the lowest first", wrong),
        Kind::Heatmap => needs(panel.of.is_some(), "of: the field whose values are spread", wrong),
        Kind::Bar | Kind::Pie | Kind::Map => {
            needs(panel.by.is_some(), "by: a field", wrong);
            if panel.series.len() > 1 {
                wrong("one series at most".into());
            }
        }
        Kind::Table => needs(panel.by.is_some(), "by: a field", wrong),
        Kind::Markdown => needs(!panel.text.trim().is_empty(), "text", wrong),
        Kind::Lines | Kind::Patterns => {}
    }
}

fn filter(text: &str, wrong: &mut dyn FnMut(String)) {
    if let Err(error) = query::parse(text) {
        wrong(format!("filter “{text}”: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let errors = read("x", text).expect_err("refused");
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn all_errors_of_a_board_with_their_places() {
        insta::assert_snapshot!(wrong("\
title: T
panels:
  - id: a b
    title: A
    kind: line
    unit: furlongs
    series:
      - { name: x, metric: p95 }
  - id: c
    title: C
    kind: table
    width: 13
"), @r"
        line 3, column 3: panel a b: an id has letters, digits, - and _ only
        line 3, column 3: panel a b: “furlongs” is no unit. Write req/s, %, ms, s, B/s, B, /s or count
        line 3, column 3: panel a b: series x: “p95” is no figure. Write count, rate, share, age, p50(field) to p99.9(field), avg(field), min(field), max(field), sum(field), sum_rate(field) or unique(field)
        line 9, column 3: panel c: width is 13, of 12 columns: write 1 to 12
        line 9, column 3: panel c: this kind of panel needs by: a field
        ");
    }

    #[test]
    fn a_slip_of_the_pen_is_named_with_its_line() {
        let text = wrong("title: T\npanels:\n  - id: a\n    titel: A\n    kind: line\n");
        assert!(text.contains("line 4") && text.contains("titel") && text.contains("title"), "{text}");
    }

    /// The names that a reader of YAML expects, from its own words about one that it does not know.
    fn expected(text: &str) -> Vec<String> {
        let error =
            serde_saphyr::from_str::<Board>(text).expect_err("an unknown name").without_snippet().to_string();
        let (_, names) = error.split_once("expected one of").expect("names");
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = names.lines().next().unwrap_or_default().split(|c| !word(c)).filter(|w| !w.is_empty());
        words.take_while(|w| *w != "at").map(str::to_owned).collect()
    }

    #[test]
    fn the_page_of_boards_names_everything_that_a_file_may_hold() {
        let page = include_str!("../../../docs/boards.md");
        let panel = "title: T\npanels:\n  - id: a\n    title: A\n    ";
        let texts = [
            "nothing: 1".to_owned(),
            format!("{panel}kind: line\n    nothing: 1"),
            format!("{panel}kind: nothing"),
            format!("{panel}kind: line\n    series: [{{ nothing: 1 }}]"),
            format!("{panel}kind: line\n    series: [{{ name: n, metric: rate, color: nothing }}]"),
            format!("{panel}kind: line\n    series: [{{ name: n, metric: rate, dash: nothing }}]"),
        ];
        for text in texts {
            let names = expected(&text);
            assert!(names.len() >= 3, "{names:?}");
            for name in names {
                assert!(page.contains(&format!("`{name}`")), "docs/boards.md does not name {name}");
            }
        }
    }
}
