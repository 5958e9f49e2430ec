//! Pages for when there is no picture: they say what is wrong and what to do.

use maud::{Markup, html};

use super::text::visible;
use crate::error::BackendError;
use crate::language::t;
use crate::range::RangeError;

/// The address holds a range that cannot be understood.
pub(crate) fn bad_range(error: &RangeError) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This time range cannot be shown")) }
            p { (visible(&error.to_string(), 600)) }
            p { a class="button" href="/" { (t!("Show the last hour")) } }
        }
    }
}

/// The address holds a search that cannot be understood; `caret` shows where.
pub(crate) fn bad_search(error: &str, caret: &str) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This search cannot be understood")) }
            pre class="caret" { (visible_lines(caret)) }
            p { (visible(error, 600)) }
            p { a class="button" href="/" { (t!("To the overview")) } }
        }
    }
}

/// The address holds something else that cannot be understood.
pub(crate) fn bad_address(error: &str) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This address cannot be understood")) }
            p { (visible(error, 600)) "." }
            p { a class="button" href="/explore" { (t!("To the explorer")) } }
        }
    }
}

/// Text of several lines, with what is hidden in each made visible.
pub(super) fn visible_lines(text: &str) -> Markup {
    html! { @for line in text.lines() { (visible(line, 4200)) "\n" } }
}

/// The backend gave nothing, and there is no earlier picture to show.
pub(crate) fn no_backend(error: &BackendError) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("No picture: the store does not answer")) }
            p { (visible(&error.to_string(), 600)) "." }
            p class="hint" { (t!("This page asks again by itself; reload it to ask now.")) }
        }
    }
}

/// There is no such page.
pub(crate) fn not_found() -> Markup {
    html! {
        section class="message" {
            h1 { (t!("There is no such page")) }
            p { a class="button" href="/" { (t!("To the overview")) } }
        }
    }
}

/// It was understood, and it is not for this visitor.
pub(crate) fn refused(reason: &str) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("This is not for you to see")) }
            p { (visible(reason, 600)) "." }
            p { a class="button" href="/" { (t!("To the overview")) } }
        }
    }
}

/// The file of people gives no answer.
pub(crate) fn no_people(reason: &str) -> Markup {
    html! {
        section class="message" {
            h1 { (t!("Nobody can be let in at the moment")) }
            p { (visible(reason, 600)) "." }
        }
    }
}
