//! A board as one page that needs nothing else: for mail, and for the file of last week.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::panel;
use super::strip;
use super::text::at;
use crate::app::Seen;
use crate::assets::CSS;
use crate::language::{t, tag, text};

/// What the report is about, in one line.
pub(crate) fn headline(seen: &Seen) -> String {
    let range = &seen.wish.range;
    let when = |ms| at(ms, &range.zone, "%a %d %b %Y %H:%M");
    format!(
        "{}, {} – {} {}",
        text(&seen.wish.board.title),
        when(range.from),
        when(range.to),
        range.zone_name()
    )
}

/// The policy of the page: its one style sheet, and nothing else.
pub(crate) fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(CSS.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'")
}

/// The page.
pub(crate) fn report(title: &str, seen: &Seen) -> Markup {
    let range = &seen.wish.range;
    html! {
        (DOCTYPE)
        html lang=(tag()) data-theme="light" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (headline(seen)) }
                style { (PreEscaped(CSS)) }
            }
            body class="report" {
                main {
                    h1 { (headline(seen)) }
                    @for note in &seen.view.notes { p class="banner" { (note) } }
                    @if let Some(strip) = &seen.view.strip { (strip::strip(strip, range, seen.wish.compare, None)) }
                    section class="grid" {
                        @for (definition, (content, _)) in seen.wish.board.panels.iter().zip(&seen.view.panels) {
                            article class={ "panel w" (definition.width) } {
                                h2 { (text(&definition.title)) }
                                (panel::content(range, definition, content))
                            }
                        }
                    }
                    footer { p { (t!("Made {time} {zone} by {title}", time = at(range.now, &range.zone, "%Y-%m-%d %H:%M:%S"), zone = range.zone_name(), title = title)) } }
                }
            }
        }
    }
}
