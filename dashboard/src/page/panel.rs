//! One panel: its content, the way to the lines behind it, and what can be taken from it.

use maud::{Markup, PreEscaped, html};

use super::legend::legend;
use super::strip::{delta, ratio};
use super::text::{at, visible};
use crate::board::Panel;
use crate::chart::sparkline::sparkline;
use crate::chart::svg::{NARROW, Size, WIDE, svg};
use crate::chart::table::table;
use crate::chart::units::count;
use crate::chart::{Drawing, Unit};
use crate::language::{plain, t, text};
use crate::range::Range;
use crate::view::context::Context;
use crate::view::picture::{Line, Nothing, Part, Pattern, Picture, Stat, Table};

/// A panel. `images` gives the signed address of its picture.
pub(crate) fn panel(
    context: &Context<'_>,
    panel: &Panel,
    content: &Part<Picture>,
    search: &str,
    images: &dyn Fn(&str) -> String,
) -> Markup {
    html! {
        article class={ "panel w" (panel.width) } id=(panel.id) data-search=(search) {
            div class="head" {
                h2 { (text(&panel.title)) }
                (menu(context, panel, content, search, images))
            }
            (self::content(context.range, panel, content))
        }
    }
}

/// What stands in the panel.
pub(crate) fn content(range: &Range, panel: &Panel, content: &Part<Picture>) -> Markup {
    match content {
        Err(failed) => html! {
            div class="empty failed" { strong { (t!("This panel has no answer.")) } span { (visible(failed, 300)) } }
        },
        Ok(Picture::Drawing(drawing)) => drawn(drawing, panel),
        Ok(Picture::Table(table)) => rows(table, range),
        Ok(Picture::Stat(stat)) => figure(stat),
        Ok(Picture::Lines(lines)) => self::lines(&lines.lines, range),
        Ok(Picture::Patterns(all)) => patterns(all, range),
        Ok(Picture::Text(text)) => markdown(text),
        Ok(Picture::Empty(why)) => empty(panel, why),
    }
}

/// For half of a desktop's width.
const BROAD: Size = Size { class: "wide", width: 640, height: 230 };
/// For more than half of it.
pub(super) const FULL: Size = Size { class: "wide", width: 900, height: 250 };

/// For a chart that stands above what it is about.
pub(super) const LOW: Size = Size { class: "wide", width: 1300, height: 150 };

fn drawn(drawing: &Drawing, panel: &Panel) -> Markup {
    let wide = match panel.width {
        ..=4 => WIDE,
        5..=7 => BROAD,
        _ => FULL,
    };
    drawn_as(drawing, &panel.id, wide)
}

/// A drawing in a size for wide screens, and in one for phones.
pub(super) fn drawn_as(drawing: &Drawing, id: &str, wide: Size) -> Markup {
    html! {
        (legend(drawing))
        div class={ "picture" @if drawing.span().is_none() { " still" } } {
            @for size in [wide, NARROW] {
                @match svg(drawing, size) {
                    Ok(svg) => (PreEscaped(svg)),
                    Err(error) => p class="empty failed" { (error.to_string()) },
                }
            }
        }
        (table(drawing, id))
    }
}

fn empty(panel: &Panel, why: &Nothing) -> Markup {
    html! {
        div class="empty" {
            @match why {
                Nothing::NoField(field) => {
                    @if panel.empty.is_empty() {
                        strong { (t!("These lines carry no {field}.", field = visible(field, 60))) }
                    } @else { strong { (text(&panel.empty)) } }
                    @if !panel.remedy.is_empty() { code class="block" { (panel.remedy) } }
                }
                Nothing::Masked(field) => { strong { (t!("The values of {field} are masked for you.", field = visible(field, 60))) } }
                Nothing::NoLines => { span { (t!("Nothing of this kind in this range.")) } }
            }
        }
    }
}

