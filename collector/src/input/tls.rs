//! TLS of inputs that listen: Logstash's `ssl_…` options, and the handshake.

use std::{io, sync::Arc, time::Duration};

use alces_conf::{Options, Spanned};
use alces_filters::Context;
use alces_tls::{ClientAuth, Identity, Role, Roots, ServerConfig, TlsError};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    renew::{Renewed, Wrong},
    tls::versions,
};

/// A connection, whatever it is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a listener does with its connections first.
#[derive(Clone)]
pub(super) struct Tls {
    /// Made anew when the certificates' files change.
    config: Arc<Renewed<ServerConfig>>,
    handshake: Duration,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

/// What differs between inputs.
#[derive(Default)]
pub(super) struct Ways {
    /// What an option of another name says.
    pub(super) enabled: Option<bool>,
    pub(super) auth: Option<ClientAuth>,
    pub(super) handshake: Option<Duration>,
    /// Whether clients are asked for certificates where nothing says so.
    pub(super) usual: ClientAuth,
    /// Files with further certificates that lead to the authority.
    pub(super) chain: Vec<Spanned<String>>,
}

/// How long a client may take to greet, where no option says so.
const HANDSHAKE: Duration = Duration::from_secs(10);

impl Tls {
    /// Reads the options of `beats` and `http`, which have older names for some, and the files that they name.
    pub(super) fn read_with_older_names(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        let enabled = options.boolean("ssl");
        let modes = [
            ("none", ClientAuth::None),
            ("peer", ClientAuth::Optional),
            ("force_peer", ClientAuth::Required),
        ];
        let auth = options.choice("ssl_verify_mode", &modes);
        let handshake = options.integer("ssl_handshake_timeout", 1..=3_600_000);
        let handshake = handshake.map(|millis| Duration::from_millis(millis as u64));
        Self::read(context, options, Ways { enabled, auth, handshake, ..Ways::default() })
    }

    /// Reads the options, and the files that they name. `None` where the connections are plain, and where something is wrong, which is
    /// then recorded.
    pub(super) fn read(context: &Context<'_>, options: &mut Options<'_>, ways: Ways) -> Option<Self> {
        let enabled = options.boolean("ssl_enabled").or(ways.enabled).unwrap_or(false);
        let chain = options.text("ssl_certificate");
        let key = options.text("ssl_key");
        options.unsupported(
            "ssl_key_passphrase",
            "write the key without a password (`openssl pkey`) and protect its file",
        );
        let authorities = options.texts("ssl_certificate_authorities").unwrap_or_default();
        let modes = [
            ("none", ClientAuth::None),
            ("optional", ClientAuth::Optional),
            ("required", ClientAuth::Required),
        ];
        let mode = options.choice("ssl_client_authentication", &modes).or(ways.auth).unwrap_or(ways.usual);
        options.no_effect("ssl_cipher_suites", "the ciphers are rustls's, which has only good ones");
        let versions = versions(options);
        if !enabled {
            if chain.is_some() || key.is_some() {
                options
                    .error_here("`ssl_certificate` and `ssl_key` do nothing without `ssl_enabled => true`");
            }
            return None;
        }
        let (Some(chain), Some(key)) = (chain, key) else {
            options.error_here("`ssl_enabled` wants `ssl_certificate => \"FILE\"` and `ssl_key => \"FILE\"`");
            return None;
        };
        if mode != ClientAuth::None && authorities.is_empty() {
            options.error_here("clients are asked for certificates, and `ssl_certificate_authorities` names none who signs them; `ssl_client_authentication => none` asks for none");
            return None;
        }
        let mut paths = vec![key, chain];
        paths.extend(ways.chain);
        let own = paths.len();
        paths.extend(authorities);
        let config = Renewed::read(context, options, &paths, move |pems| {
            let (identity, authorities) = pems.split_at_checked(own).unwrap_or((pems, &[]));
            let Some((key, chain)) = identity.split_first() else {
                return Err(Wrong::of(0, "there is no key"));
            };
            let mut roots = Roots::default();
            for (at, pem) in authorities.iter().enumerate() {
                roots.add(pem).map_err(|error| Wrong::of(own + at, error))?;
            }
            let identity = Identity { chain: &chain.join(&b'\n'), key };
            alces_tls::server(identity, roots, mode, versions).map_err(|error| {
                let place = match error {
                    TlsError::Key { .. } => 0,
                    TlsError::Certificates { file: Role::Authorities, .. } => own,
                    _ => 1,
                };
                Wrong::of(place, error)
            })
        });
        Some(Self { config: config?, handshake: ways.handshake.unwrap_or(HANDSHAKE) })
    }

    /// The connection once both sides know each other.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Box<dyn Stream>> {
        let acceptor = TlsAcceptor::from(self.config.now());
        let accepted = timeout(self.handshake, acceptor.accept(stream)).await;
        Ok(Box::new(accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
    }
}

#[cfg(test)]
mod tests;
