//! Who may come in, what each may do, and what each sees.

use alces_people::{Limits, Role, Subject, Token, User};
use maud::{Markup, html};

use super::account::{Shown, moment, outcome, table};
use super::layout::{Asked, guarded};

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
            div class="head" { h1 { "People" } a href="/people/audit" { "Audit log" } }
            div class="scroll" { table {
                thead { tr { th { "Name" } th { "Role" } th { "Since" } th { "State" } th {} } }
                tbody { @for user in &all.users { (row(asked, user)) } }
            } }
            form method="post" action="/people/invite" class="row" {
                (guarded(asked))
                label { "Invite a" (roles(Role::Viewer)) }
                button class="button" { "Make a link" }
            }
            p class="hint" {
                "Viewers look. Editors try out boards and post events. Administrators say who may do what, and read the audit log."
            }
        }
        article class="panel people" id="limits" {
            div class="head" { h2 { "What is seen" } }
            p class="hint" {
                "Empty limits nothing. A user's limits come on top of the role's. Values of masked fields are shown as pseudonyms, the same for the "
                "same value, and cannot be searched for; the text of lines is hidden then, unless the list excepts it with "
                code { "!message" } ", which lets words of it be searched, and so be guessed."
            }
            @for (subject, limits) in &all.limits {
                @if matches!(subject, Subject::Role(_)) || !limits.is_empty() { (form(asked, &name(*subject, all), *subject, limits)) }
            }
            details {
                summary { "Limit one user" }
                @for (subject, limits) in &all.limits {
                    @if matches!(subject, Subject::User(_)) && limits.is_empty() { (form(asked, &name(*subject, all), *subject, limits)) }
                }
            }
        }
        article class="panel people" id="tokens" {
            div class="head" { h2 { "Tokens of everybody" } }
            (table(asked, &all.tokens, "/people/tokens", true))
        }
    }
}

fn name(subject: Subject, all: &All) -> String {
    match subject {
        Subject::Role(role) => format!("Every {role}"),
        Subject::User(id) => {
            all.users.iter().find(|u| u.id == id).map(|u| u.name.clone()).unwrap_or_default()
        }
    }
}

fn roles(chosen: Role) -> Markup {
    html! { select name="role" { @for role in Role::ALL { option selected[role == chosen] { (role) } } } }
}

fn row(asked: &Asked, user: &User) -> Markup {
    let act = |what: &str, label: &str| {
        html! { form method="post" action={ "/people/" (user.id) "/" (what) } { (guarded(asked)) button { (label) } } }
    };
    html! {
        tr {
            td { (user.name) }
            td { form method="post" action={ "/people/" (user.id) "/role" } { (guarded(asked)) (roles(user.role)) button { "Set" } } }
            td { (moment(user.created)) }
            td { @match user.disabled { Some(since) => { "disabled " (moment(since)) }, None => (user.origin) } }
            td {
                @if user.disabled.is_some() { (act("enable", "Enable")) } @else { (act("disable", "Disable")) }
                @if user.has_password && user.disabled.is_none() { (act("reset", "New password")) }
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
            label { "Indices" input name="indices" value=(limits.indices.join(" ")) placeholder="logs-shop-*" spellcheck="false"; }
            label { "Only lines like" input name="filter" value=(limits.filter) placeholder="service:shop" spellcheck="false"; }
            label { "Masked" input name="masked" value=(limits.masked.join(" ")) placeholder="client user.*" spellcheck="false"; }
            button { "Set" }
        }
    }
}
