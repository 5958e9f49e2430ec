//! The dashboard of Alces: error rate, latency and resource use of a fleet on one page.
//!
//! It speaks the OpenSearch REST API to whatever is behind [`Config::opensearch_url`] and keeps nothing but the last
//! good pictures. Listener, clock and shutdown are passed to [`serve`], so that a test owns them; the library reads
//! no environment and installs no signal handler or log subscriber. Who may come in is in `access/`, what each may see in `sight/`.

mod access;
mod alert;
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
mod language;
mod links;
mod metrics;
mod offline;
mod oidc;
mod page;
mod query;
mod range;
mod sight;
mod tap;
mod verdict;
mod view;
mod why;

use std::sync::Arc;
use std::time::Duration;

use alces_serve::Certificates;
use jiff::Timestamp;
use tokio::net::TcpListener;

pub use access::ProxyLogin;
pub use alces_serve::{CertificateError, TlsFiles};
pub use alert::{Alerts, LeaseIndex, backtest, check_alerts, send_test, time_range};
pub use config::Config;
pub use error::DashboardError;
pub use language::{CatalogError, Language, Languages, SyntaxError};
pub use offline::{BoardProblem, PanelText, check_board, panel_text, report};
pub use oidc::{OidcLogin, OidcSecret};
#[doc(hidden)]
pub use query::fuzz as fuzz_search_language;
pub use tap::{Tap, TapStream};

/// Connections at a time.
const CONNECTIONS: u32 = 1024;

/// How long open connections may take to end once shutdown has begun.
const FAREWELL: Duration = Duration::from_secs(10);

/// What programs can ask of `/api/v1`, as an OpenAPI document.
pub fn openapi() -> &'static str {
    http::openapi()
}

/// Serves the dashboard on `listener` until `shutdown` is ready; then answers what has begun, for at most 10 s.
///
/// # Errors
/// [`DashboardError::Config`] or [`DashboardError::Client`] for settings that cannot work, at once; [`DashboardError::Exposed`]
/// where strangers could reach the listener, [`DashboardError::Certificate`] for a certificate that cannot be used;
/// [`DashboardError::Serve`] when the listener fails. A backend that is down is no error: the page says so.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), DashboardError> {
    config.check_exposure(listener.local_addr()?)?;
    let certificates = config.tls.clone().map(Certificates::open).transpose()?;
    let app = offline::app(config, Arc::new(clock))?;
    tracing::info!(backend = app.backend.url(), logins = app.access.is_on(), "dashboard");
    let address = listener.local_addr()?;
    let base = app.config.public_url.as_ref().map_or_else(
        || format!("http{}://{address}/", if app.config.tls.is_some() { "s" } else { "" }),
        |url| format!("{}/", url.as_str().trim_end_matches('/')),
    );
    let watching = tokio::spawn(alert::run(Arc::clone(&app), base));
    let rereading = tokio::spawn(offline::reread(Arc::clone(&app)));
    let cleaning = tokio::spawn(access::clean(Arc::clone(&app)));
    let (begin, mut begun) = (app.closing.clone(), app.closing.subscribe());
    let router = http::router(app);
    let graceful = async move {
        shutdown.await;
        begin.send_replace(true);
    };
    let answer = move |peer, request| http::answer(router.clone(), peer, request);
    let serving = alces_serve::serve(listener, CONNECTIONS, certificates, answer, graceful);
    let limit = async {
        // The sender is dropped only after it has sent, or with the server itself.
        if begun.wait_for(|b| *b).await.is_ok() {
            tokio::time::sleep(FAREWELL).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = serving => {}
        () = limit => {}
    }
    watching.abort();
    rereading.abort();
    cleaning.abort();
    Ok(())
}
