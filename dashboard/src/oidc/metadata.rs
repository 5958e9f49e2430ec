//! What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414).

use serde::Deserialize;
use url::Url;

use super::error::OidcError;
use super::settings::{OidcLogin, is_protected};

/// As far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    pub(super) jwks_uri: Url,
    pub(super) userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Where a provider says it.
    pub(super) fn address(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// The text, if it is this provider's and names no address that somebody on the way could read.
    pub(super) fn read(text: &[u8], settings: &OidcLogin) -> Result<Self, OidcError> {
        let read: Self = serde_json::from_slice(text)
            .map_err(|error| OidcError::Settings(format!("its configuration cannot be read: {error}")))?;
        if read.issuer != settings.issuer {
            return Err(OidcError::Settings(format!("it calls itself {:?}", read.issuer)));
        }
        let asked = [&read.authorization_endpoint, &read.token_endpoint, &read.jwks_uri];
        let others = [&read.userinfo_endpoint, &read.end_session_endpoint];
        let all = asked.into_iter().chain(others.into_iter().flatten());
        let open = all.filter(|url| !is_protected(url, settings.is_plain())).map(Url::to_string).next();
        match open {
            Some(url) => Err(OidcError::Settings(format!("{url} is not https"))),
            None => Ok(read),
        }
    }

    /// Whether it names itself when it sends a browser back (RFC 9207), so that one who does not is another.
    pub(super) const fn says_issuer(&self) -> bool {
        self.authorization_response_iss_parameter_supported
    }

    /// Whether the client's secret goes into the form, as the provider takes no `Authorization`.
    pub(super) fn wants_secret_in_form(&self) -> bool {
        let takes = |method: &str| self.token_endpoint_auth_methods_supported.iter().any(|m| m == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(issuer: &str, change: impl FnOnce(&mut serde_json::Value)) -> Result<Metadata, OidcError> {
        let mut text = serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
        });
        change(&mut text);
        Metadata::read(text.to_string().as_bytes(), &OidcLogin::new(issuer.into(), "alces".into()))
    }

    #[test]
    fn only_of_whom_was_asked_and_only_protected_addresses() {
        let id = "https://id.example.com";
        assert!(read(id, |_| ()).is_ok());
        assert!(read(id, |t| t["issuer"] = "https://id.example.com/".into()).is_err(), "letter for letter");
        for name in ["token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for bad in ["http://id.example.com/x", "http://127.0.0.1/x", "file:///etc/passwd", "no address"] {
                assert!(read(id, |t| t[name] = bad.into()).is_err(), "{name} {bad}");
            }
        }
        assert!(read("http://127.0.0.1:8080", |_| ()).is_ok());
        assert_eq!(
            Metadata::address("https://id.example.com/realms/x/"),
            "https://id.example.com/realms/x/.well-known/openid-configuration"
        );
    }

    #[test]
    fn the_secret_goes_into_the_header_unless_only_the_form_is_taken() {
        let with = |methods: serde_json::Value| {
            let read =
                read("https://id.example.com", |t| t["token_endpoint_auth_methods_supported"] = methods);
            read.map(|metadata| metadata.wants_secret_in_form())
        };
        assert_eq!(with(serde_json::json!(["client_secret_post"])), Ok(true));
        assert_eq!(with(serde_json::json!(["client_secret_post", "client_secret_basic"])), Ok(false));
        assert_eq!(with(serde_json::json!([])), Ok(false));
    }
}