fn menu(
    context: &Context<'_>,
    panel: &Panel,
    content: &Part<Picture>,
    search: &str,
    images: &dyn Fn(&str) -> String,
) -> Markup {
    let range = context.range;
    let (from, to) = range.fixed();
    let link = |path: &str, search: Option<&str>| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &from).append_pair("to", &to);
        if !range.tz_text.is_empty() {
            query.append_pair("tz", &range.tz_text);
        }
        if let Some(compare) = context.compare {
            query.append_pair("compare", compare.address());
        }
        let search = search.map_or_else(|| context.also.to_string(), str::to_owned);
        if !search.is_empty() {
            query.append_pair("q", &search);
        }
        format!("{path}?{}", query.finish())
    };
    let (board, id) = (&context.board.id, &panel.id);
    let export = |kind: &str| link(&format!("/b/{board}/{id}.{kind}"), None);
    html! {
        details class="menu" id={ (id) "-menu" } {
            summary aria-label=(plain!("What to do with {panel}", panel = text(&panel.title))) { "⋯" }
            ul {
                @if panel.source == crate::board::Source::Logs {
                    li { a href=(link("/explore", Some(search))) { (t!("The lines behind it")) } }
                    li { a href=(link("/why", Some(search))) { (t!("Why? What differs from before")) } }
                }
                @if matches!(content, Ok(Picture::Drawing(_))) {
                    li { a href=(export("svg")) download { "SVG" } " · " a href=(export("png")) download { "PNG" } " · "
                         a href=(export("csv")) download { "CSV" } " · " a href=(export("json")) { "JSON" } }
                    li { a href=(images(id)) { (t!("Image for chat and mail")) } }
                } @else {
                    li { a href=(export("csv")) download { "CSV" } " · " a href=(export("json")) { "JSON" } }
                }
                li { a href={ (link(&format!("/b/{board}"), None)) "#" (id) } { (t!("Link to this moment")) } }
            }
        }
    }
}

fn rows(table: &Table, range: &Range) -> Markup {
    let most = table.rows.iter().filter_map(|r| r.cells.first().copied().flatten()).fold(0.0, f64::max);
    let sparklines = table.rows.iter().any(|r| !r.sparkline.is_empty());
    let (from, to) = range.fixed();
    let link = |search: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &from).append_pair("to", &to).append_pair("q", search);
        format!("/explore?{}", query.finish())
    };
    html! {
        div class="scroll flat" tabindex="0" role="region" aria-label=(plain!("Values of {field}", field = table.by)) {
            table class="rows" {
                thead { tr {
                    th scope="col" { (visible(&text(&table.by), 40)) }
                    @for (name, _) in &table.columns { th scope="col" class="num" { (visible(&text(name), 24)) } }
                    @if sparklines { th scope="col" { (t!("over time")) } }
                } }
                tbody { @for row in &table.rows { tr {
                    th scope="row" class="name" {
                        a class="path" href=(link(&row.lines)) { (visible(&row.label, 160)) }
                        @if most > 0.0 {
                            svg class="bar" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true" {
                                rect width=(format!("{:.1}", row.cells.first().copied().flatten().unwrap_or(0.0) * 100.0 / most)) height="3" {}
                            }
                        }
                    }
                    @for (cell, (_, unit)) in row.cells.iter().zip(&table.columns) {
                        td class="num" { @match cell { Some(v) => (show(*unit, *v)), None => "—" } }
                    }
                    @if sparklines { td class="spark" { (PreEscaped(sparkline(&row.sparkline, 90, 18))) } }
                } } }
            }
        }
    }
}

/// Counts are written out; everything else with its unit.
fn show(unit: Unit, value: f64) -> String {
    if unit == Unit::Count && value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        count(value as u64)
    } else {
        unit.show(value)
    }
}

