//! The lines behind a panel.

use maud::{Markup, html};

use super::board::Stale;
use super::panel;
use super::text::visible;
use crate::app::Seen;
use crate::verdict::age_text;
use crate::view::picture::Picture;

/// The newest lines of a search, with the way to what differs.
pub(crate) fn lines(seen: &Seen, why: &str, stale: Option<&Stale>) -> Markup {
    let range = &seen.wish.range;
    html! {
        div id="notices" {
            @if let Some(stale) = stale {
                p class="banner bad" role="alert" { strong { "These lines are " (age_text(stale.age)) " old. " } (visible(&stale.reason, 600)) "." }
            }
            @for note in &seen.view.notes { p class="banner" { (note) } }
        }
        h1 class="sr" { "Lines" }
        article class="panel" id="lines" {
            @match seen.view.panels.first().map(|(content, _)| content) {
                Some(Ok(Picture::Lines(found))) => {
                    div class="head" { h2 { (panel::total(found)) } a href=(why) { "Why? What differs from before" } }
                    div class="all" { (panel::lines(&found.lines, range)) }
                }
                Some(Err(failed)) => div class="empty failed" { strong { "There is no answer." } span { (visible(failed, 300)) } },
                _ => div class="empty" { strong { "No line in this range is like that." } span { "Choose a longer range, or a wider search." } },
            }
        }
    }
}
