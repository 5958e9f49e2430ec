//! Alert rules: a list, each with what it would have done, and an editor of those that are written in the browser.

use std::sync::Arc;

use alces_alerts::{Phase, Rule};
use alces_people::{Act, Right};
use axum::extract::{Form, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alerts::board;
use super::guard::redirect;
use super::v1::schema::{Problem, Refused};
use super::{Unclear, asked, exports, fail, framed, value};
use crate::access::Who;
use crate::alert::draft::{self, DraftError};
use crate::alert::{Board, Written, backtest};
use crate::app::App;
use crate::chart::{Drawing, Theme};
use crate::language::t;
use crate::links;
use crate::page::layout::Asked;
use crate::page::{errors, rules as page};

/// The addresses; they are there where rules are watched.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/alerts/rules", get(list))
        .route("/alerts/rules/{id}", get(show))
        .route("/alerts/edit", get(form).post(sent))
        .route("/api/v1/alerts/rules/{id}/backtest", get(tested))
        .route("/render/alert.png", get(picture))
}

/// What a rule would have done.
#[derive(Serialize, ToSchema)]
struct Tested {
    /// The rule's id.
    #[schema(example = "error-rate")]
    rule: String,
    /// The time that was asked, epoch milliseconds.
    from: i64,
    to: i64,
    /// Seconds between two questions: what begins and ends between them is not seen.
    step_seconds: i64,
    /// Whether time ran out before the end.
    cut: bool,
    /// How often it would have fired, and for how many minutes in all.
    times: usize,
    minutes: i64,
    firing: Vec<Spell>,
    /// The worst figure of each part of the time: its beginning (epoch milliseconds), the figure, whether it fires.
    points: Vec<(i64, Option<f64>, bool)>,
}

/// A time during which a group would have fired.
#[derive(Serialize, ToSchema)]
struct Spell {
    /// Values of the rule's fields; empty where it has none.
    group: String,
    /// Epoch milliseconds.
    from: i64,
    /// Missing where it still does.
    to: Option<i64>,
    /// Its worst figure.
    peak: Option<f64>,
}

/// What a rule would have done in the last 14 days, by the same questions and the same judgement as live.
#[utoipa::path(get, path = "/api/v1/alerts/rules/{id}/backtest", tag = "alerts", params(("id" = String, Path, description = "The rule's id")),
    responses((status = 200, description = "When it would have fired", body = Tested),
        (status = 404, description = "There is no such rule, or no rules are watched", body = Problem), Refused))]
pub(super) async fn tested(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
) -> Response {
    let board = match board(&app, &who) {
        Ok(board) => board,
        Err(reason) => return fail(StatusCode::FORBIDDEN, reason.to_owned()),
    };
    let rules = board.rules();
    let Some(rule) = rules.rules.iter().find(|rule| rule.id == id) else {
        return fail(StatusCode::NOT_FOUND, "there is no such rule".into());
    };
    let course = match board.test(&app, rule).await {
        Ok(course) => course,
        Err(reason) => return fail(StatusCode::SERVICE_UNAVAILABLE, reason),
    };
    let spell = |spell: &backtest::Spell| Spell {
        group: spell.group.clone(),
        from: spell.from,
        to: spell.to,
        peak: spell.peak,
    };
    let point = |(at, part): (usize, &backtest::Part)| {
        (course.from + at as i64 * course.width, part.worst, part.fires)
    };
    Json(Tested {
        rule: id,
        from: course.from,
        to: course.to,
        step_seconds: course.step / 1000,
        cut: course.is_cut,
        times: course.spells.len(),
        minutes: course.firing() / 60_000,
        firing: course.spells.iter().map(spell).collect(),
        points: course.parts.iter().enumerate().map(point).collect(),
    })
    .into_response()
}

