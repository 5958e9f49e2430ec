//! Asking a plan, and what came back.

use std::sync::Arc;

use serde_json::Value;

use super::cache::{Buckets, Cache};
use super::context::Context;
use super::plan::{Asked, Cell, Place, Plan, Shape, Span};
use crate::backend::{Backend, Search};
use crate::board::Source;
use crate::config::Config;
use crate::error::BackendError;
use crate::language::Said;
use crate::sight::{hide, narrow};

/// The answers to a plan's searches, in its order.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    all: Vec<Result<One, String>>,
    /// What the reader should know about the figures.
    pub(crate) notes: Vec<Said>,
}

#[derive(Debug)]
enum One {
    OverTime(Buckets),
    Whole(Value),
}

/// Asks everything in one round trip, within what the visitor may see; buckets that are believed are not asked again. What comes back of
/// documents is masked.
///
/// # Errors
/// When the backend gives no answer at all. One search that fails costs itself only.
pub(crate) async fn ask(
    backend: &Backend,
    cache: &Cache,
    config: &Config,
    context: &Context<'_>,
    plan: &Plan,
) -> Result<Answers, BackendError> {
    let (now, sight) = (context.range.now, context.sight);
    let narrowed = |source| sight.filter(context.fields(source));
    let filters = [Source::Logs, Source::Metrics, Source::Events].map(narrowed);
    let mut searches = Vec::new();
    // For each search of the plan: its question's words, and the span that is really asked.
    let mut parts: Vec<(String, Option<Span>)> = Vec::new();
    for asked in &plan.asked {
        let index = sight.index(asked.source);
        let filter = match asked.source {
            Source::Logs => &filters[0],
            Source::Metrics => &filters[1],
            Source::Events => &filters[2],
        };
        let body = |span| {
            let mut body = asked.body(span, config.timeout_seconds);
            narrow(&mut body, filter.as_ref(), sight.mask.as_ref());
            body
        };
        let question = format!("{index}\n{}", body((0, 0)));
        let span = match asked.shape {
            Shape::OverTime(step) => cache.missing(&question, asked.span, step, now),
            _ => Some(asked.span),
        };
        if let Some(span) = span {
            searches.push(Search { index: index.to_owned(), body: body(span) });
        }
        parts.push((question, span));
    }
    let mut given =
        if searches.is_empty() { Vec::new() } else { backend.msearch(&searches).await? }.into_iter();
    let mut answers = Answers::default();
    let (mut failed, mut late) = (0, false);
    for (asked, (question, span)) in plan.asked.iter().zip(parts) {
        let mut answer = span.map(|_| given.next().unwrap_or_else(|| Err("no answer".into())));
        if let Some(Ok(value)) = &answer {
            failed = failed.max(value["_shards"]["failed"].as_u64().unwrap_or(0));
            late |= value["timed_out"].as_bool().unwrap_or(false);
        }
        if let (Some(mask), Some(Ok(value))) = (&sight.mask, &mut answer) {
            hide(value, mask);
        }
        let cut = matches!(&answer, Some(Ok(v)) if incomplete(v));
        answers.all.push(read(asked, answer, span, |part, step| {
            // Half an answer is shown, with a note, but not believed the next time.
            if cut {
                part.map(|(_, b)| b).unwrap_or_default()
            } else {
                cache.merge(&question, asked.span, part, step, now)
            }
        }));
    }
    if failed > 0 {
        let note = Said::new("{n} shards gave no answer: the figures below are too low.");
        answers.notes.push(note.with("n", failed.to_string()));
    }
    if late {
        let note =
            Said::new("A search ran out of time: the figures below are too low. Choose a shorter range.");
        answers.notes.push(note);
    }
    Ok(answers)
}

fn incomplete(answer: &Value) -> bool {
    answer["timed_out"].as_bool().unwrap_or(false) || answer["_shards"]["failed"].as_u64().unwrap_or(0) > 0
}

