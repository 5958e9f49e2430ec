//! Passwords: which are good enough, and how they are kept (Argon2id, RFC 9106, in PHC's text form).
//!
//! The rules are those of NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where the password is all that is asked, at least 64
//! possible, every character allowed, no composition rules and no expiry (both make people choose `Summer2026!`), and a check
//! against what is expected: the user's and the program's own names, one character or one row of keys over and over. Lists of leaked
//! passwords hold next to none of 15 characters, and none can be asked here without telling somebody else.

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use crate::PeopleError;

/// Characters that a password has at least.
pub const SHORTEST: usize = 15;

/// Characters that a password has at most: hashing takes any length, but not any memory.
pub const LONGEST: usize = 256;

/// What people are expected to choose, and so are those who guess.
const EXPECTED: [&str; 12] = [
    "alces",
    "dashboard",
    "password",
    "passwort",
    "admin",
    "letmein",
    "welcome",
    "changeme",
    "qwertyuiop",
    "asdfghjkl",
    "qwertz",
    "1234567890",
];

/// Why a password is not to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Too short.
    #[error("a password has at least {SHORTEST} characters: four words in a row are easy to keep in mind")]
    Short,
    /// Too long.
    #[error("a password has at most {LONGEST} characters")]
    Long,
    /// Those who guess begin with this one.
    #[error(
        "this password is easy to guess: it is made of names, of rows of keys or of few characters. Choose four words in a row"
    )]
    Expected,
}

/// Whether `user` may choose this password.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(password: &str, user: &str) -> Result<(), PasswordProblem> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(PasswordProblem::Short);
    }
    if length > LONGEST {
        return Err(PasswordProblem::Long);
    }
    // What is left without expected words must be something.
    let mut rest = password.to_lowercase();
    let user = user.to_lowercase();
    for word in EXPECTED.into_iter().chain([user.as_str()]).filter(|w| w.len() > 2) {
        rest = rest.replace(word, "");
    }
    let mut different: Vec<char> = rest.chars().filter(|c| c.is_alphabetic()).collect();
    different.sort_unstable();
    different.dedup();
    let mut all: Vec<char> = password.chars().collect();
    all.sort_unstable();
    all.dedup();
    if rest.chars().count() < 6 || all.len() < 5 || (different.is_empty() && is_row(password)) {
        return Err(PasswordProblem::Expected);
    }
    Ok(())
}

/// Whether each character follows the one before: 123456789012345.
fn is_row(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let steps = codes.windows(2).filter(|pair| matches!(pair[1] - pair[0], -1..=1 | 9 | -9)).count();
    steps + 1 >= codes.len()
}

/// The hash of a password with a salt of its own. The crate's default costs are the ones that OWASP names: 19 MiB, two passes.
pub(crate) fn hash(password: &str) -> Result<String, PeopleError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| PeopleError::Randomness)?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|_| PeopleError::Randomness)
}

/// Whether a password is the one of a hash. Where there is no such user a hash is made all the same, so that the time tells nothing.
pub(crate) fn verify(hash: Option<&str>, password: &str) -> bool {
    static NOBODY: OnceLock<Option<String>> = OnceLock::new();
    let known = hash.is_some();
    let hash = hash.or_else(|| NOBODY.get_or_init(|| self::hash("nobody").ok()).as_deref());
    let same = hash.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), hash).is_ok());
    known && same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_what_counts() {
        for good in
            ["correct horse battery", "ein langer Satz!", "ööööäääüüüßßß漢字", "tr0ub4dor&3 tr0ub4dor"]
        {
            assert_eq!(check(good, "amy"), Ok(()), "{good}");
        }
        assert_eq!(check("Aa1!Aa1!Aa1!Bb", "amy"), Err(PasswordProblem::Short));
        assert_eq!(check(&"correct horse ".repeat(20), "amy"), Err(PasswordProblem::Long));
        for guessed in [
            "aaaaaaaaaaaaaaaa",
            "123456789012345",
            "987654321098765",
            "alcesdashboardadmin",
            "PasswordPassword1",
            "amy.miller amy.miller",
            "qwertyuiopasdfghjkl",
        ] {
            assert_eq!(check(guessed, "amy.miller"), Err(PasswordProblem::Expected), "{guessed}");
        }
    }

    #[test]
    fn its_own_password_and_no_other() {
        let hash = hash("größer als gedacht").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify(Some(&hash), "größer als gedacht"));
        assert!(!verify(Some(&hash), "other"));
        assert!(!verify(None, "nobody"), "the password that stands for nobody's lets nobody in");
    }
}
