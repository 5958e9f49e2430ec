//! The REST surface: reading requests, finding the handler, writing answers and errors.

mod admin;
mod aliases;
mod cat;
mod ism;
mod keys;
mod pit;
mod search;

use crate::error::ApiError;
use crate::names::Options;
use crate::security::Caller;
use crate::security::need::{is_open, need};
use crate::store::Store;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

/// So long nothing may come of a body that has begun.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a handler answers.
pub(crate) struct Reply {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
}

type Result = std::result::Result<Reply, ApiError>;

impl Reply {
    fn json(value: &impl Serialize) -> Result {
        Self::status(200, value)
    }

    fn status(status: u16, value: &impl Serialize) -> Result {
        let body = serde_json::to_vec(value).map_err(|e| ApiError::new(500, "exception", e.to_string()))?;
        Ok(Self { status, kind: "application/json; charset=UTF-8", body })
    }

    fn text(text: impl Into<String>) -> Result {
        Ok(Self { status: 200, kind: "text/plain; charset=UTF-8", body: text.into().into_bytes() })
    }
}

/// A request taken apart.
pub(crate) struct Call {
    method: Method,
    parts: Vec<String>,
    params: BTreeMap<String, String>,
    body: Bytes,
    caller: Caller,
}

impl Call {
    fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// A parameter that is true when it stands without a value.
    fn flag(&self, name: &str) -> Option<bool> {
        self.param(name).map(|value| value.is_empty() || value == "true")
    }

    fn options(&self) -> Options {
        let default = Options::default();
        Options {
            ignore_unavailable: self.flag("ignore_unavailable").unwrap_or(default.ignore_unavailable),
            allow_no_indices: self.flag("allow_no_indices").unwrap_or(default.allow_no_indices),
        }
    }

    /// The body as JSON; `Null` if there is none.
    fn json(&self) -> std::result::Result<serde_json::Value, ApiError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|e| ApiError::parsing(format!("the body is not JSON: {e}")))
    }

    /// Refuses parameters that nobody reads.
    fn only(&self, known: &[&str]) -> std::result::Result<(), ApiError> {
        const COMMON: &[&str] = &[
            "pretty",
            "human",
            "error_trace",
            "filter_path",
            "format",
            "timeout",
            "master_timeout",
            "cluster_manager_timeout",
        ];
        for name in self.params.keys() {
            if name == "filter_path" {
                return Err(ApiError::illegal("the parameter [filter_path] is not supported by this store"));
            }
            if !known.contains(&name.as_str()) && !COMMON.contains(&name.as_str()) {
                return Err(ApiError::illegal(format!(
                    "request [/{}] contains unrecognized parameter: [{name}]",
                    self.parts.join("/")
                )));
            }
        }
        Ok(())
    }
}

/// Answers a request.
pub(crate) async fn handle(store: Store, peer: SocketAddr, request: Request) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    let counters = store.counters();
    counters.requests.fetch_add(1, Ordering::Relaxed);
    let reply = Box::pin(answer(&store, peer, request)).await.unwrap_or_else(|error| {
        if error.status >= 500 {
            tracing::error!(%error, "a request failed");
        }
        counters.failures.fetch_add(1, Ordering::Relaxed);
        let body = error.body().to_string().into_bytes();
        Reply { status: error.status, kind: "application/json; charset=UTF-8", body }
    });
    let length = reply.body.len();
    let mut response = Response::new(if head { Body::empty() } else { Body::from(reply.body) });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    match reply.status {
        401 => {
            counters.unknown.fetch_add(1, Ordering::Relaxed);
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"alces\""));
        }
        429 => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"))),
        _ => {}
    }
    response
}

