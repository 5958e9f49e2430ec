//! What the colours and dashes of a drawing mean, with the newest figure of each.

use maud::{Markup, html};

use super::text::visible;
use crate::chart::Drawing;
use crate::chart::legend::{Entry, Key, entries};
use crate::language::{t, text};

const fn is_ghost(entry: &Entry) -> bool {
    matches!(entry.key, Key::Line { ghost: true, .. })
}

/// The legend; nothing for kinds that say it within the picture.
pub(super) fn legend(drawing: &Drawing) -> Markup {
    let entries = entries(drawing);
    html! {
        @if !entries.is_empty() {
            ul class="legend" {
                @for entry in entries.iter().filter(|e| !is_ghost(e)) {
                    li {
                        svg class="key" viewBox="0 0 20 10" width="20" height="10" aria-hidden="true" {
                            @match entry.key {
                                Key::Fill(paint) => rect x="4" y="0" width="10" height="10" rx="2" fill=(paint.hex()) {},
                                Key::Line { paint, dash, .. } => line x1="0" y1="5" x2="20" y2="5" stroke-width="2.500"
                                    stroke=(paint.hex()) stroke-dasharray=[dash.array()] {},
                            }
                        }
                        span class="name" { (visible(&text(&entry.name), 32)) }
                        span class="last" { (entry.last) }
                    }
                }
                // Each has the colour and name of its own line: one word says it for all.
                @if let Some(before) = entries.iter().find(|e| is_ghost(e)).and_then(|e| e.name.rsplit_once(", ")) {
                    li class="ghost" { span class="name" { (t!("pale: {period}", period = visible(&text(before.1), 32))) } }
                }
            }
        }
    }
}
