//! `_bulk`, `_search`, `_msearch`, `_count`.

use super::{Call, Reply, Result};
use crate::error::ApiError;
use crate::names::Options;
use crate::query::ast::Query;
use crate::search::budget::{Budget, Gone, Waiting};
use crate::search::request::{Request, sorts, timeout, track};
use crate::search::run;
use crate::search::source::SourceFilter;
use crate::store::Store;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Searches of one `_msearch`: all are read before the first one runs.
const SEARCHES: usize = 10_000;

/// Runs work that would hold up other requests on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, ApiError> + Send + 'static,
) -> std::result::Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::new(500, "exception", format!("the request was broken off: {error}"))),
    }
}

pub(super) async fn bulk(store: &Store, call: &Call, index: Option<&str>) -> Result {
    call.only(&["refresh", "require_alias", "wait_for_active_shards", "_source", "type"])?;
    let refresh = match call.param("refresh") {
        None | Some("false") => false,
        Some("" | "true" | "wait_for") => true,
        Some(other) => return Err(ApiError::illegal(format!("Unknown value for refresh: [{other}]."))),
    };
    store.counters().bulks.fetch_add(1, Ordering::Relaxed);
    let started = Instant::now();
    let (parser, body, index) = (store.clone(), call.body.clone(), index.map(str::to_owned));
    let bulk = blocking(move || crate::bulk::parse(&parser, &body, index.as_deref())).await?;
    let body = bulk.run(store, refresh, || started.elapsed().as_millis()).await?;
    Ok(Reply { status: 200, kind: "application/json; charset=UTF-8", body: body.into_bytes() })
}

/// Parameters of a search that stand in the URL.
fn url_params(request: &mut Request, call: &Call) -> std::result::Result<(), ApiError> {
    let number = |name: &str| -> std::result::Result<Option<usize>, ApiError> {
        let parse =
            |text: &str| text.parse().map_err(|_| ApiError::illegal(format!("[{name}] cannot be [{text}]")));
        call.param(name).map(parse).transpose()
    };
    if let Some(size) = number("size")? {
        request.size = size;
    }
    if let Some(from) = number("from")? {
        request.from = from;
    }
    if let Some(sort) = call.param("sort") {
        request.sort = sorts(&Value::Array(sort.split(',').map(|s| json!(s)).collect()))?;
    }
    if let Some(value) = call.param("track_total_hits") {
        request.track = track(&json!(value))?;
    }
    if let Some(text) = call.param("timeout") {
        request.timeout = timeout(text)?;
    }
    if let Some(version) = call.flag("version") {
        request.version = version;
    }
    if let Some(yes) = call.flag("track_scores") {
        request.track_scores = yes;
    }
    if let Some(text) = call.param("q") {
        request.query = url_query(text, call)?;
    }
    if let Some(filter) = SourceFilter::of_url(&|name| call.param(name)) {
        request.source = filter;
    }
    request.check()
}

/// `?q=`: a query string.
fn url_query(text: &str, call: &Call) -> std::result::Result<Query, ApiError> {
    let mut body = json!({"query_string": {"query": text, "lenient": call.flag("lenient") == Some(true)}});
    if let Some(operator) = call.param("default_operator") {
        body["query_string"]["default_operator"] = json!(operator);
    }
    if let Some(field) = call.param("df") {
        body["query_string"]["default_field"] = json!(field);
    }
    crate::query::parse::parse(&body)
}

pub(super) async fn search(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(&[
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "size",
        "from",
        "sort",
        "track_total_hits",
        "version",
        "q",
        "default_operator",
        "df",
        "_source",
        "_source_includes",
        "_source_excludes",
        "track_scores",
        "rest_total_hits_as_int",
        "preference",
        "request_cache",
        "typed_keys",
        "max_concurrent_shard_requests",
        "batched_reduce_size",
        "ccs_minimize_roundtrips",
        "search_type",
        "cancel_after_time_interval",
        "pre_filter_shard_size",
    ])?;
    for refused in ["rest_total_hits_as_int", "typed_keys"] {
        if call.flag(refused) == Some(true) {
            return Err(ApiError::illegal(format!(
                "the parameter [{refused}] is not supported by this store"
            )));
        }
    }
    let mut request = Request::parse(&call.json()?)?;
    url_params(&mut request, call)?;
    if request.pit.is_some() && expression != "_all" {
        return Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: [indices] cannot be used with point in time;",
        ));
    }
    let answer = run_search(store, expression, call.options(), request).await?;
    Reply::json(&answer)
}

async fn run_search(
    store: &Store,
    expression: &str,
    options: Options,
    request: Request,
) -> std::result::Result<run::Answer, ApiError> {
    store.counters().searches.fetch_add(1, Ordering::Relaxed);
    let now = store.now();
    let parts = match &request.pit {
        Some((id, keep_alive)) => {
            let keep_alive = keep_alive.as_deref().map(super::pit::read).transpose()?;
            let parts = store.pits().get(id, keep_alive, now)?;
            parts.iter().try_for_each(|part| store.check_scope(part.name()))?;
            parts
        }
        None => Arc::new(store.select(expression, options)?),
    };
    let (lasts, counted) = (request.timeout, store.clone());
    searching(store, lasts, move |budget| {
        let mut answer = run::search(&parts, &request, now, budget)?;
        if answer.timed_out {
            counted.counters().timed_out.fetch_add(1, Ordering::Relaxed);
        }
        answer.pit_id = request.pit.map(|(id, _)| id);
        Ok(answer)
    })
    .await
}

