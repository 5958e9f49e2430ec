//! What differs from before.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{Asking, Comparing, Refused, RefusedBehind};
use crate::access::Who;
use crate::app::App;
use crate::http::{asked, fail, why as page};
use crate::why::Difference;

/// What differs, the most surprising first.
#[derive(Serialize, ToSchema)]
pub(super) struct Differences {
    /// Lines of the search in this time, and in the time before.
    lines: u64,
    before: u64,
    differences: Vec<DifferenceOf>,
}

/// A value that is more frequent than it was. Shares are 0 to 1.
#[derive(Serialize, ToSchema)]
pub(super) struct DifferenceOf {
    /// The search word of its field, or `pattern`.
    #[schema(example = "version")]
    field: &'static str,
    #[schema(example = "2.4.0")]
    value: String,
    /// What finds its lines, beside the search itself.
    search: String,
    /// Lines with this value among those selected.
    count: u64,
    share: f64,
    /// Its share among the lines before that the same search finds.
    before: f64,
    /// Its share among all lines before.
    usual: f64,
    /// Bits of surprise.
    weight: f64,
}

/// What differs between the lines of a search and those before, ranked.
#[utoipa::path(get, path = "/api/v1/why", tag = "lines", params(Asking, Comparing),
    responses((status = 200, description = "Differences", body = Differences), Refused, RefusedBehind))]
pub(super) async fn why(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/why", query.as_deref(), &headers);
    let (wish, before) = match page::wanted(&app, &asked) {
        Ok(wanted) => wanted,
        Err(unclear) => return unclear.json(),
    };
    let differ = |d: Difference| DifferenceOf {
        field: d.field,
        value: d.value,
        search: d.search.to_string(),
        count: d.count,
        share: d.share,
        before: d.before,
        usual: d.usual,
        weight: d.weight,
    };
    match page::find(&app, &wish, before).await {
        Ok(Ok(found)) => Json(Differences {
            lines: found.lines.0,
            before: found.lines.1,
            differences: found.differences.into_iter().map(differ).collect(),
        })
        .into_response(),
        Ok(Err(reason)) => fail(StatusCode::BAD_GATEWAY, reason),
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
