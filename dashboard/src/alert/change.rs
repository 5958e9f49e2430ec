//! A field whose value becomes another: the newest value of a window beside the newest one of the time before it.

use alces_alerts::Rule;
use serde_json::{Value, json};

use super::ask::{Group, Timed, panel, wish};
use super::groups;
use crate::app::App;
use crate::error::BackendError;
use crate::fields::Fields;
use crate::view::answers;
use crate::view::context::Context;
use crate::view::picture::Part;
use crate::view::plan::{Place, Plan, Shape};
use crate::view::rows::label;

/// Asks rules for changes, each of a window that ends at a moment.
///
/// # Errors
/// When the engine gives no answer at all.
pub(super) async fn ask(
    app: &App,
    fields: (&Fields, &Fields),
    rules: &[Timed<'_>],
) -> Result<Vec<Part<Vec<Group>>>, BackendError> {
    let panels: Vec<_> = rules.iter().map(|(rule, _)| panel(rule)).collect();
    let wishes: Vec<_> = rules
        .iter()
        .map(|(rule, end)| {
            let begin = end - rule.windows.first().map_or(0, |window| window.0);
            Some([wish(app, begin, *end)?, wish(app, begin - rule.history.0, begin)?])
        })
        .collect();
    let contexts: Vec<Option<[Context<'_>; 2]>> = wishes
        .iter()
        .map(|both| both.as_ref().map(|both| both.each_ref().map(|wish| Context::new(wish, fields))))
        .collect();
    let mut plan = Plan::default();
    let mut place = |rule: &Rule, context: &Context<'_>, panel: &_| want(rule, context, panel, &mut plan);
    let places: Vec<Option<[Place; 2]>> = rules
        .iter()
        .zip(&panels)
        .zip(&contexts)
        .map(|(((rule, _), panel), contexts)| {
            let [now, before] = contexts.as_ref()?;
            Some([place(rule, now, panel)?, place(rule, before, panel)?])
        })
        .collect();
    let Some([first, _]) = contexts.iter().flatten().next() else {
        return Ok(rules.iter().map(|_| Ok(Vec::new())).collect());
    };
    let answers = answers::ask(&app.backend, app.buckets(), &app.config, first, &plan).await?;
    if let Some(note) = answers.notes.first() {
        return Ok(rules.iter().map(|_| Err(note.to_string())).collect());
    }
    let read = |(place, (rule, _)): (&Option<[Place; 2]>, &Timed<'_>)| {
        let Some([now, before]) = place else { return Ok(Vec::new()) };
        judged(rule, answers.raw(*now)?, answers.raw(*before)?)
    };
    Ok(places.iter().zip(rules).map(read).collect())
}

/// The newest values of the field, within the rule's groups.
fn want(rule: &Rule, context: &Context<'_>, panel: &crate::board::Panel, plan: &mut Plan) -> Option<Place> {
    let field = context.fields(panel.source).by(&rule.field)?.name;
    let newest = json!({"terms": {"field": field, "size": 1, "order": {"at": "desc"}}, "aggs": {"at": {"max": {"field": "@timestamp"}}}});
    let agg =
        if rule.by.is_empty() { newest } else { groups::nested(context, rule, panel, json!({"n": newest}))? };
    Some(plan.raw((panel.source, context.span(), &context.query(panel), Shape::Total), agg))
}

fn judged(rule: &Rule, now: &Value, before: &Value) -> Part<Vec<Group>> {
    let values = |found| -> Part<Vec<(String, String)>> {
        if rule.by.is_empty() {
            return Ok(newest(found).map(|value| (String::new(), value)).into_iter().collect());
        }
        let leaves = groups::leaves(found, rule.by.fields().len())?;
        Ok(leaves.into_iter().filter_map(|(group, bucket)| Some((group, newest(&bucket["n"])?))).collect())
    };
    let before: std::collections::BTreeMap<String, String> = values(before)?.into_iter().collect();
    let one = |(name, now): (String, String)| {
        let was = before.get(&name).filter(|was| **was != now);
        let detail = was.map_or_else(String::new, |was| format!("{}: {was} → {now}", rule.field));
        // What was not there before has not changed.
        Group { figures: vec![Some(if was.is_some() { 1.0 } else { 0.0 })], name, detail }
    };
    Ok(values(now)?.into_iter().map(one).collect())
}

fn newest(terms: &Value) -> Option<String> {
    terms["buckets"].get(0).and_then(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Rules;

    fn rule(more: &str) -> Rule {
        let text =
            format!("rules:\n  - id: a\n    title: A\n    kind: change\n    field: service.version\n{more}");
        Rules::parse(&text).unwrap_or_else(|e| panic!("{e:?}")).rules.remove(0)
    }

    #[test]
    fn each_group_is_held_against_its_own_past() {
        let of = |all: &[(&str, &str)]| {
            let bucket = |(host, value): &(&str, &str)| json!({"key": host, "doc_count": 1, "n": {"buckets": [{"key": value}]}});
            json!({"buckets": all.iter().map(bucket).collect::<Vec<_>>()})
        };
        let rule = rule("    by: host\n");
        let (now, before) =
            (of(&[("web-1", "2"), ("web-2", "1"), ("web-3", "2")]), of(&[("web-1", "1"), ("web-2", "1")]));
        let groups = judged(&rule, &now, &before).expect("groups");
        let seen: Vec<_> =
            groups.iter().map(|g| (g.name.as_str(), g.figures[0], g.detail.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("web-1", Some(1.0), "service.version: 1 → 2"),
                ("web-2", Some(0.0), ""),
                ("web-3", Some(0.0), "")
            ]
        );
    }

    #[test]
    fn without_groups_all_lines_have_one_value() {
        let of = |value: &str| json!({"buckets": [{"key": value}]});
        let groups = judged(&rule(""), &of("b"), &of("a")).expect("groups");
        assert_eq!((groups[0].name.as_str(), groups[0].figures[0]), ("", Some(1.0)));
        assert!(judged(&rule(""), &json!({"buckets": []}), &of("a")).expect("groups").is_empty());
    }
}
