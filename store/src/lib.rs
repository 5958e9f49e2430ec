//! The embedded default store of Alces: a search engine in one process that speaks the part of OpenSearch's REST API
//! that logs need.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9200").await?;
//! alces_store::serve(listener, alces_store::Config::new("data"), std::future::pending()).await?;
//! # Ok(()) }
//! ```
//!
//! `DESIGN.md` beside this crate tells the way of a document, the files on disk, and what is deliberately absent.

mod aggs;
mod aliases;
mod bulk;
mod config;
mod dates;
mod engine;
mod error;
mod files;
mod http;
mod ids;
mod index;
mod json;
mod mapping;
mod names;
mod pit;
mod query;
mod quick;
mod record;
mod search;
mod segments;
mod store;
mod templates;
mod update;
mod wal;
mod writer;

pub use config::{Clock, Config};
pub use error::{ApiError, StoreError};
pub use store::Store;

use std::future::Future;
use std::path::PathBuf;
use tokio::net::TcpListener;

/// Serves the REST API on `listener` until `shutdown` completes; then answers what is under way, commits and returns.
///
/// # Errors
/// What [`Store::open`] can fail with, and [`StoreError::Io`] if the listener fails.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StoreError> {
    let data_dir = config.data_dir.clone();
    let store = match tokio::task::spawn_blocking(move || Store::open(config)).await {
        Ok(store) => store?,
        Err(error) => return Err(StoreError::Io { path: data_dir, source: std::io::Error::other(error) }),
    };
    serve_store(listener, store, shutdown).await
}

/// Like [`serve`], with a store that is already open.
///
/// # Errors
/// [`StoreError::Io`] if the listener fails.
pub async fn serve_store(
    listener: TcpListener,
    store: Store,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StoreError> {
    let router = http::router(store.clone());
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
    store.close().await;
    served.map_err(StoreError::io(PathBuf::from("the listening socket")))
}
