//! What the roles of this command share.

use std::{net::SocketAddr, sync::Arc};

use alces_filters::Clock;
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use tokio::net::TcpListener;

/// The environment, passed in.
pub(crate) type Environment = fn(&str) -> Option<String>;

pub(crate) fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Opens a listener on this machine only, for what has neither login nor TLS of its own.
pub(crate) async fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() {
        bail!(
            "{option} {address}: this is reachable from other machines, and has neither login nor TLS here; \
             use 127.0.0.1, or run the role alone (`alces dashboard`, `alces store`), which then has both"
        );
    }
    TcpListener::bind(address).await.with_context(|| {
        format!("{option}: cannot listen on {address}: choose another address, or port 0 for a free one")
    })
}
