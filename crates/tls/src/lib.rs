//! TLS 1.2 and 1.3 for clients and servers, out of PEM texts (RFC 7468).
//!
//! **Decision.** What a certificate file holds is checked when the configuration is read and not at the first connection, and every
//! error says which of the files is wrong and what it should hold. rustls does the rest; its choice of versions and ciphers is kept.
//!
//! No I/O: the texts are passed in. A key is never shown, in no error either.

mod trust;

use std::{fmt, sync::Arc};

pub use trust::{Fingerprint, NoFingerprint, Trust};

pub use rustls::{ClientConfig, ServerConfig};
use rustls::{
    DEFAULT_VERSIONS, RootCertStore, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file of certificates is none.
    #[error("{file}: {reason}: it should hold certificates as PEM (`-----BEGIN CERTIFICATE-----`)")]
    Certificates {
        /// What the file is for.
        file: Role,
        /// What is wrong.
        reason: String,
    },
    /// A file of a key is none.
    #[error("the key: {reason}")]
    Key {
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not belong together, or cannot be used.
    #[error("certificate and key: {0}")]
    Identity(String),
}

/// What a file of certificates is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Authorities that sign the other side's certificates.
    Authorities,
    /// Our own certificate, and those that lead to its authority.
    Chain,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorities => "the certificate authorities",
            Self::Chain => "the certificate",
        })
    }
}

/// A certificate, with those that lead to its authority, and its key; both PEM.
#[derive(Clone, Copy)]
pub struct Identity<'p> {
    /// The certificate's file.
    pub chain: &'p [u8],
    /// The key's file: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: &'p [u8],
}

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// It does not.
    #[default]
    None,
    /// One that is shown must be good.
    Optional,
    /// Who shows none is refused.
    Required,
}

/// Which versions are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Versions {
    /// 1.2 and 1.3.
    #[default]
    All,
    /// 1.2 only, for those who cannot do better.
    Tls12,
    /// 1.3 only.
    Tls13,
}

impl Versions {
    fn list(self) -> &'static [&'static SupportedProtocolVersion] {
        const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
        const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];
        match self {
            Self::All => DEFAULT_VERSIONS,
            Self::Tls12 => ONLY_12,
            Self::Tls13 => ONLY_13,
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A client that trusts `authorities` and, where it has one, shows its `identity`.
///
/// # Errors
/// A text is not what it should be.
pub fn client(authorities: Roots, identity: Option<Identity<'_>>) -> Result<Arc<ClientConfig>, TlsError> {
    client_that_trusts(Trust::Authorities(authorities), identity, Versions::All)
}

/// A client that takes for the other side whom `trust` says, and speaks these versions.
///
/// # Errors
/// A text is not what it should be.
pub fn client_that_trusts(
    trust: Trust,
    identity: Option<Identity<'_>>,
    versions: Versions,
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions.list())
        .map_err(|error| TlsError::Identity(error.to_string()))?;
    let builder = match trust.verifier(&provider()) {
        Ok(roots) => builder.with_root_certificates(roots),
        Err(verifier) => builder.dangerous().with_custom_certificate_verifier(verifier),
    };
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(certificates(identity.chain, Role::Chain)?, key(identity.key)?)
            .map_err(|error| TlsError::Identity(error.to_string()))?,
    };
    Ok(Arc::new(config))
}

