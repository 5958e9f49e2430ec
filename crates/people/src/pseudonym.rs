//! What is shown in place of a masked value.
//!
//! Not three stars alone: then all rows of a table would be one. A keyed hash is the same for the same value, so that “the same client
//! again” can be seen, and without the key nobody can try out all four thousand million addresses. Forty bits: with a thousand values
//! on a page, two of them are mixed up once in two million pages.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Makes pseudonyms; the key stays in the file of people, so that they outlive a restart.
#[derive(Clone)]
pub struct Pseudonyms(Zeroizing<[u8; 32]>);

impl Pseudonyms {
    /// With a key of one's own.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// What stands for `value`: `***` and ten hexadecimal digits.
    #[must_use]
    pub fn of(&self, value: &str) -> String {
        let mut code = Hmac::<Sha256>::new_from_slice(self.0.as_slice())
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
        code.update(value.as_bytes());
        let bytes = code.finalize().into_bytes();
        let digits: String = bytes.iter().take(5).map(|b| format!("{b:02x}")).collect();
        format!("***{digits}")
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_for_the_same_value_and_key() {
        let (a, b) = (Pseudonyms::new([1; 32]), Pseudonyms::new([2; 32]));
        assert_eq!(a.of("203.0.113.7"), a.of("203.0.113.7"));
        assert_ne!(a.of("203.0.113.7"), a.of("203.0.113.8"));
        assert_ne!(a.of("203.0.113.7"), b.of("203.0.113.7"));
        assert_eq!(a.of("x").len(), 13);
    }
}
