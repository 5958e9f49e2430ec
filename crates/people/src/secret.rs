//! What lets its bearer in: 256 random bits, of which only the SHA-256 is kept.
//!
//! That is enough: Argon2 makes it expensive to *guess* a password, and nobody guesses 256 bits, however fast.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::PeopleError;

/// A session's, link's or token's own text. It is shown once, to who it is for; `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new one. `prefix` says to people and to scanners of repositories what it is.
    pub(crate) fn new(prefix: &str) -> Result<Self, PeopleError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_| PeopleError::Randomness)?;
        Ok(Self(Zeroizing::new(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice())))))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is kept of a secret. It is looked for by equality: who could learn from the time that takes, would learn of the hash only.
pub(crate) fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_none_is_shown() {
        let (a, b) = (Secret::new("alces_").unwrap(), Secret::new("alces_").unwrap());
        assert_ne!(a.text(), b.text());
        assert_eq!(a.text().len(), "alces_".len() + 43);
        assert_eq!(format!("{a:?}"), "Secret");
        assert_ne!(hash(a.text()), hash(b.text()));
    }
}
