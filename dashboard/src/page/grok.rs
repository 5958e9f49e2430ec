//! A grok pattern tried on lines.

use maud::{Markup, html};

use super::errors::visible_lines;
use super::layout::{Asked, guarded};
use super::text::visible;
use crate::language::t;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed<S = String> {
    pub(crate) pattern: S,
    pub(crate) lines: S,
    /// The names before ECS.
    pub(crate) legacy: bool,
}

/// What an empty form begins with.
pub(crate) const EXAMPLE: Typed<&str> = Typed {
    pattern: "%{WORD:verb} %{URIPATH:path} %{INT:status:int} %{INT:bytes:int}",
    lines: "GET /a 200 12\nGET /b 200 -",
    legacy: false,
};

/// What came of a trial.
#[derive(Debug)]
pub(crate) enum Came {
    Nothing,
    /// Too much was asked.
    Refused(String),
    /// The pattern is broken; the text shows where.
    Wrong(String),
    /// Each line with what became of it.
    Rows(Vec<(String, Row)>),
}

/// What became of a line.
#[derive(Debug)]
pub(crate) enum Row {
    /// Field, value as JSON, place in the line.
    Fields(Vec<(String, String, (usize, usize))>),
    /// The byte at which it stopped, and why.
    Stopped(usize, String),
    /// It was given up after a fixed amount of work.
    Exhausted,
    /// The time was over.
    Untried,
}

impl Typed {
    pub(crate) fn as_str(&self) -> Typed<&str> {
        Typed { pattern: &self.pattern, lines: &self.lines, legacy: self.legacy }
    }
}

/// The page.
pub(crate) fn grok(asked: &Asked, typed: Typed<&str>, came: &Came) -> Markup {
    html! {
        div id="notices" {}
        article class="panel" id="grok" {
            div class="head" { h1 { (t!("A grok pattern, tried on lines")) } }
            form method="post" action="/grok" {
                (guarded(asked))
                label for="pattern" { (t!("Pattern")) }
                input id="pattern" name="pattern" value=(typed.pattern) autocomplete="off" autocapitalize="off" spellcheck="false";
                label for="tried" { (t!("Lines")) }
                textarea id="tried" name="lines" rows="8" spellcheck="false" { "\n" (typed.lines) }
                label class="check" { input type="checkbox" name="names" value="legacy" checked[typed.legacy]; " " (t!("Logstash's names before ECS")) }
                button { (t!("Try")) }
                p class="hint" { (t!("The collector's own engine. Up to 100 lines; nothing of it is kept.")) }
            }
            @match came {
                Came::Nothing => {},
                Came::Refused(reason) => p class="banner bad" role="alert" { (reason) },
                Came::Wrong(error) => div role="alert" { pre class="caret" { (visible_lines(error)) } },
                Came::Rows(rows) => (results(rows)),
            }
        }
    }
}

fn results(rows: &[(String, Row)]) -> Markup {
    let matched = rows.iter().filter(|(_, row)| matches!(row, Row::Fields(_))).count();
    html! {
        h2 role="status" { (t!("{n} of {total} lines match", n = matched, total = rows.len())) }
        ol class="errors" { @for (line, row) in rows { li { (result(line, row)) } } }
    }
}

fn result(line: &str, row: &Row) -> Markup {
    html! {
        @match row {
            Row::Fields(fields) => {
                div class="tried" { (marked(line, fields)) }
                dl { @for (field, value, _) in fields { div { dt { (visible(field, 200)) } dd { (visible(value, 2000)) } } } }
            }
            Row::Stopped(at, words) => {
                @let (good, bad) = line.split_at_checked(*at).unwrap_or((line, ""));
                div class="tried" { (visible(good, 8000)) span class="stop" { @if bad.is_empty() { "␤" } @else { (visible(bad, 8000)) } } }
                p class="worse" { (visible(words, 2000)) }
            }
            Row::Exhausted => { div class="tried" { (visible(line, 8000)) } p class="worse" { (t!("Given up after a fixed amount of work; the collector tags such lines _groktimeout, if ten times as much is not enough either.")) } }
            Row::Untried => { div class="tried" { (visible(line, 8000)) } p class="hint" { (t!("Not tried: the lines before took too long.")) } }
        }
    }
}

/// A line with what was captured set apart; a capture within another is part of that.
fn marked(line: &str, fields: &[(String, String, (usize, usize))]) -> Markup {
    let mut spans: Vec<(usize, usize)> = fields.iter().map(|(.., span)| *span).collect();
    spans.sort_unstable();
    let mut pieces: Vec<(&str, bool)> = Vec::new();
    let mut at = 0;
    for (start, end) in spans.into_iter().filter(|(start, end)| start < end) {
        if start < at {
            continue;
        }
        pieces.push((line.get(at..start).unwrap_or_default(), false));
        pieces.push((line.get(start..end).unwrap_or_default(), true));
        at = end;
    }
    pieces.push((line.get(at..).unwrap_or_default(), false));
    html! { @for (text, captured) in pieces { @if captured { mark { (visible(text, 8000)) } } @else { (visible(text, 8000)) } } }
}
