//! Alert rules: the list, one with what it would have done, and the editor.

use alces_alerts::{Kind, Rule, Span};
use maud::{Markup, html};

use super::alerts::{figure, moment, table};
use super::layout::{Asked, guarded};
use super::panel::{FULL, drawn_as};
use super::text::visible;
use crate::alert::backtest::{Course, Part, Spell};
use crate::chart::{ChartSpec, Drawing, Kind as Shape, Limit, Paint, Series, Unit};
use crate::language::{age_text, t, text};

/// What a new rule begins as.
pub(crate) const BLANK: &str = "rules:
  - id: my-rule
    title: Something is wrong
    metric: count
    filter: \"level:error\"
    windows: [5m]
    above: 10
    for: 2m
    summary: \"{{ value|round }} errors in {{ window }}.\"
";

/// Spells that are shown.
const SPELLS: usize = 100;

/// A rule of the list.
pub(crate) struct Row<'r> {
    pub(crate) rule: &'r Rule,
    pub(crate) file: &'r str,
    /// Groups that fire, and that will if it goes on.
    pub(crate) firing: usize,
    pub(crate) pending: usize,
}

/// What the form holds.
pub(crate) struct Draft<'d> {
    /// The rule that is changed; empty for a new one.
    pub(crate) id: &'d str,
    /// The file that it is in, where that is another one than the browser's.
    pub(crate) file: Option<String>,
    pub(crate) text: &'d str,
    pub(crate) version: &'d str,
}

/// What came of a draft.
pub(crate) enum Outcome {
    None,
    /// With line and column.
    Errors(Vec<String>),
    Refused(String),
    Tried(Box<Rule>, Result<std::sync::Arc<Course>, String>),
}

