//! Mappings from and to the JSON that clients send and see.

use super::types::FieldType;
use super::{Dynamic, DynamicTemplate, Field, Mapping};
use crate::dates;
use crate::error::ApiError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Mapping {
    /// Reads the `mappings` object of a template or an index. Whatever we do not know is an error that names it.
    pub(crate) fn parse(json: &Value) -> Result<Self, ApiError> {
        let mut mapping = Self::default();
        mapping.merge_json(json)?;
        Ok(mapping)
    }

    /// Adds what a `mappings` object says to this mapping; used for templates, new indexes and the log's mapping records.
    pub(crate) fn merge_json(&mut self, json: &Value) -> Result<(), ApiError> {
        let Value::Object(root) = json else {
            return Err(ApiError::mapper("mappings must be an object"));
        };
        for (key, value) in root {
            match key.as_str() {
                "properties" => self.properties("", value)?,
                "dynamic" => self.dynamic = Dynamic::parse(value)?,
                "date_detection" => self.date_detection = value.as_bool().unwrap_or(true),
                "dynamic_templates" => {
                    self.templates = DynamicTemplate::parse_all(value)?;
                    self.templates_json = Some(value.clone());
                }
                "_meta" => self.meta = Some(value.clone()),
                "_source" if value.get("enabled") != Some(&json!(false)) => {}
                "_doc" => self.merge_json(value)?,
                other => {
                    return Err(ApiError::mapper(format!(
                        "Root mapping definition has unsupported parameters:  [{other} : {value}]"
                    )));
                }
            }
        }
        Ok(())
    }

    fn properties(&mut self, prefix: &str, json: &Value) -> Result<(), ApiError> {
        let Value::Object(fields) = json else {
            return Err(ApiError::mapper(format!("properties of [{prefix}] must be an object")));
        };
        for (name, definition) in fields {
            if name.is_empty() {
                return Err(ApiError::mapper("a field name must not be empty"));
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let Value::Object(definition) = definition else {
                return Err(ApiError::mapper(format!("the definition of field [{path}] must be an object")));
            };
            let kind = definition.get("type").and_then(Value::as_str);
            if kind == Some("object") || (kind.is_none() && !definition.contains_key("fields")) {
                for (key, value) in definition {
                    match key.as_str() {
                        "type" => {}
                        "properties" => self.properties(&path, value)?,
                        "dynamic" => {
                            self.object_dynamic.insert(path.clone(), Dynamic::parse(value)?);
                        }
                        other => {
                            return Err(ApiError::mapper(format!(
                                "unknown parameter [{other}] on object [{path}]"
                            )));
                        }
                    }
                }
                self.add_object(&path);
            } else {
                let field = Field::parse(&path, definition)?;
                self.add(&path, field)?;
            }
        }
        Ok(())
    }

    /// The `mappings` object as `GET /{index}/_mapping` shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut root = Map::new();
        if self.dynamic != Dynamic::True {
            root.insert("dynamic".into(), json!(self.dynamic.name()));
        }
        if !self.date_detection {
            root.insert("date_detection".into(), json!(false));
        }
        if let Some(templates) = &self.templates_json {
            root.insert("dynamic_templates".into(), templates.clone());
        }
        if let Some(meta) = &self.meta {
            root.insert("_meta".into(), meta.clone());
        }
        let mut properties = Map::new();
        for path in &self.objects {
            object_at(&mut properties, path);
        }
        for (path, dynamic) in &self.object_dynamic {
            object_at(&mut properties, path).insert("dynamic".into(), json!(dynamic.name()));
        }
        for (path, field) in &self.fields {
            if field.parent.is_some() {
                continue;
            }
            let (parent, leaf) = path.rsplit_once('.').unwrap_or(("", path));
            let at = if parent.is_empty() { &mut properties } else { properties_at(&mut properties, parent) };
            at.insert(leaf.to_owned(), Value::Object(field.json.clone()));
        }
        if !properties.is_empty() {
            root.insert("properties".into(), Value::Object(properties));
        }
        mark_empty(&mut root);
        Value::Object(root)
    }
}

/// An object without fields is shown with its type.
fn mark_empty(holder: &mut Map<String, Value>) {
    let Some(Value::Object(fields)) = holder.get_mut("properties") else { return };
    for field in fields.values_mut().filter_map(Value::as_object_mut) {
        if field.contains_key("properties") {
            mark_empty(field);
        } else if !field.contains_key("type") {
            field.insert("type".into(), json!("object"));
        }
    }
}

fn child<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

fn object_at<'a>(properties: &'a mut Map<String, Value>, path: &str) -> &'a mut Map<String, Value> {
    match path.rsplit_once('.') {
        Some((parent, leaf)) => child(properties_at(properties, parent), leaf),
        None => child(properties, path),
    }
}

fn properties_at<'a>(properties: &'a mut Map<String, Value>, path: &str) -> &'a mut Map<String, Value> {
    child(object_at(properties, path), "properties")
}