fn figure(stat: &Stat) -> Markup {
    let change = match (stat.value, stat.before) {
        (Some(now), Some(before)) if stat.unit == Unit::Percent => Some((now - before, "pp")),
        (Some(now), Some(before)) => ratio(now, before).map(|r| (r, "%")),
        _ => None,
    };
    html! {
        div class="stat" {
            span class="value" { @match stat.value { Some(v) => (show(stat.unit, v)), None => "—" } }
            @if let Some((change, unit)) = change { (delta(Some(change), unit, stat.rise_is_bad, &t!("Against the period before"))) }
            (PreEscaped(sparkline(&stat.sparkline, 160, 36)))
        }
    }
}

/// Newest lines.
pub(crate) fn lines(rows: &[Line], range: &Range) -> Markup {
    html! {
        ol class="errors" tabindex="0" aria-label=(t!("Newest lines")) { @for row in rows { (line(row, range)) } }
    }
}

fn line(row: &Line, range: &Range) -> Markup {
    let label = row.status.as_ref().or(row.level.as_ref());
    let calm = label.is_some_and(|l| is_calm(l));
    html! {
        li {
            div class="facts" {
                @if let Some(ms) = row.at {
                    time datetime=(at(ms, &jiff::tz::TimeZone::UTC, "%Y-%m-%dT%H:%M:%SZ")) { (at(ms, &range.zone, "%d %b %H:%M:%S")) }
                }
                @if let Some(label) = label { span class={ "status" @if calm { " calm" } } { (visible(label, 12)) } }
                @if let Some(url) = &row.url {
                    span class="path" { @if let Some(m) = &row.method { (visible(m, 10)) " " } (visible(url, 120)) }
                }
                @if let Some(host) = &row.host { span class="host" { (visible(host, 40)) } }
            }
            code { (visible(&row.message, 600)) }
        }
    }
}

/// Whether a status or level is nothing to worry about.
pub(super) fn is_calm(label: &str) -> bool {
    label.starts_with(['1', '2', '3'])
        || matches!(&*label.to_ascii_lowercase(), "info" | "notice" | "debug" | "trace")
}

fn patterns(all: &[Pattern], range: &Range) -> Markup {
    html! {
        ol class="errors patterns" tabindex="0" aria-label=(t!("Patterns")) { @for p in all {
            li {
                div class="facts" {
                    @if p.before == 0 { span class="badge" { (t!("new")) } }
                    span class="count" { (count(p.count)) " ×" }
                    @if p.before > 0 { span class="was" { (t!("before {n} ×", n = count(p.before))) } }
                    @if let Some(first) = p.first { time { (t!("since {time}", time = at(first, &range.zone, "%d %b %H:%M:%S"))) } }
                }
                code { (visible(&p.text, 400)) }
            }
        } }
    }
}

/// A board's own text. Raw HTML in it is text, and links go to http, https and this server only.
fn markdown(text: &str) -> Markup {
    use pulldown_cmark::{Event, Options, Parser, Tag, html::push_html};
    let safe = |url: &str| {
        url.starts_with("https://")
            || url.starts_with("http://")
            || (url.starts_with('/') && !url.starts_with("//"))
    };
    let events =
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).map(
            |event| match event {
                Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
                Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                    let dest_url = if safe(&dest_url) { dest_url } else { "#".into() };
                    Event::Start(Tag::Link { link_type, dest_url, title, id })
                }
                // A picture from elsewhere would tell that server who looks; the policy forbids it anyway.
                Event::Start(Tag::Image { .. }) => Event::Text("".into()),
                Event::End(pulldown_cmark::TagEnd::Image) => Event::Text("".into()),
                event => event,
            },
        );
    let mut out = String::new();
    push_html(&mut out, events);
    html! { div class="markdown" { (PreEscaped(out)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boards_text_brings_no_markup_of_its_own() {
        let html =
            markdown("**b** <script>x</script> [a](javascript:alert) [b](https://x) ![p](http://y/z.png)")
                .into_string();
        assert!(
            html.contains("<strong>b</strong>")
                && html.contains("&lt;script&gt;")
                && html.contains("https://x"),
            "{html}"
        );
        assert!(
            !html.contains("javascript") && !html.contains("<img") && !html.contains("<script"),
            "{html}"
        );
    }
}
