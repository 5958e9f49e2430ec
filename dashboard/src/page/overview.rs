//! The first page: is it us, and since when?

use maud::{Markup, PreEscaped, html};

use super::charts;
use super::text::{at, visible};
use crate::chart::svg::{NARROW, WIDE, svg};
use crate::chart::table::table;
use crate::chart::units::{count, number};
use crate::chart::{ChartSpec, Drawing, Kind, Unit};
use crate::overview::Overview;
use crate::overview::model::{ErrorLine, Hosts, Part, Totals, UrlRow};
use crate::overview::verdict::{State, age_text};
use crate::range::Range;

/// A banner above an old picture: how old (milliseconds), and why there is no newer one.
pub(crate) struct Stale {
    pub(crate) age: i64,
    pub(crate) reason: String,
}

/// The whole board.
pub(crate) fn board(overview: &Overview, range: &Range, stale: Option<&Stale>) -> Markup {
    html! {
        div id="notices" {
            @if let Some(stale) = stale {
                p class="banner bad" role="alert" {
                    strong { "This picture is " (age_text(stale.age)) " old. " } (visible(&stale.reason, 600)) "."
                }
            }
            @for note in &overview.notes { p class="banner" { (note) } }
        }
        (verdict(overview, range))
        section class="grid three" aria-label="Traffic" {
            (chart("requests", &charts::requests(overview, range), &html! { "No requests in this range." }, &overview.totals))
            (chart("errors", &charts::error_rate(overview, range), &html! { "No requests in this range, so no rate." }, &overview.totals))
            (chart("latency", &charts::latency(overview, range), &no_latency(overview), &overview.totals))
        }
        section class="grid two" aria-label="Details" {
            (top_urls(overview))
            (newest_errors(&overview.newest_errors, range))
        }
        (hosts(&overview.hosts, range))
        footer {
            p {
                "Times in " b { (range.zone_name()) } " · "
                (at(range.from, &range.zone, "%Y-%m-%d %H:%M:%S")) " – " (at(range.to, &range.zone, "%Y-%m-%d %H:%M:%S"))
                " · buckets of " (age_text(range.step()))
            }
            p id="updated" aria-live="off" {
                "Updated " time { (at(overview.range.asked_at, &range.zone, "%H:%M:%S")) } " " (range.zone_name())
                " · answered in " (overview.took_ms) " ms"
            }
        }
    }
}

fn verdict(overview: &Overview, range: &Range) -> Markup {
    let (class, icon) = match overview.verdict.state {
        State::Ok => ("ok", "✓"),
        State::Degraded => ("bad", "▲"),
        State::NoData => ("none", "○"),
        State::Unknown => ("none", "?"),
    };
    let word = overview.verdict.state.word();
    html! {
        section id="verdict" class="verdict" aria-label="Verdict" {
            div class={ "word " (class) } {
                span class="state" { span class="icon" aria-hidden="true" { (icon) } (word) }
                @for reason in &overview.verdict.reasons { span class="why" { (reason) } }
                @if overview.verdict.reasons.is_empty() { span class="why" { "Errors, latency and arrival of lines are within their limits." } }
            }
            @if let Some(totals) = overview.totals.known() {
                (tiles(overview, totals, range))
            }
        }
    }
}

