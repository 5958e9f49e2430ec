//! What every page has: head, time range, theme.

use std::sync::Arc;

use alces_people::Right;
use maud::{DOCTYPE, Markup, html};

use crate::access::{Way, Who};
use crate::board::Shelf;
use crate::config::Config;
use crate::language::{t, tag, text};
use crate::range::{PRESETS, Range};

/// Texts of `assets/*.js`.
pub(crate) const SCRIPT_TEXTS: [&str; 13] = [
    "Not updated: the store does not answer.",
    "Not updated: the dashboard does not answer.",
    "Zoom in",
    "The lines",
    "Why?",
    "The dashboard does not answer.",
    "What could stand here",
    "Waiting for lines …",
    "Paused: {n} lines wait, {left} older ones are left out.",
    "Paused: {n} lines wait.",
    "Showing 1 of {n}: {matched} lines a second are like that.",
    "{matched} lines a second are like that, of {passed} that pass. All are shown.",
    "The stream was broken off; it is asked for again.",
];

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in cookie and address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|t| t.word() == word).unwrap_or(Self::Auto)
    }
}

/// What the visitor asked, as it stands in the address: put back into links and forms.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Who asks.
    pub(crate) who: Arc<Who>,
    /// The page without its query: `/`, `/b/nginx`, `/lines`.
    pub(crate) path: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) tz: String,
    pub(crate) compare: String,
    /// The search.
    pub(crate) q: String,
    /// What only the explorer's pages have in their address: columns, order, view.
    pub(crate) also: Vec<(&'static str, String)>,
    pub(crate) theme: Theme,
}

impl Asked {
    /// An address with what was asked, but for what is given.
    pub(crate) fn link(&self, path: &str, but: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let kept: Vec<(&str, &str)> =
            self.own().into_iter().chain(self.also().filter(|_| path.starts_with("/explore"))).collect();
        for (name, value) in &kept {
            let value = but.iter().find(|(n, _)| n == name).map_or(*value, |(_, v)| v);
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        for (name, value) in but.iter().filter(|(n, v)| !v.is_empty() && kept.iter().all(|(k, _)| k != n)) {
            query.append_pair(name, value);
        }
        format!("{path}?{}", query.finish())
    }

    /// A page's own address, asked by anybody.
    #[cfg(test)]
    pub(crate) fn of_test(path: &str) -> Self {
        let config = Config::new("http://127.0.0.1:9200".parse().expect("a URL"));
        let access = crate::access::Access::new(&config, b"test");
        let who = Arc::new(access.bearer_of(Arc::clone(&access.everything)));
        let none = String::new;
        let (from, to, tz, compare, q) = (none(), none(), none(), none(), none());
        Self { who, path: path.into(), from, to, tz, compare, q, also: Vec::new(), theme: Theme::Auto }
    }

    /// What every page has in its address.
    fn own(&self) -> [(&'static str, &str); 5] {
        [("from", &self.from), ("to", &self.to), ("tz", &self.tz), ("compare", &self.compare), ("q", &self.q)]
    }

    fn also(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.also.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// All that stands in this page's address, but for one name: what a form on it must send along.
    fn others(&self, but: &str) -> Vec<(&'static str, &str)> {
        self.own().into_iter().chain(self.also()).filter(|(n, v)| *n != but && !v.is_empty()).collect()
    }

    /// This page's address as it was asked.
    pub(crate) fn here(&self) -> String {
        self.link(&self.path, &[])
    }
}

/// What stands around a page.
pub(crate) struct Frame<'a> {
    pub(crate) config: &'a Config,
    pub(crate) shelf: &'a Shelf,
    pub(crate) asked: &'a Asked,
    /// The page's own name.
    pub(crate) title: &'a str,
    /// Without a range (a page about an error) there is nothing to refresh.
    pub(crate) range: Option<&'a Range>,
}

/// A whole page around `main`.
pub(crate) fn page(frame: &Frame<'_>, main: &Markup) -> Markup {
    let (config, asked) = (frame.config, frame.asked);
    let refresh = frame.range.filter(|r| r.is_live()).map_or(0, |_| config.refresh_seconds);
    html! {
        (DOCTYPE)
        html lang=(tag()) data-theme=[(asked.theme != Theme::Auto).then_some(asked.theme.word())] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · " (config.title) }
                link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href={ "/static/alces.css?" (crate::assets::tag()) };
            }
            body data-refresh=(refresh) data-texts=[script_texts()] {
                a class="skip" href="#board" { (t!("Skip to the panels")) }
                header {
                    a class="brand" href="/" { (logo()) span { (config.title) } }
                    (boards(frame))
                    (search(asked))
                    (ranges(asked))
                    (comparisons(asked))
                    (themes(asked))
                    (languages(config, Some(&asked.here())))
                    (visitor(asked))
                }
                main id="board" tabindex="-1" { (main) }
                // Here, so that they are fetched after the header was painted.
                script src={ "/static/alces.js?" (crate::assets::tag()) } defer {}
                script src={ "/static/explore.js?" (crate::assets::tag()) } defer {}
            }
        }
    }
}

