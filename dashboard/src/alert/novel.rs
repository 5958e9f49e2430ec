//! What no line had for long: new values of a field, new patterns.
//!
//! Two rounds: which values there are in the window; then, which of these there were before it.

use std::collections::{HashMap, HashSet};

use alces_alerts::{Kind, Rule};
use serde_json::{Value, json};

use super::ask::{Group, Timed, panel, wish};
use super::groups;
use crate::app::App;
use crate::error::BackendError;
use crate::explore::carried::covers;
use crate::fields::Fields;
use crate::view::answers;
use crate::view::context::Context;
use crate::view::picture::Part;
use crate::view::plan::{Place, Plan, Shape};
use crate::view::rows::label;

/// A text that many lines share.
const TEXT: &str = "pattern";
/// Lines must reach back at least so far (or over the rule's history, if that is shorter) before anything is new: at the beginning everything is, milliseconds.
const LEARNING: i64 = 86_400_000;

/// What of a field was found in a span: each value with its lines, and the pattern that it stands for.
type Found = Vec<(String, u64, Option<String>)>;

/// Asks rules for new values, each of a window that ends at a moment.
///
/// # Errors
/// When the engine gives no answer at all.
pub(super) async fn ask(
    app: &App,
    fields: (&Fields, &Fields),
    rules: &[Timed<'_>],
) -> Result<Vec<Part<Vec<Group>>>, BackendError> {
    let spans = |now: bool| {
        rules.iter().map(move |(rule, end)| {
            let begin = end - rule.windows.first().map_or(0, |window| window.0);
            if now { (begin, *end) } else { (begin - rule.history.0, begin) }
        })
    };
    let blank = Value::Null;
    let now = values(app, fields, rules, spans(true), &vec![None; rules.len()], &blank).await?;
    // Of those that are there it is asked since when they are.
    let wanted: Vec<Option<Vec<String>>> = now
        .iter()
        .map(|found| {
            found.as_ref().ok().map(|(found, _)| found.iter().map(|(value, ..)| value.clone()).collect())
        })
        .collect();
    let before =
        values(app, fields, rules, spans(false), &wanted, &json!({"min": {"field": "@timestamp"}})).await?;
    let learned: Vec<i64> = rules.iter().map(|(rule, end)| end - LEARNING.min(rule.history.0 / 2)).collect();
    Ok(now
        .into_iter()
        .zip(before)
        .zip(rules.iter().zip(learned))
        .map(|((now, before), ((rule, _), learned))| {
            let ((now, _), (before, oldest)) = (now?, before?);
            Ok(judged(rule, now, &before, oldest.is_some_and(|oldest| oldest <= learned)))
        })
        .collect())
}

/// The groups of a rule: of what is new the number of its lines, of all else nothing.
fn judged(rule: &Rule, now: Found, before: &Found, is_learned: bool) -> Vec<Group> {
    let known: HashSet<&str> = before.iter().map(|(value, ..)| value.as_str()).collect();
    // A pattern becomes more general while it is learned, and then has another name: it is not new.
    let texts: Vec<&str> = before.iter().filter_map(|(.., text)| text.as_deref()).collect();
    let is_kin = |text: &Option<String>| {
        text.as_deref()
            .is_some_and(|text| texts.iter().any(|before| covers(text, before) || covers(before, text)))
    };
    let is_new = |value: &str, text: &Option<String>| {
        is_learned && !known.contains(value) && !(rule.kind == Kind::NewPattern && is_kin(text))
    };
    now.into_iter()
        .map(|(value, lines, text)| {
            let enough = lines >= rule.at_least;
            let figure = if is_new(&value, &text) && enough { lines as f64 } else { 0.0 };
            Group { name: value, figures: vec![Some(figure)], detail: text.unwrap_or_default() }
        })
        .collect()
}

/// The values of each rule's field in a span, with when the oldest line of the rule was, where that is asked (`oldest`).
async fn values(
    app: &App,
    fields: (&Fields, &Fields),
    rules: &[Timed<'_>],
    spans: impl Iterator<Item = (i64, i64)>,
    wanted: &[Option<Vec<String>>],
    oldest: &Value,
) -> Result<Vec<Part<(Found, Option<i64>)>>, BackendError> {
    let panels: Vec<_> = rules.iter().map(|(rule, _)| panel(rule)).collect();
    let wishes: Vec<_> = spans.map(|(from, to)| wish(app, from, to)).collect();
    let contexts: Vec<Option<Context<'_>>> =
        wishes.iter().map(|wish| wish.as_ref().map(|wish| Context::new(wish, fields))).collect();
    let mut plan = Plan::default();
    let places: Vec<Option<(Place, Option<Place>)>> = rules
        .iter()
        .zip(&panels)
        .zip(contexts.iter().zip(wanted))
        .map(|(((rule, _), panel), (context, wanted))| {
            let context = context.as_ref()?;
            let field = context.fields(panel.source).by(rule.by.fields().first()?)?.name;
            let text =
                (rule.kind == Kind::NewPattern).then(|| context.fields(panel.source).by(TEXT)).flatten();
            let mut terms = json!({"terms": {"field": field, "size": groups::MOST}});
            if let Some(text) = text {
                terms["aggs"] = json!({"text": {"terms": {"field": text.name, "size": 1}}});
            }
            let all = context.query(panel);
            // Patterns of before are all looked at: one of them may be of another name.
            let query = match wanted {
                Some(wanted) if rule.kind == Kind::NewTerm => {
                    json!({"bool": {"filter": [all, {"terms": {&field: wanted}}]}})
                }
                _ => all.clone(),
            };
            let at = |query| (panel.source, context.span(), query, Shape::Total);
            let first = (!oldest.is_null()).then(|| plan.raw(at(&all), oldest.clone()));
            Some((plan.raw(at(&query), terms), first))
        })
        .collect();
    let Some(first) = contexts.iter().flatten().next() else {
        return Ok(rules.iter().map(|_| Ok((Vec::new(), None))).collect());
    };
    let answers = answers::ask(&app.backend, app.buckets(), &app.config, first, &plan).await?;
    if let Some(note) = answers.notes.first() {
        return Ok(rules.iter().map(|_| Err(note.to_string())).collect());
    }
    let mut read: HashMap<usize, Part<(Found, Option<i64>)>> = HashMap::new();
    for (at, place) in places.iter().enumerate() {
        let Some((place, first)) = place else { continue };
        let one = || {
            let oldest =
                first.map(|first| answers.raw(first)).transpose()?.and_then(|agg| agg["value"].as_f64());
            Ok((
                found(answers.raw(*place)?, wanted.get(at).is_some_and(Option::is_some))?,
                oldest.map(|at| at as i64),
            ))
        };
        read.insert(at, one());
    }
    Ok((0..rules.len()).map(|at| read.remove(&at).unwrap_or(Ok((Vec::new(), None)))).collect())
}

fn found(agg: &Value, is_past: bool) -> Part<Found> {
    let buckets = agg["buckets"].as_array().map_or(&[][..], |buckets| buckets);
    // Of the past those that are not among the most frequent are not looked at.
    if buckets.len() >= groups::MOST && !is_past {
        return Err(format!(
            "{} values or more are met in the window: narrow the rule with `filter`",
            groups::MOST
        ));
    }
    let one = |bucket: &Value| {
        let text = bucket["text"]["buckets"].get(0).and_then(label);
        Some((label(bucket)?, bucket["doc_count"].as_u64().unwrap_or(0), text))
    };
    Ok(buckets.iter().filter_map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Rules;

    fn rule(kind: &str) -> Rule {
        let text = format!("rules:\n  - id: a\n    title: A\n    kind: {kind}\n");
        Rules::parse(&text).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0)
    }

    fn of(all: &[(&str, u64, &str)]) -> Found {
        all.iter()
            .map(|(value, n, text)| ((*value).to_owned(), *n, (!text.is_empty()).then(|| (*text).to_owned())))
            .collect()
    }

    fn figures(groups: &[Group]) -> Vec<(&str, f64)> {
        groups.iter().map(|g| (g.name.as_str(), g.figures[0].unwrap_or(f64::NAN))).collect()
    }

    #[test]
    fn a_value_that_no_line_had_is_new_once_lines_reach_back_far_enough() {
        let term = rule("new_term\n    by: service.version\n    at_least: 3");
        let (now, before) =
            (of(&[("2.4.0", 7, ""), ("2.3.7", 9, ""), ("odd", 2, "")]), of(&[("2.3.7", 1, "")]));
        assert_eq!(
            figures(&judged(&term, now.clone(), &before, true)),
            [("2.4.0", 7.0), ("2.3.7", 0.0), ("odd", 0.0)]
        );
        assert_eq!(
            figures(&judged(&term, now, &Vec::new(), false)),
            [("2.4.0", 0.0), ("2.3.7", 0.0), ("odd", 0.0)]
        );
    }

    #[test]
    fn a_pattern_that_became_more_general_is_not_new() {
        let pattern = rule("new_pattern");
        let before = of(&[("a1", 5, "user amy is gone"), ("c3", 1, "disk <*> is full")]);
        let now =
            of(&[("b2", 5, "user <*> is gone"), ("d4", 1, "disk sda is full"), ("e5", 1, "out of memory")]);
        let groups = judged(&pattern, now, &before, true);
        assert_eq!(figures(&groups), [("b2", 0.0), ("d4", 0.0), ("e5", 1.0)]);
        assert_eq!(groups[2].detail, "out of memory");
    }
}
