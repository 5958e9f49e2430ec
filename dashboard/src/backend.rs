//! The one place that speaks to the REST API, through the official client.

use std::time::Duration;

use opensearch::auth::Credentials;
use opensearch::http::StatusCode;
use opensearch::http::request::JsonBody;
use opensearch::http::response::Response;
use opensearch::http::transport::{SingleNodeConnectionPool, TransportBuilder};
use opensearch::indices::IndicesCreateParts;
use opensearch::params::Refresh;
use opensearch::{BulkParts, CreatePitParts, FieldCapsParts, MsearchParts, OpenSearch, SearchParts};
use serde_json::{Value, json};

use crate::config::Config;
use crate::error::{BackendError, DashboardError};

/// A client with its limits.
pub(crate) struct Backend {
    client: OpenSearch,
    url: String,
    seconds: u32,
}

/// One search of a round trip: where, and what.
pub(crate) struct Search {
    /// Index patterns, comma-separated.
    pub(crate) index: String,
    pub(crate) body: Value,
}

/// The answer to one search of a round trip: its JSON, or the backend's reason for having none.
pub(crate) type Answer = Result<Value, String>;

impl Backend {
    /// Builds the client; does not connect yet.
    pub(crate) fn new(config: &Config) -> Result<Self, DashboardError> {
        let shown = config.shown_url();
        let mut url = config.opensearch_url.clone();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(DashboardError::Config(format!(
                "the OpenSearch URL {shown} must begin with http:// or https://"
            )));
        }
        for (name, patterns) in [("logs", &config.logs), ("metrics", &config.metrics)] {
            // To OpenSearch no name is every name, its system indices included.
            if patterns.split(',').any(|p| p.trim().is_empty()) {
                return Err(DashboardError::Config(format!(
                    "the index patterns for {name} ({patterns:?}) hold an empty name; write them like logs-*,filebeat-*"
                )));
            }
        }
        let within = (!url.username().is_empty())
            .then(|| (decode(url.username()), decode(url.password().unwrap_or_default())));
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
            .disable_proxy()
            .timeout(Duration::from_secs(u64::from(config.timeout_seconds.max(1))));
        if let Some((user, password)) = config.basic_auth.clone().or(within) {
            builder = builder.auth(Credentials::Basic(user, password));
        }
        let transport = builder
            .build()
            .map_err(|e| DashboardError::Client { url: shown.clone(), reason: e.to_string() })?;
        Ok(Self { client: OpenSearch::new(transport), url: shown, seconds: config.timeout_seconds.max(1) })
    }

    /// The address, without secrets.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Several searches in one round trip; the answers stand in the same order.
    pub(crate) async fn msearch(&self, searches: &[Search]) -> Result<Vec<Answer>, BackendError> {
        let mut lines: Vec<JsonBody<Value>> = Vec::with_capacity(searches.len() * 2);
        for search in searches {
            lines.push(
                json!({"index": search.index, "ignore_unavailable": true, "allow_no_indices": true}).into(),
            );
            lines.push(search.body.clone().into());
        }
        let sent = self.client.msearch(MsearchParts::None).body(lines).send();
        let mut answer = self.within(sent).await?;
        let Some(Value::Array(responses)) = answer.get_mut("responses").map(Value::take) else {
            return Err(self.odd("no `responses` in the answer to _msearch"));
        };
        if responses.len() != searches.len() {
            return Err(self.odd("_msearch answered another number of searches than it was asked"));
        }
        Ok(responses
            .into_iter()
            .map(|r| match r.get("error") {
                Some(error) => Err(reason(error)),
                None => Ok(r),
            })
            .collect())
    }

    /// Which of `fields` exist, and with which types.
    pub(crate) async fn field_caps(&self, indices: &str, fields: &[&str]) -> Result<Value, BackendError> {
        let indices: Vec<&str> = indices.split(',').collect();
        let sent = self
            .client
            .field_caps(FieldCapsParts::Index(&indices))
            .fields(fields)
            .ignore_unavailable(true)
            .allow_no_indices(true)
            .send();
        self.within(sent).await
    }

    /// Stores a document; its id.
    pub(crate) async fn store(&self, index: &str, document: &Value) -> Result<String, BackendError> {
        // By `_bulk`, which the embedded store has too.
        let lines: Vec<JsonBody<Value>> = vec![json!({"create": {}}).into(), document.clone().into()];
        let sent = self.client.bulk(BulkParts::Index(index)).refresh(Refresh::True).body(lines).send();
        let answer = self.within(sent).await?;
        let item = answer.pointer("/items/0/create").unwrap_or(&Value::Null);
        if let Some(error) = item.get("error") {
            let status = item["status"].as_u64().and_then(|s| u16::try_from(s).ok()).unwrap_or(500);
            return Err(BackendError::Status { url: self.url.clone(), status, reason: reason(error) });
        }
        let id = item.get("_id").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| self.odd("no `_id` in the answer to _bulk"))
    }

    /// Makes an index with its mapping, if there is none.
    pub(crate) async fn prepare(&self, index: &str, mapping: &Value) -> Result<(), BackendError> {
        let indices = self.client.indices();
        match self.within(indices.create(IndicesCreateParts::Index(index)).body(mapping).send()).await {
            // It is there already.
            Err(BackendError::Status { status: 400, .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a document of this id; whether there was none.
    pub(crate) async fn create(&self, index: &str, id: &str, document: &Value) -> Result<bool, BackendError> {
        let status = self.one(index, "create", id, Some(document)).await?;
        Ok(status != 409)
    }

    /// Writes a document of this id in place of what was there.
    pub(crate) async fn write(&self, index: &str, id: &str, document: &Value) -> Result<(), BackendError> {
        self.one(index, "index", id, Some(document)).await.map(drop)
    }

    /// Removes a document, if there is one.
    pub(crate) async fn remove(&self, index: &str, id: &str) -> Result<(), BackendError> {
        self.one(index, "delete", id, None).await.map(drop)
    }

    /// One item of a bulk request, visible at once; its status, where that means that it was done, or that there was something, or nothing.
    async fn one(
        &self,
        index: &str,
        action: &str,
        id: &str,
        document: Option<&Value>,
    ) -> Result<u16, BackendError> {
        let mut lines: Vec<JsonBody<Value>> = vec![json!({action: {"_id": id}}).into()];
        lines.extend(document.cloned().map(Into::into));
        let sent = self.client.bulk(BulkParts::Index(index)).refresh(Refresh::True).body(lines).send();
        let answer = self.within(sent).await?;
        let item = answer.pointer(&format!("/items/0/{action}")).unwrap_or(&Value::Null);
        let status = item["status"].as_u64().and_then(|s| u16::try_from(s).ok()).unwrap_or(500);
        match (status, item.get("error")) {
            (200..300 | 404 | 409, _) => Ok(status),
            (_, error) => {
                let reason = error.map_or_else(|| "no reason given".into(), reason);
                Err(BackendError::Status { url: self.url.clone(), status, reason })
            }
        }
    }

    /// The error for a search that was refused.
    pub(crate) fn refused(&self, reason: String) -> BackendError {
        BackendError::Status { url: self.url.clone(), status: 500, reason }
    }

    /// Opens a point in time over some index patterns, kept for `keep` (`5m`) from its last use on; its id.
    pub(crate) async fn open_pit(&self, indices: &str, keep: &str) -> Result<String, BackendError> {
        let indices: Vec<&str> = indices.split(',').collect();
        let sent = self
            .client
            .create_pit(CreatePitParts::Index(&indices))
            .keep_alive(keep)
            .ignore_unavailable(true)
            .send();
        let answer = self.within(sent).await?;
        answer["pit_id"].as_str().map(str::to_owned).ok_or_else(|| self.odd("no `pit_id` of a point in time"))
    }

    /// Closes a point in time; what cannot be closed ends by itself.
    pub(crate) async fn close_pit(&self, id: &str) {
        let sent = self.client.delete_pit().body(json!({"pit_id": [id]})).send();
        if let Err(error) = self.within(sent).await {
            tracing::debug!(%error, "a point in time was not closed");
        }
    }

    /// One search, whose body names a point in time, and which may take `limit`.
    pub(crate) async fn search(&self, body: &Value, limit: Duration) -> Result<Value, BackendError> {
        let sent = self.client.search(SearchParts::None).body(body).request_timeout(limit).send();
        self.within_limit(sent, limit).await
    }

    /// Whether anything answers at all.
    pub(crate) async fn ping(&self) -> Result<(), BackendError> {
        self.within(self.client.info().send()).await.map(drop)
    }

    async fn within(
        &self,
        sent: impl Future<Output = Result<Response, opensearch::Error>>,
    ) -> Result<Value, BackendError> {
        self.within_limit(sent, self.limit()).await
    }

    async fn within_limit(
        &self,
        sent: impl Future<Output = Result<Response, opensearch::Error>>,
        limit: Duration,
    ) -> Result<Value, BackendError> {
        // The client's own limit covers one request; this one covers reading the body too.
        let whole = async {
            let response = sent.await.map_err(|e| self.translate(&e))?;
            let status = response.status_code();
            let body: Result<Value, _> = response.json().await;
            self.judge(status, body)
        };
        tokio::time::timeout(limit, whole).await.unwrap_or_else(|_| Err(self.timeout()))
    }

    fn judge(
        &self,
        status: StatusCode,
        body: Result<Value, opensearch::Error>,
    ) -> Result<Value, BackendError> {
        match (status.as_u16(), body) {
            (200..300, Ok(value)) => Ok(value),
            (200..300, Err(e)) if e.is_timeout() => Err(self.timeout()),
            (200..300, Err(_)) => Err(self.odd("its body is not JSON")),
            (status @ (401 | 403), _) => Err(BackendError::Refused { url: self.url.clone(), status }),
            (status, body) => {
                let reason = body
                    .ok()
                    .and_then(|b| b.get("error").map(reason))
                    .unwrap_or_else(|| "no reason given".into());
                Err(BackendError::Status { url: self.url.clone(), status, reason })
            }
        }
    }

    // The client's errors may carry the address with its secrets, so none of their text is kept.
    fn translate(&self, error: &opensearch::Error) -> BackendError {
        if error.is_timeout() { self.timeout() } else { BackendError::Unreachable { url: self.url.clone() } }
    }

    /// How long a visitor waits at most.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }

    /// The error for an answer that came too late.
    pub(crate) fn timeout(&self) -> BackendError {
        BackendError::Timeout { url: self.url.clone(), seconds: self.seconds }
    }

    fn odd(&self, what: &str) -> BackendError {
        BackendError::Answer { url: self.url.clone(), what: what.into() }
    }
}

/// OpenSearch's words for an error, cut to what a page can hold.
fn reason(error: &Value) -> String {
    let cause = error.pointer("/root_cause/0/reason").or_else(|| error.get("reason"));
    let text = cause.and_then(Value::as_str).or_else(|| error.as_str()).unwrap_or("no reason given");
    text.chars().take(300).collect()
}

/// Undoes the per-cent escapes of a URL's user or password.
fn decode(text: &str) -> String {
    // `+` is a plus sign here, unlike in a form.
    let query = format!("k={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_schemes_are_refused_without_their_secrets() {
        let config = Config::new("ftp://amy:hunter2@es01/".parse().expect("a URL"));
        let error = Backend::new(&config).err().expect("refused").to_string();
        assert!(error.contains("http://") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn an_empty_pattern_is_not_every_index() {
        for patterns in ["", "logs-*,", " "] {
            let mut config = Config::new("http://es01:9200/".parse().expect("a URL"));
            config.logs = patterns.into();
            assert!(matches!(Backend::new(&config), Err(DashboardError::Config(_))), "{patterns:?}");
        }
    }

    #[test]
    fn escapes_in_a_password_are_undone() {
        assert_eq!(decode("a%40b+c"), "a@b+c");
    }

    #[test]
    fn reasons_are_short() {
        assert_eq!(reason(&json!({"reason": "x".repeat(900)})).len(), 300);
        assert_eq!(reason(&json!({"root_cause": [{"reason": "too many buckets"}]})), "too many buckets");
    }
}
