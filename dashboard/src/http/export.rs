//! `/explore/export.csv`, `/explore/export.ndjson`: everything that a search finds, as a file.
//!
//! It is read from a point in time, so that nothing is missed or doubled while lines arrive, and sent as it is read: a page is asked when
//! the one before has gone to the client. A client that leaves ends it, and closes the point in time.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::explore::Call;
use super::{Unclear, fail};
use crate::access::Who;
use crate::app::App;
use crate::board::Source;
use crate::error::BackendError;
use crate::explore::export::{self, Kind};
use crate::explore::{hits, order};
use crate::sight::{Sight, hide, narrow};
use crate::view::plan::{Span, within};

/// How long a point in time is kept for a client that takes nothing.
const KEEP: &str = "5m";

/// How long a page may take: nobody looks at a file while it is written.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file that is being written.
struct Writing {
    app: Arc<App>,
    pit: Pit,
    kind: Kind,
    columns: Vec<String>,
    /// The lines of the search, whenever they were.
    dsl: Value,
    body: Value,
    /// What the client may see.
    sight: Arc<Sight>,
    filter: Option<Value>,
    /// What is still to be read, in the order of the file.
    stretches: VecDeque<Span>,
    ready: VecDeque<Bytes>,
    /// One of the few that may be under way.
    _permit: OwnedSemaphorePermit,
}

/// An open point in time, closed when it is dropped.
struct Pit {
    app: Arc<App>,
    id: String,
}

impl Drop for Pit {
    fn drop(&mut self) {
        let (app, id) = (Arc::clone(&self.app), std::mem::take(&mut self.id));
        // Where it cannot be told, the backend closes it by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { app.backend.close_pit(&id).await });
        }
    }
}

/// `/explore/export.{kind}`.
pub(super) async fn export(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(kind) = kind.strip_prefix("export.").and_then(Kind::from_word) else {
        return Unclear::Board.json();
    };
    let call = match Call::read(&app, &who, "/explore", query.as_deref(), &headers).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let dsl = match call.dsl_of_program() {
        Ok(dsl) => dsl,
        Err(response) => return *response,
    };
    let Ok(permit) = Arc::clone(&app.exports).try_acquire_owned() else {
        return fail(
            StatusCode::TOO_MANY_REQUESTS,
            "other exports are under way: try again when they have ended".into(),
        );
    };
    let (sight, filter) = (Arc::clone(&call.wish.sight), call.wish.sight.filter(&call.fields));
    let begun = async {
        let id = app.backend.open_pit(sight.index(Source::Logs), KEEP).await?;
        let pit = Pit { app: Arc::clone(&app), id };
        let counted = match export::count(call.range(), &dsl, &call.words) {
            Some(mut body) => {
                narrow(&mut body, filter.as_ref(), sight.mask.as_ref());
                body["pit"] = json!({"id": pit.id, "keep_alive": KEEP});
                Some(app.backend.search(&body, PATIENCE).await?)
            }
            None => None,
        };
        let stretches = export::stretches(call.range(), &call.words, counted.as_ref());
        let body = export::ask(&dsl, &call.words, &call.fields, kind);
        let head = Bytes::from(export::head(kind, &call.words.columns));
        let mut writing = Writing {
            pit,
            app: Arc::clone(&app),
            kind,
            columns: call.words.columns.clone(),
            dsl: dsl.clone(),
            body,
            filter: filter.clone(),
            sight: Arc::clone(&sight),
            stretches: stretches.into(),
            ready: VecDeque::from([head]),
            _permit: permit,
        };
        // The first page is asked before anything is sent, so that what is refused is an error and no broken file.
        writing.page().await?;
        Ok::<_, BackendError>(writing)
    };
    let writing = match begun.await {
        Ok(writing) => writing,
        Err(error) => return fail(StatusCode::BAD_GATEWAY, error.to_string()),
    };
    let name = format!("attachment; filename=\"lines-{}.{}\"", call.range().now, kind.word());
    let body = Body::from_stream(stream::try_unfold(writing, next));
    ([(header::CONTENT_TYPE, kind.content_type().to_owned()), (header::CONTENT_DISPOSITION, name)], body)
        .into_response()
}

async fn next(mut writing: Writing) -> io::Result<Option<(Bytes, Writing)>> {
    loop {
        match writing.ready.pop_front() {
            Some(bytes) if bytes.is_empty() => {}
            Some(bytes) => return Ok(Some((bytes, writing))),
            None if writing.stretches.is_empty() => return Ok(None),
            None => {
                if let Err(error) = writing.page().await {
                    // The connection is broken off, so that half a file does not look like a whole one.
                    tracing::warn!(%error, "an export ended early");
                    return Err(io::Error::other(error.to_string()));
                }
            }
        }
    }
}

impl Writing {
    async fn page(&mut self) -> Result<(), BackendError> {
        let Some(stretch) = self.stretches.front() else { return Ok(()) };
        self.body["query"] = within(*stretch, &self.dsl);
        self.body["pit"] = json!({"id": self.pit.id, "keep_alive": KEEP});
        let mut body = self.body.clone();
        narrow(&mut body, self.filter.as_ref(), self.sight.mask.as_ref());
        let mut answer = self.app.backend.search(&body, PATIENCE).await?;
        if let Some(mask) = &self.sight.mask {
            hide(&mut answer, mask);
        }
        if let Some(id) = answer["pit_id"].as_str() {
            id.clone_into(&mut self.pit.id);
        }
        let mut found = hits::hits(&answer);
        let after = order::cut(&mut found, export::PAGE);
        let rows: String = found.iter().map(|hit| export::row(self.kind, &self.columns, hit)).collect();
        self.ready.push_back(rows.into());
        match after {
            Some(after) => self.body["search_after"] = json!(after),
            None => {
                self.stretches.pop_front();
                self.body.as_object_mut().map(|body| body.remove("search_after"));
            }
        }
        Ok(())
    }
}