async fn answer(store: &Store, peer: SocketAddr, request: Request) -> Result {
    let (head, body) = request.into_parts();
    let parts = parts(&head.uri)?;
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    if is_open(&head.method, &names) {
        return Reply::text("ok\n");
    }
    // Before the body is read: who may not send it cannot fill memory with it.
    let authorization = head.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let caller = store.security().identify(authorization, peer.ip(), store.now()).await?;
    let scope = caller.may(&need(&head.method, &names))?;
    let store = store.scoped(scope);
    let params = params(&head.uri)?;
    let limit = store.config().max_body;
    let body = unpack(&head.headers, collect(body, limit).await?, limit)?;
    let call = Call { method: head.method, parts, params, body, caller };
    route(&store, &call).await
}

fn parts(uri: &Uri) -> std::result::Result<Vec<String>, ApiError> {
    uri.path().split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect()
}

fn params(uri: &Uri) -> std::result::Result<BTreeMap<String, String>, ApiError> {
    let mut params = BTreeMap::new();
    for pair in uri.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        params.insert(decode(name, true)?, decode(value, true)?);
    }
    Ok(params)
}

async fn collect(mut body: Body, limit: usize) -> std::result::Result<Bytes, ApiError> {
    // What is said to come, where it is said.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    loop {
        let frame = timeout(PATIENCE, body.frame())
            .await
            .map_err(|_| ApiError::new(408, "timeout_exception", "the body did not come"))?;
        let Some(frame) = frame else { break };
        let frame =
            frame.map_err(|error| ApiError::illegal(format!("the body could not be read: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + whole.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        // A body of one piece is not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                // Once, where its length is told.
                let rest = usize::try_from(body.size_hint().lower()).unwrap_or(0);
                whole.reserve((first.len() + data.len() + rest).min(limit));
            }
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        413,
        "content_too_long_exception",
        format!("entity content is too long: more than [{limit}] bytes"),
    )
}

fn unpack(headers: &HeaderMap, body: Bytes, limit: usize) -> std::result::Result<Bytes, ApiError> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(body),
        Some(b"gzip") => {
            let mut out = Vec::new();
            // One byte beyond the limit tells a body that is too large from one that just fits.
            let read =
                flate2::read::MultiGzDecoder::new(&body[..]).take(limit as u64 + 1).read_to_end(&mut out);
            read.map_err(|e| ApiError::illegal(format!("the gzip body cannot be unpacked: {e}")))?;
            if out.len() > limit { Err(too_large(limit)) } else { Ok(out.into()) }
        }
        Some(other) => Err(ApiError::new(
            415,
            "media_type_exception",
            format!("Content-Encoding [{}] is not supported; use gzip", String::from_utf8_lossy(other)),
        )),
    }
}

fn decode(text: &str, plus: bool) -> std::result::Result<String, ApiError> {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                out.push(
                    hex.ok_or_else(|| {
                        ApiError::illegal(format!("unterminated escape sequence in [{text}]"))
                    })?,
                );
                at += 3;
            }
            b'+' if plus => {
                out.push(b' ');
                at += 1;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| ApiError::illegal(format!("[{text}] is not UTF-8")))
}

/// What selects indexes in a URL.
const SELECT: &[&str] =
    &["ignore_unavailable", "allow_no_indices", "expand_wildcards", "local", "wait_for_active_shards"];