/// A page for who is nobody yet: without boards, whose names are not for everybody.
pub(crate) fn bare(config: &Config, theme: Theme, title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(tag()) data-theme=[(theme != Theme::Auto).then_some(theme.word())] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (config.title) }
                link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href={ "/static/alces.css?" (crate::assets::tag()) };
            }
            body {
                header {
                    a class="brand" href="/" { (logo()) span { (config.title) } }
                    (languages(config, None))
                }
                main { (main) }
            }
        }
    }
}

/// What every form that is posted carries, so that no other site can send it.
pub(crate) fn guarded(asked: &Asked) -> Markup {
    html! { @if !asked.who.form.is_empty() { input type="hidden" name="csrf" value=(asked.who.form); } }
}

/// Who is logged in, and the way out.
fn visitor(asked: &Asked) -> Markup {
    let who = &asked.who;
    html! {
        @if let Some(user) = &who.user {
            nav class="visitor" aria-label=(t!("Account")) {
                a href="/account" { (user.name) }
                @if who.may(Right::Admin) { a href="/people" { (t!("People")) } }
                @if who.way == Way::Session {
                    form method="post" action="/logout" { (guarded(asked)) button { (t!("Log out")) } }
                }
            }
        }
    }
}

fn boards(frame: &Frame<'_>) -> Markup {
    let asked = frame.asked;
    let here = |id: &str| asked.path == format!("/b/{id}") || (asked.path == "/" && id == "overview");
    html! {
        nav class="boards" aria-label=(t!("Boards")) {
            @for board in frame.shelf.all() {
                a href=(asked.link(&format!("/b/{}", board.id), &[])) aria-current=[here(&board.id).then_some("page")] { (text(&board.title)) }
            }
            a href=(asked.link("/explore", &[])) aria-current=[asked.path.starts_with("/explore").then_some("page")] { (t!("Explore")) }
            @if frame.config.alerts.is_some() { a href="/alerts" aria-current=[asked.path.starts_with("/alerts").then_some("page")] { (t!("Alerts")) } }
        }
    }
}

fn search(asked: &Asked) -> Markup {
    html! {
        form class="search" action=(asked.path) method="get" role="search" {
            @for (name, value) in asked.others("q") { input type="hidden" name=(name) value=(value); }
            input id="q" name="q" type="search" value=(asked.q) placeholder="status:5xx host:web-1 -url:/health" aria-label=(t!("Search"))
                autocomplete="off" autocapitalize="off" spellcheck="false";
        }
    }
}

fn comparisons(asked: &Asked) -> Markup {
    html! {
        nav class="segments compare" aria-label=(t!("Compare with")) {
            @for (word, label) in [("", t!("Now")), ("1d", t!("1 day ago")), ("1w", t!("1 week ago"))] {
                a href=(asked.link(&asked.path, &[("compare", word)])) aria-current=[(asked.compare == word).then_some("true")] { (label) }
            }
        }
    }
}

