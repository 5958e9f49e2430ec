//! What the roles of this command share, and the dashboard alone.

use std::{net::SocketAddr, sync::Arc};

use alces_agent::cli::shutdown_signal;
use alces_filters::Clock;
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tracing::info;

use crate::cli::DashboardArgs;

/// The environment, passed in.
pub(crate) type Environment = fn(&str) -> Option<String>;

pub(crate) fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

pub(crate) async fn dashboard(args: DashboardArgs) -> anyhow::Result<()> {
    let listener = listen(args.listen, "--listen").await?;
    let mut config = alces_dashboard::Config::new(args.opensearch);
    config.logs = args.logs.unwrap_or(config.logs);
    config.metrics = args.metrics.unwrap_or(config.metrics);
    config.basic_auth = args.user.zip(args.password);
    info!(url = %format!("http://{}/", listener.local_addr()?), "dashboard listening");
    Ok(alces_dashboard::serve(listener, config, Timestamp::now, shutdown_signal()).await?)
}

/// Opens a listener on this machine only, for what has neither login nor TLS of its own.
pub(crate) async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() {
        bail!(
            "{option} {address}: this is reachable from other machines, and login and TLS are not there yet; \
             use 127.0.0.1 and put a proxy before it that has both"
        );
    }
    TcpListener::bind(address).await.with_context(|| {
        format!("{option}: cannot listen on {address}: choose another address, or port 0 for a free one")
    })
}
