//! One request and what is made of its answer.

use std::{io::Write as _, time::Duration};

use alces_event::Timestamp;
use alces_tls::ClientConfig;
use reqwest::{
    Client, Method, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use url::Url;

use super::options::{HttpPlan, Network};
use crate::renew::Follows;

/// What the other side asks to wait is waited, but no longer than this.
const LONGEST_WISH: Duration = Duration::from_secs(600);
/// Of an answer no more is read; its connection is closed then.
const ANSWER_BYTES: usize = 64 << 10;

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    /// Nothing will change it.
    Refused {
        status: Option<u16>,
        reason: String,
    },
    /// Fewer events may pass.
    TooLarge {
        reason: String,
    },
    /// Another time: after `wish`, if the other side said so. No status where there was no answer.
    Later {
        status: Option<u16>,
        reason: String,
        wish: Option<Duration>,
    },
}

/// Where a request goes, with its headers.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Target {
    pub(crate) url: String,
    /// In the order of the plan's.
    pub(crate) headers: Vec<String>,
}

/// A client that is made anew when the certificates' files change: requests that are under way end as they began.
pub(crate) fn client(network: Network) -> Result<Follows<ClientConfig, Client>, String> {
    let certificates = network.tls.as_ref().map(|tls| tls.config.clone());
    Follows::new(certificates, move |tls| build(&network, tls))
}

/// A client of these settings; the reason is without secrets.
fn build(network: &Network, tls: Option<&ClientConfig>) -> Result<Client, String> {
    let follows = network.redirects;
    let redirects = Policy::custom(move |attempt| {
        // Headers may hold secrets of ours: they go to no other host.
        let same = attempt.previous().last().is_some_and(|before| before.origin() == attempt.url().origin());
        if follows && same && attempt.previous().len() < 10 { attempt.follow() } else { attempt.stop() }
    });
    let mut builder = Client::builder()
        .no_proxy()
        .http1_only()
        .redirect(redirects)
        .user_agent(concat!("alces/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(network.connect)
        .timeout(network.request)
        .read_timeout(network.silence)
        .pool_max_idle_per_host(network.idle);
    if let Some(proxy) = &network.proxy {
        builder = builder.proxy(proxy.clone());
    }
    if let Some(tls) = tls {
        builder = builder.tls_backend_preconfigured(tls.clone());
    }
    builder.build().map_err(|error| root_cause(&error.without_url()))
}

/// Sends once.
pub(crate) async fn attempt(
    client: &Client,
    plan: &HttpPlan,
    target: &Target,
    body: Vec<u8>,
    now: Timestamp,
) -> Answer {
    let refused = |reason: &str| Answer::Refused { status: None, reason: reason.to_owned() };
    let Ok(url) = Url::parse(&target.url) else { return refused("the event's `url` is no address") };
    if !matches!(url.scheme(), "http" | "https") {
        return refused("the event's `url` is no address of HTTP");
    }
    // Tokens stand in paths and queries, and logins before the host: none of them is shown.
    let place = url.origin().ascii_serialization();
    let is_plain = matches!(plan.method, Method::GET | Method::HEAD);
    let mut request = client.request(plan.method.clone(), url);
    if let Some((user, password)) = &plan.login {
        request = request.basic_auth(user, Some(password));
    }
    let mut headers = reqwest::header::HeaderMap::new();
    let Ok(kind) = HeaderValue::from_str(&plan.content_type) else {
        return refused("`content_type` is no header");
    };
    headers.insert(CONTENT_TYPE, kind);
    for ((name, _), value) in plan.headers.iter().zip(&target.headers) {
        let Ok(mut value) = HeaderValue::from_str(value) else {
            return refused(&format!("the header `{name}` cannot hold what the event has for it"));
        };
        value.set_sensitive(true);
        headers.insert(name.clone(), value);
    }
    let body = if plan.compress {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        match gzip(&body) {
            Ok(packed) => packed,
            Err(error) => return refused(&format!("the body cannot be packed: {error}")),
        }
    } else {
        body
    };
    match request.headers(headers).body(body).send().await {
        Ok(response) => judge(plan, &place, is_plain, response, now).await,
        Err(error) => {
            let reason = |error| format!("{place}: {}", root_cause(&error));
            if error.is_builder() {
                return Answer::Refused { status: None, reason: reason(error.without_url()) };
            }
            Answer::Later { status: None, reason: reason(error.without_url()), wish: None }
        }
    }
}

async fn judge(plan: &HttpPlan, place: &str, is_plain: bool, response: Response, now: Timestamp) -> Answer {
    let code = response.status().as_u16();
    let wish = response.headers().get(RETRY_AFTER).and_then(|value| wish(value.to_str().ok()?, now));
    // Read even where nobody wants to know it: then the connection can be used again.
    let said = excerpt(response).await;
    let status = Some(code);
    if (200..300).contains(&code) || plan.ignorable.contains(&code) {
        return Answer::Done;
    }
    let mut reason = format!("{place}: status {code}");
    if (300..400).contains(&code) && !is_plain {
        reason.push_str(" (only `get` and `head` follow others, on the same host)");
    }
    if !said.is_empty() {
        reason.push_str(": ");
        reason.push_str(&said);
    }
    match code {
        _ if plan.retryable.contains(&code) && plan.attempts.is_none() => {
            Answer::Later { status, reason, wish }
        }
        413 => Answer::TooLarge { reason },
        _ => Answer::Refused { status, reason },
    }
}

/// `Retry-After`: seconds, or a date.
fn wish(value: &str, now: Timestamp) -> Option<Duration> {
    let wish = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
            Duration::try_from(then.duration_since(now)).ok()?
        }
    };
    Some(wish.min(LONGEST_WISH))
}

/// How an answer begins.
async fn excerpt(mut response: Response) -> String {
    let (mut said, mut read) = (Vec::new(), 0);
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if said.len() < 2000 {
            said.extend_from_slice(&chunk);
        }
        if read > ANSWER_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&said).trim().chars().take(300).collect()
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(body)?;
    packer.finish()
}

/// The innermost reason ("Connection refused"), not four layers of "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_seconds_or_a_date_and_not_for_ever() {
        let now: Timestamp = "2015-10-21T07:27:30Z".parse().unwrap();
        for (value, expect) in [
            ("3", Some(3)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", None),
            ("99999999999", Some(600)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(wish(value, now), expect.map(Duration::from_secs), "{value}");
        }
    }
}
