//! `mode => client`: the input connects to a server that writes events, again and again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use alces_conf::{Options, Spanned};
use alces_filters::Context;
use alces_tls::{ClientConfig, Identity, Roots};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tracing::{info, warn};

use super::{
    super::{
        Intake,
        listen::{Connection, Place, beyond_loopback},
        tls::Stream,
    },
    Reading,
};
use crate::{
    CollectorError,
    renew::{Renewed, Wrong},
};

/// The pause after the first connection that does not come about; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where to connect to, and how.
#[derive(Clone)]
pub(super) struct ClientPlan {
    place: Place,
    tls: Option<Arc<Renewed<ClientConfig>>>,
}

impl std::fmt::Debug for ClientPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientPlan").field("place", &self.place).finish_non_exhaustive()
    }
}

impl ClientPlan {
    /// Reads `ssl_verification_mode`.
    pub(super) fn verification(options: &mut Options<'_>, client: bool) -> Option<()> {
        let verified = options.choice("ssl_verification_mode", &[("full", true), ("none", false)]);
        options.differs("ssl_verification_mode", "a server is always verified; `none` is an error");
        if verified == Some(false) {
            options.error_here(
                "`ssl_verification_mode => none` would take any server for the right one: name who signs its certificate with \
                 `ssl_certificate_authorities`",
            );
        }
        if verified.is_some() && !client {
            options.error_here(
                "`ssl_verification_mode` is for `mode => client`; a server has `ssl_client_authentication`",
            );
        }
        (verified != Some(false)).then_some(())
    }

    /// Reads the options of a client.
    pub(super) fn read(
        context: &Context<'_>,
        options: &mut Options<'_>,
        place: Place,
        verified: Option<()>,
    ) -> Self {
        options.no_effect("ssl_cipher_suites", "the ciphers are rustls's, which has only good ones");
        options.no_effect("ssl_supported_protocols", "a client speaks TLS 1.2 and 1.3");
        options.unsupported(
            "ssl_key_passphrase",
            "write the key without a password (`openssl pkey`) and protect its file",
        );
        options.text("ssl_client_authentication");
        let enabled = options.boolean("ssl_enabled").unwrap_or(false);
        let authorities = options.texts("ssl_certificate_authorities").unwrap_or_default();
        let identity = (options.text("ssl_certificate"), options.text("ssl_key"));
        let tls = match (enabled, verified) {
            (true, Some(())) => config(context, options, &authorities, identity),
            _ => None,
        };
        Self { place, tls }
    }

    /// Whether what comes from there may come without TLS, as far as is known now. A name that cannot be looked up yet is a server that
    /// is away: each connection is judged again.
    pub(super) async fn check(&self, allow_plaintext: bool) -> Result<(), CollectorError> {
        let place = (self.place.host.as_str(), self.place.port);
        let found = lookup_host(place).await.map(Iterator::collect).unwrap_or_default();
        found_beyond(self.tls.is_some() || allow_plaintext, found).map_or(Ok(()), Err)
    }

    /// Reads one connection after the other, until the collector is told to stop.
    pub(super) async fn run(
        self,
        (keep_alive, allow_plaintext): (bool, bool),
        reading: Reading,
        intake: Intake,
    ) {
        let Self { place, tls } = self;
        let may_be_beyond = tls.is_some() || allow_plaintext;
        let mut stop = intake.stop.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            let connected = tokio::select! {
                connected = timeout(PATIENCE, connect(&place, tls.as_ref(), (keep_alive, may_be_beyond))) => connected,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut))) {
                Ok(connection) => {
                    intake.stats.connections.add(1);
                    info!(server = %connection.peer, "tcp input connected");
                    pause = FIRST_PAUSE;
                    reading.clone().read(connection, intake.clone()).await;
                }
                Err(error) => {
                    warn!(host = place.host, port = place.port, %error, "no connection: trying again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// An error where an address is another machine's, and that is not allowed.
fn found_beyond(allowed: bool, addresses: Vec<SocketAddr>) -> Option<CollectorError> {
    beyond_loopback(&addresses).filter(|_| !allowed).map(|address| CollectorError::Plaintext { address })
}

/// What the files say, or errors at their names.
fn config(
    context: &Context<'_>,
    options: &mut Options<'_>,
    authorities: &[Spanned<String>],
    identity: (Option<Spanned<String>>, Option<Spanned<String>>),
) -> Option<Arc<Renewed<ClientConfig>>> {
    if authorities.is_empty() {
        options.error_here(
            "`ssl_enabled` of a client wants `ssl_certificate_authorities => [\"FILE\"]`: who signs the server's certificate",
        );
        return None;
    }
    let mut paths = authorities.to_vec();
    match identity {
        (Some(chain), Some(key)) => paths.extend([chain, key]),
        (None, None) => {}
        _ => {
            options.error_here("`ssl_certificate` and `ssl_key` go together");
            return None;
        }
    }
    let signers = authorities.len();
    Renewed::read(context, options, &paths, move |pems| {
        let (authorities, identity) = pems.split_at_checked(signers).unwrap_or((pems, &[]));
        let mut roots = Roots::default();
        for (at, pem) in authorities.iter().enumerate() {
            roots.add(pem).map_err(|error| Wrong::of(at, error))?;
        }
        let identity = match identity {
            [chain, key] => Some(Identity { chain, key }),
            _ => None,
        };
        alces_tls::client(roots, identity).map_err(|error| Wrong::of(signers, error))
    })
}

async fn connect(
    place: &Place,
    tls: Option<&Arc<Renewed<ClientConfig>>>,
    (keep_alive, may_be_beyond): (bool, bool),
) -> io::Result<Connection> {
    let stream = TcpStream::connect((place.host.as_str(), place.port)).await?;
    if keep_alive {
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
    }
    let peer = stream.peer_addr()?;
    if let Some(error) = found_beyond(may_be_beyond, vec![peer]) {
        return Err(io::Error::other(error));
    }
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(config) => {
            let name = ServerName::try_from(place.host.clone()).map_err(io::Error::other)?;
            Box::new(TlsConnector::from(config.now()).connect(name, stream).await?)
        }
    };
    Ok(Connection { stream, peer })
}
