//! The lines of a search as the patterns that they carry.

use maud::{Markup, PreEscaped, html};

use super::explore::opener;
use super::fields::acts;
use super::layout::Asked;
use super::text::{at, visible};
use crate::chart::Unit;
use crate::chart::sparkline::sparkline;
use crate::chart::units::count;
use crate::explore::carried::{Found, Pattern, without};
use crate::language::t;
use crate::query::Query;
use crate::range::Range;

/// What stands in the panel.
pub(crate) fn patterns(asked: &Asked, range: &Range, search: &Query, found: &Found) -> Markup {
    let others = found.lines.saturating_sub(found.with);
    html! {
        @if others > 0 {
            p class="hint" {
                (t!("{n} lines carry no pattern and are not counted here.", n = count(others))) " "
                a href=(asked.link("/explore", &[("q", &without(search))])) { (t!("Their patterns, estimated")) }
            }
        }
        (table(asked, range, search, found))
        @if found.more > 0 { p class="hint" { (t!("{n} rarer patterns are not shown.", n = found.more)) } }
        @if found.beyond > 0 { p class="hint" { (t!("{n} lines are of patterns that are rarer still.", n = count(found.beyond))) } }
    }
}

fn table(asked: &Asked, range: &Range, search: &Query, found: &Found) -> Markup {
    html! {
        div class="scroll flat" tabindex="0" role="region" aria-label=(t!("Patterns")) {
            table class="found" {
                thead { tr {
                    th scope="col" class="num" { (t!("Lines")) } th scope="col" class="num" { (t!("Share")) } th scope="col" { (t!("Over time")) }
                    th scope="col" { (t!("First seen")) } th scope="col" { (t!("Last seen")) } th scope="col" { (t!("Pattern")) }
                } }
                tbody { @for pattern in &found.patterns { (row(asked, range, search, pattern, found.lines)) } }
            }
        }
    }
}

fn row(asked: &Asked, range: &Range, search: &Query, pattern: &Pattern, lines: u64) -> Markup {
    let narrowed = pattern.narrowed(search);
    let time = |ms: Option<i64>| ms.map(|ms| at(ms, &range.zone, "%d %b %H:%M:%S")).unwrap_or_default();
    html! {
        tr data-pattern=(pattern.ids.first().map_or("", String::as_str)) {
            td class="num" { (count(pattern.count)) }
            td class="num" { (Unit::Percent.show(pattern.count as f64 * 100.0 / lines.max(1) as f64)) }
            td class="trend" { (PreEscaped(sparkline(&pattern.trend, 90, 18))) }
            td { (time(pattern.first)) @if pattern.first.is_some_and(|first| first >= range.from) { " " span class="badge" { (t!("new")) } } }
            td { (time(pattern.last)) }
            th scope="row" class="cell" {
                @match &narrowed {
                    Some([only, _]) => a class="path" href=(asked.link("/explore", &[("view", ""), ("q", &only.to_string())])) { (visible(&pattern.text, 400)) },
                    None => (visible(&pattern.text, 400)),
                }
                @if let Some(hit) = &pattern.line { div class="hint" { (opener(asked, range, hit)) " " (visible(&hit.line.message, 200)) } }
                div class="acts" { (acts(asked, &pattern.text, narrowed)) }
            }
        }
    }
}
