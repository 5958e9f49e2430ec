//! One JSON document → the values that columns and postings take, judged by the mapping.

use super::types::{FieldType, Scalar};
use super::{Dynamic, Field, Mapping};
use crate::error::ApiError;
use serde_json::{Map, Value, json};

/// What the engine indexes of one document.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    /// Path and value; a path may come several times.
    pub(crate) values: Vec<(String, Scalar)>,
}

struct Walk<'a> {
    mapping: &'a Mapping,
    /// A copy of the mapping, made only when the document brings new fields.
    grown: Option<Mapping>,
    added: Map<String, Value>,
    out: Vec<(String, Scalar)>,
}

/// A document that fits, and the mapping it needs where that is more than the present one.
pub(crate) struct Prepared {
    pub(crate) mapped: Mapped,
    /// The grown mapping, and what was added as a `mappings` object.
    pub(crate) grown: Option<(Mapping, Value)>,
}

/// Maps a document. It either fits whole or not at all.
pub(crate) fn prepare(mapping: &Mapping, document: &Map<String, Value>) -> Result<Prepared, ApiError> {
    let mut walk =
        Walk { mapping, grown: None, added: Map::new(), out: Vec::with_capacity(document.len() * 2) };
    let mut path = String::new();
    walk.object(&mut path, document, 0)?;
    let Walk { grown, added, out, .. } = walk;
    let grown = grown.map(|mapping| (mapping, json!({"properties": added})));
    Ok(Prepared { mapped: Mapped { values: out }, grown })
}

