//! `/explore?view=patterns`.

use std::sync::Arc;

use axum::response::Response;
use serde_json::Value;

use super::explore::Call;
use super::{gone, stale};
use crate::app::App;
use crate::explore::patterns;
use crate::language::t;
use crate::page::patterns as page;

/// The lines of a search as patterns.
pub(super) async fn page(app: &Arc<App>, call: &Call, dsl: &Value) -> Response {
    let bodies = patterns::ask(call.span(), dsl, app.config.timeout_seconds);
    match tokio::join!(app.look(call.wish.clone()), call.ask(app, bodies)) {
        (Ok(shown), Ok(answers)) => {
            let found = patterns::read(&answers);
            let stale = stale(&shown, call.range().now);
            let pictures = (&*shown.seen, stale.as_ref());
            let main = page::patterns(&call.asked, call.range(), &call.wish.search, pictures, &found);
            call.page(app, &t!("Patterns"), &main)
        }
        (_, Err(error)) | (Err(error), _) => gone(app, &call.asked, &error),
    }
}
