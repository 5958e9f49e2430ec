//! Query DSL → [`Query`]. Every node and every parameter is either understood or named in an error.

use super::ast::{Bounds, Minimum, Query};
use crate::error::ApiError;
use serde_json::{Map, Value};

/// OpenSearch's `indices.query.bool.max_clause_count`.
pub(crate) const CLAUSE_LIMIT: usize = 1024;
const DEPTH_LIMIT: usize = 30;

type Result<T> = std::result::Result<T, ApiError>;

/// Parses the value of `query`.
pub(crate) fn parse(json: &Value) -> Result<Query> {
    node(json, 0)
}

fn node(json: &Value, depth: usize) -> Result<Query> {
    if depth > DEPTH_LIMIT {
        return Err(ApiError::illegal(format!(
            "The nested depth of the query exceeds the maximum of [{DEPTH_LIMIT}]"
        )));
    }
    let Value::Object(map) = json else {
        return Err(ApiError::parsing("[_na] query malformed, must start with start_object"));
    };
    let mut entries = map.iter();
    let Some((name, body)) = entries.next() else {
        return Err(ApiError::illegal("query malformed, empty clause found"));
    };
    if let Some((extra, _)) = entries.next() {
        return Err(ApiError::parsing(format!(
            "[{name}] malformed query, expected [END_OBJECT] but found [{extra}]"
        )));
    }
    match name.as_str() {
        "match_all" => boosted(name, object(name, body)?, Query::All, &[]),
        "match_none" => Ok(Query::None),
        "bool" => bool_query(object(name, body)?, depth),
        "term" => {
            let (field, value, options) = field_value(name, body, "value", &["case_insensitive"])?;
            let query =
                Query::Terms { field, values: vec![value], insensitive: flag(&options, "case_insensitive") };
            boosted(name, &options, query, &["case_insensitive"])
        }
        "terms" => terms(object(name, body)?),
        "range" => range(object(name, body)?),
        "exists" => {
            let body = object(name, body)?;
            boosted(name, body, Query::Exists { field: text_of(name, body, "field")? }, &["field"])
        }
        "match" => {
            let known = [
                "operator",
                "minimum_should_match",
                "lenient",
                "zero_terms_query",
                "auto_generate_synonyms_phrase_query",
            ];
            let (field, text, options) = field_value(name, body, "query", &known)?;
            let all = operator(&options)?;
            let minimum = minimum(options.get("minimum_should_match"))?;
            boosted(name, &options, Query::Match { field, text, all, minimum }, &known)
        }
        "match_phrase" | "match_phrase_prefix" => {
            let (field, text, options) = field_value(name, body, "query", &["slop"])?;
            let slop = options.get("slop").and_then(Value::as_u64).unwrap_or(0);
            let slop = u32::try_from(slop).unwrap_or(u32::MAX);
            let prefix = name == "match_phrase_prefix";
            boosted(name, &options, Query::Phrase { field, text, slop, prefix }, &["slop"])
        }
        "multi_match" => multi_match(object(name, body)?),
        "prefix" => {
            let (field, value, options) = field_value(name, body, "value", &["case_insensitive"])?;
            let query = Query::Prefix {
                field,
                value: plain(&value),
                insensitive: flag(&options, "case_insensitive"),
            };
            Ok(Query::Constant(Box::new(boosted(name, &options, query, &["case_insensitive"])?)))
        }
        "wildcard" => {
            let known = ["case_insensitive", "wildcard"];
            let main = if inner_has(body, "wildcard") { "wildcard" } else { "value" };
            let (field, value, options) = field_value(name, body, main, &known)?;
            let query = Query::Wildcard {
                field,
                pattern: plain(&value),
                insensitive: flag(&options, "case_insensitive"),
                fold: false,
            };
            Ok(Query::Constant(Box::new(boosted(name, &options, query, &known)?)))
        }
        "regexp" => {
            let known = ["case_insensitive", "flags", "flags_value", "max_determinized_states"];
            let (field, value, options) = field_value(name, body, "value", &known)?;
            let query = Query::Regexp {
                field,
                pattern: plain(&value),
                insensitive: flag(&options, "case_insensitive"),
            };
            Ok(Query::Constant(Box::new(boosted(name, &options, query, &known)?)))
        }
        "query_string" => query_string(object(name, body)?),
        "simple_query_string" => simple_query_string(object(name, body)?),
        "ids" => {
            let body = object(name, body)?;
            let Some(Value::Array(values)) = body.get("values") else {
                return Err(ApiError::parsing("[ids] requires an array named [values]"));
            };
            boosted(name, body, Query::Ids(values.iter().map(plain).collect()), &["values"])
        }
        "constant_score" => {
            let body = object(name, body)?;
            let inner = body
                .get("filter")
                .ok_or_else(|| ApiError::parsing("[constant_score] requires a 'filter' element"))?;
            let query = Query::Constant(Box::new(node(inner, depth + 1)?));
            boosted(name, body, query, &["filter"])
        }
        other => Err(ApiError::parsing(format!("unknown query [{other}]"))),
    }
}

