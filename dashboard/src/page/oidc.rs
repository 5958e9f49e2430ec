//! What stands beside name and password where a provider lets people in.

use maud::{Markup, html};

use super::text::visible;
use crate::language::t;

/// The address at which the way to the provider begins.
fn way(next: &str) -> String {
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/login/oidc?next={next}")
}

/// The way in. A link and no form: a form may lead to this server only.
pub(crate) fn way_in(name: &str, next: &str) -> Markup {
    html! { p { a class="button" href=(way(next)) { (t!("Log in with {provider}", provider = visible(name, 60))) } } }
}

/// After a log-out here, which ends nothing at the provider.
pub(crate) fn left(name: &str, way_out: Option<&str>) -> Markup {
    html! {
        p role="status" {
            (t!("You are logged out here. At {provider} you may be logged in still.", provider = visible(name, 60)))
            @if let Some(address) = way_out { " " a href=(address) { (t!("Log out there too")) } }
        }
    }
}

/// Why nobody came in, and how to go on.
pub(crate) fn refused(name: &str, next: &str, reason: &str, home: Option<&str>) -> Markup {
    let login: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    html! {
        section class="message people" {
            h1 { (t!("Not logged in")) }
            p class="banner bad" role="alert" { (visible(reason, 400)) "." }
            (way_in(name, next))
            p { a href={ "/login?next=" (login) } { (t!("By name and password")) } }
            @if let Some(home) = home { p class="hint" { (t!("The login ends only at {address}, with cookies.", address = html! { a href=(home) { (visible(home, 200)) } })) } }
        }
    }
}
