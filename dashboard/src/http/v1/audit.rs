//! The audit log, for administrators.

use std::sync::Arc;

use alces_people::{Act, Entry, Wanted};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::schema::Refused;
use crate::app::App;
use crate::http::guard::unavailable;
use crate::http::{fail, value};
use crate::page::audit::stamp;

/// Entries of a page.
const PAGE: usize = 200;

/// Which entries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read of an address")]
pub(super) struct Which {
    /// Of this user.
    who: Option<String>,
    /// `login`, `failure`, `search` …
    act: Option<String>,
    /// Those before this id: `before` of the page before.
    before: Option<i64>,
}

/// The newest entries.
#[derive(Serialize, ToSchema)]
pub(super) struct Entries {
    /// At most 200.
    entries: Vec<EntryOf>,
    /// What to ask for older ones; nothing after the last.
    before: Option<i64>,
}

/// An entry.
#[derive(Serialize, ToSchema)]
pub(super) struct EntryOf {
    id: i64,
    #[schema(format = DateTime)]
    time: String,
    who: String,
    act: String,
    address: String,
    what: String,
}

/// The audit log, the newest entries first; for administrators. As files it is at `/people/audit.csv` and `.ndjson`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "people", params(Which), responses((status = 200, description = "Entries", body = Entries), Refused))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let of = |name: &str| value(query.as_deref(), name);
    let wrong = |error: String| fail(StatusCode::BAD_REQUEST, error);
    let act: Option<Act> = match of("act").map(|act| act.parse()).transpose() {
        Ok(act) => act,
        Err(_) => return wrong("act= is what an entry's act says: login, failure, search".into()),
    };
    let before = match of("before").map(|id| id.parse()).transpose() {
        Ok(before) => before,
        Err(_) => return wrong("before= is the id of an entry, a number".into()),
    };
    let wanted = Wanted { who: of("who"), act, before, most: PAGE };
    match app.access.ask(move |people| people.audit(&wanted)).await {
        Ok(entries) => {
            let before = entries.last().filter(|_| entries.len() == PAGE).map(|entry| entry.id);
            let entry = |e: Entry| EntryOf {
                id: e.id,
                time: stamp(e.at),
                who: e.who,
                act: e.act,
                address: e.address,
                what: e.what,
            };
            Json(Entries { entries: entries.into_iter().map(entry).collect(), before }).into_response()
        }
        Err(error) => unavailable(&app, &headers, "/api/v1/audit", &error),
    }
}
