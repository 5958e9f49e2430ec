//! Points in time.

use super::{Call, Reply, Result, SELECT};
use crate::dates;
use crate::error::ApiError;
use crate::search::run;
use crate::store::Store;
use serde_json::{Value, json};

pub(super) fn open(store: &Store, call: &Call, expression: &str) -> Result {
    let known: Vec<&str> = SELECT
        .iter()
        .copied()
        .chain(["keep_alive", "preference", "routing", "allow_partial_pit_creation"])
        .collect();
    call.only(&known)?;
    let text = call.param("keep_alive").ok_or_else(|| {
        ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: keep alive not specified;",
        )
    })?;
    let keep_alive = read(text)?;
    let parts = store.select(expression, call.options())?;
    let (id, now, shards) = (format!("pit{}", store.new_id()), store.now(), run::shards(parts.len()));
    store.pits().open(id.clone(), parts, keep_alive, now)?;
    Reply::json(&json!({"pit_id": id, "_shards": shards, "creation_time": now}))
}

/// `1m` as milliseconds.
pub(super) fn read(text: &str) -> std::result::Result<i64, ApiError> {
    dates::interval(text).ok_or_else(|| {
        ApiError::illegal(format!("failed to parse setting [keep_alive] with value [{text}] as a time value: unit is missing or unrecognized"))
    })
}

pub(super) fn close(store: &Store, call: &Call) -> Result {
    call.only(&[])?;
    let body = call.json()?;
    let ids: Vec<String> = match body.get("pit_id") {
        Some(Value::Array(ids)) => ids.iter().map(crate::query::parse::plain).collect(),
        Some(Value::String(id)) => vec![id.clone()],
        _ => {
            return Err(ApiError::new(
                400,
                "action_request_validation_exception",
                "Validation Failed: 1: no pit ids specified;",
            ));
        }
    };
    closed(store, ids)
}

pub(super) fn close_all(store: &Store) -> Result {
    closed(store, store.pits().list(store.now()).into_iter().map(|pit| pit.id).collect())
}

fn closed(store: &Store, ids: Vec<String>) -> Result {
    let one = |id: String| json!({"successful": store.pits().close(&id), "pit_id": id});
    Reply::json(&json!({"pits": ids.into_iter().map(one).collect::<Vec<_>>()}))
}

pub(super) fn list(store: &Store) -> Result {
    let pits = store.pits().list(store.now());
    let one = |pit: &crate::pit::Listed| json!({"pit_id": pit.id, "creation_time": pit.created, "keep_alive": pit.keep_alive});
    Reply::json(&json!({"pits": pits.iter().map(one).collect::<Vec<_>>()}))
}
