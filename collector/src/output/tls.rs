//! TLS of outputs that connect: Logstash's `ssl_…` options. The other side is held to its name, unless an option says otherwise; that is then
//! said when the output starts.

use std::sync::Arc;

use alces_conf::{Options, Spanned};
use alces_filters::Context;
use alces_tls::{ClientConfig, Fingerprint, Identity, NoFingerprint, Roots, TlsError, Trust, Versions};
use tracing::warn;

use crate::{
    renew::{Renewed, Wrong},
    tls::versions,
};

/// TLS settings, made anew when the certificates' files change.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<Renewed<ClientConfig>>,
    /// Whoever answers is taken for the other side.
    trusts_anybody: bool,
}

impl Tls {
    /// Says when an output starts that nobody is held to their name.
    pub(crate) fn tell(&self, plugin: &str, host: &str) {
        if self.trusts_anybody {
            tell_trusting(plugin, &host);
        }
    }
}

/// Says that whoever answers is taken for the other side.
pub(crate) fn tell_trusting(plugin: &str, hosts: &dyn std::fmt::Debug) {
    warn!(
        plugin,
        ?hosts,
        "certificates are not looked at: who stands between can read and change what is sent"
    );
}

/// The names that an output's options have, newest first.
pub(crate) struct Names {
    pub(crate) authorities: &'static [&'static str],
    pub(crate) chain: &'static [&'static str],
    pub(crate) key: &'static [&'static str],
    /// `true` or `false`, as `full` or `none` of `ssl_verification_mode`.
    pub(crate) verify: &'static [&'static str],
}

/// Whom a client trusts, as the options say beside the files of authorities.
#[derive(Clone)]
pub(crate) struct Whom {
    /// Whether the other side's certificate is looked at.
    pub(crate) verifies: bool,
    /// Authorities that are trusted by what they are, when they are shown.
    pub(crate) fingerprints: Vec<Fingerprint>,
    pub(crate) versions: Versions,
}

impl Whom {
    /// Reads `ssl_verification_mode`, `ca_trusted_fingerprint` and `ssl_supported_protocols`.
    pub(crate) fn read(options: &mut Options<'_>, verify: &[&'static str]) -> Self {
        let older = verify.iter().fold(None, |found, name| {
            let verified = options.boolean(name);
            found.or(verified)
        });
        let mode = options.choice("ssl_verification_mode", &[("full", true), ("none", false)]);
        let verifies = mode.or(older).unwrap_or(true);
        let given: Vec<Spanned<String>> = options.texts("ca_trusted_fingerprint").unwrap_or_default();
        if let Some(one) = given.first().filter(|_| !verifies) {
            options.error(
                &one.span,
                "this does nothing where certificates are not looked at (`ssl_verification_mode => none`)",
            );
        }
        let read = |one: &Spanned<String>| {
            one.node.parse().map_err(|error: NoFingerprint| options.error(&one.span, error.to_string())).ok()
        };
        let fingerprints = given.iter().filter_map(read).collect();
        Self { verifies, fingerprints, versions: versions(options) }
    }

    /// With these authorities.
    pub(crate) fn trust(&self, roots: Roots) -> Trust {
        match (self.verifies, self.fingerprints.is_empty()) {
            (false, _) => Trust::Anybody,
            (true, true) => Trust::Authorities(roots),
            (true, false) => Trust::Fingerprints(roots, self.fingerprints.clone()),
        }
    }
}

/// Reads the options, under the names of now and of before. `Err` where something is wrong, which is then recorded; the files are read only
/// where `wanted`.
pub(crate) fn read(
    context: &Context<'_>,
    options: &mut Options<'_>,
    names: &Names,
    wanted: impl FnOnce(&mut Options<'_>) -> bool,
) -> Result<Option<Tls>, ()> {
    let authorities = either(options, names.authorities);
    let chain = either(options, names.chain).and_then(first);
    let key = either(options, names.key).and_then(first);
    unsupported_stores(options);
    let whom = Whom::read(options, names.verify);
    options.differs("ca_trusted_fingerprint", "an option of ours: that of the `elasticsearch` output");
    let used = wanted(options);
    let given = authorities.iter().flatten().chain(&chain).chain(&key).next();
    if !used {
        if let Some(option) = given {
            options.error(&option.span, "this does nothing where there is no TLS");
        }
        return Ok(None);
    }
    let identity = identity(options, chain, key)?;
    let mut system = Roots::default();
    if authorities.is_none() && whom.verifies {
        system.add_system(rustls_native_certs::load_native_certs().certs);
    }
    let mut paths = authorities.unwrap_or_default();
    let signers = paths.len();
    paths.extend(identity);
    let trusts_anybody = !whom.verifies;
    let config =
        Renewed::read(context, options, &paths, move |pems| client(&whom, system.clone(), pems, signers));
    Ok(Some(Tls { config: config.ok_or(())?, trusts_anybody }))
}

/// The files of a certificate and its key, which are given both or not at all.
pub(crate) fn identity(
    options: &mut Options<'_>,
    chain: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
) -> Result<Vec<Spanned<String>>, ()> {
    match (chain, key) {
        (None, None) => Ok(Vec::new()),
        (Some(chain), Some(key)) => Ok(vec![chain, key]),
        (Some(one), None) | (None, Some(one)) => {
            options.error(&one.span, "certificate and key belong together");
            Err(())
        }
    }
}

/// Settings out of the files of so many authorities that are trusted beside `roots`, and of certificate and key where there are any.
pub(crate) fn client(
    whom: &Whom,
    mut roots: Roots,
    pems: &[Vec<u8>],
    signers: usize,
) -> Result<Arc<ClientConfig>, Wrong> {
    let (authorities, identity) = pems.split_at_checked(signers).unwrap_or((pems, &[]));
    for (at, pem) in authorities.iter().enumerate() {
        roots.add(pem).map_err(|error| Wrong::of(at, error))?;
    }
    let identity = match identity {
        [chain, key] => Some(Identity { chain, key }),
        _ => None,
    };
    alces_tls::client_that_trusts(whom.trust(roots), identity, whom.versions).map_err(|error| match error {
        TlsError::Key { .. } => Wrong::of(signers + 1, error),
        _ => Wrong::of(signers, error),
    })
}

/// What the first of these names that is given says; all of them are read.
pub(crate) fn either(options: &mut Options<'_>, names: &[&'static str]) -> Option<Vec<Spanned<String>>> {
    names.iter().fold(None, |found, name| {
        let texts = options.texts(name);
        found.or(texts)
    })
}

/// The first of several.
pub(crate) fn first(texts: Vec<Spanned<String>>) -> Option<Spanned<String>> {
    texts.into_iter().next()
}

/// What is not read of Java's stores, and of keys with passwords, and what rustls decides by itself.
pub(crate) fn unsupported_stores(options: &mut Options<'_>) {
    for option in [
        "ssl_keystore_path",
        "ssl_keystore_password",
        "ssl_keystore_type",
        "ssl_truststore_path",
        "ssl_truststore_password",
        "ssl_truststore_type",
        "keystore",
        "keystore_password",
        "keystore_type",
        "truststore",
        "truststore_password",
        "truststore_type",
    ] {
        options.unsupported(
            option,
            "write certificates and key as PEM files: `ssl_certificate_authorities`, `ssl_certificate`, `ssl_key`",
        );
    }
    options.unsupported(
        "ssl_key_passphrase",
        "write the key without a password (`openssl pkey`) and protect its file",
    );
    options.no_effect("ssl_cipher_suites", "the ciphers are rustls's, which has only good ones");
}

#[cfg(test)]
mod tests;
