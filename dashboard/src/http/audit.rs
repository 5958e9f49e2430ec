//! The audit log: a page, and as a file.

use std::sync::Arc;

use alces_people::{Entry, Wanted};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::json;

use super::guard::unavailable;
use super::{asked, framed, value};
use crate::access::Who;
use crate::app::App;
use crate::chart::csv;
use crate::language::t;
use crate::page::audit as page;

/// Entries of a page.
const PAGE: usize = 200;
/// Entries of a file: some tens of megabytes at most.
const FILE: usize = 100_000;

/// The addresses.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/people/audit", get(show))
        .route("/people/audit.csv", get(as_csv))
        .route("/people/audit.ndjson", get(as_ndjson))
}

/// `?who=…&act=…&before=…`; what is not understood is left out.
fn wanted(query: Option<&str>, most: usize) -> Wanted {
    let of = |name: &str| value(query, name);
    Wanted {
        who: of("who"),
        act: of("act").and_then(|act| act.parse().ok()),
        before: of("before").and_then(|id| id.parse().ok()),
        most,
    }
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let wanted = wanted(query.as_deref(), PAGE);
    let asking = wanted.clone();
    match app.access.ask(move |people| people.audit(&asking)).await {
        Ok(entries) => {
            let asked = asked(&app, &who, "/people/audit", None, &headers);
            framed(&app, &asked, &t!("Audit log"), None, StatusCode::OK, &page::audit(&wanted, &entries))
        }
        Err(error) => unavailable(&app, &headers, "/people/audit", &error),
    }
}

async fn as_csv(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let write = |e: &Entry| {
        csv::line(
            [page::stamp(e.at), e.who.clone(), e.act.clone(), e.address.clone(), e.what.clone()]
                .iter()
                .map(|c| csv::field(c)),
        )
    };
    let head = csv::line(["time", "who", "act", "address", "what"].into_iter().map(csv::field));
    file(&app, query.as_deref(), &headers, "csv", head, write).await
}

async fn as_ndjson(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let write = |e: &Entry| {
        let entry = json!({"time": page::stamp(e.at), "who": e.who, "act": e.act, "address": e.address, "what": e.what});
        format!("{entry}\n")
    };
    file(&app, query.as_deref(), &headers, "ndjson", String::new(), write).await
}

async fn file(
    app: &App,
    query: Option<&str>,
    headers: &HeaderMap,
    kind: &str,
    head: String,
    write: impl Fn(&Entry) -> String,
) -> Response {
    let wanted = wanted(query, FILE);
    match app.access.ask(move |people| people.audit(&wanted)).await {
        Ok(entries) => {
            let text = entries.iter().fold(head, |text, entry| text + &write(entry));
            let content = if kind == "csv" { "text/csv; charset=utf-8" } else { "application/x-ndjson" };
            let name = format!("attachment; filename=\"audit.{kind}\"");
            ([(header::CONTENT_TYPE, content.to_owned()), (header::CONTENT_DISPOSITION, name)], text)
                .into_response()
        }
        Err(error) => unavailable(app, headers, "/people/audit", &error),
    }
}
