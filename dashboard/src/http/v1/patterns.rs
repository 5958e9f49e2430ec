//! The lines of a search as patterns.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{Asking, Refused, RefusedBehind};
use crate::access::Who;
use crate::app::App;
use crate::http::explore::Call;
use crate::http::{fail, patterns};
use crate::page::patterns::Patterns;

/// Patterns, the most frequent first.
#[derive(Serialize, ToSchema)]
pub(super) struct PatternList {
    /// Lines that the search finds.
    lines: u64,
    /// How many of them were looked at: all of them where they carry their pattern.
    looked_at: u64,
    /// Whether counts are estimates.
    estimated: bool,
    patterns: Vec<PatternOf>,
    /// Rarer patterns that are not listed.
    more: usize,
}

/// A pattern.
#[derive(Serialize, ToSchema)]
pub(super) struct PatternOf {
    #[schema(example = "user <*> took <num> ms")]
    text: String,
    /// The values of `pattern_id` that its lines carry; none where they carry none.
    ids: Vec<String>,
    count: u64,
    /// Of all lines, 0 to 1.
    share: f64,
    /// Lines in each part of the time.
    trend: Vec<f64>,
    /// Its first line, epoch milliseconds: of all that is stored where lines carry patterns, else among those that were looked at.
    first: Option<i64>,
    /// Its last line in this time.
    last: Option<i64>,
    /// The search for its lines.
    search: Option<String>,
}

/// The lines of a search as patterns: what differs only in numbers, addresses and names is counted together.
#[utoipa::path(get, path = "/api/v1/patterns", tag = "lines", params(Asking),
    responses((status = 200, description = "Patterns", body = PatternList), Refused, RefusedBehind))]
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
    match patterns::find(&app, &call, &dsl).await {
        Ok(Ok(found)) => Json(listed(&call, found)).into_response(),
        Ok(Err(reason)) => fail(StatusCode::BAD_GATEWAY, reason),
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

fn listed(call: &Call, found: Patterns) -> PatternList {
    let search = &call.wish.search;
    let trend = |trend: Vec<Option<f64>>| trend.into_iter().map(Option::unwrap_or_default).collect();
    match found {
        Patterns::Carried(found) => PatternList {
            lines: found.lines,
            looked_at: found.with,
            estimated: false,
            more: found.more,
            patterns: found
                .patterns
                .into_iter()
                .map(|pattern| PatternOf {
                    search: pattern.narrowed(search).map(|[only, _]| only.to_string()),
                    share: pattern.count as f64 / found.lines.max(1) as f64,
                    text: pattern.text,
                    ids: pattern.ids,
                    count: pattern.count,
                    trend: trend(pattern.trend),
                    first: pattern.first,
                    last: pattern.last,
                })
                .collect(),
        },
        Patterns::Estimated(found) => PatternList {
            lines: found.lines,
            looked_at: found.looked_at,
            estimated: found.looked_at < found.lines,
            more: found.more,
            patterns: found
                .patterns
                .into_iter()
                .map(|pattern| PatternOf {
                    search: pattern.search.map(|phrase| search.clone().and(phrase).to_string()),
                    text: pattern.text,
                    ids: Vec::new(),
                    count: pattern.count,
                    share: pattern.share,
                    trend: trend(pattern.trend),
                    first: pattern.first,
                    last: None,
                })
                .collect(),
        },
    }
}
