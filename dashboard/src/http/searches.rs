//! Searches that are kept under a name: the explorer's page of them, and the same for programs.
//!
//! What is kept is the query of an address as the explorer itself writes it, and nothing that it would not understand. A search that others share
//! is shown to who may search for it: the words of one that is about a masked field would tell its values.

use std::sync::Arc;

use alces_people::{Act, Event, NewSearch, People, PeopleError, Right, Search};
use axum::body::Bytes;
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::{redirect, unavailable};
use super::{Unclear, asked, fail, framed, value, wish};
use crate::access::{Way, Who, ask_of};
use crate::app::App;
use crate::board::Board;
use crate::explore::state::State as Words;
use crate::language::t;
use crate::page::layout::Asked;
use crate::page::searches as page;
use crate::query;

/// The addresses.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/explore/searches", get(show).post(save))
        .route("/explore/searches/{id}/delete", post(remove))
        .route("/explore/searches/{id}/share", post(share))
        .route("/explore/searches/{id}/keep", post(keep))
        .route("/api/v1/searches", get(list).post(add))
        .route("/api/v1/searches/{id}", delete(take))
}

/// A search that is to be kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wished {
    name: String,
    /// The query of an address, or the address.
    query: String,
    #[serde(default)]
    shared: bool,
}

/// The same, of a form.
#[derive(Debug, Deserialize)]
struct Sent {
    name: String,
    query: String,
    #[serde(default)]
    shared: String,
}

/// What the lists of a form send along: where to go on.
#[derive(Debug, Deserialize)]
struct Back {
    #[serde(default)]
    back: String,
}

/// Why nothing was done.
enum Refusal {
    /// No file was named to keep searches in.
    Nowhere,
    People(PeopleError),
    /// With a status and words.
    Wrong(StatusCode, String),
}

impl From<PeopleError> for Refusal {
    fn from(error: PeopleError) -> Self {
        Self::People(error)
    }
}

impl Refusal {
    fn words(&self) -> (StatusCode, String) {
        match self {
            Self::Nowhere => (StatusCode::NOT_FOUND, page::NOWHERE.to_owned()),
            Self::People(PeopleError::NoSearch) => (StatusCode::NOT_FOUND, PeopleError::NoSearch.to_string()),
            Self::People(error) if error.is_storage() => {
                tracing::warn!(%error, "the file of searches");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the file of searches cannot be used: the dashboard's log says why".into(),
                )
            }
            Self::People(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            Self::Wrong(status, words) => (*status, words.clone()),
        }
    }

    fn json(&self) -> Response {
        let (status, words) = self.words();
        fail(status, words)
    }
}

/// Whose searches are the visitor's own.
fn own(who: &Who) -> Option<i64> {
    who.user.as_ref().map(|user| user.id)
}

/// What may be done with a search besides looking.
fn may_change(who: &Who, search: &Search) -> bool {
    search.is_of(own(who)) || who.may(Right::Admin)
}

/// Whether a search tells the visitor nothing that is masked.
fn is_open(who: &Who, search: &Search) -> bool {
    let of = |name: &str| value(Some(&search.query), name);
    let sorted = of("sort").and_then(|sort| who.sight.refuses_field(sort.trim_start_matches('-')));
    let asked = query::parse(&of("q").unwrap_or_default()).map(|query| who.sight.refuses(&query));
    search.is_of(own(who)) || (sorted.is_none() && matches!(asked, Ok(None)))
}

/// Asks the file, with the entry of what is done.
async fn change<T: Send + 'static>(
    app: &App,
    who: &Who,
    what: String,
    change: impl FnOnce(&People, &Event<'_>) -> Result<T, PeopleError> + Send + 'static,
) -> Result<T, Refusal> {
    let people = app.kept().ok_or(Refusal::Nowhere)?;
    let at = (app.clock)().as_millisecond();
    let (name, address) = (who.name().to_owned(), who.address.to_string());
    let done = ask_of(people, move |people| {
        change(people, &Event { at, who: &name, act: Act::Edit, address: &address, what: &what })
    });
    Ok(done.await?)
}

