//! The root page, indexes, mappings, templates, data streams.

use super::{Call, Reply, Result, SELECT};
use crate::error::ApiError;
use crate::mapping::types::FieldType;
use crate::names::wildcard;
use crate::retention::names::stream_of;
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

pub(super) fn put_mapping(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    let body = call.json()?;
    for index in store.resolve(expression, call.options())? {
        store.put_mapping(&index, &body)?;
    }
    Reply::json(&json!({"acknowledged": true}))
}

/// The definitions of single fields, as Grafana asks for that of the time.
pub(super) fn mapping_fields(store: &Store, call: &Call, expression: &str, names: &str) -> Result {
    let known: Vec<&str> = SELECT.iter().copied().chain(["include_defaults"]).collect();
    call.only(&known)?;
    let mut out = Map::new();
    for index in store.resolve(expression, call.options())? {
        let mut found = Map::new();
        for (path, field) in &index.mapping().fields {
            if names.split(',').any(|pattern| wildcard(pattern, path)) {
                let leaf = path.rsplit_once('.').map_or(path.as_str(), |(_, leaf)| leaf);
                found.insert(path.clone(), json!({"full_name": path, "mapping": {leaf: field.json}}));
            }
        }
        out.insert(index.name.clone(), json!({"mappings": found}));
    }
    Reply::json(&out)
}

/// Fields that every index has, with what can be done with them: searched, aggregated.
const META: &[(&str, &str, bool, bool)] = &[
    ("_data_stream_timestamp", "_data_stream_timestamp", false, false),
    ("_doc_count", "long", false, false),
    ("_feature", "_feature", false, false),
    ("_field_names", "_field_names", true, false),
    ("_id", "_id", true, true),
    ("_ignored", "_ignored", true, false),
    ("_index", "_index", true, true),
    ("_nested_path", "_nested_path", true, false),
    ("_routing", "_routing", true, false),
    ("_seq_no", "_seq_no", true, true),
    ("_source", "_source", false, false),
    ("_version", "_version", false, false),
];

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
        let holds = |path: &str| {
            let below = format!("{path}.");
            mapping.fields.range(below.clone()..).next().is_some_and(|(field, _)| field.starts_with(&below))
        };
        for path in mapping.objects.iter().filter(|path| named(path) && holds(path)) {
            let caps = json!({"type": "object", "searchable": false, "aggregatable": false});
            fields.entry(path.clone()).or_default().insert("object".into(), caps);
        }
    }
    // The objects that found fields lie in.
    let parents: Vec<String> = fields
        .keys()
        .flat_map(|path| path.match_indices('.').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>())
        .collect();
    for path in parents {
        let is_object = indexes.iter().any(|index| index.mapping().objects.contains(&path));
        if is_object && !fields.contains_key(&path) {
            let caps = json!({"type": "object", "searchable": false, "aggregatable": false});
            fields.entry(path).or_default().insert("object".into(), caps);
        }
    }
    if !indexes.is_empty() {
        for (name, kind, searchable, aggregatable) in META.iter().filter(|(name, ..)| named(name)) {
            let caps = json!({"type": kind, "searchable": searchable, "aggregatable": aggregatable});
            fields.entry((*name).to_owned()).or_default().insert((*kind).to_owned(), caps);
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
        let mut settings = shown(&index.settings);
        for (key, value) in [
            ("creation_date", index.created.to_string()),
            ("uuid", format!("{:016x}", index.uuid)),
            ("provided_name", index.name.clone()),
        ] {
            settings.insert(key.into(), json!(value));
        }
        let aliases = store.aliases().of_index(&index.name, "*");
        let json = json!({"aliases": aliases, "mappings": index.mapping().to_json(), "settings": {"index": settings}});
        out.insert(index.name.clone(), json);
    }
    Reply::json(&out)
}

