//! `/api/v1/alerts`: what fires and what has become of it, silences and acknowledgements. There where rules are watched.

use std::collections::BTreeMap;
use std::sync::Arc;

use alces_alerts::{By, Episode, Kept, Phase};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema::{Missing, Refused};
use crate::access::Who;
use crate::app::App;
use crate::http::alerts::{Which, acknowledge, all, board, silenced, unsilenced};
use crate::http::fail;

pub(in crate::http) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/alerts", get(list))
        .route("/api/v1/alerts/ack", post(ack))
        .route("/api/v1/alerts/silences", post(silence))
        .route("/api/v1/alerts/silences/{id}", delete(end))
}

/// The same addresses where no rules are watched: each of them says so.
pub(in crate::http) fn nowhere() -> Router<Arc<App>> {
    async fn none() -> Response {
        let reason = "no alert rules are watched: start the dashboard with --alerts DIR --alerts-file FILE";
        fail(StatusCode::NOT_FOUND, reason.into())
    }
    Router::new()
        .route("/api/v1/alerts", get(none))
        .route("/api/v1/alerts/ack", post(none))
        .route("/api/v1/alerts/silences", post(none))
        .route("/api/v1/alerts/silences/{id}", delete(none))
        .route("/api/v1/alerts/rules/{id}/backtest", get(none))
}

/// Alerts.
#[derive(Serialize, ToSchema)]
pub(super) struct Alerts {
    /// Groups that are not fine, and those whose silence would be noticed.
    states: Vec<StateOf>,
    /// What goes on, then what is over, the newest first.
    episodes: Vec<EpisodeOf>,
    silences: Vec<SilenceOf>,
    receivers: Vec<ReceiverOf>,
    /// Where the dashboard is that watches in place of this one; missing where it is this one, empty where none is known yet.
    watched_by: Option<String>,
}

/// A group of a rule.
#[derive(Serialize, ToSchema)]
struct StateOf {
    rule: String,
    /// Values of the rule's fields; empty where it has none.
    group: String,
    labels: BTreeMap<String, String>,
    /// `ok`, `pending`, `firing` or `recovering`.
    #[schema(value_type = String)]
    phase: Phase,
    /// Since when it is that, epoch milliseconds.
    since: i64,
    /// When it began to fire, epoch milliseconds.
    fired: Option<i64>,
    value: Option<f64>,
    /// Its worst figure.
    peak: Option<f64>,
    acknowledged: Option<AckOf>,
}

/// Who looks after it.
#[derive(Serialize, ToSchema)]
struct AckOf {
    by: String,
    /// Since when, epoch milliseconds.
    at: i64,
}

/// A time during which a group fired.
#[derive(Serialize, ToSchema)]
struct EpisodeOf {
    rule: String,
    group: String,
    labels: BTreeMap<String, String>,
    /// Epoch milliseconds.
    started: i64,
    /// Missing while it goes on.
    ended: Option<i64>,
    peak: Option<f64>,
}

/// Nobody is told of alerts with these labels.
#[derive(Serialize, ToSchema)]
struct SilenceOf {
    id: i64,
    labels: BTreeMap<String, String>,
    author: String,
    comment: String,
    /// Epoch milliseconds.
    until: i64,
}

/// A receiver's messages.
#[derive(Serialize, ToSchema)]
struct ReceiverOf {
    id: String,
    waiting: i64,
    undelivered: i64,
}

