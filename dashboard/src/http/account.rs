//! One's own password and tokens.

use std::sync::Arc;

use alces_people::{Act, Event, NewToken, PeopleError, Scope, Token, Wait};
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;

use super::guard::{redirect, unavailable};
use super::people::change;
use super::{asked, fail, framed};
use crate::access::{Way, Who};
use crate::app::App;
use crate::language::t;
use crate::page::account::{Shown, account};

const DAY: i64 = 86_400_000;
/// A token lives a year at most, days.
const LONGEST_TOKEN: i64 = 366;

/// The addresses.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/account", get(show))
        .route("/account/password", post(password))
        .route("/account/tokens", post(add_token))
        .route("/account/tokens/{id}/revoke", post(revoke))
}

/// Another password.
#[derive(Deserialize)]
struct Passwords {
    old: String,
    password: String,
    again: String,
}

/// A token that is wished for.
#[derive(Deserialize)]
struct Wished {
    name: String,
    scope: String,
    days: i64,
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
) -> Response {
    page(&app, &who, &headers, StatusCode::OK, Shown::Nothing).await
}

async fn page(
    app: &App,
    who: &Arc<Who>,
    headers: &HeaderMap,
    status: StatusCode,
    shown: Shown<'_>,
) -> Response {
    let Some(user) = who.user.clone() else { return StatusCode::NOT_FOUND.into_response() };
    let id = user.id;
    let tokens: Vec<Token> = match app.access.ask(move |people| people.tokens(Some(id))).await {
        Ok(tokens) => tokens,
        Err(error) => return unavailable(app, headers, "/account", &error),
    };
    let asked = asked(app, who, "/account", None, headers);
    framed(app, &asked, &t!("Account"), None, status, &account(&asked, &user, &tokens, &shown))
}

/// What went wrong, on the page where it was tried.
async fn sorry(app: &App, who: &Arc<Who>, headers: &HeaderMap, error: &PeopleError) -> Response {
    if error.is_storage() {
        return unavailable(app, headers, "/account", error);
    }
    page(app, who, headers, StatusCode::UNPROCESSABLE_ENTITY, Shown::Trouble(&error.to_string())).await
}

/// Whoever finds an open browser may not take the account over, so that the old password is asked for.
async fn password(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(form): Form<Passwords>,
) -> Response {
    let now = (app.clock)().as_millisecond();
    let Some(user) = who.user.clone() else { return StatusCode::NOT_FOUND.into_response() };
    if form.password != form.again {
        let trouble = Shown::Trouble("the two passwords differ");
        return page(&app, &who, &headers, StatusCode::UNPROCESSABLE_ENTITY, trouble).await;
    }
    if let Err(Wait(seconds)) = app.access.attempts.begin(&user.name, who.address, now) {
        let trouble = format!("too many failures: wait {seconds} s and try again");
        return page(&app, &who, &headers, StatusCode::TOO_MANY_REQUESTS, Shown::Trouble(&trouble)).await;
    }
    let changed = {
        let _place = app.access.hashing.acquire().await;
        let (user, address) = (user.clone(), who.address.to_string());
        app.access
            .ask(move |people| {
                let event = Event {
                    at: now,
                    who: &user.name,
                    act: Act::People,
                    address: &address,
                    what: "changed the own password",
                };
                if people.log_in(&user.name, &form.old)?.is_none() {
                    people.record(&Event {
                        act: Act::Failure,
                        what: "wrong password at its change",
                        ..event
                    })?;
                    return Ok(None);
                }
                people.set_password(user.id, &form.password, &event)?;
                // All sessions have ended, this one too; who changed it goes on with another.
                people
                    .open_session(user.id, &Event { act: Act::Login, what: "by another password", ..event })
                    .map(Some)
            })
            .await
    };
    match changed {
        Ok(Some(session)) => {
            app.access.attempts.succeeded(&user.name, who.address);
            let mut response = redirect("/account");
            if let Ok(cookie) = app.access.set_cookie(Some(session.text())).try_into() {
                response.headers_mut().append(axum::http::header::SET_COOKIE, cookie);
            }
            response
        }
        Ok(None) => {
            let trouble = Shown::Trouble("the old password is wrong");
            page(&app, &who, &headers, StatusCode::UNPROCESSABLE_ENTITY, trouble).await
        }
        Err(error) => sorry(&app, &who, &headers, &error).await,
    }
}

async fn add_token(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(form): Form<Wished>,
) -> Response {
    let Some(user) = who.user.as_ref().map(|user| user.id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A token makes no other: who stole one with an end would have one without.
    if who.way == Way::Token {
        return fail(
            StatusCode::FORBIDDEN,
            "tokens are made in the browser, or by `alces dashboard token`".into(),
        );
    }
    let scope: Scope = match form.scope.parse() {
        Ok(scope) => scope,
        Err(trouble) => {
            return page(&app, &who, &headers, StatusCode::UNPROCESSABLE_ENTITY, Shown::Trouble(&trouble))
                .await;
        }
    };
    let expires = (app.clock)().as_millisecond() + form.days.clamp(1, LONGEST_TOKEN) * DAY;
    let what = format!("made the token {:?} ({scope})", form.name);
    let made = change(&app, &who, what, move |people, by| {
        people.add_token(&NewToken { user, name: &form.name, scope, expires }, by)
    });
    match made.await {
        Ok(token) => page(&app, &who, &headers, StatusCode::OK, Shown::Token(token.text())).await,
        Err(error) => sorry(&app, &who, &headers, &error).await,
    }
}

async fn revoke(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Response {
    let Some(user) = who.user.as_ref().map(|user| user.id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let what = format!("revoked the token {id}");
    match change(&app, &who, what, move |people, by| people.revoke(id, Some(user), by)).await {
        Ok(()) => redirect("/account"),
        Err(error) => sorry(&app, &who, &headers, &error).await,
    }
}
