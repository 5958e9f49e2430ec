//! Why nobody comes in by the provider, in words for who tries. None holds a code, a token or a secret.

use std::time::Duration;

use super::token::TokenError;

/// Why a login did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("the provider did not answer within {0:?}: try again, or log in by name and password")]
    Slow(Duration),
    #[error("the provider cannot be reached ({0}): try again, or log in by name and password")]
    Away(String),
    #[error(
        "the provider is not what the dashboard was told ({0}): an administrator has to look at its settings"
    )]
    Settings(String),
    #[error("this login is too old, was used already, or began in another browser: begin it again")]
    State,
    #[error("the answer came from another provider than the one that was asked")]
    Mixed,
    #[error("the provider let nobody in: {0}")]
    Denied(String),
    #[error("what the provider says of you cannot be believed: {0}")]
    Token(#[from] TokenError),
    #[error("what the provider says of you gives you no role here: ask who runs it for a group that does")]
    Role {
        /// Who that is, for what was open in that name.
        subject: String,
    },
    #[error("the system gives no random numbers")]
    Randomness,
}

impl OidcError {
    /// Whether it may go well a moment later.
    pub(crate) const fn is_outage(&self) -> bool {
        matches!(self, Self::Slow(_) | Self::Away(_) | Self::Settings(_) | Self::Randomness)
    }
}
