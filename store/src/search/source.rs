//! Which parts of `_source` a hit shows.

use crate::error::ApiError;
use crate::names::wildcard;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The client's choice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SourceFilter {
    All,
    None,
    Some { includes: Vec<String>, excludes: Vec<String> },
}

impl SourceFilter {
    pub(crate) fn parse(value: &Value) -> Result<Self, ApiError> {
        let list = |value: &Value| -> Result<Vec<String>, ApiError> {
            match value {
                Value::String(one) => Ok(one.split(',').map(str::to_owned).collect()),
                Value::Array(many) => Ok(many.iter().map(crate::query::parse::plain).collect()),
                other => Err(ApiError::parsing(format!("[_source] cannot read [{other}]"))),
            }
        };
        match value {
            Value::Bool(true) => Ok(Self::All),
            Value::Bool(false) => Ok(Self::None),
            Value::Object(map) => {
                let (mut includes, mut excludes) = (Vec::new(), Vec::new());
                for (key, value) in map {
                    match key.as_str() {
                        "includes" | "include" => includes = list(value)?,
                        "excludes" | "exclude" => excludes = list(value)?,
                        other => {
                            return Err(ApiError::parsing(format!("[_source] does not support [{other}]")));
                        }
                    }
                }
                Ok(Self::Some { includes, excludes })
            }
            other => Ok(Self::Some { includes: list(other)?, excludes: Vec::new() }),
        }
    }

    /// What the URL says, if anything.
    pub(crate) fn of_url<'a>(param: &dyn Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let list =
            |name| param(name).map(|text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>());
        match (param("_source"), list("_source_includes"), list("_source_excludes")) {
            (Some("true" | ""), None, None) => Some(Self::All),
            (Some("false"), _, _) => Some(Self::None),
            (None, None, None) => None,
            (_, includes, excludes) => Some(Self::Some {
                includes: list("_source").or(includes).unwrap_or_default(),
                excludes: excludes.unwrap_or_default(),
            }),
        }
    }

    /// The source to show, untouched where all of it is.
    pub(crate) fn apply(&self, source: Vec<u8>) -> Result<Option<Box<RawValue>>, ApiError> {
        let broken = |error: serde_json::Error| {
            ApiError::new(500, "exception", format!("a stored document is damaged: {error}"))
        };
        match self {
            Self::None => Ok(None),
            Self::All => {
                let text =
                    String::from_utf8(source).map_err(|e| ApiError::new(500, "exception", e.to_string()))?;
                RawValue::from_string(text).map(Some).map_err(broken)
            }
            Self::Some { includes, excludes } => {
                let value: Value = serde_json::from_slice(&source).map_err(broken)?;
                let kept = keep(&value, "", includes, excludes).unwrap_or(Value::Object(Map::new()));
                serde_json::value::to_raw_value(&kept).map(Some).map_err(broken)
            }
        }
    }
}

fn hit(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|p| wildcard(p, path) || (path.len() > p.len() && wildcard(&format!("{p}.*"), path)))
}

fn keep(value: &Value, path: &str, includes: &[String], excludes: &[String]) -> Option<Value> {
    if !path.is_empty() && hit(excludes, path) {
        return None;
    }
    match value {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if let Some(kept) = keep(value, &path, includes, excludes) {
                    out.insert(key.clone(), kept);
                }
            }
            let wanted = path.is_empty() || !out.is_empty() || includes.is_empty() || hit(includes, path);
            wanted.then_some(Value::Object(out))
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            Some(Value::Array(items.iter().filter_map(|item| keep(item, path, includes, excludes)).collect()))
        }
        leaf => (includes.is_empty() || hit(includes, path)).then(|| leaf.clone()),
    }
}
