//! In and out: the page with name and password, one-time links, and the end of a session.

use std::sync::Arc;

use alces_people::{Act, Event, Origin, PeopleError, Wait};
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::Markup;
use serde::Deserialize;

use super::guard::{bare_page, redirect, unavailable};
use super::{account, is_own, value};
use crate::access::{Way, Who};
use crate::app::App;
use crate::language::t;
use crate::page::{login as page, oidc};

/// The addresses.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/login", get(form).post(log_in))
        .route("/logout", post(log_out))
        .route("/invite/{link}", get(invitation).post(accept))
        .merge(account::routes())
}

/// What the form of the login sends.
#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// What the form behind a link sends.
#[derive(Deserialize)]
struct Accepted {
    #[serde(default)]
    name: String,
    password: String,
    again: String,
}

/// Why somebody is not let in; the same words whether or not there is such a user.
const WRONG: &str = "name or password is wrong";

/// An address of this server; the first page for any other.
pub(super) fn next_of(address: Option<String>) -> String {
    address.filter(|a| is_own(a) && !a.starts_with("/login")).unwrap_or_else(|| "/".into())
}

async fn form(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let next = next_of(value(query.as_deref(), "next"));
    if who.way != Way::Nobody {
        return redirect(&next);
    }
    let mut above = Markup::default();
    if let Some(provider) = app.oidc.as_ref().filter(|_| value(query.as_deref(), "left").is_some()) {
        let way_out = provider.way_out((app.clock)().as_millisecond()).await;
        above = oidc::left(provider.name(), way_out.as_ref().map(url::Url::as_str));
    }
    login_page(&app, &who, &headers, &next, StatusCode::OK, None, &above)
}

fn login_page(
    app: &App,
    who: &Who,
    headers: &HeaderMap,
    next: &str,
    status: StatusCode,
    trouble: Option<&str>,
    above: &Markup,
) -> Response {
    let beside = app.oidc.as_ref().map(|provider| oidc::way_in(provider.name(), next)).unwrap_or_default();
    with_form(app, who, headers, |token| {
        bare_page(app, headers, status, &t!("Log in"), &page::login(token, next, trouble, above, &beside))
    })
}

/// A page with a form, whose token is bound to a cookie where there is no session to bind it to.
fn with_form(app: &App, who: &Who, headers: &HeaderMap, page: impl FnOnce(&str) -> Response) -> Response {
    if !who.form.is_empty() {
        return page(&who.form);
    }
    match app.access.anonymous_form() {
        Ok((token, cookie)) => with_cookie(page(&token), &cookie),
        Err(error) => unavailable(app, headers, "", &error),
    }
}

pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn log_in(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(form): Form<Login>,
) -> Response {
    let now = (app.clock)().as_millisecond();
    let next = next_of(Some(form.next));
    let Login { name, password, .. } = form;
    if let Err(Wait(seconds)) = app.access.attempts.begin(&name, who.address, now) {
        failed(&app, &who, &name, "too many failures", now).await;
        let trouble = format!("too many failed logins: wait {seconds} s and try again");
        let mut response = login_page(
            &app,
            &who,
            &headers,
            &next,
            StatusCode::TOO_MANY_REQUESTS,
            Some(&trouble),
            &Markup::default(),
        );
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return response;
    }
    let found = {
        // Each costs memory and time of a processor.
        let _place = app.access.hashing.acquire().await;
        let name = name.clone();
        app.access.ask(move |people| people.log_in(&name, &password)).await
    };
    match found {
        Ok(Some(user)) => {
            app.access.attempts.succeeded(&name, who.address);
            let_in(&app, &who, &headers, (user.id, user.name), "by password", &next, now).await
        }
        Ok(None) => {
            failed(&app, &who, &name, WRONG, now).await;
            login_page(&app, &who, &headers, &next, StatusCode::UNAUTHORIZED, Some(WRONG), &Markup::default())
        }
        Err(error) => unavailable(&app, &headers, "/login", &error),
    }
}

