//! Boards, as pages and as JSON.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use maud::PreEscaped;
use serde_json::json;

use super::v1::schema::{Asking, BoardFigures, BoardName, Boards, Comparing, Missing, Refused};
use super::{Unclear, asked, fail, framed, stale, wish};
use crate::access::Who;
use crate::app::{App, Seen};
use crate::board::Board;
use crate::links;
use crate::page::board::board as body;
use crate::page::errors;
use crate::page::layout::Asked;

/// The first page.
pub(super) async fn first(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/", query.as_deref(), &headers);
    show(&app, &asked, "overview").await
}

/// Any board.
pub(super) async fn board(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let path = format!("/b/{id}");
    let asked = asked(&app, &who, &path, query.as_deref(), &headers);
    show(&app, &asked, &id).await
}

async fn show(app: &Arc<App>, asked: &Asked, id: &str) -> Response {
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(id) else { return Unclear::Board.page(app, asked) };
    let wish = match wish(app, asked, Arc::clone(&shelved.board)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.page(app, asked),
    };
    let (range, title) = (wish.range.clone(), shelved.board.title.clone());
    match app.look(wish).await {
        Ok(shown) => {
            let images = |panel: &str| image(app, &shown.seen, panel);
            let draw = |stale: Option<_>| body(&shown.seen, stale, &images).into_string();
            let main = match stale(&shown, range.now) {
                Some(stale) => draw(Some(&stale)).into(),
                None => shown.seen.body(|| draw(None)),
            };
            framed(
                app,
                asked,
                &title,
                Some(&shown.seen.wish.range),
                StatusCode::OK,
                &PreEscaped(main.to_string()),
            )
        }
        Err(error) => {
            let main = errors::no_backend(&error);
            framed(app, asked, &title, Some(&range), StatusCode::SERVICE_UNAVAILABLE, &main)
        }
    }
}

/// The signed address of a panel's picture at the moment that is shown.
fn image(app: &App, seen: &Seen, panel: &str) -> String {
    let (from, to) = seen.wish.range.fixed();
    let compare = seen.wish.compare.map_or("", crate::range::Compare::address);
    let search = seen.wish.search.to_string();
    let words = [
        ("board", seen.wish.board.id.as_str()),
        ("panel", panel),
        ("from", &from),
        ("to", &to),
        ("tz", &seen.wish.range.tz_text),
        ("compare", compare),
        ("q", &search),
        // Whose limits the picture is within: it shows no more than this page.
        ("as", &seen.wish.sight.id),
    ];
    links::sign(&app.secret, "/render/panel.png", &words, seen.wish.range.now)
}

/// The names of all boards.
#[utoipa::path(get, path = "/api/v1/boards", tag = "boards", responses((status = 200, description = "Boards", body = Boards), Refused))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Response {
    let name = |b: &Board| BoardName {
        id: b.id.clone(),
        title: b.title.clone(),
        about: b.about.clone(),
        panels: b.panels.iter().map(|p| p.id.clone()).collect(),
    };
    axum::Json(Boards { boards: app.shelf().all().map(name).collect() }).into_response()
}

/// A board's figures.
#[utoipa::path(get, path = "/api/v1/boards/{board}", tag = "boards",
    params(("board" = String, Path, description = "Its id", example = "overview"), Asking, Comparing),
    responses((status = 200, description = "Figures", body = BoardFigures), Missing, Refused))]
pub(super) async fn json(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "", query.as_deref(), &headers);
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(&id) else { return Unclear::Board.json() };
    let wish = match wish(&app, &asked, Arc::clone(&shelved.board)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.json(),
    };
    let now = wish.range.now;
    match app.look(wish).await {
        Ok(shown) => {
            let mut json = shown.seen.view.json(&shown.seen.context());
            json["took_ms"] = json!(u64::try_from(shown.seen.took.as_millis()).unwrap_or(u64::MAX));
            json["age_seconds"] = json!((now - shown.seen.wish.range.now) / 1000);
            json["stale"] = json!(shown.stale.as_ref().map(ToString::to_string));
            if let Some(stale) = stale(&shown, now)
                && let Some(strip) = &shown.seen.view.strip
            {
                json["verdict"] = json!(strip.verdict.grown_old(stale.age));
            }
            axum::Json(json).into_response()
        }
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
