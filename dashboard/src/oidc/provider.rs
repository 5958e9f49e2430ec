//! The one place that speaks to the provider. It is asked when somebody logs in, believed for an hour, and never for long: no answer is
//! read without end, no redirect is followed, and one that fails is asked again a few seconds later at the earliest.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::error::OidcError;
use super::metadata::Metadata;
use super::settings::OidcLogin;
use super::token::Claims;

/// How long configuration and keys are believed, milliseconds.
const BELIEVED: i64 = 3_600_000;
/// After a failure, and between two looks for a new key, the provider is left alone for so long, milliseconds.
const ALONE: i64 = 5_000;
/// The most that is read of an answer, bytes.
const LONGEST: usize = 1 << 20;
/// For a connection.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) struct Provider {
    settings: OidcLogin,
    client: Client,
    metadata: Mutex<Kept<Arc<Metadata>>>,
    keys: Mutex<Kept<Arc<[Jwk]>>>,
}

/// What the provider gives for a code.
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) id_token: String,
    pub(super) access_token: Option<String>,
}

/// What was asked for last, and when; epoch milliseconds.
struct Kept<T> {
    good: Option<(i64, T)>,
    failed: Option<(i64, OidcError)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { good: None, failed: None }
    }
}

impl<T: Clone> Kept<T> {
    /// What need not be asked for.
    fn now(&self, now: i64, believed: i64) -> Option<Result<T, OidcError>> {
        let age = |at: i64| (0..believed).contains(&(now - at));
        if let Some((_, good)) = self.good.as_ref().filter(|(at, _)| age(*at)) {
            return Some(Ok(good.clone()));
        }
        let failed = self.failed.as_ref().filter(|(at, _)| (0..ALONE).contains(&(now - at)));
        failed.map(|(_, error)| Err(error.clone()))
    }

    fn keep(&mut self, now: i64, answer: Result<T, OidcError>) -> Result<T, OidcError> {
        match &answer {
            Ok(good) => *self = Self { good: Some((now, good.clone())), failed: None },
            Err(error) => {
                tracing::warn!(%error, "the OpenID provider");
                self.failed = Some((now, error.clone()));
            }
        }
        answer
    }
}

impl Provider {
    /// Nothing is asked yet.
    pub(super) fn new(settings: &OidcLogin) -> Result<Self, String> {
        let mut roots = alces_tls::Roots::default();
        match &settings.authorities {
            Some(pem) => roots.add(pem).map_err(|error| format!("the authorities: {error}"))?,
            None => roots.add_system(rustls_native_certs::load_native_certs().certs),
        }
        let tls = alces_tls::client(roots, None).map_err(|error| error.to_string())?;
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(limit(settings))
            .tls_backend_preconfigured(Arc::unwrap_or_clone(tls))
            .build()
            .map_err(|error| error.without_url().to_string())?;
        let (metadata, keys) = (Mutex::default(), Mutex::default());
        Ok(Self { settings: settings.clone(), client, metadata, keys })
    }

    /// What the provider says of itself. Whoever comes while it is asked waits for that answer.
    pub(super) async fn metadata(&self, now: i64) -> Result<Arc<Metadata>, OidcError> {
        let mut kept = self.metadata.lock().await;
        if let Some(known) = kept.now(now, BELIEVED) {
            return known;
        }
        let address = Metadata::address(&self.settings.issuer);
        let text = self.text(self.client.get(address)).await.and_then(succeeded);
        kept.keep(now, text.and_then(|text| Metadata::read(&text, &self.settings)).map(Arc::new))
    }

    /// What is known of the provider without asking it.
    pub(super) async fn known(&self, now: i64) -> Option<Arc<Metadata>> {
        self.metadata.lock().await.now(now, BELIEVED)?.ok()
    }

    /// The keys that it signs with; `anew` where those that are known do not do.
    pub(super) async fn keys(
        &self,
        metadata: &Metadata,
        now: i64,
        anew: bool,
    ) -> Result<Arc<[Jwk]>, OidcError> {
        let mut kept = self.keys.lock().await;
        if let Some(known) = kept.now(now, if anew { ALONE } else { BELIEVED }) {
            return known;
        }
        let text = self.text(self.client.get(metadata.jwks_uri.clone())).await.and_then(succeeded);
        kept.keep(now, text.and_then(|text| read_keys(&text)))
    }

