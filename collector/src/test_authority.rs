//! An authority of a test's own, and what it signs.

use std::{path::Path, sync::Arc};

use alces_tls::{ClientAuth, Identity, Roots, ServerConfig, Versions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(crate) pem: String,
}

/// A certificate and its key, both PEM.
pub(crate) struct Signed {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a name.
    pub(crate) fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Signed { chain: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// Itself as all that is trusted.
    pub(crate) fn roots(&self) -> Roots {
        let mut roots = Roots::default();
        roots.add(self.pem.as_bytes()).unwrap();
        roots
    }

    /// A server of this name, which shows the authority along and may ask its clients for certificates.
    pub(crate) fn server(&self, name: &str, auth: ClientAuth, versions: Versions) -> Arc<ServerConfig> {
        let mut signed = self.sign(name);
        signed.chain.push_str(&self.pem);
        alces_tls::server(signed.identity(), self.roots(), auth, versions).unwrap()
    }
}

impl Signed {
    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity { chain: self.chain.as_bytes(), key: self.key.as_bytes() }
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.pem")), &self.chain).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), &self.key).unwrap();
    }
}
