//! `/explore?view=patterns`.

use std::sync::Arc;

use axum::response::Response;
use serde_json::Value;

use super::explore::Call;
use super::{gone, stale};
use crate::app::App;
use crate::error::BackendError;
use crate::explore::{carried, patterns};
use crate::language::t;
use crate::page::patterns::{self as page, Patterns};
use crate::view::picture::Part;

/// The lines of a search as patterns.
pub(super) async fn page(app: &Arc<App>, call: &Call, dsl: &Value) -> Response {
    match tokio::join!(app.look(call.wish.clone()), find(app, call, dsl)) {
        (Ok(shown), Ok(found)) => {
            let stale = stale(&shown, call.range().now);
            let pictures = (&*shown.seen, stale.as_ref());
            let main = page::patterns(&call.asked, call.range(), &call.wish.search, pictures, &found);
            call.page(app, &t!("Patterns"), &main)
        }
        (_, Err(error)) | (Err(error), _) => gone(app, &call.asked, &error),
    }
}

/// The patterns that lines carry, or, where most carry none, those of some that are looked at.
pub(super) async fn find(app: &App, call: &Call, dsl: &Value) -> Result<Part<Patterns>, BackendError> {
    match carried(app, call, dsl).await? {
        Ok(Some(found)) => return Ok(Ok(Patterns::Carried(found))),
        Ok(None) => {}
        Err(refused) => return Ok(Err(refused)),
    }
    let answers = call.ask(app, patterns::ask(call.span(), dsl, app.config.timeout_seconds)).await?;
    Ok(patterns::read(&answers).map(Patterns::Estimated))
}

/// The patterns that the lines of a search carry; none where most of them carry none.
async fn carried(app: &App, call: &Call, dsl: &Value) -> Result<Part<Option<carried::Found>>, BackendError> {
    let Some(carried) = carried::Carried::new(&call.fields, &call.wish.sight) else { return Ok(Ok(None)) };
    let (span, seconds) = (call.span(), app.config.timeout_seconds);
    let answer = call.ask(app, [carried.ask(span, dsl, seconds)]).await?.into_iter().next();
    let mut found = match answer {
        Some(Ok(answer)) => carried::read(&answer, span),
        Some(Err(refused)) => return Ok(Err(refused)),
        None => return Ok(Ok(None)),
    };
    // Of a few lines among many the view would tell nothing of the many.
    if found.patterns.is_empty() || found.with * 2 < found.lines {
        return Ok(Ok(None));
    }
    found.add(&call.ask(app, carried.ask_more(&found, span, dsl, seconds)).await?);
    Ok(Ok(Some(found)))
}
