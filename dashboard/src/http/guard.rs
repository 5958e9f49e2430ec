//! Before every page: who asks, whether that person may, and whether the request is the person's own.
//!
//! What an address asks of a visitor is one table, [`door`]; an address that is not in it is for those who are logged in. A request that
//! changes something must come from a page of this server: browsers say where a request comes from (`Sec-Fetch-Site`, `Origin`), and a
//! form carries a token that only its own page knows. Programs with a token in `Authorization` need neither, as no browser adds that by
//! itself.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use alces_people::{Act, PeopleError, Right};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{MOST_BODY, Peer, fail, html, value};
use crate::access::{Way, Who, cookie};
use crate::app::App;
use crate::language::t;
use crate::page::errors;
use crate::page::layout::{Theme, bare};

/// What an address asks of who comes; nothing of some.
fn door(method: &Method, path: &str) -> Option<Right> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        // A picture's link is signed. Whether the dashboard lives may be known to everybody; its figures not, as a proxy on the same machine
        // makes loopback no proof of anything.
        ["healthz" | "readyz" | "login" | "theme" | "language"]
        | ["static" | "invite", ..]
        | ["render", "panel.png" | "alert.png"] => None,
        // The way to a provider and back.
        ["login", "oidc"] | ["login", "oidc", "callback"] => None,
        ["people", ..] | ["api", "v1", "people" | "audit", ..] => Some(Right::Admin),
        // A pattern that is tried changes nothing; searches are kept by viewers too.
        ["account", ..] | ["logout" | "grok"] | ["explore", "searches", ..] => Some(Right::Read),
        ["b", _, "edit"] | ["alerts", "edit"] => Some(Right::Write),
        _ if is_safe(method) => Some(Right::Read),
        _ => Some(Right::Write),
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The layer.
pub(super) async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let path = uri.path();
    if matches!(path, "/healthz" | "/readyz") || path.starts_with("/static/") {
        return next.run(request).await;
    }
    if !is_safe(&method) && is_foreign(&app, &headers) {
        return refuse(&app, &headers, path, "a page of another site may not do this");
    }
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let now = (app.clock)().as_millisecond();
    let who = match app.access.who(&app.config, peer, &headers, now).await {
        Ok(who) => who,
        Err(error) => return unavailable(&app, &headers, path, &error),
    };
    if let Some(right) = door(&method, path).filter(|right| !who.may(*right)) {
        if who.way != Way::Nobody {
            return refuse(&app, &headers, path, needs(right));
        }
        let wanted = if is_safe(&method) { uri.path_and_query().map_or(path, |p| p.as_str()) } else { path };
        return log_in_first(&headers, path, wanted);
    }
    if !is_safe(&method) && who.is_ambient() {
        request = match own(request, &app, &who).await {
            Ok(request) => request,
            Err(status) => {
                let reason = "this form is too old, or it is not of this dashboard: load its page again";
                return if status == StatusCode::FORBIDDEN {
                    refuse(&app, &headers, path, reason)
                } else {
                    status.into_response()
                };
            }
        };
    }
    let who = Arc::new(who);
    request.extensions_mut().insert(Arc::clone(&who));
    let response = next.run(request).await;
    if response.status().as_u16() < 400
        && let Some((act, what)) = noted(&method, path, uri.query())
        && (act == Act::Edit || app.access.is_new(&who, &what, now))
    {
        app.access.record(&who, act, what, now).await;
    }
    response
}

/// What of a request belongs into the audit log. Changes of people are written there with the change itself.
fn noted(method: &Method, path: &str, query: Option<&str>) -> Option<(Act, String)> {
    let whole = query.map_or_else(|| path.to_owned(), |q| format!("{path}?{q}"));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["people" | "account" | "login" | "logout" | "invite" | "render" | "theme" | "language", ..] => None,
        // Written down with what is done there.
        ["explore", "searches", ..] | ["api", "v1", "searches", ..] => None,
        ["b", _, "edit"] if !is_safe(method) => Some((Act::Edit, path.to_owned())),
        ["api", "v1", "events"] => Some((Act::Edit, path.to_owned())),
        ["api", "v1", "alerts", ..] if !is_safe(method) => Some((Act::Edit, path.to_owned())),
        // What is tried is no edit, and what is saved is written down with it.
        ["alerts", "edit"] => None,
        ["alerts", ..] if !is_safe(method) => Some((Act::Edit, path.to_owned())),
        ["b", _, file] if file.contains('.') => Some((Act::Export, whole)),
        ["report"] => Some((Act::Export, whole)),
        ["explore", file] if file.contains('.') => Some((Act::Export, whole)),
        // What is typed is no search yet.
        ["api", "v1", "complete"] => None,
        _ => value(query, "q").map(|_| (Act::Search, whole)),
    }
}

