//! The lines of an answer.

use serde_json::Value;

use crate::view::lines::{self, path};
use crate::view::picture::Line;

/// A line as it was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hit {
    pub(crate) id: String,
    pub(crate) index: String,
    /// What boards show of it.
    pub(crate) line: Line,
    /// The document, as far as it was asked for.
    pub(crate) source: Value,
    /// What it is sorted by.
    pub(crate) sort: Vec<Value>,
}

/// The lines of an answer, in its order.
pub(crate) fn hits(answer: &Value) -> Vec<Hit> {
    let hits = answer["hits"]["hits"].as_array().map_or(&[][..], |h| h);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let hit = |hit: &Value| Hit {
        id: text(&hit["_id"]),
        index: text(&hit["_index"]),
        line: lines::line(hit),
        source: hit["_source"].clone(),
        sort: hit["sort"].as_array().cloned().unwrap_or_default(),
    };
    hits.iter().map(hit).collect()
}

impl Hit {
    /// A field's values, as text.
    pub(crate) fn values(&self, field: &str) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(value) = path(&self.source, field) {
            scalars(value, &mut out);
        }
        out
    }

    /// A field's number.
    pub(crate) fn number(&self, field: &str) -> Option<i64> {
        path(&self.source, field)?.as_i64()
    }
}

fn scalars(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, out)),
        Value::Null => {}
        Value::String(text) => out.push(text.clone()),
        other => out.push(other.to_string()),
    }
}

/// A document's fields by their full names, in the order of names, each with its values.
pub(crate) fn flat(source: &Value) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    flatten(String::new(), source, &mut out);
    // Objects in a list have the same names; a document may also be half nested and half flat.
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1.append(&mut next.1);
        }
        same
    });
    out
}

fn flatten(name: String, value: &Value, out: &mut Vec<(String, Vec<String>)>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(name, value, out);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().for_each(|item| flatten(name.clone(), item, out));
        }
        Value::Null => {}
        other => {
            let mut values = Vec::new();
            scalars(other, &mut values);
            out.push((name, values));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_flat_and_sorted() {
        let document = json!({
            "message": "x", "b": {"c": 1, "a": [true, "y"]}, "b.a": "z", "none": null, "empty": [],
            "list": [{"n": 1}, {"n": 2, "m": null}],
        });
        let all: Vec<String> = flat(&document).iter().map(|(n, v)| format!("{n}={}", v.join("|"))).collect();
        assert_eq!(all, ["b.a=true|y|z", "b.c=1", "empty=", "list.n=1|2", "message=x"]);
    }

    #[test]
    fn a_hit_reads_what_is_there() {
        let answer = json!({"hits": {"hits": [{"_id": "1", "_index": "logs", "_source": {"log": {"offset": 7}, "tags": ["a", "b"]}, "sort": [1, 7]}, {}]}});
        let found = hits(&answer);
        assert_eq!(
            (found[0].number("log.offset"), found[0].values("tags")),
            (Some(7), vec!["a".into(), "b".into()])
        );
        assert_eq!(found[1].values("tags"), Vec::<String>::new());
        assert!(hits(&json!({"hits": 3})).is_empty());
    }
}
