//! Pictures by signed links, for chat and mail: they need no login, and show one panel at one moment.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;

use super::{Unclear, asked, exports, fail, value, wish};
use crate::app::App;
use crate::chart::Theme;
use crate::links;
use crate::view::picture::Picture;

/// `/render/panel.png?board=…&panel=…&from=…&to=…&expires=…&sig=…`.
pub(super) async fn panel(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    // Before anything else is looked at.
    let now = (app.clock)().as_millisecond();
    if let Err(error) = links::verify(&app.secret, "/render/panel.png", &query, now) {
        return fail(StatusCode::FORBIDDEN, error.to_string());
    }
    let of = |name: &str| value(Some(&query), name).unwrap_or_default();
    let Some(sight) = app.access.sight_of_link(&app.config, &of("as")).await else {
        return fail(StatusCode::FORBIDDEN, "who made this link may not look any more".into());
    };
    let who = Arc::new(app.access.bearer_of(sight));
    let asked = asked(&app, &who, "", Some(&query), &headers);
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(&of("board")) else { return Unclear::Board.json() };
    let wish = match wish(&app, &asked, Arc::clone(&shelved.board)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.json(),
    };
    let theme = if of("theme") == "dark" { Theme::Dark } else { Theme::Light };
    match app.look(wish).await {
        Ok(shown) => match shown.seen.panel(&of("panel")) {
            Some((_, Ok(Picture::Drawing(drawing)))) => exports::drawn(drawing.clone(), theme).await,
            Some((_, Err(reason))) => fail(StatusCode::BAD_GATEWAY, reason.clone()),
            Some(_) => fail(StatusCode::NOT_FOUND, "there is nothing to draw in this range".into()),
            None => Unclear::Board.json(),
        },
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
