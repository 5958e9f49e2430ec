//! Addresses and what answers them.

mod account;
mod alerts;
mod api;
mod audit;
mod boards;
mod deliveries;
mod early;
mod edit;
mod events;
mod explore;
mod export;
mod exports;
mod grok;
mod guard;
mod login;
mod oidc;
mod patterns;
mod people;
mod render;
mod report;
mod rules;
mod searches;
mod tail;
mod v1;
mod why;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use maud::Markup;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_service::Service as _;

use crate::access::{Who, cookie};
use crate::app::{App, Shown, Wish};
use crate::assets;
use crate::board::Board;
use crate::error::BackendError;
use crate::language::t;
use crate::page::board::Stale;
use crate::page::errors;
use crate::page::layout::{Asked, Frame, Theme, page};
use crate::query::{self, Query, QueryError};
use crate::range::{Compare, Range, RangeError};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// More than a board or an event needs.
const MOST_BODY: usize = 512 * 1024;

/// All addresses of the dashboard.
pub(crate) fn router(app: Arc<App>) -> Router {
    let pages = Router::new()
        .route("/", get(boards::first))
        .route("/b/{board}", get(boards::board))
        .route("/explore", get(explore::lines))
        .route("/why", get(why::why))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), early::early));
    let all = pages
        .route("/b/{board}/edit", get(edit::form).post(edit::preview))
        .route("/b/{board}/{file}", get(exports::panel))
        .route("/lines", get(explore::moved))
        .route("/explore/line", get(explore::line))
        .route("/explore/around", get(explore::around))
        .route("/explore/values", get(explore::field))
        .route("/explore/{file}", get(export::export))
        .route("/grok", get(grok::form).post(grok::tried))
        .route("/report", get(report::report))
        .route("/render/panel.png", get(render::panel))
        .route("/api/v1/boards", get(boards::list))
        .route("/api/v1/boards/{board}", get(boards::json))
        .route("/api/v1/events", post(events::post))
        .route("/api/v1/tail", get(tail::tail))
        .route("/api/v1/complete", get(api::complete))
        .route("/api/v1/fields/{field}/values", get(api::values))
        .merge(searches::routes())
        .merge(v1::routes())
        .route("/theme", get(theme))
        .route("/language", get(language))
        .route("/static/{name}", get(asset))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    let all = if app.access.is_on() {
        all.merge(login::routes()).merge(people::routes()).merge(v1::routes_of_people())
    } else {
        all
    };
    let all = if app.alerts.is_some() {
        all.merge(
            alerts::routes()
                .merge(rules::routes())
                .merge(v1::alerts::routes())
                .route_layer(middleware::from_fn_with_state(Arc::clone(&app), alerts::only_here)),
        )
    } else {
        all.merge(v1::alerts::nowhere())
    };
    let all = if app.oidc.is_some() { all.merge(oidc::routes()) } else { all };
    all.fallback(not_found)
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), translate))
        // Pages of charts pack to a fifth; the fastest level takes a few milliseconds of them.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), dress))
        .with_state(app)
}

/// What programs can ask, as an OpenAPI document.
pub(crate) fn openapi() -> &'static str {
    v1::openapi::text()
}

/// Who is at the other end of the connection: a visitor or a proxy.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

/// Answers one request.
pub(crate) async fn answer(mut router: Router, peer: SocketAddr, mut request: Request) -> Response {
    request.extensions_mut().insert(Peer(peer.ip().to_canonical()));
    // A router is always ready.
    router.call(request).await.unwrap_or_else(|never| match never {})
}

/// Answers in the visitor's language; programs and pictures are answered in English, which they can read and draw.
async fn translate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/")
        || [".png", ".txt", ".csv", ".json", ".ndjson"].iter().any(|end| path.ends_with(end))
    {
        return next.run(request).await;
    }
    let headers = request.headers();
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let language = app.config.languages.choose(cookie(headers, "language"), accepted);
    language.scope(next.run(request)).await
}

/// Headers that every answer carries.
async fn dress(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    app.metrics.request();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // A report brings its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if app.config.tls.is_some() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Reads the address; names it does not know are left alone, so that a link of a later version still works.
fn asked(app: &App, who: &Arc<Who>, path: &str, query: Option<&str>, headers: &HeaderMap) -> Asked {
    let of = |name: &str| value(query, name);
    Asked {
        who: Arc::clone(who),
        path: path.to_owned(),
        from: of("from").unwrap_or_else(|| app.config.default_from.clone()),
        to: of("to").unwrap_or_else(|| app.config.default_to.clone()),
        tz: of("tz").unwrap_or_default(),
        compare: of("compare").filter(|c| Compare::from_word(c).is_some()).unwrap_or_default(),
        q: of("q").unwrap_or_default(),
        also: Vec::new(),
        theme: Theme::from_word(cookie(headers, "theme").unwrap_or_default()),
    }
}

fn value(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(n, v)| n == name && !v.trim().is_empty()).map(|(_, v)| v.into_owned())
}

