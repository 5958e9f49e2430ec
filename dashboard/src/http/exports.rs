//! One panel as a file: SVG, PNG, CSV, JSON, text.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Unclear, asked, fail, value, wish};
use crate::access::Who;
use crate::app::App;
use crate::chart::svg::{Size, svg};
use crate::chart::{DrawError, Drawing, Theme, png, terminal};
use crate::view::picture::Picture;

/// The size of a picture that stands alone, pixels.
pub(super) const PICTURE: (u32, u32) = (960, 420);

/// The size of an SVG that stands alone.
const ALONE: Size = Size { class: "alone", width: 720, height: 280 };

/// `/b/{board}/{panel}.{kind}`.
pub(super) async fn panel(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path((board, file)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "", query.as_deref(), &headers);
    let shelf = app.shelf();
    let (Some(shelved), Some((id, kind))) = (shelf.get(&board), file.rsplit_once('.')) else {
        return Unclear::Board.json();
    };
    let wish = match wish(&app, &asked, Arc::clone(&shelved.board)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.json(),
    };
    let shown = match app.look(wish).await {
        Ok(shown) => shown,
        Err(error) => return fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let Some((definition, content)) = shown.seen.panel(id) else {
        return Unclear::Board.json();
    };
    let picture = match content {
        Ok(picture) => picture,
        Err(reason) => return fail(StatusCode::BAD_GATEWAY, reason.clone()),
    };
    let theme =
        if value(query.as_deref(), "theme").as_deref() == Some("dark") { Theme::Dark } else { Theme::Light };
    match (kind, picture) {
        ("csv", picture) => file_of(id, kind, "text/csv; charset=utf-8", picture.csv().into_bytes()),
        ("json", picture) => {
            let mut json = picture.json();
            json["title"] = json!(definition.title);
            axum::Json(json).into_response()
        }
        ("svg", Picture::Drawing(drawing)) => match svg(drawing, ALONE) {
            Ok(svg) => file_of(id, kind, "image/svg+xml", svg.into_bytes()),
            Err(error) => fail(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        },
        ("png", Picture::Drawing(drawing)) => drawn(drawing.clone(), theme).await,
        ("txt", Picture::Drawing(drawing)) => terminal::text(drawing, 100, 24, false).into_response(),
        ("svg" | "png" | "txt", Picture::Empty(_)) => {
            fail(StatusCode::NOT_FOUND, "there is nothing to draw in this range".into())
        }
        ("svg" | "png" | "txt", _) => {
            fail(StatusCode::NOT_FOUND, "this panel is no drawing: ask for its .csv or .json".into())
        }
        _ => fail(StatusCode::NOT_FOUND, "a panel is there as .svg, .png, .txt, .csv and .json".into()),
    }
}

/// A drawing as a picture that stands alone.
pub(super) async fn drawn(drawing: Drawing, theme: Theme) -> Response {
    painted(move || png::png(&drawing, PICTURE.0, PICTURE.1, theme)).await
}

/// What a painter makes, as an answer. Points take a tenth of a second, in which other visitors are served.
pub(super) async fn painted(paint: impl FnOnce() -> Result<Vec<u8>, DrawError> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(paint).await {
        Ok(Ok(png)) => ([(header::CONTENT_TYPE, "image/png")], png).into_response(),
        Ok(Err(error)) => fail(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Err(_) => fail(StatusCode::INTERNAL_SERVER_ERROR, "the picture could not be painted".into()),
    }
}

fn file_of(id: &str, kind: &str, content: &'static str, bytes: Vec<u8>) -> Response {
    // An id has letters, digits, - and _ only.
    let name = format!("attachment; filename=\"{id}.{kind}\"");
    ([(header::CONTENT_TYPE, content.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes).into_response()
}
