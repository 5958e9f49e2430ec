//! The bytes of a keystore.

use std::collections::BTreeMap;

use argon2::Argon2;
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce, aead::Aead as _};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"ALCESKS1";
const SALT: usize = 16;
const NONCE: usize = 24;

/// Names and their secrets.
pub(crate) type Secrets = BTreeMap<String, Zeroizing<String>>;

/// Why bytes are no keystore that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It does not begin as one.
    #[error("this is no keystore")]
    NoKeystore,
    /// The password is another, or bytes are.
    #[error("the password (ALCES_KEYSTORE_PASS) is not this keystore's, or the file is damaged")]
    Password,
    /// No randomness, or a failure in the libraries.
    #[error("it cannot be encrypted on this machine")]
    Crypto,
}

pub(crate) fn seal(secrets: &Secrets, password: &str) -> Result<Vec<u8>, SealError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    getrandom::fill(&mut salt).map_err(|_| SealError::Crypto)?;
    getrandom::fill(&mut nonce).map_err(|_| SealError::Crypto)?;
    let plain: BTreeMap<&str, &str> = secrets.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| SealError::Crypto)?);
    let sealed = cipher(password, &salt)?
        .encrypt(&XNonce::from(nonce), plain.as_slice())
        .map_err(|_| SealError::Crypto)?;
    Ok([MAGIC.as_slice(), &salt, &nonce, &sealed].concat())
}

pub(crate) fn open(bytes: &[u8], password: &str) -> Result<Secrets, SealError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(SealError::NoKeystore)?;
    let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(SealError::NoKeystore)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(SealError::NoKeystore)?;
    let plain = cipher(password, salt)?
        .decrypt(&XNonce::from(*nonce), sealed)
        .map(Zeroizing::new)
        .map_err(|_| SealError::Password)?;
    let plain: BTreeMap<String, String> =
        serde_json::from_slice(&plain).map_err(|_| SealError::NoKeystore)?;
    Ok(plain.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect())
}

fn cipher(password: &str, salt: &[u8]) -> Result<XChaCha20Poly1305, SealError> {
    let mut key = Zeroizing::new([0; 32]);
    // The crate's default costs are the ones that OWASP names.
    Argon2::default()
        .hash_password_into(password.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| SealError::Crypto)?;
    Ok(XChaCha20Poly1305::new(&Key::from(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        [("ES_PASSWORD", "s3cret"), ("a.b", "é\n")].map(|(k, v)| (k.to_owned(), v.to_owned().into())).into()
    }

    #[test]
    fn what_was_sealed_opens_with_the_password_alone() {
        for password in ["", "correct horse"] {
            let sealed = seal(&secrets(), password).unwrap();
            assert_eq!(open(&sealed, password).unwrap(), secrets());
            assert_eq!(open(&sealed, "other").unwrap_err(), SealError::Password);
            assert!(!sealed.windows(6).any(|w| w == b"s3cret"));
            // Never the same bytes twice.
            assert_ne!(sealed, seal(&secrets(), password).unwrap());
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_wherever_it_is() {
        let sealed = seal(&secrets(), "p").unwrap();
        for at in [0, 8, 24, 48, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, "p").is_err(), "byte {at}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_error(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..47)) {
            proptest::prop_assert!(open(&bytes, "").is_err());
            proptest::prop_assert!(open(&[MAGIC.as_slice(), &bytes].concat(), "").is_err());
        }
    }
}
