//! The explorer: histogram, fields, lines.

use std::time::Duration;

use maud::{Markup, html};

use super::board::Stale;
use super::errors::visible_lines;
use super::fields::list;
pub(crate) use super::fields::values;
use super::layout::Asked;
use super::panel;
use super::text::{at, visible};
use crate::app::Seen;
use crate::chart::units::count;
use crate::explore::hits::Hit;
use crate::explore::state::{State, View};
use crate::fields::Fields;
use crate::language::{age_text, plain, t, text};
use crate::range::Range;
use crate::view::picture::{Part, Picture};

/// Of a message so many characters are shown in the list; the rest is one click away.
const MESSAGE: usize = 500;
/// Of a column's value.
const CELL: usize = 120;

/// The lines that were found.
pub(crate) struct Found {
    pub(crate) total: u64,
    pub(crate) hits: Vec<Hit>,
    /// Where the older ones begin, as the address has it.
    pub(crate) after: Option<String>,
}

/// What is wrong with a search, and where.
pub(crate) struct Wrong {
    pub(crate) error: String,
    pub(crate) caret: String,
    /// The search with what was probably meant.
    pub(crate) better: Option<String>,
}

/// All that the page shows.
pub(crate) struct Page<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) words: &'a State,
    pub(crate) range: &'a Range,
    pub(crate) fields: &'a Fields,
    /// The histogram.
    pub(crate) seen: &'a Seen,
    pub(crate) stale: Option<&'a Stale>,
    pub(crate) found: &'a Part<Found>,
    pub(crate) sample: &'a [Hit],
    pub(crate) took: Duration,
}

/// A search that asks for what is not there.
pub(crate) fn wrong(asked: &Asked, wrong: &Wrong) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This search finds nothing")) }
            pre class="caret" { (visible_lines(&wrong.caret)) }
            p { (visible(&wrong.error, 600)) }
            @if let Some(better) = &wrong.better {
                p { a class="button" href=(asked.link(&asked.path, &[("q", better)])) { (t!("Search for that")) } }
            }
        }
    }
}

/// The lines of a search.
pub(crate) fn lines(page: &Page<'_>) -> Markup {
    let (asked, words) = (page.asked, page.words);
    html! {
        (notices(page.seen, page.stale))
        h1 class="sr" { (t!("Explore")) }
        (histogram(asked, page.range, page.seen))
        div class="explore" {
            (list(asked, words, page.fields, page.sample))
            article class="panel" id="lines" {
                div class="head" {
                    h2 { @match page.found { Ok(found) => (total(found, words)), Err(_) => (t!("Lines")) } }
                    (views(asked, words.view))
                    (exports(asked))
                }
                @match page.found {
                    Err(failed) => div class="empty failed" { strong { (t!("The store refused this search.")) } span { (visible(failed, 300)) } },
                    Ok(found) if found.hits.is_empty() => (nothing(asked, words)),
                    Ok(found) => {
                        @if words.columns.is_empty() { (rows(asked, page.range, &found.hits)) } @else { (table(asked, words, page.range, &found.hits)) }
                        (older(asked, words, found))
                    }
                }
            }
        }
        footer {
            p { (t!("Times in {zone}", zone = html! { b { (page.range.zone_name()) } })) " · " a href="/grok" { (t!("Try a grok pattern")) } }
            p { (t!("As of {time} · answered in {ms} ms", time = at(page.range.now, &page.range.zone, "%H:%M:%S"), ms = page.took.as_millis())) }
        }
    }
}

/// What the reader should know about what is shown.
pub(super) fn notices(seen: &Seen, stale: Option<&Stale>) -> Markup {
    html! {
        div id="notices" {
            @if let Some(stale) = stale {
                p class="banner bad" role="alert" { strong { (t!("The chart is {age} old.", age = age_text(stale.age))) } " " (visible(&stale.reason, 600)) "." }
            }
            @for note in &seen.view.notes { p class="banner" { (note) } }
        }
    }
}

/// How many lines there were over time.
pub(super) fn histogram(asked: &Asked, range: &Range, seen: &Seen) -> Markup {
    html! {
        @for (definition, (content, search)) in seen.wish.board.panels.iter().zip(&seen.view.panels) {
            article class="panel" id=(definition.id) data-search=(search) {
                div class="head" { h2 { (text(&definition.title)) } a href=(asked.link("/why", &[])) { (t!("Why? What differs from before")) } }
                @match content {
                    Ok(Picture::Drawing(drawing)) => (panel::drawn_as(drawing, &definition.id, panel::LOW)),
                    _ => (panel::content(range, definition, content)),
                }
            }
        }
    }
}

/// Lines or patterns.
pub(super) fn views(asked: &Asked, view: View) -> Markup {
    html! {
        nav class="segments" aria-label=(t!("View")) {
            @for (word, label, this) in [("", t!("Lines"), View::Lines), ("patterns", t!("Patterns"), View::Patterns), ("live", t!("Live"), View::Tail)] {
                a href=(asked.link("/explore", &[("view", word)])) aria-current=[(view == this).then_some("true")] { (label) }
            }
        }
    }
}