/// What an address says and cannot mean.
#[derive(Debug)]
enum Unclear {
    Range(RangeError),
    Search(String, QueryError),
    /// A search that would tell what is masked.
    Masked(String),
    Board,
}

impl Unclear {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Range(_) | Self::Search(..) => StatusCode::BAD_REQUEST,
            Self::Masked(_) => StatusCode::FORBIDDEN,
            Self::Board => StatusCode::NOT_FOUND,
        }
    }

    /// As a page.
    fn page(&self, app: &App, asked: &Asked) -> Response {
        let main = match self {
            Self::Range(error) => errors::bad_range(error),
            Self::Search(text, error) => errors::bad_search(&error.to_string(), &error.caret(text)),
            Self::Masked(reason) => errors::refused(reason),
            Self::Board => errors::not_found(),
        };
        framed(app, asked, &t!("Not understood"), None, self.status(), &main)
    }

    /// On one line.
    fn words(&self) -> String {
        match self {
            Self::Range(error) => error.to_string(),
            Self::Search(_, error) => error.to_string(),
            Self::Masked(reason) => reason.clone(),
            Self::Board => "there is no such board or panel".into(),
        }
    }

    /// As JSON.
    fn json(&self) -> Response {
        fail(self.status(), self.words())
    }
}

fn fail(status: StatusCode, error: String) -> Response {
    (status, axum::Json(serde_json::json!({"error": error}))).into_response()
}

/// What the address asks of a board.
fn wish(app: &App, asked: &Asked, board: Arc<Board>) -> Result<Wish, Unclear> {
    let range = Range::parse(&asked.from, &asked.to, &asked.tz, (app.clock)()).map_err(Unclear::Range)?;
    let (search, sight) = (search(asked)?, Arc::clone(&asked.who.sight));
    if let Some(reason) = sight.refuses(&search) {
        return Err(Unclear::Masked(reason));
    }
    Ok(Wish { board, range, compare: Compare::from_word(&asked.compare), search, sight })
}

fn search(asked: &Asked) -> Result<Query, Unclear> {
    query::parse(&asked.q).map_err(|error| Unclear::Search(asked.q.clone(), error))
}

fn stale(shown: &Shown, now: i64) -> Option<Stale> {
    let error = shown.stale.as_ref()?;
    Some(Stale { age: now - shown.seen.wish.range.now, reason: error.to_string() })
}

/// A page for when the backend gave no answer.
fn gone(app: &App, asked: &Asked, error: &BackendError) -> Response {
    framed(app, asked, &t!("No answer"), None, StatusCode::SERVICE_UNAVAILABLE, &errors::no_backend(error))
}

fn html(status: StatusCode, markup: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup).into_response()
}

fn framed(
    app: &App,
    asked: &Asked,
    title: &str,
    range: Option<&Range>,
    status: StatusCode,
    main: &Markup,
) -> Response {
    let shelf = app.shelf();
    let frame = Frame { config: &app.config, shelf: &shelf, asked, title, range };
    html(status, page(&frame, main).into_string())
}

/// Whether it is an address of this server: `//elsewhere` and `/\elsewhere` would leave it.
fn is_own(address: &str) -> bool {
    address.starts_with('/') && !address.starts_with("//") && !address.contains(['\\', '\t', '\r', '\n'])
}

async fn theme(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let theme = Theme::from_word(&value(query.as_deref(), "to").unwrap_or_default());
    kept(query.as_deref(), &headers, "theme", theme.word())
}

async fn language(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let language = app.config.languages.choose(value(query.as_deref(), "to").as_deref(), None);
    kept(query.as_deref(), &headers, "language", &language.tag)
}

/// The page of this server that a request comes from: browsers send it to nobody else, as the policy says.
fn referrer(headers: &HeaderMap) -> Option<String> {
    let url = url::Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    Some(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
}

/// Keeps a visitor's choice in a cookie, and goes back to the page where it was made.
fn kept(query: Option<&str>, headers: &HeaderMap, name: &str, choice: &str) -> Response {
    let back = value(query, "back")
        .or_else(|| referrer(headers))
        .filter(|b| is_own(b))
        .unwrap_or_else(|| "/".into());
    let cookie = format!("{name}={choice}; Path=/; Max-Age=31536000; SameSite=Lax");
    match HeaderValue::try_from(back) {
        Ok(back) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            response.headers_mut().insert(header::LOCATION, back);
            if let Ok(cookie) = HeaderValue::try_from(cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn asset(Path(name): Path<String>) -> Response {
    match assets::find(&name) {
        Some((kind, content)) => (
            [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")],
            content,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.access.is_on() {
        let ready =
            app.access.ask(alces_people::People::ping).await.is_ok() && app.backend.ping().await.is_ok();
        // Why not, is not for everybody.
        return if ready {
            "ready\n".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        };
    }
    match app.backend.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.text()).into_response()
}

async fn not_found(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if uri.path().starts_with("/api/") {
        return fail(
            StatusCode::NOT_FOUND,
            "there is no such address: /api/v1/openapi.json has them all".into(),
        );
    }
    Unclear::Board.page(&app, &asked(&app, &who, "/", query.as_deref(), &headers))
}
