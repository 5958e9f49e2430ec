//! To the provider that lets people in, and back.
//!
//! Both addresses are asked with GET, as a browser comes from another site's page. What keeps strangers from logging somebody in as
//! themselves is the journey that the browser keeps: only where it began does it end.

use std::sync::Arc;

use alces_people::{Act, Event, Identity, PeopleError, User, Wait};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use super::guard::{bare_page, redirect, unavailable};
use super::login::{let_in, next_of, with_cookie};
use super::value;
use crate::access::{Way, Who};
use crate::app::App;
use crate::language::t;
use crate::oidc::{Back, CALLBACK, Came, Journey, Oidc, OidcError};
use crate::page::oidc as page;

/// The addresses.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/login/oidc", get(begin)).route(CALLBACK, get(back))
}

/// Why somebody whom the provider knows does not come in here.
enum Out {
    Provider(OidcError),
    /// The file's.
    People(PeopleError),
    /// Somebody else has the name.
    Taken(String),
    Disabled,
}

impl From<OidcError> for Out {
    fn from(error: OidcError) -> Self {
        Self::Provider(error)
    }
}

async fn begin(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let next = next_of(value(query.as_deref(), "next"));
    let Some(oidc) = &app.oidc else { return super::fail(StatusCode::NOT_FOUND, "no such page".into()) };
    if who.way != Way::Nobody {
        return redirect(&next);
    }
    let now = (app.clock)().as_millisecond();
    let begun = oidc.begin(&next, now).await;
    match begun.and_then(|(address, journey)| Ok((address, oidc.sealed(&journey)?, journey))) {
        Ok((address, sealed, journey)) => {
            let cookie = journey.cookie(&sealed, app.access.is_secure());
            with_cookie(redirect(address.as_str()), &cookie)
        }
        Err(error) => refused(&app, oidc, &headers, &next, &Out::Provider(error)),
    }
}

async fn back(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = &app.oidc else { return super::fail(StatusCode::NOT_FOUND, "no such page".into()) };
    let (now, secure) = ((app.clock)().as_millisecond(), app.access.is_secure());
    let of = |name: &str| value(query.as_deref(), name);
    let state = of("state").unwrap_or_default();
    // Each costs a question to the provider.
    if let Err(Wait(seconds)) = app.access.attempts.begin_from(who.address, now) {
        let trouble = format!("too many failed logins: wait {seconds} s and try again");
        let main = page::refused(oidc.name(), "/", &trouble, None);
        let mut response = bare_page(&app, &headers, StatusCode::TOO_MANY_REQUESTS, &t!("Log in"), &main);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    let journey = Journey::kept(&headers, &state, secure).and_then(|kept| oidc.resume(kept, &state, now));
    let next = journey.as_ref().map_or("/", |journey| journey.next.as_str());
    let came = async {
        let journey = journey.as_ref().ok_or(OidcError::State)?;
        let error = of("error").map(|error| match of("error_description") {
            Some(more) => format!("{error}, {more}"),
            None => error,
        });
        let back = Back { code: of("code"), issuer: of("iss"), error };
        let came = oidc.finish(journey, back, now).await;
        if let Err(OidcError::Role { subject }) = &came {
            shut_out(&app, &who, oidc, subject.clone(), now).await.map_err(Out::People)?;
        }
        known(&app, &who, came?, now).await
    };
    let response = match came.await {
        Ok(user) => {
            app.access.attempts.succeeded_from(who.address);
            let how = format!("by {}", oidc.name());
            let_in(&app, &who, &headers, (user.id, user.name), &how, next, now).await
        }
        Err(out) => {
            failed(&app, &who, oidc, &out, now).await;
            refused(&app, oidc, &headers, next, &out)
        }
    };
    with_cookie(response, &Journey::end_cookie(&state, secure))
}

/// The user here of whom the provider speaks.
async fn known(app: &App, who: &Who, came: Came, now: i64) -> Result<User, Out> {
    let (address, name) = (who.address.to_string(), came.name.clone());
    let found = app.access.ask(move |people| {
        let identity = Identity { issuer: &came.issuer, subject: &came.subject, name: &came.name };
        let event = Event { at: now, who: &came.name, act: Act::People, address: &address, what: "" };
        people.from_provider(&identity, came.grant, &event)
    });
    found.await.map_err(|error| match error {
        PeopleError::Taken => Out::Taken(name),
        PeopleError::NoUser => Out::Disabled,
        error => Out::People(error),
    })
}

/// Who gives no role any more leaves nothing open.
async fn shut_out(app: &App, who: &Who, oidc: &Oidc, subject: String, now: i64) -> Result<(), PeopleError> {
    let (issuer, address) = (oidc.issuer().to_owned(), who.address.to_string());
    let shut = app.access.ask(move |people| {
        let identity = Identity { issuer: &issuer, subject: &subject, name: "" };
        let what = "the provider gives no role any more: sessions and tokens ended";
        people.shut_out(&identity, &Event { at: now, who: "", act: Act::People, address: &address, what })
    });
    shut.await.map(drop)
}

/// Notes a failure. A provider that is away is no doing of who tried.
async fn failed(app: &App, who: &Who, oidc: &Oidc, out: &Out, now: i64) {
    let why = reason(out);
    tracing::warn!(reason = why, provider = oidc.name(), "a login by OpenID Connect");
    if matches!(out, Out::Provider(error) if error.is_outage()) {
        app.access.attempts.succeeded_from(who.address);
    }
    let (name, what, address) = (oidc.name().to_owned(), why, who.address.to_string());
    let written = app.access.ask(move |people| {
        let (who, what) = (format!("(by {name})"), what);
        people.record(&Event { at: now, who: &who, act: Act::Failure, address: &address, what: &what })
    });
    if let Err(error) = written.await {
        tracing::warn!(%error, "the audit log has a gap");
    }
}

fn reason(out: &Out) -> String {
    match out {
        Out::Provider(error) => error.to_string(),
        Out::People(error) => error.to_string(),
        Out::Taken(name) => format!(
            "there is another user here whose name is {name}, who was not let in by the provider: ask an administrator"
        ),
        Out::Disabled => "this user is disabled: ask an administrator".into(),
    }
}

fn refused(app: &App, oidc: &Oidc, headers: &HeaderMap, next: &str, out: &Out) -> Response {
    let status = match out {
        Out::People(error) => return unavailable(app, headers, CALLBACK, error),
        Out::Provider(error) if error.is_outage() => StatusCode::SERVICE_UNAVAILABLE,
        Out::Provider(OidcError::State | OidcError::Mixed) => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    };
    // A cookie of one name of this server does not come back to another.
    let home = matches!(out, Out::Provider(OidcError::State)).then(|| oidc.home().as_str());
    bare_page(app, headers, status, &t!("Log in"), &page::refused(oidc.name(), next, &reason(out), home))
}
