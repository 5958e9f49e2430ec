//! `elastic_bulk`: takes what is written to Elasticsearch with `_bulk`, so that Filebeat's elasticsearch output, Fluent Bit and Vector can
//! write through a pipeline. An input of ours.
//!
//! It has a name of its own, and is no option of `http`: what it answers, what a body is and which paths there are is Elasticsearch's
//! business, so that `codec`, `additional_codecs`, `response_code` and `response_headers` of `http` would all be without effect.
//!
//! A request is answered when its events are delivered. Where they are not it is answered 503 as a whole, and sent again as a whole.

mod actions;
mod places;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc};

use alces_conf::Options;
use alces_event::{Event, FieldRef, Timestamp, Value};
use alces_filters::Context;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytestring::ByteString;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Value as Json, json};
use tracing::debug;

use self::{
    actions::{Action, Operation, actions},
    places::{Place, error},
};
use super::{
    Bound, Decoration, Input, Intake, Site, field,
    http::{Answer, Gate, IDLE_SAYS, Refusal, blocking, deliver, serve},
    listen::{self, Door, Limits, accept},
    tls::Tls,
};
use crate::{CollectorError, Stats};

/// Elasticsearch's port.
const PORT: u16 = 9200;

/// What we say that we are, where no option says so.
const VERSION: &str = "8.19.0";

/// Clients of Elasticsearch talk to nothing else.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

/// A checked `elastic_bulk { … }`.
#[derive(Clone, Debug)]
pub(crate) struct ElasticBulkPlan {
    place: listen::Place,
    tls: Option<Tls>,
    limits: Limits,
    answering: Arc<Answering>,
}

/// What is made of requests.
#[derive(Debug)]
struct Answering {
    gate: Gate,
    version: String,
    decoration: Decoration,
    names: Names,
}

/// Where it stands what a sender wanted.
#[derive(Clone, Debug)]
struct Names {
    operation: FieldRef,
    index: FieldRef,
    id: FieldRef,
    pipeline: FieldRef,
    routing: FieldRef,
    /// What our output takes as the id of the document, unless it is told otherwise.
    own_id: FieldRef,
    host: FieldRef,
}

impl ElasticBulkPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        let tls = Tls::read_with_older_names(context, options);
        let place = listen::Place::read(options, Some(PORT));
        let limits = Limits::read(options);
        options.differs("idle_timeout", IDLE_SAYS);
        let mut gate = Gate::read(options, limits.idle);
        if let Some(key) = options.text("api_key") {
            if !key.node.contains(':') {
                options.error(&key.span, "`api_key` wants `ID:KEY`");
            }
            gate.auth.add("ApiKey", BASE64_STANDARD.encode(&key.node));
        }
        let version = options.text("elasticsearch_version").map_or(VERSION.to_owned(), |text| text.node);
        options.differs(
            "elasticsearch_version",
            "what it says that it is: Beats want one that is not older than they are",
        );
        let names = Names {
            operation: field("[@metadata][_bulk][op]"),
            index: field("[@metadata][_bulk][index]"),
            id: field("[@metadata][_bulk][id]"),
            pipeline: field("[@metadata][_bulk][pipeline]"),
            routing: field("[@metadata][_bulk][routing]"),
            own_id: FieldRef::metadata("_id"),
            host: field("[@metadata][_bulk][host]"),
        };
        Self { place, tls, limits, answering: Arc::new(Answering { gate, version, decoration, names }) }
    }
}

impl Input for ElasticBulkPlan {
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
            Ok(Bound::new(run).listening("elastic_bulk", address))
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
        let is_head = request.method() == Method::HEAD;
        let taken = self.take(request, sender, &intake).await;
        let mut answer = Answer::default();
        let (status, body) = taken.unwrap_or_else(|refusal| {
            let (status, text) = refusal.says();
            debug!(peer = %sender, %status, "a request is turned away: {text}");
            self.gate.explain(refusal, answer.headers_mut());
            (status, error(status, "alces_exception", text))
        });
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(PRODUCT.0, PRODUCT.1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !is_head {
            *answer.body_mut() = Full::from(body.to_string());
        }
        answer
    }

