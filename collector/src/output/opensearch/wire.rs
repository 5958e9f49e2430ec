//! What requests to one host go out through: the official client, or one of our own where that one cannot be told whom to trust.

use std::borrow::Cow;

use aws_credential_types::{Credentials as AwsCredentials, provider::SharedCredentialsProvider};
use aws_types::region::Region;
use bytes::Bytes;
use opensearch::{
    auth::{ClientCertificate, Credentials},
    cert::{Certificate, CertificateValidation},
    http::{
        Method,
        headers::{ACCEPT, HeaderMap, HeaderValue},
        transport::{SingleNodeConnectionPool, Transport, TransportBuilder},
    },
};
use url::Url;

use super::options::{Certificates, Connect};

/// What requests to one host go out through.
pub(super) enum Wire {
    /// The official client.
    Official(Box<Transport>),
    /// Ours: the official one knows neither fingerprints nor versions of TLS.
    Own { client: reqwest::Client, root: Url, headers: HeaderMap },
}

impl Wire {
    /// To a host, whose address has no login in it; the reason is without secrets.
    pub(super) fn new(
        root: &Url,
        headers: &HeaderMap,
        connect: &Connect,
        certificates: Option<&Certificates>,
    ) -> Result<Self, String> {
        if let Some(settings) = certificates.and_then(|certificates| certificates.settings.as_deref()) {
            let mut builder =
                reqwest::Client::builder().no_proxy().tls_backend_preconfigured(settings.clone());
            if let Some((proxy, user, password)) = connect.proxy.as_ref().map(proxy) {
                let proxy = reqwest::Proxy::all(proxy).map_err(|e| root_cause(&e.without_url()))?;
                builder = builder.proxy(match user {
                    Some(user) => proxy.basic_auth(&user, &password.unwrap_or_default()),
                    None => proxy,
                });
            }
            let client = builder.build().map_err(|e| root_cause(&e.without_url()))?;
            let mut headers = headers.clone();
            headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
            return Ok(Self::Own { client, root: root.clone(), headers });
        }
        let pool = SingleNodeConnectionPool::new(root.clone());
        let mut builder = TransportBuilder::new(pool).headers(headers.clone());
        builder = match connect.proxy.as_ref().map(proxy) {
            None => builder.disable_proxy(),
            Some((bare, user, password)) => builder.proxy(bare, user.as_deref(), password.as_deref()),
        };
        if !connect.verifies {
            builder = builder.cert_validation(CertificateValidation::None);
        } else if let Some(pem) = certificates.and_then(|certificates| certificates.authorities.as_ref()) {
            let authorities = Certificate::from_pem(pem).map_err(|e| e.to_string())?;
            builder = builder.cert_validation(CertificateValidation::Full(authorities));
        }
        if let Some(pem) = certificates.and_then(|certificates| certificates.identity.as_ref()) {
            builder = builder.auth(Credentials::Certificate(ClientCertificate::Pem(pem.clone())));
        } else if let Some(aws) = &connect.aws {
            let credentials = AwsCredentials::new(&aws.id, &aws.secret, aws.session.clone(), None, "alces");
            let credentials = SharedCredentialsProvider::new(credentials);
            builder = builder
                .auth(Credentials::AwsSigV4(credentials, Region::new(aws.region.clone())))
                .service_name(&aws.service);
        }
        Ok(Self::Official(Box::new(builder.build().map_err(|e| root_cause(&e))?)))
    }

    /// The status and the body of the answer to a request; the path is one below the host's own, or a whole address.
    pub(super) async fn send(
        &self,
        connect: &Connect,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<(u16, Bytes), String> {
        let path = &*with_query(path, &connect.query);
        match self {
            Self::Official(transport) => {
                let sent = transport.send(method, path, headers, None::<&()>, body, Some(connect.timeout));
                let response = sent.await.map_err(|e| root_cause(&e))?;
                let status = response.status_code().as_u16();
                Ok((status, response.bytes().await.map_err(|e| root_cause(&e))?))
            }
            Self::Own { client, root, headers: usual } => {
                let url = root.join(path).map_err(|_| "its path makes no address".to_owned())?;
                let method = match method {
                    Method::Get => reqwest::Method::GET,
                    Method::Put => reqwest::Method::PUT,
                    Method::Post => reqwest::Method::POST,
                    Method::Delete => reqwest::Method::DELETE,
                    Method::Head => reqwest::Method::HEAD,
                };
                let mut request = client
                    .request(method, url)
                    .headers(usual.clone())
                    .headers(headers)
                    .timeout(connect.timeout);
                if let Some(body) = body {
                    request = request.body(body);
                }
                let response = request.send().await.map_err(|e| root_cause(&e.without_url()))?;
                let status = response.status().as_u16();
                Ok((status, response.bytes().await.map_err(|e| root_cause(&e.without_url()))?))
            }
        }
    }
}

/// A path with more of a query behind its own.
fn with_query<'p>(path: &'p str, query: &str) -> Cow<'p, str> {
    match query {
        "" => Cow::Borrowed(path),
        query => Cow::Owned(format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })),
    }
}

/// A proxy without its login, and its login.
fn proxy(written: &Url) -> (Url, Option<String>, Option<String>) {
    let mut bare = written.clone();
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    let user = (!written.username().is_empty()).then(|| url_text(written.username()));
    (bare, user, written.password().map(url_text))
}

/// A part of an address as it is meant.
pub(super) fn url_text(part: &str) -> String {
    // A form's value, but that a plus sign is one.
    let form = format!("v={}", part.replace('+', "%2B"));
    let value = url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned());
    value.unwrap_or_else(|| part.to_owned())
}

/// The innermost reason ("Connection refused"), not four layers of "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
