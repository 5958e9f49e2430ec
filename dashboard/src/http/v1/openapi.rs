//! `/api/v1/openapi.json`: what programs can ask, described for programs.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::http::{api, boards, events, rules, tail};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Alces dashboard",
        description = "What the dashboard's pages show, as JSON, within what the user may see. Errors are `{\"error\": \"…\"}`. Where the \
                       dashboard has no file of people, nobody logs in, and the addresses about people are not there.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(),
    ),
    paths(
        serve, super::me::me, boards::list, boards::json, events::post, super::lines::list, super::patterns::list, super::why::why,
        super::fields::list, api::values, api::complete, tail::tail, super::people::list, super::people::tokens, super::audit::list, super::alerts::list, super::alerts::ack,
        super::alerts::silence, super::alerts::end, rules::tested
    ),
    tags(
        (name = "boards", description = "Boards and their figures"),
        (name = "lines", description = "Lines, and what they have in common"),
        (name = "alerts", description = "Alert rules, where some are watched"),
        (name = "people", description = "Who may come in"),
        (name = "about", description = "This description"),
    ),
    security(("token" = []), ("session" = [])),
    modifiers(&Logins),
)]
struct Described;

/// How somebody is known.
struct Logins;

impl Modify for Logins {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "A token of the page Account, or of `alces dashboard token`. Its scope is the most that it may do.",
        ));
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
        let session = "The cookie of a login; with TLS its name is `__Host-alces`. What changes something wants X-CSRF-Token besides.";
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("alces", session))),
        );
    }
}

/// The description as JSON.
pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string_pretty(&Described::openapi()).unwrap_or_default());
    &TEXT
}

/// This description, OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about",
    responses((status = 200, description = "OpenAPI", body = Object), super::schema::Refused))]
pub(super) async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}
