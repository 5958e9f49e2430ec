//! The lines of a search.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::schema::{Asking, Refused, RefusedBehind};
use crate::access::Who;
use crate::app::App;
use crate::explore::hits::hits;
use crate::explore::{self, order};
use crate::http::explore::Call;
use crate::http::fail;
use crate::view::answers;

/// In which order, and from where on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the explorer's address says")]
pub(super) struct Order {
    /// The field that lines are sorted by, with `-` for the highest first; the newest first, where it is left out.
    #[param(example = "-@timestamp")]
    sort: Option<String>,
    /// What `after` of the page before says.
    after: Option<String>,
}

/// A page of lines.
#[derive(Serialize, ToSchema)]
pub(super) struct Page {
    /// Lines that the search finds.
    total: u64,
    /// At most 100 of them.
    lines: Vec<LineOf>,
    /// What to ask for the lines behind these; nothing after the last.
    after: Option<String>,
}

/// A line.
#[derive(Serialize, ToSchema)]
pub(super) struct LineOf {
    index: String,
    id: String,
    /// The document.
    #[schema(value_type = Object)]
    document: Value,
}

/// The lines of a search, a hundred at a time. All at once they are at `/explore/export.ndjson`.
#[utoipa::path(get, path = "/api/v1/lines", tag = "lines", params(Asking, Order),
    responses((status = 200, description = "Lines", body = Page), Refused, RefusedBehind))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (call, dsl) = match Call::searched_by_program(&app, &who, query.as_deref(), &headers).await {
        Ok(searched) => searched,
        Err(response) => return response,
    };
    let mut body = explore::lines(call.span(), &dsl, &call.words, &call.fields, app.config.timeout_seconds);
    // Whole documents, as in a file of lines.
    body.as_object_mut().map(|body| body.remove("_source"));
    match call.ask(&app, [body]).await.map(|answers| answers.into_iter().next()) {
        Ok(Some(Ok(answer))) => {
            let mut found = hits(&answer);
            let after = order::cut(&mut found, explore::PAGE);
            let lines =
                found.into_iter().map(|hit| LineOf { index: hit.index, id: hit.id, document: hit.source });
            let page = Page {
                total: answers::hits(&answer),
                lines: lines.collect(),
                after: after.and_then(|after| serde_json::to_string(&after).ok()),
            };
            Json(page).into_response()
        }
        Ok(Some(Err(reason))) => fail(StatusCode::BAD_GATEWAY, reason),
        Ok(None) => fail(StatusCode::BAD_GATEWAY, "no answer".into()),
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
