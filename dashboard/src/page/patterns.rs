//! The lines of a search as patterns.

use maud::{Markup, PreEscaped, html};

use super::board::Stale;
use super::explore::{histogram, notices, views};
use super::layout::Asked;
use super::text::{at, visible};
use crate::app::Seen;
use crate::chart::Unit;
use crate::chart::sparkline::sparkline;
use crate::chart::units::count;
use crate::explore::carried;
use crate::explore::patterns::Found;
use crate::explore::state::View;
use crate::language::t;
use crate::query::Query;
use crate::range::Range;
use crate::view::picture::Part;

/// What is known of the patterns of a search.
pub(crate) enum Patterns {
    /// Lines carry theirs, and all were counted.
    Carried(carried::Found),
    /// Some lines were looked at.
    Estimated(Found),
}

impl Patterns {
    const fn counts(&self) -> (u64, usize) {
        match self {
            Self::Carried(found) => (found.lines, found.patterns.len()),
            Self::Estimated(found) => (found.lines, found.patterns.len()),
        }
    }
}

/// The page.
pub(crate) fn patterns(
    asked: &Asked,
    range: &Range,
    search: &Query,
    (seen, stale): (&Seen, Option<&Stale>),
    found: &Part<Patterns>,
) -> Markup {
    html! {
        (notices(seen, stale))
        h1 class="sr" { (t!("Patterns")) }
        (histogram(asked, range, seen))
        article class="panel" id="patterns" {
            div class="head" {
                h2 { @match found.as_ref().map(Patterns::counts) { Ok((lines, 1)) => (t!("{lines} lines, one pattern", lines = count(lines))), Ok((lines, patterns @ 2..)) => (t!("{lines} lines, {n} patterns", lines = count(lines), n = patterns)), _ => (t!("Patterns")) } }
                (views(asked, View::Patterns))
            }
            @match found {
                Err(failed) => div class="empty failed" { strong { (t!("The store refused this search.")) } span { (visible(failed, 300)) } },
                Ok(Patterns::Carried(found)) => (super::carried::patterns(asked, range, search, found)),
                Ok(Patterns::Estimated(found)) if found.patterns.is_empty() => div class="empty" { strong { (t!("No line in this range is like that.")) } span { (t!("Choose a longer range, or a wider search.")) } },
                Ok(Patterns::Estimated(found)) => {
                    @if found.looked_at < found.lines {
                        p class="hint" { (t!("Estimated from {n} lines, spread over the range.", n = count(found.looked_at))) }
                    }
                    (table(asked, range, search, found))
                    @if found.more > 0 { p class="hint" { (t!("{n} rarer patterns are not shown.", n = found.more)) } }
                }
            }
        }
    }
}

fn table(asked: &Asked, range: &Range, search: &Query, found: &Found) -> Markup {
    let estimated = found.looked_at < found.lines;
    html! {
        div class="scroll flat" tabindex="0" role="region" aria-label=(t!("Patterns")) {
            table class="found" {
                thead { tr {
                    th scope="col" class="num" { (t!("Lines")) } th scope="col" class="num" { (t!("Share")) } th scope="col" { (t!("Over time")) }
                    th scope="col" { (t!("First seen")) } th scope="col" { (t!("Pattern")) }
                } }
                tbody { @for pattern in &found.patterns { tr {
                    td class="num" { @if estimated { "≈ " } (count(pattern.count)) }
                    td class="num" { (Unit::Percent.show(pattern.share * 100.0)) }
                    td class="trend" { (PreEscaped(sparkline(&pattern.trend, 90, 18))) }
                    td { @if let Some(first) = pattern.first { (at(first, &range.zone, "%d %b %H:%M:%S")) } }
                    th scope="row" class="cell" {
                        @match &pattern.search {
                            Some(phrase) => a class="path" href=(asked.link("/explore", &[("view", ""), ("q", &search.clone().and(phrase.clone()).to_string())])) { (visible(&pattern.text, 400)) },
                            None => (visible(&pattern.text, 400)),
                        }
                    }
                } } }
            }
        }
    }
}