/// What fires, what has happened lately, silences, and messages that wait.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", responses((status = 200, description = "Alerts", body = Alerts), Missing, Refused))]
pub(super) async fn list(State(app): State<Arc<App>>, Extension(who): Extension<Arc<Who>>) -> Response {
    let board = match board(&app, &who) {
        Ok(board) => board,
        Err(reason) => return fail(StatusCode::FORBIDDEN, reason.to_owned()),
    };
    let all = match all(board, (app.clock)().as_millisecond()).await {
        Ok(all) => all,
        Err(error) => return fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let state = |kept: &Kept| StateOf {
        rule: kept.rule.clone(),
        group: By::shown(&kept.group),
        labels: kept.labels.clone(),
        phase: kept.state.phase,
        since: kept.state.since,
        fired: kept.state.fired,
        value: kept.state.value,
        peak: kept.state.peak,
        acknowledged: all
            .ack(&kept.rule, &kept.group, kept.state.fired)
            .map(|ack| AckOf { by: ack.author.clone(), at: ack.at }),
    };
    let episode = |episode: &Episode| EpisodeOf {
        rule: episode.rule.clone(),
        group: By::shown(&episode.group),
        labels: episode.labels.clone(),
        started: episode.started,
        ended: episode.ended,
        peak: episode.peak,
    };
    let (states, episodes) =
        (all.states.iter().map(state).collect(), all.episodes.iter().map(episode).collect());
    let silences = all.silences.into_iter().map(|silence| SilenceOf {
        id: silence.id,
        labels: silence.matchers,
        author: silence.author,
        comment: silence.comment,
        until: silence.until,
    });
    let receivers =
        all.backlog.into_iter().map(|(id, (waiting, undelivered))| ReceiverOf { id, waiting, undelivered });
    Json(Alerts {
        states,
        episodes,
        silences: silences.collect(),
        receivers: receivers.collect(),
        watched_by: all.elsewhere,
    })
    .into_response()
}

/// Who looks after an alert.
#[derive(Serialize, ToSchema)]
struct Acknowledged {
    rule: String,
    group: String,
    by: String,
    /// Since when, epoch milliseconds.
    at: i64,
}

/// Acknowledges what fires of a group: it is neither repeated nor escalated, and its end is told. Who was first stays.
#[utoipa::path(post, path = "/api/v1/alerts/ack", tag = "alerts", request_body = Which,
    responses((status = 200, description = "Who has it", body = Acknowledged), Missing, Refused))]
pub(super) async fn ack(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Json(which): Json<Which>,
) -> Response {
    match acknowledge(&app, &who, which).await {
        Ok(Some(ack)) => {
            let group = By::shown(&ack.group);
            Json(Acknowledged { rule: ack.rule, group, by: ack.author, at: ack.at }).into_response()
        }
        Ok(None) => fail(StatusCode::NOT_FOUND, "nothing fires of this rule and group".into()),
        Err((status, reason)) => fail(status, reason),
    }
}

/// A silence that is wished for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"labels": {"host_name": "web-3"}, "time": "2h", "comment": "new disk"}))]
pub(super) struct Wished {
    /// Labels that an alert must have, all of them.
    labels: BTreeMap<String, String>,
    /// How long: `30m`, `2h`, `1d`; 31 days at most.
    time: String,
    /// Why.
    #[serde(default)]
    comment: String,
}

/// A silence that was made.
#[derive(Serialize, ToSchema)]
struct Made {
    id: i64,
    /// Epoch milliseconds.
    until: i64,
}

/// Silences alerts with these labels for a while: they fire and are shown, and nobody is told.
#[utoipa::path(post, path = "/api/v1/alerts/silences", tag = "alerts", request_body = Wished,
    responses((status = 201, description = "Silenced", body = Made), Missing, Refused))]
pub(super) async fn silence(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Json(wished): Json<Wished>,
) -> Response {
    match silenced(&app, &who, wished.labels, &wished.time, &wished.comment).await {
        Ok((id, until)) => (StatusCode::CREATED, Json(Made { id, until })).into_response(),
        Err((status, reason)) => fail(status, reason),
    }
}

/// Ends a silence.
#[utoipa::path(delete, path = "/api/v1/alerts/silences/{id}", tag = "alerts", params(("id" = i64, Path, description = "Its number")),
    responses((status = 204, description = "Ended"), Missing, Refused))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<i64>,
) -> Response {
    match unsilenced(&app, &who, id).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => fail(StatusCode::NOT_FOUND, "there is no such silence, or it has ended".into()),
        Err((status, reason)) => fail(status, reason),
    }
}