/// Whether a browser says that another site's page sent this.
fn is_foreign(app: &App, headers: &HeaderMap) -> bool {
    let of = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = of("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = of("origin") else { return false };
    let own = |url: &url::Url| url.origin().ascii_serialization() == origin;
    let host = origin.split_once("://").map(|(_, host)| host);
    !(app.config.public_url.as_ref().is_some_and(own) || (host.is_some() && host == of("host")))
}

/// Whether the request carries the token of this browser's forms: in the header `X-CSRF-Token`, or in a form's field `csrf`.
async fn own(request: Request, app: &App, who: &Who) -> Result<Request, StatusCode> {
    let good = |token: &str| app.access.forms.is_token(&who.basis, token);
    if request.headers().get("x-csrf-token").and_then(|v| v.to_str().ok()).is_some_and(good) {
        return Ok(request);
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(StatusCode::FORBIDDEN);
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MOST_BODY).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let text = std::str::from_utf8(&body).ok();
    if !value(text, "csrf").is_some_and(|token| good(&token)) {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(Request::from_parts(head, Body::from(body)))
}

const fn needs(right: Right) -> &'static str {
    match right {
        Right::Read => "this wants a login",
        Right::Write => {
            "this is for editors: ask an administrator for that role, or for a token with the scope write"
        }
        Right::Admin => "this is for administrators",
    }
}

/// Whether a browser wants a page, and not a program an answer.
fn wants_page(headers: &HeaderMap, path: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    !path.starts_with("/api/") && accept.contains("text/html") && !headers.contains_key(header::AUTHORIZATION)
}

/// To the page that lets in, and from there on to what was wanted.
fn log_in_first(headers: &HeaderMap, path: &str, wanted: &str) -> Response {
    if wants_page(headers, path) {
        let next: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        return redirect(&format!("/login?next={next}"));
    }
    let mut response =
        fail(StatusCode::UNAUTHORIZED, "log in, or send a token: Authorization: Bearer alces_…".into());
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"alces\""));
    response
}

/// See another address.
pub(super) fn redirect(to: &str) -> Response {
    let Ok(to) = HeaderValue::try_from(to) else { return StatusCode::BAD_REQUEST.into_response() };
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

fn refuse(app: &App, headers: &HeaderMap, path: &str, reason: &str) -> Response {
    if wants_page(headers, path) {
        return bare_page(app, headers, StatusCode::FORBIDDEN, &t!("Not for you"), &errors::refused(reason));
    }
    fail(StatusCode::FORBIDDEN, reason.to_owned())
}

/// The file of people gives no answer.
pub(super) fn unavailable(app: &App, headers: &HeaderMap, path: &str, error: &PeopleError) -> Response {
    tracing::warn!(%error, "the file of people");
    let reason = match error {
        PeopleError::Locked | PeopleError::Full => error.to_string(),
        _ => "the file of people cannot be used: the dashboard's log says why".to_owned(),
    };
    if wants_page(headers, path) {
        return bare_page(
            app,
            headers,
            StatusCode::SERVICE_UNAVAILABLE,
            &t!("No answer"),
            &errors::no_people(&reason),
        );
    }
    fail(StatusCode::SERVICE_UNAVAILABLE, reason)
}

/// A page without the boards around it.
pub(super) fn bare_page(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    title: &str,
    main: &maud::Markup,
) -> Response {
    let theme = Theme::from_word(cookie(headers, "theme").unwrap_or_default());
    html(status, bare(&app.config, theme, title, main).into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_thought_of_is_for_those_who_are_logged_in() {
        let of = |method: Method, path: &str| door(&method, path);
        for path in [
            "/",
            "/nowhere",
            "/metrics",
            "/lines",
            "/b/x/y.csv",
            "/api/v1/boards",
            "/healthz/x",
            "/render/other",
        ] {
            assert_eq!(of(Method::GET, path), Some(Right::Read), "{path}");
        }
        for path in ["/b/x/edit", "/api/v1/events", "/nowhere", "/lines"] {
            assert_eq!(of(Method::POST, path), Some(Right::Write), "{path}");
        }
        assert_eq!(of(Method::GET, "/b/x/edit"), Some(Right::Write));
        assert_eq!(of(Method::GET, "/alerts/edit"), Some(Right::Write));
        for path in ["/people/audit.csv", "/api/v1/people", "/api/v1/audit"] {
            assert_eq!(of(Method::GET, path), Some(Right::Admin), "{path}");
        }
        assert_eq!(of(Method::GET, "/healthz"), None);
    }

    #[test]
    fn what_is_noted() {
        let of = |method: Method, path: &str, query| {
            noted(&method, path, query).map(|(act, what)| format!("{act} {what}"))
        };
        assert_eq!(of(Method::GET, "/lines", Some("q=amy")).as_deref(), Some("search /lines?q=amy"));
        assert_eq!(of(Method::GET, "/lines", Some("q=&from=now-1h")), None);
        assert_eq!(
            of(Method::GET, "/b/overview/urls.csv", None).as_deref(),
            Some("export /b/overview/urls.csv")
        );
        assert_eq!(of(Method::POST, "/b/overview/edit", None).as_deref(), Some("edit /b/overview/edit"));
        assert_eq!(of(Method::GET, "/invite/secret", Some("q=x")), None);
    }
}
