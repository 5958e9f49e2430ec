//! What is seen from outside: liveness, readiness and counters over HTTP, on Logstash's monitoring ports.

mod health;
mod metrics;
mod node;
mod tap;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{Access, CollectorError, Stats};
use node::Node;

/// The ports that Logstash's monitoring API takes the first free one of.
const PORTS: std::ops::RangeInclusive<u16> = 9600..=9700;

/// Opens the monitoring API: at `address`, or at the first free port of 9600 to 9700 on loopback.
///
/// # Errors
/// The address, or every one of the ports, is taken.
pub async fn bind(address: Option<SocketAddr>) -> Result<TcpListener, CollectorError> {
    if let Some(address) = address {
        let error = |source| CollectorError::Listen { address: address.to_string(), source };
        if !address.ip().is_loopback() {
            return Err(CollectorError::OpenApi { address });
        }
        return TcpListener::bind(address).await.map_err(error);
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in PORTS {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(CollectorError::Listen { address: "127.0.0.1:9600-9700".to_owned(), source: last })
}

/// The pipelines that are run, each with its name and its counters.
#[derive(Clone, Debug, Default)]
pub struct Pipelines(Arc<RwLock<BTreeMap<String, Arc<Stats>>>>);

impl Pipelines {
    /// One runs from now on.
    pub fn insert(&self, id: &str, stats: Arc<Stats>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), stats);
    }

    /// One runs no more.
    pub fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn one(&self, id: &str) -> Option<(String, Arc<Stats>)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(id).map(|stats| (id.to_owned(), stats.clone()))
    }

    fn all(&self) -> Vec<(String, Arc<Stats>)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(id, stats)| (id.clone(), stats.clone())).collect()
    }
}

/// Serves the monitoring API until `shutdown` resolves. Events are shown to those who say the word of `access`, or to nobody.
///
/// # Errors
/// The listener breaks.
pub async fn serve(
    listener: TcpListener,
    pipelines: Pipelines,
    access: Option<Access>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?.to_string();
    let world = World { pipelines, access: access.map(Arc::new), node: Arc::new(Node::new(address)) };
    let app = Router::new()
        .route("/", get(|State(world): State<World>| async move { Json(world.node.head(&world.pipelines)) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
        .route("/metrics", get(|State(world): State<World>| async move { metrics::text(&world.pipelines.all()) }))
        .route("/_node", get(|State(world): State<World>| async move { Json(world.node.info(&world.pipelines)) }))
        .route("/_node/{what}", get(node))
        .route("/_node/pipelines/{id}", get(pipeline))
        .route("/_node/stats/{what}", get(stats))
        .route("/_node/stats/pipelines/{id}", get(pipeline_stats))
        .route("/_tap/{pipeline}", get(tap::tap))
        .route("/_health_report", get(|State(world): State<World>| async move { Json(health::report(&world.pipelines.all())) }))
        .fallback(|| async { not_found("there is nothing here: see /, /_node, /_node/stats, /_node/pipelines, /_node/hot_threads, /_health_report, /metrics") })
        .with_state(world);
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

#[derive(Clone)]
struct World {
    pipelines: Pipelines,
    access: Option<Arc<Access>>,
    node: Arc<Node>,
}

async fn node(State(world): State<World>, Path(what): Path<String>) -> Response {
    let World { pipelines, node, .. } = &world;
    match what.as_str() {
        "pipelines" => {
            Json(node.with_head(pipelines, json!({"pipelines": node::pipelines(&pipelines.all())})))
                .into_response()
        }
        "stats" => Json(node.with_head(pipelines, node.stats(&pipelines.all()))).into_response(),
        "hot_threads" => Json(node.with_head(pipelines, node::hot_threads())).into_response(),
        // What a JVM has and we have not.
        "jvm" | "os" | "plugins" | "logging" => {
            not_found("there is no JVM here, and nothing to be said of this")
        }
        _ => not_found("write /_node/stats, /_node/pipelines or /_node/hot_threads"),
    }
}

async fn pipeline(State(world): State<World>, Path(id): Path<String>) -> Response {
    let World { pipelines, node, .. } = &world;
    match pipelines.one(&id) {
        Some(one) => {
            Json(node.with_head(pipelines, json!({"pipelines": node::pipelines(&[one])}))).into_response()
        }
        None => not_found("there is no such pipeline"),
    }
}

async fn stats(State(world): State<World>, Path(what): Path<String>) -> Response {
    let World { pipelines, node, .. } = &world;
    match node.stats(&pipelines.all()).get_mut(&what) {
        Some(part) => Json(node.with_head(pipelines, json!({what: part.take()}))).into_response(),
        None => not_found("write /_node/stats/pipelines, events, process or reloads"),
    }
}

async fn pipeline_stats(State(world): State<World>, Path(id): Path<String>) -> Response {
    let World { pipelines, node, .. } = &world;
    match pipelines.one(&id) {
        Some(one) => Json(node.with_head(pipelines, json!({"pipelines": node::pipeline_stats(&[one])})))
            .into_response(),
        None => not_found("there is no such pipeline"),
    }
}

/// In the shape of Logstash's.
fn not_found(message: &str) -> Response {
    let body = json!({"status": 404, "error": {"code": 404, "message": message}});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

#[cfg(test)]
mod tests;