fn bool_query(body: &Map<String, Value>, depth: usize) -> Result<Query> {
    let (mut must, mut filter, mut should, mut must_not) = (vec![], vec![], vec![], vec![]);
    let mut least = None;
    for (key, value) in body {
        let into = match key.as_str() {
            "must" => &mut must,
            "filter" => &mut filter,
            "should" => &mut should,
            "must_not" => &mut must_not,
            "minimum_should_match" => {
                least = minimum(Some(value))?;
                continue;
            }
            "boost" | "_name" | "adjust_pure_negative" => continue,
            other => return Err(ApiError::parsing(format!("[bool] query does not support [{other}]"))),
        };
        match value {
            Value::Array(items) => {
                for item in items {
                    into.push(node(item, depth + 1)?);
                }
            }
            Value::Null => {}
            one => into.push(node(one, depth + 1)?),
        }
    }
    let query = Query::Bool { must, filter, should, must_not, minimum: least };
    boosted(
        "bool",
        body,
        query,
        &["must", "filter", "should", "must_not", "minimum_should_match", "adjust_pure_negative"],
    )
}

pub(crate) fn too_many_clauses() -> ApiError {
    ApiError::new(400, "too_many_clauses", format!("maxClauseCount is set to {CLAUSE_LIMIT}"))
}

fn terms(body: &Map<String, Value>) -> Result<Query> {
    let mut found = None;
    for (key, value) in body {
        match (key.as_str(), value) {
            ("boost" | "_name", _) => {}
            (field, Value::Array(values)) if found.is_none() => {
                if values.len() > 65_536 {
                    return Err(ApiError::illegal(format!(
                        "[terms] of [{field}] has more than [65536] values"
                    )));
                }
                found = Some(Query::Terms {
                    field: field.to_owned(),
                    values: values.clone(),
                    insensitive: false,
                });
            }
            (other, _) => {
                return Err(ApiError::parsing(format!(
                    "[terms] query does not support [{other}]: a field with an array of values is expected"
                )));
            }
        }
    }
    let query = found.ok_or_else(|| ApiError::parsing("[terms] query requires a field name"))?;
    Ok(Query::Constant(Box::new(query)))
}

fn range(body: &Map<String, Value>) -> Result<Query> {
    let (field, bounds) = one_entry("range", body)?;
    let options = object("range", bounds)?;
    let mut found = Bounds::default();
    let (mut from_closed, mut to_closed) = (true, true);
    for (key, value) in options {
        let some = |closed| (!value.is_null()).then(|| (value.clone(), closed));
        match key.as_str() {
            "gte" => found.low = some(true),
            "gt" => found.low = some(false),
            "lte" => found.high = some(true),
            "lt" => found.high = some(false),
            "from" => found.low = some(true),
            "to" => found.high = some(true),
            "include_lower" => from_closed = value.as_bool().unwrap_or(true),
            "include_upper" => to_closed = value.as_bool().unwrap_or(true),
            "format" => found.format = Some(plain(value)),
            "time_zone" => found.zone = Some(plain(value)),
            // Of fields that hold ranges, which there are none here.
            "relation" => {}
            "boost" | "_name" => {}
            other => return Err(ApiError::parsing(format!("[range] query does not support [{other}]"))),
        }
    }
    if let Some(low) = &mut found.low {
        low.1 &= from_closed;
    }
    if let Some(high) = &mut found.high {
        high.1 &= to_closed;
    }
    Ok(Query::Range { field, bounds: found })
}

