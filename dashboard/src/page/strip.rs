//! The strip on top: one word, why, and the figures that it rests on.

use maud::{Markup, html};

use super::board::Stale;
use crate::chart::Unit;
use crate::chart::units::{count, number};
use crate::language::{plain, t, text};
use crate::range::{Compare, Range};
use crate::verdict::State;
use crate::verdict::totals::Totals;
use crate::view::Strip;

pub(super) fn strip(strip: &Strip, range: &Range, compare: Option<Compare>, stale: Option<&Stale>) -> Markup {
    let verdict = match stale {
        Some(stale) => &strip.verdict.grown_old(stale.age),
        None => &strip.verdict,
    };
    let (class, icon) = match verdict.state {
        State::Ok => ("ok", "✓"),
        State::Degraded => ("bad", "▲"),
        State::NoData => ("none", "○"),
        State::Unknown => ("none", "?"),
    };
    html! {
        section id="verdict" class="verdict" aria-label=(t!("Verdict")) {
            div class={ "word " (class) } {
                span class="state" { span class="icon" aria-hidden="true" { (icon) } (text(verdict.state.word())) }
                @for reason in &verdict.reasons { span class="why" { (reason) } }
                @if verdict.reasons.is_empty() { span class="why" { (t!("Errors, latency and arrival of lines are within their limits.")) } }
            }
            @if let Ok(totals) = &strip.now { (tiles(strip, totals, range, compare)) }
        }
    }
}

fn tiles(strip: &Strip, now: &Totals, range: &Range, compare: Option<Compare>) -> Markup {
    // A period with next to no traffic (before the first day, a night) is nothing to compare with.
    let before = strip.before.as_ref().ok().filter(|p| p.requests > 0 && p.requests * 20 >= now.requests);
    let seconds = (range.to.min(range.now) - range.from).max(1) as f64 / 1000.0;
    let percent = |share: Option<f64>| share.map_or_else(|| "—".into(), |s| Unit::Percent.show(s * 100.0));
    let ms = |value: Option<f64>| value.map_or_else(|| "—".into(), |v| Unit::Millis.show(v));
    let points = |pick: fn(&Totals) -> Option<f64>| Some((pick(now)? - pick(before?)?) * 100.0);
    let p95 = |t: &Totals| t.latency.map(|l| l.p95);
    let requests_delta = before.and_then(|b| ratio(now.requests as f64, b.requests as f64));
    let p95_delta = p95(now).zip(before.and_then(p95)).and_then(|(n, b)| ratio(n, b));
    let against = compare.map_or_else(
        || t!("Against the period of the same length just before").into_owned(),
        |c| plain!("Against the same time {distance} before", distance = text(c.word())),
    );
    let delta = |change, unit, bad| delta(change, unit, bad, &against);
    html! {
        dl class="tiles" {
            @if strip.verdict.state == State::NoData && strip.lines.as_ref().is_ok_and(|l| l.total == 0) {
                // Nothing arrived: that is not the same as nobody asking for anything.
                (tile(&t!("Requests"), "—", &html! { (t!("no data")) }))
            } @else {
                (tile(&t!("Requests"), &count(now.requests), &html! {
                    (Unit::RequestsPerSecond.show(now.requests as f64 / seconds)) (delta(requests_delta, "%", false)) }))
            }
            (tile(&t!("5xx rate"), &percent(now.error_rate_5xx), &html! {
                (t!("{n} total", n = count(now.by_class.c5))) (delta(points(|t| t.error_rate_5xx), "pp", true)) }))
            (tile(&t!("4xx rate"), &percent(now.error_rate_4xx), &html! {
                (t!("{n} total", n = count(now.by_class.c4))) (delta(points(|t| t.error_rate_4xx), "pp", true)) }))
            (tile(&t!("p95 latency"), &ms(p95(now)), &html! {
                @match now.latency { Some(l) => { "p50 " (Unit::Millis.show(l.p50)) }, None if now.requests == 0 => (t!("no data")), None => (t!("not in these lines")) }
                (delta(p95_delta, "%", true)) }))
            @if let Ok(lines) = &strip.lines {
                (tile(&t!("Unparsed lines"), &count(lines.unparsed), &t!("of {n} lines", n = count(lines.total))))
            }
        }
    }
}

/// The change in per cent; none where there was nothing.
pub(super) fn ratio(now: f64, before: f64) -> Option<f64> {
    (before > 0.0).then(|| (now / before - 1.0) * 100.0)
}

fn tile(name: &str, value: &str, below: &Markup) -> Markup {
    html! { div { dt { (name) } dd { span class="value" { (value) } span class="below" { (below) } } } }
}

/// The change against the period before. A rise of something bad is marked by more than colour: by its arrow.
pub(super) fn delta(change: Option<f64>, unit: &str, rise_is_bad: bool, against: &str) -> Markup {
    let Some(change) = change else { return html! {} };
    let calm = change.abs() < if unit == "pp" { 0.005 } else { 0.5 };
    let class = match (calm, rise_is_bad, change > 0.0) {
        (true, ..) | (_, false, _) => "delta",
        (_, _, true) => "delta worse",
        (_, _, false) => "delta better",
    };
    html! {
        span class=(class) title=(against) {
            @if calm { (t!("= as before")) } @else {
                @if change > 0.0 { "↑ " } @else { "↓ " }
                (number(change.abs())) " " (unit)
            }
        }
    }
}