async fn seen(app: &App, who: &Who) -> Result<Vec<Search>, Refusal> {
    let people = app.kept().ok_or(Refusal::Nowhere)?;
    let user = own(who);
    let mut found = ask_of(people, move |people| people.searches(user)).await?;
    found.retain(|search| is_open(who, search));
    Ok(found)
}

/// The search that is to be changed, if this visitor may.
async fn meant(app: &App, who: &Who, id: i64) -> Result<Search, Refusal> {
    keeps(who)?;
    let people = app.kept().ok_or(Refusal::Nowhere)?;
    let user = own(who);
    let found = ask_of(people, move |people| people.search(id, user)).await?;
    if !is_open(who, &found) {
        return Err(PeopleError::NoSearch.into());
    }
    if !may_change(who, &found) {
        let words = "this search is somebody else's: its owner or an administrator may change it";
        return Err(Refusal::Wrong(StatusCode::FORBIDDEN, words.into()));
    }
    Ok(found)
}

/// A viewer keeps own searches in the browser; a token that only reads changes nothing.
fn keeps(who: &Who) -> Result<(), Refusal> {
    if who.way == Way::Token && !who.may(Right::Write) {
        let words = "a token that changes searches has the scope write, and its user is an editor";
        return Err(Refusal::Wrong(StatusCode::FORBIDDEN, words.into()));
    }
    Ok(())
}

fn shares(who: &Who) -> Result<(), Refusal> {
    if who.may(Right::Write) {
        return Ok(());
    }
    let words = "searches are shared by editors: keep it for yourself, or ask an administrator for that role";
    Err(Refusal::Wrong(StatusCode::FORBIDDEN, words.into()))
}

/// The query as the explorer writes it, without the page of lines; what it does not understand is not kept.
fn understood(app: &App, who: &Arc<Who>, text: &str, headers: &HeaderMap) -> Result<String, Refusal> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let wrong = |words: String| Refusal::Wrong(StatusCode::UNPROCESSABLE_ENTITY, words);
    let mut words = Words::read(|name| value(Some(query), name)).map_err(|error| wrong(error.to_string()))?;
    words.after = None;
    let mut asked = asked(app, who, "/explore", Some(query), headers);
    asked.also = words.address();
    let refused = |unclear: Unclear| Refusal::Wrong(unclear.status(), unclear.words());
    wish(app, &asked, Arc::new(Board::blank(Vec::new()))).map_err(refused)?;
    if let Some(reason) = who.sight.refuses_field(&words.sort.field) {
        return Err(Refusal::Wrong(StatusCode::FORBIDDEN, reason));
    }
    let address = asked.link("/explore", &[]);
    Ok(address.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default())
}

async fn put(app: &App, who: &Arc<Who>, new: Wished, headers: &HeaderMap) -> Result<Search, Refusal> {
    keeps(who)?;
    if new.shared {
        shares(who)?;
    }
    let (user, query) = (own(who), understood(app, who, &new.query, headers)?);
    let what =
        format!("kept the search {:?}{}: {query}", new.name.trim(), if new.shared { ", shared" } else { "" });
    change(app, who, what, move |people, by| {
        people.add_search(&NewSearch { user, name: &new.name, query: &query, shared: new.shared }, by)
    })
    .await
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    list_page(&app, &who, query.as_deref(), &headers, None).await
}

/// The page, with what went wrong above it.
async fn list_page(
    app: &App,
    who: &Arc<Who>,
    query: Option<&str>,
    headers: &HeaderMap,
    wrong: Option<&Refusal>,
) -> Response {
    let mut asked: Asked = asked(app, who, "/explore", query, headers);
    // What is wrong with it is said when it is to be kept.
    asked.also = Words::read(|name| value(query, name)).map(|words| words.address()).unwrap_or_default();
    let found = match seen(app, who).await {
        Ok(found) => Some(found),
        Err(Refusal::Nowhere) => None,
        Err(Refusal::People(error)) => return unavailable(app, headers, "/explore/searches", &error),
        Err(other) => return other.json(),
    };
    let wrong = wrong.map(Refusal::words);
    let trouble = wrong.as_ref().map(|(_, words)| words.as_str());
    let status = wrong.as_ref().map_or(StatusCode::OK, |(status, _)| *status);
    let rows: Option<Vec<page::Row<'_>>> = found.as_ref().map(|found| {
        let row =
            |search| page::Row { search, own: search.is_of(own(who)), may_change: may_change(who, search) };
        found.iter().map(row).collect()
    });
    let main = page::searches(&asked, rows.as_deref(), who.may(Right::Write), trouble);
    framed(app, &asked, &t!("Searches"), None, status, &main)
}

