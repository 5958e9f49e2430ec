//! The header `Authorization`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt;
use zeroize::Zeroizing;

/// Longer ones are no login of ours.
const LONGEST: usize = 8 << 10;

/// What a caller shows.
pub(super) enum Shown {
    Password { name: String, password: Zeroizing<Vec<u8>> },
    Key { id: String, secret: Zeroizing<Vec<u8>> },
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password",
            Self::Key { .. } => "Key",
        })
    }
}

impl Shown {
    /// Reads `Basic base64(name:password)` (RFC 7617) and `ApiKey base64(id:key)`.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        if header.len() > LONGEST {
            return None;
        }
        let at = header.iter().position(|byte| *byte == b' ')?;
        let (scheme, coded) = header.split_at(at);
        let plain = Zeroizing::new(BASE64_STANDARD.decode(coded.trim_ascii()).ok()?);
        let colon = plain.iter().position(|byte| *byte == b':')?;
        let (name, secret) = plain.split_at(colon);
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let secret = Zeroizing::new(secret.get(1..)?.to_vec());
        if scheme.eq_ignore_ascii_case(b"Basic") {
            Some(Self::Password { name, password: secret })
        } else if scheme.eq_ignore_ascii_case(b"ApiKey") {
            Some(Self::Key { id: name, secret })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        match Shown::read(text.as_bytes()) {
            None => "none".to_owned(),
            Some(Shown::Password { name, password }) => {
                format!("{name} {}", String::from_utf8_lossy(&password))
            }
            Some(Shown::Key { id, secret }) => format!("key {id} {}", String::from_utf8_lossy(&secret)),
        }
    }

    #[test]
    fn both_ways_and_what_is_none() {
        let coded = |text: &str| BASE64_STANDARD.encode(text);
        assert_eq!(read(&format!("Basic {}", coded("a:b:c"))), "a b:c");
        assert_eq!(read(&format!("basic   {}", coded("ä:"))), "ä ");
        assert_eq!(read(&format!("ApiKey {}", coded("id:k"))), "key id k");
        for wrong in ["", "Basic", "Basic ", "Basic !", "Bearer YTpi", &format!("Basic {}", coded("ab"))] {
            assert_eq!(read(wrong), "none", "{wrong}");
        }
        assert_eq!(read(&format!("Basic {}", coded(&format!("a:{}", "x".repeat(9000))))), "none");
        let shown = Shown::read(b"Basic YTpzZWNyZXQ=").unwrap();
        assert_eq!(format!("{shown:?}"), "Password");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[^:]{0,20}", secret in ".{0,20}") {
            let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{secret}")));
            prop_assert_eq!(read(&header), format!("{name} {secret}"));
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Shown::read(&bytes);
        }
    }
}
