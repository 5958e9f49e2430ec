//! What differs between a selection and what was before.

use maud::{Markup, html};

use super::text::{at, visible};
use crate::chart::Unit;
use crate::chart::units::count;
use crate::language::t;
use crate::query::Query;
use crate::range::Range;
use crate::view::plan::Span;
use crate::why::{Found, narrowed};

/// The page. `link` gives the address of a search's lines.
pub(crate) fn why(
    found: &Result<Found, String>,
    search: &Query,
    range: &Range,
    before: Span,
    link: &dyn Fn(&Query) -> String,
) -> Markup {
    let when = |ms| at(ms, &range.zone, "%d %b %H:%M:%S");
    html! {
        div id="notices" {}
        article class="panel" id="why" {
            div class="head" { h1 { (t!("What differs?")) } a href=(link(search)) { (t!("The lines")) } }
            p class="hint" {
                (t!("{from} – {to} beside {before_from} – {before_to}", from = when(range.from), to = when(range.to), before_from = when(before.0), before_to = when(before.1)))
                @if !search.is_everything() { ", " (t!("of {search}", search = html! { code { (visible(&search.to_string(), 400)) } })) }
            }
            @match found {
                Err(failed) => div class="empty failed" { strong { (t!("There is no answer.")) } span { (visible(failed, 300)) } },
                Ok(found) if found.lines.0 == 0 => div class="empty" { (t!("There is no line in this selection.")) },
                Ok(found) => {
                    p { (t!("{now} lines now, {before} before.", now = count(found.lines.0), before = count(found.lines.1))) }
                    @if found.differences.is_empty() {
                        div class="empty" { strong { (t!("Nothing differs.")) } span { (t!("Each value is as frequent among these lines as before.")) } }
                    } @else { (table(found, search, link)) }
                }
            }
        }
    }
}

fn table(found: &Found, search: &Query, link: &dyn Fn(&Query) -> String) -> Markup {
    let percent = |share: f64| Unit::Percent.show(share * 100.0);
    let bar = |share: f64, class: &str| {
        html! {
            svg class={ "bar " (class) } viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden="true" {
                rect width=(format!("{:.1}", share * 100.0)) height="5" {}
            }
        }
    };
    html! {
        div class="scroll flat" {
            table class="rows why" {
                thead { tr {
                    th scope="col" { (t!("Value")) } th scope="col" class="num" { (t!("Lines")) }
                    th scope="col" class="num" { (t!("Now")) } th scope="col" class="num" { (t!("Before")) } th scope="col" class="num" { (t!("All lines before")) } th scope="col" { (t!("Share")) }
                } }
                tbody { @for d in &found.differences { tr {
                    th scope="row" class="name" {
                        span class="field" { (d.field) }
                        a class="path" href=(link(&narrowed(search, d))) { (visible(&d.value, 160)) }
                    }
                    td class="num" { (count(d.count)) }
                    td class="num" { (percent(d.share)) }
                    td class="num" { (percent(d.before)) }
                    td class="num" { (percent(d.usual)) }
                    td class="shares" { (bar(d.share, "")) (bar(d.before, "before")) }
                } } }
            }
        }
    }
}