/// Runs a search when there is a place for it. When its client goes away, what awaits it is dropped, and it stops.
async fn searching<T: Send + 'static>(
    store: &Store,
    lasts: Option<Duration>,
    work: impl FnOnce(&Arc<Budget>) -> std::result::Result<T, ApiError> + Send + 'static,
) -> std::result::Result<T, ApiError> {
    let place = store.gate().enter().await?;
    let (waiting, gone): (Waiting, Gone) = Gone::pair();
    let (breaker, counted) = (Arc::clone(store.breaker()), store.clone());
    let result = blocking(move || {
        // Until the work has really ended, whoever waits for it.
        let _place = place;
        let budget = Arc::new(Budget::new(breaker, gone, lasts));
        let result = work(&budget);
        if result.as_ref().is_err_and(|error| error.kind == "task_cancelled_exception") {
            counted.counters().cancelled.fetch_add(1, Ordering::Relaxed);
        }
        result
    })
    .await;
    drop(waiting);
    result
}

pub(super) async fn count(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(&[
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "q",
        "default_operator",
        "df",
        "lenient",
    ])?;
    let body = call.json()?;
    if let Some(key) = body.as_object().and_then(|map| map.keys().find(|key| *key != "query")) {
        return Err(ApiError::parsing(format!("request does not support [{key}]")));
    }
    let mut request = Request::parse(&body)?;
    if let Some(text) = call.param("q") {
        request.query = url_query(text, call)?;
    }
    let parts = store.select(expression, call.options())?;
    let shards = run::shards(parts.len());
    let now = store.now();
    let count = searching(store, None, move |budget| run::count(&parts, &request.query, now, budget)).await?;
    Reply::json(&json!({"count": count, "_shards": shards}))
}

pub(super) async fn msearch(store: &Store, call: &Call, expression: &str) -> Result {
    call.only(&[
        "ignore_unavailable",
        "allow_no_indices",
        "max_concurrent_searches",
        "max_concurrent_shard_requests",
    ])?;
    let started = Instant::now();
    let text = std::str::from_utf8(&call.body).map_err(|_| ApiError::parsing("the body is not UTF-8"))?;
    let mut lines = text.split('\n').map(str::trim_end).peekable();
    // All of them are read before the first one runs: one that cannot be read fails them all, as in OpenSearch.
    let mut asked = Vec::new();
    while let Some(header) = lines.next() {
        let Some(body) = lines.next() else {
            if header.is_empty() {
                break;
            }
            return Err(ApiError::illegal("The msearch request must be terminated by a newline [\\n]"));
        };
        if header.is_empty() && body.is_empty() && lines.peek().is_none() {
            break;
        }
        asked.push(one_search(expression, header, body, call.options())?);
        if asked.len() > SEARCHES {
            return Err(ApiError::illegal(format!("a request has [{SEARCHES}] searches at most")));
        }
    }
    if asked.is_empty() {
        return Err(if call.body.is_empty() {
            ApiError::new(400, "parse_exception", "request body or source parameter is required")
        } else {
            ApiError::new(
                400,
                "action_request_validation_exception",
                "Validation Failed: 1: no requests added;",
            )
        });
    }
    let at_once = match call.param("max_concurrent_searches").map(str::parse::<usize>) {
        Some(Ok(number)) if number > 0 => number,
        Some(_) => return Err(ApiError::illegal("maxConcurrentSearchRequests must be positive")),
        // As many as there are processors: a page of panels is answered in the time of its longest questions.
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    // None waits for those before it to be done, only for room.
    let answers = futures_util::stream::iter(asked.into_iter().enumerate())
        .map(|(place, (expression, options, request))| async move {
            (place, run_search(store, &expression, options, request).await)
        })
        .buffer_unordered(at_once);
    let mut answers: Vec<_> = answers.collect().await;
    answers.sort_by_key(|(place, _)| *place);
    // What all the answers hold until they are sent.
    let mut held = Vec::new();
    let mut responses: Vec<Value> = Vec::new();
    for (_, answer) in answers {
        let answer = answer.and_then(|mut answer| {
            answer.status = Some(200);
            held.extend(answer.held.take());
            serde_json::to_value(&answer).map_err(|e| ApiError::new(500, "exception", e.to_string()))
        });
        responses.push(answer.unwrap_or_else(|error| error.body()));
    }
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Reply::json(&json!({"took": took, "responses": responses}))
}

/// Where one search of many goes, and what it asks.
fn one_search(
    default: &str,
    header: &str,
    body: &str,
    mut options: Options,
) -> std::result::Result<(String, Options, Request), ApiError> {
    let bad = |what: &str, error: serde_json::Error| {
        ApiError::parsing(format!("the {what} line of a search is not JSON: {error}"))
    };
    let header: Value = if header.is_empty() {
        json!({})
    } else {
        serde_json::from_str(header).map_err(|e| bad("header", e))?
    };
    let mut expression = default.to_owned();
    for (key, value) in header.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("index" | "indices", Value::String(name)) => expression.clone_from(name),
            ("index" | "indices", Value::Array(names)) => {
                expression = names.iter().map(crate::query::parse::plain).collect::<Vec<_>>().join(",");
            }
            ("ignore_unavailable", value) => options.ignore_unavailable = value.as_bool().unwrap_or(false),
            ("allow_no_indices", value) => options.allow_no_indices = value.as_bool().unwrap_or(true),
            (
                "search_type"
                | "preference"
                | "expand_wildcards"
                | "request_cache"
                | "max_concurrent_shard_requests",
                _,
            ) => {}
            (other, _) => {
                return Err(ApiError::illegal(format!(
                    "key [{other}] is not supported in the metadata section"
                )));
            }
        }
    }
    let body = serde_json::from_str(body).map_err(|e| bad("body", e))?;
    Ok((expression, options, Request::parse(&body)?))
}
