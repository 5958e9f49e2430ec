//! Addresses and what answers them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::Markup;
use serde_json::json;

use crate::app::App;
use crate::assets;
use crate::page::errors;
use crate::page::layout::{Asked, Theme, page};
use crate::page::overview::{Stale, board};
use crate::range::{Range, RangeError};

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// All addresses of the dashboard.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/api/v1/overview", get(api_overview))
        .route("/theme", get(theme))
        .route("/static/{name}", get(asset))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), dress))
        .with_state(app)
}

/// Headers that every answer carries.
async fn dress(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    app.metrics.request();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Reads the address; names it does not know are left alone, so that a link of a later version still works.
fn asked(app: &App, query: Option<&str>, headers: &HeaderMap) -> Asked {
    let of = |name: &str| value(query, name);
    Asked {
        from: of("from").unwrap_or_else(|| app.config.default_from.clone()),
        to: of("to").unwrap_or_else(|| app.config.default_to.clone()),
        tz: of("tz").unwrap_or_default(),
        theme: Theme::from_word(cookie(headers, "theme").unwrap_or_default()),
    }
}

fn value(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(n, v)| n == name && !v.trim().is_empty()).map(|(_, v)| v.into_owned())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

fn range(app: &App, asked: &Asked) -> Result<Range, RangeError> {
    Range::parse(&asked.from, &asked.to, &asked.tz, (app.clock)())
}

fn html(status: StatusCode, markup: Markup) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup.into_string()).into_response()
}

async fn overview(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let asked = asked(&app, query.as_deref(), &headers);
    let range = match range(&app, &asked) {
        Ok(range) => range,
        Err(error) => {
            return html(
                StatusCode::BAD_REQUEST,
                page(&app.config, &asked, None, &errors::bad_range(&error)),
            );
        }
    };
    let now = range.now;
    match app.overview(range.clone()).await {
        Ok(seen) => {
            let stale =
                seen.stale.map(|e| Stale { age: now - seen.picture.range.now, reason: e.to_string() });
            let main = board(&seen.picture.overview, &seen.picture.range, stale.as_ref());
            html(StatusCode::OK, page(&app.config, &asked, Some(&seen.picture.range), &main))
        }
        Err(error) => {
            let main = errors::no_backend(&error);
            html(StatusCode::SERVICE_UNAVAILABLE, page(&app.config, &asked, Some(&range), &main))
        }
    }
}

async fn api_overview(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, query.as_deref(), &headers);
    let fail =
        |status: StatusCode, message: String| (status, axum::Json(json!({"error": message}))).into_response();
    let range = match range(&app, &asked) {
        Ok(range) => range,
        Err(error) => return fail(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let now = range.now;
    match app.overview(range).await {
        Ok(seen) => {
            let mut body = match serde_json::to_value(&*seen.picture.overview) {
                Ok(body) => body,
                Err(error) => return fail(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            };
            body["age_seconds"] = json!((now - seen.picture.range.now) / 1000);
            body["stale"] = json!(seen.stale.map(|e| e.to_string()));
            axum::Json(body).into_response()
        }
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn theme(RawQuery(query): RawQuery) -> Response {
    let theme = Theme::from_word(&value(query.as_deref(), "to").unwrap_or_default());
    // Only addresses of this page: `//elsewhere` and `/\elsewhere` would leave it.
    let back = value(query.as_deref(), "back")
        .filter(|b| b == "/" || b.starts_with("/?"))
        .unwrap_or_else(|| "/".into());
    let cookie = format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax", theme.word());
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
    match app.backend.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.text()).into_response()
}

async fn not_found(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let asked = asked(&app, query.as_deref(), &headers);
    html(StatusCode::NOT_FOUND, page(&app.config, &asked, None, &errors::not_found()))
}
