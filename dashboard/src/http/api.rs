//! What the search box and programs ask of the explorer, as JSON.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;

use super::explore::{Call, ask, counted};
use super::v1::schema::{Asking, Completions, Missing, Refused, RefusedBehind};
use super::{Unclear, asked, fail, value};
use crate::access::Who;
use crate::app::App;
use crate::explore::complete::{self, Look};
use crate::explore::values::Values;
use crate::query;
use crate::range::Range;
use crate::view::answers;

/// `/api/v1/complete?q=…&at=…`: what could stand at the cursor. `at`, `from` and `to` count as JavaScript does, in units of UTF-16.
#[utoipa::path(get, path = "/api/v1/complete", tag = "lines",
    params(Asking, ("at" = Option<usize>, Query, description = "Where the cursor is; at the end, where it is left out", example = 3)),
    responses((status = 200, description = "What could stand there", body = Completions), Refused))]
pub(super) async fn complete(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "", query.as_deref(), &headers);
    // Blanks are part of a text that is being written.
    let pairs = || url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let text = pairs().find(|(n, _)| n == "q").map(|(_, v)| v.into_owned()).unwrap_or_default();
    if text.len() > query::TEXT {
        return fail(StatusCode::BAD_REQUEST, "a search is shorter".into());
    }
    let Ok(at) = value(query.as_deref(), "at").map_or(Ok(usize::MAX), |at| at.parse()) else {
        return fail(StatusCode::BAD_REQUEST, "at= is a number: where the cursor is".into());
    };
    let nothing = || Json(json!({"from": 0, "to": 0, "items": []})).into_response();
    let Some(place) = complete::place(&text, complete::byte(&text, at)) else { return nothing() };
    let range = match Range::parse(&asked.from, &asked.to, &asked.tz, (app.clock)()) {
        Ok(range) => range.rounded(),
        Err(error) => return Unclear::Range(error).json(),
    };
    let fields = match app.fields(&range, &who.sight).await {
        Ok((fields, _)) => fields,
        Err(error) => return fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let items = match &place.field {
        None => complete::names(&place.typed, &fields),
        Some(field) => {
            // They could be guessed letter by letter.
            if who.sight.refuses_field(field).is_some() {
                return nothing();
            }
            let (mut items, mut look) = (Vec::new(), Some(Look::FIRST));
            while let Some(this) = look {
                let looked = (this, (range.from, range.to));
                let Some(body) = complete::ask(field, &place.typed, looked, &fields) else {
                    return nothing();
                };
                let (found, lines) = match ask(&app, &who.sight, &fields, [body]).await {
                    Ok(answers) => match answers.into_iter().next() {
                        Some(Ok(answer)) => (complete::values(&place.typed, &answer), answers::hits(&answer)),
                        _ => (Vec::new(), 0),
                    },
                    Err(error) => return fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
                };
                complete::add(&mut items, found, this);
                look = this.next(items.len(), lines);
            }
            items
        }
    };
    let units = |byte| complete::units(&text, byte);
    Json(json!({"from": units(place.span.start), "to": units(place.span.end), "items": items}))
        .into_response()
}

/// `/api/v1/fields/{field}/values?q=…&from=…&to=…`: the most frequent values of a field among the lines of a search.
#[utoipa::path(get, path = "/api/v1/fields/{field}/values", tag = "lines",
    params(("field" = String, Path, description = "Its name, or a word of the search language", example = "status"), Asking),
    responses((status = 200, description = "Values", body = Values), Missing, Refused, RefusedBehind))]
pub(super) async fn values(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(field): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (call, dsl) = match Call::searched_by_program(&app, &who, query.as_deref(), &headers).await {
        Ok(searched) => searched,
        Err(response) => return response,
    };
    if let Some(reason) = call.wish.sight.refuses_field(&field) {
        return fail(StatusCode::FORBIDDEN, reason);
    }
    match counted(&app, &call, &dsl, &field).await {
        Ok(Some(Ok(values))) => Json(json!(values)).into_response(),
        Ok(Some(Err(reason))) => fail(StatusCode::BAD_GATEWAY, reason),
        Ok(None) => fail(StatusCode::NOT_FOUND, "this field is full text, or no line has it".into()),
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
