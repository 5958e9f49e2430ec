//! One host, through the official client.

use std::time::Duration;

use bytes::Bytes;
use opensearch::{
    OpenSearch,
    auth::Credentials,
    http::{
        Method,
        headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
};
use url::Url;

use super::{
    bulk::{Answer, ItemAnswer},
    options::OpenSearchPlan,
};
use crate::CollectorError;

/// A bulk request that is not answered for this long is sent again. Long: a store that is busy with a merge is not dead, and
/// sending again makes it busier.
const BULK_TIMEOUT: Duration = Duration::from_secs(90);

pub(crate) struct Client {
    inner: OpenSearch,
}

/// Why a request as a whole was not answered as it should be.
pub(crate) enum Failure {
    /// The body is larger than the server takes.
    TooLarge,
    /// No connection, no answer in time, a server error, a login refused: later, perhaps.
    Away(String),
}

impl Client {
    pub(crate) fn new(host: &Url, plan: &OpenSearchPlan) -> Result<Self, CollectorError> {
        let mut url = host.clone();
        let inside = (!url.username().is_empty())
            .then(|| (url.username().to_owned(), url.password().unwrap_or_default().to_owned()));
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let shown = url.origin().ascii_serialization();
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url)).disable_proxy();
        if let Some((user, password)) = plan.user.clone().or(inside) {
            builder = builder.auth(Credentials::Basic(user, password));
        }
        let transport = builder.build().map_err(|e| CollectorError::Output {
            output: plan.name.to_owned(),
            reason: format!("{shown}: {e}"),
        })?;
        Ok(Self { inner: OpenSearch::new(transport) })
    }

    pub(crate) async fn bulk(&self, request: Bytes) -> Result<Vec<ItemAnswer>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        let (status, body) =
            self.send(Method::Post, "_bulk", headers, Some(request)).await.map_err(Failure::Away)?;
        match status {
            200 => serde_json::from_slice::<Answer>(&body)
                .map(Answer::items)
                .map_err(|e| Failure::Away(format!("its answer cannot be read: {e}"))),
            413 => Err(Failure::TooLarge),
            status => Err(Failure::Away(format!("status {status}: {}", excerpt(&body)))),
        }
    }

    /// Whether the path is there.
    pub(crate) async fn exists(&self, path: &str) -> Result<bool, String> {
        match self.send(Method::Head, path, HeaderMap::new(), None).await? {
            (200, _) => Ok(true),
            (404, _) => Ok(false),
            (status, _) => Err(format!("status {status} for {path}")),
        }
    }

    /// Puts a document; the inner error is a refusal that another attempt will not change.
    pub(crate) async fn put(&self, path: &str, body: &'static str) -> Result<Result<(), String>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self.send(Method::Put, path, headers, Some(Bytes::from_static(body.as_bytes()))).await? {
            (200 | 201, _) => Ok(Ok(())),
            (400..=499, body) => Ok(Err(excerpt(&body))),
            (status, body) => Err(format!("status {status}: {}", excerpt(&body))),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<(u16, Bytes), String> {
        let sent =
            self.inner.transport().send(method, path, headers, Option::<&()>::None, body, Some(BULK_TIMEOUT));
        let response = sent.await.map_err(|e| root_cause(&e))?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(|e| root_cause(&e))?;
        Ok((status, body))
    }
}

/// The innermost reason ("Connection refused"), not four layers of "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(300).collect()
}