fn multi_match(body: &Map<String, Value>) -> Result<Query> {
    let text =
        body.get("query").cloned().ok_or_else(|| ApiError::parsing("[multi_match] requires [query]"))?;
    let fields = fields(body)?;
    let kind = body.get("type").map_or("best_fields".to_owned(), plain);
    let all = operator(body)?;
    let least = minimum(body.get("minimum_should_match"))?;
    let slop = body.get("slop").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let field = String::new();
    let query = match kind.as_str() {
        "best_fields" | "most_fields" => Query::Match { field, text, all, minimum: least },
        "phrase" => Query::Phrase { field, text, slop, prefix: false },
        "phrase_prefix" => Query::Phrase { field, text, slop, prefix: true },
        other => return Err(ApiError::parsing(format!("[multi_match] type [{other}] is not supported"))),
    };
    let lenient = flag(body, "lenient") || fields.iter().any(|field| field == "*");
    boosted(
        "multi_match",
        body,
        Query::Many { fields, lenient, query: Box::new(query) },
        &["query", "fields", "type", "operator", "minimum_should_match", "lenient", "slop", "tie_breaker"],
    )
}

/// Names or patterns with boosts; all fields where none is named.
fn fields(body: &Map<String, Value>) -> Result<Vec<String>> {
    match (body.get("fields"), body.get("default_field")) {
        (Some(Value::Array(fields)), None) if !fields.is_empty() => Ok(fields.iter().map(plain).collect()),
        (Some(Value::String(field)), None) => Ok(vec![field.clone()]),
        (None | Some(Value::Array(_)), Some(field)) => Ok(vec![plain(field)]),
        (None | Some(Value::Array(_)), None) => Ok(vec!["*".to_owned()]),
        _ => Err(ApiError::parsing("[fields] must be an array of names")),
    }
}

fn query_string(body: &Map<String, Value>) -> Result<Query> {
    let text = text_of("query_string", body, "query")?;
    let or_and = |key: &str| match body.get(key).map(|v| plain(v).to_lowercase()).as_deref() {
        None | Some("or") => Ok(false),
        Some("and") => Ok(true),
        Some(other) => {
            Err(ApiError::parsing(format!("[query_string] {key} [{other}] is neither [or] nor [and]")))
        }
    };
    match body.get("type").map(plain).as_deref() {
        None | Some("best_fields" | "most_fields") => {}
        Some(other) => {
            return Err(ApiError::parsing(format!("[query_string] type [{other}] is not supported")));
        }
    }
    let options = super::string::Options {
        fields: fields(body)?,
        all: or_and("default_operator")?,
        lenient: flag(body, "lenient"),
        minimum: minimum(body.get("minimum_should_match"))?,
        slop: body
            .get("phrase_slop")
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(0),
        leading_wildcard: body.get("allow_leading_wildcard") != Some(&Value::Bool(false)),
        zone: body.get("time_zone").map(plain),
    };
    boosted(
        "query_string",
        body,
        super::string::parse(&text, &options).unwrap_or_else(|error| Query::Unreadable(error.reason)),
        &[
            "query",
            "fields",
            "default_field",
            "default_operator",
            "lenient",
            "minimum_should_match",
            "phrase_slop",
            "allow_leading_wildcard",
            "time_zone",
            "type",
            "tie_breaker",
            // Words are always cut by their field, and patterns always in its case.
            "analyze_wildcard",
            "auto_generate_synonyms_phrase_query",
            "enable_position_increments",
            "escape",
            "max_determinized_states",
            "rewrite",
        ],
    )
}

fn simple_query_string(body: &Map<String, Value>) -> Result<Query> {
    let text = text_of("simple_query_string", body, "query")?;
    if let Some(flags) = body.get("flags")
        && plain(flags) != "ALL"
    {
        return Err(ApiError::parsing(format!(
            "[simple_query_string] flags [{flags}] are not supported; only ALL are"
        )));
    }
    let fields = fields(body)?;
    let lenient = flag(body, "lenient") || fields.iter().any(|field| field == "*");
    let all = match body.get("default_operator").map(|v| plain(v).to_lowercase()).as_deref() {
        None | Some("or") => false,
        Some("and") => true,
        Some(other) => {
            return Err(ApiError::parsing(format!(
                "[simple_query_string] default_operator [{other}] is neither [or] nor [and]"
            )));
        }
    };
    let query = super::simple::parse(&text, all, &|query| Query::Many {
        fields: fields.clone(),
        lenient,
        query: Box::new(query),
    });
    boosted(
        "simple_query_string",
        body,
        query,
        &[
            "query",
            "fields",
            "default_operator",
            "lenient",
            "flags",
            "analyze_wildcard",
            "auto_generate_synonyms_phrase_query",
        ],
    )
}

fn operator(options: &Map<String, Value>) -> Result<bool> {
    match options.get("operator").map(|v| plain(v).to_lowercase()).as_deref() {
        None | Some("or") => Ok(false),
        Some("and") => Ok(true),
        Some(other) => Err(ApiError::parsing(format!("operator [{other}] is neither [or] nor [and]"))),
    }
}