/// A server that shows its `identity` and asks its clients for theirs as `auth` says, signed by one of `authorities`.
///
/// # Errors
/// A text is not what it should be; clients are asked and there are no authorities.
pub fn server(
    identity: Identity<'_>,
    authorities: Roots,
    auth: ClientAuth,
    versions: Versions,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider();
    let verifier: Option<Arc<dyn ClientCertVerifier>> = match auth {
        ClientAuth::None => None,
        ClientAuth::Optional | ClientAuth::Required => {
            let builder =
                WebPkiClientVerifier::builder_with_provider(Arc::new(authorities.0), provider.clone())
                    .with_crls(Vec::<CertificateRevocationListDer<'static>>::new());
            let builder =
                if auth == ClientAuth::Optional { builder.allow_unauthenticated() } else { builder };
            Some(builder.build().map_err(|error| TlsError::Certificates {
                file: Role::Authorities,
                reason: error.to_string(),
            })?)
        }
    };
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions.list())
        .map_err(|error| TlsError::Identity(error.to_string()))?;
    let builder = match verifier {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let config = builder
        .with_single_cert(certificates(identity.chain, Role::Chain)?, key(identity.key)?)
        .map_err(|error| TlsError::Identity(error.to_string()))?;
    Ok(Arc::new(config))
}

/// Certificate authorities that are trusted.
#[derive(Clone, Debug)]
pub struct Roots(RootCertStore);

impl Default for Roots {
    fn default() -> Self {
        Self(RootCertStore::empty())
    }
}

impl Roots {
    /// Adds those of a PEM text.
    ///
    /// # Errors
    /// It holds none, or one that cannot be an authority.
    pub fn add(&mut self, pem: &[u8]) -> Result<(), TlsError> {
        for certificate in certificates(pem, Role::Authorities)? {
            self.0.add(certificate).map_err(|error| TlsError::Certificates {
                file: Role::Authorities,
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }
}

impl Roots {
    /// Adds authorities that the system trusts; one that rustls cannot use is passed over.
    pub fn add_system(&mut self, certificates: impl IntoIterator<Item = CertificateDer<'static>>) {
        self.0.add_parsable_certificates(certificates);
    }
}

fn certificates(pem: &[u8], file: Role) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |reason: String| TlsError::Certificates { file, reason };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|reason| error(reason.to_string()))?;
    if certificates.is_empty() {
        return Err(error("there is no certificate in it".to_owned()));
    }
    Ok(certificates)
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        // The library's own words could hold parts of the file.
        let text = String::from_utf8_lossy(pem);
        let encrypted = text.contains("ENCRYPTED");
        let reason = if encrypted {
            "it is encrypted, which is not supported: write it without a password (`openssl pkey`) and protect the file"
        } else {
            "the file should hold a private key as PEM (`-----BEGIN PRIVATE KEY-----`)"
        };
        TlsError::Key { reason: reason.to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_signed() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn serve(chain: &str, key: &str, authorities: Option<&str>, auth: ClientAuth) -> Result<(), String> {
        let mut roots = Roots::default();
        if let Some(pem) = authorities {
            roots.add(pem.as_bytes()).map_err(|e| e.to_string())?;
        }
        let identity = Identity { chain: chain.as_bytes(), key: key.as_bytes() };
        server(identity, roots, auth, Versions::All).map(|_| ()).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_wrong_is_said_and_the_key_is_not() {
        let (chain, key) = self_signed();
        assert_eq!(serve(&chain, &key, None, ClientAuth::None), Ok(()));
        assert_eq!(serve(&chain, &key, Some(&chain), ClientAuth::Required), Ok(()));
        let error =
            |chain: &str, key: &str, authorities, auth| serve(chain, key, authorities, auth).unwrap_err();
        assert_eq!(
            error(&key, &key, None, ClientAuth::None),
            "the certificate: there is no certificate in it: it should hold certificates as PEM (`-----BEGIN CERTIFICATE-----`)"
        );
        assert_eq!(
            error(&chain, &chain, None, ClientAuth::None),
            "the key: the file should hold a private key as PEM (`-----BEGIN PRIVATE KEY-----`)"
        );
        let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        assert!(error(&chain, &encrypted, None, ClientAuth::None).contains("it is encrypted"));
        let other = self_signed().1;
        let told = error(&chain, &other, None, ClientAuth::None);
        assert!(told.starts_with("certificate and key: "), "{told}");
        assert!(!told.contains(other.lines().nth(1).unwrap()));
        assert!(
            error(&chain, &key, None, ClientAuth::Required).starts_with("the certificate authorities: "),
            "clients are asked and nobody could sign theirs"
        );
        assert!(error(&chain, &key, Some("x"), ClientAuth::Optional).contains("no certificate in it"));
    }

    #[test]
    fn a_client_with_and_without_an_identity() {
        let (chain, key) = self_signed();
        let mut roots = Roots::default();
        roots.add(chain.as_bytes()).unwrap();
        assert!(client(roots.clone(), None).is_ok());
        let identity = Identity { chain: chain.as_bytes(), key: key.as_bytes() };
        assert!(client(roots.clone(), Some(identity)).is_ok());
        assert!(client_that_trusts(Trust::Anybody, Some(identity), Versions::Tls13).is_ok());
        assert!(client_that_trusts(Trust::Fingerprints(roots, vec![]), None, Versions::Tls12).is_ok());
    }
}
