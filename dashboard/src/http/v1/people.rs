//! Who may come in, for administrators; one's own tokens.

use std::sync::Arc;

use alces_people::{Limits, PeopleError, Subject, Token, User};
use axum::extract::State;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::Refused;
use crate::access::Who;
use crate::app::App;
use crate::http::guard::unavailable;
use crate::page::audit::stamp;

/// Everybody who has ever come in.
#[derive(Serialize, ToSchema)]
pub(super) struct People {
    people: Vec<Person>,
}

/// Somebody.
#[derive(Serialize, ToSchema)]
pub(super) struct Person {
    id: i64,
    name: String,
    /// `viewer`, `editor` or `admin`.
    role: String,
    /// `local`, or where the name comes from.
    origin: String,
    has_password: bool,
    #[schema(format = DateTime)]
    created: String,
    /// Since when they may not come in.
    #[schema(format = DateTime)]
    disabled: Option<String>,
    /// Their own limits, beside those of their role.
    limits: LimitsOf,
}

/// What somebody is limited to; empty where to nothing.
#[derive(Serialize, ToSchema)]
pub(super) struct LimitsOf {
    /// Index patterns.
    indices: Vec<String>,
    /// A search that all their lines are of.
    filter: String,
    /// Fields whose values they do not see.
    masked: Vec<String>,
}

/// Tokens, without their secrets: those are shown once, when they are made.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    tokens: Vec<TokenOf>,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenOf {
    id: i64,
    /// Whose it is.
    user: String,
    /// What it is for.
    name: String,
    /// `read`, `write` or `admin`.
    scope: String,
    #[schema(format = DateTime)]
    created: String,
    #[schema(format = DateTime)]
    expires: String,
    /// When it was last used.
    #[schema(format = DateTime)]
    used: Option<String>,
}

/// Who may come in, with their limits; for administrators.
#[utoipa::path(get, path = "/api/v1/people", tag = "people", responses((status = 200, description = "People", body = People), Refused))]
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let all = app.access.ask(|people| {
        let of = |user: User| Ok((people.limits(Subject::User(user.id))?, user));
        people.users()?.into_iter().map(of).collect::<Result<Vec<_>, PeopleError>>()
    });
    let person = |(limits, user): (Limits, User)| Person {
        id: user.id,
        name: user.name,
        role: user.role.to_string(),
        origin: user.origin,
        has_password: user.has_password,
        created: stamp(user.created),
        disabled: user.disabled.map(stamp),
        limits: LimitsOf { indices: limits.indices, filter: limits.filter, masked: limits.masked },
    };
    match all.await {
        Ok(all) => Json(People { people: all.into_iter().map(person).collect() }).into_response(),
        Err(error) => unavailable(&app, &headers, "/api/v1/people", &error),
    }
}

/// One's own tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "people", responses((status = 200, description = "Tokens", body = Tokens), Refused))]
pub(super) async fn tokens(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
) -> Response {
    let Some(user) = who.user.as_ref().map(|user| user.id) else {
        return Json(Tokens { tokens: Vec::new() }).into_response();
    };
    let token = |token: Token| TokenOf {
        id: token.id,
        user: token.user,
        name: token.name,
        scope: token.scope,
        created: stamp(token.created),
        expires: stamp(token.expires),
        used: token.used.map(stamp),
    };
    match app.access.ask(move |people| people.tokens(Some(user))).await {
        Ok(all) => Json(Tokens { tokens: all.into_iter().map(token).collect() }).into_response(),
        Err(error) => unavailable(&app, &headers, "/api/v1/tokens", &error),
    }
}