impl Dynamic {
    fn parse(value: &Value) -> Result<Self, ApiError> {
        match value {
            Value::Bool(true) => Ok(Self::True),
            Value::Bool(false) => Ok(Self::False),
            Value::String(text) => match text.as_str() {
                "true" => Ok(Self::True),
                "false" => Ok(Self::False),
                "strict" => Ok(Self::Strict),
                other => Err(ApiError::mapper(format!(
                    "unsupported value [{other}] for [dynamic]; use true, false, strict"
                ))),
            },
            other => Err(ApiError::mapper(format!("unsupported value [{other}] for [dynamic]"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Strict => "strict",
        }
    }
}

impl Field {
    /// Reads one field's definition.
    pub(crate) fn parse(path: &str, json: &Map<String, Value>) -> Result<Self, ApiError> {
        let kind = json
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| ApiError::mapper(format!("No type specified for field [{path}]")))?;
        let ty = match kind {
            "text" | "match_only_text" => FieldType::Text,
            "keyword" | "constant_keyword" | "wildcard" => FieldType::Keyword,
            "long" => FieldType::Integer { min: i64::MIN, max: i64::MAX },
            "integer" => FieldType::Integer { min: i64::from(i32::MIN), max: i64::from(i32::MAX) },
            "short" => FieldType::Integer { min: i64::from(i16::MIN), max: i64::from(i16::MAX) },
            "byte" => FieldType::Integer { min: i64::from(i8::MIN), max: i64::from(i8::MAX) },
            "double" => FieldType::Float { single: false },
            "float" | "half_float" => FieldType::Float { single: true },
            "scaled_float" => match json.get("scaling_factor").and_then(Value::as_f64) {
                Some(factor) if factor > 0.0 && factor.is_finite() => FieldType::Scaled { factor },
                _ => {
                    return Err(ApiError::mapper(format!(
                        "Field [{path}] misses required parameter [scaling_factor]"
                    )));
                }
            },
            "boolean" => FieldType::Boolean,
            "date" | "date_nanos" => {
                let formats = match json.get("format").and_then(Value::as_str) {
                    Some(list) => dates::formats(list).map_err(|name| {
                        ApiError::mapper(format!(
                            "Invalid format: [{name}] of field [{path}]: this store knows strict_date_optional_time, \
                             date_optional_time, epoch_millis and epoch_second, joined by ||"
                        ))
                    })?,
                    None => dates::DEFAULT.to_vec(),
                };
                FieldType::Date { formats }
            }
            "ip" => FieldType::Ip,
            "flat_object" => FieldType::FlatObject,
            other => {
                return Err(ApiError::mapper(format!(
                    "No handler for type [{other}] declared on field [{path}]"
                )));
            }
        };
        let mut ignore_above = usize::MAX;
        let mut ignore_malformed = false;
        let mut subfields = BTreeMap::new();
        for (key, value) in json {
            match key.as_str() {
                "type"
                | "format"
                | "scaling_factor"
                | "norms"
                | "store"
                | "doc_values"
                | "index"
                | "coerce"
                | "index_options"
                | "eager_global_ordinals"
                | "meta"
                | "similarity"
                | "value" => {}
                "analyzer" | "search_analyzer" if value == "standard" => {}
                "ignore_above" => {
                    ignore_above = usize::try_from(value.as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
                }
                "ignore_malformed" => ignore_malformed = value == &json!(true) || value == "true",
                "fields" => {
                    for (name, sub) in value.as_object().into_iter().flatten() {
                        let Value::Object(sub) = sub else {
                            return Err(ApiError::mapper(format!(
                                "the sub-field [{path}.{name}] must be an object"
                            )));
                        };
                        subfields.insert(name.clone(), Self::parse(&format!("{path}.{name}"), sub)?);
                    }
                }
                other => {
                    return Err(ApiError::mapper(format!(
                        "unknown parameter [{other}] on mapper [{path}] of type [{kind}]"
                    )));
                }
            }
        }
        let off = |key: &str| json.get(key).is_some_and(|v| v == &json!(false) || v == "false");
        let source_only = off("index") && off("doc_values");
        Ok(Self {
            path: Arc::from(path),
            ty,
            ignore_above,
            ignore_malformed,
            source_only,
            subfields,
            json: json.clone(),
            parent: None,
        })
    }
}

impl DynamicTemplate {
    fn parse_all(json: &Value) -> Result<Vec<Self>, ApiError> {
        let mut all = Vec::new();
        for entry in json.as_array().into_iter().flatten() {
            for (name, body) in entry.as_object().into_iter().flatten() {
                let mut template = Self::default();
                for (key, value) in body.as_object().into_iter().flatten() {
                    let text = || value.as_str().map(str::to_owned);
                    match key.as_str() {
                        "match_mapping_type" => template.kind = text(),
                        "match" => template.name = text(),
                        "unmatch" => template.not_name = text(),
                        "path_match" => template.path = text(),
                        "path_unmatch" => template.not_path = text(),
                        "mapping" => template.mapping = value.as_object().cloned().unwrap_or_default(),
                        other => {
                            return Err(ApiError::mapper(format!(
                                "dynamic template [{name}] has the unsupported parameter [{other}]"
                            )));
                        }
                    }
                }
                // A dry run, so that a bad template fails when it is put, not when a document comes.
                if template.mapping.get("type").is_some_and(|ty| ty != "{dynamic_type}") {
                    Field::parse(name, &template.mapping)?;
                }
                all.push(template);
            }
        }
        Ok(all)
    }
}
