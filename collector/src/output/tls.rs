//! TLS of outputs that connect: Logstash's `ssl_…` options. The other side is always held to its name; there is no option that leaves that
//! out.

use std::{path::Path, sync::Arc};

use alces_conf::{Options, Spanned};
use alces_filters::Context;
use alces_tls::{ClientConfig, Identity, Roots};

/// Reads the options, under the names of now and of before. `Err` where something is wrong, which is then recorded; the files are read only
/// where `wanted`.
pub(crate) fn read(
    context: &Context<'_>,
    options: &mut Options<'_>,
    names: &Names,
    wanted: impl FnOnce(&mut Options<'_>) -> bool,
) -> Result<Option<Arc<ClientConfig>>, ()> {
    let either = |options: &mut Options<'_>, names: &[&'static str]| {
        names.iter().fold(None, |found, name| {
            let texts = options.texts(name);
            found.or(texts)
        })
    };
    let authorities = either(options, names.authorities);
    let chain = either(options, names.chain).and_then(|texts| texts.into_iter().next());
    let key = either(options, names.key).and_then(|texts| texts.into_iter().next());
    unsupported_stores(options);
    options.choice("ssl_verification_mode", &[("full", ())]);
    options.differs(
        "ssl_verification_mode",
        "always `full`: a certificate that nobody else signs is named in `ssl_certificate_authorities`",
    );
    no_effects(options);
    let used = wanted(options);
    let given = authorities.iter().flatten().chain(&chain).chain(&key).next();
    if !used {
        if let Some(option) = given {
            options.error(&option.span, "this does nothing where there is no TLS");
        }
        return Ok(None);
    }
    let mut roots = Roots::default();
    match authorities {
        Some(paths) => {
            for path in &paths {
                let pem = file(context, options, path).ok_or(())?;
                roots.add(&pem).map_err(|error| options.error(&path.span, error.to_string()))?;
            }
        }
        None => roots.add_system(rustls_native_certs::load_native_certs().certs),
    }
    let config = match (chain, key) {
        (None, None) => {
            alces_tls::client(roots, None).map_err(|error| options.error_here(error.to_string()))?
        }
        (Some(chain), Some(key)) => {
            let (chain_pem, key_pem) =
                (file(context, options, &chain).ok_or(())?, file(context, options, &key).ok_or(())?);
            let identity = Identity { chain: &chain_pem, key: &key_pem };
            alces_tls::client(roots, Some(identity))
                .map_err(|error| options.error(&chain.span, error.to_string()))?
        }
        (Some(one), None) | (None, Some(one)) => {
            options.error(&one.span, "certificate and key belong together");
            return Err(());
        }
    };
    Ok(Some(config))
}

/// What is not read of Java's stores, and of keys with passwords.
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
}

/// What rustls decides by itself.
pub(crate) fn no_effects(options: &mut Options<'_>) {
    options.no_effect("ssl_cipher_suites", "the ciphers are rustls's, which has only good ones");
    options.no_effect(
        "ssl_supported_protocols",
        "TLS 1.3 and 1.2 are spoken, whatever the other side does best",
    );
}

/// The names that an output's options have, newest first.
pub(crate) struct Names {
    pub(crate) authorities: &'static [&'static str],
    pub(crate) chain: &'static [&'static str],
    pub(crate) key: &'static [&'static str],
}

/// The bytes of a file that an option names.
pub(crate) fn file(
    context: &Context<'_>,
    options: &mut Options<'_>,
    path: &Spanned<String>,
) -> Option<Vec<u8>> {
    context
        .files
        .read(Path::new(&path.node))
        .map_err(|error| options.error(&path.span, format!("`{}` cannot be read: {error}", path.node)))
        .ok()
}
