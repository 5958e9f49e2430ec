//! `_plugins/_ism`: policies of retention.

use super::{Call, Reply, Result, SELECT};
use crate::error::ApiError;
use crate::retention::decide::{Held, Judged};
use crate::retention::policy::Policy;
use crate::retention::{Book, Kept};
use crate::store::Store;
use serde_json::{Map, Value, json};

/// What policies say now.
async fn looked(store: &Store) -> std::result::Result<(Vec<Held>, Vec<Judged>), ApiError> {
    let looking = store.clone();
    super::search::blocking(move || looking.judged()).await
}

fn no_policy() -> ApiError {
    ApiError::new(404, "status_exception", "Policy not found")
}

fn shown(id: &str, kept: &Kept) -> Value {
    json!({
        "_id": id,
        "_version": kept.version,
        "_seq_no": kept.seq_no,
        "_primary_term": 1,
        "policy": kept.policy.json,
    })
}

pub(super) async fn put(store: &Store, call: &Call, id: &str) -> Result {
    call.only(&["if_seq_no", "if_primary_term", "refresh"])?;
    let number = |name: &str| -> std::result::Result<Option<u64>, ApiError> {
        let read =
            |text: &str| text.parse().map_err(|_| ApiError::illegal(format!("[{name}] cannot be [{text}]")));
        call.param(name).map(read).transpose()
    };
    let seen = number("if_seq_no")?.zip(number("if_primary_term")?);
    if id.len() > 256 || id.chars().any(char::is_control) {
        return Err(ApiError::illegal(
            "the name of a policy has 256 bytes at most, and no control characters",
        ));
    }
    let body = call.json()?;
    let Some(json) = body.get("policy") else {
        return Err(ApiError::parsing("the body must be an object with a [policy]"));
    };
    // What was made under the policy as it is now keeps it.
    looked(store).await?;
    let policy = Policy::parse(id, json, store.now())?;
    let kept = store.retention().change(|book| book.put(policy, seen))?;
    let mut answer = shown(id, &kept);
    answer["policy"] = json!({"policy": kept.policy.json});
    Reply::status(if kept.version == 1 { 201 } else { 200 }, &answer)
}

pub(super) fn get(store: &Store, call: &Call, id: &str) -> Result {
    call.only(&[])?;
    let book = store.retention().book();
    Reply::json(&shown(id, book.policies.get(id).ok_or_else(no_policy)?))
}

pub(super) fn list(store: &Store, call: &Call) -> Result {
    call.only(&[])?;
    let book = store.retention().book();
    let all: Vec<Value> = book.policies.iter().map(|(id, kept)| shown(id, kept)).collect();
    Reply::json(&json!({"policies": all, "total_policies": all.len()}))
}

pub(super) fn delete(store: &Store, call: &Call, id: &str) -> Result {
    call.only(&["refresh"])?;
    let gone = store.retention().change(|book| {
        let gone = book
            .policies
            .remove(id)
            .ok_or_else(|| ApiError::new(404, "status_exception", "Policy not found"))?;
        book.attached.retain(|_, policy| policy != id);
        Ok(gone)
    })?;
    Reply::json(&json!({
        "_index": ".opendistro-ism-config",
        "_id": id,
        "_version": gone.version + 1,
        "result": "deleted",
        "_shards": {"total": 1, "successful": 1, "failed": 0},
        "_seq_no": gone.seq_no + 1,
        "_primary_term": 1,
    }))
}

/// Gives a policy to indexes by hand.
pub(super) fn add(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let body = call.json()?;
    let id = match body.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("policy_id")) {
        Some(Value::String(id)) => id.clone(),
        _ => return Err(ApiError::illegal("the body must be {\"policy_id\": …}")),
    };
    changed(store, call, expression, |book, uuid| {
        if !book.policies.contains_key(&id) {
            return Err(no_policy());
        }
        if book.attached.contains_key(&uuid) {
            return Ok(Some(
                "This index already has a policy, use the update policy API to update index policies",
            ));
        }
        book.detached.remove(&uuid);
        book.attached.insert(uuid, id.clone());
        Ok(None)
    })
}

/// Takes the policy from indexes.
pub(super) fn remove(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    changed(store, call, expression, |book, uuid| {
        if book.attached.remove(&uuid).is_none() {
            return Ok(Some("This index does not have a policy to remove"));
        }
        book.detached.insert(uuid);
        Ok(None)
    })
}

fn changed(
    store: &Store,
    call: &Call,
    expression: &str,
    change: impl Fn(&mut Book, u64) -> std::result::Result<Option<&'static str>, ApiError>,
) -> Result {
    let indexes = store.resolve(expression, call.options())?;
    let failed = store.retention().change(|book| {
        let mut failed = Vec::new();
        for index in &indexes {
            if let Some(reason) = change(book, index.uuid)? {
                failed.push(json!({
                    "index_name": index.name,
                    "index_uuid": format!("{:016x}", index.uuid),
                    "reason": reason,
                }));
            }
        }
        Ok(failed)
    })?;
    Reply::json(&json!({
        "updated_indices": indexes.len() - failed.len(),
        "failures": !failed.is_empty(),
        "failed_indices": failed,
    }))
}

/// Where indexes stand in their policies.
pub(super) async fn explain(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let (held, judged) = looked(store).await?;
    let book = store.retention().book();
    let mut out = Map::new();
    let mut managed = 0;
    for index in store.resolve(expression, call.options())? {
        let judged = judged.iter().find(|judged| judged.uuid == index.uuid);
        let policy = judged.map(|judged| judged.policy.as_str());
        let mut one = json!({
            "index.plugins.index_state_management.policy_id": policy,
            "index.opendistro.index_state_management.policy_id": policy,
            "enabled": null,
        });
        if let Some(judged) = judged {
            managed += 1;
            let failure = store.retention().failure(index.uuid);
            let failed = judged.stuck || failure.is_some();
            let kept = book.policies.get(&judged.policy);
            one["index"] = json!(index.name);
            one["index_uuid"] = json!(format!("{:016x}", index.uuid));
            one["policy_id"] = json!(judged.policy);
            one["enabled"] = json!(true);
            one["policy_seq_no"] = json!(kept.map(|kept| kept.seq_no));
            one["policy_primary_term"] = json!(1);
            one["index_creation_date"] = json!(index.created);
            one["rolled_over"] =
                json!(held.iter().any(|held| held.uuid == index.uuid && held.rolled.is_some()));
            one["state"] = json!({"name": judged.state});
            if let Some((name, place)) = judged.action {
                one["action"] = json!({"name": name, "index": place, "failed": failed});
            }
            one["retry_info"] = json!({"failed": failed, "consumed_retries": 0});
            one["info"] = json!({"message": failure.as_ref().unwrap_or(&judged.message)});
        }
        out.insert(index.name.clone(), one);
    }
    out.insert("total_managed_indices".into(), json!(managed));
    Reply::json(&out)
}
