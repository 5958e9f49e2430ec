//! The way to a collector: a TCP connection, with TLS where that is wanted.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alces_tls::{ClientConfig, Identity, Roots};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tracing::warn;

use crate::AgentError;

/// A collector that does not answer within this time is taken for away.
const CONNECT: Duration = Duration::from_secs(10);

/// Files for TLS, as PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that sign the collectors' certificates; the system's where there is none.
    pub authorities: Option<PathBuf>,
    /// The agent's own certificate and key, for collectors that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A connection, whatever it is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Dialer(Option<TlsConnector>);

impl Dialer {
    /// Reads the files.
    pub(crate) fn new(tls: Option<&Tls>) -> Result<Self, AgentError> {
        let Some(tls) = tls else { return Ok(Self(None)) };
        Ok(Self(Some(TlsConnector::from(config(tls)?))))
    }

    /// Connects to `host:port`; the name is resolved each time, and is the one that the certificate must be for.
    pub(crate) async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let Some(connector) = &self.0 else {
                if let Ok(peer) = stream.peer_addr() {
                    tell_plaintext(peer);
                }
                return Ok(Box::new(stream) as Box<dyn Stream>);
            };
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            Ok(Box::new(connector.connect(name, stream).await?) as Box<dyn Stream>)
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection came about within 10 s");
        timeout(CONNECT, connect).await.unwrap_or_else(|_| Err(late()))
    }
}

fn tell_plaintext(peer: SocketAddr) {
    if !peer.ip().is_loopback() {
        warn!(collector = %peer, "lines travel without encryption: use --tls-ca where the network is not yours alone");
    }
}

fn config(tls: &Tls) -> Result<Arc<ClientConfig>, AgentError> {
    let wrong = |path: &Path, reason: String| AgentError::Tls { path: path.to_owned(), reason };
    let read = |path: &Path| fs::read(path).map_err(|error| wrong(path, error.to_string()));
    let mut roots = Roots::default();
    match &tls.authorities {
        Some(path) => roots.add(&read(path)?).map_err(|error| wrong(path, error.to_string()))?,
        None => roots.add_system(rustls_native_certs::load_native_certs().certs),
    }
    match &tls.identity {
        None => alces_tls::client(roots, None)
            .map_err(|error| wrong(Path::new("the system's certificates"), error.to_string())),
        Some((chain, key)) => {
            let (chain_pem, key_pem) = (read(chain)?, read(key)?);
            let identity = Identity { chain: &chain_pem, key: &key_pem };
            alces_tls::client(roots, Some(identity)).map_err(|error| wrong(chain, error.to_string()))
        }
    }
}
