//! Index templates: what a new index starts with.

use crate::error::{ApiError, StoreError};
use crate::mapping::Mapping;
use crate::names::wildcard;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// All templates, kept in one file.
#[derive(Debug, Default, Clone)]
pub(crate) struct Templates(BTreeMap<String, Value>);

/// What a template gives to a new index.
#[derive(Debug, Default)]
pub(crate) struct Start {
    pub(crate) mapping: Mapping,
    pub(crate) settings: Value,
    pub(crate) data_stream: bool,
    pub(crate) template: Option<String>,
    /// With their options.
    pub(crate) aliases: Vec<(String, Map<String, Value>)>,
}

impl Templates {
    pub(crate) fn load(path: &Path) -> Result<Self, StoreError> {
        crate::files::load(path).map(Self)
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), StoreError> {
        crate::files::replace(path, json!(self.0).to_string().as_bytes())
    }

    /// Checks and keeps a template.
    pub(crate) fn put(&mut self, name: &str, body: Value) -> Result<(), ApiError> {
        let mut body = body;
        if let Value::Object(map) = &mut body {
            // As it is shown.
            map.entry("composed_of").or_insert_with(|| json!([]));
        }
        let Value::Object(map) = &body else {
            return Err(ApiError::parsing("an index template must be an object"));
        };
        for (key, value) in map {
            match key.as_str() {
                "index_patterns" | "priority" | "version" | "_meta" => {}
                "data_stream" if value.as_object().is_some_and(Map::is_empty) => {}
                "data_stream" => {
                    return Err(ApiError::parsing(
                        "[data_stream] must be an empty object: its options are not supported",
                    ));
                }
                "template" => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        match key.as_str() {
                            "mappings" => {
                                Mapping::parse(value)?;
                            }
                            "settings" => {}
                            "aliases" => {
                                for options in value.as_object().into_iter().flat_map(Map::values) {
                                    crate::aliases::check(options.as_object().cloned().unwrap_or_default())?;
                                }
                            }
                            other => {
                                return Err(ApiError::parsing(format!(
                                    "[template] does not support [{other}]"
                                )));
                            }
                        }
                    }
                }
                "composed_of" if value.as_array().is_some_and(Vec::is_empty) => {}
                other => {
                    return Err(ApiError::parsing(format!("[index_template] does not support [{other}]")));
                }
            }
        }
        if patterns(&body).is_empty() {
            return Err(ApiError::illegal(format!(
                "index template [{name}] must have at least one of [index_patterns]"
            )));
        }
        for (other, theirs) in &self.0 {
            if other != name
                && priority(theirs) == priority(&body)
                && patterns(theirs).iter().any(|p| patterns(&body).contains(p))
            {
                return Err(ApiError::illegal(format!(
                    "index template [{name}] has index patterns {:?} matching patterns from existing templates [{other}] \
                     that have the same priority [{}]; give one another priority",
                    patterns(&body),
                    priority(&body)
                )));
            }
        }
        self.0.insert(name.to_owned(), body);
        Ok(())
    }

    /// Removes what a pattern names; false if that is nothing.
    pub(crate) fn remove(&mut self, pattern: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|name, _| !wildcard(pattern, name));
        before != self.0.len()
    }

    /// The templates that a pattern names.
    pub(crate) fn find(&self, pattern: &str) -> Vec<(&String, &Value)> {
        self.0.iter().filter(|(name, _)| pattern.split(',').any(|p| wildcard(p, name))).collect()
    }

    /// What a new index of this name starts with.
    pub(crate) fn start(&self, index: &str) -> Result<Start, ApiError> {
        let best = self
            .0
            .iter()
            .filter(|(_, body)| patterns(body).iter().any(|pattern| wildcard(pattern, index)))
            .max_by_key(|(_, body)| priority(body));
        let Some((name, body)) = best else { return Ok(Start::default()) };
        let template = body.get("template");
        Ok(Start {
            mapping: template
                .and_then(|t| t.get("mappings"))
                .map_or_else(|| Ok(Mapping::default()), Mapping::parse)?,
            settings: template.and_then(|t| t.get("settings")).cloned().unwrap_or(json!({})),
            data_stream: body.get("data_stream").is_some(),
            template: Some(name.clone()),
            aliases: template
                .and_then(|t| t.get("aliases"))
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(alias, options)| (alias.clone(), options.as_object().cloned().unwrap_or_default()))
                .collect(),
        })
    }
}

/// The patterns of names that a template is for.
pub(crate) fn patterns(body: &Value) -> Vec<&str> {
    match body.get("index_patterns") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn priority(body: &Value) -> u64 {
    body.get("priority").and_then(Value::as_u64).unwrap_or(0)
}
