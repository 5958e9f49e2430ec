//! Questions and answers within what a person may see.

use serde_json::{Value, json};

use super::Mask;

/// Puts limits into a question: `filter` into what it is about, and what the mask must know into what it reads.
pub(crate) fn narrow(body: &mut Value, filter: Option<&Value>, mask: Option<&Mask>) {
    if let Some(filter) = filter {
        match body.pointer_mut("/query/bool/filter") {
            Some(Value::Array(all)) => all.push(filter.clone()),
            _ => {
                let whole = body.get("query").cloned().unwrap_or_else(|| json!({"match_all": {}}));
                body["query"] = json!({"bool": {"filter": [whole, filter]}});
            }
        }
    }
    // What is struck out of a line's texts must be known.
    if let (Some(mask), Some(Value::Array(fields))) = (mask, body.get_mut("_source")) {
        fields.extend(mask.needs().into_iter().map(Value::String));
    }
}

/// Masks the documents of an answer.
pub(crate) fn hide(answer: &mut Value, mask: &Mask) {
    let Some(Value::Array(hits)) = answer.pointer_mut("/hits/hits") else { return };
    hits.iter_mut().filter_map(|hit| hit.get_mut("_source")).for_each(|source| mask.document(source));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_narrowed_whatever_it_is() {
        let limit = json!({"term": {"team": "shop"}});
        for query in [
            json!({"bool": {"filter": [{"match_all": {}}]}}),
            json!({"ids": {"values": ["1"]}}),
            json!({"bool": {"must_not": [{"match_all": {}}]}}),
            Value::Null,
        ] {
            let mut body = if query.is_null() { json!({}) } else { json!({"query": query}) };
            narrow(&mut body, Some(&limit), None);
            let filters = body["query"]["bool"]["filter"].as_array().expect("filters");
            assert_eq!(filters.last(), Some(&limit), "{body}");
            assert!(
                query.is_null() || body.to_string().contains(&query["ids"].to_string()) || filters.len() == 2
            );
        }
    }
}
