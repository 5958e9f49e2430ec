//! `fields` and `docvalue_fields`: values beside the source, as lists, in the form that the mapping gives them.

use super::request::Request;
use crate::dates::{self, Format};
use crate::error::ApiError;
use crate::mapping::Mapping;
use crate::mapping::types::{FieldType, Scalar, ip_text};
use crate::names::wildcard;
use crate::query::parse::plain;
use serde_json::{Map, Value, json};

/// A name or a pattern, and how its dates are written.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pattern: String,
    format: Option<Format>,
}

/// Reads the list: names, or objects with `field` and `format`.
pub(super) fn parse(key: &str, value: &Value) -> Result<Vec<Field>, ApiError> {
    let list = value.as_array().ok_or_else(|| ApiError::parsing(format!("[{key}] must be an array")))?;
    let one = |entry: &Value| {
        let Value::Object(map) = entry else { return Ok(Field { pattern: plain(entry), format: None }) };
        let mut field = Field { pattern: String::new(), format: None };
        for (name, value) in map {
            match name.as_str() {
                "field" => field.pattern = plain(value),
                "format" if value == "use_field_mapping" || value.is_null() => {}
                "format" => {
                    let known = dates::formats(&plain(value)).ok().and_then(|list| list.into_iter().next());
                    field.format = Some(known.ok_or_else(|| {
                        ApiError::illegal(format!("[{key}] does not support the format [{value}]"))
                    })?);
                }
                other => return Err(ApiError::parsing(format!("[{key}] does not support [{other}]"))),
            }
        }
        Ok(field)
    };
    list.iter().map(one).collect()
}

/// What a hit shows; none where nothing was asked for or found.
pub(super) fn fields(
    request: &Request,
    mapping: &Mapping,
    source: &[u8],
) -> Result<Option<Map<String, Value>>, ApiError> {
    if request.fields.is_empty() && request.docvalues.is_empty() {
        return Ok(None);
    }
    let document: Map<String, Value> = serde_json::from_slice(source)
        .map_err(|e| ApiError::new(500, "exception", format!("a stored document is damaged: {e}")))?;
    let mut out = Map::new();
    for (asked, columns) in [(&request.docvalues, true), (&request.fields, false)] {
        for field in asked {
            for (path, of) in mapping.fields.iter().filter(|(path, _)| wildcard(&field.pattern, path)) {
                // Text has no column to show.
                if columns && of.ty == FieldType::Text {
                    if field.pattern.contains('*') {
                        continue;
                    }
                    return Err(crate::search::top::text_field(path));
                }
                let mut values = Vec::new();
                read(&document, of.parent.as_deref().unwrap_or(path), &mut |value| {
                    values.extend(show(value, of, field.format.as_ref(), columns));
                });
                if columns {
                    // Columns are sorted, and strings in them are a set.
                    values.sort_by(compare);
                    if !of.ty.is_numeric() {
                        values.dedup();
                    }
                }
                if !values.is_empty() {
                    out.insert(path.clone(), Value::Array(values));
                }
            }
        }
    }
    Ok((!out.is_empty()).then_some(out))
}

/// Fields whose values did not fit and were left out (`ignore_malformed`).
pub(super) fn ignored(mapping: &Mapping, source: &[u8]) -> Vec<String> {
    let lenient =
        || mapping.fields.iter().filter(|(_, field)| field.ignore_malformed && field.parent.is_none());
    if lenient().next().is_none() {
        return Vec::new();
    }
    let Ok(document) = serde_json::from_slice::<Map<String, Value>>(source) else { return Vec::new() };
    let wrong = |(path, field): &(&String, &std::sync::Arc<crate::mapping::Field>)| {
        let mut wrong = false;
        read(&document, path, &mut |value| wrong |= field.ty.coerce(value).is_err());
        wrong
    };
    lenient().filter(wrong).map(|(path, _)| path.clone()).collect()
}

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => plain(a).cmp(&plain(b)),
    }
}

/// Every leaf at a path, through lists and dotted names.
fn read(object: &Map<String, Value>, path: &str, visit: &mut dyn FnMut(&Value)) {
    for (key, value) in object {
        if key == path {
            leaves(value, visit);
        } else if let Some(rest) = path.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('.')) {
            let below = match value {
                Value::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            };
            below.iter().filter_map(Value::as_object).for_each(|object| read(object, rest, visit));
        }
    }
}

fn leaves(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| leaves(item, visit)),
        leaf => visit(leaf),
    }
}

fn show(
    value: &Value,
    field: &crate::mapping::Field,
    format: Option<&Format>,
    columns: bool,
) -> Option<Value> {
    let scalar = field.ty.coerce(value).ok()??;
    Some(match (&field.ty, scalar) {
        (FieldType::Date { formats }, Scalar::Int(millis)) => {
            let format = format.or(formats.first()).unwrap_or(&Format::Iso);
            json!(dates::write(millis, format))
        }
        (FieldType::Boolean, Scalar::Int(n)) => json!(n == 1),
        (FieldType::Ip, Scalar::Exact(key)) => json!(ip_text(&key)),
        (FieldType::Keyword, Scalar::Exact(text)) if text.chars().count() > field.ignore_above => {
            return None;
        }
        (_, Scalar::Int(n)) => json!(n),
        (FieldType::Float { single: true }, Scalar::Float(n)) if !columns => json!(n as f32),
        (_, Scalar::Float(n)) => json!(n),
        (_, Scalar::Exact(text) | Scalar::Words(text)) => json!(text),
    })
}
