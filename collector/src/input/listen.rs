//! Where an input listens, and the connections that it takes.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use alces_conf::Options;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
};
use tracing::warn;

use super::{
    Intake,
    tls::{Stream, Tls},
};
use crate::CollectorError;

/// Where connections come in.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Tls>,
    /// The system asks now and then whether the other side is still there.
    pub(super) keep_alive: bool,
    pub(super) limits: Limits,
}

/// What keeps many senders from being too many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time. More wait, in the system's own queue, until one ends.
    pub(super) connections: usize,
    /// A connection over which nothing comes for so long, while it is read, is closed.
    pub(super) idle: Option<Duration>,
}

impl Limits {
    /// None, for an input that bounds its senders in its own way.
    pub(super) const NONE: Self = Self { connections: Semaphore::MAX_PERMITS, idle: None };

    /// Connections where nothing is said: more than a fleet has, fewer than would exhaust a machine.
    const CONNECTIONS: usize = 4096;

    /// Reads `max_connections` and `idle_timeout`, which Logstash does not have.
    pub(super) fn read(options: &mut Options<'_>) -> Self {
        let connections = options.integer("max_connections", 1..=1_000_000);
        options.differs(
            "max_connections",
            "an option of ours: further connections wait until one ends (default 4096)",
        );
        let idle = options.integer("idle_timeout", 0..=604_800).filter(|seconds| *seconds > 0);
        options.differs(
            "idle_timeout",
            "an option of ours: a connection over which nothing comes for so many seconds is closed (default 0: never)",
        );
        Self {
            connections: connections.map_or(Self::CONNECTIONS, |number| number as usize),
            idle: idle.map(|seconds| Duration::from_secs(seconds as u64)),
        }
    }
}

/// `host` and `port`.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    /// Reads the options. Without a usual port one must be given.
    pub(super) fn read(options: &mut Options<'_>, usual: Option<u16>) -> Self {
        // Logstash's default is 0.0.0.0; ours is reachable from this machine only, until it is told otherwise.
        let host = options.text("host").map_or("127.0.0.1".to_owned(), |t| t.node);
        options.differs("host", "its default is 127.0.0.1, not 0.0.0.0");
        let port = options.integer("port", 0..=65_535).map(|port| port as u16).or(usual);
        if port.is_none() && !options.is_given("port") {
            let message = format!("{} wants `port => NUMBER`", options.plugin());
            options.error_here(message);
        }
        Self { host, port: port.unwrap_or_default() }
    }

    /// Listens for connections; beyond this machine only where they are encrypted or need not be.
    pub(super) async fn tcp(
        &self,
        encrypted: bool,
        allow_plaintext: bool,
    ) -> Result<TcpListener, CollectorError> {
        let resolved = self.resolve().await?;
        if let Some(open) = beyond_loopback(&resolved)
            && !encrypted
            && !allow_plaintext
        {
            return Err(CollectorError::Plaintext { address: open });
        }
        TcpListener::bind(&resolved[..]).await.map_err(self.error())
    }

    /// Listens for datagrams, which nothing encrypts.
    pub(super) async fn udp(&self, allow_plaintext: bool) -> Result<UdpSocket, CollectorError> {
        let resolved = self.resolve().await?;
        if let Some(open) = beyond_loopback(&resolved)
            && !allow_plaintext
        {
            return Err(CollectorError::PlaintextUdp { address: open });
        }
        UdpSocket::bind(&resolved[..]).await.map_err(self.error())
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, CollectorError> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        Ok(found.map_err(self.error())?.collect())
    }

    fn error(&self) -> impl Fn(io::Error) -> CollectorError {
        let address = format!("{}:{}", self.host, self.port);
        move |source| CollectorError::Listen { address: address.clone(), source }
    }
}

/// The first address that is not of this machine alone.
pub(super) fn beyond_loopback(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    addresses.iter().find(|address| !address.ip().is_loopback()).copied()
}

/// A connection that was taken and, where that is wanted, encrypted.
pub(super) struct Connection {
    pub(super) stream: Box<dyn Stream>,
    pub(super) peer: SocketAddr,
}

/// Takes connections until the collector is told to stop; each goes its own way.
pub(super) async fn accept<F: Future<Output = ()> + Send + 'static>(
    door: Door,
    intake: Intake,
    each: impl Fn(Connection) -> F + Clone + Send + 'static,
) {
    let mut stop = intake.stop.clone();
    let places = Arc::new(Semaphore::new(door.limits.connections));
    let (mut told, listener) = (false, &door.listener);
    loop {
        if places.available_permits() == 0 && !std::mem::replace(&mut told, true) {
            warn!(
                connections = door.limits.connections,
                "as many connections as there may be (`max_connections`): others wait until one ends"
            );
        }
        let place = places.clone();
        let accepted = tokio::select! {
            accepted = async move {
                let place = place.acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let (Ok(place), accepted) = accepted else { return };
        match accepted {
            Ok((stream, peer)) => {
                intake.stats.connections.add(1);
                let _ = stream.set_nodelay(true);
                if door.keep_alive {
                    let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
                }
                let (tls, intake, each) = (door.tls.clone(), intake.clone(), each.clone());
                tokio::spawn(async move {
                    let _place = place;
                    if let Some(taken) = open(stream, peer, tls, intake).await {
                        each(taken).await;
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: the connections that are there go on, new ones wait.
                warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn open(stream: TcpStream, peer: SocketAddr, tls: Option<Tls>, intake: Intake) -> Option<Connection> {
    let Some(tls) = tls else { return Some(Connection { stream: Box::new(stream), peer }) };
    match tls.accept(stream).await {
        Ok(stream) => Some(Connection { stream, peer }),
        Err(error) => {
            intake.stats.protocol_errors.add(1);
            warn!(%peer, %error, "connection closed: no TLS came about");
            None
        }
    }
}
