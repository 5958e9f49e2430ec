//! The body of a search → [`Request`]. Keys that we do not know are errors that name them.

use super::fields::Field;
use super::source::SourceFilter;
use crate::aggs::ast::Agg;
use crate::error::ApiError;
use crate::query::ast::Query;
use crate::query::parse::plain;
use serde_json::Value;
use std::time::Duration;

/// OpenSearch's `index.max_result_window`.
const WINDOW: usize = 10_000;

/// Each of them may take a megabyte when it is compiled.
const REGEXPS: usize = 64;

/// What a client asks for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) query: Query,
    pub(crate) from: usize,
    pub(crate) size: usize,
    pub(crate) sort: Vec<Sort>,
    pub(crate) after: Option<Vec<Value>>,
    /// How far hits are counted: `None` not at all.
    pub(crate) track: Option<u64>,
    pub(crate) track_scores: bool,
    pub(crate) source: SourceFilter,
    pub(crate) version: bool,
    /// Fields to show beside the source.
    pub(crate) fields: Vec<Field>,
    pub(crate) docvalues: Vec<Field>,
    pub(crate) aggs: Vec<(String, Agg)>,
    /// A point in time, and for how long it is kept from now on.
    pub(crate) pit: Option<(String, Option<String>)>,
    /// After this time what was found so far is the answer.
    pub(crate) timeout: Option<Duration>,
}

/// One key to sort by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sort {
    pub(crate) by: By,
    pub(crate) descending: bool,
    pub(crate) missing_first: bool,
    /// The type that the field has where it is not mapped; none where it must be.
    pub(crate) unmapped: Option<String>,
}

/// What a sort key reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum By {
    Score,
    Doc,
    Field(String),
}

impl Default for Request {
    fn default() -> Self {
        Self {
            query: Query::All,
            from: 0,
            size: 10,
            sort: Vec::new(),
            after: None,
            track: Some(10_000),
            track_scores: false,
            source: SourceFilter::All,
            version: false,
            fields: Vec::new(),
            docvalues: Vec::new(),
            aggs: Vec::new(),
            pit: None,
            timeout: None,
        }
    }
}

impl Request {
    /// Reads a search body; an empty object finds everything.
    pub(crate) fn parse(json: &Value) -> Result<Self, ApiError> {
        let mut request = Self::default();
        let body = match json {
            Value::Null => return Ok(request),
            Value::Object(body) => body,
            _ => return Err(ApiError::parsing("the search body must be an object")),
        };
        for (key, value) in body {
            match key.as_str() {
                "query" => request.query = crate::query::parse::parse(value)?,
                "size" => request.size = count(key, value)?,
                "from" => request.from = count(key, value)?,
                "sort" => request.sort = sorts(value)?,
                "search_after" => {
                    let values = value
                        .as_array()
                        .ok_or_else(|| ApiError::parsing("[search_after] must be an array"))?;
                    request.after = Some(values.clone());
                }
                "track_total_hits" => request.track = track(value)?,
                "track_scores" => request.track_scores = value.as_bool().unwrap_or(false),
                "_source" => request.source = SourceFilter::parse(value)?,
                "version" => request.version = value.as_bool().unwrap_or(false),
                "aggs" | "aggregations" => request.aggs = crate::aggs::parse::parse(value, 0)?,
                "timeout" => request.timeout = timeout(&plain(value))?,
                // Which copy answers means nothing to one process.
                "stats" | "preference" => {}
                "pit" => {
                    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
                    let id = text("id").ok_or_else(|| ApiError::parsing("[pit] requires an [id]"))?;
                    request.pit = Some((id, text("keep_alive")));
                }
                "fields" => request.fields = super::fields::parse(key, value)?,
                "docvalue_fields" => request.docvalues = super::fields::parse(key, value)?,
                "stored_fields" if value == "*" || value == &serde_json::json!(["*"]) => {}
                "script_fields" | "runtime_mappings" | "ext"
                    if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
                "highlight" | "stored_fields"
                    if value.as_array().is_some_and(Vec::is_empty)
                        || value.as_object().is_some_and(|m| m.is_empty()) => {}
                other => {
                    return Err(ApiError::parsing(format!(
                        "Unknown key [{other}] in the search body: this store does not support it"
                    )));
                }
            }
        }
        request.check()?;
        Ok(request)
    }

