//! What a form carries, so that no other site can send it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const NONCE: usize = 16;

/// Makes and checks the tokens of forms.
///
/// A token is a nonce and an HMAC of it and of what the form is bound to: a session, or a cookie. It is another one on every page, so that a
/// page can be sent compressed: what does not repeat cannot be guessed from how well a page packs (BREACH).
pub(crate) struct Forms {
    secret: Vec<u8>,
}

impl Forms {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self { secret: secret.to_owned() }
    }

    /// A token for a form that is bound to `basis`.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn token(&self, basis: &str) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let mut token = nonce.to_vec();
        token.extend(self.code(&nonce, basis).finalize().into_bytes());
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Whether a form with this token is of the browser that has `basis`.
    pub(crate) fn is_token(&self, basis: &str, token: &str) -> bool {
        let token = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        let Some((nonce, code)) = token.split_at_checked(NONCE) else { return false };
        !basis.is_empty() && self.code(nonce, basis).verify_slice(code).is_ok()
    }

    fn code(&self, nonce: &[u8], basis: &str) -> Hmac<Sha256> {
        // HMAC takes a key of any length.
        let mut code = Hmac::<Sha256>::new_from_slice(&self.secret)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
        code.update(b"form\n");
        code.update(nonce);
        code.update(basis.as_bytes());
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_browser_and_never_the_same() {
        let forms = Forms::new(b"secret");
        let (one, other) = (forms.token("amy").expect("random"), forms.token("amy").expect("random"));
        assert_ne!(one, other);
        assert!(forms.is_token("amy", &one) && forms.is_token("amy", &other));
        assert!(!forms.is_token("ben", &one) && !Forms::new(b"other").is_token("amy", &one));
        for broken in ["", "x", &one[1..], &one[..one.len() - 2], "é", &"A".repeat(64)] {
            assert!(!forms.is_token("amy", broken), "{broken}");
        }
    }

    #[test]
    fn what_is_bound_to_nothing_is_nobodys() {
        let forms = Forms::new(b"secret");
        assert!(!forms.is_token("", &forms.token("").expect("random")));
    }
}
