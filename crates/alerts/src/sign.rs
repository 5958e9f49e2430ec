//! Signatures of messages by Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com>), so that a receiver knows who sent them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

/// A secret that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "a secret is `whsec_` and 24 to 64 bytes in base64: make one with `echo whsec_$(openssl rand -base64 32)`"
)]
pub struct SecretError;

/// Signs with one or more secrets: while one is being replaced, with the old one and the new one.
pub struct Signer {
    keys: Vec<Vec<u8>>,
}

impl Signer {
    /// Reads secrets, one a line.
    ///
    /// # Errors
    /// [`SecretError`], which does not repeat the secret.
    pub fn parse(secrets: &str) -> Result<Self, SecretError> {
        let key = |line: &str| {
            let key = STANDARD.decode(line.trim().strip_prefix("whsec_")?).ok()?;
            (24..=64).contains(&key.len()).then_some(key)
        };
        let lines: Vec<&str> = secrets.lines().filter(|line| !line.trim().is_empty()).collect();
        let keys =
            lines.iter().map(|line| key(line)).collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty());
        keys.map(|keys| Self { keys }).ok_or(SecretError)
    }

    /// The header `webhook-signature` of a message that is sent at `seconds` (Unix time).
    #[must_use]
    pub fn header(&self, id: &str, seconds: i64, body: &str) -> String {
        let sign = |key: &Vec<u8>| {
            // HMAC takes a key of any length.
            let mut code = Hmac::<Sha256>::new_from_slice(key)
                .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
            code.update(format!("{id}.{seconds}.").as_bytes());
            code.update(body.as_bytes());
            format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()))
        };
        self.keys.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn as_the_specification_signs() {
        let signer = Signer::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("a secret");
        assert_eq!(
            signer.header("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn two_secrets_sign_twice_and_a_wrong_one_is_not_repeated() {
        let one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signer = Signer::parse(&format!("{one}\n\n{one}")).expect("secrets");
        assert_eq!(signer.header("a", 1, "b").split(' ').count(), 2);
        for wrong in ["", "hunter2", "whsec_c2hvcnQ=", &format!("{one}\nhunter2")] {
            assert_eq!(Signer::parse(wrong).err(), Some(SecretError), "{wrong}");
        }
        assert!(!SecretError.to_string().contains("hunter2"));
    }
}
