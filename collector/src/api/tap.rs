//! `/_tap/PIPELINE?filter=EXPR&rate=N`: events as they pass, one JSON object a line. `{"event": {…}}` is one; `{"seen": {…}}` tells
//! each second how many passed, matched and were shown.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Interval, interval};

use super::{World, not_found};
use crate::tap::{Open, condition};

/// Events a second, if nothing is said, and at most.
const RATE: (u32, u32) = (100, 10_000);

/// A condition is longer by mistake.
const LONGEST: usize = 8 << 10;

#[derive(Deserialize)]
pub(super) struct Wanted {
    filter: Option<String>,
    rate: Option<u32>,
}

pub(super) async fn tap(
    State(world): State<World>,
    Path(pipeline): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    if !world.access.as_ref().is_some_and(|access| access.allows(authorization)) {
        let message =
            "events are shown to those who may read the collector's data folder: `alces tap` does it";
        return refuse(StatusCode::UNAUTHORIZED, message);
    }
    let Some((_, stats)) = world.pipelines.one(&pipeline) else {
        return not_found("there is no such pipeline");
    };
    let condition = match wanted.filter.as_deref() {
        None => None,
        Some(text) if text.len() > LONGEST => {
            return refuse(StatusCode::BAD_REQUEST, "the filter is longer than 8 KiB");
        }
        Some(text) => match condition(text) {
            Ok(condition) => Some(condition),
            Err(errors) => {
                let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
                return refuse(StatusCode::BAD_REQUEST, &all.join("\n"));
            }
        },
    };
    let rate = wanted.rate.unwrap_or(RATE.0).clamp(1, RATE.1);
    let Some(open) = Open::new(&stats, condition, rate) else {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "four already look at this pipeline");
    };
    let body = Body::from_stream(stream::unfold((open, interval(Duration::from_secs(1))), next));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

async fn next(
    (mut open, mut second): (Open, Interval),
) -> Option<(Result<Bytes, Infallible>, (Open, Interval))> {
    let line = tokio::select! {
        event = open.next() => {
            let mut line = b"{\"event\":".to_vec();
            line.extend(event?);
            line.extend(b"}\n");
            line
        }
        _ = second.tick() => {
            let seen = open.seen();
            let seen = json!({"passed": seen.passed, "matched": seen.matched, "shown": seen.shown});
            format!("{}\n", json!({"seen": seen})).into_bytes()
        }
    };
    Some((Ok(line.into()), (open, second)))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    let body = json!({"status": status.as_u16(), "error": {"code": status.as_u16(), "message": message}});
    (status, Json(body)).into_response()
}
