//! Searches that are kept under a name.

use alces_people::Search;
use maud::{Markup, html};

use super::account::moment;
use super::layout::{Asked, guarded};
use super::text::visible;
use crate::language::{t, text};

/// What to do where nothing can be kept.
pub(crate) const NOWHERE: &str = "no file was named to keep searches in: start the dashboard with --people FILE (and logins), or with --searches FILE";

/// A search and what this visitor may do with it.
pub(crate) struct Row<'a> {
    pub(crate) search: &'a Search,
    pub(crate) own: bool,
    pub(crate) may_change: bool,
}

/// The page: the search that is open, to be kept, and those that are. Without `rows` there is no file to keep them in.
pub(crate) fn searches(
    asked: &Asked,
    rows: Option<&[Row<'_>]>,
    may_share: bool,
    trouble: Option<&str>,
) -> Markup {
    let query = asked.link("/explore", &[]);
    let query = query.split_once('?').map_or("", |(_, query)| query);
    html! {
        div id="notices" {
            @if let Some(trouble) = trouble { p class="banner bad" role="alert" { (visible(trouble, 600)) "." } }
        }
        article class="panel people" id="searches" {
            div class="head" { h1 { (t!("Searches")) } a href=(asked.link("/explore", &[])) { (t!("Back to the lines")) } }
            @match rows {
                None => div class="empty" { strong { (t!("Searches cannot be kept here.")) } span { (text(NOWHERE)) "." } },
                Some(rows) => {
                    (keep(asked, query, may_share))
                    @if rows.is_empty() { p class="hint" { (t!("None is kept yet.")) } } @else { (table(asked, rows, query, may_share)) }
                }
            }
        }
    }
}

fn keep(asked: &Asked, query: &str, may_share: bool) -> Markup {
    html! {
        form method="post" action="/explore/searches" class="row" {
            (guarded(asked))
            input type="hidden" name="query" value=(query);
            label { (t!("Keep this search as")) input name="name" maxlength="100" placeholder=(t!("errors of the shop")) autocomplete="off" required; }
            @if may_share && asked.who.user.is_some() { label { (t!("For")) select name="shared" { option value="" { (t!("me")) } option value="1" { (t!("everybody")) } } } }
            button class="button" { (t!("Keep")) }
        }
        p class="hint" { (t!("It is {search}, with its columns, order and view.", search = html! { code { (visible(&words(query), 300)) } })) }
    }
}

/// Search and time of a query, as they are read.
fn words(query: &str) -> String {
    let of = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap_or_default()
    };
    let (from, to, q) = (of("from"), of("to"), of("q"));
    format!("{} · {from} – {to}", if q.is_empty() { t!("every line") } else { q.into() })
}

fn table(asked: &Asked, rows: &[Row<'_>], query: &str, may_share: bool) -> Markup {
    let act = |search: &Search, what: &str, label: &str| {
        html! {
            form method="post" action={ "/explore/searches/" (search.id) "/" (what) } {
                (guarded(asked))
                input type="hidden" name="back" value=(query);
                button aria-label={ (label) " " (search.name) } { (label) }
            }
        }
    };
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(t!("Searches")) { table {
            thead { tr { th { (t!("Name")) } th { (t!("Finds")) } th { (t!("Whose")) } th { (t!("Since")) } th {} } }
            tbody { @for Row { search, own, may_change } in rows { tr {
                td { a href={ "/explore?" (search.query) } { (visible(&search.name, 100)) } }
                td { code { (visible(&words(&search.query), 300)) } }
                td {
                    @match (&search.owner, own) { (None, _) => (t!("everybody's")), (_, true) => (t!("yours")), (Some(owner), _) => (visible(owner, 100)) }
                    @if search.shared { ", " (t!("shared")) }
                }
                td { (moment(search.created)) }
                td { @if *may_change {
                    @if search.shared { (act(search, "keep", &t!("Share no more"))) }
                    @else if may_share && search.owner.is_some() { (act(search, "share", &t!("Share")) ) }
                    (act(search, "delete", &t!("Delete")))
                } }
            } } }
        } }
    }
}
