//! Whom a client takes for the other side.

use std::{fmt, str::FromStr, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};

use crate::Roots;

/// Whom a client takes for the other side.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Whose certificate one of these signed, for the name that it is called by.
    Authorities(Roots),
    /// Those too, and whose certificate was signed by one that it shows along and that has one of these fingerprints.
    Fingerprints(Roots, Vec<Fingerprint>),
    /// Anybody: who stands between can read and change what is sent.
    Anybody,
}

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate.as_ref()).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint is a SHA-256 in hexadecimal: 64 digits, with or without colons")
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let (pairs, []) = digits.as_deref().unwrap_or_default().as_chunks::<2>() else {
            return Err(NoFingerprint);
        };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().map(Self).map_err(|_| NoFingerprint)
    }
}

impl Trust {
    /// What verifies certificates, where authorities alone do not.
    pub(crate) fn verifier(
        self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<RootCertStore, Arc<dyn ServerCertVerifier>> {
        match self {
            Self::Authorities(roots) => Ok(roots.0),
            Self::Anybody => Err(Arc::new(Lenient { provider: provider.clone(), known: None })),
            Self::Fingerprints(roots, fingerprints) => {
                Err(Arc::new(Lenient { provider: provider.clone(), known: Some((roots.0, fingerprints)) }))
            }
        }
    }
}

/// Takes more certificates than a list of authorities would.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// None: all are taken.
    known: Option<(RootCertStore, Vec<Fingerprint>)>,
}

impl Lenient {
    fn verify(
        &self,
        roots: RootCertStore,
        (own, chain): (&CertificateDer<'_>, &[CertificateDer<'_>]),
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
            .build()
            .map_err(|_| Error::InvalidCertificate(CertificateError::UnknownIssuer))?
            .verify_server_cert(own, chain, name, ocsp, now)
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some((roots, fingerprints)) = &self.known else { return Ok(ServerCertVerified::assertion()) };
        let mut roots = roots.clone();
        let shown = std::iter::once(own).chain(chain);
        roots.add_parsable_certificates(
            shown
                .filter(|one| fingerprints.contains(&Fingerprint::of(one)))
                .map(|one| one.clone().into_owned()),
        );
        self.verify(roots, (own, chain), name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(plain.parse::<Fingerprint>(), colons.parse());
        assert_eq!(plain.parse::<Fingerprint>().map(|print| print.to_string()), Ok(plain));
        for wrong in ["", "ab", "zz", &"ab".repeat(33), &"a".repeat(63), "ä"] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NoFingerprint), "{wrong}");
        }
    }

    #[test]
    fn who_is_signed_by_a_known_fingerprint_is_taken_by_its_name_only() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let own_key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["es".to_owned()]).unwrap();
        let own = own.signed_by(&own_key, &issuer).unwrap();
        let check = |trust: Trust, name: &'static str| {
            let verifier = trust.verifier(&crate::provider()).unwrap_err();
            let name = ServerName::try_from(name).unwrap();
            verifier
                .verify_server_cert(own.der(), &[authority.der().clone()], &name, &[], UnixTime::now())
                .is_ok()
        };
        let known = |print| Trust::Fingerprints(Roots::default(), vec![print]);
        assert!(check(known(Fingerprint::of(authority.der())), "es"));
        assert!(!check(known(Fingerprint::of(authority.der())), "other"));
        assert!(!check(known(Fingerprint([7; 32])), "es"));
        assert!(check(Trust::Anybody, "other"));
    }
}
