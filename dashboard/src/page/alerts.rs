//! What fires, what is silenced, and what happened lately.

use std::collections::BTreeMap;

use alces_alerts::{Ack, By, Episode, Kept, Phase, Silence};
use maud::{Markup, html};

use super::layout::{Asked, guarded};
use super::text::{at, visible};
use crate::alert::Rules;
use crate::language::{age_text, t, text};

/// All that the page shows.
pub(crate) struct All {
    pub(crate) states: Vec<Kept>,
    pub(crate) episodes: Vec<Episode>,
    pub(crate) silences: Vec<Silence>,
    pub(crate) acks: Vec<Ack>,
    /// Receivers with messages that wait, and that were not delivered.
    pub(crate) backlog: BTreeMap<String, (i64, i64)>,
    /// Where the dashboard is that watches in place of this one, if one does.
    pub(crate) elsewhere: Option<String>,
}

impl All {
    /// Who looks after an episode.
    pub(crate) fn ack(&self, rule: &str, group: &str, started: Option<i64>) -> Option<&Ack> {
        self.acks.iter().find(|a| a.rule == rule && a.group == group && Some(a.started) == started)
    }
}

/// The page. `wished` are labels (`name=value`) that a link wants to silence; `may_change` says whether this visitor may.
pub(crate) fn alerts(
    asked: &Asked,
    rules: &Rules,
    all: &All,
    wished: &[String],
    may_change: bool,
    now: i64,
) -> Markup {
    let title =
        |id: &str| rules.rules.iter().find(|r| r.id == id).map_or_else(|| id.to_owned(), |r| r.title.clone());
    let open: Vec<&Kept> =
        all.states.iter().filter(|k| matches!(k.state.phase, Phase::Firing | Phase::Recovering)).collect();
    let pending: Vec<&Kept> = all.states.iter().filter(|k| k.state.phase == Phase::Pending).collect();
    html! {
        div id="notices" {
            @if let Some(address) = &all.elsewhere {
                p class="banner" { (t!("Another dashboard watches these alerts: what is done about them is done there.")) @if !address.is_empty() { " " a href=(format!("{address}alerts")) rel="noreferrer" { (visible(address, 200)) } } }
            }
            @for (receiver, (waiting, lost)) in all.backlog.iter().filter(|(_, (waiting, lost))| waiting + lost > 0) {
                p class="banner bad" { (t!("{receiver}: {waiting} messages wait, {lost} were not delivered.", receiver = receiver, waiting = waiting, lost = lost)) }
            }
            @if may_change && !wished.is_empty() { (wish(asked, wished)) }
            @if rules.receivers.is_empty() { p class="banner" { (t!("No receiver is named: alerts are shown here, and nobody is told.")) } }
        }
        article class="panel people" id="alerts" {
            div class="head" { h1 { @if open.is_empty() { (t!("Nothing fires")) } @else if open.len() == 1 { (t!("One alert fires")) } @else { (t!("{n} alerts fire", n = open.len())) } } span class="hint" { (t!("{n} rules are watched", n = rules.rules.len())) } a href="/alerts/rules" { (t!("Alert rules")) } }
            @if !open.is_empty() {
                (table(&t!("Alerts"), html! { th { (t!("Alert")) } th { (t!("Labels")) } th { (t!("Since")) } th class="num" { (t!("Value")) } th class="num" { (t!("Worst")) } th {} }, html! {
                    @for kept in &open { tr {
                        td { strong { (visible(&title(&kept.rule), 100)) } }
                        td { (labels(&kept.labels)) }
                        td { (moment(kept.state.fired.unwrap_or(kept.state.since))) " (" (age_text(now - kept.state.fired.unwrap_or(kept.state.since))) ")" }
                        td class="num" { (figure(kept.state.value)) }
                        td class="num" { (figure(kept.state.peak)) }
                        td {
                            @if all.silences.iter().any(|s| s.is_about(&kept.labels)) { span class="hint" { (t!("silenced")) } }
                            @else if may_change { (silence(asked, &kept.labels)) }
                            @match all.ack(&kept.rule, &kept.group, kept.state.fired) {
                                Some(ack) => span class="hint" { " " (t!("{who} looks after it", who = ack.author)) },
                                None => @if may_change { (acknowledge(asked, kept)) },
                            }
                        }
                    } }
                }))
            }
            @if !pending.is_empty() { p class="hint" { (t!("Not for long enough yet:")) @for kept in &pending { " " (visible(&title(&kept.rule), 100)) @if !kept.group.is_empty() { " (" (visible(&By::shown(&kept.group), 60)) ")" } } } }
        }
        @if !all.silences.is_empty() {
            article class="panel people" id="silences" {
                div class="head" { h2 { (t!("Silences")) } }
                (table(&t!("Silences"), html! { th { (t!("Labels")) } th { (t!("Until")) } th { (t!("Why")) } th { (t!("Who")) } th {} }, html! {
                    @for silence in &all.silences { tr {
                        td { (labels(&silence.matchers)) }
                        td { (moment(silence.until)) }
                        td { (visible(&silence.comment, 300)) }
                        td { (visible(&silence.author, 100)) }
                        td { @if may_change { form method="post" action={ "/alerts/silences/" (silence.id) "/end" } { (guarded(asked)) button { (t!("End")) } } } }
                    } }
                }))
            }
        }
        article class="panel people" id="episodes" {
            div class="head" { h2 { (t!("What happened lately")) } a href="/alerts/deliveries" { (t!("Messages")) } }
            @if all.episodes.is_empty() { p class="hint" { (t!("There is none.")) } }
            @else {
                (table(&t!("What happened lately"), html! { th { (t!("Alert")) } th { (t!("Labels")) } th { (t!("From")) } th { (t!("For")) } th class="num" { (t!("Worst")) } th { (t!("Acknowledged")) } }, html! {
                    @for episode in &all.episodes { tr {
                        td { (visible(&title(&episode.rule), 100)) }
                        td { (labels(&episode.labels)) }
                        td { (moment(episode.started)) }
                        td { @match episode.ended { Some(ended) => (age_text(ended - episode.started)), None => (t!("goes on")) } }
                        td class="num" { (figure(episode.peak)) }
                        td { @if let Some(ack) = all.ack(&episode.rule, &episode.group, Some(episode.started)) { (visible(&ack.author, 100)) " (" (moment(ack.at)) ")" } }
                    } }
                }))
            }
        }
    }
}

