//! Messages and what became of them.

use alces_alerts::Sent;
use maud::{Markup, html};

use super::alerts::{moment, table};
use super::layout::{Asked, guarded};
use super::text::visible;
use crate::alert::Rules;
use crate::language::t;

/// The page. `may_change` says whether this visitor may send.
pub(crate) fn deliveries(asked: &Asked, rules: &Rules, sent: &[Sent], may_change: bool) -> Markup {
    html! {
        @if may_change && !rules.receivers.is_empty() {
            article class="panel people" id="receivers" {
                div class="head" { h2 { (t!("Receivers")) } a href="/alerts" { (t!("Alerts")) } }
                @for receiver in &rules.receivers {
                    form method="post" action={ "/alerts/receivers/" (receiver.id) "/test" } class="row" {
                        (guarded(asked))
                        code { (receiver.id) } " "
                        button { (t!("Send a test")) }
                    }
                }
            }
        }
        article class="panel people" id="messages" {
            div class="head" { h1 { (t!("Messages")) } }
            @if sent.is_empty() { p class="hint" { (t!("There is none.")) } }
            @else {
                (table(&t!("Messages"), html! { th { (t!("Made")) } th { (t!("Receiver")) } th { (t!("State")) } th { (t!("Tries")) } th { (t!("Message")) } th {} }, html! {
                    @for message in sent { tr {
                        td { (moment(message.made)) }
                        td { (visible(&message.receiver, 60)) }
                        td { @if message.is_taken() { (t!("taken")) } @else if message.ended.is_some() { strong { (t!("not delivered")) } } @else { (t!("waits until {time}", time = moment(message.next))) } }
                        td {
                            (message.attempts)
                            @if !message.tries.is_empty() {
                                details {
                                    summary { (t!("The last ones")) }
                                    ul { @for tried in &message.tries { li { (moment(tried.at)) ": " (visible(&tried.outcome, 300)) } } }
                                }
                            }
                        }
                        td { details { summary { code { (visible(&message.id, 60)) } } pre { (visible(&serde_json::to_string(&message.body).unwrap_or_default(), 20_000)) } } }
                        td { @if may_change && message.ended.is_some() { form method="post" action={ "/alerts/deliveries/" (message.seq) "/again" } { (guarded(asked)) button { (t!("Send again")) } } } }
                    } }
                }))
            }
        }
    }
}