fn minimum(value: Option<&Value>) -> Result<Option<Minimum>> {
    let Some(value) = value else { return Ok(None) };
    let text = plain(value);
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.parse().map(Minimum::Percent),
        None => text.parse().map(Minimum::Count),
    };
    parsed
        .map(Some)
        .map_err(|_| ApiError::parsing(format!("[minimum_should_match] cannot be [{text}] in this store")))
}

fn object<'a>(name: &str, body: &'a Value) -> Result<&'a Map<String, Value>> {
    body.as_object().ok_or_else(|| {
        ApiError::parsing(format!("[{name}] query malformed, no start_object after query name"))
    })
}

fn one_entry<'a>(name: &str, body: &'a Map<String, Value>) -> Result<(String, &'a Value)> {
    let mut fields = body.iter().filter(|(key, _)| !matches!(key.as_str(), "boost" | "_name"));
    match (fields.next(), fields.next()) {
        (Some((field, value)), None) => Ok((field.clone(), value)),
        (None, _) => Err(ApiError::parsing(format!("[{name}] query requires a field name"))),
        (Some((one, _)), Some((two, _))) => Err(ApiError::parsing(format!(
            "[{name}] query doesn't support multiple fields, found [{one}] and [{two}]"
        ))),
    }
}

/// `{"field": value}` or `{"field": {"<main>": value, …}}`.
fn field_value(
    name: &str,
    body: &Value,
    main: &str,
    known: &[&str],
) -> Result<(String, Value, Map<String, Value>)> {
    let (field, value) = one_entry(name, object(name, body)?)?;
    match value {
        Value::Object(options) => {
            let mut options = options.clone();
            let value = options
                .remove(main)
                .ok_or_else(|| ApiError::parsing(format!("[{name}] query on [{field}] misses [{main}]")))?;
            for key in options.keys() {
                if !known.contains(&key.as_str()) && !matches!(key.as_str(), "boost" | "_name" | "rewrite") {
                    return Err(ApiError::parsing(format!("[{name}] query does not support [{key}]")));
                }
            }
            Ok((field, value, options))
        }
        Value::Array(_) => {
            Err(ApiError::parsing(format!("[{name}] query does not support an array for [{field}]")))
        }
        plain => Ok((field, plain.clone(), Map::new())),
    }
}

/// Refuses unknown parameters and applies `boost`.
fn boosted(name: &str, options: &Map<String, Value>, query: Query, known: &[&str]) -> Result<Query> {
    for key in options.keys() {
        if !known.contains(&key.as_str()) && !matches!(key.as_str(), "boost" | "_name" | "rewrite") {
            return Err(ApiError::parsing(format!("[{name}] query does not support [{key}]")));
        }
    }
    match options.get("boost").and_then(Value::as_f64) {
        Some(boost) if boost != 1.0 => Ok(Query::Boost(Box::new(query), boost as f32)),
        _ => Ok(query),
    }
}

fn text_of(name: &str, body: &Map<String, Value>, key: &str) -> Result<String> {
    body.get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| ApiError::parsing(format!("[{name}] must be provided with a [{key}]")))
}

fn inner_has(body: &Value, key: &str) -> bool {
    body.as_object().is_some_and(|map| map.values().any(|value| value.get(key).is_some()))
}

fn flag(options: &Map<String, Value>, key: &str) -> bool {
    options.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// A JSON value as the text that a person would type.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_what_it_does_not_know() {
        for (query, word) in [
            (json!({"fuzzy": {"a": "b"}}), "fuzzy"),
            (json!({"match": {"a": {"query": "b", "fuzziness": 1}}}), "fuzziness"),
            (json!({"bool": {"musst": []}}), "musst"),
            (json!({"range": {"a": {"gte": 1, "boost_by": 2}}}), "boost_by"),
            (json!({"term": {"a": 1, "b": 2}}), "multiple fields"),
            (json!({"term": {"a": 1}, "match_all": {}}), "malformed"),
        ] {
            let error = parse(&query).unwrap_err();
            assert!(error.reason.contains(word) && error.status == 400, "{query}: {error}");
        }
    }

    #[test]
    fn minimum_counts() {
        assert_eq!(Minimum::Percent(75).of(4), 3);
        assert_eq!(Minimum::Count(-1).of(3), 2);
        assert_eq!(minimum(Some(&json!("2"))).unwrap(), Some(Minimum::Count(2)));
    }
}
