//! The fields that lines have.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{Asking, Refused};
use crate::access::Who;
use crate::app::App;
use crate::http::explore::Call;
use crate::query::Stored;

/// Fields, in the order of their names.
#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    fields: Vec<FieldOf>,
}

/// A field.
#[derive(Serialize, ToSchema)]
pub(super) struct FieldOf {
    #[schema(example = "http.response.status_code")]
    name: String,
    /// `number`, `keyword`, `text`, `date`, `ip` or `boolean`.
    #[schema(example = "number")]
    kind: &'static str,
    /// Whether its values can be counted and sorted by.
    countable: bool,
}

/// The fields that lines of this time have.
#[utoipa::path(get, path = "/api/v1/fields", tag = "lines", params(Asking), responses((status = 200, description = "Fields", body = Listed), Refused))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let call = match Call::of_program(&app, &who, query.as_deref(), &headers).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let kind = |stored| match stored {
        Stored::Number => "number",
        Stored::Keyword => "keyword",
        Stored::Text => "text",
        Stored::Date => "date",
        Stored::Ip => "ip",
        Stored::Boolean => "boolean",
    };
    let mut fields: Vec<FieldOf> = call
        .fields
        .listed()
        .map(|(name, stored, _)| FieldOf {
            name: name.to_owned(),
            kind: kind(stored),
            // Of what is masked no value is told.
            countable: call.fields.exact(name).is_some(),
        })
        .collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    Json(Listed { fields }).into_response()
}
