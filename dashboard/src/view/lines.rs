//! Newest lines, and reading a line's fields whatever they are called.

use serde_json::Value;

use super::answers::{Answers, hits};
use super::context::Context;
use super::picture::{Line, Lines, Nothing, Part, Picture};
use super::plan::Plan;
use crate::board::Panel;
use crate::fields::shown;

/// The fields that a list of lines shows.
pub(crate) fn fields() -> Vec<&'static str> {
    std::iter::once("@timestamp").chain(shown::ALL.iter().flat_map(|names| names.iter().copied())).collect()
}

/// Asks for a panel's lines; the search's place.
pub(crate) fn plan(context: &Context<'_>, panel: &Panel, plan: &mut Plan) -> usize {
    let query = context.query(panel);
    plan.lines((panel.source, context.span(), &query), panel.top.unwrap_or(20), &fields())
}

/// Makes the panel of what came back.
pub(crate) fn read(search: usize, answers: &Answers) -> Part<Picture> {
    let lines = of(answers.whole(search)?);
    Ok(if lines.lines.is_empty() { Picture::Empty(Nothing::NoLines) } else { Picture::Lines(lines) })
}

/// The lines of an answer.
pub(crate) fn of(answer: &Value) -> Lines {
    let lines = answer["hits"]["hits"].as_array().map_or(&[][..], |h| h).iter().map(line).collect();
    Lines { total: hits(answer), lines }
}

pub(crate) fn line(hit: &Value) -> Line {
    let source = &hit["_source"];
    let first = |names: &[&str]| names.iter().find_map(|n| path(source, n).and_then(text));
    let at =
        first(&["@timestamp"]).and_then(|t| t.parse::<jiff::Timestamp>().ok()).map(|t| t.as_millisecond());
    Line {
        at: at.or_else(|| hit["sort"][0].as_i64()),
        status: first(shown::STATUS),
        level: first(shown::LEVEL),
        method: first(shown::METHOD),
        url: first(shown::URL),
        host: first(shown::HOST),
        message: first(shown::MESSAGE).unwrap_or_default(),
    }
}

pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        // A field with several values shows its first.
        Value::Array(items) => items.first().and_then(text),
        _ => None,
    }
}

/// Reads `a.b.c` from a document that may have it nested, flat, or half of each.
pub(crate) fn path<'a>(source: &'a Value, name: &str) -> Option<&'a Value> {
    let object = source.as_object()?;
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(i, _)| path(object.get(&name[..i])?, &name[i + 1..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_nested_flat_or_both() {
        assert_eq!(path(&json!({"a": {"b": {"c": 1}}}), "a.b.c"), Some(&json!(1)));
        assert_eq!(path(&json!({"a.b": {"c": 2}}), "a.b.c"), Some(&json!(2)));
        assert_eq!(path(&json!({"a.b.c": 3}), "a.b.c"), Some(&json!(3)));
        assert_eq!(path(&json!({"a": 4}), "a.b.c"), None);
    }
}
