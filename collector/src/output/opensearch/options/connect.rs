//! How the hosts are reached: TLS, logins, headers, paths, a proxy.

use std::{sync::Arc, time::Duration};

use alces_conf::{Options, Spanned, TypedValue};
use alces_filters::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use opensearch::http::headers::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::certificates::{self, Certificates};
use crate::renew::Renewed;

/// A bulk request that is not answered for this long is sent again. Long: a store that is busy with a merge is not dead, and
/// sending again makes it busier.
const TIMEOUT: Duration = Duration::from_secs(90);

/// How the hosts are reached.
#[derive(Clone)]
pub(crate) struct Connect {
    /// `http://` where hosts are written without it, or `https://`.
    pub(crate) scheme: &'static str,
    /// Made anew when the files change; none where there is nothing to say beyond `https://`.
    pub(crate) certificates: Option<Arc<Renewed<Certificates>>>,
    /// Whether the other side's certificate is looked at.
    pub(crate) verifies: bool,
    pub(crate) aws: Option<Aws>,
    /// The login among them.
    pub(crate) headers: HeaderMap,
    /// Before every path.
    pub(crate) path: Option<String>,
    pub(crate) bulk_path: String,
    /// Of every request, as it stands in an address.
    pub(crate) query: String,
    pub(crate) proxy: Option<Url>,
    pub(crate) timeout: Duration,
    pub(crate) gzip: Gzip,
    pub(crate) sniffing: Option<Sniffing>,
}

/// That the engine is asked for its nodes.
#[derive(Clone, Debug)]
pub(crate) struct Sniffing {
    pub(crate) path: String,
    pub(crate) delay: Duration,
}

/// Whether bodies are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gzip {
    No,
    /// At this level.
    Always(i32),
    /// At this level, to other machines.
    Away(i32),
}

/// Who signs requests to AWS.
#[derive(Clone)]
pub(crate) struct Aws {
    pub(crate) region: String,
    /// `es`, or `aoss` for OpenSearch Serverless.
    pub(crate) service: String,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) session: Option<String>,
}

impl Connect {
    pub(super) fn read(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let tls = certificates::read(context, options);
        let mut connect = Self {
            scheme: if tls.enabled { "https" } else { "http" },
            certificates: tls.certificates,
            verifies: tls.verifies,
            aws: None,
            headers: headers(options),
            path: None,
            bulk_path: "_bulk".to_owned(),
            query: parameters(options),
            proxy: options.text("proxy").and_then(|text| proxy(options, &text)),
            timeout: seconds(options, "timeout").unwrap_or(TIMEOUT),
            gzip: gzip(options),
            sniffing: sniffing(options),
        };
        options.differs(
            "timeout",
            "90 seconds where none is given: what is sent again to one that is busy makes it busier",
        );
        options.differs("proxy", "an address; the environment's proxies are not asked");
        connect.paths(options);
        connect.login(context, options);
        if tls.is_own && connect.aws.is_some() {
            options.error_here(
                "`aws_iam` is not there together with `ca_trusted_fingerprint` or one version of `ssl_supported_protocols`",
            );
        }
        connect
    }

    fn paths(&mut self, options: &mut Options<'_>) {
        let trimmed = |text: Spanned<String>| text.node.trim_matches('/').to_owned();
        self.path = options.text("path").map(trimmed).filter(|path| !path.is_empty());
        if let Some(path) = options.text("bulk_path") {
            // As written, from the root.
            self.bulk_path = format!("/{}", path.node.trim_start_matches('/'));
        }
        options.no_effect("healthcheck_path", "a host is healthy that answers to what it is sent");
    }