fn read(
    asked: &Asked,
    answer: Option<Result<Value, String>>,
    span: Option<Span>,
    merge: impl FnOnce(Option<(Span, Buckets)>, i64) -> Buckets,
) -> Result<One, String> {
    let Shape::OverTime(step) = asked.shape else {
        return answer.unwrap_or_else(|| Err("no answer".into())).map(One::Whole);
    };
    let part = match (answer, span) {
        (Some(Ok(mut value)), Some(span)) => Some((span, buckets(&mut value))),
        (Some(Err(reason)), _) => return Err(reason),
        _ => None,
    };
    Ok(One::OverTime(merge(part, step)))
}

fn buckets(answer: &mut Value) -> Buckets {
    let Some(Value::Array(all)) = answer.pointer_mut("/aggregations/t/buckets").map(Value::take) else {
        return Buckets::new();
    };
    all.into_iter().filter_map(|b| Some((key(&b)?, Arc::new(b)))).collect()
}

fn key(bucket: &Value) -> Option<i64> {
    let key = bucket.get("key")?;
    key.as_i64().or_else(|| key.as_f64().map(|f| f as i64)).or_else(|| key.as_str()?.parse().ok())
}

const NULL: Value = Value::Null;

impl Answers {
    /// A figure for each of `times`.
    ///
    /// # Errors
    /// The backend's reason for having no answer.
    pub(crate) fn over_time(&self, place: Place, times: &[i64]) -> Result<Vec<Cell>, String> {
        let buckets = self.buckets(place.search)?;
        let cell = |at| buckets.get(at).map_or_else(Cell::default, |b| place.read(b, docs(b)));
        Ok(times.iter().map(cell).collect())
    }

    /// An aggregation as it stands, for each of `times`; none where there is no line.
    pub(crate) fn raw_over_time(&self, place: Place, times: &[i64]) -> Result<Vec<Option<&Value>>, String> {
        let buckets = self.buckets(place.search)?;
        Ok(times.iter().map(|at| buckets.get(at).and_then(|b| place.raw(b))).collect())
    }

    fn buckets(&self, search: usize) -> Result<&Buckets, String> {
        match self.all.get(search) {
            Some(Ok(One::OverTime(buckets))) => Ok(buckets),
            Some(Err(reason)) => Err(reason.clone()),
            _ => Err("no answer".into()),
        }
    }

    /// A figure of the whole span.
    pub(crate) fn total(&self, place: Place) -> Result<Cell, String> {
        let answer = self.whole(place.search)?;
        Ok(place.read(answer.get("aggregations").unwrap_or(&NULL), hits(answer)))
    }

    /// An aggregation of the whole span as it stands.
    pub(crate) fn raw(&self, place: Place) -> Result<&Value, String> {
        let answer = self.whole(place.search)?;
        Ok(place.raw(answer.get("aggregations").unwrap_or(&NULL)).unwrap_or(&NULL))
    }

    /// The whole answer of a search.
    pub(crate) fn whole(&self, search: usize) -> Result<&Value, String> {
        match self.all.get(search) {
            Some(Ok(One::Whole(value))) => Ok(value),
            Some(Err(reason)) => Err(reason.clone()),
            _ => Err("no answer".into()),
        }
    }
}

fn docs(bucket: &Value) -> u64 {
    bucket["doc_count"].as_u64().unwrap_or(0)
}

/// How many lines an answer says there are.
pub(crate) fn hits(answer: &Value) -> u64 {
    let total = &answer["hits"]["total"];
    total["value"].as_u64().or_else(|| total.as_u64()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_question_is_narrowed() {
        let mut plan = Plan::default();
        let query = json!({"term": {"a": 1}});
        for shape in [Shape::Total, Shape::OverTime(1000), Shape::Lines(1, vec!["x".into()])] {
            plan.raw((Source::Logs, (0, 1000), &query, shape), json!({"max": {"field": "a"}}));
        }
        for asked in &plan.asked {
            let mut body = asked.body((0, 1000), 1);
            narrow(&mut body, Some(&json!({"term": {"mine": 1}})), None);
            assert!(body["query"]["bool"]["filter"].to_string().contains("mine"), "{body}");
        }
    }

    #[test]
    fn keys_of_buckets() {
        for key_of in [json!(1000), json!(1000.0), json!("1000")] {
            assert_eq!(key(&json!({"key": key_of})), Some(1000));
        }
    }
}
