//! Logins by an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636, RFC 9700).
//!
//! `settings.rs` is what the dashboard is told, `provider.rs` the only place that speaks to the provider, `journey.rs` what a browser
//! brings along on its way there and back, `token.rs` whether an ID token is to be believed, `claims.rs` who comes in and as what. The
//! two addresses are in `http/oidc.rs`.
//!
//! The provider is asked only when somebody logs in: while it is away everything else goes on, local logins too.

mod claims;
mod error;
mod journey;
mod metadata;
mod provider;
mod settings;
mod token;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use url::Url;

pub(crate) use claims::Came;
pub(crate) use error::OidcError;
pub(crate) use journey::Journey;
pub use settings::{OidcLogin, OidcSecret};

use crate::config::Config;
use crate::error::DashboardError;
use provider::Provider;
use token::Expected;

/// Where the provider sends a browser back to, below the dashboard's own address.
pub(crate) const CALLBACK: &str = "/login/oidc/callback";
/// Journeys that have ended and are remembered, so that none ends twice.
const REMEMBERED: usize = 4096;

/// The way in by a provider.
pub(crate) struct Oidc {
    settings: OidcLogin,
    provider: Provider,
    /// Signs what a browser brings along.
    secret: Vec<u8>,
    callback: String,
    home: Url,
    ended: Mutex<HashMap<String, i64>>,
}

/// What the provider's answer says when it sends a browser back.
pub(crate) struct Back {
    pub(crate) code: Option<String>,
    /// Who sends it back, where it says so (RFC 9207).
    pub(crate) issuer: Option<String>,
    /// Why there is no code, in the provider's words.
    pub(crate) error: Option<String>,
}

impl Oidc {
    /// The way in; nothing where none is set up.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub(crate) fn new(config: &Config, secret: &[u8]) -> Result<Option<Self>, DashboardError> {
        let Some(settings) = config.oidc.clone() else { return Ok(None) };
        let wrong = |reason: String| DashboardError::Config(format!("OpenID Connect: {reason}"));
        settings.check().map_err(wrong)?;
        if config.people.is_none() {
            return Err(wrong("who logs in is kept in a file: give `--people FILE`".into()));
        }
        let Some(home) = config.public_url.clone() else {
            return Err(wrong(
                "the provider must know where to send people back to: give `--public-url URL`".into(),
            ));
        };
        let callback = format!("{}{CALLBACK}", home.as_str().trim_end_matches('/'));
        let provider = Provider::new(&settings).map_err(wrong)?;
        let secret = secret.to_owned();
        Ok(Some(Self { settings, provider, secret, callback, home, ended: Mutex::default() }))
    }

    /// The provider's name on pages.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// The provider, as it writes itself.
    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where people reach this dashboard, for a browser that came by another name.
    pub(crate) const fn home(&self) -> &Url {
        &self.home
    }

    /// Sends somebody off: the provider's address, and the journey that the browser keeps.
    ///
    /// # Errors
    /// [`OidcError`]: the provider is away, or is not what was set up.
    pub(crate) async fn begin(&self, next: &str, now: i64) -> Result<(Url, Journey), OidcError> {
        let metadata = within(&self.settings, self.provider.metadata(now)).await?;
        let journey = Journey::new(next, now)?;
        let mut address = metadata.authorization_endpoint.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.callback)
            .append_pair("scope", &self.settings.scope())
            .append_pair("state", &journey.state)
            .append_pair("nonce", &journey.nonce)
            .append_pair("code_challenge", &journey.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok((address, journey))
    }

    /// What a browser keeps of a journey.
    pub(crate) fn sealed(&self, journey: &Journey) -> Result<String, OidcError> {
        journey.sealed(&self.secret)
    }

    /// The journey that a browser brought back, once; nothing where it is another's, too old, or has ended before.
    pub(crate) fn resume(&self, kept: &str, state: &str, now: i64) -> Option<Journey> {
        let journey = Journey::open(kept, state, &self.secret, now)?;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= REMEMBERED {
            ended.retain(|_, until| *until > now);
        }
        if ended.len() >= REMEMBERED {
            // The provider takes a code once: what is forgotten here ends there.
            ended.clear();
        }
        ended.insert(journey.state.clone(), journey.until).is_none().then_some(journey)
    }

    /// Who has come back, with what the provider says.
    ///
    /// # Errors
    /// [`OidcError`]: why nobody comes in.
    pub(crate) async fn finish(&self, journey: &Journey, back: Back, now: i64) -> Result<Came, OidcError> {
        within(&self.settings, self.arrive(journey, back, now)).await
    }

    async fn arrive(&self, journey: &Journey, back: Back, now: i64) -> Result<Came, OidcError> {
        let metadata = self.provider.metadata(now).await?;
        let another = back.issuer.as_ref().is_some_and(|issuer| *issuer != self.settings.issuer);
        if another || (back.issuer.is_none() && metadata.says_issuer()) {
            return Err(OidcError::Mixed);
        }
        if let Some(words) = back.error {
            return Err(OidcError::Denied(words));
        }
        let code = back.code.ok_or_else(|| OidcError::Denied("it sent no code".into()))?;
        let granted = self.provider.exchange(&metadata, &code, &self.callback, &journey.verifier).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &journey.nonce,
        };
        let keys = self.provider.keys(&metadata, now, false).await?;
        let mut claims = match token::verify(&granted.id_token, &keys, &expected, now) {
            // The provider may sign with a key that it did not have before.
            Err(token::TokenError::Key) => {
                let keys = self.provider.keys(&metadata, now, true).await?;
                token::verify(&granted.id_token, &keys, &expected, now)?
            }
            verified => verified?,
        };
        if claims::wants_more(&claims, &self.settings)
            && let (Some(endpoint), Some(access)) = (&metadata.userinfo_endpoint, &granted.access_token)
        {
            claims::add(&mut claims, self.provider.userinfo(endpoint, access).await?)?;
        }
        claims::came(&claims, &self.settings)
    }

    /// Where the provider ends its own session, if it says so and was asked before.
    pub(crate) async fn way_out(&self, now: i64) -> Option<Url> {
        let metadata = self.provider.known(now).await?;
        let mut address = metadata.end_session_endpoint.clone()?;
        let back = format!("{}/login", self.home.as_str().trim_end_matches('/'));
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &back);
        Some(address)
    }
}

/// A page waits no longer for a provider that is slow, however many questions it takes.
async fn within<T>(
    settings: &OidcLogin,
    asked: impl Future<Output = Result<T, OidcError>>,
) -> Result<T, OidcError> {
    let limit = settings.timeout;
    tokio::time::timeout(limit, asked).await.unwrap_or(Err(OidcError::Slow(limit)))
}
