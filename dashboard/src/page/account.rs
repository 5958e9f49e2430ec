//! One's own account.

use alces_people::{Origin, Scope, Token, User};
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::layout::{Asked, guarded};
use super::login::passwords;
use super::text::{at, visible};
use crate::language::{t, text};

/// What came of what was tried.
pub(crate) enum Shown<'a> {
    Nothing,
    Trouble(&'a str),
    /// A token, for the only time.
    Token(&'a str),
    /// A one-time link, for the only time.
    Link(&'a str),
}

/// What came of it, above everything else.
pub(crate) fn outcome(shown: &Shown<'_>) -> Markup {
    html! {
        div id="notices" {
            @match shown {
                Shown::Nothing => {}
                Shown::Trouble(trouble) => p class="banner bad" role="alert" { (visible(trouble, 400)) "." },
                Shown::Token(token) => div class="banner" role="status" {
                    p { (t!("This is the token. It is shown this once: copy it now.")) }
                    p { code { (token) } }
                    p class="hint" { "curl -H 'Authorization: Bearer …' " code { "/api/v1/boards/overview" } }
                },
                Shown::Link(link) => div class="banner" role="status" {
                    p { (t!("Send this link to who it is for. It is shown this once, works once, and for a day.")) }
                    p { code { (link) } }
                },
            }
        }
    }
}

/// A moment in words.
pub(crate) fn moment(ms: i64) -> String {
    at(ms, &TimeZone::UTC, "%Y-%m-%d %H:%M UTC")
}

/// The page.
pub(crate) fn account(asked: &Asked, user: &User, tokens: &[Token], shown: &Shown<'_>) -> Markup {
    html! {
        (outcome(shown))
        article class="panel people" id="account" {
            div class="head" { h1 { (user.name) } span class="hint" { (text(user.role.word())) } }
            @if user.has_password {
                form method="post" action="/account/password" {
                    (guarded(asked))
                    input type="hidden" autocomplete="username" value=(user.name);
                    label { (t!("Old password")) input name="old" type="password" autocomplete="current-password" required; }
                    (passwords())
                    button class="button" { (t!("Change the password")) }
                }
            } @else if user.origin == Origin::Oidc.word() {
                p class="hint" { (t!("Who you are, and what you may do, is said by the provider that you log in with.")) }
            } @else { p class="hint" { (t!("Who you are is said by the proxy before this dashboard.")) } }
        }
        article class="panel people" id="tokens" {
            div class="head" { h2 { (t!("Tokens for programs")) } }
            (table(asked, tokens, "/account/tokens", false))
            form method="post" action="/account/tokens" class="row" {
                (guarded(asked))
                label { (t!("For")) input name="name" maxlength="100" placeholder=(t!("deploys of the shop")) required; }
                label { (t!("May")) select name="scope" { @for scope in Scope::ALL { option value=(scope) { (text(scope.word())) } } } }
                label { (t!("Days")) input name="days" type="number" min="1" max="366" value="90" required; }
                button class="button" { (t!("Make a token")) }
            }
        }
    }
}

/// Tokens, with a way to take each back.
pub(crate) fn table(asked: &Asked, tokens: &[Token], path: &str, whose: bool) -> Markup {
    html! {
        @if tokens.is_empty() { p class="hint" { (t!("There is none.")) } }
        @else {
            div class="scroll" tabindex="0" role="region" aria-label=(t!("Tokens")) { table {
                thead { tr { @if whose { th { (t!("User")) } } th { (t!("For")) } th { (t!("May")) } th { (t!("Until")) } th { (t!("Last used")) } th {} } }
                tbody { @for token in tokens { tr {
                    @if whose { td { (token.user) } }
                    td { (visible(&token.name, 100)) }
                    td { (text(&token.scope)) }
                    td { (moment(token.expires)) }
                    td { @match token.used { Some(used) => (moment(used)), None => (t!("never")) } }
                    td { form method="post" action={ (path) "/" (token.id) "/revoke" } { (guarded(asked)) button { (t!("Revoke")) } } }
                } } }
            } }
        }
    }
}
