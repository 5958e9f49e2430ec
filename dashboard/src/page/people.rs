//! Who may come in, what each may do, and what each sees.

use alces_people::{Limits, Role, Subject, Token, User};
use maud::{Markup, html};

use super::account::{Shown, moment, outcome, table};
use super::layout::{Asked, guarded};
use crate::language::{plain, t, text};

/// All that the page shows.
pub(crate) struct All {
    pub(crate) users: Vec<User>,
    /// Of roles and of users, empty ones too.
    pub(crate) limits: Vec<(Subject, Limits)>,
    pub(crate) tokens: Vec<Token>,
}

/// The page.
pub(crate) fn people(asked: &Asked, all: &All, shown: &Shown<'_>) -> Markup {
    html! {
        (outcome(shown))
        article class="panel people" id="users" {
            div class="head" { h1 { (t!("People")) } a href="/people/audit" { (t!("Audit log")) } }
            div class="scroll" tabindex="0" role="region" aria-label=(t!("People")) { table {
                thead { tr { th { (t!("Name")) } th { (t!("Role")) } th { (t!("Since")) } th { (t!("State")) } th {} } }
                tbody { @for user in &all.users { (row(asked, user)) } }
            } }
            form method="post" action="/people/invite" class="row" {
                (guarded(asked))
                label { (t!("Invite a")) (roles(Role::Viewer, None)) }
                button class="button" { (t!("Make a link")) }
            }
            p class="hint" {
                (t!("Viewers look. Editors try out boards and post events. Administrators say who may do what, and read the audit log."))
            }
        }
        article class="panel people" id="limits" {
            div class="head" { h2 { (t!("What is seen")) } }
            p class="hint" {
                (t!("Empty limits nothing. A user's limits come on top of the role's. Values of masked fields are shown as pseudonyms, the same for the same value, and cannot be searched for; the text of lines is hidden then, unless the list excepts it with {word}, which lets words of it be searched, and so be guessed.",
                    word = html! { code { "!message" } }))
            }
            @for (subject, limits) in &all.limits {
                @if matches!(subject, Subject::Role(_)) || !limits.is_empty() { (form(asked, &name(*subject, all), *subject, limits)) }
            }
            details {
                summary { (t!("Limit one user")) }
                @for (subject, limits) in &all.limits {
                    @if matches!(subject, Subject::User(_)) && limits.is_empty() { (form(asked, &name(*subject, all), *subject, limits)) }
                }
            }
        }
        article class="panel people" id="tokens" {
            div class="head" { h2 { (t!("Tokens of everybody")) } }
            (table(asked, &all.tokens, "/people/tokens", true))
        }
    }
}

fn name(subject: Subject, all: &All) -> String {
    match subject {
        Subject::Role(role) => plain!("Every {role}", role = text(role.word())),
        Subject::User(id) => {
            all.users.iter().find(|u| u.id == id).map(|u| u.name.clone()).unwrap_or_default()
        }
    }
}

fn roles(chosen: Role, label: Option<&str>) -> Markup {
    html! { select name="role" aria-label=[label] { @for role in Role::ALL { option value=(role) selected[role == chosen] { (text(role.word())) } } } }
}

fn row(asked: &Asked, user: &User) -> Markup {
    let act = |what: &str, label: &str| {
        html! { form method="post" action={ "/people/" (user.id) "/" (what) } { (guarded(asked)) button { (label) } } }
    };
    html! {
        tr {
            td { (user.name) }
            td { form method="post" action={ "/people/" (user.id) "/role" } { (guarded(asked)) (roles(user.role, Some(&plain!("Role of {user}", user = user.name)))) button { (t!("Set")) } } }
            td { (moment(user.created)) }
            td { @match user.disabled { Some(since) => (t!("disabled {time}", time = moment(since))), None => (text(&user.origin.to_string())) } }
            td {
                @if user.disabled.is_some() { (act("enable", &t!("Enable"))) } @else { (act("disable", &t!("Disable"))) }
                @if user.has_password && user.disabled.is_none() { (act("reset", &t!("New password"))) }
            }
        }
    }
}

fn form(asked: &Asked, name: &str, subject: Subject, limits: &Limits) -> Markup {
    html! {
        form method="post" action="/people/limits" class="row" {
            (guarded(asked))
            input type="hidden" name="subject" value=(subject);
            strong { (name) }
            label { (t!("Indices")) input name="indices" value=(limits.indices.join(" ")) placeholder="logs-shop-*" spellcheck="false"; }
            label { (t!("Only lines like")) input name="filter" value=(limits.filter) placeholder="service:shop" spellcheck="false"; }
            label { (t!("Masked")) input name="masked" value=(limits.masked.join(" ")) placeholder="client user.*" spellcheck="false"; }
            button { (t!("Set")) }
        }
    }
}
