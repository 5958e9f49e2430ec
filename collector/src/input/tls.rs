//! TLS of inputs that listen: Logstash's `ssl_…` options, and the handshake.

use std::{io, path::Path, sync::Arc, time::Duration};

use alces_conf::{Options, Spanned};
use alces_filters::Context;
use alces_tls::{ClientAuth, Identity, Roots, ServerConfig, TlsError, Versions};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// A connection, whatever it is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a listener does with its connections first.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    handshake: Duration,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("handshake", &self.handshake).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the options, and the files that they name. `None` where the connections are plain, and where something is wrong, which is
    /// then recorded.
    pub(super) fn read(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        let old = options.boolean("ssl");
        let enabled = options.boolean("ssl_enabled").or(old).unwrap_or(false);
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
        let old_modes = [
            ("none", ClientAuth::None),
            ("peer", ClientAuth::Optional),
            ("force_peer", ClientAuth::Required),
        ];
        let old_mode = options.choice("ssl_verify_mode", &old_modes);
        let mode = options.choice("ssl_client_authentication", &modes).or(old_mode).unwrap_or_default();
        let handshake = options.integer("ssl_handshake_timeout", 1..=3_600_000).unwrap_or(10_000);
        options.no_effect("ssl_cipher_suites", "the ciphers are rustls's, which has only good ones");
        options.unsupported("ssl_peer_metadata", "who sent an event is not written into it");
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
        let chain_pem = file(context, options, &chain)?;
        let key_pem = file(context, options, &key)?;
        let mut roots = Roots::default();
        for path in &authorities {
            let pem = file(context, options, path)?;
            roots.add(&pem).map_err(|error| options.error(&path.span, error.to_string())).ok()?;
        }
        if mode != ClientAuth::None && authorities.is_empty() {
            options.error_here("clients are asked for certificates, and `ssl_certificate_authorities` names none who signs them");
            return None;
        }
        let identity = Identity { chain: &chain_pem, key: &key_pem };
        let config: Result<Arc<ServerConfig>, TlsError> = alces_tls::server(identity, roots, mode, versions);
        let config = config
            .map_err(|error| {
                let place = if matches!(error, TlsError::Key { .. }) { &key } else { &chain };
                options.error(&place.span, error.to_string());
            })
            .ok()?;
        Some(Self { acceptor: TlsAcceptor::from(config), handshake: Duration::from_millis(handshake as u64) })
    }

    /// The connection once both sides know each other.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Box<dyn Stream>> {
        let accepted = timeout(self.handshake, self.acceptor.accept(stream)).await;
        Ok(Box::new(accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
    }
}

fn versions(options: &mut Options<'_>) -> Versions {
    let given = options.texts("ssl_supported_protocols").unwrap_or_default();
    let mut found = Vec::new();
    for version in &given {
        match version.node.as_str() {
            "TLSv1.2" => found.push(Versions::Tls12),
            "TLSv1.3" => found.push(Versions::Tls13),
            _ => options.error_with_help(
                &version.span,
                format!("`{}` is not spoken", version.node),
                "there are `TLSv1.2` and `TLSv1.3`; older ones are broken",
            ),
        }
    }
    found.dedup();
    match found[..] {
        [only] => only,
        _ => Versions::All,
    }
}

fn file(context: &Context<'_>, options: &mut Options<'_>, path: &Spanned<String>) -> Option<Vec<u8>> {
    context
        .files
        .read(Path::new(&path.node))
        .map_err(|error| options.error(&path.span, format!("`{}` cannot be read: {error}", path.node)))
        .ok()
}
