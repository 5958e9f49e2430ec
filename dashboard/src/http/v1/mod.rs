//! What a page shows, for a script: JSON under `/api/v1`, by the same functions and through the same guard as the pages.
//!
//! What each address takes and answers stands beside it, and all of it at `/api/v1/openapi.json` ([`openapi`]).

pub(super) mod alerts;
mod audit;
mod fields;
mod lines;
mod me;
pub(super) mod openapi;
mod patterns;
mod people;
pub(super) mod schema;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// Addresses for everybody who may look.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi::serve))
        .route("/api/v1/me", get(me::me))
        .route("/api/v1/fields", get(fields::list))
        .route("/api/v1/lines", get(lines::list))
        .route("/api/v1/patterns", get(patterns::list))
        .route("/api/v1/why", get(why::why))
}

/// Addresses about people, where there is a file of them.
pub(super) fn routes_of_people() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/people", get(people::list))
        .route("/api/v1/tokens", get(people::tokens))
        .route("/api/v1/audit", get(audit::list))
}
