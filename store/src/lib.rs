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
mod bits;
mod bulk;
mod config;
mod dates;
mod disk;
mod engine;
mod error;
mod files;
mod http;
mod ids;
mod index;
#[cfg(feature = "inside")]
#[doc(hidden)]
pub mod inside;
mod json;
mod mapping;
mod names;
mod pit;
mod query;
mod quick;
mod record;
mod removal;
mod retention;
mod search;
mod security;
mod segments;
mod store;
mod templates;
mod update;
mod wal;
mod writer;

pub use alces_serve::{CertificateError, TlsFiles};
pub use config::{Clock, Config};
pub use error::{ApiError, StoreError};
pub use security::password::generated_password;
pub use security::roles::Role;
pub use security::users::Users;
pub use store::Store;

use alces_serve::Certificates;
use std::future::Future;
use std::path::PathBuf;
use tokio::net::TcpListener;

/// Serves the REST API on `listener` until `shutdown` completes; then answers what is under way, commits and returns.
///
/// # Errors
/// What [`Store::open`] and [`serve_store`] can fail with.
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

/// Looks after policies of retention, once a minute.
async fn ticks(store: Store, mut stopping: tokio::sync::watch::Receiver<bool>) {
    let mut minutes = tokio::time::interval(std::time::Duration::from_secs(60));
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = minutes.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        store.tick().await;
    }
}

/// Connections at a time.
const CONNECTIONS: u32 = 4096;

/// Like [`serve`], with a store that is already open.
///
/// # Errors
/// [`StoreError::Io`] if the listener fails; [`StoreError::Certificate`] if the certificate cannot be used; [`StoreError::Exposed`] if the
/// listener is reachable from other machines and is not to be.
pub async fn serve_store(
    listener: TcpListener,
    store: Store,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StoreError> {
    let address = listener.local_addr().map_err(StoreError::io(PathBuf::from("the listening socket")))?;
    let config = store.config();
    config.check_exposure(address)?;
    let certificates = config.tls.clone().map(Certificates::open).transpose()?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let ticking = tokio::spawn(ticks(store.clone(), stopping));
    let answering = store.clone();
    let answer = move |peer, request| http::handle(answering.clone(), peer, request);
    alces_serve::serve(listener, CONNECTIONS, certificates, answer, shutdown).await;
    // A deletion that has begun is not broken off.
    let _ = stop.send(true);
    let _ = ticking.await;
    store.close().await;
    Ok(())
}
