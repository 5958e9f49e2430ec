//! The pages that let somebody in.

use alces_people::{Invitation, SHORTEST};
use maud::{Markup, html};

use super::text::visible;
use crate::language::{t, text};

fn banner(trouble: Option<&str>) -> Markup {
    html! { @if let Some(trouble) = trouble { p class="banner bad" role="alert" { (visible(trouble, 400)) "." } } }
}

/// Name and password; `above` and `beside` are what a provider adds.
pub(crate) fn login(
    token: &str,
    next: &str,
    trouble: Option<&str>,
    above: &Markup,
    beside: &Markup,
) -> Markup {
    html! {
        section class="message people" {
            h1 { (t!("Log in")) }
            (banner(trouble))
            (above)
            form method="post" action="/login" {
                input type="hidden" name="csrf" value=(token);
                input type="hidden" name="next" value=(next);
                label { (t!("Name")) input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus; }
                label { (t!("Password")) input name="password" type="password" autocomplete="current-password" required; }
                button class="button" { (t!("Log in")) }
            }
            (beside)
        }
    }
}

/// What is behind a one-time link.
pub(crate) fn invitation(token: &str, invitation: &Invitation, trouble: Option<&str>) -> Markup {
    html! {
        section class="message people" {
            h1 { @if invitation.user.is_some() { (t!("Choose another password")) } @else { (t!("Welcome")) } }
            (banner(trouble))
            @if invitation.user.is_none() { p { (t!("You are invited as {role}.", role = html! { strong { (text(invitation.role.word())) } })) } }
            form method="post" {
                input type="hidden" name="csrf" value=(token);
                @match &invitation.user {
                    Some(user) => label { (t!("Name")) input value=(user.name) autocomplete="username" readonly; },
                    None => label { (t!("Name")) input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus; },
                }
                (passwords())
                button class="button" { (t!("Save")) }
            }
        }
    }
}

/// A new password, twice.
pub(crate) fn passwords() -> Markup {
    html! {
        label { (t!("Password")) input name="password" type="password" autocomplete="new-password" minlength=(SHORTEST) required; }
        label { (t!("Again")) input name="again" type="password" autocomplete="new-password" minlength=(SHORTEST) required; }
        p class="hint" { (t!("At least {n} characters, of any kind. Four words in a row are easy to keep in mind.", n = SHORTEST)) }
    }
}

/// A link that leads nowhere.
pub(crate) fn no_link(reason: &str) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This link leads nowhere")) }
            p { (visible(reason, 400)) "." }
            p { a class="button" href="/login" { (t!("Log in")) } }
        }
    }
}
