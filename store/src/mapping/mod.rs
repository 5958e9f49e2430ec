//! Mappings: which path holds which type, and what becomes of paths that nobody named.

pub(crate) mod beyond;
mod document;
mod parse;
pub(crate) mod types;

pub(crate) use document::{Batch, Datum, Located, Mapped, Span, Valued, prepare};

use crate::error::ApiError;
use crate::quick::QuickMap;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use types::FieldType;

/// OpenSearch's `index.mapping.total_fields.limit`.
pub(crate) const FIELD_LIMIT: usize = 1000;

/// What happens to a path that the mapping does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Dynamic {
    #[default]
    True,
    False,
    Strict,
}

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// The whole path.
    pub(crate) path: Arc<str>,
    pub(crate) ty: FieldType,
    /// Longer strings are kept in the source but not indexed (characters).
    pub(crate) ignore_above: usize,
    /// A value that does not fit is left out instead of failing the document.
    pub(crate) ignore_malformed: bool,
    /// `index: false` and `doc_values: false`: the value is checked and kept in the source, and nothing else.
    pub(crate) source_only: bool,
    pub(crate) subfields: BTreeMap<String, Field>,
    /// The definition as the client wrote it.
    pub(crate) json: Map<String, Value>,
    /// Set on sub-fields: the path whose value they index.
    pub(crate) parent: Option<String>,
}

/// A rule for fields that appear.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DynamicTemplate {
    kind: Option<String>,
    name: Option<String>,
    not_name: Option<String>,
    path: Option<String>,
    not_path: Option<String>,
    mapping: Map<String, Value>,
}

/// All fields of an index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapping {
    /// By full path; sub-fields such as `message.keyword` are entries of their own.
    pub(crate) fields: BTreeMap<String, Arc<Field>>,
    /// The same, for the one look that every value of every document takes.
    quick: QuickMap<Arc<str>, Arc<Field>>,
    /// Paths known to be objects.
    pub(crate) objects: BTreeSet<String>,
    pub(crate) dynamic: Dynamic,
    object_dynamic: BTreeMap<String, Dynamic>,
    date_detection: bool,
    templates: Vec<DynamicTemplate>,
    templates_json: Option<Value>,
    meta: Option<Value>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            fields: BTreeMap::new(),
            quick: QuickMap::default(),
            objects: BTreeSet::new(),
            dynamic: Dynamic::True,
            object_dynamic: BTreeMap::new(),
            date_detection: true,
            templates: Vec::new(),
            templates_json: None,
            meta: None,
        }
    }
}

impl Mapping {
    /// The type of a path; sub-fields included. A path below a `flat_object` is a keyword.
    pub(crate) fn type_of(&self, path: &str) -> Option<&FieldType> {
        if let Some(field) = self.fields.get(path) {
            return Some(&field.ty);
        }
        let mut parent = path;
        while let Some((up, _)) = parent.rsplit_once('.') {
            if let Some(field) = self.fields.get(up) {
                return (field.ty == FieldType::FlatObject).then_some(&FieldType::FlatObject);
            }
            parent = up;
        }
        None
    }

    /// Adds a field. Fails when the path already means something else.
    pub(crate) fn add(&mut self, path: &str, field: Field) -> Result<(), ApiError> {
        if self.objects.contains(path) {
            return Err(ApiError::illegal(format!(
                "can't merge a non object mapping [{path}] with an object mapping"
            )));
        }
        if let Some(old) = self.fields.get(path)
            && old.ty != field.ty
        {
            return Err(ApiError::illegal(format!(
                "mapper [{path}] cannot be changed from type [{}] to [{}]",
                old.json.get("type").and_then(Value::as_str).unwrap_or("object"),
                field.json.get("type").and_then(Value::as_str).unwrap_or("object"),
            )));
        }
        let mut parent = path;
        while let Some((up, _)) = parent.rsplit_once('.') {
            if self.fields.contains_key(up) {
                return Err(ApiError::illegal(format!(
                    "can't merge an object mapping [{up}] with a non object mapping"
                )));
            }
            self.objects.insert(up.to_owned());
            parent = up;
        }
        for (name, sub) in &field.subfields {
            let mut sub = sub.clone();
            sub.parent = Some(path.to_owned());
            self.insert(format!("{path}.{name}"), Arc::new(sub));
        }
        self.insert(path.to_owned(), Arc::new(field));
        if self.is_too_large() {
            return Err(ApiError::illegal(format!(
                "Limit of total fields [{FIELD_LIMIT}] has been exceeded"
            )));
        }
        Ok(())
    }

    fn insert(&mut self, path: String, field: Arc<Field>) {
        self.quick.insert(Arc::clone(&field.path), Arc::clone(&field));
        self.fields.insert(path, field);
    }

    /// The field of exactly this path.
    pub(crate) fn field(&self, path: &str) -> Option<&Field> {
        self.quick.get(path).map(Arc::as_ref)
    }

    /// Adds an object without fields.
    pub(crate) fn add_object(&mut self, path: &str) {
        let mut path = path;
        self.objects.insert(path.to_owned());
        while let Some((up, _)) = path.rsplit_once('.') {
            self.objects.insert(up.to_owned());
            path = up;
        }
    }

    /// The rule for new fields below `path`: that of the nearest object that says something.
    fn dynamic_at(&self, path: &str) -> Dynamic {
        let mut parent = path;
        while let Some((up, _)) = parent.rsplit_once('.') {
            if let Some(dynamic) = self.object_dynamic.get(up) {
                return *dynamic;
            }
            parent = up;
        }
        self.dynamic
    }

    /// The field that a new path with this first value becomes, as OpenSearch's dynamic mapping does.
    fn invent(&self, path: &str, value: &Value) -> Result<Option<Field>, ApiError> {
        let (kind, default) = match value {
            Value::Null | Value::Object(_) | Value::Array(_) => return Ok(None),
            Value::Bool(_) => ("boolean", json!({"type": "boolean"})),
            Value::Number(number) if number.is_f64() => ("double", json!({"type": "float"})),
            Value::Number(_) => ("long", json!({"type": "long"})),
            Value::String(text) if self.date_detection && crate::dates::looks_like_date(text) => {
                ("date", json!({"type": "date"}))
            }
            Value::String(_) => (
                "string",
                json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}),
            ),
        };
        let leaf = path.rsplit_once('.').map_or(path, |(_, leaf)| leaf);
        let is = |pattern: &Option<String>, text: &str, missing| {
            pattern.as_ref().map_or(missing, |pattern| crate::names::wildcard(pattern, text))
        };
        let template = self.templates.iter().find(|t| {
            t.kind.as_ref().is_none_or(|k| k == kind || k == "*")
                && is(&t.name, leaf, true)
                && !is(&t.not_name, leaf, false)
                && is(&t.path, path, true)
                && !is(&t.not_path, path, false)
        });
        let definition = match template {
            Some(template) => {
                let mut mapping = template.mapping.clone();
                let dynamic = if kind == "string" { json!("text") } else { default["type"].clone() };
                if mapping.get("type").is_none_or(|ty| ty == "{dynamic_type}") {
                    mapping.insert("type".into(), dynamic);
                }
                mapping
            }
            None => default.as_object().cloned().unwrap_or_default(),
        };
        Field::parse(path, &definition).map(Some)
    }
}
