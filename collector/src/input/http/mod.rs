//! `http`: the body of a request is events (logstash-input-http 4.1). A request is answered when its events are delivered, and not
//! before: who gets a 2xx need not keep them.

mod auth;
mod fields;
mod gate;
mod server;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc};

use alces_codec::{DecoderPlan, Framing};
use alces_conf::{Options, TypedValue};
use alces_event::Event;
use alces_filters::Context;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use tracing::debug;

use self::fields::Names;
pub(super) use self::{
    gate::{Gate, Refusal, blocking},
    server::{Answer, serve},
};
use super::{
    Bound, Decoration, Input, Intake, Site, codec_or,
    listen::{Door, Limits, Place, accept},
    tls::Tls,
};
use crate::{CollectorError, batch::Batch, describe::bare};

/// The port that Logstash takes.
const PORT: u16 = 8080;

/// What `idle_timeout` is where requests come in.
pub(super) const IDLE_SAYS: &str =
    "an option of ours: a connection on which no request begins for so many seconds is closed (default 60)";

/// Bodies of lines, each a document.
const LINES: &str = "application/x-ndjson";

/// A checked `http { … }`.
#[derive(Clone, Debug)]
pub(crate) struct HttpPlan {
    place: Place,
    tls: Option<Tls>,
    limits: Limits,
    answering: Arc<Answering>,
}

/// What is made of requests.
#[derive(Debug)]
struct Answering {
    gate: Gate,
    /// None where its options are wrong.
    codec: Option<DecoderPlan>,
    /// By the type of a body.
    codecs: Vec<(String, DecoderPlan)>,
    names: Names,
    decoration: Decoration,
    code: StatusCode,
    headers: HeaderMap,
}

impl HttpPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        let codec = codec_or(context, options, Framing::Messages, "plain", decoration.ecs());
        let codecs = codecs(context, options, &decoration);
        let tls = Tls::read_with_older_names(context, options);
        for name in [
            "keystore",
            "keystore_password",
            "ssl_keystore_path",
            "ssl_keystore_password",
            "ssl_keystore_type",
            "ssl_truststore_path",
            "ssl_truststore_password",
            "ssl_truststore_type",
        ] {
            options.unsupported(
                name,
                "give PEM files: `ssl_certificate`, `ssl_key`, `ssl_certificate_authorities`",
            );
        }
        for name in ["verify_mode", "cipher_suites", "tls_min_version", "tls_max_version"] {
            options.unsupported(name, "its name has `ssl_` before it now, in Logstash too");
        }
        options.no_effect("threads", "what it tunes is decided by the collector");
        let place = Place::read(options, Some(PORT));
        let limits = Limits::read(options);
        options.differs("idle_timeout", IDLE_SAYS);
        let codes = [
            ("200", StatusCode::OK),
            ("201", StatusCode::CREATED),
            ("202", StatusCode::ACCEPTED),
            ("204", StatusCode::NO_CONTENT),
        ];
        let answering = Answering {
            gate: Gate::read(options, limits.idle),
            codec,
            codecs,
            names: Names::read(options, decoration.ecs()),
            decoration,
            code: options.choice("response_code", &codes).unwrap_or(StatusCode::OK),
            headers: headers(options),
        };
        Self { place, tls, limits, answering: Arc::new(answering) }
    }
}

/// Reads `additional_codecs`.
fn codecs(
    context: &Context<'_>,
    options: &mut Options<'_>,
    decoration: &Decoration,
) -> Vec<(String, DecoderPlan)> {
    options.differs(
        "additional_codecs",
        "`application/x-ndjson` is read by `json_lines`, unless something else is said of it",
    );
    let given = options.hash("additional_codecs");
    let mut wanted = Vec::new();
    for (kind, codec) in given.unwrap_or_default() {
        match codec.node {
            TypedValue::Text(name) => wanted.push((kind.node.to_ascii_lowercase(), name, codec.span)),
            _ => options.error(&codec.span, "a codec's name is wanted here"),
        }
    }
    let here = options.plugin_span();
    if !options.is_given("additional_codecs") {
        wanted.push(("application/json".to_owned(), "json".to_owned(), here.clone()));
    }
    if !wanted.iter().any(|(kind, _, _)| kind == LINES) {
        wanted.push((LINES.to_owned(), "json_lines".to_owned(), here));
    }
    let context = Context { ecs: decoration.ecs(), ..context.clone() };
    let mut found = Vec::new();
    for (kind, name, span) in wanted {
        let mut plugin = bare(&name);
        plugin.name.span = span;
        let (plan, errors) = alces_codec::decoder(&context, &plugin, Framing::Messages);
        options.absorb(errors);
        found.extend(plan.map(|plan| (kind, plan)));
    }
    found
}

