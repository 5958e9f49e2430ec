//! Aliases: other names for indexes, each with a filter of its own where it has one.

use crate::error::{ApiError, StoreError};
use crate::names;
use crate::query::ast::Query;
use crate::retention::names::stream_of;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// All aliases, kept in one file: alias → index → its options as OpenSearch shows them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Aliases(BTreeMap<String, BTreeMap<String, Map<String, Value>>>);

/// One of the `actions` of `_aliases`.
#[derive(Debug)]
pub(crate) enum Action {
    Add { indexes: Vec<String>, aliases: Vec<String>, options: Map<String, Value> },
    Remove { indexes: Vec<String>, aliases: Vec<String>, must_exist: bool },
}

impl Action {
    /// Reads `{"add": {"index": …, "alias": …}}`.
    pub(crate) fn parse(json: &Value) -> Result<Self, ApiError> {
        let one = json.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let Some((name, Value::Object(body))) = one else {
            return Err(ApiError::illegal("an action of [aliases] is an object with one key"));
        };
        let list = |one: &str, many: &str| match (body.get(one), body.get(many)) {
            (Some(Value::String(one)), None) => vec![one.clone()],
            (None, Some(Value::Array(list))) => list.iter().map(crate::query::parse::plain).collect(),
            (None, Some(Value::String(one))) => vec![one.clone()],
            _ => Vec::new(),
        };
        let (indexes, aliases) = (list("index", "indices"), list("alias", "aliases"));
        if indexes.is_empty() || aliases.is_empty() {
            return Err(ApiError::illegal(format!(
                "[{name}] requires one of [index] or [indices], and of [alias] or [aliases]"
            )));
        }
        let rest =
            |key: &String| !matches!(key.as_str(), "index" | "indices" | "alias" | "aliases" | "must_exist");
        let options = body.iter().filter(|(key, _)| rest(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        match name.as_str() {
            "add" => Ok(Self::Add { indexes, aliases, options: check(options)? }),
            "remove" => Ok(Self::Remove {
                indexes,
                aliases,
                must_exist: body.get("must_exist") != Some(&Value::Bool(false)),
            }),
            other => Err(ApiError::illegal(format!(
                "the action [{other}] of [aliases] is not supported; use add or remove"
            ))),
        }
    }
}

/// Options of an alias: a filter that can be read, or which index is written to.
pub(crate) fn check(options: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    for (key, value) in &options {
        match key.as_str() {
            "filter" => drop(crate::query::parse::parse(value)?),
            "is_write_index" if value.is_boolean() => {}
            other => {
                return Err(ApiError::illegal(format!("an alias does not support [{other}] = [{value}]")));
            }
        }
    }
    Ok(options)
}

impl Aliases {
    pub(crate) fn load(path: &Path) -> Result<Self, StoreError> {
        crate::files::load(path).map(Self)
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), StoreError> {
        crate::files::replace(path, json!(self.0).to_string().as_bytes())
    }

    /// Lets go of indexes that are not there: a crash may have come between an index and its aliases.
    pub(crate) fn prune(&mut self, is_there: impl Fn(&str) -> bool) {
        for indexes in self.0.values_mut() {
            indexes.retain(|index, _| is_there(index));
        }
        self.0.retain(|_, indexes| !indexes.is_empty());
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// The indexes behind an alias, with their options.
    pub(crate) fn of(&self, alias: &str) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        self.0.get(alias).into_iter().flatten()
    }

    /// The aliases of an index whose names match one of the patterns.
    pub(crate) fn of_index(&self, index: &str, patterns: &str) -> Map<String, Value> {
        let wanted = |alias: &str| patterns.split(',').any(|p| p == "_all" || names::wildcard(p, alias));
        // That a data stream leads to its indexes is no alias of theirs.
        let stream = stream_of(index).map(|(stream, _)| stream);
        let is_alias = |alias: &str| stream != Some(alias) && alias != index;
        let all = self
            .0
            .iter()
            .filter(|(alias, indexes)| wanted(alias) && is_alias(alias) && indexes.contains_key(index));
        all.map(|(alias, indexes)| (alias.clone(), Value::Object(indexes[index].clone()))).collect()
    }

    /// Whether any alias has the name, or one that matches the pattern.
    pub(crate) fn knows(&self, pattern: &str) -> bool {
        self.0.keys().any(|alias| names::wildcard(pattern, alias))
    }

    /// The filter of an alias on an index.
    pub(crate) fn filter(options: &Map<String, Value>) -> Option<Query> {
        options.get("filter").and_then(|filter| crate::query::parse::parse(filter).ok())
    }

    /// The index that writes to an alias go to.
    pub(crate) fn write_index(&self, alias: &str) -> Option<Result<&str, ApiError>> {
        let indexes = self.0.get(alias)?;
        let chosen =
            indexes.iter().find(|(_, options)| options.get("is_write_index") == Some(&Value::Bool(true)));
        Some(match (chosen, indexes.len()) {
            (Some((index, _)), _) => Ok(index),
            (None, 1) => Ok(indexes.keys().next().map_or("", String::as_str)),
            _ => Err(ApiError::illegal(format!(
                "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using \
                 is_write_index=false or the alias points to multiple indices without one being designated as a write index"
            ))),
        })
    }

    pub(crate) fn add(&mut self, alias: &str, index: &str, options: Map<String, Value>) {
        self.0.entry(alias.to_owned()).or_default().insert(index.to_owned(), options);
    }

    /// False where there was none.
    pub(crate) fn remove(&mut self, pattern: &str, index: &str) -> bool {
        let mut found = false;
        for (alias, indexes) in &mut self.0 {
            if pattern == "_all" || names::wildcard(pattern, alias) {
                found |= indexes.remove(index).is_some();
            }
        }
        self.0.retain(|_, indexes| !indexes.is_empty());
        found
    }
}