    /// Changes a code for what it stands for.
    pub(super) async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        callback: &str,
        verifier: &str,
    ) -> Result<Granted, OidcError> {
        let request = self.asking(metadata, code, callback, verifier);
        match self.text(request).await? {
            (StatusCode::OK, text) => serde_json::from_slice(&text)
                .map_err(|_| OidcError::Settings("it gave no ID token for the code".into())),
            (status, _) if status.is_server_error() => Err(OidcError::Away(format!("it answered {status}"))),
            (status, text) => {
                let words: Option<Value> = serde_json::from_slice(&text).ok();
                let word =
                    words.as_ref().and_then(|w| w.get("error")).and_then(Value::as_str).unwrap_or_default();
                Err(match word {
                    "invalid_grant" => OidcError::Denied("it does not take this code (any more)".into()),
                    "invalid_client" | "unauthorized_client" => {
                        OidcError::Settings("it does not know the client's id or secret".into())
                    }
                    _ => OidcError::Settings(format!("it answered {status} to the code")),
                })
            }
        }
    }

    /// The question for a code, with what proves who asks.
    fn asking(&self, metadata: &Metadata, code: &str, callback: &str, verifier: &str) -> RequestBuilder {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", callback)
            .append_pair("code_verifier", verifier);
        let mut request = self.client.post(metadata.token_endpoint.clone());
        let id = &self.settings.client_id;
        match &self.settings.client_secret {
            None => {
                form.append_pair("client_id", id);
            }
            Some(secret) if metadata.wants_secret_in_form() => {
                form.append_pair("client_id", id).append_pair("client_secret", secret.text());
            }
            // Both written as in a form first (RFC 6749, 2.3.1).
            Some(secret) => {
                let written = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                request = request.basic_auth(written(id), Some(written(secret.text())));
            }
        }
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    /// What else it says of whom an access token is for.
    pub(super) async fn userinfo(&self, endpoint: &Url, access: &str) -> Result<Claims, OidcError> {
        let text = succeeded(self.text(self.client.get(endpoint.clone()).bearer_auth(access)).await?)?;
        serde_json::from_slice(&text).map_err(|_| {
            OidcError::Settings("its userinfo is no JSON (one that is signed is not read)".into())
        })
    }

    /// Status and text of an answer.
    async fn text(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), OidcError> {
        let away = |error: reqwest::Error| match error.is_timeout() {
            true => OidcError::Slow(limit(&self.settings)),
            false => OidcError::Away(cause(&error.without_url())),
        };
        let mut response = request.header(ACCEPT, "application/json").send().await.map_err(away)?;
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if text.len() + chunk.len() > LONGEST {
                return Err(OidcError::Settings("its answer has no end".into()));
            }
            text.extend_from_slice(&chunk);
        }
        Ok((response.status(), text))
    }
}

/// For one question. A provider that hangs is known as such before the page has given up.
fn limit(settings: &OidcLogin) -> Duration {
    settings.timeout / 2
}

fn succeeded((status, text): (StatusCode, Vec<u8>)) -> Result<Vec<u8>, OidcError> {
    match status {
        StatusCode::OK => Ok(text),
        _ if status.is_server_error() => Err(OidcError::Away(format!("it answered {status}"))),
        _ => Err(OidcError::Settings(format!("it answered {status}"))),
    }
}

/// The keys of a set that can be read; others are of kinds that are not taken here anyway.
fn read_keys(text: &[u8]) -> Result<Arc<[Jwk]>, OidcError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set =
        serde_json::from_slice(text).map_err(|_| OidcError::Settings("its keys cannot be read".into()))?;
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
}

/// The innermost reason: the outer ones say only that something was sent.
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_asked_for() {
        let mut kept = Kept::<u8>::default();
        assert_eq!(kept.now(0, BELIEVED), None);
        let away = OidcError::Away("x".into());
        assert_eq!(kept.keep(1000, Err(away.clone())), Err(away.clone()));
        assert_eq!(kept.now(1000 + ALONE - 1, BELIEVED), Some(Err(away)));
        assert_eq!(kept.now(1000 + ALONE, BELIEVED), None, "and then it is asked again");
        assert_eq!(kept.keep(9000, Ok(7)), Ok(7));
        assert_eq!(kept.now(9000 + BELIEVED - 1, BELIEVED), Some(Ok(7)));
        assert_eq!(kept.now(9000 + BELIEVED, BELIEVED), None);
        assert_eq!(kept.now(8999, BELIEVED), None, "a clock that was set back");
    }

    #[test]
    fn a_key_that_is_strange_costs_itself() {
        let set = br#"{"keys":[{"kty":"oct"},{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"},7]}"#;
        let keys = read_keys(set).unwrap();
        assert_eq!(keys.iter().filter(|k| k.common.key_id.as_deref() == Some("a")).count(), 1);
        assert!(read_keys(b"{}").is_err());
    }
}
