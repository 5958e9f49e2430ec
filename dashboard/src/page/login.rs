//! The pages that let somebody in.

use alces_people::{Invitation, SHORTEST};
use maud::{Markup, html};

use super::text::visible;

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
            h1 { "Log in" }
            (banner(trouble))
            (above)
            form method="post" action="/login" {
                input type="hidden" name="csrf" value=(token);
                input type="hidden" name="next" value=(next);
                label { "Name" input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus; }
                label { "Password" input name="password" type="password" autocomplete="current-password" required; }
                button class="button" { "Log in" }
            }
            (beside)
        }
    }
}

/// What is behind a one-time link.
pub(crate) fn invitation(token: &str, invitation: &Invitation, trouble: Option<&str>) -> Markup {
    html! {
        section class="message people" {
            h1 { @if invitation.user.is_some() { "Choose another password" } @else { "Welcome" } }
            (banner(trouble))
            @if invitation.user.is_none() { p { "You are invited as " strong { (invitation.role) } "." } }
            form method="post" {
                input type="hidden" name="csrf" value=(token);
                @match &invitation.user {
                    Some(user) => label { "Name" input value=(user.name) autocomplete="username" readonly; },
                    None => label { "Name" input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus; },
                }
                (passwords())
                button class="button" { "Save" }
            }
        }
    }
}

/// A new password, twice.
pub(crate) fn passwords() -> Markup {
    html! {
        label { "Password" input name="password" type="password" autocomplete="new-password" minlength=(SHORTEST) required; }
        label { "Again" input name="again" type="password" autocomplete="new-password" minlength=(SHORTEST) required; }
        p class="hint" { "At least " (SHORTEST) " characters, of any kind. Four words in a row are easy to keep in mind." }
    }
}

/// A link that leads nowhere.
pub(crate) fn no_link(reason: &str) -> Markup {
    html! {
        section class="message" {
            h1 { "This link leads nowhere" }
            p { (visible(reason, 400)) "." }
            p { a class="button" href="/login" { "Log in" } }
        }
    }
}
