//! The upper part of a page, sent before the store is asked: a browser fetches the style sheet and paints while the figures are counted.
//!
//! The status has left by then. So a request must be one of a browser that opens a page (`Sec-Fetch-Dest`, which no script can forge, and which
//! programs do not send), and an address that is understood; all others are answered whole.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use maud::html;

use super::{asked, html, value, wish};
use crate::access::Who;
use crate::app::App;
use crate::board::Board;
use crate::explore::state::{State as Words, View};
use crate::language::{carry, t, text};
use crate::page::layout::{Frame, page};

/// Where the part of a page begins that depends on answers.
const MAIN: &str = "<main";

/// Sends the upper part of a page first, and the rest when it is there.
pub(super) async fn early(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    request: Request,
    next: Next,
) -> Response {
    let opened = request.headers().get("sec-fetch-dest").is_some_and(|dest| dest == "document");
    let upper = if opened && request.method() == Method::GET { upper(&app, &who, &request) } else { None };
    let Some(upper) = upper else { return next.run(request).await };
    let rest = carry(async move { rest(next.run(request).await).await });
    let pieces = stream::once(async { Ok(upper) }).chain(stream::once(rest));
    let mut response = html(StatusCode::OK, String::new());
    *response.body_mut() = Body::from_stream(pieces);
    response
}

/// All that stands above a page's own part; nothing where the address leads to no such page.
fn upper(app: &App, who: &Arc<Who>, request: &Request) -> Option<Bytes> {
    let (path, query) = (request.uri().path(), request.uri().query());
    let mut asked = asked(app, who, path, query, request.headers());
    let shelf = app.shelf();
    let (title, board) = match path {
        "/explore" => {
            let words = Words::read(|name| value(query, name)).ok()?;
            if asked.who.sight.refuses_field(&words.sort.field).is_some() {
                return None;
            }
            asked.also = words.address();
            let title = match words.view {
                View::Lines => t!("Explore"),
                View::Patterns => t!("Patterns"),
                View::Tail => t!("Live"),
            };
            (title, false)
        }
        "/why" => (t!("What differs?"), false),
        _ => {
            let id = path.strip_prefix("/b/").unwrap_or("overview");
            (text(&shelf.get(id)?.board.title).into_owned().into(), true)
        }
    };
    let wish = wish(app, &asked, Arc::new(Board::blank(Vec::new()))).ok()?;
    let range = board.then_some(&wish.range);
    let frame = Frame { config: &app.config, shelf: &shelf, asked: &asked, title: &title, range };
    let mut whole = page(&frame, &html! {}).into_string();
    whole.truncate(whole.find(MAIN)?);
    Some(whole.into())
}

/// What follows: an error has a page as well.
async fn rest(response: Response) -> Result<Bytes, axum::Error> {
    let whole = to_bytes(response.into_body(), usize::MAX).await?;
    let at = whole.windows(MAIN.len()).position(|w| w == MAIN.as_bytes()).unwrap_or(0);
    Ok(whole.slice(at..))
}
