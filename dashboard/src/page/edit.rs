//! The editor of a board.

use maud::{Markup, html};
use similar::{ChangeTag, TextDiff};

use super::layout::{Asked, guarded};
use super::text::visible;
use crate::board::BoardError;
use crate::language::t;

/// What came of a draft.
pub(crate) enum Preview {
    None,
    Errors(Vec<BoardError>),
    Board(Markup),
    Gone(String),
}

/// The page; `asked` is its own address.
pub(crate) fn edit(asked: &Asked, id: &str, file: &str, draft: &str, preview: &Preview) -> Markup {
    html! {
        div id="notices" {
            @if let Preview::Errors(errors) = preview {
                div class="banner bad" role="alert" {
                    strong { (t!("This is no board yet.")) }
                    ul { @for error in errors { li { (visible(&error.to_string(), 400)) } } }
                }
            }
            @if let Preview::Gone(reason) = preview { p class="banner bad" { (visible(reason, 400)) "." } }
        }
        article class="panel" id="edit" {
            div class="head" { h1 { (t!("Board {file}", file = html! { code { (id) ".yaml" } })) } a href={ "/b/" (id) } { (t!("Back to the board")) } }
            p class="hint" {
                (t!("Boards are files. Try a change here, then copy the difference into {file} of the folder that {command} reads; nothing is stored here.",
                    file = html! { code { "boards/" (id) ".yaml" } }, command = html! { code { "alces dashboard --boards" } }))
            }
            form method="post" action=(asked.here()) {
                (guarded(asked))
                textarea name="text" rows="24" spellcheck="false" aria-label=(t!("The board's text")) { (draft) }
                button { (t!("Preview")) }
            }
            @if file != draft { (difference(id, file, draft)) }
        }
        @if let Preview::Board(board) = preview { div class="preview" { (board) } }
    }
}

fn difference(id: &str, file: &str, draft: &str) -> Markup {
    let diff = TextDiff::from_lines(file, draft);
    let name = format!("{id}.yaml");
    let unified =
        diff.unified_diff().context_radius(3).header(&format!("a/{name}"), &format!("b/{name}")).to_string();
    let (mut more, mut less) = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => more += 1,
            ChangeTag::Delete => less += 1,
            ChangeTag::Equal => {}
        }
    }
    html! {
        h2 { (t!("The difference: +{more} −{less}", more = more, less = less)) }
        textarea id="diff" class="diff" rows="12" readonly aria-label=(t!("The difference, for git apply")) { (unified) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_shows_what_to_copy_and_nothing_that_it_holds_is_markup() {
        let html =
            edit(&Asked::of_test("/b/x/edit"), "x", "a\nb\n", "a\n</textarea><script>\n", &Preview::None)
                .into_string();
        assert!(html.contains("--- a/x.yaml\n+++ b/x.yaml"), "{html}");
        assert!(html.contains("-b\n+&lt;/textarea&gt;&lt;script&gt;") && !html.contains("<script"), "{html}");
    }
}