    fn login(&mut self, context: &Context<'_>, options: &mut Options<'_>) {
        let (user, password) = (options.text("user"), options.text("password"));
        let (key, cloud) = (options.text("api_key"), options.text("cloud_auth"));
        let typed = options.hash("auth_type");
        let given = [user.is_some(), key.is_some(), cloud.is_some(), typed.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            options.error_here(
                "`user`, `api_key`, `cloud_auth` and `auth_type` exclude each other: one login is enough",
            );
            return;
        }
        match (user, password) {
            (Some(user), Some(password)) => self.basic(&user.node, &password.node),
            (Some(one), None) | (None, Some(one)) => {
                options.error(&one.span, "`user` and `password` belong together");
            }
            (None, None) => {}
        }
        if let Some(key) = key {
            self.authorize(&format!("ApiKey {}", encoded_key(&key.node)));
        }
        if let Some(cloud) = cloud {
            match cloud.node.split_once(':') {
                Some((user, password)) => self.basic(user, password),
                None => options.error(&cloud.span, "`cloud_auth` is written `user:password`"),
            }
        }
        if let Some(typed) = typed {
            self.typed(context, options, &typed);
        }
    }

    /// `auth_type` of logstash-output-opensearch.
    fn typed(
        &mut self,
        context: &Context<'_>,
        options: &mut Options<'_>,
        typed: &[(Spanned<String>, Spanned<TypedValue>)],
    ) {
        let text = |name: &str| {
            typed.iter().find(|(key, _)| key.node == name).and_then(|(_, value)| match &value.node {
                TypedValue::Text(text) | TypedValue::Number(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            })
        };
        const KNOWN: [&str; 9] = [
            "type",
            "user",
            "password",
            "aws_access_key_id",
            "aws_secret_access_key",
            "session_token",
            "region",
            "service_name",
            "port",
        ];
        for (key, _) in typed {
            if !KNOWN.contains(&key.node.as_str()) {
                options.error(&key.span, format!("`auth_type` has no `{}`", key.node));
            }
        }
        match text("type").as_deref() {
            Some("basic") => match (text("user"), text("password")) {
                (Some(user), Some(password)) => self.basic(&user, &password),
                _ => options.error_here("`auth_type` of type `basic` wants `user` and `password`"),
            },
            Some("aws_iam") => {
                let of = |name: &str, variable: &str| text(name).or_else(|| (context.env)(variable));
                let id = of("aws_access_key_id", "AWS_ACCESS_KEY_ID");
                let secret = of("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY");
                let (Some(id), Some(secret)) = (id, secret) else {
                    options.error_here("`auth_type` of type `aws_iam` wants `aws_access_key_id` and `aws_secret_access_key`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment; roles of instances are not asked for");
                    return;
                };
                self.aws = Some(Aws {
                    region: of("region", "AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned()),
                    service: text("service_name").unwrap_or_else(|| "es".to_owned()),
                    id,
                    secret,
                    session: of("session_token", "AWS_SESSION_TOKEN"),
                });
            }
            _ => options.error_here("`auth_type` wants `type => \"basic\"` or `type => \"aws_iam\"`"),
        }
    }

    fn basic(&mut self, user: &str, password: &str) {
        self.authorize(&basic(user, password));
    }

    fn authorize(&mut self, value: &str) {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
    }
}

/// The value of `Authorization` for a user (RFC 7617).
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// `id:key`, or what Elasticsearch's API gives out as `encoded`.
fn encoded_key(key: &str) -> String {
    if key.contains(':') { BASE64_STANDARD.encode(key) } else { key.to_owned() }
}

/// Where a `cloud_id` says that the hosts are: `label:` and, in base64, the domain, the cluster's name in it, and Kibana's.
pub(super) fn cloud(id: &str) -> Option<String> {
    let encoded = id.rsplit_once(':').map_or(id, |(_, encoded)| encoded);
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let mut parts = text.split('$');
    let (domain, cluster) = (parts.next()?, parts.next()?);
    let (domain, port) = domain.rsplit_once(':').unwrap_or((domain, "443"));
    let (cluster, port) = cluster.rsplit_once(':').unwrap_or((cluster, port));
    (!domain.is_empty() && !cluster.is_empty()).then(|| format!("https://{cluster}.{domain}:{port}"))
}

fn headers(options: &mut Options<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in options.hash("custom_headers").unwrap_or_default() {
        let (TypedValue::Text(text) | TypedValue::Number(text)) = value.node else {
            options.error(&name.span, format!("`{}` is no header with a text", name.node));
            continue;
        };
        match (name.node.parse::<HeaderName>(), HeaderValue::from_str(&text)) {
            (Ok(header), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.insert(header, value);
            }
            _ => options.error(&name.span, format!("`{}` is no header with a text", name.node)),
        }
    }
    headers
}

/// What is encoded in a query: all that RFC 3986 does not call unreserved.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The query that `parameters` make. It is written as AWS writes it into what is signed: those who verify a signature do not agree on what
/// a form's `+` is.
fn parameters(options: &mut Options<'_>) -> String {
    let mut query = String::new();
    for (name, value) in options.hash("parameters").unwrap_or_default() {
        match value.node {
            TypedValue::Text(text) | TypedValue::Number(text) => {
                let encoded = |text: &str| utf8_percent_encode(text, &RESERVED).to_string();
                let and = if query.is_empty() { "" } else { "&" };
                query.push_str(&format!("{and}{}={}", encoded(&name.node), encoded(&text)));
            }
            _ => options.error(&name.span, format!("`{}` is no parameter with a text", name.node)),
        }
    }
    query
}

fn proxy(options: &mut Options<'_>, text: &Spanned<String>) -> Option<Url> {
    let url =
        Url::parse(&text.node).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        options.error(&text.span, "this is no address of a proxy: write `http://host:port`");
    }
    url
}

/// A number of seconds above 0.
fn seconds(options: &mut Options<'_>, name: &'static str) -> Option<Duration> {
    let given = options.number(name)?;
    let time = Duration::try_from_secs_f64(given.node).ok().filter(|time| !time.is_zero());
    if time.is_none() {
        options.error(&given.span, format!("`{name}` wants a number of seconds above 0"));
    }
    time
}

fn sniffing(options: &mut Options<'_>) -> Option<Sniffing> {
    let wanted = options.boolean("sniffing").unwrap_or(false);
    let delay = seconds(options, "sniffing_delay").unwrap_or(Duration::from_secs(5));
    options.differs("sniffing_delay", "asked before the next request then, and not while there is none");
    let path = options.text("sniffing_path").map(|path| format!("/{}", path.node.trim_start_matches('/')));
    wanted.then(|| Sniffing { path: path.unwrap_or_else(|| "_nodes/http".to_owned()), delay })
}

fn gzip(options: &mut Options<'_>) -> Gzip {
    options.differs("compression_level", "without it, what stays on this machine is not packed");
    let level = options.integer("compression_level", 0..=9).map(|level| level as i32);
    match (options.boolean("http_compression"), level) {
        (Some(false), _) | (_, Some(0)) => Gzip::No,
        (Some(true), level) => Gzip::Always(level.unwrap_or(1)),
        (None, Some(level)) => Gzip::Always(level),
        // As Logstash's `elasticsearch` does it, while its `opensearch` does not.
        (None, None) if options.plugin() == "elasticsearch" => Gzip::Away(1),
        (None, None) => Gzip::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_id_is_a_host() {
        let id = |text: &str| format!("label:{}", BASE64_STANDARD.encode(text));
        assert_eq!(
            cloud(&id("us-east-1.aws.found.io$abc$def")).as_deref(),
            Some("https://abc.us-east-1.aws.found.io:443")
        );
        assert_eq!(cloud(&id("host:9243$abc:9244$def")).as_deref(), Some("https://abc.host:9244"));
        assert_eq!(cloud("label:%%"), None);
    }

    #[test]
    fn an_api_key_is_taken_in_both_forms() {
        assert_eq!(encoded_key("id:key"), "aWQ6a2V5");
        assert_eq!(encoded_key("aWQ6a2V5"), "aWQ6a2V5");
    }
}