impl Walk<'_> {
    fn object(
        &mut self,
        path: &mut String,
        object: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), ApiError> {
        if depth > 20 {
            return Err(ApiError::mapper("the document is nested deeper than [20] levels"));
        }
        for (key, value) in object {
            if key.is_empty() || key.split('.').any(str::is_empty) || key.contains(['\0', '\u{1}']) {
                return Err(ApiError::mapper(format!(
                    "field name [{key}] cannot be empty, cannot hold an empty path part or a control character"
                )));
            }
            let length = path.len();
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
            self.value(path, value, depth)?;
            path.truncate(length);
        }
        Ok(())
    }

    fn value(&mut self, path: &mut String, value: &Value, depth: usize) -> Result<(), ApiError> {
        match value {
            Value::Null => Ok(()),
            Value::Array(items) => items.iter().try_for_each(|item| self.value(path, item, depth)),
            Value::Object(object) => {
                if let Some(field) = self.field(path) {
                    if field.ty == FieldType::FlatObject {
                        let root = path.clone();
                        return self.flat(path, &root, object, depth);
                    }
                    if field.ignore_malformed {
                        return Ok(());
                    }
                    return Err(ApiError::mapper(format!(
                        "object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value \
                         in the mapping"
                    )));
                }
                let mapping = self.grown.as_ref().unwrap_or(self.mapping);
                if !mapping.objects.contains(path.as_str()) && mapping.dynamic_at(path) == Dynamic::True {
                    let grown = self.grown.get_or_insert_with(|| self.mapping.clone());
                    grown.add_object(path);
                    self.added.insert(path.clone(), json!({"type": "object"}));
                }
                self.object(path, object, depth + 1)
            }
            leaf => self.leaf(path, leaf),
        }
    }

    /// Each leaf is found by its path, and by the object's own.
    fn flat(
        &mut self,
        path: &mut String,
        root: &str,
        object: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), ApiError> {
        if depth > 20 {
            return Err(ApiError::mapper(format!("flat object [{path}] is nested deeper than [20] levels")));
        }
        for (key, value) in object {
            let length = path.len();
            path.push('.');
            path.push_str(key);
            let mut stack = vec![value];
            while let Some(value) = stack.pop() {
                match value {
                    Value::Array(items) => stack.extend(items),
                    Value::Object(inner) => self.flat(path, root, inner, depth + 1)?,
                    leaf => {
                        if let Ok(Some(scalar)) = FieldType::FlatObject.coerce(leaf) {
                            self.out.push((root.to_owned(), scalar.clone()));
                            self.out.push((path.clone(), scalar));
                        }
                    }
                }
            }
            path.truncate(length);
        }
        Ok(())
    }

    fn field(&self, path: &str) -> Option<&Field> {
        self.grown.as_ref().unwrap_or(self.mapping).fields.get(path)
    }

    fn leaf(&mut self, path: &str, value: &Value) -> Result<(), ApiError> {
        if self.field(path).is_none() && !self.grow(path, value)? {
            return Ok(());
        }
        // Not `self.field`: the output is written while the field is borrowed.
        let mapping = self.grown.as_ref().unwrap_or(self.mapping);
        let Some(field) = mapping.fields.get(path) else { return Ok(()) };
        if field.parent.is_some() {
            return Err(ApiError::mapper(format!(
                "[{path}] is a sub-field and cannot be given a value of its own"
            )));
        }
        if field.ty == FieldType::FlatObject {
            return Err(ApiError::mapper(format!(
                "flat_object field [{path}] must hold an object, but holds [{value}]"
            )));
        }
        put(&mut self.out, path, field, value)?;
        for (name, sub) in &field.subfields {
            put(&mut self.out, &format!("{path}.{name}"), sub, value)?;
        }
        Ok(())
    }

    /// Adds a field for a new path. False when the value is to be left unindexed.
    fn grow(&mut self, path: &str, value: &Value) -> Result<bool, ApiError> {
        let mapping = self.grown.as_ref().unwrap_or(self.mapping);
        if mapping.objects.contains(path) {
            return Err(ApiError::mapper(format!(
                "object mapping for [{path}] tried to parse field [{path}] as object, but found a concrete value"
            )));
        }
        match mapping.dynamic_at(path) {
            Dynamic::True => {}
            Dynamic::False => return Ok(false),
            Dynamic::Strict => {
                let (parent, leaf) = path.rsplit_once('.').unwrap_or(("_doc", path));
                return Err(ApiError::new(
                    400,
                    "strict_dynamic_mapping_exception",
                    format!(
                        "mapping set to strict, dynamic introduction of [{leaf}] within [{parent}] is not allowed"
                    ),
                ));
            }
        }
        let Some(field) = mapping.invent(path, value)? else { return Ok(false) };
        let grown = self.grown.get_or_insert_with(|| self.mapping.clone());
        self.added.insert(path.to_owned(), Value::Object(field.json.clone()));
        grown.add(path, field).map_err(|e| ApiError::mapper(format!("failed to parse: {}", e.reason)))?;
        Ok(true)
    }
}

fn put(out: &mut Vec<(String, Scalar)>, path: &str, field: &Field, value: &Value) -> Result<(), ApiError> {
    match field.ty.coerce(value) {
        Ok(_) if field.source_only => {}
        Ok(Some(Scalar::Exact(text)))
            if text.len() > field.ignore_above && text.chars().count() > field.ignore_above => {}
        // Lucene's limit of one term; OpenSearch refuses the document, and so do we.
        Ok(Some(Scalar::Exact(text))) if text.len() > 32_766 => {
            return Err(ApiError::illegal(format!(
                "Document contains at least one immense term in field=\"{path}\" (whose UTF8 encoding is longer than the \
                 max length 32766); set ignore_above on the field"
            )));
        }
        Ok(Some(scalar)) => out.push((path.to_owned(), scalar)),
        Ok(None) => {}
        Err(_) if field.ignore_malformed => {}
        Err(reason) => {
            let kind = field.json.get("type").and_then(Value::as_str).unwrap_or("unknown");
            return Err(ApiError::mapper(format!(
                "failed to parse field [{path}] of type [{kind}]: {reason}"
            )));
        }
    }
    Ok(())
}
