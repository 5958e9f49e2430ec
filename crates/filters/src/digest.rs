//! Cryptographic digests of text, with a key or without, printed as hexadecimal or base64.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Print {
    Hex,
    Base64,
}

type Hash = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A digest, its key worked in beforehand.
#[derive(Clone)]
pub(crate) struct Digest {
    hash: Hash,
    print: Print,
}

impl std::fmt::Debug for Digest {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").field("print", &self.print).finish_non_exhaustive()
    }
}

macro_rules! hash {
    ($digest:ty, $key:expr) => {
        match $key {
            None => Arc::new(|data: &[u8]| <$digest>::digest(data).to_vec()) as Hash,
            Some(key) => {
                let mac = Hmac::<$digest>::new_from_slice(key.as_bytes()).ok()?;
                Arc::new(move |data: &[u8]| mac.clone().chain_update(data).finalize().into_bytes().to_vec())
                    as Hash
            }
        }
    };
}

impl Digest {
    /// The plain digest, or with a key the HMAC (RFC 2104). Any key will do; the `Option` is the library's.
    pub(crate) fn new(algorithm: Algorithm, key: Option<&str>, print: Print) -> Option<Self> {
        let hash = match algorithm {
            Algorithm::Md5 => hash!(Md5, key),
            Algorithm::Sha1 => hash!(Sha1, key),
            Algorithm::Sha256 => hash!(Sha256, key),
            Algorithm::Sha384 => hash!(Sha384, key),
            Algorithm::Sha512 => hash!(Sha512, key),
        };
        Some(Self { hash, print })
    }

    pub(crate) fn of(&self, text: &str) -> String {
        print(&(self.hash)(text.as_bytes()), self.print)
    }
}

pub(crate) fn print(bytes: &[u8], how: Print) -> String {
    match how {
        Print::Base64 => STANDARD.encode(bytes),
        Print::Hex => {
            let mut out = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                let _ = write!(out, "{byte:02x}");
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(algorithm: Algorithm, key: Option<&str>, print: Print) -> String {
        Digest::new(algorithm, key, print).unwrap().of("123.123.123.123")
    }

    /// The values of logstash-filter-fingerprint's own specification.
    #[test]
    fn digests_are_those_of_logstash() {
        use {Algorithm::*, Print::*};
        let key = Some("longencryptionkey");
        assert_eq!(check(Md5, None, Hex), "ccdd8d3d940a01b2fb3258c059924c0d");
        assert_eq!(check(Md5, key, Hex), "9336c879e305c9604a3843fc3e75948f");
        assert_eq!(check(Md5, key, Base64), "kzbIeeMFyWBKOEP8PnWUjw==");
        assert_eq!(check(Sha1, None, Hex), "3a5076c520b4b463f43806896ea0b3978d09dcae");
        assert_eq!(check(Sha1, None, Base64), "OlB2xSC0tGP0OAaJbqCzl40J3K4=");
        assert_eq!(check(Sha1, key, Hex), "fdc60acc4773dc5ac569ffb78fcb93c9630797f4");
        assert_eq!(
            check(Sha256, None, Hex),
            "4dabcab210766e35f03e77120e6986d6e6d4752b2a9ff22980b9253d026080d8"
        );
        assert_eq!(check(Sha256, key, Base64), "NFvsPv8kLVO1aJFsJhCz45PYhda5bWQ/OElP10v0qco=");
        assert_eq!(
            check(Sha384, key, Hex),
            "22d4c0e8c4fbcdc4887d2038fca7650f0e2e0e2457ff41c06eb2a980dded6749561c814fe182aff93e2538d18593947a"
        );
        assert!(check(Sha512, None, Hex).starts_with("5468e2dc64ea92b617782aae884b35af60041ac9e168a283"));
        assert!(check(Sha512, key, Hex).starts_with("11c19b326936c08d6c50a3c847d883e5a1362e6a64dd5520"));
    }

    #[test]
    fn the_key_is_not_shown() {
        let digest = Digest::new(Algorithm::Sha1, Some("secret"), Print::Hex).unwrap();
        assert_eq!(format!("{digest:?}"), "Digest { print: Hex, .. }");
    }
}