fn ranges(asked: &Asked) -> Markup {
    let chosen = PRESETS.iter().find(|(_, f, t)| *f == asked.from && *t == asked.to);
    html! {
        nav class="ranges" aria-label=(t!("Time range")) {
            div class="segments" {
                @for (label, from, to) in PRESETS {
                    a href=(asked.link(&asked.path, &[("from", from), ("to", to)])) aria-current=[chosen.filter(|c| c.0 == label).map(|_| "true")] { (text(label)) }
                }
            }
            details id="custom" class="custom" {
                summary { @if chosen.is_some() { (t!("Custom")) } @else { (short(asked, &asked.from)) " – " (short(asked, &asked.to)) } }
                form action=(asked.path) method="get" {
                    label { (t!("From")) input name="from" value=(asked.from) autocomplete="off" spellcheck="false"; }
                    label { (t!("To")) input name="to" value=(asked.to) autocomplete="off" spellcheck="false"; }
                    label { (t!("Time zone")) input name="tz" value=(asked.tz) placeholder="UTC" autocomplete="off" spellcheck="false"; }
                    @for (name, value) in asked.others("from").into_iter().filter(|(n, _)| !matches!(*n, "to" | "tz")) {
                        input type="hidden" name=(name) value=(value);
                    }
                    button { (t!("Show")) }
                    p class="hint" { (t!("now-15m, now/d, 2026-11-23 10:00, 2026-11-23T10:00:00Z, or milliseconds since 1970")) }
                }
            }
        }
    }
}

/// A time as the address has it; milliseconds as people read them.
fn short(asked: &Asked, text: &str) -> String {
    let zone = jiff::tz::TimeZone::get(&asked.tz).unwrap_or(jiff::tz::TimeZone::UTC);
    match text.parse::<i64>() {
        Ok(ms) => super::text::at(ms, &zone, "%-d %b %H:%M:%S"),
        Err(_) => text.chars().take(20).collect(),
    }
}

fn themes(asked: &Asked) -> Markup {
    html! {
        form class="segments themes" action="/theme" method="get" aria-label=(t!("Colours")) {
            input type="hidden" name="back" value=(asked.here());
            @for (theme, label) in Theme::ALL.into_iter().zip([t!("Auto"), t!("Light"), t!("Dark")]) {
                button name="to" value=(theme.word()) aria-pressed=(asked.theme == theme) { (label) }
            }
        }
    }
}

/// The languages by their own names: who cannot read the page can read that. Without `back` it is gone back to where the browser says that it was.
fn languages(config: &Config, back: Option<&str>) -> Markup {
    let here = tag();
    html! {
        form class="segments languages" action="/language" method="get" aria-label=(t!("Language")) {
            @if let Some(back) = back { input type="hidden" name="back" value=(back); }
            @for language in config.languages.all() {
                button name="to" value=(language.tag) lang=(language.tag) aria-pressed=(language.tag == here) { (language.name) }
            }
        }
    }
}

/// What the scripts say, in this language.
fn script_texts() -> Option<String> {
    let texts: serde_json::Map<String, serde_json::Value> = SCRIPT_TEXTS
        .iter()
        .filter_map(|english| match text(english) {
            std::borrow::Cow::Owned(other) => Some(((*english).to_owned(), other.into())),
            std::borrow::Cow::Borrowed(_) => None,
        })
        .collect();
    (!texts.is_empty()).then(|| serde_json::Value::Object(texts).to_string())
}

/// Antlers, more or less.
fn logo() -> Markup {
    html! {
        svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"
                d="M12 21v-5M12 16C7 16 3 13 3 4m9 12c5 0 9-3 9-12M5.2 10.5 8.5 9V4m10.3 6.5L15.500 9V4" {}
        }
    }
}