/// Opens a session and goes on; `how` is for the audit log.
pub(super) async fn let_in(
    app: &App,
    who: &Who,
    headers: &HeaderMap,
    (user, name): (i64, String),
    how: &str,
    next: &str,
    now: i64,
) -> Response {
    let (address, how) = (who.address.to_string(), how.to_owned());
    let opened = app
        .access
        .ask(move |people| {
            let event = Event { at: now, who: &name, act: Act::Login, address: &address, what: &how };
            people.open_session(user, &event)
        })
        .await;
    match opened {
        Ok(session) => with_cookie(redirect(next), &app.access.set_cookie(Some(session.text()))),
        Err(error) => unavailable(app, headers, "/login", &error),
    }
}

/// Notes a failure. A name that nobody has is not written down: people type their password there.
async fn failed(app: &App, who: &Who, name: &str, why: &'static str, now: i64) {
    let (typed, address) = (name.to_owned(), who.address.to_string());
    let written = app.access.ask(move |people| {
        let known = people.user_named(&typed)?.map(|user| user.name);
        let who = known.as_deref().unwrap_or("(nobody of that name)");
        people.record(&Event { at: now, who, act: Act::Failure, address: &address, what: why })
    });
    if let Err(error) = written.await {
        tracing::warn!(%error, "the audit log has a gap");
    }
}

async fn log_out(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
) -> Response {
    let now = (app.clock)().as_millisecond();
    if let Some(session) = app.access.cookie(&headers) {
        let (session, name, address) = (session.to_owned(), who.name().to_owned(), who.address.to_string());
        let closed = app.access.ask(move |people| {
            people.close_session(
                &session,
                &Event { at: now, who: &name, act: Act::Logout, address: &address, what: "" },
            )
        });
        if let Err(error) = closed.await {
            return unavailable(&app, &headers, "/logout", &error);
        }
    }
    // The provider's own session goes on, which the next page says.
    let by_provider = who.user.as_ref().is_some_and(|user| user.origin == Origin::Oidc.word());
    let to = if by_provider { "/login?left=1" } else { "/login" };
    with_cookie(redirect(to), &app.access.set_cookie(None))
}

async fn invitation(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(link): Path<String>,
    headers: HeaderMap,
) -> Response {
    invitation_page(&app, &who, &headers, link, None).await
}

/// The form behind a link, which looking at does not use up: mail programs look at links.
async fn invitation_page(
    app: &App,
    who: &Who,
    headers: &HeaderMap,
    link: String,
    trouble: Option<String>,
) -> Response {
    let now = (app.clock)().as_millisecond();
    let found = app.access.ask(move |people| people.invitation(&link, now)).await;
    let mut response = match found {
        Ok(invitation) => with_form(app, who, headers, |token| {
            let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            bare_page(
                app,
                headers,
                status,
                &t!("Welcome"),
                &page::invitation(token, &invitation, trouble.as_deref()),
            )
        }),
        Err(error) if error.is_storage() => unavailable(app, headers, "/invite", &error),
        Err(error) => bare_page(
            app,
            headers,
            StatusCode::NOT_FOUND,
            &t!("No such link"),
            &page::no_link(&error.to_string()),
        ),
    };
    // The address is a secret.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn accept(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(link): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Accepted>,
) -> Response {
    let now = (app.clock)().as_millisecond();
    if form.password != form.again {
        return invitation_page(&app, &who, &headers, link, Some("the two passwords differ".into())).await;
    }
    let accepted = {
        let _place = app.access.hashing.acquire().await;
        let (link, address) = (link.clone(), who.address.to_string());
        app.access
            .ask(move |people| {
                let event = Event {
                    at: now,
                    who: "",
                    act: Act::People,
                    address: &address,
                    what: "used a one-time link",
                };
                people.accept(&link, form.name.trim(), &form.password, &event)
            })
            .await
    };
    match accepted {
        Ok(user) => let_in(&app, &who, &headers, (user.id, user.name), "by password", "/", now).await,
        Err(error) if error.is_storage() => unavailable(&app, &headers, "/invite", &error),
        Err(PeopleError::Link) => invitation_page(&app, &who, &headers, link, None).await,
        Err(error) => invitation_page(&app, &who, &headers, link, Some(error.to_string())).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_login_one_stays_here() {
        let to = |address: &str| next_of(Some(address.to_owned()));
        assert_eq!(to("/lines?q=status:5xx&from=now-1h"), "/lines?q=status:5xx&from=now-1h");
        for elsewhere in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:x",
            "",
            "/login?next=/",
        ] {
            assert_eq!(to(elsewhere), "/", "{elsewhere}");
        }
    }
}
