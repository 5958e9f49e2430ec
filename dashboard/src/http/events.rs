//! `POST /api/v1/events`: deploys and other things that happened, drawn as marks on every chart.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::fail;
use super::v1::schema::{Problem, Refused, Stored};
use crate::app::App;

/// What is posted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"title": "deploy 1.4.2", "time": "2026-11-23T10:00:00Z", "tags": ["deploy"]}))]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// What happened: `deploy 1.4.2`.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// When; now, where it is not said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// Words to find it by.
    #[serde(default)]
    #[schema(max_items = 20)]
    tags: Vec<String>,
}

/// Longer titles are no titles.
const LONGEST: usize = 200;

/// Stores an event: a deploy, or something else that happened. It is drawn as a mark on every chart.
#[utoipa::path(post, path = "/api/v1/events", tag = "boards", request_body = Event,
    responses((status = 201, description = "Stored", body = Stored), (status = 413, description = "More than 512 KiB"),
        (status = 415, description = "Not JSON", body = Problem), Refused))]
pub(super) async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    // A form on another site can post text, but no JSON without asking first; and browsers say where a request comes from.
    let of = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !of(header::CONTENT_TYPE.as_str()).starts_with("application/json") {
        return fail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send it with Content-Type: application/json".into(),
        );
    }
    if matches!(of("sec-fetch-site"), "cross-site" | "same-site") {
        return fail(StatusCode::FORBIDDEN, "a page of another site may not post events".into());
    }
    let event: Event = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            return fail(
                StatusCode::BAD_REQUEST,
                format!(
                    "{error}. Send {{\"title\": \"deploy 1.4.2\", \"time\": \"2026-11-23T10:00:00Z\", \"tags\": [\"deploy\"]}}; time and tags may be left out"
                ),
            );
        }
    };
    let title = event.title.trim();
    if title.is_empty() || title.chars().count() > LONGEST || event.tags.len() > 20 {
        return fail(
            StatusCode::BAD_REQUEST,
            format!("title has 1 to {LONGEST} characters, tags are at most 20"),
        );
    }
    let time = event.time.unwrap_or_else(|| (app.clock)());
    let document = json!({
        "@timestamp": time.to_string(),
        "title": title,
        "message": title,
        "tags": event.tags,
        "event": {"kind": "event", "dataset": "alces.events"},
    });
    match app.backend.store(&app.config.events, &document).await {
        Ok(id) => (StatusCode::CREATED, axum::Json(Stored { id, time: time.to_string() })).into_response(),
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
