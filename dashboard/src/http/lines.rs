//! The lines behind a panel, and what differs between them and those before.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;

use super::{asked, framed, stale, wish};
use crate::access::Who;
use crate::app::{App, Wish};
use crate::board::{Board, Panel};
use crate::error::BackendError;
use crate::page::layout::Asked;
use crate::page::{errors, lines as page, why as differences};
use crate::query::Query;
use crate::view::context::Context;
use crate::view::plan::{Plan, Span};
use crate::view::{answers, cache::Cache};
use crate::why::{self, Found};

/// Lines on one page.
const SHOWN: usize = 200;

/// `/lines?from=…&to=…&q=…`.
pub(super) async fn lines(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/lines", query.as_deref(), &headers);
    let mut board = Board::blank(vec![Panel::newest(SHOWN)]);
    board.id = "/lines".into();
    let wish = match wish(&app, &asked, Arc::new(board)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.page(&app, &asked),
    };
    let range = wish.range.clone();
    match app.look(wish).await {
        Ok(shown) => {
            let why = address(&asked, "/why", None);
            let main = page::lines(&shown.seen, &why, stale(&shown, range.now).as_ref());
            framed(&app, &asked, "Lines", Some(&shown.seen.wish.range), StatusCode::OK, &main)
        }
        Err(error) => gone(&app, &asked, &error),
    }
}

/// `/why?from=…&to=…&q=…`: this selection beside the time just before it, or beside the same time of the day or week before.
pub(super) async fn why(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/why", query.as_deref(), &headers);
    let wish = match wish(&app, &asked, Arc::new(Board::blank(Vec::new()))) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.page(&app, &asked),
    };
    let (from, to) = (wish.range.from, wish.range.to);
    let back = wish.compare.map_or(to - from, |c| c.back());
    let before = (from - back, to - back);
    match find(&app, &wish, before).await {
        Ok(found) => {
            let link = |search: &Query| address(&asked, "/lines", Some(search));
            let main = differences::why(&found, &wish.search, &wish.range, before, &link);
            framed(&app, &asked, "What differs?", None, StatusCode::OK, &main)
        }
        Err(error) => gone(&app, &asked, &error),
    }
}

async fn find(app: &App, wish: &Wish, before: Span) -> Result<Result<Found, String>, BackendError> {
    let fields = app.fields(&wish.range, &wish.sight).await?;
    let context = Context::new(wish, (&fields.0, &fields.1));
    let mut plan = Plan::default();
    let wanted = why::plan(&context, before, &mut plan);
    let answers = answers::ask(&app.backend, &Cache::default(), &app.config, &context, &plan).await?;
    Ok(why::read(&wanted, &answers))
}

fn address(asked: &Asked, path: &str, search: Option<&Query>) -> String {
    let there = Asked {
        path: path.into(),
        q: search.map_or_else(|| asked.q.clone(), ToString::to_string),
        ..asked.clone()
    };
    there.here()
}

fn gone(app: &App, asked: &Asked, error: &BackendError) -> Response {
    framed(app, asked, "No answer", None, StatusCode::SERVICE_UNAVAILABLE, &errors::no_backend(error))
}
