//! Signed links to pictures: who has one sees this picture until it expires, and nothing else.
//!
//! The signature is HMAC-SHA256 (RFC 2104, FIPS 180-4) over the words of the address in the order of their names, so that a proxy may
//! reorder them and nobody may change them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const DAY: i64 = 86_400_000;

/// How long a link on a page lasts, milliseconds; the end is a whole day, so that the page stays the same for a day.
const LIFE: i64 = 7 * DAY;

/// Why a link is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(
        "this link's signature does not fit. It was changed, or the dashboard was started with another ALCES_DASHBOARD_SECRET"
    )]
    Signature,
    #[error("this link has expired. Ask for a new one on the dashboard")]
    Expired,
}

/// The address of `path` with these words, signed, until a week from `now`.
pub(crate) fn sign(secret: &[u8], path: &str, words: &[(&str, &str)], now: i64) -> String {
    let expires = ((now + LIFE).div_euclid(DAY) * DAY).to_string();
    let mut all: Vec<(&str, &str)> = words.iter().copied().filter(|(_, v)| !v.is_empty()).collect();
    all.push(("expires", &expires));
    all.sort_unstable();
    let signature = URL_SAFE_NO_PAD.encode(code(secret, path, &all).finalize().into_bytes());
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(all).append_pair("sig", &signature);
    format!("{path}?{}", query.finish())
}

/// Whether an address is signed and has not expired.
///
/// # Errors
/// [`LinkError`]; the signature is looked at first.
pub(crate) fn verify(secret: &[u8], path: &str, query: &str, now: i64) -> Result<(), LinkError> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let of = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let mut all: Vec<(&str, &str)> =
        pairs.iter().filter(|(n, _)| n != "sig").map(|(n, v)| (n.as_str(), v.as_str())).collect();
    all.sort_unstable();
    let signature = of("sig").and_then(|s| URL_SAFE_NO_PAD.decode(s).ok()).ok_or(LinkError::Signature)?;
    // Compares in constant time.
    code(secret, path, &all).verify_slice(&signature).map_err(|_| LinkError::Signature)?;
    match of("expires").and_then(|e| e.parse::<i64>().ok()) {
        Some(expires) if now < expires => Ok(()),
        Some(_) => Err(LinkError::Expired),
        None => Err(LinkError::Signature),
    }
}

fn code(secret: &[u8], path: &str, words: &[(&str, &str)]) -> Hmac<Sha256> {
    // HMAC takes a key of any length.
    let mut code =
        Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    code.update(path.as_bytes());
    for (name, value) in words {
        // Lengths before the words: no two lists of words are the same bytes.
        for part in [name, value] {
            code.update(&(part.len() as u64).to_be_bytes());
            code.update(part.as_bytes());
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_428_000_000;

    fn link() -> String {
        sign(b"secret", "/render/panel.png", &[("panel", "latency"), ("board", "overview"), ("q", "")], NOW)
    }

    fn query(link: &str) -> &str {
        link.split_once('?').expect("a query").1
    }

    #[test]
    fn a_link_holds_for_a_week_and_no_change() {
        let link = link();
        let check = |query: &str, now| verify(b"secret", "/render/panel.png", query, now);
        assert_eq!(check(query(&link), NOW), Ok(()));
        assert_eq!(check(query(&link), NOW + 6 * DAY), Ok(()));
        assert_eq!(check(query(&link), NOW + 8 * DAY), Err(LinkError::Expired));
        for changed in [
            link.replace("latency", "errors"),
            link.replace("expires=1", "expires=2"),
            format!("{link}&width=9"),
            link.replace("&sig=", "&gis="),
        ] {
            assert_eq!(check(query(&changed), NOW), Err(LinkError::Signature), "{changed}");
        }
        assert_eq!(verify(b"other", "/render/panel.png", query(&link), NOW), Err(LinkError::Signature));
        assert_eq!(verify(b"secret", "/render/sheet.png", query(&link), NOW), Err(LinkError::Signature));
    }

    #[test]
    fn the_order_of_words_does_not_matter() {
        let link = link();
        let mut words: Vec<&str> = query(&link).split('&').collect();
        words.reverse();
        assert_eq!(verify(b"secret", "/render/panel.png", &words.join("&"), NOW), Ok(()));
    }
}
