//! Questions over HTTP.

use serde_json::Value;

/// The answer's status and body, or none where nobody answers.
pub(crate) fn get(url: &str) -> Option<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(url).call().ok()?;
    let status = response.status().as_u16();
    Some((status, response.body_mut().with_config().limit(200 << 20).read_to_string().ok()?))
}

/// The answer as JSON; none where nobody answers or it is no success.
pub(crate) fn get_json(url: &str) -> Option<Value> {
    let (status, body) = get(url)?;
    (status == 200).then(|| serde_json::from_str(&body).ok()).flatten()
}

pub(crate) fn post_json(url: &str, body: &Value) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.post(url).send_json(body).ok()?;
    response.body_mut().with_config().limit(200 << 20).read_json().ok()
}

pub(crate) fn put_json(url: &str, body: &Value) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.put(url).send_json(body).ok()?;
    response.body_mut().with_config().limit(200 << 20).read_json().ok()
}

/// Sends lines of JSON (`_bulk`).
pub(crate) fn post_lines(url: &str, lines: &str) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.post(url).content_type("application/x-ndjson").send(lines).ok()?;
    response.body_mut().with_config().limit(200 << 20).read_json().ok()
}
