//! One host, through the official client.

use std::cell::RefCell;

use aws_credential_types::{Credentials as AwsCredentials, provider::SharedCredentialsProvider};
use aws_types::region::Region;
use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor};
use opensearch::{
    OpenSearch,
    auth::{ClientCertificate, Credentials},
    cert::{Certificate, CertificateValidation},
    http::{
        Method,
        headers::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
};
use url::Url;

use super::{
    bulk::{Answer, ItemAnswer},
    options::{Connect, Gzip, OpenSearchPlan, basic},
};
use crate::CollectorError;

/// A smaller body is not worth packing.
const SMALL: usize = 1 << 10;

pub(crate) struct Client {
    inner: OpenSearch,
    connect: Connect,
    /// The level that bodies are packed at.
    gzip: Option<i32>,
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

    fn build(mut url: Url, connect: &Connect) -> Result<Self, String> {
        let mut headers = connect.headers.clone();
        if !url.username().is_empty() && !headers.contains_key(AUTHORIZATION) {
            // As they are written, `%40` is an at sign.
            let text = |text: &str| url_text(text);
            let login = basic(&text(url.username()), &text(url.password().unwrap_or_default()));
            let mut login = HeaderValue::from_str(&login).map_err(|e| e.to_string())?;
            login.set_sensitive(true);
            headers.insert(AUTHORIZATION, login);
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let gzip = match connect.gzip {
            Gzip::No => None,
            Gzip::Always(level) => Some(level),
            Gzip::Away(level) => {
                (!super::super::is_here(url.host_str().unwrap_or_default())).then_some(level)
            }
        };
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url)).headers(headers);
        builder = match &connect.proxy {
            None => builder.disable_proxy(),
            Some(proxy) => {
                let mut bare = proxy.clone();
                let _ = bare.set_username("");
                let _ = bare.set_password(None);
                let user = (!proxy.username().is_empty()).then(|| url_text(proxy.username()));
                let password = proxy.password().map(url_text);
                builder.proxy(bare, user.as_deref(), password.as_deref())
            }
        };
        if !connect.verifies {
            builder = builder.cert_validation(CertificateValidation::None);
        } else if let Some(pem) = &connect.authorities {
            let authorities = Certificate::from_pem(pem).map_err(|e| e.to_string())?;
            builder = builder.cert_validation(CertificateValidation::Full(authorities));
        }
        if let Some(pem) = &connect.identity {
            builder = builder.auth(Credentials::Certificate(ClientCertificate::Pem(pem.clone())));
        } else if let Some(aws) = &connect.aws {
            let credentials = AwsCredentials::new(&aws.id, &aws.secret, aws.session.clone(), None, "alces");
            let credentials = SharedCredentialsProvider::new(credentials);
            builder = builder
                .auth(Credentials::AwsSigV4(credentials, Region::new(aws.region.clone())))
                .service_name(&aws.service);
        }
        let transport = builder.build().map_err(|e| root_cause(&e))?;
        Ok(Self { inner: OpenSearch::new(transport), connect: connect.clone(), gzip })
    }

    pub(crate) async fn bulk(&self, request: Bytes) -> Result<Vec<ItemAnswer>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        let request = match self.gzip.filter(|_| request.len() > SMALL) {
            Some(level) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                packed(&request, level)
            }
            None => request,
        };
        let sent = self.send(Method::Post, &self.connect.bulk_path, headers, Some(request));
        let (status, body) = sent.await.map_err(Failure::Away)?;
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
        let parameters = Some(&self.connect.parameters).filter(|parameters| !parameters.is_empty());
        let timeout = Some(self.connect.timeout);
        let sent = self.inner.transport().send(method, path, headers, parameters, body, timeout);
        let response = sent.await.map_err(|e| root_cause(&e))?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(|e| root_cause(&e))?;
        Ok((status, body))
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

/// A part of an address as it is meant.
fn url_text(part: &str) -> String {
    percent_decoded(part).unwrap_or_else(|| part.to_owned())
}

fn percent_decoded(part: &str) -> Option<String> {
    // A form's value, but that a plus sign is one.
    let form = format!("v={}", part.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned())
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
