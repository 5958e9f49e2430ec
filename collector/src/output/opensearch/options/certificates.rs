//! TLS of the hosts: files of certificates, fingerprints, versions.

use std::sync::Arc;

use alces_conf::Options;
use alces_filters::Context;
use alces_tls::{ClientConfig, Roots, Versions};

use crate::{
    output::tls::{self, Whom, either, first},
    renew::Renewed,
};

/// What the files of certificates say.
pub(crate) struct Certificates {
    /// PEM of the authorities that are trusted beside the system's.
    pub(crate) authorities: Option<Vec<u8>>,
    /// PEM of our certificate and its key.
    pub(crate) identity: Option<Vec<u8>>,
    /// All of it as settings of rustls, where the official client has no words for what is asked.
    pub(crate) settings: Option<Arc<ClientConfig>>,
}

/// What the options of TLS say.
pub(super) struct Read {
    /// None where there is nothing to say beyond `https://`.
    pub(super) certificates: Option<Arc<Renewed<Certificates>>>,
    /// Whether the other side's certificate is looked at.
    pub(super) verifies: bool,
    /// Whether the official client has no words for what is asked.
    pub(super) is_own: bool,
    pub(super) enabled: bool,
}

/// Reads the options of TLS, under the names of now and of before.
pub(super) fn read(context: &Context<'_>, options: &mut Options<'_>) -> Read {
    let (new, old) = (options.boolean("ssl_enabled"), options.boolean("ssl"));
    let authorities = either(options, &["ssl_certificate_authorities", "cacert"]);
    options.differs("ssl_certificate_authorities", "they are trusted beside those of the system");
    let whom = Whom::read(options, &["ssl_certificate_verification"]);
    options.differs("ca_trusted_fingerprint", "an authority with it is trusted beside those of the system");
    let chain = either(options, &["ssl_certificate", "tls_certificate"]).and_then(first);
    let key = either(options, &["ssl_key", "tls_key"]).and_then(first);
    tls::unsupported_stores(options);
    let says_tls = authorities.is_some() || !whom.fingerprints.is_empty();
    let is_own = !whom.fingerprints.is_empty() || whom.versions != Versions::All;
    let mut read = Read {
        certificates: None,
        verifies: whom.verifies,
        is_own,
        enabled: new.or(old).unwrap_or(says_tls),
    };
    let Ok(identity) = tls::identity(options, chain, key) else { return read };
    let mut paths = authorities.unwrap_or_default();
    let signers = paths.len();
    paths.extend(identity);
    if paths.is_empty() && !is_own {
        return read;
    }
    let mut system = Roots::default();
    if is_own && whom.verifies {
        system.add_system(rustls_native_certs::load_native_certs().certs);
    }
    read.certificates = Renewed::read(context, options, &paths, move |pems| {
        // What is wrong is found here, whoever uses it.
        let settings = tls::client(&whom, system.clone(), pems, signers)?;
        let (authorities, identity) = pems.split_at_checked(signers).unwrap_or((pems, &[]));
        let together = |pems: &[Vec<u8>]| (!pems.is_empty()).then(|| pems.join(&b'\n'));
        Ok(Arc::new(Certificates {
            authorities: together(authorities),
            identity: together(identity),
            settings: is_own.then_some(settings),
        }))
    });
    read
}
