//! What is indexed, as OpenSearch's official client reads it.

use std::path::Path;

use opensearch::{
    CountParts, CreatePitParts, OpenSearch, ScrollParts, SearchParts,
    auth::Credentials,
    cert::{Certificate, CertificateValidation},
    http::{
        Method,
        headers::HeaderMap,
        request::JsonBody,
        response::Response,
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
    indices::IndicesRefreshParts,
};
use serde_json::{Value, json};

/// So many documents a page.
const PAGE: i64 = 1_500;

/// The official client, and the runtime that it wants.
pub(crate) struct Client {
    inner: OpenSearch,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pool = SingleNodeConnectionPool::new(url::Url::parse(url).unwrap());
        let transport = TransportBuilder::new(pool).disable_proxy().build().unwrap();
        Self { inner: OpenSearch::new(transport), runtime }
    }

    /// One with a login, who trusts an authority.
    pub(crate) fn secured(url: &str, authority: &Path, user: &str, password: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let pool = SingleNodeConnectionPool::new(url::Url::parse(url).unwrap());
        let authority = Certificate::from_pem(&std::fs::read(authority).unwrap()).unwrap();
        let transport = TransportBuilder::new(pool)
            .disable_proxy()
            .auth(Credentials::Basic(user.to_owned(), password.to_owned()))
            .cert_validation(CertificateValidation::Full(authority))
            .build()
            .unwrap();
        Self { inner: OpenSearch::new(transport), runtime }
    }

    /// Whether it answers, and with success.
    pub(crate) fn is_there(&self) -> bool {
        let answer = self.runtime.block_on(async { self.inner.info().send().await });
        answer.is_ok_and(|answer| answer.status_code().is_success())
    }

    /// How many documents can be found by now; none where there is no such index.
    pub(crate) fn refreshed_count(&self, index: &str) -> Option<u64> {
        self.runtime.block_on(async {
            let of = [index];
            let refreshed =
                self.inner.indices().refresh(IndicesRefreshParts::Index(&of)).send().await.unwrap();
            if refreshed.status_code().as_u16() == 404 {
                return None;
            }
            read(Ok(refreshed)).await;
            read(self.inner.count(CountParts::Index(&of)).send().await).await["count"].as_u64()
        })
    }

    /// Puts something, which must be taken.
    pub(crate) fn put(&self, path: &str, body: &Value) {
        self.runtime.block_on(async {
            let body = JsonBody::new(body);
            let sent = self.inner.send(Method::Put, path, HeaderMap::new(), None::<&()>, Some(body), None);
            read(sent.await).await;
        });
    }

    pub(crate) fn count(&self, index: &str) -> u64 {
        let answer = self
            .runtime
            .block_on(async { read(self.inner.count(CountParts::Index(&[index])).send().await).await });
        answer["count"].as_u64().unwrap()
    }

    /// How many documents a query finds.
    pub(crate) fn found(&self, index: &str, query: &Value) -> u64 {
        let body = json!({"size": 0, "track_total_hits": true, "query": query});
        let answer = self.runtime.block_on(async {
            read(self.inner.search(SearchParts::Index(&[index])).body(body).send().await).await
        });
        answer["hits"]["total"]["value"].as_u64().unwrap()
    }

    /// All hits, page by page of a scroll.
    pub(crate) fn scrolled(&self, index: &str) -> Vec<Value> {
        self.runtime.block_on(async {
            let of = [index];
            let search = self.inner.search(SearchParts::Index(&of)).scroll("1m").size(PAGE);
            let mut page = read(search.send().await).await;
            let mut all = Vec::new();
            while take(&mut page, &mut all) > 0 {
                let body = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
                page = read(self.inner.scroll(ScrollParts::None).body(body).send().await).await;
            }
            all
        })
    }

    /// All hits, page by page of one point in time.
    pub(crate) fn at_one_time(&self, index: &str) -> Vec<Value> {
        self.runtime.block_on(async {
            let made = self.inner.create_pit(CreatePitParts::Index(&[index])).keep_alive("1m").send().await;
            let pit = read(made).await["pit_id"].clone();
            let (mut all, mut after) = (Vec::new(), Value::Null);
            loop {
                let mut body = json!({
                    "size": PAGE,
                    "pit": {"id": pit, "keep_alive": "1m"},
                    "sort": [{"_id": "asc"}],
                });
                if !after.is_null() {
                    body["search_after"] = after;
                }
                let mut page = read(self.inner.search(SearchParts::None).body(body).send().await).await;
                if take(&mut page, &mut all) == 0 {
                    return all;
                }
                after = all.last().unwrap()["sort"].clone();
            }
        })
    }
}

/// Moves a page's hits; how many there were.
fn take(page: &mut Value, all: &mut Vec<Value>) -> usize {
    let Value::Array(hits) = page["hits"]["hits"].take() else { panic!("no hits: {page}") };
    let count = hits.len();
    all.extend(hits);
    count
}

async fn read(answer: Result<Response, opensearch::Error>) -> Value {
    answer.unwrap().error_for_status_code().unwrap().json().await.unwrap()
}
