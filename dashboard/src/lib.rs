//! The dashboard of Alces: error rate, latency and resource use of a fleet on one page.
//!
//! It speaks the OpenSearch REST API to whatever is behind [`Config::opensearch_url`] and keeps nothing but the last
//! good pictures. Listener, clock and shutdown are passed to [`serve`], so that a test owns them; the library reads
//! no environment and installs no signal handler or log subscriber.

mod app;
mod assets;
mod backend;
#[doc(hidden)]
pub mod bench;
mod board;
mod chart;
mod config;
mod error;
mod explore;
mod fields;
mod http;
mod links;
mod metrics;
mod offline;
mod page;
mod query;
mod range;
mod tap;
mod verdict;
mod view;
mod why;

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;

pub use config::Config;
pub use error::DashboardError;
pub use offline::{BoardProblem, PanelText, check_board, panel_text, report};
#[doc(hidden)]
pub use query::fuzz as fuzz_search_language;
pub use tap::{Tap, TapStream};

/// How long open connections may take to end once shutdown has begun.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves the dashboard on `listener` until `shutdown` is ready; then answers what has begun, for at most 10 s.
///
/// There is no login yet: the caller must see to it that `listener` is not reachable by strangers.
///
/// # Errors
/// [`DashboardError::Config`] or [`DashboardError::Client`] for settings that cannot work, at once;
/// [`DashboardError::Serve`] when the listener fails. A backend that is down is no error: the page says so.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), DashboardError> {
    let app = offline::app(config, Arc::new(clock))?;
    tracing::info!(backend = app.backend.url(), "dashboard");
    let rereading = tokio::spawn(offline::reread(Arc::clone(&app)));
    let (begin, mut begun) = (app.closing.clone(), app.closing.subscribe());
    let router = http::router(app);
    let graceful = async move {
        shutdown.await;
        begin.send_replace(true);
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(graceful).into_future();
    let limit = async {
        // The sender is dropped only after it has sent, or with the server itself.
        if begun.wait_for(|b| *b).await.is_ok() {
            tokio::time::sleep(FAREWELL).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let done = tokio::select! {
        done = serving => done.map_err(DashboardError::from),
        () = limit => Ok(()),
    };
    rereading.abort();
    done
}
