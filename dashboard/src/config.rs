//! What a dashboard must be told.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use alces_people::People;
use alces_serve::TlsFiles;
use tokio::sync::watch;
use url::Url;

use crate::access::ProxyLogin;
use crate::alert::Alerts;
use crate::error::DashboardError;
use crate::language::Languages;
use crate::oidc::OidcLogin;
use crate::tap::Tap;

/// Settings of a dashboard. [`Config::new`] gives the defaults; the fields are public to be changed.
#[derive(Clone)]
pub struct Config {
    /// Where the OpenSearch REST API answers, e.g. `http://127.0.0.1:9200/`. A user name and password within the
    /// URL are used as `basic_auth` and never shown.
    pub opensearch_url: Url,
    /// Index patterns that hold log lines, comma-separated as OpenSearch takes them.
    pub logs: String,
    /// Index patterns that hold host metrics, comma-separated.
    pub metrics: String,
    /// Index that deploys and other events are written to.
    pub events: String,
    /// Folder of boards, `*.yaml`: each takes the place of the board of its name, or is one more.
    pub boards: Option<PathBuf>,
    /// Changes whenever the folder of boards is to be read again.
    pub boards_changed: Option<watch::Receiver<()>>,
    /// Where lines can be seen as they pass; without one there is no live view.
    pub tap: Option<Tap>,
    /// Rules that are watched, and who is told; nothing is watched without.
    pub alerts: Option<Alerts>,
    /// The languages that pages can be read in.
    pub languages: Languages,
    /// Signs links to pictures; without one they end with the process.
    pub secret: Option<Vec<u8>>,
    /// Who may come in. Without it everybody may who reaches the listener, so that it is wanted beyond this machine.
    pub people: Option<Arc<People>>,
    /// A file to keep searches in where there is none of people; theirs counts more.
    pub searches: Option<Arc<People>>,
    /// The certificate to show; without one nothing is encrypted.
    pub tls: Option<TlsFiles>,
    /// Lets other machines come without TLS, where a proxy has it.
    pub allow_plaintext: bool,
    /// Where people reach this dashboard, e.g. `https://dash.example.com/`; the listener's address where it is not said.
    pub public_url: Option<Url>,
    /// Proxies whose word is taken for where a request comes from, and for who sent it.
    pub proxy: Option<ProxyLogin>,
    /// A provider that lets people in, beside names and passwords. It asks for `people` and `public_url`.
    pub oidc: Option<OidcLogin>,
    /// How long the audit log is kept, days.
    pub audit_days: u32,
    /// Start of the time range when the address names none; `now-1h` form, see the page's own help.
    pub default_from: String,
    /// End of the time range when the address names none.
    pub default_to: String,
    /// How often an open page asks again, in seconds; 0 switches it off.
    pub refresh_seconds: u32,
    /// The name in the page's head.
    pub title: String,
    /// User name and password for the REST API.
    pub basic_auth: Option<(String, String)>,
    /// The 5xx share (0 to 1) from which the verdict is "degraded".
    pub degraded_error_rate: f64,
    /// How long one question to the REST API may take, in seconds, before the page shows the last good picture.
    pub timeout_seconds: u32,
}

impl Config {
    /// The defaults for a store at `opensearch_url`.
    #[must_use]
    pub fn new(opensearch_url: Url) -> Self {
        Self {
            opensearch_url,
            logs: "logs-*,ecs-logstash-*,logstash-*,filebeat-*".into(),
            metrics: "metrics-*".into(),
            events: "alces-events".into(),
            boards: None,
            boards_changed: None,
            tap: None,
            alerts: None,
            languages: Languages::built_in(),
            secret: None,
            people: None,
            searches: None,
            tls: None,
            allow_plaintext: false,
            public_url: None,
            proxy: None,
            oidc: None,
            audit_days: 365,
            default_from: "now-1h".into(),
            default_to: "now".into(),
            refresh_seconds: 10,
            title: "Alces".into(),
            basic_auth: None,
            degraded_error_rate: 0.01,
            timeout_seconds: 5,
        }
    }

    /// Whether the dashboard may listen at an address: beyond this machine it wants people with logins, and TLS.
    ///
    /// # Errors
    /// [`DashboardError::Exposed`] says what is missing.
    pub fn check_exposure(&self, address: SocketAddr) -> Result<(), DashboardError> {
        let missing = match (self.people.is_some(), self.tls.is_some() || self.allow_plaintext) {
            _ if address.ip().is_loopback() => return Ok(()),
            (true, true) => return Ok(()),
            (false, true) => "anybody could look: give `--people FILE` for logins",
            (true, false) => {
                "nothing is encrypted: give `--tls-cert` and `--tls-key`, or `--allow-plaintext` where a proxy has TLS"
            }
            (false, false) => {
                "anybody could look, and nothing is encrypted: give `--people FILE` for logins, and `--tls-cert` and `--tls-key`"
            }
        };
        Err(DashboardError::Exposed { address, missing })
    }

    /// The backend's address without user name, password, query: fit for a page or a log.
    pub(crate) fn shown_url(&self) -> String {
        let mut url = self.opensearch_url.clone();
        // Both fail only for addresses that cannot carry a user at all, which then show none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("opensearch_url", &self.shown_url())
            .field("logs", &self.logs)
            .field("metrics", &self.metrics)
            .field("refresh_seconds", &self.refresh_seconds)
            .field("basic_auth", &self.basic_auth.as_ref().map(|(user, _)| (user, "…")))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_machine_logins_and_tls_are_wanted() {
        let mut config = Config::new("http://127.0.0.1:9200".parse().expect("a URL"));
        let (here, there) =
            ("127.0.0.1:1".parse().expect("an address"), "0.0.0.0:1".parse().expect("an address"));
        assert!(config.check_exposure(here).is_ok() && config.check_exposure(there).is_err());
        config.allow_plaintext = true;
        let error = config.check_exposure(there).expect_err("logins are wanted in any case").to_string();
        assert!(error.contains("--people"), "{error}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut config = Config::new("https://amy:hunter2@es01:9200/?k=v".parse().expect("a URL"));
        config.basic_auth = Some(("amy".into(), "hunter2".into()));
        assert_eq!(config.shown_url(), "https://es01:9200/");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