/// A silence that a link asks for: it begins when somebody says so.
fn wish(asked: &Asked, wished: &[String]) -> Markup {
    html! {
        article class="panel people" id="silence" {
            div class="head" { h2 { (t!("Silence")) } }
            form method="post" action="/alerts/silences" class="row" {
                (guarded(asked))
                label { (t!("Labels")) textarea name="labels" rows=(wished.len().min(8)) cols="40" required { (wished.join("\n")) } }
                label { (t!("For")) select name="time" { @for time in ["30m", "2h", "8h", "1d", "7d"] { option { (text(time)) } } } }
                label { (t!("Why")) input name="comment" maxlength="300" required; }
                button { (t!("Silence")) }
            }
        }
    }
}

fn acknowledge(asked: &Asked, kept: &Kept) -> Markup {
    html! {
        form method="post" action="/alerts/ack" {
            (guarded(asked))
            input type="hidden" name="rule" value=(kept.rule);
            input type="hidden" name="group" value=(kept.group);
            button { (t!("Acknowledge")) }
        }
    }
}

pub(super) fn table(label: &str, head: Markup, rows: Markup) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(label) {
            table { thead { tr { (head) } } tbody { (rows) } }
        }
    }
}

/// Labels but the name, which stands beside them.
fn labels(all: &BTreeMap<String, String>) -> Markup {
    html! { @for (name, value) in all.iter().filter(|(name, _)| *name != "alertname") { code { (visible(name, 60)) "=" (visible(value, 100)) } " " } }
}

fn silence(asked: &Asked, labels: &BTreeMap<String, String>) -> Markup {
    let matchers: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    html! {
        details {
            summary { (t!("Silence")) }
            form method="post" action="/alerts/silences" class="row" {
                (guarded(asked))
                input type="hidden" name="labels" value=(matchers.join("\n"));
                label { (t!("For")) select name="time" { @for time in ["30m", "2h", "8h", "1d", "7d"] { option { (text(time)) } } } }
                label { (t!("Why")) input name="comment" maxlength="300" required; }
                button { (t!("Silence")) }
            }
        }
    }
}

pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "—".into(), crate::chart::units::number)
}

pub(super) fn moment(ms: i64) -> String {
    at(ms, &jiff::tz::TimeZone::UTC, "%Y-%m-%d %H:%M:%S UTC")
}
