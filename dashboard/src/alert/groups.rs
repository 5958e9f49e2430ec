//! The figures of a rule's groups: values of a field, or combinations of values of several.

use alces_alerts::{By, Rule};
use serde_json::{Value, json};

use crate::board::{Metric, Panel};
use crate::chart::Unit;
use crate::view::answers::Answers;
use crate::view::context::Context;
use crate::view::picture::Part;
use crate::view::plan::{Cell, Place, Plan, Shape};
use crate::view::rows;

/// Groups of a rule at most: more are a mistake in `by`.
pub(crate) const MOST: usize = 500;

/// Groups that were asked for.
pub(crate) struct Wanted {
    place: Place,
    depth: usize,
    metric: Metric,
    factor: f64,
    filtered: bool,
}

/// Asks for the figure of each group; none where a field is in no line.
pub(crate) fn plan(context: &Context<'_>, rule: &Rule, panel: &Panel, plan: &mut Plan) -> Option<Wanted> {
    // Checked when the rule was read.
    let metric = Metric::parse(&rule.metric).ok()?;
    let inner = rows::inner(context, panel, &metric).ok()?;
    let part = context.part(panel.source, &rule.part);
    let filtered = part.is_some();
    let leaf = match (part, inner) {
        (Some(part), Some(inner)) => json!({"c": {"filter": part, "aggs": {"v": inner}}}),
        (Some(part), None) => json!({"c": {"filter": part}}),
        (None, Some(inner)) => json!({"v": inner}),
        (None, None) => Value::Null,
    };
    let agg = nested(context, rule, panel, leaf)?;
    let place = plan.raw((panel.source, context.span(), &context.query(panel), Shape::Total), agg);
    let unit = Unit::from_word(&rule.unit).unwrap_or(Unit::Count);
    let factor = context.factor(panel.source, &metric, unit) * rule.scale;
    Some(Wanted { place, depth: rule.by.fields().len(), metric, factor, filtered })
}

/// An aggregation within those of the rule's fields, one in the other; none where a field is in no line.
pub(crate) fn nested(context: &Context<'_>, rule: &Rule, panel: &Panel, leaf: Value) -> Option<Value> {
    let mut within = leaf;
    for field in rule.by.fields().iter().rev() {
        let field = context.fields(panel.source).by(field)?;
        let mut terms = json!({"terms": {"field": field.name, "size": MOST}});
        if !within.is_null() {
            terms["aggs"] = within;
        }
        within = json!({"g": terms});
    }
    within.get_mut("g").map(Value::take)
}

/// The innermost buckets of what [`nested`] asked, by their groups' names.
///
/// # Errors
/// That there are too many.
pub(crate) fn leaves(found: &Value, depth: usize) -> Part<Vec<(String, &Value)>> {
    let mut level: Vec<(Vec<String>, &Value)> = vec![(Vec::new(), found)];
    for at in 0..depth {
        let mut next = Vec::new();
        for (values, agg) in level {
            let agg = if at == 0 { agg } else { &agg["g"] };
            for bucket in agg["buckets"].as_array().into_iter().flatten() {
                let Some(value) = rows::label(bucket) else { continue };
                next.push((values.iter().cloned().chain([value]).collect(), bucket));
            }
        }
        level = next;
        if level.len() >= MOST {
            return Err(format!("`by` has {MOST} values or more: narrow the rule with `filter`"));
        }
    }
    let named = |(values, bucket): (Vec<String>, _)| (By::group(values.iter().map(String::as_str)), bucket);
    Ok(level.into_iter().map(named).collect())
}

impl Wanted {
    /// Each group with its figure and how many lines that rests on.
    pub(crate) fn read(
        &self,
        context: &Context<'_>,
        answers: &Answers,
    ) -> Part<Vec<(String, Option<f64>, u64)>> {
        let seconds = (context.range.to - context.range.from).max(1) as f64 / 1000.0;
        let figure = |(group, bucket): (String, &Value)| {
            let of = bucket["doc_count"].as_u64().unwrap_or(0);
            let own = if self.filtered { &bucket["c"] } else { bucket };
            let docs = own["doc_count"].as_u64().unwrap_or(0);
            let inner = &own["v"];
            let value = match self.metric {
                Metric::Percentile(..) => inner["values"].as_object().and_then(|v| v.values().next()),
                _ => inner.get("value"),
            };
            let value = value.and_then(Value::as_f64).filter(|v| v.is_finite());
            (group, context.value(&self.metric, Cell { docs, of, value }, seconds, self.factor), docs)
        };
        Ok(leaves(answers.raw(self.place)?, self.depth)?.into_iter().map(figure).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_groups() {
        let found = json!({"buckets": [
            {"key": "web-1", "doc_count": 5, "g": {"buckets": [{"key": "app", "doc_count": 3}, {"key": 7, "doc_count": 2}]}},
            {"key": "web-2", "doc_count": 1, "g": {"buckets": [{"key": "app", "doc_count": 1}]}}]});
        let groups: Vec<String> =
            leaves(&found, 2).expect("groups").into_iter().map(|(g, _)| By::shown(&g)).collect();
        assert_eq!(groups, ["web-1, app", "web-1, 7", "web-2, app"]);
        let many: Vec<Value> = (0..MOST).map(|n| json!({"key": n.to_string(), "doc_count": 1})).collect();
        assert!(leaves(&json!({"buckets": many}), 1).is_err_and(|e| e.contains("narrow the rule")));
    }
}
