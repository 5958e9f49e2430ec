//! One line: all its fields, and what stood around it.

use maud::{Markup, html};

use super::explore::{address, row};
use super::fields::acts;
use super::layout::Asked;
use super::text::{at, visible};
use crate::explore::around::{By, MOST};
use crate::explore::hits::{Hit, flat};
use crate::explore::state::State;
use crate::language::{age_text, plain, t};
use crate::query::Query;
use crate::range::Range;

/// Characters of a value that are shown at once, and in all on a page.
const SHORT: usize = 600;
const LONG: usize = 100_000;
/// Fields of a line that are shown; values of a field.
const FIELDS: usize = 500;
const VALUES: usize = 50;

/// All fields of a line. `narrowed` gives the searches with and without a field's value.
pub(crate) fn line(
    asked: &Asked,
    words: &State,
    range: &Range,
    hit: &Hit,
    narrowed: &dyn Fn(&str, &str) -> Option<[Query; 2]>,
) -> Markup {
    let fields = flat(&hit.source);
    html! {
        article class="panel line" id="line" {
            div class="head" {
                h2 { @match hit.line.at { Some(ms) => (at(ms, &range.zone, "%A %d %B %Y %H:%M:%S%.3f")), None => (t!("A line without a time")) } }
                span {
                    a href=(address(asked, "/explore/around", hit)) { (t!("Surrounding lines")) } " · "
                    a href=(address(asked, "/explore/line", hit)) { (t!("Link to this line")) }
                }
            }
            table class="line" {
                thead class="sr" { tr { th scope="col" { (t!("Field")) } th scope="col" { (t!("Value")) } th scope="col" { (t!("What to do with it")) } } }
                tbody { @for (name, values) in fields.iter().take(FIELDS) { tr {
                    th scope="row" { (visible(name, 200)) }
                    td class="said" { @for value in values.iter().take(VALUES) { (long(value)) } @if values.len() > VALUES { "… " (t!("{n} values", n = values.len())) } }
                    td class="acts" {
                        @if let [value] = &values[..] { (acts(asked, value, narrowed(name, value))) }
                        @let chosen = words.columns.contains(name);
                        a class="act" href=(asked.link("/explore", &[("columns", &words.toggled(name))])) aria-label=(if chosen { plain!("column {field}, take it away", field = name) } else { plain!("column {field}", field = name) }) { @if chosen { (t!("no column")) } @else { (t!("column")) } }
                    }
                } } }
            }
            @if fields.len() > FIELDS { p class="hint" { (t!("The first {n} of {total} fields. The export has all.", n = FIELDS, total = fields.len())) } }
            p class="hint" { (t!("Index {index}, id {id}", index = html! { code { (visible(&hit.index, 200)) } }, id = html! { code { (visible(&hit.id, 600)) } })) }
        }
    }
}

/// A value; of a long one the beginning, and the rest where it is asked for.
fn long(value: &str) -> Markup {
    let length = value.chars().count();
    html! {
        div {
            (visible(value, SHORT))
            @if length > SHORT {
                details { summary { (t!("Show all {n} characters", n = length)) } (visible(value, LONG))
                    @if length > LONG { p class="hint" { (t!("The first {n}. The NDJSON export has all.", n = LONG)) } } }
            }
        }
    }
}

/// The lines beside a line, each `beside` of them.
pub(crate) fn around(
    asked: &Asked,
    range: &Range,
    hit: &Hit,
    by: &By,
    found: &Result<[Vec<Hit>; 2], String>,
    beside: usize,
) -> Markup {
    let more = (beside * 2).min(MOST);
    html! {
        div id="notices" {}
        article class="panel" id="lines" {
            div class="head" {
                h2 { (t!("Surrounding lines")) }
                a href=(asked.link("/explore", &[])) { (t!("Back to the search")) }
            }
            p class="hint" { @match by {
                By::Offset { host, path } => (t!("Of the file {path} on {host}, in its order", path = html! { code { (visible(path, 200)) } }, host = visible(host, 80))),
                By::Host(host) => (t!("Of {host}, by time: this line does not say which file it is from", host = visible(host, 80))),
                By::Time => (t!("Of all lines, by time: this line does not say where it is from")),
            } }
            @match found {
                Err(failed) => div class="empty failed" { strong { (t!("There is no answer.")) } span { (visible(failed, 300)) } },
                Ok([before, behind]) => {
                    @if before.len() >= beside && more > beside { p { a class="act" href=(wider(asked, hit, more)) { (t!("More")) } } }
                    ol class="errors around" {
                        @for other in before { li { (row(asked, range, other)) } }
                        li aria-current="true" { (row(asked, range, hit)) }
                        @for other in behind { li { (apart(hit, other)) (row(asked, range, other)) } }
                    }
                    @if behind.len() >= beside && more > beside { p { a class="act" href=(wider(asked, hit, more)) { (t!("More")) } } }
                }
            }
        }
    }
}

/// How much later a line is, where that is worth saying.
fn apart(hit: &Hit, other: &Hit) -> Markup {
    let gap = hit.line.at.zip(other.line.at).map_or(0, |(a, b)| b - a);
    html! { @if gap >= 60_000 { span class="hint" { (t!("{age} later", age = age_text(gap))) } } }
}

fn wider(asked: &Asked, hit: &Hit, beside: usize) -> String {
    asked.link("/explore/around", &[("index", &hit.index), ("id", &hit.id), ("n", &beside.to_string())])
}

/// A line that has no time, so that nothing is beside it.
pub(crate) fn timeless(asked: &Asked) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This line has no time")) }
            p { (t!("So it cannot be said which lines stood beside it.")) }
            p { a class="button" href=(asked.link("/explore", &[])) { (t!("Back to the search")) } }
        }
    }
}

/// The line of the address is not there.
pub(crate) fn gone(asked: &Asked) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This line is not there")) }
            p { (t!("It was deleted since, by retention perhaps, or the address is not whole.")) }
            p { a class="button" href=(asked.link("/explore", &[])) { (t!("To the search")) } }
        }
    }
}
