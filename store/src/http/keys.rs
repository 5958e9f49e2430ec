//! `_security`: API keys, and who one is.

use super::{Call, Reply, Result};
use crate::error::ApiError;
use crate::query::parse::plain;
use crate::security::keys::Chosen;
use crate::store::Store;
use serde_json::{Value, json};

/// Keys are for those who log in: without a login nobody asks for one.
fn with_login(store: &Store) -> std::result::Result<(), ApiError> {
    if store.security().is_on() {
        return Ok(());
    }
    Err(ApiError::illegal(
        "there is no login here, so API keys mean nothing: `alces store user add` makes one",
    ))
}

pub(super) fn create(store: &Store, call: &Call) -> Result {
    call.only(&["refresh"])?;
    with_login(store)?;
    if call.caller.by_key {
        // As Elasticsearch has it: what a stolen key makes would outlive it.
        return Err(ApiError::illegal("creating derived api keys requires a user: log in with a password"));
    }
    Reply::json(&store.security().keys().create(&call.json()?, &call.caller.name, store.now())?)
}

pub(super) fn list(store: &Store, call: &Call) -> Result {
    call.only(&["id", "name", "username", "owner", "realm_name", "active_only"])?;
    with_login(store)?;
    let text = |name: &str| call.param(name).map(str::to_owned);
    let owner =
        if call.flag("owner") == Some(true) { Some(call.caller.name.clone()) } else { text("username") };
    let chosen = Chosen { ids: text("id").map(|id| vec![id]), name: text("name"), owner };
    let found = store.security().keys().list(&chosen);
    if let (Some(id), true) = (call.param("id"), found.is_empty()) {
        return Err(ApiError::new(
            404,
            "resource_not_found_exception",
            format!("there is no API key with the id [{id}]"),
        ));
    }
    Reply::json(&json!({"api_keys": found}))
}

pub(super) fn remove(store: &Store, call: &Call) -> Result {
    call.only(&[])?;
    with_login(store)?;
    let mut chosen = Chosen::default();
    for (key, value) in call.json()?.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("id", Value::String(id)) => chosen.ids = Some(vec![id.clone()]),
            ("ids", Value::Array(ids)) => chosen.ids = Some(ids.iter().map(plain).collect()),
            ("name", Value::String(name)) => chosen.name = Some(name.clone()),
            ("username", Value::String(name)) => chosen.owner = Some(name.clone()),
            ("owner", Value::Bool(true)) => chosen.owner = Some(call.caller.name.clone()),
            ("owner", Value::Bool(false)) => {}
            (other, _) => {
                return Err(ApiError::parsing(format!("removing API keys does not support [{other}] here")));
            }
        }
    }
    if chosen.ids.is_none() && chosen.name.is_none() && chosen.owner.is_none() {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: One of [api key id(s), api key name, username, realm name] must be specified if [owner] \
             flag is false;",
        ));
    }
    let gone = store.security().keys().remove(&chosen)?;
    Reply::json(&json!({
        "invalidated_api_keys": gone,
        "previously_invalidated_api_keys": [],
        "error_count": 0,
    }))
}

pub(super) fn whoami(call: &Call) -> Result {
    let roles: std::collections::BTreeSet<String> =
        call.caller.grants.iter().flat_map(|grant| &grant.roles).map(ToString::to_string).collect();
    let how = if call.caller.by_key { "api_key" } else { "realm" };
    Reply::json(&json!({
        "username": call.caller.name,
        "roles": roles,
        "enabled": true,
        "authentication_type": how,
    }))
}
