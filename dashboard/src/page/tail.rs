//! Lines as they pass.

use maud::{Markup, html};

use super::explore::views;
use super::layout::Asked;
use crate::explore::state::View;
use crate::language::t;

/// The page; what stands in it comes later, by the script.
pub(crate) fn tail(asked: &Asked, there: bool) -> Markup {
    html! {
        div id="notices" {}
        h1 class="sr" { (t!("Live")) }
        article class="panel" id="tail" data-tail=[there.then(|| asked.link("/api/v1/tail", &[]))] {
            div class="head" {
                h2 { (t!("As they pass")) }
                (views(asked, View::Tail))
                @if there {
                    span {
                        button type="button" class="plain" id="pause" aria-pressed="false" { (t!("Pause")) }
                        button type="button" class="plain" id="clear" { (t!("Clear")) }
                    }
                }
            }
            @if there {
                p class="hint" id="pace" role="status" { noscript { (t!("This needs JavaScript: the lines come one by one.")) } }
                ol class="errors" id="passing" {}
            } @else {
                div class="empty" {
                    strong { (t!("This dashboard knows no collector.")) }
                    span { (t!("Lines are shown as they pass the collector, before the store has them. Start it with")) }
                    code class="block" { "alces dashboard --collector-data /var/lib/alces/collector" }
                }
            }
        }
    }
}
