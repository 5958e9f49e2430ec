//! `/api/v1/tail?q=…`: the lines that a search would find, as they pass the collector, as server-sent events.
//!
//! An event `line` is one; each second an event `second` says how many passed, matched and were shown.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::explore::Call;
use super::fail;
use super::v1::schema::{Asking, Missing, Refused};
use crate::access::Who;
use crate::app::App;
use crate::explore::holds::Judge;
use crate::explore::tail::{Tail, shown};
use crate::fields::Fields;
use crate::sight::Sight;
use crate::tap::TapStream;

/// A longer event is left out, bytes: what it would show is cut much shorter.
const LONGEST: usize = 4 * 1024 * 1024;

/// Who is logged in is asked again after so long: a session may have ended meanwhile, or limits changed. The browser comes back by itself.
const BELIEVED: Duration = Duration::from_secs(60);
/// So soon.
const BACK: Duration = Duration::from_millis(200);

/// A tail that somebody looks at.
struct Looking {
    from: TapStream,
    /// What has come of a line that is not whole yet.
    rest: Vec<u8>,
    /// Whether the rest of a line that is too long is still to come.
    skipping: bool,
    ready: std::collections::VecDeque<Event>,
    ended: bool,
    closing: watch::Receiver<bool>,
    /// When the one who looks must be asked for again who that is.
    until: Option<tokio::time::Instant>,
    tail: Tail,
    begun: Instant,
    dsl: Value,
    fields: Arc<Fields>,
    sight: Arc<Sight>,
    now: Timestamp,
}

/// The lines that a search would find, as they pass the collector: server-sent events `line`, `second`, `again` and `end`, for as long as
/// the client stays.
#[utoipa::path(get, path = "/api/v1/tail", tag = "lines", params(Asking),
    responses((status = 200, description = "Lines as they pass", body = String, content_type = "text/event-stream"), Missing, Refused))]
pub(super) async fn tail(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(tap) = app.config.tap.clone() else {
        let how =
            "this dashboard knows no collector: start it with --collector-data, the collector's data folder";
        return fail(StatusCode::NOT_FOUND, how.into());
    };
    if !who.sight.sees_all_lines(&app.config) {
        let why =
            "lines that pass are in no index yet, and so they cannot be held back as your limits want it";
        return fail(StatusCode::FORBIDDEN, why.into());
    }
    let (call, dsl) = match Call::searched_by_program(&app, &who, query.as_deref(), &headers).await {
        Ok(searched) => searched,
        Err(response) => return response,
    };
    let from = match tap.open().await {
        Ok(from) => from,
        Err(reason) => return told(&reason),
    };
    let looking = Looking {
        from,
        rest: Vec::new(),
        skipping: false,
        ready: std::collections::VecDeque::new(),
        ended: false,
        closing: app.closing.subscribe(),
        until: app.access.is_on().then(|| tokio::time::Instant::now() + BELIEVED),
        tail: Tail::new(0.0),
        begun: Instant::now(),
        dsl,
        fields: Arc::clone(&call.fields),
        sight: Arc::clone(&who.sight),
        now: (app.clock)(),
    };
    let events = Sse::new(stream::unfold(looking, next))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)));
    // A proxy that gathers would hold lines back.
    ([("x-accel-buffering", "no")], events).into_response()
}

/// A reason as an event: a page cannot read the body of an event stream that was refused.
fn told(reason: &str) -> Response {
    let event = Event::default().event("end").data(json!({"reason": reason}).to_string());
    Sse::new(stream::iter([Ok::<_, Infallible>(event)])).into_response()
}

async fn next(mut looking: Looking) -> Option<(Result<Event, Infallible>, Looking)> {
    loop {
        if let Some(event) = looking.ready.pop_front() {
            return Some((Ok(event), looking));
        }
        if looking.ended {
            return None;
        }
        let until = looking.until;
        let asked_again = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let come = tokio::select! {
            come = looking.from.next() => come,
            () = asked_again => {
                looking.ended = true;
                looking.ready.push_back(Event::default().event("again").retry(BACK).data("{}"));
                continue;
            }
            _ = looking.closing.wait_for(|closing| *closing) => return None,
        };
        match come {
            Some(Ok(bytes)) => looking.take(&bytes),
            Some(Err(_)) | None => {
                looking.ended = true;
                let end = json!({"reason": "the collector has ended the stream"});
                looking.ready.push_back(Event::default().event("end").data(end.to_string()));
            }
        }
    }
}

impl Looking {
    fn take(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let whole = pieces.peek().is_some();
            if self.rest.len() + piece.len() > LONGEST {
                self.skipping = true;
                self.rest.clear();
            }
            if !self.skipping {
                self.rest.extend_from_slice(piece);
            }
            if whole {
                let line = std::mem::take(&mut self.rest);
                if !std::mem::take(&mut self.skipping) {
                    self.line(&line);
                }
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Ok(mut told) = serde_json::from_slice::<Value>(line) else { return };
        if let Some(seen) = told.get("seen") {
            let second = self.tail.second(seen);
            self.ready.push_back(Event::default().event("second").data(second.to_string()));
            return;
        }
        let mut event = told["event"].take();
        let fields = &self.fields;
        let stored = |name: &str| fields.stored(name);
        let judge = Judge { stored: &stored, now: self.now };
        if judge.holds(&self.dsl, &event) && self.tail.take(self.begun.elapsed().as_secs_f64() * 1000.0) {
            if let Some(mask) = &self.sight.mask {
                mask.document(&mut event);
            }
            self.ready.push_back(Event::default().event("line").data(shown(&event).to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test(start_paused = true)]
    async fn who_is_logged_in_is_asked_for_again() {
        let config = Config::new("http://127.0.0.1:9200".parse().expect("a URL"));
        let (_closing, closing) = watch::channel(false);
        let begun = tokio::time::Instant::now();
        let looking = Looking {
            from: stream::pending().boxed(),
            rest: Vec::new(),
            skipping: false,
            ready: std::collections::VecDeque::new(),
            ended: false,
            closing,
            until: Some(begun + BELIEVED),
            tail: Tail::new(0.0),
            begun: Instant::now(),
            dsl: json!({"match_all": {}}),
            fields: Arc::default(),
            sight: Arc::new(Sight::everything(&config)),
            now: Timestamp::UNIX_EPOCH,
        };
        let (_, looking) = next(looking).await.expect("the browser is told to come back");
        assert_eq!(begun.elapsed(), BELIEVED);
        assert!(next(looking).await.is_none());
    }
}
