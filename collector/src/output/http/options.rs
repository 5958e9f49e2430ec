//! The output's options, under Logstash's names.

use std::time::Duration;

use alces_conf::{Options, Spanned, TypedValue};
use alces_event::Template;
use alces_filters::Context;
use reqwest::{Method, Proxy, header::HeaderName};
use url::Url;

use super::body::{Format, Mapping};
use crate::output::tls::{self, Tls};

/// A checked `http { … }`.
#[derive(Clone)]
pub(crate) struct HttpPlan {
    pub(crate) url: Template,
    pub(crate) method: Method,
    pub(crate) format: Format,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) compress: bool,
    pub(crate) retryable: Vec<u16>,
    pub(crate) ignorable: Vec<u16>,
    /// Attempts where there is no answer; none for as many as it takes.
    pub(crate) attempts: Option<u64>,
    pub(crate) network: Network,
}

/// How it is connected.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) tls: Option<Tls>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connect: Duration,
    pub(crate) request: Duration,
    pub(crate) silence: Duration,
    /// Requests at once.
    pub(crate) most: usize,
    /// Connections that are kept open, to one host.
    pub(crate) idle: usize,
    pub(crate) redirects: bool,
}

impl std::fmt::Debug for HttpPlan {
    /// Without the address, the headers and the login: secrets may stand in all of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpPlan").field("method", &self.method).finish_non_exhaustive()
    }
}

const NAMES: tls::Names = tls::Names {
    authorities: &["ssl_certificate_authorities", "cacert"],
    chain: &["ssl_certificate", "client_cert"],
    key: &["ssl_key", "client_key"],
    verify: &[],
};

const METHODS: &[(&str, Kind)] = &[
    ("put", Kind::Put),
    ("post", Kind::Post),
    ("patch", Kind::Patch),
    ("delete", Kind::Delete),
    ("get", Kind::Get),
    ("head", Kind::Head),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Put,
    Post,
    Patch,
    Delete,
    Get,
    Head,
}

impl HttpPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        crate::output::common(options);
        options.no_effect("codec", "`format` says what is sent");
        let url = url(options);
        let kind = options.choice("http_method", METHODS);
        if kind.is_none() && !options.is_given("http_method") {
            options.error_here("http wants `http_method`: put, post, patch, delete, get or head");
        }
        let format = format(options);
        let content_type = options.text("content_type").map(|text| text.node);
        let headers = headers(options);
        let login = login(options);
        let compress = options.boolean("http_compression").unwrap_or(false);
        let retryable = codes(options, "retryable_codes").unwrap_or(vec![429, 500, 502, 503, 504]);
        let ignorable = codes(options, "ignorable_codes").unwrap_or_default();
        let attempts = attempts(options, kind);
        let network = network(context, options, url.as_ref(), kind);
        options.differs(
            "url",
            "what is refused for good, and what `retry_failed => false` gives up, goes to the dead-letter queue",
        );
        let (format, usual_type) = format?;
        Some(Self {
            url: url?.0,
            method: match kind? {
                Kind::Put => Method::PUT,
                Kind::Post => Method::POST,
                Kind::Patch => Method::PATCH,
                Kind::Delete => Method::DELETE,
                Kind::Get => Method::GET,
                Kind::Head => Method::HEAD,
            },
            format,
            content_type: content_type.unwrap_or(usual_type.to_owned()),
            headers,
            login: login.ok()?,
            compress,
            retryable,
            ignorable,
            attempts,
            network: network?,
        })
    }
}

/// The address, and whether it may be one with TLS.
fn url(options: &mut Options<'_>) -> Option<(Template, bool)> {
    let Some(text) = options.text("url") else {
        if !options.is_given("url") {
            options.error_here("http wants `url => \"…\"`");
        }
        return None;
    };
    let template = template(options, &text)?;
    // What is wrong is not repeated: a login may stand in it.
    let is_one = |url: &str| {
        Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    if template.as_literal().is_some_and(|url| !is_one(url)) {
        options.error(&text.span, "this is no address of HTTP: write `https://host/path`");
        return None;
    }
    let tls = !text.node.starts_with("http://");
    Some((template, tls))
}

fn template(options: &mut Options<'_>, text: &Spanned<String>) -> Option<Template> {
    Template::parse(&text.node).map_err(|error| options.error(&text.span, error.to_string())).ok()
}

/// What is sent, and the type that it usually has.
fn format(options: &mut Options<'_>) -> Option<(Format, &'static str)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Name {
        Json,
        Batch,
        Form,
        Message,
    }
    let names =
        [("json", Name::Json), ("json_batch", Name::Batch), ("form", Name::Form), ("message", Name::Message)];
    let name = options.choice("format", &names).unwrap_or(Name::Json);
    let message = options.text("message");
    let mapping = options.hash("mapping").map(|pairs| {
        let pairs =
            pairs.into_iter().map(|(key, value)| (key.node, mapping(options, &value.node, &value.span)));
        Mapping::Hash(pairs.collect())
    });
    if let Some(text) = message.as_ref().filter(|_| name != Name::Message) {
        options.error(&text.span, "`message` is for `format => message`");
    }
    Some(match name {
        Name::Json => (Format::Json(mapping), "application/json"),
        Name::Batch => (Format::Batch(mapping), "application/json"),
        Name::Form => (Format::Form(mapping), "application/x-www-form-urlencoded"),
        Name::Message => {
            let Some(text) = message else {
                options.error_here("`format => message` wants `message => \"…\"`");
                return None;
            };
            (Format::Message(template(options, &text)?), "text/plain")
        }
    })
}

