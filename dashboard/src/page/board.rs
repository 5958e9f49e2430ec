//! A board's page.

use maud::{Markup, html};

use super::panel::panel;
use super::strip;
use super::text::{at, visible};
use crate::app::Seen;
use crate::language::{age_text, t, text};

/// A banner above an old picture: how old (milliseconds), and why there is no newer one.
pub(crate) struct Stale {
    pub(crate) age: i64,
    pub(crate) reason: String,
}

/// The whole board. `images` gives the signed address of a panel's picture.
pub(crate) fn board(seen: &Seen, stale: Option<&Stale>, images: &dyn Fn(&str) -> String) -> Markup {
    let range = &seen.wish.range;
    let context = seen.context();
    html! {
        div id="notices" {
            @if let Some(stale) = stale {
                p class="banner bad" role="alert" {
                    strong { (t!("This picture is {age} old.", age = age_text(stale.age))) } " " (visible(&stale.reason, 600)) "."
                }
            }
            @for note in &seen.view.notes { p class="banner" { (note) } }
            @if let Some(compare) = seen.wish.compare.filter(|c| !range.can_be_compared(*c)) {
                p class="banner" { (t!("Buckets of {step} cannot be laid over those of {distance} before. Choose a shorter range.", step = age_text(range.step()), distance = text(compare.word()))) }
            }
        }
        h1 class="sr" { (text(&seen.wish.board.title)) }
        @if let Some(strip) = &seen.view.strip { (strip::strip(strip, range, seen.wish.compare, stale)) }
        section class="grid" aria-label=(t!("Panels")) {
            @for (definition, (content, search)) in seen.wish.board.panels.iter().zip(&seen.view.panels) {
                (panel(&context, definition, content, search, images))
            }
        }
        footer {
            p {
                (t!("Times in {zone}", zone = html! { b { (range.zone_name()) } })) " · "
                (at(range.from, &range.zone, "%Y-%m-%d %H:%M:%S")) " – " (at(range.to, &range.zone, "%Y-%m-%d %H:%M:%S"))
                " · " (t!("buckets of {step}", step = age_text(range.step())))
            }
            p id="updated" aria-live="off" {
                (t!("Updated {time} {zone} · answered in {ms} ms", time = html! { time { (at(range.now, &range.zone, "%H:%M:%S")) } }, zone = range.zone_name(), ms = seen.took.as_millis()))
            }
        }
    }
}