    /// Whether the page lies within what an index shows.
    pub(crate) fn fits_window(&self) -> Result<(), ApiError> {
        if self.from + self.size > WINDOW {
            return Err(ApiError::illegal(format!(
                "Result window is too large, from + size must be less than or equal to: [{WINDOW}] but was [{}]; use \
                 search_after",
                self.from + self.size
            )));
        }
        Ok(())
    }

    /// Checks what no single key can tell.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let regexps = self.query.regexps();
        if regexps > REGEXPS {
            return Err(ApiError::new(
                400,
                "too_many_clauses",
                format!("a query has [{REGEXPS}] regular expressions at most, and this one [{regexps}]"),
            ));
        }
        if let Some(after) = &self.after
            && after.len() != self.sort.len()
        {
            return Err(ApiError::illegal(format!(
                "search_after has {} value(s) but sort has {}",
                after.len(),
                self.sort.len()
            )));
        }
        Ok(())
    }
}

fn count(key: &str, value: &Value) -> Result<usize, ApiError> {
    plain(value).parse().map_err(|_| {
        ApiError::illegal(format!("[{key}] parameter cannot be [{value}]: a whole number from 0 is expected"))
    })
}

/// Reads `timeout`; `-1` is none.
pub(crate) fn timeout(text: &str) -> Result<Option<Duration>, ApiError> {
    if text == "-1" {
        return Ok(None);
    }
    let millis = crate::dates::interval(text).and_then(|millis| u64::try_from(millis).ok());
    let millis = millis.ok_or_else(|| {
        ApiError::illegal(format!(
            "failed to parse setting [timeout] with value [{text}] as a time value: unit is missing or unrecognized"
        ))
    })?;
    Ok(Some(Duration::from_millis(millis)))
}

/// Reads `track_total_hits`.
pub(crate) fn track(value: &Value) -> Result<Option<u64>, ApiError> {
    match plain(value).as_str() {
        "true" => Ok(Some(u64::MAX)),
        "false" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| ApiError::illegal(format!("[track_total_hits] cannot be [{text}]"))),
    }
}

/// Reads `sort`: a string, an object, or a list of both.
pub(crate) fn sorts(value: &Value) -> Result<Vec<Sort>, ApiError> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut sorts = Vec::new();
    for entry in list {
        match entry {
            Value::String(name) => match name.split_once(':') {
                Some((name, order)) => sorts.push(sort(name, &Value::String(order.to_owned()))?),
                None => sorts.push(sort(name, &Value::Null)?),
            },
            Value::Object(map) => {
                for (name, options) in map {
                    sorts.push(sort(name, options)?);
                }
            }
            other => return Err(ApiError::parsing(format!("[sort] cannot read [{other}]"))),
        }
    }
    Ok(sorts)
}

fn sort(name: &str, options: &Value) -> Result<Sort, ApiError> {
    let by = match name {
        "_score" => By::Score,
        "_doc" => By::Doc,
        name => By::Field(name.to_owned()),
    };
    let mut sort = Sort { descending: by == By::Score, by, missing_first: false, unmapped: None };
    let order = |value: &Value| match plain(value).to_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        other => {
            Err(ApiError::illegal(format!("[sort] order of [{name}] must be asc or desc, not [{other}]")))
        }
    };
    match options {
        Value::Null => {}
        Value::Object(options) => {
            for (key, value) in options {
                match key.as_str() {
                    "order" => sort.descending = order(value)?,
                    "unmapped_type" => sort.unmapped = Some(plain(value)),
                    "missing" if value == "_last" => sort.missing_first = false,
                    "missing" if value == "_first" => sort.missing_first = true,
                    "format" if plain(value).contains("epoch_millis") => {}
                    other => {
                        return Err(ApiError::parsing(format!(
                            "[sort] of [{name}] does not support [{other}] = [{value}]"
                        )));
                    }
                }
            }
        }
        text => sort.descending = order(text)?,
    }
    Ok(sort)
}
