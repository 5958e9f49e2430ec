//! `update` of a bulk: a part of a document is laid over what is there.

use crate::error::ApiError;
use serde_json::{Map, Value};

/// What an `update` says.
#[derive(Debug, Default)]
pub(crate) struct Update {
    doc: Option<Map<String, Value>>,
    upsert: Option<Map<String, Value>>,
    doc_as_upsert: bool,
    /// Whether an update that changes nothing is left undone; OpenSearch's default.
    detect_noop: bool,
}

/// What becomes of the document.
#[derive(Debug, PartialEq)]
pub(crate) enum Applied {
    Noop,
    Document(Map<String, Value>),
    /// There is none, and none is to be made.
    Missing,
}

impl Update {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ApiError> {
        let map: Map<String, Value> =
            serde_json::from_slice(json).map_err(|e| ApiError::mapper(format!("failed to parse: {e}")))?;
        let mut update = Self { detect_noop: true, ..Self::default() };
        for (key, value) in map {
            match (key.as_str(), value) {
                ("doc", Value::Object(doc)) => update.doc = Some(doc),
                ("upsert", Value::Object(doc)) => update.upsert = Some(doc),
                ("doc_as_upsert", Value::Bool(yes)) => update.doc_as_upsert = yes,
                ("detect_noop", Value::Bool(yes)) => update.detect_noop = yes,
                ("script" | "scripted_upsert", _) => {
                    return Err(ApiError::illegal(format!(
                        "[update] with [{key}]: this store runs no scripts"
                    )));
                }
                (other, _) => {
                    return Err(ApiError::new(
                        400,
                        "x_content_parse_exception",
                        format!("[UpdateRequest] unknown field [{other}], or a value that it cannot have"),
                    ));
                }
            }
        }
        if update.doc.is_none() {
            return Err(ApiError::new(
                400,
                "action_request_validation_exception",
                "Validation Failed: 1: script or doc is missing;",
            ));
        }
        Ok(update)
    }

    /// Lays the update over the present document.
    pub(crate) fn apply(&self, present: Option<&[u8]>) -> Result<Applied, ApiError> {
        let doc = self.doc.as_ref();
        let Some(present) = present else {
            let made = if self.doc_as_upsert { doc } else { self.upsert.as_ref() };
            return Ok(made.map_or(Applied::Missing, |made| Applied::Document(made.clone())));
        };
        let mut whole: Map<String, Value> = serde_json::from_slice(present)
            .map_err(|e| ApiError::new(500, "exception", format!("a stored document is damaged: {e}")))?;
        let changed = doc.is_some_and(|doc| lay(&mut whole, doc));
        Ok(if self.detect_noop && !changed { Applied::Noop } else { Applied::Document(whole) })
    }
}

/// Objects are merged, everything else is replaced. Whether anything is new.
fn lay(under: &mut Map<String, Value>, over: &Map<String, Value>) -> bool {
    let mut changed = false;
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => changed |= lay(under, over),
            (Some(under), value) if under == value => {}
            _ => {
                under.insert(key.clone(), value.clone());
                changed = true;
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(update: Value, present: Option<Value>, expect: Applied) {
        let update = Update::parse(update.to_string().as_bytes()).unwrap();
        let present = present.map(|p| p.to_string());
        assert_eq!(update.apply(present.as_deref().map(str::as_bytes)).unwrap(), expect);
    }

    fn document(json: Value) -> Applied {
        Applied::Document(json.as_object().unwrap().clone())
    }

    #[test]
    fn a_part_is_laid_over_the_whole() {
        let doc = json!({"doc": {"a": {"c": 2}, "l": [3]}});
        check(
            doc,
            Some(json!({"a": {"b": 1}, "l": [1, 2]})),
            document(json!({"a": {"b": 1, "c": 2}, "l": [3]})),
        );
        check(json!({"doc": {"a": 1}}), Some(json!({"a": 1})), Applied::Noop);
        let always = json!({"doc": {"a": 1}, "detect_noop": false});
        check(always, Some(json!({"a": 1})), document(json!({"a": 1})));
    }

    #[test]
    fn what_is_not_there_is_made_where_it_may_be() {
        check(json!({"doc": {"a": 1}}), None, Applied::Missing);
        check(json!({"doc": {"a": 1}, "upsert": {"b": 2}}), None, document(json!({"b": 2})));
        check(json!({"doc": {"a": 1}, "doc_as_upsert": true}), None, document(json!({"a": 1})));
        assert!(Update::parse(br#"{"script": "x"}"#).is_err() && Update::parse(b"{}").is_err());
    }
}