fn exports(asked: &Asked) -> Markup {
    html! {
        p class="take" {
            a href=(asked.link("/explore/searches", &[])) { (t!("Searches")) } " · " (t!("All of them:")) " "
            a href=(asked.link("/explore/export.csv", &[("view", "")])) download { "CSV" } " · "
            a href=(asked.link("/explore/export.ndjson", &[("view", "")])) download { "NDJSON" }
        }
    }
}

fn total(found: &Found, words: &State) -> Markup {
    let (total, shown) = (found.total, found.hits.len() as u64);
    let newest = words.sort == crate::explore::state::Sort::default();
    html! {
        @if total == 0 { (t!("No lines")) }
        @else if words.after.is_some() { (t!("{shown} more of {total} lines", shown = count(shown), total = count(total))) }
        @else if total > shown && newest { (t!("The newest {shown} of {total} lines", shown = count(shown), total = count(total))) }
        @else if total > shown { (t!("The first {shown} of {total} lines", shown = count(shown), total = count(total))) }
        @else if total == 1 { (t!("One line")) }
        @else { (t!("{n} lines", n = count(total))) }
    }
}

fn nothing(asked: &Asked, words: &State) -> Markup {
    html! {
        div class="empty" {
            @if words.after.is_some() {
                strong { (t!("No line is left.")) } span { a href=(asked.link("/explore", &[])) { (t!("To the first ones")) } }
            } @else {
                strong { (t!("No line in this range is like that.")) } span { (t!("Choose a longer range, or a wider search.")) }
            }
        }
    }
}

fn older(asked: &Asked, words: &State, found: &Found) -> Markup {
    let newest_first = words.sort == crate::explore::state::Sort::default();
    html! {
        nav class="pages" aria-label=(t!("Pages")) {
            @if words.after.is_some() { a href=(asked.link("/explore", &[])) { @if newest_first { (t!("Newest")) } @else { (t!("First")) } } }
            @if let Some(after) = &found.after {
                a rel="next" href=(asked.link("/explore", &[("after", after)])) { @if newest_first { (t!("Older")) } @else { (t!("Next")) } }
            }
        }
    }
}

/// The address of a line.
pub(super) fn address(asked: &Asked, path: &str, hit: &Hit) -> String {
    asked.link(path, &[("view", ""), ("index", &hit.index), ("id", &hit.id)])
}

/// The time of a line, which opens it.
pub(super) fn opener(asked: &Asked, range: &Range, hit: &Hit) -> Markup {
    let utc = jiff::tz::TimeZone::UTC;
    html! {
        a class="open" href=(address(asked, "/explore/line", hit)) title=(t!("All fields")) {
            @match hit.line.at {
                Some(ms) => time datetime=(at(ms, &utc, "%Y-%m-%dT%H:%M:%S%.3fZ")) { (at(ms, &range.zone, "%d %b %H:%M:%S%.3f")) },
                None => (t!("no time")),
            }
        }
    }
}

fn rows(asked: &Asked, range: &Range, hits: &[Hit]) -> Markup {
    html! { ol class="errors" { @for hit in hits { li { (row(asked, range, hit)) } } } }
}

/// A line as boards show it, but that it can be opened.
pub(super) fn row(asked: &Asked, range: &Range, hit: &Hit) -> Markup {
    let line = &hit.line;
    let label = line.status.as_ref().or(line.level.as_ref());
    html! {
        div class="facts" {
            (opener(asked, range, hit))
            @if let Some(label) = label { span class={ "status" @if panel::is_calm(label) { " calm" } } { (visible(label, 12)) } }
            @if let Some(url) = &line.url {
                span class="path" { @if let Some(m) = &line.method { (visible(m, 10)) " " } (visible(url, CELL)) }
            }
            @if let Some(host) = &line.host { span class="host" { (visible(host, 40)) } }
        }
        code { (visible(&line.message, MESSAGE)) }
    }
}

fn table(asked: &Asked, words: &State, range: &Range, hits: &[Hit]) -> Markup {
    let head = |field: &str, label: &str| {
        let here = words.sort.field == field;
        let order = here.then_some(if words.sort.descending { "descending" } else { "ascending" });
        html! {
            th scope="col" aria-sort=[order] {
                a href=(asked.link("/explore", &[("sort", &words.turned(field))])) {
                    (visible(label, 60)) @if here { span aria-hidden="true" { @if words.sort.descending { " ↓" } @else { " ↑" } } }
                }
                @if field != "@timestamp" {
                    " " a class="away" href=(asked.link("/explore", &[("columns", &words.toggled(field))])) aria-label=(plain!("Take the column {field} away", field = label)) { "×" }
                }
            }
        }
    };
    html! {
        div class="scroll flat" tabindex="0" role="region" aria-label=(t!("Lines")) {
            table class="lines" {
                thead { tr { (head("@timestamp", &t!("Time"))) @for column in &words.columns { (head(column, column)) } } }
                tbody { @for hit in hits { tr {
                    td { (opener(asked, range, hit)) }
                    @for column in &words.columns { td class="cell" { (cell(hit, column)) } }
                } } }
            }
        }
    }
}

fn cell(hit: &Hit, column: &str) -> Markup {
    // `message` may be kept under another name.
    let mut values = hit.values(column);
    if values.is_empty() && column == "message" {
        values.push(hit.line.message.clone());
    }
    html! { @for (i, value) in values.iter().enumerate() { @if i > 0 { ", " } (visible(value, if column == "message" { MESSAGE } else { CELL })) } }
}
