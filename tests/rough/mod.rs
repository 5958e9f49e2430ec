//! What the agent's torture and the collector's storms share: the book of what was written, what arrived of it, the bad net, the full disk, and
//! what the environment says of how long it goes on.

pub(crate) mod arrivals;
pub(crate) mod book;
pub(crate) mod disk;
pub(crate) mod proxy;
pub(crate) mod world;

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use tokio::net::TcpListener;

/// Listens where somebody listened a moment ago. A program that is being started has copies of all that is open here until it is itself, the
/// listener of before among them.
pub(crate) async fn listen_again(address: SocketAddr) -> TcpListener {
    for _ in 0..1_000 {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            bound => return bound.unwrap(),
        }
    }
    panic!("{address} is never free");
}

/// The seed that is to be repeated, or a new one.
pub(crate) fn seed() -> u64 {
    number("ALCES_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..))
}

/// How long a run goes on.
pub(crate) fn seconds() -> u64 {
    number("ALCES_TORTURE_SECONDS").unwrap_or(8)
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}
