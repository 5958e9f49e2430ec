//! Aliases.

use super::{Call, Reply, Result, SELECT};
use crate::aliases::{Action, check};
use crate::error::ApiError;
use crate::store::Store;
use serde_json::{Map, Value, json};

/// `POST /_aliases`: all of its actions, or none.
pub(super) fn change(store: &Store, call: &Call) -> Result {
    call.only(&[])?;
    let body = call.json()?;
    let list = body.get("actions").and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| {
        ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: Must specify at least one alias action;",
        )
    })?;
    let actions = list.iter().map(Action::parse).collect::<std::result::Result<Vec<_>, _>>()?;
    store.change_aliases(&actions)?;
    Reply::json(&json!({"acknowledged": true}))
}

pub(super) fn put(store: &Store, call: &Call, index: &str, alias: &str) -> Result {
    call.only(&[])?;
    let options = match call.json()? {
        Value::Object(map) => check(map)?,
        _ => Map::new(),
    };
    store.change_aliases(&[Action::Add {
        indexes: vec![index.into()],
        aliases: vec![alias.into()],
        options,
    }])?;
    Reply::json(&json!({"acknowledged": true}))
}

pub(super) fn delete(store: &Store, call: &Call, index: &str, alias: &str) -> Result {
    call.only(&[])?;
    store.change_aliases(&[Action::Remove {
        indexes: vec![index.into()],
        aliases: vec![alias.into()],
        must_exist: true,
    }])?;
    Reply::json(&json!({"acknowledged": true}))
}

/// The aliases of the indexes; 404 where a name that was asked for is none.
pub(super) fn get(store: &Store, call: &Call, expression: &str, names: Option<&str>) -> Result {
    call.only(SELECT)?;
    let aliases = store.aliases();
    let mut out = Map::new();
    for index in store.resolve(expression, call.options())? {
        let found = aliases.of_index(&index.name, names.unwrap_or("*"));
        if !found.is_empty() || names.is_none() {
            out.insert(index.name.clone(), json!({"aliases": found}));
        }
    }
    let missing = |name: &&str| !name.contains('*') && *name != "_all" && !aliases.knows(name);
    let missing: Vec<&str> = names.into_iter().flat_map(|names| names.split(',')).filter(missing).collect();
    if missing.is_empty() {
        return Reply::json(&out);
    }
    // An error that is a string, as OpenSearch has it here, and what was found beside it.
    let what = if missing.len() == 1 { "alias" } else { "aliases" };
    out.insert("error".into(), json!(format!("{what} [{}] missing", missing.join(","))));
    out.insert("status".into(), json!(404));
    Reply::status(404, &out)
}
