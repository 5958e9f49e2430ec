//! The audit log as a page.

use alces_people::{Act, Entry, Wanted};
use maud::{Markup, html};

use super::account::moment;
use super::text::visible;
use crate::language::{t, text};

/// A moment as programs read it.
pub(crate) fn stamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
}

/// The newest entries that are wanted.
pub(crate) fn audit(wanted: &Wanted, entries: &[Entry]) -> Markup {
    let who = wanted.who.as_deref().unwrap_or_default();
    let link = |path: &str, before: Option<i64>| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("who", who).append_pair("act", wanted.act.map_or("", Act::word));
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("{path}?{}", query.finish())
    };
    html! {
        article class="panel people" id="audit" {
            div class="head" {
                h1 { (t!("Audit log")) }
                a href=(link("/people/audit.csv", None)) { "CSV" }
                a href=(link("/people/audit.ndjson", None)) { "NDJSON" }
                a href="/people" { (t!("People")) }
            }
            form method="get" action="/people/audit" class="row" {
                label { (t!("Who")) input name="who" value=(who) autocomplete="off" spellcheck="false"; }
                label { (t!("What")) select name="act" {
                    option value="" { (t!("everything")) }
                    @for act in Act::ALL { option value=(act) selected[wanted.act == Some(act)] { (text(act.word())) } }
                } }
                button { (t!("Show")) }
            }
            div class="scroll" tabindex="0" role="region" aria-label=(t!("Audit log")) { table {
                thead { tr { th { (t!("Time")) } th { (t!("Who")) } th { (t!("Act")) } th { (t!("From")) } th { (t!("What")) } } }
                tbody { @for entry in entries { tr {
                    td { (moment(entry.at)) }
                    td { (visible(&entry.who, 100)) }
                    td { (text(&entry.act)) }
                    td { (entry.address) }
                    td { (visible(&entry.what, 400)) }
                } } }
            } }
            @if entries.len() == wanted.most && let Some(last) = entries.last() {
                p { a href=(link("/people/audit", Some(last.id))) { (t!("Older")) } }
            }
        }
    }
}