async fn route(store: &Store, call: &Call) -> Result {
    let parts: Vec<&str> = call.parts.iter().map(String::as_str).collect();
    let (get, post, put) = (
        call.method == Method::GET || call.method == Method::HEAD,
        call.method == Method::POST,
        call.method == Method::PUT,
    );
    let delete = call.method == Method::DELETE;
    match parts.as_slice() {
        [] if get => admin::root(store),
        ["metrics"] if get => cat::metrics(store),
        ["_bulk"] if post || put => search::bulk(store, call, None).await,
        [index, "_bulk"] if post || put => search::bulk(store, call, Some(index)).await,
        ["_search"] if get || post => search::search(store, call, "_all").await,
        [index, "_search"] if get || post => search::search(store, call, index).await,
        ["_msearch"] if get || post => search::msearch(store, call, "_all").await,
        [index, "_msearch"] if get || post => search::msearch(store, call, index).await,
        ["_count"] if get || post => search::count(store, call, "_all").await,
        [index, "_count"] if get || post => search::count(store, call, index).await,
        ["_refresh"] if get || post => admin::refresh(store, call, "_all").await,
        [index, "_refresh"] if get || post => admin::refresh(store, call, index).await,
        ["_search", "point_in_time", "_all"] if get => pit::list(store),
        ["_search", "point_in_time", "_all"] if delete => pit::close_all(store),
        ["_search", "point_in_time"] if delete => pit::close(store, call),
        [index, "_search", "point_in_time"] if post => pit::open(store, call, index),
        ["_aliases"] if post => aliases::change(store, call),
        ["_alias" | "_aliases"] if get => aliases::get(store, call, "_all", None),
        ["_alias", names] if get => aliases::get(store, call, "_all", Some(names)),
        [index, "_alias" | "_aliases"] if get => aliases::get(store, call, index, None),
        [index, "_alias", names] if get => aliases::get(store, call, index, Some(names)),
        [index, "_alias" | "_aliases", alias] if put || post => aliases::put(store, call, index, alias),
        [index, "_alias" | "_aliases", alias] if delete => aliases::delete(store, call, index, alias),
        [index, "_mapping" | "_mappings"] if put || post => admin::put_mapping(store, call, index),
        ["_mapping", "field", names] if get => admin::mapping_fields(store, call, "_all", names),
        [index, "_mapping", "field", names] if get => admin::mapping_fields(store, call, index, names),
        ["_mapping" | "_mappings"] if get => admin::mapping(store, call, "_all"),
        [index, "_mapping" | "_mappings"] if get => admin::mapping(store, call, index),
        ["_field_caps"] if get || post => admin::field_caps(store, call, "_all"),
        [index, "_field_caps"] if get || post => admin::field_caps(store, call, index),
        ["_cat", "indices"] if get => cat::indices(store, call, "_all"),
        ["_cat", "indices", index] if get => cat::indices(store, call, index),
        ["_cat", "health"] if get => cat::health(store, call),
        ["_cluster", "health"] if get => cat::cluster_health(store),
        ["_index_template", name] if put || post => admin::put_template(store, call, name),
        ["_index_template"] if get => admin::get_template(store, call, "*"),
        ["_index_template", name] if get => admin::get_template(store, call, name),
        ["_index_template", name] if delete => admin::delete_template(store, name),
        ["_security", "_authenticate"] if get => keys::whoami(call),
        ["_security", "api_key"] if post || put => keys::create(store, call),
        ["_security", "api_key"] if get => keys::list(store, call),
        ["_security", "api_key"] if delete => keys::remove(store, call),
        ["_plugins" | "_opendistro", "_ism", rest @ ..] => match rest {
            ["policies"] if get => ism::list(store, call),
            ["policies", id] if put => ism::put(store, call, id).await,
            ["policies", id] if get => ism::get(store, call, id),
            ["policies", id] if delete => ism::delete(store, call, id),
            ["explain"] if get || post => ism::explain(store, call, "_all").await,
            ["explain", index] if get || post => ism::explain(store, call, index).await,
            ["add", index] if post => ism::add(store, call, index),
            ["remove", index] if post => ism::remove(store, call, index),
            _ => Err(no_handler(call)),
        },
        ["_data_stream"] if get => admin::data_streams(store, call, "*"),
        ["_data_stream", name] if get => admin::data_streams(store, call, name),
        ["_data_stream", name] if put => admin::put_data_stream(store, call, name),
        ["_data_stream", name] if delete => admin::delete_data_stream(store, call, name).await,
        [name] if put => admin::create_index(store, call, name),
        [name] if get && !name.starts_with('_') => admin::get_index(store, call, name),
        [name] if delete && !name.starts_with('_') => admin::delete_index(store, call, name).await,
        _ => Err(no_handler(call)),
    }
}

fn no_handler(call: &Call) -> ApiError {
    let (path, method) = (call.parts.join("/"), &call.method);
    ApiError::new(400, ApiError::BARE, format!("no handler found for uri [/{path}] and method [{method}]"))
}
