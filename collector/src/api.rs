//! What is seen from outside: liveness, readiness and counters over HTTP, on Logstash's monitoring ports.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{CollectorError, Stats, stats::prometheus};

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

    fn all(&self) -> Vec<(String, Arc<Stats>)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(id, stats)| (id.clone(), stats.clone())).collect()
    }
}

/// Serves the monitoring API until `shutdown` resolves.
///
/// # Errors
/// The listener breaks.
pub async fn serve(
    listener: TcpListener,
    pipelines: Pipelines,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let app = Router::new()
        .route("/", get(root))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ok\n" }))
        .route(
            "/metrics",
            get(|State(pipelines): State<Pipelines>| async move { prometheus(&pipelines.all()) }),
        )
        .route("/_node/stats", get(node_stats))
        .with_state(pipelines);
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

async fn root() -> Json<Value> {
    Json(json!({"name": "alces-collector", "version": env!("CARGO_PKG_VERSION"), "status": "green"}))
}

/// The part of Logstash's `_node/stats` that monitors read first.
async fn node_stats(State(pipelines): State<Pipelines>) -> Json<Value> {
    let pipelines = pipelines.all();
    let sum = |count: fn(&Stats) -> u64| pipelines.iter().map(|(_, stats)| count(stats)).sum::<u64>();
    let of = |stats: &Stats| {
        let events = json!({
            "in": stats.events_in.get(),
            "filtered": stats.acknowledged.get() + stats.dropped.get(),
            "out": stats.acknowledged.get(),
        });
        json!({"events": events, "dead_letter_queue": {"events": stats.dead_lettered.get()}})
    };
    let each: serde_json::Map<_, _> = pipelines.iter().map(|(id, stats)| (id.clone(), of(stats))).collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "status": "green",
        "events": {
            "in": sum(|s| s.events_in.get()),
            "filtered": sum(|s| s.acknowledged.get() + s.dropped.get()),
            "out": sum(|s| s.acknowledged.get()),
        },
        "pipelines": each,
    }))
}