fn tiles(overview: &Overview, now: &Totals, range: &Range) -> Markup {
    // A period with next to no traffic (before the first day, a night) is nothing to compare with.
    let before = overview.previous.known().filter(|p| p.requests > 0 && p.requests * 20 >= now.requests);
    let seconds = (range.to.min(range.now) - range.from).max(1) as f64 / 1000.0;
    let percent = |share: Option<f64>| share.map_or_else(|| "—".into(), |s| Unit::Percent.show(s * 100.0));
    let ms = |value: Option<f64>| value.map_or_else(|| "—".into(), |v| Unit::Millis.show(v));
    let points = |pick: fn(&Totals) -> Option<f64>| Some((pick(now)? - pick(before?)?) * 100.0);
    let p95 = |t: &Totals| t.latency.map(|l| l.p95);
    let ratio = |now: f64, before: f64| (before > 0.0).then(|| (now / before - 1.0) * 100.0);
    let requests_delta = before.and_then(|b| ratio(now.requests as f64, b.requests as f64));
    let p95_delta = p95(now).zip(before.and_then(p95)).and_then(|(n, b)| ratio(n, b));
    html! {
        dl class="tiles" {
            @if overview.verdict.state == State::NoData && overview.lines.known().is_some_and(|l| l.total == 0) {
                // Nothing arrived: that is not the same as nobody asking for anything.
                (tile("Requests", "—", &html! { "no data" }))
            } @else {
                (tile("Requests", &count(now.requests), &html! {
                    (Unit::RequestsPerSecond.show(now.requests as f64 / seconds)) (delta(requests_delta, "%", false)) }))
            }
            (tile("5xx rate", &percent(now.error_rate_5xx), &html! {
                (count(now.by_class.c5)) " total" (delta(points(|t| t.error_rate_5xx), "pp", true)) }))
            (tile("4xx rate", &percent(now.error_rate_4xx), &html! {
                (count(now.by_class.c4)) " total" (delta(points(|t| t.error_rate_4xx), "pp", true)) }))
            (tile("p95 latency", &ms(p95(now)), &html! {
                @match now.latency { Some(l) => { "p50 " (Unit::Millis.show(l.p50)) }, None if now.requests == 0 => "no data", None => "not in these lines" }
                (delta(p95_delta, "%", true)) }))
            @if let Some(lines) = overview.lines.known() {
                (tile("Unparsed lines", &count(lines.unparsed), &html! { "of " (count(lines.total)) " lines" }))
            }
        }
    }
}

fn tile(name: &str, value: &str, below: &Markup) -> Markup {
    html! { div { dt { (name) } dd { span class="value" { (value) } span class="below" { (below) } } } }
}

/// The change against the period before. A rise of something bad is marked by more than colour: by its arrow.
fn delta(change: Option<f64>, unit: &str, rise_is_bad: bool) -> Markup {
    let Some(change) = change else { return html! {} };
    let calm = change.abs() < if unit == "pp" { 0.005 } else { 0.5 };
    let class = match (calm, rise_is_bad, change > 0.0) {
        (true, ..) | (_, false, _) => "delta",
        (_, _, true) => "delta worse",
        (_, _, false) => "delta better",
    };
    html! {
        span class=(class) title="Against the period of the same length just before" {
            @if calm { "= as before" } @else {
                @if change > 0.0 { "↑ " } @else { "↓ " }
                (number(change.abs())) " " (unit)
            }
        }
    }
}

fn no_latency(overview: &Overview) -> Markup {
    if overview.totals.known().is_none_or(|t| t.requests == 0) {
        return html! { "No requests in this range." };
    }
    html! {
        strong { "These lines carry no request time." }
        span { "Add " code { "$request_time" } " to Nginx’s log_format, and reload Nginx:" }
        code class="block" { "log_format timed '… \"$http_user_agent\" rt=$request_time urt=\"$upstream_response_time\"';" }
    }
}

/// One panel with a chart, or with words where there is nothing to draw.
fn chart<T>(id: &str, spec: &ChartSpec, empty: &Markup, source: &Part<T>) -> Markup {
    let drawing = Drawing::Time(spec.clone());
    let nothing = spec.series.iter().all(crate::chart::Series::is_empty);
    html! {
        article class="panel" id=(id) {
            h2 { (spec.title) }
            @if let Part::Failed { failed } = source {
                div class="empty failed" { strong { "This panel has no answer." } span { (visible(failed, 300)) } }
            } @else if nothing {
                div class="empty" { (empty) }
            } @else {
                (legend(spec))
                div class="picture" {
                    @for size in [WIDE, NARROW] {
                        @match svg(&drawing, size) {
                            Ok(svg) => (PreEscaped(svg)),
                            Err(error) => p class="empty failed" { (error.to_string()) },
                        }
                    }
                }
                (table(&drawing, id))
            }
        }
    }
}

fn legend(spec: &ChartSpec) -> Markup {
    html! {
        ul class="legend" {
            @for series in &spec.series {
                li {
                    svg class="key" viewBox="0 0 20 10" width="20" height="10" aria-hidden="true" {
                        @if spec.kind == Kind::Stacked {
                            rect x="4" y="0" width="10" height="10" rx="2" fill=(series.paint.hex()) {}
                        } @else {
                            line x1="0" y1="5" x2="20" y2="5" stroke-width="2.500" stroke=(series.paint.hex())
                                stroke-dasharray=[series.dash.array()] {}
                        }
                    }
                    span class="name" { (visible(&series.name, 24)) }
                    // The axis says req/s; four times the unit would only break the line.
                    @let bare = spec.unit == Unit::RequestsPerSecond;
                    span class="last" {
                        @match series.last() { Some(v) if bare => (number(v)), Some(v) => (spec.unit.show(v)), None => "—" }
                    }
                }
            }
        }
    }
}

