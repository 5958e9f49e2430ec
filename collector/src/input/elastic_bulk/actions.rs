//! The body of `_bulk`: lines of actions, each followed by its document.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;

/// What is to be done with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Index,
    Create,
    Update,
    Delete,
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// An action.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Action {
    pub(super) operation: Operation,
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) routing: Option<String>,
    /// Its document, a part of the body; nothing for one that has none.
    pub(super) document: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Written<'a> {
    #[serde(borrow)]
    Index(Meta<'a>),
    #[serde(borrow)]
    Create(Meta<'a>),
    #[serde(borrow)]
    Update(Meta<'a>),
    #[serde(borrow)]
    Delete(Meta<'a>),
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "_index")]
    index: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_id")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pipeline: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "_routing")]
    routing: Option<Cow<'a, str>>,
}

/// Reads a body; `index` is the one that its address names. What is wrong is said in Elasticsearch's words.
pub(super) fn actions(body: &Bytes, index: Option<&str>) -> Result<Vec<Action>, String> {
    let mut lines = Lines { body, at: 0, number: 0 };
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let number = lines.number;
        let written: Written<'_> = serde_json::from_slice(&line)
            .map_err(|error| format!("Malformed action/metadata line [{number}]: {error}"))?;
        let (operation, meta) = match written {
            Written::Index(meta) => (Operation::Index, meta),
            Written::Create(meta) => (Operation::Create, meta),
            Written::Update(meta) => (Operation::Update, meta),
            Written::Delete(meta) => (Operation::Delete, meta),
        };
        let Some(index) = meta.index.as_deref().or(index) else {
            return Err(format!("Action/metadata line [{number}]: index is missing"));
        };
        let document = match operation {
            Operation::Delete => Bytes::new(),
            _ => lines
                .next()
                .ok_or_else(|| format!("Action/metadata line [{number}]: its document is missing"))?,
        };
        found.push(Action {
            operation,
            index: index.to_owned(),
            id: meta.id.map(Cow::into_owned),
            pipeline: meta.pipeline.map(Cow::into_owned),
            routing: meta.routing.map(Cow::into_owned),
            document,
        });
    }
    Ok(found)
}

struct Lines<'b> {
    body: &'b Bytes,
    at: usize,
    number: usize,
}

impl Iterator for Lines<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = self.body.slice(self.at..self.at + len);
        self.at += len + 1;
        self.number += 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(body: &str, index: Option<&str>) -> String {
        match actions(&Bytes::copy_from_slice(body.as_bytes()), index) {
            Err(error) => error,
            Ok(found) => {
                let show = |action: &Action| {
                    format!(
                        "{} {} {:?} {}",
                        action.operation.name(),
                        action.index,
                        action.id,
                        String::from_utf8_lossy(&action.document)
                    )
                };
                found.iter().map(show).collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn actions_and_their_documents() {
        insta::assert_snapshot!(check("{\"create\":{}}\n{\"a\":1}\n\n{\"index\":{\"_index\":\"b\",\"_id\":\"7\",\"routing\":\"x\"}}\r\n{\"a\":2}\n{\"delete\":{\"_id\":\"8\"}}\n{\"update\":{\"_id\":\"9\"}}\n{\"doc\":{}}", Some("a")), @r#"
        create a None {"a":1}
        index b Some("7") {"a":2}
        delete a Some("8") 
        update a Some("9") {"doc":{}}
        "#);
        insta::assert_snapshot!(check("{\"create\":{}}\n{}\n", None), @"Action/metadata line [1]: index is missing");
        insta::assert_snapshot!(check("{\"create\":{}}\n{}\n{\"index\":{}}\n", Some("a")), @"Action/metadata line [3]: its document is missing");
        insta::assert_snapshot!(check("{\"a\":1}\n", Some("a")), @"Malformed action/metadata line [1]: unknown variant `a`, expected one of `index`, `create`, `update`, `delete` at line 1 column 4");
        insta::assert_snapshot!(check("{\"create\":{\"_id\":7}}\n{}\n", Some("a")), @"Malformed action/metadata line [1]: invalid type: integer `7`, expected a string at line 1 column 18");
        assert_eq!(check("", None), "");
    }

    proptest! {
        /// What is written is read.
        #[test]
        fn written_is_read(items in prop::collection::vec(("(index|create)", "[a-z]{1,5}", "\\PC{0,6}", "\\PC{0,9}"), 0..6)) {
            let mut body = String::new();
            for (operation, index, id, text) in &items {
                body += &format!("{}\n{}\n", serde_json::json!({operation: {"_index": index, "_id": id}}), serde_json::json!({"t": text}));
            }
            let found = actions(&Bytes::from(body), None).unwrap();
            prop_assert_eq!(found.len(), items.len());
            for (found, (operation, index, id, text)) in found.iter().zip(&items) {
                prop_assert_eq!(found.operation.name(), operation);
                prop_assert_eq!((&found.index, found.id.as_ref()), (index, Some(id)));
                let document: serde_json::Value = serde_json::from_slice(&found.document).unwrap();
                prop_assert_eq!(document["t"].as_str(), Some(text.as_str()));
            }
        }
    }
}
