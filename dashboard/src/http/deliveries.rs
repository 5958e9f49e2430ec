//! What became of messages, a message once more, and a test for a receiver.

use std::sync::Arc;

use alces_people::Right;
use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;

use super::alerts::board;
use super::guard::redirect;
use super::{asked, fail, framed};
use crate::access::Who;
use crate::alert::test_message;
use crate::app::App;
use crate::language::t;
use crate::page::deliveries::deliveries;
use crate::page::errors;

/// Messages on the page.
const MESSAGES: usize = 100;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/alerts/deliveries", query.as_deref(), &headers);
    let title = t!("Messages");
    let board = match board(&app, &who) {
        Ok(board) => board,
        Err(reason) => {
            let main = errors::refused(reason);
            return framed(&app, &asked, &title, None, StatusCode::FORBIDDEN, &main);
        }
    };
    match board.ledger(|ledger| ledger.sent(MESSAGES)).await {
        Ok(sent) => {
            let main = deliveries(&asked, &board.rules(), &sent, who.may(Right::Write));
            framed(&app, &asked, &title, None, StatusCode::OK, &main)
        }
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

pub(super) async fn again(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(seq): Path<i64>,
) -> Response {
    let board = match board(&app, &who) {
        Ok(board) => board,
        Err(reason) => return fail(StatusCode::FORBIDDEN, reason.to_owned()),
    };
    let now = (app.clock)().as_millisecond();
    match board.ledger(move |ledger| ledger.replay(seq, now)).await {
        Ok(true) => {
            board.posted.notify_one();
            redirect("/alerts/deliveries")
        }
        Ok(false) => fail(StatusCode::NOT_FOUND, "there is no such message, or it is being sent".into()),
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

pub(super) async fn test(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
) -> Response {
    let board = match board(&app, &who) {
        Ok(board) => board,
        Err(reason) => return fail(StatusCode::FORBIDDEN, reason.to_owned()),
    };
    let rules = board.rules();
    let Some(receiver) = rules.receivers.iter().find(|r| r.id == id) else {
        return fail(StatusCode::NOT_FOUND, "there is no such receiver".into());
    };
    let now = (app.clock)().as_millisecond();
    let message = test_message(receiver, board.base.get().map_or("", String::as_str), now);
    match board.ledger(move |ledger| ledger.apply(&[], &[message], now)).await {
        Ok(()) => {
            board.posted.notify_one();
            redirect("/alerts/deliveries")
        }
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
