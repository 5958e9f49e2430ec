//! Where an input listens, and the connections that it takes.

use std::{io, net::SocketAddr, time::Duration};

use alces_conf::Options;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
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
    loop {
        let accepted = tokio::select! {
            accepted = door.listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                intake.stats.connections.add(1);
                let _ = stream.set_nodelay(true);
                if door.keep_alive {
                    let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
                }
                let (tls, intake, each) = (door.tls.clone(), intake.clone(), each.clone());
                tokio::spawn(async move {
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