/// Settings below `index`, all of them strings, however they were given.
fn shown(settings: &Value) -> Map<String, Value> {
    fn put(out: &mut Map<String, Value>, path: &str, value: &Value) {
        match (path.split_once('.'), value) {
            (Some((head, rest)), value) => {
                let below = out.entry(head).or_insert_with(|| json!({}));
                if let Value::Object(below) = below {
                    put(below, rest, value);
                }
            }
            (None, Value::Object(map)) => {
                let below = out.entry(path).or_insert_with(|| json!({}));
                if let Value::Object(below) = below {
                    map.iter().for_each(|(key, value)| put(below, key, value));
                }
            }
            (None, Value::Array(list)) => {
                let texts: Vec<String> = list.iter().map(crate::query::parse::plain).collect();
                out.insert(path.into(), json!(texts));
            }
            (None, leaf) => {
                out.insert(path.into(), json!(crate::query::parse::plain(leaf)));
            }
        }
    }
    let mut out = Map::new();
    for (key, value) in settings.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("index", Value::Object(map)) => map.iter().for_each(|(key, value)| put(&mut out, key, value)),
            (key, value) => put(&mut out, key.strip_prefix("index.").unwrap_or(key), value),
        }
    }
    for key in ["number_of_shards", "number_of_replicas"] {
        out.entry(key).or_insert_with(|| json!("1"));
    }
    out
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
    // What a template gives to others' indexes is not a matter of who may write to some.
    let patterns = crate::templates::patterns(&body).into_iter();
    let aliases = body.pointer("/template/aliases").and_then(Value::as_object);
    for name in patterns.chain(aliases.into_iter().flat_map(Map::keys).map(String::as_str)) {
        store.check_scope(name)?;
    }
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
    let mut streams: BTreeMap<String, Vec<std::sync::Arc<crate::index::Index>>> = BTreeMap::new();
    for index in store.resolve(expression, call.options())?.into_iter().filter(|index| index.data_stream) {
        let name = stream_of(&index.name).map_or(index.name.as_str(), |(stream, _)| stream).to_owned();
        streams.entry(name).or_default().push(index);
    }
    let generation = |name: &str| stream_of(name).map_or(1, |(_, generation)| generation);
    let one = |(name, mut indexes): (String, Vec<std::sync::Arc<crate::index::Index>>)| {
        indexes.sort_by_key(|index| generation(&index.name));
        let last = indexes.last();
        let list: Vec<Value> = indexes
            .iter()
            .map(|index| json!({"index_name": index.name, "index_uuid": format!("{:016x}", index.uuid)}))
            .collect();
        json!({
            "name": name,
            "timestamp_field": {"name": "@timestamp"},
            "indices": list,
            "generation": last.map_or(1, |index| generation(&index.name)),
            "status": "GREEN",
            "template": last.and_then(|index| index.template.clone()),
        })
    };
    let list: Vec<Value> = streams.into_iter().map(one).collect();
    if list.is_empty() && !expression.contains('*') {
        return Err(ApiError::no_index(expression));
    }
    Reply::json(&json!({"data_streams": list}))
}

pub(super) fn put_data_stream(store: &Store, call: &Call, name: &str) -> Result {
    call.only(SELECT)?;
    crate::names::check(name)?;
    if let Some(index) = store.index(name) {
        let what = if index.data_stream { "data_stream" } else { "index" };
        return Err(ApiError::new(
            400,
            "resource_already_exists_exception",
            format!("{what} [{name}] already exists"),
        ));
    }
    if store.aliases().knows(name) {
        return Err(ApiError::new(
            400,
            "resource_already_exists_exception",
            format!("data_stream [{name}] already exists"),
        ));
    }
    if !store.templates().start(name)?.data_stream {
        return Err(ApiError::illegal(format!("no matching index template found for data stream [{name}]")));
    }
    store.create(name, None, false)?;
    Reply::json(&json!({"acknowledged": true}))
}

pub(super) async fn delete_data_stream(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(SELECT)?;
    for index in store.resolve(expression, call.options())?.into_iter().filter(|index| index.data_stream) {
        store.delete(&index).await?;
    }
    Reply::json(&json!({"acknowledged": true}))
}
