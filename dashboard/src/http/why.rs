//! What differs between the lines of a search and those before.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;

use super::{Unclear, asked, framed, gone, wish};
use crate::access::Who;
use crate::app::{App, Wish};
use crate::board::Board;
use crate::error::BackendError;
use crate::language::t;
use crate::page::layout::Asked;
use crate::page::why as page;
use crate::query::Query;
use crate::view::context::Context;
use crate::view::plan::{Plan, Span};
use crate::view::{answers, cache::Cache};
use crate::why::{self, Found};

/// `/why?from=…&to=…&q=…`: this selection beside the time just before it, or beside the same time of the day or week before.
pub(super) async fn why(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/why", query.as_deref(), &headers);
    let (wish, before) = match wanted(&app, &asked) {
        Ok(wanted) => wanted,
        Err(unclear) => return unclear.page(&app, &asked),
    };
    match find(&app, &wish, before).await {
        Ok(found) => {
            let link = |search: &Query| address(&asked, search);
            let main = page::why(&found, &wish.search, &wish.range, before, &link);
            framed(&app, &asked, &t!("What differs?"), None, StatusCode::OK, &main)
        }
        Err(error) => gone(&app, &asked, &error),
    }
}

/// The lines that are meant, and the time that they are compared with.
pub(super) fn wanted(app: &App, asked: &Asked) -> Result<(Wish, Span), Unclear> {
    let wish = wish(app, asked, Arc::new(Board::blank(Vec::new())))?;
    let (from, to) = (wish.range.from, wish.range.to);
    let back = wish.compare.map_or(to - from, |c| c.back());
    Ok((wish, (from - back, to - back)))
}

/// What differs.
pub(super) async fn find(
    app: &App,
    wish: &Wish,
    before: Span,
) -> Result<Result<Found, String>, BackendError> {
    let fields = app.fields(&wish.range, &wish.sight).await?;
    let context = Context::new(wish, (&fields.0, &fields.1));
    let mut plan = Plan::default();
    let wanted = why::plan(&context, before, &mut plan);
    let answers = answers::ask(&app.backend, &Cache::default(), &app.config, &context, &plan).await?;
    Ok(why::read(&wanted, &answers))
}

/// The lines of a search.
fn address(asked: &Asked, search: &Query) -> String {
    let q = search.to_string();
    asked.link("/explore", &[("q", &q)])
}