/// All rules.
pub(crate) fn list(asked: &Asked, rows: &[Row<'_>], may_change: bool) -> Markup {
    let _ = asked;
    html! {
        article class="panel people" id="rules" {
            div class="head" {
                h1 { (t!("Alert rules")) }
                a href="/alerts" { (t!("What fires")) }
                @if may_change { a href="/alerts/edit" { (t!("New rule")) } }
            }
            @if rows.is_empty() { p class="hint" { (t!("There is none.")) } }
            @else {
                (table(&t!("Alert rules"), html! { th { (t!("Rule")) } th { (t!("Kind")) } th { (t!("Severity")) } th { (t!("State")) } th { (t!("File")) } }, html! {
                    @for row in rows { tr {
                        td { a href={ "/alerts/rules/" (row.rule.id) } { (visible(&row.rule.title, 100)) } }
                        td { code { (kind(row.rule.kind)) } }
                        td { (text(row.rule.severity.word())) }
                        td {
                            @if row.firing > 0 { strong { (t!("fires")) @if row.firing > 1 { " (" (row.firing) ")" } } }
                            @else if row.pending > 0 { (t!("not for long enough yet")) }
                            @else { (t!("calm")) }
                        }
                        td { code { (visible(row.file, 100)) } }
                    } }
                }))
            }
        }
    }
}

/// A rule.
pub(crate) fn show(
    rule: &Rule,
    file: &str,
    text: Option<&str>,
    course: &Result<std::sync::Arc<Course>, String>,
    may_change: bool,
) -> Markup {
    html! {
        article class="panel people" id="rule" {
            div class="head" {
                h1 { (visible(&rule.title, 200)) }
                a href="/alerts/rules" { (t!("All rules")) }
                @if may_change { a href={ "/alerts/edit?rule=" (rule.id) } { (t!("Change or try")) } }
            }
            p class="hint" { (t!("Rule {id} of {file}.", id = html! { code { (rule.id) } }, file = html! { code { (visible(file, 100)) } })) }
            @if let Some(text) = text {
                pre class="scroll" tabindex="0" role="region" aria-label=(t!("The rule's text")) { (text) }
            }
        }
        (past(rule, course))
    }
}

/// The editor.
pub(crate) fn edit(asked: &Asked, draft: &Draft<'_>, outcome: &Outcome) -> Markup {
    html! {
        div id="notices" {
            @if let Outcome::Errors(errors) = outcome {
                div class="banner bad" role="alert" {
                    strong { (t!("This is no rule yet.")) }
                    ul { @for error in errors { li { (visible(error, 400)) } } }
                }
            }
            @if let Outcome::Refused(reason) = outcome { p class="banner bad" role="alert" { (visible(reason, 400)) "." } }
            @if let Some(file) = &draft.file {
                p class="banner" { (t!("This rule stands in {file}, which is changed by hand: try a change here, and copy it there.", file = html! { code { (visible(file, 100)) } })) }
            }
        }
        article class="panel people" id="edit" {
            div class="head" {
                h1 { @if draft.id.is_empty() { (t!("New rule")) } @else { (t!("Rule {id}", id = html! { code { (draft.id) } })) } }
                a href="/alerts/rules" { (t!("All rules")) }
            }
            p class="hint" { (t!("Try it: the rule is asked of the last 14 days, and nothing is kept. What is saved stands in {file} of the folder of rules.", file = html! { code { (crate::alert::draft::FILE) } })) }
            form method="post" action=(asked.here()) {
                (guarded(asked))
                input type="hidden" name="rule" value=(draft.id);
                input type="hidden" name="version" value=(draft.version);
                textarea name="text" rows="20" spellcheck="false" aria-label=(t!("The rule's text")) { (draft.text) }
                button name="act" value="try" { (t!("Try")) }
                @if draft.file.is_none() {
                    button name="act" value="save" { (t!("Save")) }
                    @if !draft.id.is_empty() { button name="act" value="delete" { (t!("Delete")) } }
                }
            }
        }
        @if let Outcome::Tried(rule, course) = outcome { (past(rule, course)) }
    }
}

/// What a rule would have done.
fn past(rule: &Rule, course: &Result<std::sync::Arc<Course>, String>) -> Markup {
    html! {
        article class="panel people" id="past" {
            div class="head" { h2 { (t!("In the last 14 days")) } }
            @match course {
                Err(reason) => p class="hint" { (t!("Its past cannot be shown: {reason}.", reason = visible(reason, 400))) },
                Ok(course) => {
                    p { strong { (verdict(course)) } }
                    p class="hint" {
                        (t!("Asked every {step}, as live evaluation asks. What begins and ends between two questions is not seen.", step = Span(course.step).to_string()))
                        @if course.is_cut { " " (t!("Time ran out: the rest was not asked, up to {moment}.", moment = moment(course.to))) }
                    }
                    (drawn_as(&Drawing::Time(chart(rule, course)), "backtest", FULL))
                    @if !course.spells.is_empty() { (spells(course)) }
                }
            }
        }
    }
}

fn verdict(course: &Course) -> String {
    let minutes = course.firing() / 60_000;
    match course.spells.len() {
        0 => t!("It would not have fired.").into_owned(),
        1 => crate::language::plain!(
            "It would have fired once, {minutes} minutes in all.",
            minutes = minutes.to_string()
        ),
        n => crate::language::plain!(
            "It would have fired {n} times, {minutes} minutes in all.",
            n = n.to_string(),
            minutes = minutes.to_string()
        ),
    }
}

fn spells(course: &Course) -> Markup {
    let all: Vec<&Spell> = course.spells.iter().rev().take(SPELLS).collect();
    table(
        &t!("When it would have fired"),
        html! { th { (t!("From")) } th { (t!("For")) } th { (t!("Group")) } th class="num" { (t!("Worst")) } },
        html! {
            @for spell in all { tr {
                td { (moment(spell.from)) }
                td { @match spell.to { Some(to) => (age_text(to - spell.from)), None => (t!("goes on")) } }
                td { (visible(&spell.group, 200)) }
                td class="num" { (figure(spell.peak)) }
            } }
        },
    )
}

/// The worst figure over time, with the threshold, and where it fires.
pub(crate) fn chart(rule: &Rule, course: &Course) -> ChartSpec {
    let of = |value: fn(&Part) -> Option<f64>| course.parts.iter().map(value).collect::<Vec<_>>();
    let name = if rule.by.is_empty() { t!("figure") } else { t!("worst group") };
    let mut series = vec![Series::solid(name, Paint::Blue, of(|part| part.worst))];
    if course.parts.iter().any(|part| part.fires) {
        series.push(Series::solid(
            t!("while it fires"),
            Paint::Vermillion,
            of(|part| part.worst.filter(|_| part.fires)),
        ));
    }
    let threshold = rule.above.or(rule.below);
    ChartSpec {
        title: rule.title.clone(),
        unit: Unit::from_word(&rule.unit).unwrap_or(Unit::Count),
        kind: Shape::Lines,
        from: course.from,
        to: course.to.max(course.from + course.width),
        step: course.width,
        times: (0..course.parts.len()).map(|at| course.from + at as i64 * course.width).collect(),
        series,
        limit: threshold.map(|value| Limit { value, label: t!("threshold").into_owned() }),
        at_least: 1.0,
        ..ChartSpec::default()
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Threshold => "threshold",
        Kind::NewTerm => "new_term",
        Kind::NewPattern => "new_pattern",
        Kind::Change => "change",
        Kind::BurnRate => "burn_rate",
        Kind::Certificate => "certificate",
        Kind::Watchdog => "watchdog",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alert::Rules;

    fn course() -> Course {
        let part = |worst: f64, fires| Part { worst: Some(worst), fires };
        let spell = Spell { group: "<b>".into(), from: 0, to: Some(41 * 60_000), peak: Some(7.0) };
        let parts = vec![part(7.0, true), part(0.5, false)];
        Course {
            from: 0,
            to: 7_200_000,
            step: 600_000,
            spells: vec![spell; 2],
            width: 3_600_000,
            parts,
            is_cut: false,
        }
    }

    #[test]
    fn a_rule_says_what_it_would_have_done_and_its_values_are_text() {
        let rule = Rules::parse(BLANK).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0);
        let html =
            show(&rule, "fleet.yaml", Some("  - id: <script>"), &Ok(Arc::new(course())), true).into_string();
        for words in [
            "It would have fired 2 times, 82 minutes in all.",
            "Asked every 10m",
            "while it fires",
            "&lt;script&gt;",
            "&lt;b&gt;",
        ] {
            assert!(html.contains(words), "{words}: {html}");
        }
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn a_rule_of_another_file_is_tried_and_not_saved() {
        let asked = Asked::of_test("/alerts/edit");
        let draft =
            Draft { id: "a", file: Some("fleet.yaml".into()), text: "</textarea><script>", version: "" };
        let html = edit(&asked, &draft, &Outcome::Errors(vec!["line 3, column 5: no".into()])).into_string();
        assert!(
            html.contains("value=\"try\"") && !html.contains("value=\"save\"") && !html.contains("<script"),
            "{html}"
        );
        assert!(html.contains("line 3, column 5: no"), "{html}");
    }
}
