//! Who may come in, for administrators.

use std::sync::Arc;

use alces_people::{Act, Event, Limits, People, PeopleError, Role, Subject};
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;

use super::guard::{redirect, unavailable};
use super::{asked, audit, framed};
use crate::access::Who;
use crate::app::App;
use crate::language::t;
use crate::page::account::Shown;
use crate::page::people as page;
use crate::sight::check_filter;

/// The addresses.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/people", get(show))
        .route("/people/invite", post(invite))
        .route("/people/limits", post(limit))
        .route("/people/{id}/role", post(role))
        .route("/people/{id}/disable", post(disable))
        .route("/people/{id}/enable", post(enable))
        .route("/people/{id}/reset", post(reset))
        .route("/people/tokens/{id}/revoke", post(revoke))
        .merge(audit::routes())
}

/// A role that was chosen.
#[derive(Deserialize)]
struct Chosen {
    role: String,
}

/// Limits that were written.
#[derive(Deserialize)]
struct Written {
    subject: String,
    #[serde(default)]
    indices: String,
    #[serde(default)]
    filter: String,
    #[serde(default)]
    masked: String,
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
) -> Response {
    list(&app, &who, &headers, StatusCode::OK, Shown::Nothing).await
}

/// The page, with what came of what was tried.
async fn list(
    app: &App,
    who: &Arc<Who>,
    headers: &HeaderMap,
    status: StatusCode,
    shown: Shown<'_>,
) -> Response {
    let all = app.access.ask(|people| {
        let users = people.users()?;
        let subjects = [Role::Viewer, Role::Editor].map(Subject::Role);
        let subjects = subjects.into_iter().chain(users.iter().map(|user| Subject::User(user.id)));
        let limits = subjects.map(|s| Ok((s, people.limits(s)?))).collect::<Result<_, PeopleError>>()?;
        Ok(page::All { users, limits, tokens: people.tokens(None)? })
    });
    let all = match all.await {
        Ok(all) => all,
        Err(error) => return unavailable(app, headers, "/people", &error),
    };
    let asked = asked(app, who, "/people", None, headers);
    framed(app, &asked, &t!("People"), None, status, &page::people(&asked, &all, &shown))
}

/// Changes something, in the name of who asks, and says what came of it.
pub(super) async fn change<T: Send + 'static>(
    app: &App,
    who: &Who,
    what: String,
    change: impl FnOnce(&People, &Event<'_>) -> Result<T, PeopleError> + Send + 'static,
) -> Result<T, PeopleError> {
    let now = (app.clock)().as_millisecond();
    let (name, address) = (who.name().to_owned(), who.address.to_string());
    app.access
        .ask(move |people| {
            change(people, &Event { at: now, who: &name, act: Act::People, address: &address, what: &what })
        })
        .await
}

async fn outcome(app: &App, who: &Arc<Who>, headers: &HeaderMap, done: Result<(), PeopleError>) -> Response {
    match done {
        Ok(()) => redirect("/people"),
        Err(error) if error.is_storage() => unavailable(app, headers, "/people", &error),
        Err(error) => {
            list(app, who, headers, StatusCode::UNPROCESSABLE_ENTITY, Shown::Trouble(&error.to_string()))
                .await
        }
    }
}

/// The whole address of a one-time link.
fn address_of(app: &App, headers: &HeaderMap, link: &str) -> String {
    let base = match &app.config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => {
            let scheme = if app.config.tls.is_some() { "https" } else { "http" };
            let host = headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or("localhost");
            format!("{scheme}://{host}")
        }
    };
    format!("{base}/invite/{link}")
}

async fn invite(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(form): Form<Chosen>,
) -> Response {
    let role: Role = match form.role.parse() {
        Ok(role) => role,
        Err(trouble) => return outcome(&app, &who, &headers, Err(PeopleError::Limits(trouble))).await,
    };
    let made =
        change(&app, &who, format!("invited a {role}"), move |people, by| people.invite(role, by)).await;
    link(&app, &who, &headers, made).await
}

async fn reset(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Response {
    let made = change(&app, &who, format!("made a link for the password of user {id}"), move |people, by| {
        people.reset(id, by)
    });
    let made = made.await;
    link(&app, &who, &headers, made).await
}

async fn link(
    app: &App,
    who: &Arc<Who>,
    headers: &HeaderMap,
    made: Result<alces_people::Secret, PeopleError>,
) -> Response {
    match made {
        Ok(secret) => {
            let address = address_of(app, headers, secret.text());
            list(app, who, headers, StatusCode::OK, Shown::Link(&address)).await
        }
        Err(error) => outcome(app, who, headers, Err(error)).await,
    }
}

async fn role(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Form(form): Form<Chosen>,
) -> Response {
    let done = match form.role.parse::<Role>() {
        Ok(role) => {
            change(&app, &who, format!("made user {id} a {role}"), move |people, by| {
                people.set_role(id, role, by)
            })
            .await
        }
        Err(trouble) => Err(PeopleError::Limits(trouble)),
    };
    outcome(&app, &who, &headers, done).await
}

async fn disable(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Response {
    let what = format!("disabled user {id}");
    let done = change(&app, &who, what, move |people, by| people.set_disabled(id, true, by)).await;
    outcome(&app, &who, &headers, done).await
}

async fn enable(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Response {
    let what = format!("enabled user {id}");
    let done = change(&app, &who, what, move |people, by| people.set_disabled(id, false, by)).await;
    outcome(&app, &who, &headers, done).await
}

async fn limit(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(form): Form<Written>,
) -> Response {
    let read = || {
        let subject: Subject = form.subject.parse()?;
        let limits = Limits::parse(&form.indices, &form.filter, &form.masked)?;
        check_filter(&limits.filter).map_err(PeopleError::Limits)?;
        Ok((subject, limits))
    };
    let done = match read() {
        Ok((subject, limits)) => {
            let what = format!(
                "limited {subject} to indices {:?}, search {:?}, masked {:?}",
                limits.indices, limits.filter, limits.masked
            );
            change(&app, &who, what, move |people, by| people.set_limits(subject, &limits, by)).await
        }
        Err(error) => Err(error),
    };
    outcome(&app, &who, &headers, done).await
}

async fn revoke(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Response {
    let done =
        change(&app, &who, format!("revoked the token {id}"), move |people, by| people.revoke(id, None, by))
            .await;
    outcome(&app, &who, &headers, done).await
}
