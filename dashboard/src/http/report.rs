//! The weekly report: a board as one page that needs nothing else, or as one picture.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};

use super::exports::painted;
use super::{Unclear, asked, fail, value, wish};
use crate::access::Who;
use crate::app::App;
use crate::chart::{Theme, png};
use crate::page::report;

/// `/report?board=overview&from=now-7d&to=now&format=html`.
pub(super) async fn report(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let of = |name: &str| value(query.as_deref(), name);
    let mut asked = asked(&app, &who, "/report", query.as_deref(), &headers);
    if of("from").is_none() {
        asked.from = "now-7d".into();
    }
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(of("board").as_deref().unwrap_or("overview")) else {
        return Unclear::Board.page(&app, &asked);
    };
    let wish = match wish(&app, &asked, Arc::clone(&shelved.board)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.page(&app, &asked),
    };
    let seen = match app.look(wish).await {
        Ok(shown) => shown.seen,
        Err(error) => return fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    if of("format").as_deref() != Some("png") {
        let page = report::report(&app.config.title, &seen).into_string();
        let policy = report::policy();
        return (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                (header::CONTENT_SECURITY_POLICY, policy),
            ],
            page,
        )
            .into_response();
    }
    painted(move || {
        // Beyond the request there is no language: pictures are in English, as their font is.
        let headline = format!("{} · {}", app.config.title, report::headline(&seen));
        png::sheet(&headline, &seen.drawings(), 2, Theme::Light)
    })
    .await
}
