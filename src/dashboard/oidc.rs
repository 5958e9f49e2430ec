//! The options of a login by an OpenID provider.

use std::path::{Path, PathBuf};

use alces_dashboard::{OidcLogin, OidcSecret};
use alces_people::Role;
use anyhow::Context as _;
use clap::Args;
use url::Url;

#[derive(Args)]
#[command(next_help_heading = "Login by an OpenID provider")]
pub(crate) struct OidcArgs {
    /// The provider, letter for letter as its /.well-known/openid-configuration has it under "issuer"
    #[arg(long, value_name = "URL", requires_all = ["people", "public_url", "oidc_client_id"])]
    pub(crate) oidc_issuer: Option<String>,
    /// What the provider calls this dashboard; there, PUBLIC_URL/login/oidc/callback is its redirect address
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub(crate) oidc_client_id: Option<String>,
    /// File with the client's secret [default: a public client, which PKCE protects]
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub(crate) oidc_client_secret_file: Option<PathBuf>,
    /// The provider's name on the login page [default: the issuer's host]
    #[arg(long, value_name = "NAME", requires = "oidc_issuer")]
    pub(crate) oidc_name: Option<String>,
    /// Scopes to ask for besides openid, separated by commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "profile,email")]
    pub(crate) oidc_scopes: Vec<String>,
    /// Claim that names a new user; where it is missing, preferred_username, email or sub
    #[arg(long, value_name = "CLAIM", default_value = "preferred_username")]
    pub(crate) oidc_name_claim: String,
    /// Claim with the groups or roles that --oidc-role knows, e.g. groups or realm_access.roles
    #[arg(long, value_name = "CLAIM", default_value = "groups")]
    pub(crate) oidc_role_claim: String,
    /// What a word of that claim makes of its user: admin=helpdesk-sre. May be given several times; the highest role counts
    #[arg(long, value_name = "ROLE=WORD", requires = "oidc_issuer", value_parser = role)]
    pub(crate) oidc_role: Vec<(Role, String)>,
    /// The role of whom no word gives one: viewer, editor, admin, or none, who then stays out
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = default_role)]
    pub(crate) oidc_default_role: DefaultRole,
    /// Authorities for the provider's certificate (PEM) [default: the system's]
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub(crate) oidc_ca: Option<PathBuf>,
}

/// A role, or to stay out.
#[derive(Clone, Copy)]
pub(crate) struct DefaultRole(Option<Role>);

fn default_role(text: &str) -> Result<DefaultRole, String> {
    match text {
        "none" => Ok(DefaultRole(None)),
        role => {
            role.parse().map(|role| DefaultRole(Some(role))).map_err(|error| format!("{error}, and none"))
        }
    }
}

fn role(text: &str) -> Result<(Role, String), String> {
    let (role, word) = text.split_once('=').ok_or("write it like admin=helpdesk-sre")?;
    if word.is_empty() {
        return Err("write it like admin=helpdesk-sre".into());
    }
    Ok((role.parse()?, word.to_owned()))
}

/// The provider, with what its files hold; nothing where none is given.
pub(super) fn login(args: OidcArgs, public_url: Option<&Url>) -> anyhow::Result<Option<OidcLogin>> {
    let Some((issuer, id)) = args.oidc_issuer.zip(args.oidc_client_id) else { return Ok(None) };
    let read =
        |file: &Path| std::fs::read(file).with_context(|| format!("{}: cannot be read", file.display()));
    let mut login = OidcLogin::new(issuer, id);
    if let Some(file) = args.oidc_client_secret_file {
        let text = String::from_utf8(read(&file)?).ok();
        let secret = text.as_deref().and_then(OidcSecret::new);
        login.client_secret =
            Some(secret.with_context(|| format!("{}: there is no secret in it", file.display()))?);
    }
    login.authorities = args.oidc_ca.as_deref().map(read).transpose()?;
    login.name = args.oidc_name.unwrap_or(login.name);
    login.scopes = args.oidc_scopes;
    login.name_claim = args.oidc_name_claim;
    login.role_claim = args.oidc_role_claim;
    login.roles = args.oidc_role;
    login.default_role = args.oidc_default_role.0;
    // A session's cookie would go in the clear otherwise, beyond this machine.
    let is_local =
        public_url.and_then(Url::host_str).is_some_and(|h| matches!(h, "localhost" | "127.0.0.1" | "[::1]"));
    if !is_local && public_url.is_some_and(|url| url.scheme() != "https") {
        anyhow::bail!(
            "--public-url: providers send people back to https:// addresses only, but for this machine's"
        );
    }
    Ok(Some(login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_in_words() {
        assert_eq!(role("admin=helpdesk-sre"), Ok((Role::Admin, "helpdesk-sre".into())));
        assert_eq!(role("viewer=a=b"), Ok((Role::Viewer, "a=b".into())));
        for wrong in ["admin", "admin=", "god=x"] {
            assert!(role(wrong).is_err(), "{wrong}");
        }
        assert!(default_role("none").is_ok_and(|role| role.0.is_none()));
        assert!(default_role("god").is_err_and(|error| error.ends_with("and none")));
    }
}
