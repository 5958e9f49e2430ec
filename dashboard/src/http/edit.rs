//! A board in the browser: its text, what is wrong with it, how it would look, and the difference to copy back into the file.
//!
//! Nothing is kept here: boards live as files, under version control.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::{Unclear, asked, framed, wish};
use crate::access::Who;
use crate::app::App;
use crate::board::read;
use crate::page::board::board;
use crate::page::edit::{Preview, edit};
use crate::page::layout::Asked;

/// What the form sends.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    text: String,
}

/// The board's text.
pub(super) async fn form(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = path(&app, &who, &id, query.as_deref(), &headers);
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(&id) else { return Unclear::Board.page(&app, &asked) };
    let main = edit(&asked, &id, &shelved.text, &shelved.text, &Preview::None);
    framed(&app, &asked, &shelved.board.title, None, StatusCode::OK, &main)
}

/// The board that the text would be.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(draft): Form<Draft>,
) -> Response {
    let asked = path(&app, &who, &id, query.as_deref(), &headers);
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(&id) else { return Unclear::Board.page(&app, &asked) };
    // A browser ends lines with CR LF.
    let text = draft.text.replace("\r\n", "\n");
    let drafted = match read(&id, &text) {
        Ok(board) => board,
        Err(errors) => {
            let main = edit(&asked, &id, &shelved.text, &text, &Preview::Errors(errors));
            return framed(&app, &asked, &shelved.board.title, None, StatusCode::UNPROCESSABLE_ENTITY, &main);
        }
    };
    if let Some(reason) = asked.who.sight.refuses_board(&drafted) {
        let main = edit(&asked, &id, &shelved.text, &text, &Preview::Gone(reason));
        return framed(&app, &asked, &shelved.board.title, None, StatusCode::FORBIDDEN, &main);
    }
    let wish = match wish(&app, &asked, Arc::new(drafted)) {
        Ok(wish) => wish,
        Err(unclear) => return unclear.page(&app, &asked),
    };
    let preview = match app.make(wish).await {
        // The links of a draft's pictures would show the board as it is.
        Ok(seen) => Preview::Board(board(&seen, None, &|_| "#".into())),
        Err(error) => Preview::Gone(error.to_string()),
    };
    let main = edit(&asked, &id, &shelved.text, &text, &preview);
    framed(&app, &asked, &shelved.board.title, None, StatusCode::OK, &main)
}

fn path(app: &App, who: &Arc<Who>, id: &str, query: Option<&str>, headers: &HeaderMap) -> Asked {
    asked(app, who, &format!("/b/{id}/edit"), query, headers)
}
