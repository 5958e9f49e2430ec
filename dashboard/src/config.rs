//! What a dashboard must be told.

use std::fmt;
use std::path::PathBuf;

use tokio::sync::watch;
use url::Url;

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
    /// Signs links to pictures; without one they end with the process.
    pub secret: Option<Vec<u8>>,
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
            secret: None,
            default_from: "now-1h".into(),
            default_to: "now".into(),
            refresh_seconds: 10,
            title: "Alces".into(),
            basic_auth: None,
            degraded_error_rate: 0.01,
            timeout_seconds: 5,
        }
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
    fn secrets_are_not_shown() {
        let mut config = Config::new("https://amy:hunter2@es01:9200/?k=v".parse().expect("a URL"));
        config.basic_auth = Some(("amy".into(), "hunter2".into()));
        assert_eq!(config.shown_url(), "https://es01:9200/");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
