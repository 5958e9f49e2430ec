//! What the dashboard is told of a provider.

use std::fmt;
use std::time::Duration;

use alces_people::Role;
use url::{Host, Url};

/// A client's secret; `Debug` does not show it.
#[derive(Clone)]
pub struct OidcSecret(String);

impl OidcSecret {
    /// A secret as its file holds it; blanks and line ends around it are no part of it. Nothing where there is nothing else.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OidcSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OidcSecret")
    }
}

/// A provider that lets people in, and what they become. [`OidcLogin::new`] gives the defaults; the fields are public to be changed.
#[derive(Clone, Debug)]
pub struct OidcLogin {
    /// The provider, letter for letter as it writes itself: `https://id.example.com/realms/staff`.
    pub issuer: String,
    /// What the provider calls this dashboard.
    pub client_id: String,
    /// By what it proves to be that; without one PKCE alone protects the code.
    pub client_secret: Option<OidcSecret>,
    /// The provider's name on pages.
    pub name: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that names a new user.
    pub name_claim: String,
    /// The claim with the words that [`roles`](Self::roles) stand for; `a.b` is `b` in `a`.
    pub role_claim: String,
    /// Words of the claim and the role each means; of several the highest counts. Empty: everybody is `default_role` at first, and stays
    /// what an administrator says.
    pub roles: Vec<(Role, String)>,
    /// The role of whom no word gives one; none: that person stays out.
    pub default_role: Option<Role>,
    /// Whom to trust for the provider's certificate, PEM; without it the system's authorities.
    pub authorities: Option<Vec<u8>>,
    /// How long a page waits for the provider, all of its questions together.
    pub timeout: Duration,
}

impl OidcLogin {
    /// The defaults for a provider.
    #[must_use]
    pub fn new(issuer: String, client_id: String) -> Self {
        let host = Url::parse(&issuer).ok().and_then(|url| url.host_str().map(str::to_owned));
        Self {
            name: host.unwrap_or_default(),
            issuer,
            client_id,
            client_secret: None,
            scopes: vec!["profile".into(), "email".into()],
            name_claim: "preferred_username".into(),
            role_claim: "groups".into(),
            roles: Vec::new(),
            default_role: Some(Role::Viewer),
            authorities: None,
            timeout: Duration::from_secs(10),
        }
    }

    pub(super) fn scope(&self) -> String {
        let others = self.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
    }

    /// What cannot work, in words that say what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        let url = Url::parse(&self.issuer).map_err(|_| {
            format!("the issuer {:?} is no address: write it like https://id.example.com", self.issuer)
        })?;
        if !is_protected(&url, true) {
            return Err(format!(
                "the issuer {} must begin with https:// (http:// goes on this machine only)",
                self.issuer
            ));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err("an issuer has no user, no ? and no #".into());
        }
        if self.client_id.is_empty() {
            return Err("the client id is empty".into());
        }
        if self.roles.is_empty() && self.default_role.is_none() {
            return Err(
                "nobody could come in: say which words of the claim give which role, or give a default role"
                    .into(),
            );
        }
        Ok(())
    }

    /// Whether the provider is on this machine and speaks plainly.
    pub(super) fn is_plain(&self) -> bool {
        self.issuer.starts_with("http://")
    }
}

/// Whether nobody on the way can read or change what goes there. Plain HTTP is fine within this machine, where that is allowed.
pub(super) fn is_protected(url: &Url, plain_on_loopback: bool) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => true,
        "http" => plain_on_loopback && is_loopback,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(issuer: &str) -> Option<String> {
        OidcLogin::new(issuer.into(), "alces".into()).check().err()
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for good in [
            "https://id.example.com",
            "http://localhost:8080/realms/x",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert_eq!(wrong(good), None, "{good}");
        }
        for bad in [
            "http://id.example.com",
            "http://localhost.evil.example",
            "http://192.168.1.1",
            "ftp://127.0.0.1",
            "id.example.com",
        ] {
            assert!(wrong(bad).is_some(), "{bad}");
        }
        assert!(wrong("https://amy:secret@id.example.com").is_some());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let mut login = OidcLogin::new("https://id.example.com/".into(), "alces".into());
        assert_eq!(login.name, "id.example.com");
        login.client_secret = OidcSecret::new(" hunter2\n");
        assert_eq!(login.client_secret.as_ref().map(OidcSecret::text), Some("hunter2"));
        assert!(!format!("{login:?}").contains("hunter2"));
        assert!(OidcSecret::new(" \n").is_none());
        login.default_role = None;
        assert!(login.check().expect_err("nobody comes in").contains("default role"));
    }
}
