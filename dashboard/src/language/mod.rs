//! The language that a page is written in.
//!
//! English stands in the code, where it is shown: `t!("Over time")`. A language is a catalog that has another text for it (`gettext`'s way, and its file
//! format, so that translators have their tools); what it lacks is shown in English. Which language a request is answered in belongs to
//! the request's task ([`Language::scope`]), as in Rails and Django: every text of every page depends on it, and as an argument it would be
//! one of every function. Outside of a request, and for programs, it is English.

mod catalog;
mod choice;
#[cfg(test)]
mod coverage;
mod late;
mod po;

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use maud::{Markup, PreEscaped, Render};

pub use catalog::{CatalogError, Language};
pub use choice::Languages;
pub(crate) use late::{Said, Value, age_text};
pub use po::SyntaxError;

tokio::task_local! {
    static LANGUAGE: Arc<Language>;
}

impl Language {
    /// Runs a future whose texts are in this language.
    pub(crate) fn scope<F: Future>(self: Arc<Self>, future: F) -> impl Future<Output = F::Output> {
        LANGUAGE.scope(self, future)
    }
}

/// Keeps the language of here for a future that is run elsewhere: the rest of an answer, after its beginning has left.
pub(crate) fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let language = LANGUAGE.try_with(Arc::clone);
    async move {
        match language {
            Ok(language) => language.scope(future).await,
            Err(_) => future.await,
        }
    }
}

/// Does something with the language of the request; outside of one there is none.
pub(crate) fn here<R>(with: impl FnOnce(Option<&Language>) -> R) -> R {
    // `with` is called once: the closure is given back where there is no language.
    let mut with = Some(with);
    let told = LANGUAGE.try_with(|language| with.take().map(|with| with(Some(language))));
    match (told, with) {
        (Ok(Some(result)), _) => result,
        (_, Some(with)) => with(None),
        _ => unreachable!("called once, or not at all"),
    }
}

/// What stands for an English text. A board's title is such a text too.
pub(crate) fn text(english: &str) -> Cow<'_, str> {
    here(|language| language.and_then(|l| l.get(english)).map(str::to_owned))
        .map_or(Cow::Borrowed(english), Cow::Owned)
}

/// The tag of the request's language, for a page's `lang`.
pub(crate) fn tag() -> String {
    here(|language| language.map_or_else(|| "en".to_owned(), |l| l.tag.clone()))
}

/// What stands for an English text with `{names}`, with these values in their places.
pub(crate) fn fill(english: &str, values: &[(&str, &dyn Render)]) -> Markup {
    let mut out = String::new();
    for piece in pieces(&text(english)) {
        match piece {
            Piece::Text(text) => text.render_to(&mut out),
            Piece::Name(name) => {
                if let Some((_, value)) = values.iter().find(|(n, _)| *n == name) {
                    value.render_to(&mut out);
                }
            }
        }
    }
    PreEscaped(out)
}

/// The same where only text can stand: in an attribute.
pub(crate) fn fill_plain(english: &str, values: &[(&str, &str)]) -> String {
    let text = text(english);
    let value = |name| values.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| *value);
    pieces(&text)
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Name(name) => value(name),
        })
        .collect()
}

/// A part of a text with values.
enum Piece<'a> {
    Text(&'a str),
    /// The name between braces.
    Name(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if let Some((name, behind)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            rest = behind;
            return Some(Piece::Name(name));
        }
        // A brace that nothing closes is text.
        let end = rest.char_indices().skip(1).find(|(_, c)| *c == '{').map_or(rest.len(), |(at, _)| at);
        let (text, behind) = rest.split_at(end);
        rest = behind;
        (!text.is_empty()).then_some(Piece::Text(text))
    })
}

/// A text in the language of the request; with `name = value` its `{name}` is markup.
macro_rules! t {
    ($english:literal) => { $crate::language::text($english) };
    ($english:literal, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::language::fill($english, &[$((stringify!($name), &$value as &dyn ::maud::Render)),+])
    };
}

/// A text with values for an attribute: `plain!("Values of {field}", field = name)`.
macro_rules! plain {
    ($english:literal, $($name:ident = $value:expr),+ $(,)?) => {
        $crate::language::fill_plain($english, &[$((stringify!($name), ::std::convert::AsRef::<str>::as_ref(&$value))),+])
    };
}

pub(crate) use {plain, t};

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    fn german(po: &str) -> Arc<Language> {
        Arc::new(
            Language::parse(&format!(
                "msgid \"\"\nmsgstr \"Language: de\\nLanguage-Team: Deutsch\\n\"\n\n{po}"
            ))
            .expect("a catalog"),
        )
    }

    #[tokio::test]
    async fn a_text_is_in_the_language_of_its_request_and_in_english_elsewhere() {
        let german = german("msgid \"Lines\"\nmsgstr \"Zeilen\"\n");
        assert_eq!(t!("Lines"), "Lines");
        let told = german.scope(async { (t!("Lines").into_owned(), t!("Fields").into_owned()) }).await;
        assert_eq!(told, ("Zeilen".to_owned(), "Fields".to_owned()));
    }

    #[tokio::test]
    async fn values_stand_where_the_language_wants_them_and_are_no_markup() {
        let german = german("msgid \"{shown} of {all} lines\"\nmsgstr \"von {all} <Zeilen> {shown}\"\n");
        let say = || t!("{shown} of {all} lines", shown = "<b>", all = html! { b { "9" } }).into_string();
        assert_eq!(say(), "&lt;b&gt; of <b>9</b> lines");
        assert_eq!(german.scope(async { say() }).await, "von <b>9</b> &lt;Zeilen&gt; &lt;b&gt;");
    }

    #[test]
    fn braces_that_are_no_names_are_text() {
        assert_eq!(fill_plain("a {} {x", &[]), "a  {x");
        assert_eq!(fill_plain("", &[]), "");
        assert_eq!(plain!("Values of {field}", field = "a{b}"), "Values of a{b}");
    }
}
