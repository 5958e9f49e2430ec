//! Who asks.

use std::sync::Arc;

use alces_people::Right;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::Refused;
use crate::access::Who;

/// Who asks, and what that may do.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// Nothing, where there are no logins.
    name: Option<String>,
    /// The role of the user.
    role: Option<String>,
    /// The most that this request may do: `read`, `write` or `admin`.
    may: Option<&'static str>,
}

/// Who asks, and what that may do: a token may less than its user.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, description = "Who asks", body = Me), Refused))]
pub(super) async fn me(Extension(who): Extension<Arc<Who>>) -> Response {
    let may = who.right.map(|right| match right {
        Right::Read => "read",
        Right::Write => "write",
        Right::Admin => "admin",
    });
    let user = who.user.as_ref();
    Json(Me { name: user.map(|u| u.name.clone()), role: user.map(|u| u.role.to_string()), may })
        .into_response()
}
