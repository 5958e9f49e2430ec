//! Logins that were good a moment ago, so that a password is not hashed for each request.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// So many are remembered; with more than these, all are forgotten and hashed again.
const MOST: usize = 1024;

/// By the HMAC of the header under a key that this process alone has: who reads its memory or measures its time learns no password
/// and cannot try any.
pub(super) struct Verified {
    key: Zeroizing<[u8; 32]>,
    /// The user, and which state of the file of users was asked: with another one all must show themselves again.
    known: Mutex<HashMap<[u8; 32], (String, u64)>>,
}

impl Verified {
    pub(super) fn new() -> io::Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(io::Error::other)?;
        Ok(Self { key, known: Mutex::default() })
    }

    fn print(&self, header: &[u8]) -> Option<[u8; 32]> {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.as_slice()).ok()?;
        Some(mac.chain_update(header).finalize().into_bytes().into())
    }

    pub(super) fn find(&self, header: &[u8], generation: u64) -> Option<String> {
        let print = self.print(header)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&print).filter(|(_, then)| *then == generation).map(|(name, _)| name.clone())
    }

    pub(super) fn remember(&self, header: &[u8], generation: u64, name: &str) {
        let Some(print) = self.print(header) else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(print, (name.to_owned(), generation));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_until_the_users_change() {
        let verified = Verified::new().unwrap();
        verified.remember(b"Basic x", 1, "ada");
        assert_eq!(verified.find(b"Basic x", 1).as_deref(), Some("ada"));
        assert_eq!(verified.find(b"Basic x", 2), None);
        assert_eq!(verified.find(b"Basic y", 1), None);
        for n in 0..3 * MOST {
            verified.remember(n.to_string().as_bytes(), 1, "ada");
        }
        assert!(verified.known.lock().unwrap().len() <= MOST);
    }
}