async fn save(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Form(form): Form<Sent>,
) -> Response {
    let query = form.query.clone();
    let wished = Wished { name: form.name, query: form.query, shared: !form.shared.is_empty() };
    match put(&app, &who, wished, &headers).await {
        Ok(search) => redirect(&format!("/explore/searches?{}", search.query)),
        Err(refusal) => list_page(&app, &who, Some(&query), &headers, Some(&refusal)).await,
    }
}

/// Does something with a search, and shows the list again.
async fn with(
    (app, who, headers, back): (Arc<App>, Arc<Who>, HeaderMap, Back),
    id: i64,
    verb: &str,
    act: impl FnOnce(&People, &Event<'_>) -> Result<(), PeopleError> + Send + 'static,
) -> Response {
    let done = async {
        let search = meant(&app, &who, id).await?;
        change(&app, &who, format!("{verb} the search {:?}", search.name), act).await
    };
    match done.await {
        Ok(()) => match understood(&app, &who, &back.back, &headers) {
            Ok(query) => redirect(&format!("/explore/searches?{query}")),
            Err(_) => redirect("/explore/searches"),
        },
        Err(refusal) => list_page(&app, &who, Some(&back.back), &headers, Some(&refusal)).await,
    }
}

async fn remove(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Form(back): Form<Back>,
) -> Response {
    with((app, who, headers, back), id, "deleted", move |people, by| people.remove_search(id, by)).await
}

async fn share(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Form(back): Form<Back>,
) -> Response {
    if let Err(refusal) = shares(&who) {
        return list_page(&app, &who, Some(&back.back), &headers, Some(&refusal)).await;
    }
    with((app, who, headers, back), id, "shared", move |people, by| people.share_search(id, true, by)).await
}

/// Shows a search to its user alone.
async fn keep(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Form(back): Form<Back>,
) -> Response {
    with((app, who, headers, back), id, "no more shared", move |people, by| {
        people.share_search(id, false, by)
    })
    .await
}

fn told(who: &Who, search: &Search) -> Value {
    json!({
        "id": search.id,
        "name": search.name,
        "query": search.query,
        "address": format!("/explore?{}", search.query),
        "owner": search.owner,
        "own": search.is_of(own(who)),
        "shared": search.shared,
        "created": search.created,
    })
}

/// `GET /api/v1/searches`.
async fn list(State(app): State<Arc<App>>, Extension(who): Extension<Arc<Who>>) -> Response {
    match seen(&app, &who).await {
        Ok(found) => {
            let all: Vec<Value> = found.iter().map(|search| told(&who, search)).collect();
            Json(json!({"searches": all})).into_response()
        }
        Err(refusal) => refusal.json(),
    }
}

/// `POST /api/v1/searches`.
async fn add(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A form on another site can post text, but no JSON without asking first.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return fail(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send it with Content-Type: application/json".into(),
        );
    }
    let wished: Wished = match serde_json::from_slice(&body) {
        Ok(wished) => wished,
        Err(error) => {
            let example = r#"{"name": "errors", "query": "from=now-1h&q=status:5xx", "shared": false}"#;
            return fail(StatusCode::BAD_REQUEST, format!("{error}. Send {example}; shared may be left out"));
        }
    };
    match put(&app, &who, wished, &headers).await {
        Ok(search) => (StatusCode::CREATED, Json(told(&who, &search))).into_response(),
        Err(refusal) => refusal.json(),
    }
}

/// `DELETE /api/v1/searches/{id}`.
async fn take(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
) -> Response {
    let done = async {
        let search = meant(&app, &who, id).await?;
        let what = format!("deleted the search {:?}", search.name);
        change(&app, &who, what, move |people, by| people.remove_search(id, by)).await
    };
    match done.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.json(),
    }
}
