//! Alerts as a page and as JSON, and their silences.

use std::collections::BTreeMap;
use std::sync::Arc;

use alces_alerts::{Ack, LedgerError, Span};
use alces_people::Right;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::HeaderMap;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use serde::Deserialize;
use utoipa::ToSchema;

use super::guard::redirect;
use super::{Unclear, asked, deliveries, fail, framed};
use crate::access::Who;
use crate::alert::Board;
use crate::app::App;
use crate::language::t;
use crate::page::alerts::{All, alerts};
use crate::page::errors;

/// The longest silence, milliseconds.
const LONGEST: i64 = 31 * 86_400_000;
/// Episodes on the page.
const EPISODES: usize = 50;
/// Acknowledgements of what goes on that the page shows at most.
const MOST_ACKS: usize = 10_000;

/// The addresses; they are there where rules are watched.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/alerts", get(show))
        .route("/alerts/silences", post(silence))
        .route("/alerts/silences/{id}/end", post(end))
        .route("/alerts/ack", post(ack))
        .route("/alerts/deliveries", get(deliveries::show))
        .route("/alerts/deliveries/{seq}/again", post(deliveries::again))
        .route("/alerts/receivers/{id}/test", post(deliveries::test))
}

/// Refuses changes where another dashboard watches: they would be lost.
pub(super) async fn only_here(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let lease = app.alerts.as_ref().and_then(|board| board.lease.as_ref());
    match lease.and_then(crate::alert::lease::Shared::elsewhere) {
        Some(address) if request.method() != Method::GET => {
            let there =
                if address.is_empty() { "none is known yet: in a moment".to_owned() } else { address };
            fail(
                StatusCode::CONFLICT,
                format!("another dashboard watches the alerts, do this there: {there}"),
            )
        }
        _ => next.run(request).await,
    }
}

/// Labels of alerts tell values of fields: who sees lines within limits sees none of them.
pub(super) fn board<'a>(app: &'a App, who: &Who) -> Result<&'a Arc<Board>, &'static str> {
    if !who.sight.id.is_empty() {
        return Err("alerts tell of all lines, and you see some of them");
    }
    app.alerts
        .as_ref()
        .ok_or("no alert rules are watched: start the dashboard with --alerts DIR --alerts-file FILE")
}

pub(super) async fn all(board: &Board, now: i64) -> Result<All, LedgerError> {
    let elsewhere = board.lease.as_ref().and_then(crate::alert::lease::Shared::elsewhere);
    board
        .ledger(move |ledger| {
            Ok(All {
                states: ledger.states()?,
                episodes: ledger.episodes(EPISODES)?,
                silences: ledger.silences(now)?,
                acks: ledger.acks(EPISODES + MOST_ACKS)?,
                backlog: ledger.backlog()?,
                elsewhere,
            })
        })
        .await
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = asked(&app, &who, "/alerts", query.as_deref(), &headers);
    let board = match board(&app, &who) {
        Ok(board) => board,
        Err(reason) => {
            return framed(
                &app,
                &asked,
                &t!("Alerts"),
                None,
                StatusCode::FORBIDDEN,
                &errors::refused(reason),
            );
        }
    };
    let now = (app.clock)().as_millisecond();
    match all(board, now).await {
        Ok(all) => {
            let wished: Vec<String> =
                url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes())
                    .filter(|(name, _)| name == "silence")
                    .map(|(_, pair)| pair.into_owned())
                    .take(64)
                    .collect();
            let may_change = who.may(Right::Write) && all.elsewhere.is_none();
            let main = alerts(&asked, &board.rules(), &all, &wished, may_change, now);
            framed(&app, &asked, &t!("Alerts"), None, StatusCode::OK, &main)
        }
        Err(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

#[derive(Deserialize)]
struct Wished {
    /// `name=value`, one a line.
    labels: String,
    time: String,
    comment: String,
}

async fn silence(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Form(wished): Form<Wished>,
) -> Response {
    let labels = wished.labels.lines().filter_map(|line| line.split_once('='));
    let labels =
        labels.map(|(name, value)| (name.trim().to_owned(), value.trim_end_matches('\r').to_owned()));
    match silenced(&app, &who, labels.collect(), &wished.time, &wished.comment).await {
        Ok(_) => redirect("/alerts"),
        Err((status, reason)) => fail(status, reason),
    }
}

/// Why something was not done.
pub(super) type Failed = (StatusCode, String);

fn kept<T>(done: Result<T, LedgerError>) -> Result<T, Failed> {
    done.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
}

/// The alerts, for who may see them.
fn reached<'a>(app: &'a App, who: &Who) -> Result<&'a Arc<Board>, Failed> {
    board(app, who).map_err(|reason| (StatusCode::FORBIDDEN, reason.to_owned()))
}

/// Silences alerts with these labels; the silence's number, and until when.
pub(super) async fn silenced(
    app: &App,
    who: &Who,
    labels: BTreeMap<String, String>,
    time: &str,
    comment: &str,
) -> Result<(i64, i64), Failed> {
    let board = reached(app, who)?;
    let time = Span::parse(time).filter(|time| (1..=LONGEST).contains(&time.0));
    let (Some(time), false) = (time, labels.is_empty()) else {
        let reason = "a silence has labels (name=value) and a time up to 31d";
        return Err((StatusCode::BAD_REQUEST, reason.to_owned()));
    };
    let (now, author) = ((app.clock)().as_millisecond(), author(who));
    let (until, comment) = (now + time.0, comment.chars().take(300).collect::<String>());
    let made = board.ledger(move |ledger| ledger.silence(&labels, &author, &comment, until, now)).await;
    kept(made.map(|id| (id, until)))
}

/// Ends a silence; whether there was one.
pub(super) async fn unsilenced(app: &App, who: &Who, id: i64) -> Result<bool, Failed> {
    let now = (app.clock)().as_millisecond();
    kept(reached(app, who)?.ledger(move |ledger| ledger.end_silence(id, now)).await)
}

/// Who does something, by name where there are names.
fn author(who: &Who) -> String {
    who.user.as_ref().map_or_else(|| who.address.to_string(), |user| user.name.clone())
}

/// Which alert somebody looks after.
#[derive(Deserialize, ToSchema)]
pub(super) struct Which {
    rule: String,
    #[serde(default)]
    group: String,
}

/// Acknowledges; who has it now, and none where nothing fires.
pub(super) async fn acknowledge(app: &App, who: &Who, which: Which) -> Result<Option<Ack>, Failed> {
    let (now, author) = ((app.clock)().as_millisecond(), author(who));
    let board = reached(app, who)?;
    kept(board.ledger(move |ledger| ledger.ack(&which.rule, &which.group, &author, now)).await)
}

async fn ack(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Form(which): Form<Which>,
) -> Response {
    match acknowledge(&app, &who, which).await {
        // What is over needs nobody any more.
        Ok(_) => redirect("/alerts"),
        Err((status, reason)) => fail(status, reason),
    }
}

async fn end(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
) -> Response {
    match unsilenced(&app, &who, id).await {
        Ok(true) => redirect("/alerts"),
        Ok(false) => Unclear::Board.json(),
        Err((status, reason)) => fail(status, reason),
    }
}
