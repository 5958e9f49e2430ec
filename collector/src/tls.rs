//! What the TLS options of inputs and outputs have in common.

use alces_conf::Options;
use alces_tls::Versions;

/// The versions that `ssl_supported_protocols` lists; all where it is not given.
pub(crate) fn versions(options: &mut Options<'_>) -> Versions {
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
