//! The way to the provider and back. The browser keeps it in a cookie of its own, so that a journey ends only where it began, and the
//! server keeps nothing for strangers who begin many.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::error::OidcError;
use crate::access::cookie;

/// How long somebody may take at the provider, milliseconds.
const LIFE: i64 = 10 * 60_000;
/// Browsers keep 4,096 bytes of a cookie; an address that is longer than this is not come back to.
const LONGEST_NEXT: usize = 2600;

/// One login under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journey {
    /// Comes back in the address.
    pub(super) state: String,
    /// Comes back in the ID token.
    pub(super) nonce: String,
    /// Proves that who brings the code is who asked for it (PKCE).
    pub(super) verifier: String,
    /// Where it goes on to afterwards, on this server.
    pub(crate) next: String,
    /// Epoch milliseconds.
    pub(super) until: i64,
}

impl Journey {
    pub(super) fn new(next: &str, now: i64) -> Result<Self, OidcError> {
        let next = if next.len() > LONGEST_NEXT { "/" } else { next };
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        Ok(Self { state, nonce, verifier, next: next.to_owned(), until: now + LIFE })
    }

    /// What the provider is told of the verifier.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    pub(super) fn sealed(&self, secret: &[u8]) -> Result<String, OidcError> {
        let text = serde_json::to_vec(self).map_err(|_| OidcError::State)?;
        let text = URL_SAFE_NO_PAD.encode(text);
        let seal = URL_SAFE_NO_PAD.encode(seal(secret, &text).finalize().into_bytes());
        Ok(format!("{text}.{seal}"))
    }

    /// A journey that was sealed here, has this state, and is not too old.
    pub(super) fn open(kept: &str, state: &str, secret: &[u8], now: i64) -> Option<Self> {
        let (text, sealed) = kept.split_once('.')?;
        seal(secret, text).verify_slice(&URL_SAFE_NO_PAD.decode(sealed).ok()?).ok()?;
        let journey: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let same = bool::from(journey.state.as_bytes().ct_eq(state.as_bytes()));
        (same && (0..=LIFE).contains(&(journey.until - now))).then_some(journey)
    }

    /// Sets the browser's cookie. Each journey has its own, so that two tabs may log in at a time.
    pub(crate) fn cookie(&self, sealed: &str, secure: bool) -> String {
        set(&name(&self.state, secure), sealed, LIFE / 1000, secure)
    }

    /// Removes the cookie of a state.
    pub(crate) fn end_cookie(state: &str, secure: bool) -> String {
        set(&name(state, secure), "", 0, secure)
    }

    /// What the browser brings along for a state.
    pub(crate) fn kept<'h>(headers: &'h HeaderMap, state: &str, secure: bool) -> Option<&'h str> {
        cookie(headers, &name(state, secure))
    }
}

/// The beginning of a state tells cookies apart, and nothing else: what it may be is checked, as it comes from outside.
fn name(state: &str, secure: bool) -> String {
    let short: String = state.chars().filter(|c| c.is_ascii_alphanumeric()).take(8).collect();
    format!("{}alces_oidc_{short}", if secure { "__Host-" } else { "" })
}

/// `Lax`, since the provider's page leads back here.
fn set(name: &str, value: &str, seconds: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn seal(secret: &[u8], text: &str) -> Hmac<Sha256> {
    // HMAC takes a key of any length.
    let mut code =
        Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
    code.update(b"oidc\n");
    code.update(text.as_bytes());
    code
}

fn random() -> Result<String, OidcError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| OidcError::Randomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a secret of the tests";

    #[test]
    fn it_ends_where_it_began_and_in_time() {
        let journey = Journey::new("/explore?q=status:5xx", 1000).unwrap();
        let kept = journey.sealed(KEY).unwrap();
        let open = |kept: &str, state: &str, now| Journey::open(kept, state, KEY, now);
        assert_eq!(open(&kept, &journey.state, 1000 + LIFE), Some(journey.clone()));
        assert_eq!(open(&kept, &journey.state, 1001 + LIFE), None, "too late");
        let other = Journey::new("/", 1000).unwrap();
        assert_eq!(open(&kept, &other.state, 1000), None, "the state of another");
        assert_eq!(Journey::open(&kept, &journey.state, b"another secret here", 1000), None);
        let (text, seal) = kept.split_once('.').unwrap();
        let (others, _) = other
            .sealed(KEY)
            .map(|k| k.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap())
            .unwrap();
        assert_eq!(open(&format!("{others}.{seal}"), &other.state, 1000), None);
        for bad in ["", ".", text, &format!("{text}."), &format!("{text}.{seal}x")] {
            assert_eq!(open(bad, &journey.state, 1000), None, "{bad}");
        }
    }

    #[test]
    fn a_cookie_is_no_longer_than_browsers_keep() {
        let journey = Journey::new(&format!("/explore?q={}", "x".repeat(LONGEST_NEXT - 11)), 0).unwrap();
        assert!(journey.next.len() == LONGEST_NEXT);
        let cookie = journey.cookie(&journey.sealed(KEY).unwrap(), true);
        assert!(cookie.len() < 4096, "{}", cookie.len());
        assert!(
            cookie.starts_with("__Host-alces_oidc_") && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure")
        );
        let far = Journey::new(&"x".repeat(LONGEST_NEXT + 1), 0).unwrap();
        assert_eq!(far.next, "/");
        assert_eq!(name("a;b=c\r\nd", false), "alces_oidc_abcd");
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_the_verifiers_hash() {
        let mut journey = Journey::new("/", 0).unwrap();
        assert_eq!(journey.verifier.len(), 43);
        journey.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into();
        assert_eq!(journey.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
