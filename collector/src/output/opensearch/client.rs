//! One host: what is asked of it, and how its answers are read.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor};
use opensearch::http::{
    Method,
    headers::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use tracing::warn;
use url::Url;

use super::{
    bulk::{Answer, ItemAnswer},
    options::{Certificates, Connect, Gzip, OpenSearchPlan, basic},
    wire::{Wire, url_text},
};
use crate::{CollectorError, renew::Follows};

/// A smaller body is not worth packing.
const SMALL: usize = 1 << 10;

pub(crate) struct Client {
    /// With its login, if it has one.
    host: Url,
    /// Without.
    root: Url,
    wire: Follows<Certificates, Arc<Wire>>,
    connect: Connect,
    /// The level that bodies are packed at.
    gzip: Option<i32>,
    /// That it takes no packed bodies has been seen.
    takes_plain_only: AtomicBool,
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
        let shown = host.origin().ascii_serialization();
        Self::build(host.clone(), &plan.connect).map_err(|reason| CollectorError::Output {
            output: plan.name.to_owned(),
            reason: format!("{shown}: {reason}"),
        })
    }

    fn build(host: Url, connect: &Connect) -> Result<Self, String> {
        let mut headers = connect.headers.clone();
        if !host.username().is_empty() && !headers.contains_key(AUTHORIZATION) {
            // As they are written, `%40` is an at sign.
            let login = basic(&url_text(host.username()), &url_text(host.password().unwrap_or_default()));
            let mut login = HeaderValue::from_str(&login).map_err(|e| e.to_string())?;
            login.set_sensitive(true);
            headers.insert(AUTHORIZATION, login);
        }
        let mut root = host.clone();
        let _ = root.set_username("");
        let _ = root.set_password(None);
        let gzip = match connect.gzip {
            Gzip::No => None,
            Gzip::Always(level) => Some(level),
            Gzip::Away(level) => {
                (!super::super::is_here(host.host_str().unwrap_or_default())).then_some(level)
            }
        };
        let make = {
            let (root, connect) = (root.clone(), connect.clone());
            move |certificates: Option<&Certificates>| {
                Wire::new(&root, &headers, &connect, certificates).map(Arc::new)
            }
        };
        let wire = Follows::new(connect.certificates.clone(), make)?;
        let takes_plain_only = AtomicBool::new(false);
        Ok(Self { host, root, wire, connect: connect.clone(), gzip, takes_plain_only })
    }

    /// Its address, with its login.
    pub(super) fn host(&self) -> &Url {
        &self.host
    }

    /// Its address without secrets.
    pub(super) fn shown(&self) -> String {
        self.host.origin().ascii_serialization()
    }

    pub(crate) async fn bulk(&self, request: Bytes) -> Result<Vec<ItemAnswer>, Failure> {
        let (status, body) = self.send_bulk(request).await.map_err(Failure::Away)?;
        match status {
            200 => serde_json::from_slice::<Answer>(&body)
                .map(Answer::items)
                .map_err(|e| Failure::Away(format!("its answer cannot be read: {e}"))),
            413 => Err(Failure::TooLarge),
            status => Err(Failure::Away(format!("status {status}: {}", excerpt(&body)))),
        }
    }

    /// Packed where that is wanted, until the host says that it does not take it.
    async fn send_bulk(&self, request: Bytes) -> Result<(u16, Bytes), String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        let path = &self.connect.bulk_path;
        let plain_only = self.takes_plain_only.load(Ordering::Relaxed);
        if let Some(level) = self.gzip.filter(|_| request.len() > SMALL && !plain_only) {
            let mut headers = headers.clone();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            match self.send(Method::Post, path, headers, Some(packed(&request, level))).await? {
                (415, _) => {
                    if !self.takes_plain_only.swap(true, Ordering::Relaxed) {
                        warn!(host = self.shown(), "it takes no packed bodies: they go out as they are");
                    }
                }
                answer => return Ok(answer),
            }
        }
        self.send(Method::Post, path, headers, Some(request)).await
    }

    /// What is at the path.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes, String> {
        match self.send(Method::Get, path, HeaderMap::new(), None).await? {
            (200, body) => Ok(body),
            (status, _) => Err(format!("status {status} for {path}")),
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
    pub(crate) async fn put(&self, path: &str, body: String) -> Result<Result<(), String>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self.send(Method::Put, path, headers, Some(Bytes::from(body))).await? {
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
        // One that begins at the root is not below the host's own.
        let whole = path.starts_with('/').then(|| self.root.join(path)).transpose();
        let whole = whole.map_err(|_| "its path makes no address".to_owned())?;
        let path = whole.as_ref().map_or(path, Url::as_str);
        self.wire.now().send(&self.connect, method, path, headers, body).await
    }
}

fn packed(body: &Bytes, level: i32) -> Bytes {
    thread_local! {
        static GZIP: RefCell<Option<(i32, Compressor)>> = const { RefCell::new(None) };
    }
    GZIP.with_borrow_mut(|known| {
        if known.as_ref().is_none_or(|(for_level, _)| *for_level != level) {
            *known = Some((level, Compressor::new(CompressionLvl::new(level).unwrap_or_default())));
        }
        let Some((_, compressor)) = known else { return body.clone() };
        let mut out = vec![0; compressor.gzip_compress_bound(body.len())];
        match compressor.gzip_compress(body, &mut out) {
            Ok(len) => {
                out.truncate(len);
                // It may wait for long.
                out.shrink_to_fit();
                Bytes::from(out)
            }
            Err(_) => unreachable!("there is room for the worst case"),
        }
    })
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_body_is_packed_and_an_address_is_read_as_it_is_meant() {
        let body = Bytes::from("line\n".repeat(1_000));
        for level in [1, 6, 9] {
            let packed = packed(&body, level);
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut text).unwrap();
            assert!(text == body && packed.len() < 200);
        }
        assert_eq!(url_text("a%40b+c%25"), "a@b+c%");
    }
}