fn top_urls(overview: &Overview) -> Markup {
    let total = overview.totals.known().map_or(0, |t| t.requests).max(1);
    html! {
        article class="panel" id="urls" {
            h2 { "Top URLs" }
            @match &overview.top_urls {
                Part::Failed { failed } => div class="empty failed" { strong { "This panel has no answer." } span { (visible(failed, 300)) } },
                Part::Known(rows) if rows.is_empty() => div class="empty" { "No requests in this range." },
                Part::Known(rows) => (url_table(rows, total)),
            }
        }
    }
}

fn url_table(rows: &[UrlRow], total: u64) -> Markup {
    let most = rows.iter().map(|r| r.requests).max().unwrap_or(1).max(1);
    let timed = rows.iter().any(|r| r.p95.is_some());
    html! {
        div class="scroll flat" {
            table class="urls" {
                thead { tr {
                    th scope="col" { "URL" }
                    th scope="col" class="num" { "Requests" }
                    th scope="col" class="num" { "Share" }
                    th scope="col" class="num" { "5xx" }
                    @if timed { th scope="col" class="num" { "p95" } }
                } }
                tbody { @for row in rows { tr {
                    th scope="row" class="url" {
                        span class="path" { (visible(&row.url, 160)) }
                        svg class="bar" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true" {
                            rect width=(format!("{:.1}", row.requests as f64 * 100.0 / most as f64)) height="3" {}
                        }
                    }
                    td class="num" { (count(row.requests)) }
                    td class="num" { (Unit::Percent.show(row.requests as f64 * 100.0 / total as f64)) }
                    td class={ "num" @if row.errors_5xx > 0 { " worse" } } { (count(row.errors_5xx)) }
                    @if timed { td class="num" { @match row.p95 { Some(v) => (Unit::Millis.show(v)), None => "—" } } }
                } } }
            }
        }
    }
}

fn newest_errors(part: &Part<Vec<ErrorLine>>, range: &Range) -> Markup {
    html! {
        article class="panel" id="newest" {
            h2 { "Newest errors" }
            @match part {
                Part::Failed { failed } => div class="empty failed" { strong { "This panel has no answer." } span { (visible(failed, 300)) } },
                Part::Known(rows) if rows.is_empty() => div class="empty" { "No line with a 5xx status or an error level in this range." },
                Part::Known(rows) => ol class="errors" tabindex="0" aria-label="Newest error lines" { @for row in rows { (error_line(row, range)) } },
            }
        }
    }
}

fn error_line(row: &ErrorLine, range: &Range) -> Markup {
    let label = row.status.as_ref().or(row.level.as_ref());
    html! {
        li {
            div class="facts" {
                @if let Some(ms) = row.at {
                    time datetime=(at(ms, &jiff::tz::TimeZone::UTC, "%Y-%m-%dT%H:%M:%SZ")) { (at(ms, &range.zone, "%d %b %H:%M:%S")) }
                }
                @if let Some(label) = label { span class="status" { (visible(label, 12)) } }
                @if let Some(url) = &row.url {
                    span class="path" { @if let Some(m) = &row.method { (visible(m, 10)) " " } (visible(url, 120)) }
                }
                @if let Some(host) = &row.host { span class="host" { (visible(host, 40)) } }
            }
            code { (visible(&row.message, 600)) }
        }
    }
}

fn hosts(part: &Part<Hosts>, range: &Range) -> Markup {
    let none = html! {
        span { "No CPU, memory, disk or network figures in this range. " code { "alces agent" } " sends them from each host." }
    };
    let shown = part.known().map_or(&[][..], |h| &h.shown);
    html! {
        section class="grid four" id="hosts" aria-label="Hosts" {
            @if shown.is_empty() && part.known().is_some() {
                article class="panel" id="no-hosts" { h2 { "Hosts" } div class="empty low" { (none) } }
            } @else { @for (id, spec) in charts::hosts(shown, range) { (chart(id, &spec, &none, part)) } }
        }
        @if part.known().is_some_and(|h| h.more) {
            p class="hint" { "The " (shown.len()) " hosts with the highest CPU use are shown; there are more." }
        }
    }
}
