//! The root page, indexes, mappings, templates, data streams.

use super::{Call, Reply, Result, SELECT};
use crate::error::ApiError;
use crate::mapping::types::FieldType;
use crate::names::wildcard;
use crate::store::Store;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The version of OpenSearch whose API this speaks.
const SPOKEN: &str = "3.8.0";

pub(super) fn root(store: &Store) -> Result {
    #[derive(Serialize)]
    struct Root<'a> {
        name: &'a str,
        cluster_name: &'a str,
        cluster_uuid: &'a str,
        version: Value,
        tagline: &'a str,
    }
    Reply::json(&Root {
        name: concat!("alces-store-", env!("CARGO_PKG_VERSION")),
        cluster_name: &store.config().cluster_name,
        cluster_uuid: "alces-store",
        version: json!({
            "distribution": "opensearch",
            "number": SPOKEN,
            "build_type": "alces-store",
            "build_hash": env!("CARGO_PKG_VERSION"),
            "build_snapshot": false,
            "lucene_version": "10.3.2",
            "minimum_wire_compatibility_version": "2.19.0",
            "minimum_index_compatibility_version": "2.0.0",
        }),
        tagline: "The OpenSearch Project: https://opensearch.org/",
    })
}

pub(super) async fn refresh(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let indexes = store.resolve(expression, call.options())?;
    store.refresh().await?;
    let count = indexes.len();
    Reply::json(&json!({"_shards": {"total": count, "successful": count, "failed": 0}}))
}

pub(super) fn mapping(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let mut out = Map::new();
    for index in store.resolve(expression, call.options())? {
        out.insert(index.name.clone(), json!({"mappings": index.mapping().to_json()}));
    }
    Reply::json(&out)
}

/// The family of a type, as field capabilities name it.
fn family(kind: &str) -> &str {
    match kind {
        "match_only_text" => "text",
        other => other,
    }
}

pub(super) fn field_caps(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(&["fields", "ignore_unavailable", "allow_no_indices", "include_unmapped", "expand_wildcards"])?;
    let body = call.json()?;
    let wanted: Vec<String> = match (call.param("fields"), body.get("fields")) {
        (Some(list), _) => list.split(',').map(str::to_owned).collect(),
        (None, Some(Value::Array(list))) => list.iter().map(crate::query::parse::plain).collect(),
        _ => return Err(ApiError::illegal("Validation Failed: 1: no fields specified;")),
    };
    let indexes = store.resolve(expression, call.options())?;
    let mut fields: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let named = |path: &str| wanted.iter().any(|pattern| wildcard(pattern, path));
    for index in &indexes {
        let mapping = index.mapping();
        for (path, field) in mapping.fields.iter().filter(|(path, _)| named(path)) {
            let kind = family(field.json.get("type").and_then(Value::as_str).unwrap_or("object"));
            let columns = field.ty != FieldType::Text;
            let caps = json!({"type": kind, "searchable": true, "aggregatable": columns});
            fields.entry(path.clone()).or_default().insert(kind.to_owned(), caps);
        }
        for path in mapping.objects.iter().filter(|path| named(path)) {
            let caps = json!({"type": "object", "searchable": false, "aggregatable": false});
            fields.entry(path.clone()).or_default().insert("object".into(), caps);
        }
    }
    let names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
    Reply::json(&json!({"indices": names, "fields": fields}))
}

pub(super) fn create_index(store: &Store, call: &Call, name: &str) -> Result {
    call.only(SELECT)?;
    let body = call.json()?;
    store.create(name, Some(&body), false)?;
    Reply::json(&json!({"acknowledged": true, "shards_acknowledged": true, "index": name}))
}

pub(super) fn get_index(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let mut out = Map::new();
    let indexes = store.resolve(expression, call.options())?;
    if indexes.is_empty() && call.method == axum::http::Method::HEAD {
        return Err(ApiError::no_index(expression));
    }
    for index in indexes {
        let mut settings = index.settings.clone();
        if !settings.is_object() {
            settings = json!({});
        }
        settings["index"]["creation_date"] = json!(index.created.to_string());
        settings["index"]["uuid"] = json!(format!("{:016x}", index.uuid));
        settings["index"]["provided_name"] = json!(index.name);
        let json = json!({"aliases": {}, "mappings": index.mapping().to_json(), "settings": settings});
        out.insert(index.name.clone(), json);
    }
    Reply::json(&out)
}

pub(super) async fn delete_index(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    for index in store.resolve(expression, call.options())? {
        store.delete(&index).await?;
    }
    Reply::json(&json!({"acknowledged": true}))
}

pub(super) fn put_template(store: &Store, call: &Call, name: &str) -> Result {
    call.only(&["create", "cause"])?;
    let body = call.json()?;
    let only_new = call.flag("create") == Some(true);
    store.change_templates(|templates| {
        if only_new && !templates.find(name).is_empty() {
            return Err(ApiError::illegal(format!("index template [{name}] already exists")));
        }
        templates.put(name, body)
    })?;
    Reply::json(&json!({"acknowledged": true}))
}

fn no_template(name: &str) -> ApiError {
    ApiError::new(404, "resource_not_found_exception", format!("index template matching [{name}] not found"))
}

pub(super) fn get_template(store: &Store, call: &Call, name: &str) -> Result {
    call.only(SELECT)?;
    let templates = store.templates();
    let found = templates.find(name);
    if found.is_empty() && !name.contains('*') {
        return Err(no_template(name));
    }
    let list: Vec<Value> =
        found.iter().map(|(name, body)| json!({"name": name, "index_template": body})).collect();
    Reply::json(&json!({"index_templates": list}))
}

pub(super) fn delete_template(store: &Store, name: &str) -> Result {
    store.change_templates(|templates| {
        if templates.remove(name) {
            Ok(())
        } else {
            Err(ApiError::new(
                404,
                "index_template_missing_exception",
                format!("index_template [{name}] missing"),
            ))
        }
    })?;
    Reply::json(&json!({"acknowledged": true}))
}

pub(super) fn data_streams(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let indexes = store.resolve(expression, call.options())?;
    let list: Vec<Value> = indexes
        .iter()
        .filter(|index| index.data_stream)
        .map(|index| {
            json!({
                "name": index.name,
                "timestamp_field": {"name": "@timestamp"},
                "indices": [{"index_name": index.name, "index_uuid": format!("{:016x}", index.uuid)}],
                "generation": 1,
                "status": "GREEN",
                "template": index.template,
            })
        })
        .collect();
    if list.is_empty() && !expression.contains('*') {
        return Err(ApiError::no_index(expression));
    }
    Reply::json(&json!({"data_streams": list}))
}