/// The visitor's page, or the reason why there is none.
fn enter<'a>(
    app: &'a App,
    who: &Arc<Who>,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<(Asked, &'a Arc<Board>), Box<Response>> {
    let asked = asked(app, who, path, query, headers);
    match board(app, who) {
        Ok(board) => Ok((asked, board)),
        Err(reason) => {
            let main = errors::refused(reason);
            Err(Box::new(framed(app, &asked, &t!("Alert rules"), None, StatusCode::FORBIDDEN, &main)))
        }
    }
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (asked, board) = match enter(&app, &who, "/alerts/rules", query.as_deref(), &headers) {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    let states = match board.ledger(alces_alerts::Ledger::states).await {
        Ok(states) => states,
        Err(error) => return fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let count = |rule: &Rule, phases: &[Phase]| {
        states.iter().filter(|kept| kept.rule == rule.id && phases.contains(&kept.state.phase)).count()
    };
    let rules = board.rules();
    let rows: Vec<page::Row<'_>> = rules
        .rules
        .iter()
        .map(|rule| page::Row {
            rule,
            file: rules.files.get(&rule.id).map_or("", String::as_str),
            firing: count(rule, &[Phase::Firing, Phase::Recovering]),
            pending: count(rule, &[Phase::Pending]),
        })
        .collect();
    framed(
        &app,
        &asked,
        &t!("Alert rules"),
        None,
        StatusCode::OK,
        &page::list(&asked, &rows, who.may(Right::Write)),
    )
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (asked, board) = match enter(&app, &who, "/alerts/rules", query.as_deref(), &headers) {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    let rules = board.rules();
    let Some(rule) = rules.rules.iter().find(|rule| rule.id == id) else {
        return Unclear::Board.page(&app, &asked);
    };
    let course = board.test(&app, rule).await;
    let file = rules.files.get(&id).map_or("", String::as_str);
    let text = rules.texts.get(&id).map(String::as_str);
    let main = page::show(rule, file, text, &course, who.may(Right::Write));
    framed(&app, &asked, &rule.title, None, StatusCode::OK, &main)
}

/// What the form sends.
#[derive(Debug, Deserialize)]
struct Sent {
    text: String,
    /// The rule that is changed; empty for a new one.
    rule: String,
    /// The file's state when the form was made.
    version: String,
    /// `try`, `save` or `delete`.
    act: String,
}

async fn form(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (asked, board) = match enter(&app, &who, "/alerts/edit", query.as_deref(), &headers) {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    let id = value(query.as_deref(), "rule").unwrap_or_default();
    let rules = board.rules();
    if !id.is_empty() && !rules.files.contains_key(&id) {
        return Unclear::Board.page(&app, &asked);
    }
    let text = rules.texts.get(&id).map_or_else(|| page::BLANK.to_owned(), |item| format!("rules:\n{item}"));
    let (version, outcome) = match board.version().await {
        Ok(version) => (version, page::Outcome::None),
        Err(error) => (String::new(), page::Outcome::Refused(error.to_string())),
    };
    let main = page::edit(
        &asked,
        &page::Draft { id: &id, file: file_of(board, &id), text: &text, version: &version },
        &outcome,
    );
    framed(&app, &asked, &t!("Alert rule"), None, StatusCode::OK, &main)
}

/// The file of a rule, if it is one that the browser does not change.
fn file_of(board: &Board, id: &str) -> Option<String> {
    board.rules().files.get(id).filter(|file| *file != draft::FILE).cloned()
}

async fn sent(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Response {
    let (asked, board) = match enter(&app, &who, "/alerts/edit", query.as_deref(), &headers) {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    // A browser ends lines with CR LF.
    let text = sent.text.replace("\r\n", "\n");
    let (status, outcome) = match sent.act.as_str() {
        "save" | "delete" => {
            let deed = match sent.act.as_str() {
                "delete" => Written::Delete(sent.rule.clone()),
                _ => Written::Save { instead_of: sent.rule.clone(), text: text.clone() },
            };
            match board.write(deed, sent.version.clone()).await {
                Ok(id) => {
                    let word = if sent.act == "delete" { "deleted" } else { "saved" };
                    let now = (app.clock)().as_millisecond();
                    app.access.record(&who, Act::Edit, format!("alert rule {id} {word}"), now).await;
                    return redirect(&if sent.act == "delete" {
                        "/alerts/rules".to_owned()
                    } else {
                        format!("/alerts/rules/{id}")
                    });
                }
                Err(DraftError::Wrong(errors)) => {
                    (StatusCode::UNPROCESSABLE_ENTITY, page::Outcome::Errors(errors))
                }
                Err(error @ DraftError::ReadOnly(_)) => {
                    (StatusCode::SERVICE_UNAVAILABLE, page::Outcome::Refused(error.to_string()))
                }
                Err(error) => (StatusCode::CONFLICT, page::Outcome::Refused(error.to_string())),
            }
        }
        _ => match tried(&app, board, &text).await {
            Ok(outcome) => (StatusCode::OK, outcome),
            Err(errors) => (StatusCode::UNPROCESSABLE_ENTITY, page::Outcome::Errors(errors)),
        },
    };
    // After a conflict the next try is one against the file as it is now.
    let version = match (&status, board.version().await) {
        (&StatusCode::CONFLICT, Ok(version)) => version,
        _ => sent.version,
    };
    let draft =
        page::Draft { id: &sent.rule, file: file_of(board, &sent.rule), text: &text, version: &version };
    let main = page::edit(&asked, &draft, &outcome);
    framed(&app, &asked, &t!("Alert rule"), None, status, &main)
}

/// What a rule that is not saved would have done.
async fn tried(app: &App, board: &Board, text: &str) -> Result<page::Outcome, Vec<String>> {
    draft::one(text).map_err(|error| match error {
        DraftError::Wrong(errors) => errors,
        other => vec![other.to_string()],
    })?;
    let mut rules = crate::alert::Rules::parse(text)?;
    let Some(rule) = rules.rules.pop() else { return Ok(page::Outcome::None) };
    let course = board.test(app, &rule).await;
    Ok(page::Outcome::Tried(Box::new(rule), course))
}

/// `/render/alert.png?rule=…&group=…&from=…&to=…&expires=…&sig=…`: the figure of a rule, for a message.
async fn picture(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    // Before anything else is looked at.
    let now = (app.clock)().as_millisecond();
    if let Err(error) = links::verify(&app.secret, "/render/alert.png", &query, now) {
        return fail(StatusCode::FORBIDDEN, error.to_string());
    }
    let of = |name: &str| value(Some(&query), name).unwrap_or_default();
    let (Some(board), Ok(from), Ok(to)) = (&app.alerts, of("from").parse::<i64>(), of("to").parse::<i64>())
    else {
        return Unclear::Board.json();
    };
    let rules = board.rules();
    let Some(rule) = rules.rules.iter().find(|rule| rule.id == of("rule")) else {
        return Unclear::Board.json();
    };
    // What came before, and what came after, up to an hour.
    let (from, to) = (from - (to - from), now.min(to + 3_600_000));
    let mut one = rule.clone();
    for (field, value) in rule.by.values(&of("group")) {
        let only = crate::query::Query::exactly(field, value);
        let filter = crate::query::parse(&one.filter).unwrap_or_else(|_| crate::query::Query::everything());
        one.filter = filter.and(only).to_string();
    }
    match board.picture(&app, &one, (from, to)).await {
        Ok(course) => exports::drawn(Drawing::Time(page::chart(&one, &course)), Theme::Light).await,
        Err(reason) => fail(StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
