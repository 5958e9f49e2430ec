//! The fields beside the lines, and the values of one.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::layout::Asked;
use super::text::visible;
use crate::chart::Unit;
use crate::chart::units::count;
use crate::explore::hits::{Hit, flat};
use crate::explore::state::State;
use crate::explore::values::Values;
use crate::fields::Fields;
use crate::language::{plain, t, text};
use crate::query::{Query, Stored};

/// Names that are listed; what is beyond is found by the search's completion.
const MOST: usize = 120;

/// The fields of the lines that were looked at, and then all others.
pub(super) fn list(asked: &Asked, words: &State, fields: &Fields, sample: &[Hit]) -> Markup {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for hit in sample {
        for (name, _) in flat(&hit.source) {
            *seen.entry(name).or_default() += 1;
        }
    }
    // The message was left out of the sample for its size; time is on every line.
    seen.remove("@timestamp");
    let whole = |name: &str| {
        !name.ends_with(".keyword") || fields.stored(name.trim_end_matches(".keyword")).is_none()
    };
    let others: Vec<(&str, Stored)> = fields
        .listed()
        .filter(|(n, ..)| !seen.contains_key(*n) && *n != "@timestamp" && whole(n))
        .map(|(n, s, _)| (n, s))
        .collect();
    html! {
        aside class="fields panel" aria-label=(t!("Fields")) {
            h2 { (t!("Fields")) }
            @if !seen.is_empty() {
                ul { @for name in seen.keys().take(MOST) { li { (entry(asked, words, name, fields.stored(name))) } } }
            }
            @if !others.is_empty() {
                details id="others" {
                    summary { @if seen.is_empty() { (t!("{n} fields", n = others.len())) } @else { (t!("{n} more, in other lines", n = others.len())) } }
                    ul { @for (name, stored) in others.iter().take(MOST) { li { (entry(asked, words, name, Some(*stored))) } } }
                    @if others.len() > MOST { p class="hint" { (t!("The first {n}. Type a name into the search for the others.", n = MOST)) } }
                }
            }
        }
    }
}

fn entry(asked: &Asked, words: &State, name: &str, stored: Option<Stored>) -> Markup {
    let chosen = words.columns.iter().any(|c| c == name);
    let values = asked.link("/explore/values", &[("view", ""), ("field", name)]);
    html! {
        details class="field" data-load=(values) {
            summary title=[stored.map(|s| text(kind(s)))] { (visible(name, 80)) @if chosen { span class="chosen" { " " (t!("column")) } } }
            p class="wait" { a href=(values) { (t!("Its values")) } }
        }
    }
}

/// How a field is stored, in a word.
pub(crate) const fn kind(stored: Stored) -> &'static str {
    match stored {
        Stored::Number => "number",
        Stored::Keyword => "keyword",
        Stored::Text => "text",
        Stored::Date => "time",
        Stored::Ip => "IP address",
        Stored::Boolean => "true or false",
    }
}

/// The values of a field; `found` is none where they cannot be counted. `narrowed` gives the searches with and without a value.
pub(crate) fn values(
    asked: &Asked,
    words: &State,
    field: &str,
    found: Option<&Result<Values, String>>,
    narrowed: &dyn Fn(&str) -> Option<[Query; 2]>,
) -> Markup {
    let chosen = words.columns.iter().any(|c| c == field);
    html! {
        article class="panel values" id="values" {
            h2 { (visible(field, 120)) }
            @match found {
                None => p { (t!("This field is full text, or no line has it: it has no values that could be counted.")) },
                Some(Err(failed)) => div class="empty failed low" { strong { (t!("There is no answer.")) } span { (visible(failed, 300)) } },
                Some(Ok(values)) => {
                    p class="hint" {
                        (t!("In {n} of {total} lines", n = count(values.with), total = count(values.lines)))
                        @if let Some([least, mean, most]) = values.figures {
                            ": " (figure(least)) " – " (figure(most)) ", " (t!("mean {n}", n = figure(mean)))
                        }
                    }
                    ol { @for (value, lines) in &values.top { (value_row(asked, value, *lines, values.with, narrowed(value))) } }
                    @let rest = values.with.saturating_sub(values.top.iter().map(|(_, n)| n).sum());
                    @if rest > 0 { p class="hint" { (t!("{n} lines with others", n = count(rest))) } }
                }
            }
            p { a class="act" href=(asked.link("/explore", &[("columns", &words.toggled(field))])) { @if chosen { (t!("Take the column away")) } @else { (t!("Show as column")) } } }
        }
    }
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn value_row(asked: &Asked, value: &str, lines: u64, all: u64, narrowed: Option<[Query; 2]>) -> Markup {
    let share = lines as f64 * 100.0 / all.max(1) as f64;
    html! {
        li {
            div class="value" { span class="path" { @if value.is_empty() { i { (t!("empty")) } } @else { (visible(value, 160)) } } span class="num" { (Unit::Percent.show(share)) } }
            svg class="bar" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true" { rect width=(format!("{share:.1}")) height="3" {} }
            div class="acts" {
                span class="hint" { (t!("{n} lines", n = count(lines))) }
                (acts(asked, value, narrowed))
            }
        }
    }
}

/// The links that narrow a search to a value, and to all others.
pub(super) fn acts(asked: &Asked, value: &str, narrowed: Option<[Query; 2]>) -> Markup {
    let short: String = value.chars().take(40).collect();
    let link = |search: &Query| asked.link("/explore", &[("q", &search.to_string())]);
    html! {
        @if let Some([only, without]) = narrowed {
            a class="act" href=(link(&only)) aria-label=(plain!("only {value}", value = short)) { (t!("only")) }
            a class="act" href=(link(&without)) aria-label=(plain!("without {value}", value = short)) { (t!("without")) }
        }
    }
}