fn mapping(options: &mut Options<'_>, value: &TypedValue, span: &alces_conf::Span) -> Mapping {
    match value {
        TypedValue::Text(text) | TypedValue::Number(text) => {
            let text = Spanned { node: text.clone(), span: span.clone() };
            // What is wrong is recorded, and nothing of it will run.
            template(options, &text).map_or(Mapping::List(Vec::new()), Mapping::Text)
        }
        TypedValue::List(items) => {
            Mapping::List(items.iter().map(|item| mapping(options, item, span)).collect())
        }
        TypedValue::Hash(pairs) => Mapping::Hash(
            pairs.iter().map(|(key, value)| (key.clone(), mapping(options, value, span))).collect(),
        ),
    }
}

fn headers(options: &mut Options<'_>) -> Vec<(HeaderName, Template)> {
    let mut headers = Vec::new();
    for (name, value) in options.hash("headers").unwrap_or_default() {
        let (Ok(header), TypedValue::Text(text) | TypedValue::Number(text)) =
            (name.node.parse::<HeaderName>(), value.node)
        else {
            options.error(&name.span, format!("`{}` is no header with a text", name.node));
            continue;
        };
        if let Some(text) = template(options, &Spanned { node: text, span: value.span }) {
            headers.push((header, text));
        }
    }
    headers
}

fn login(options: &mut Options<'_>) -> Result<Option<(String, String)>, ()> {
    match (options.text("user"), options.text("password")) {
        (Some(user), Some(password)) => Ok(Some((user.node, password.node))),
        (None, None) => Ok(None),
        (Some(one), None) | (None, Some(one)) => {
            options.error(&one.span, "`user` and `password` belong together");
            Err(())
        }
    }
}

fn codes(options: &mut Options<'_>, name: &'static str) -> Option<Vec<u16>> {
    let texts = options.texts(name)?;
    let mut codes = Vec::new();
    for text in texts {
        match text.node.parse().ok().filter(|code| (100..=599).contains(code)) {
            Some(code) => codes.push(code),
            None => options.error(&text.span, format!("`{name}` wants numbers from 100 to 599")),
        }
    }
    Some(codes)
}

/// How often what is not answered is sent.
fn attempts(options: &mut Options<'_>, kind: Option<Kind>) -> Option<u64> {
    let retry = options.boolean("retry_failed").unwrap_or(true);
    let retries = options.integer("automatic_retries", 0..=1000).unwrap_or(1);
    let any = options.boolean("retry_non_idempotent").unwrap_or(false);
    for name in ["automatic_retries", "retry_non_idempotent"] {
        options.differs(
            name,
            "for `retry_failed => false`: with `true` a request without an answer is sent until there is one",
        );
    }
    let once = !any && matches!(kind, Some(Kind::Post | Kind::Patch));
    (!retry).then(|| if once { 1 } else { 1 + retries.unsigned_abs() })
}

fn network(
    context: &Context<'_>,
    options: &mut Options<'_>,
    url: Option<&(Template, bool)>,
    kind: Option<Kind>,
) -> Option<Network> {
    let seconds = |options: &mut Options<'_>, name: &'static str, usual: u64| {
        let Some(given) = options.number(name) else { return Duration::from_secs(usual) };
        Duration::try_from_secs_f64(given.node).ok().filter(|time| !time.is_zero()).unwrap_or_else(|| {
            options.error(&given.span, format!("`{name}` wants a number of seconds above 0"));
            Duration::from_secs(usual)
        })
    };
    let (connect, request, silence) = (
        seconds(options, "connect_timeout", 10),
        seconds(options, "request_timeout", 60),
        seconds(options, "socket_timeout", 10),
    );
    let most = options.integer("pool_max", 1..=10_000).unwrap_or(50);
    let idle = options.integer("pool_max_per_route", 1..=10_000).unwrap_or(25);
    let keep = options.boolean("keepalive").unwrap_or(true);
    let redirects = options.boolean("follow_redirects").unwrap_or(true);
    options.differs(
        "follow_redirects",
        "of `get` and `head`, and to the same host; others are refused, as their body would be lost",
    );
    options.no_effect("cookies", "cookies are not kept");
    options.no_effect("validate_after_inactivity", "a connection that was closed is noticed");
    let proxy = options.text("proxy").and_then(|text| {
        let proxy = Proxy::all(&text.node);
        proxy
            .map_err(|_| options.error(&text.span, "this is no address of a proxy: write `http://host:port`"))
            .ok()
    });
    options.differs("proxy", "an address; the environment's proxies are not asked");
    let mut enabled = true;
    let tls = tls::read(context, options, &NAMES, |options| {
        // `https://` says it already.
        enabled = options.boolean("ssl_enabled").unwrap_or(true);
        enabled && url.is_some_and(|(_, tls)| *tls)
    });
    Some(Network {
        tls: tls.ok()?,
        proxy,
        connect,
        request,
        silence,
        most: usize::try_from(most).unwrap_or(50),
        idle: if keep { usize::try_from(idle).unwrap_or(25) } else { 0 },
        redirects: redirects && matches!(kind, Some(Kind::Get | Kind::Head)),
    })
}