    async fn take(
        &self,
        request: Request<Incoming>,
        sender: SocketAddr,
        intake: &Intake,
    ) -> Result<(StatusCode, Json), Refusal> {
        let now = (intake.clock)();
        let (parts, body, _place) = self.gate.admit(request, intake).await?;
        let index = match Place::of(&parts.method, parts.uri.path(), &self.version) {
            Place::Bulk(index) => index,
            Place::Other(status, answer) => return Ok((status, answer)),
        };
        let found = match blocking(body.len(), move || actions(&body, index.as_deref())).await? {
            Ok(found) => found,
            Err(reason) => {
                intake.stats.protocol_errors.add(1);
                let status = StatusCode::BAD_REQUEST;
                return Ok((status, error(status, "illegal_argument_exception", &reason)));
            }
        };
        let items: Vec<Json> = found.iter().map(item).collect();
        let writes = |action: &Action| matches!(action.operation, Operation::Index | Operation::Create);
        let len = found.iter().filter(|action| writes(action)).count();
        let errors = len < found.len();
        let (names, decoration, stats) = (self.names.clone(), self.decoration.clone(), intake.stats.clone());
        let host = sender.ip().to_canonical().to_string();
        let events = found.into_iter().filter(move |action| writes(action)).map(move |action| {
            let mut event = event(&action, &names, now, &stats);
            event.set(&names.host, host.as_str());
            decoration.apply(&mut event);
            event
        });
        deliver(len, events, intake).await?;
        let took = (intake.clock)().duration_since(now).as_millis() as i64;
        Ok((StatusCode::OK, json!({"took": took, "errors": errors, "items": items})))
    }
}

/// For the fuzzer.
pub(super) fn fuzz(body: &[u8]) {
    let _ = actions(&bytes::Bytes::copy_from_slice(body), Some("index"));
}

/// The event of an action. What is no document is kept as text, so that a person can see what was sent.
fn event(action: &Action, names: &Names, now: Timestamp, stats: &Stats) -> Event {
    let mut event = match Event::from_json(&action.document, now) {
        Ok((event, replaced)) => {
            stats.replaced.add(u64::from(replaced));
            event
        }
        Err(error) => {
            stats.undecodable.add(1);
            debug!(%error, "a document is no JSON object");
            let text = String::from_utf8_lossy(&action.document).into_owned();
            let mut event = Event::from_line(ByteString::from(text), now);
            event.tag("_jsonparsefailure");
            event
        }
    };
    event.set(&names.operation, Value::from_static(action.operation.name()));
    event.set(&names.index, action.index.as_str());
    for (name, value) in
        [(&names.id, &action.id), (&names.pipeline, &action.pipeline), (&names.routing, &action.routing)]
    {
        if let Some(value) = value {
            event.set(name, value.as_str());
        }
    }
    if let Some(id) = &action.id {
        event.set(&names.own_id, id.as_str());
    }
    event
}

/// What is answered of an action, should its event be delivered. One without an id gets none: the output behind the pipeline makes it.
fn item(action: &Action) -> Json {
    let mut said = json!({"_index": action.index});
    if let Some(id) = &action.id {
        said["_id"] = json!(id);
    }
    let more = match action.operation {
        Operation::Index | Operation::Create => json!({
            "_version": 1,
            "result": "created",
            "_shards": {"total": 1, "successful": 1, "failed": 0},
            "_seq_no": 0,
            "_primary_term": 1,
            "status": StatusCode::CREATED.as_u16(),
        }),
        Operation::Update | Operation::Delete => json!({
            "status": StatusCode::BAD_REQUEST.as_u16(),
            "error": {
                "type": "illegal_argument_exception",
                "reason": "a pipeline takes new documents only: `index` and `create`",
            },
        }),
    };
    if let (Json::Object(said), Json::Object(more)) = (&mut said, more) {
        said.extend(more);
    }
    json!({action.operation.name(): said})
}
