//! The explorer's pages: lines, one line, the values of a field, what stood around a line.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use serde_json::Value;

use super::{Unclear, asked, fail, framed, gone, stale, value, wish};
use crate::access::Who;
use crate::app::{App, Wish};
use crate::backend::{Answer, Search};
use crate::board::{Board, Source};
use crate::error::BackendError;
use crate::explore::hits::{Hit, hits};
use crate::explore::state::{State as Words, StateError, View};
use crate::explore::{self, around, order, severity, values};
use crate::fields::Fields;
use crate::language::t;
use crate::page::explore as page;
use crate::page::layout::Asked;
use crate::page::{errors, line as line_page, tail};
use crate::query::Query;
use crate::range::Range;
use crate::sight::{Sight, hide, narrow};
use crate::view::answers;

/// What every page of the explorer knows.
pub(super) struct Call {
    pub(super) asked: Asked,
    pub(super) words: Words,
    /// With its range rounded, so that all that is asked for it is asked of one moment.
    pub(super) wish: Wish,
    pub(super) fields: Arc<Fields>,
}

/// Why an address leads nowhere.
enum Misread {
    Words(StateError),
    Unclear(Unclear),
    Backend(BackendError),
}

impl Call {
    /// Reads the address of a page; what is wrong with it is a page.
    pub(super) async fn read(
        app: &Arc<App>,
        who: &Arc<Who>,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, Response> {
        Self::understand(app, who, path, query, headers).await.map_err(|(asked, wrong)| match wrong {
            Misread::Words(error) => {
                let main = errors::bad_address(&error.to_string());
                framed(app, &asked, &t!("Not understood"), None, StatusCode::BAD_REQUEST, &main)
            }
            Misread::Unclear(unclear) => unclear.page(app, &asked),
            Misread::Backend(error) => gone(app, &asked, &error),
        })
    }

    /// Reads the address that a program asks; what is wrong with it is JSON.
    pub(super) async fn of_program(
        app: &Arc<App>,
        who: &Arc<Who>,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, Response> {
        Self::understand(app, who, "/explore", query, headers).await.map_err(|(_, wrong)| match wrong {
            Misread::Words(error) => fail(StatusCode::BAD_REQUEST, error.to_string()),
            Misread::Unclear(unclear) => unclear.json(),
            Misread::Backend(error) => fail(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        })
    }

    /// The same, with its search as a query.
    pub(super) async fn searched_by_program(
        app: &Arc<App>,
        who: &Arc<Who>,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<(Self, Value), Response> {
        let call = Self::of_program(app, who, query, headers).await?;
        let dsl = call.dsl().map_err(|wrong| fail(StatusCode::BAD_REQUEST, wrong.error))?;
        Ok((call, dsl))
    }

    async fn understand(
        app: &Arc<App>,
        who: &Arc<Who>,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, (Box<Asked>, Misread)> {
        let mut asked = asked(app, who, path, query, headers);
        let words = match Words::read(|name| value(query, name)) {
            Ok(words) => words,
            Err(error) => return Err((Box::new(asked), Misread::Words(error))),
        };
        asked.also = words.address();
        let mut wish = match wish(app, &asked, Arc::new(Board::blank(Vec::new()))) {
            Ok(wish) => wish,
            Err(unclear) => return Err((Box::new(asked), Misread::Unclear(unclear))),
        };
        if let Some(reason) = wish.sight.refuses_field(&words.sort.field) {
            return Err((Box::new(asked), Misread::Unclear(Unclear::Masked(reason))));
        }
        wish.range = wish.range.rounded();
        match app.fields(&wish.range, &wish.sight).await {
            Ok((fields, _)) => Ok(Self { asked, words, wish, fields }),
            Err(error) => Err((Box::new(asked), Misread::Backend(error))),
        }
    }

    pub(super) fn range(&self) -> &Range {
        &self.wish.range
    }

    pub(super) fn span(&self) -> (i64, i64) {
        (self.wish.range.from, self.wish.range.to)
    }

    /// The search as a query, or what is wrong with it.
    pub(super) fn dsl(&self) -> Result<Value, page::Wrong> {
        explore::dsl(&self.wish.search, &self.fields).map_err(|error| {
            // The place is one in the text as it was typed.
            let better = error.suggestion().and_then(|near| {
                let mut text = self.asked.q.clone();
                text.get(error.span())?;
                text.replace_range(error.span(), near);
                Some(text)
            });
            page::Wrong { error: error.to_string(), caret: error.caret(&self.asked.q), better }
        })
    }

    /// Asks about lines, within what the visitor may see.
    pub(super) async fn ask(
        &self,
        app: &App,
        bodies: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Answer>, BackendError> {
        ask(app, &self.wish.sight, &self.fields, bodies).await
    }

    /// The searches for the lines that have a value, and for those that do not, if that can be asked.
    fn narrowed(&self, field: &str, value: &str) -> Option<[Query; 2]> {
        let open = self.wish.sight.refuses_field(field).is_none();
        open.then(|| values::narrowed(&self.wish.search, field, value, &self.fields)).flatten()
    }

    /// The search as a query, for a program; what is wrong with it is JSON.
    pub(super) fn dsl_of_program(&self) -> Result<Value, Box<Response>> {
        self.dsl().map_err(|wrong| Box::new(fail(StatusCode::BAD_REQUEST, wrong.error)))
    }

    /// A whole page around `main`.
    pub(super) fn page(&self, app: &App, title: &str, main: &Markup) -> Response {
        // No refresh: a list that moves under the eyes cannot be read. The tail is for that.
        framed(app, &self.asked, title, None, StatusCode::OK, main)
    }
}

/// Asks about lines, within what somebody may see.
pub(super) async fn ask(
    app: &App,
    sight: &Sight,
    fields: &Fields,
    bodies: impl IntoIterator<Item = Value>,
) -> Result<Vec<Answer>, BackendError> {
    let filter = sight.filter(fields);
    let search = |mut body| {
        narrow(&mut body, filter.as_ref(), sight.mask.as_ref());
        Search { index: sight.index(Source::Logs).to_owned(), body }
    };
    let searches: Vec<Search> = bodies.into_iter().map(search).collect();
    let mut answers = app.backend.msearch(&searches).await?;
    if let Some(mask) = &sight.mask {
        answers.iter_mut().flatten().for_each(|answer| hide(answer, mask));
    }
    Ok(answers)
}

/// `/lines`, as it was called before: there are links to it in chats.
pub(super) async fn moved(RawQuery(query): RawQuery) -> Response {
    let to = format!("/explore?{}", query.unwrap_or_default());
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response()
}

/// `/explore?q=…&from=…&to=…&columns=…&sort=…&after=…`.
pub(super) async fn lines(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut call = match Call::read(&app, &who, "/explore", query.as_deref(), &headers).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    call.wish.board = Arc::new(severity::board(&call.fields));
    let dsl = match call.dsl() {
        Ok(dsl) => dsl,
        Err(wrong) => return call.page(&app, &t!("Explore"), &page::wrong(&call.asked, &wrong)),
    };
    match call.words.view {
        View::Lines => {}
        View::Patterns => return super::patterns::page(&app, &call, &dsl).await,
        View::Tail => {
            return call.page(&app, &t!("Live"), &tail::tail(&call.asked, app.config.tap.is_some()));
        }
    }
    let seconds = app.config.timeout_seconds;
    let bodies = [
        explore::lines(call.span(), &dsl, &call.words, &call.fields, seconds),
        explore::sample(call.span(), &dsl, seconds),
    ];
    let begun = std::time::Instant::now();
    let (shown, answers) = match tokio::join!(app.look(call.wish.clone()), call.ask(&app, bodies)) {
        (Ok(shown), Ok(answers)) => (shown, answers),
        (_, Err(error)) | (Err(error), _) => return gone(&app, &call.asked, &error),
    };
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err("no answer".into()));
    let found = next().map(|answer| {
        let mut found = hits(&answer);
        let after = order::cut(&mut found, explore::PAGE);
        let after = after.and_then(|a| serde_json::to_string(&a).ok());
        page::Found { total: answers::hits(&answer), hits: found, after }
    });
    // Without a sample there are no names beside the lines, and no harm done.
    let sample: Vec<Hit> = next().map(|answer| hits(&answer)).unwrap_or_default();
    let stale = stale(&shown, call.range().now);
    let main = page::lines(&page::Page {
        asked: &call.asked,
        words: &call.words,
        range: call.range(),
        fields: &call.fields,
        seen: &shown.seen,
        stale: stale.as_ref(),
        found: &found,
        sample: &sample,
        took: begun.elapsed(),
    });
    call.page(&app, &t!("Explore"), &main)
}

/// Which line is meant: `index=…&id=…`.
async fn meant(app: &App, call: &Call, query: Option<&str>) -> Result<Option<Hit>, BackendError> {
    let (Some(index), Some(id)) = (value(query, "index"), value(query, "id")) else { return Ok(None) };
    // Only within the visitor's own patterns: an address opens no other index.
    let answer = call.ask(app, [explore::one(&id, app.config.timeout_seconds)]).await?.into_iter().next();
    let found = answer.and_then(Answer::ok).map(|answer| hits(&answer)).unwrap_or_default();
    Ok(found.into_iter().find(|hit| hit.index == index))
}

/// A page about one line: `make` writes it.
async fn about(
    app: &Arc<App>,
    who: &Arc<Who>,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    make: impl AsyncFnOnce(&Call, Hit) -> Result<(Cow<'static, str>, Markup), BackendError>,
) -> Response {
    let call = match Call::read(app, who, path, query, headers).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let made = match meant(app, &call, query).await {
        Ok(Some(hit)) => make(&call, hit).await,
        Ok(None) => {
            let main = line_page::gone(&call.asked);
            return framed(app, &call.asked, &t!("No such line"), None, StatusCode::NOT_FOUND, &main);
        }
        Err(error) => Err(error),
    };
    match made {
        Ok((title, main)) => call.page(app, &title, &main),
        Err(error) => gone(app, &call.asked, &error),
    }
}

/// `/explore/line?index=…&id=…`: all fields of a line.
pub(super) async fn line(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let make = async |call: &Call, hit: Hit| {
        let narrowed = |field: &str, value: &str| call.narrowed(field, value);
        Ok((t!("A line"), line_page::line(&call.asked, &call.words, call.range(), &hit, &narrowed)))
    };
    about(&app, &who, "/explore/line", query.as_deref(), &headers, make).await
}

/// `/explore/around?index=…&id=…&n=10`: the lines beside a line.
pub(super) async fn around(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let beside = value(query.as_deref(), "n").and_then(|n| n.parse().ok()).unwrap_or(around::BESIDE);
    let beside = beside.clamp(1, around::MOST);
    let make = async |call: &Call, hit: Hit| {
        let seconds = app.config.timeout_seconds;
        let Some(mut wanted) = around::plan(&hit, beside, &call.fields, seconds) else {
            return Ok((t!("Surrounding lines"), line_page::timeless(&call.asked)));
        };
        let bodies = std::mem::take(&mut wanted.bodies);
        let found = wanted.read(&call.ask(&app, bodies).await?);
        let main = line_page::around(&call.asked, call.range(), &hit, &wanted.by, &found, beside);
        Ok((t!("Surrounding lines"), main))
    };
    about(&app, &who, "/explore/around", query.as_deref(), &headers, make).await
}

/// `/explore/values?field=…`: the values of a field.
pub(super) async fn field(
    State(app): State<Arc<App>>,
    Extension(who): Extension<Arc<Who>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let call = match Call::read(&app, &who, "/explore/values", query.as_deref(), &headers).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let Some(field) = value(query.as_deref(), "field") else { return Unclear::Board.page(&app, &call.asked) };
    let dsl = match call.dsl() {
        Ok(dsl) => dsl,
        Err(wrong) => return call.page(&app, &t!("Values"), &page::wrong(&call.asked, &wrong)),
    };
    match counted(&app, &call, &dsl, &field).await {
        Ok(found) => {
            let narrowed = |value: &str| call.narrowed(&field, value);
            let main = page::values(&call.asked, &call.words, &field, found.as_ref(), &narrowed);
            call.page(&app, &t!("Values"), &main)
        }
        Err(error) => gone(&app, &call.asked, &error),
    }
}

/// The values of a field; none where they cannot be counted.
pub(super) async fn counted(
    app: &App,
    call: &Call,
    dsl: &Value,
    field: &str,
) -> Result<Option<Result<values::Values, String>>, BackendError> {
    if let Some(reason) = call.wish.sight.refuses_field(field) {
        return Ok(Some(Err(reason)));
    }
    let seconds = app.config.timeout_seconds;
    let Some(body) = values::ask(call.span(), dsl, field, &call.fields, seconds) else { return Ok(None) };
    let answers = call.ask(app, [body]).await?;
    let answer = answers.into_iter().next().unwrap_or_else(|| Err("no answer".into()));
    Ok(Some(answer.map(|answer| values::read(field, &answer))))
}