/// Reads `response_headers`.
fn headers(options: &mut Options<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    for (name, value) in options.hash("response_headers").unwrap_or_default() {
        let text = match value.node {
            TypedValue::Text(text) | TypedValue::Number(text) => text,
            _ => String::from('\n'),
        };
        match (HeaderName::try_from(name.node.as_str()), HeaderValue::try_from(text)) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            (Err(_), _) => options.error(&name.span, format!("`{}` is no name of a header", name.node)),
            (_, Err(_)) => options.error(&value.span, "this is no value of a header"),
        }
    }
    headers
}

impl Input for HttpPlan {
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        Box::pin(async move {
            let listener = self.place.tcp(self.tls.is_some(), site.allow_plaintext).await?;
            let (plan, address) = (self.clone(), listener.local_addr());
            let door = Door { listener, tls: plan.tls, keep_alive: true, limits: plan.limits };
            let run = move |intake: Intake| {
                accept(door, intake.clone(), move |taken| {
                    let (answering, intake, peer) = (plan.answering.clone(), intake.clone(), taken.peer);
                    serve(taken, plan.limits.idle, intake.clone(), move |request| {
                        answering.clone().answer(request, peer, intake.clone())
                    })
                })
            };
            Ok(Bound::new(run).listening("http", address))
        })
    }
}

impl Answering {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        sender: SocketAddr,
        intake: Intake,
    ) -> Answer {
        let mut answer = Answer::default();
        match self.take(request, sender, &intake).await {
            Ok(()) => {
                *answer.status_mut() = self.code;
                answer.headers_mut().clone_from(&self.headers);
                if self.code != StatusCode::NO_CONTENT {
                    *answer.body_mut() = Full::from("ok");
                }
            }
            Err(refusal) => {
                let (status, text) = refusal.says();
                debug!(peer = %sender, %status, "a request is turned away: {text}");
                *answer.status_mut() = status;
                *answer.body_mut() = Full::from(text);
                answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                self.gate.explain(refusal, answer.headers_mut());
            }
        }
        answer
    }

    /// Takes the events of a request, and waits until they are delivered.
    async fn take(
        &self,
        request: Request<Incoming>,
        sender: SocketAddr,
        intake: &Intake,
    ) -> Result<(), Refusal> {
        let (parts, body, _place) = self.gate.admit(request, intake).await?;
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let codec = self.codecs.iter().find(|(known, _)| *known == kind).map(|(_, codec)| codec);
        let Some(codec) = codec.or(self.codec.as_ref()) else { return Err(Refusal::Unavailable) };
        let (mut decoder, now, size) = (codec.stream(), (intake.clock)(), body.len());
        let decode = move || {
            let mut events = Vec::new();
            decoder.decode(body, now, &mut events);
            decoder.flush(now, &mut events);
            events
        };
        let events = blocking(size, decode).await?;
        let (peer, decoration) = (self.names.of(&parts, sender), self.decoration.clone());
        let events = events.into_iter().map(move |mut event: Event| {
            peer.apply(&mut event);
            decoration.apply(&mut event);
            event
        });
        deliver(events.len(), events, intake).await
    }
}

/// For the fuzzer: no more than so many bytes come out of packed ones.
pub(super) fn fuzz(body: &[u8]) {
    gate::fuzz(body);
}

/// Hands events on, and waits until they are delivered.
pub(super) async fn deliver(
    len: usize,
    events: impl Iterator<Item = Event> + Send + 'static,
    intake: &Intake,
) -> Result<(), Refusal> {
    if len == 0 {
        return Ok(());
    }
    let (batch, delivered) = Batch::new(len, events);
    intake.out.send(batch).await.map_err(|_| Refusal::Unavailable)?;
    delivered.await.map_err(|_| Refusal::Unavailable)
}
