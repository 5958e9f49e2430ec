//! Passwords as Argon2id (RFC 9106) has them, in PHC's text form.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::io;
use std::sync::OnceLock;

/// The hash of a password with a salt of its own. The crate's default costs are the ones that OWASP names: 19 MiB, two passes.
pub(super) fn hash(password: &[u8]) -> io::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(io::Error::other)?;
    let hash = Argon2::default().hash_password_with_salt(password, &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| io::Error::other("a password cannot be hashed"))
}

/// A password of 128 random bits, for those who do not think of one.
///
/// # Errors
/// The system has no randomness.
pub fn generated_password() -> io::Result<String> {
    let mut bytes = zeroize::Zeroizing::new([0; 16]);
    getrandom::fill(bytes.as_mut_slice()).map_err(io::Error::other)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// Whether a password is the one of a hash. Where there is no such user a hash is made all the same, so that the time tells nothing.
pub(super) fn verify(hash: Option<&str>, password: &[u8]) -> bool {
    static NOBODY: OnceLock<Option<String>> = OnceLock::new();
    let known = hash.is_some();
    let hash = hash.or_else(|| NOBODY.get_or_init(|| self::hash(b"nobody").ok()).as_deref());
    let same = hash.is_some_and(|hash| Argon2::default().verify_password(password, hash).is_ok());
    known && same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_password_and_no_other() {
        let hash = hash("größer".as_bytes()).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(Some(&hash), "größer".as_bytes()));
        assert!(!verify(Some(&hash), b"other"));
        assert!(!verify(Some("no hash"), b"other"));
        assert!(!verify(None, b"nobody"), "the password that stands for nobody's lets nobody in");
        assert_ne!(hash, super::hash("größer".as_bytes()).unwrap(), "each has a salt of its own");
    }
}
