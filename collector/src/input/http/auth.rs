//! Who may send.

use std::fmt;

use alces_conf::Options;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hyper::{HeaderMap, header::AUTHORIZATION};

use super::gate::Refusal;

/// What a sender must show; nothing, or one of these.
#[derive(Clone, Default)]
pub(in super::super) struct Auth(Vec<(&'static str, String)>);

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the secrets.
        f.debug_list().entries(self.0.iter().map(|(scheme, _)| scheme)).finish()
    }
}

impl Auth {
    /// Reads `user` and `password`, and `bearer_token`.
    pub(super) fn read(options: &mut Options<'_>) -> Self {
        let (user, password) = (options.text("user"), options.text("password"));
        let bearer = options.text("bearer_token");
        options.differs(
            "bearer_token",
            "an option of ours: who shows it (`Authorization: Bearer …`) may send too",
        );
        let mut auth = Self::default();
        match (user, password) {
            (Some(user), Some(password)) => {
                auth.add("Basic", BASE64_STANDARD.encode(format!("{}:{}", user.node, password.node)));
            }
            (None, None) => {}
            (Some(one), None) | (None, Some(one)) => {
                options.error(&one.span, "`user` and `password` belong together");
            }
        }
        if let Some(token) = bearer {
            if token.node.is_empty() {
                options.error(&token.span, "`bearer_token` must not be empty");
            }
            auth.add("Bearer", token.node);
        }
        auth
    }

    /// Another thing that may be shown.
    pub(in super::super) fn add(&mut self, scheme: &'static str, secret: String) {
        self.0.push((scheme, secret));
    }

    /// Whether a sender shows one of them.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let shown = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        let at = memchr::memchr(b' ', shown).ok_or(Refusal::Unauthorized)?;
        let (scheme, secret) = shown.split_at(at);
        let secret = secret.trim_ascii();
        let fits = |known: &(&str, String)| {
            scheme.eq_ignore_ascii_case(known.0.as_bytes()) && same(secret, known.1.as_bytes())
        };
        if self.0.iter().any(fits) { Ok(()) } else { Err(Refusal::Unauthorized) }
    }

    /// The scheme that a sender is asked for.
    pub(in super::super) fn challenge(&self) -> &'static str {
        match self.0.first() {
            Some(("Bearer", _)) => "Bearer",
            _ => "Basic realm=\"alces\", charset=\"UTF-8\"",
        }
    }
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
fn same(shown: &[u8], known: &[u8]) -> bool {
    let differ = shown.iter().zip(known).fold(0, |differ, (a, b)| differ | (a ^ b));
    shown.len() == known.len() && std::hint::black_box(differ) == 0
}
