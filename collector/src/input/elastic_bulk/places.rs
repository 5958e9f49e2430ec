//! What a shipper asks of Elasticsearch beside `_bulk`, at its start: who is there, what its licence is, whether templates, policies and
//! aliases are. There are none here; who makes some is told that they are made, as what is behind the pipeline decides about its own.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// What a request is about.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// `_bulk`, with the index that stands before it.
    Bulk(Option<String>),
    /// Something else, with its answer.
    Other(StatusCode, Value),
}

impl Place {
    pub(super) fn of(method: &Method, path: &str, version: &str) -> Self {
        let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
        let asks = matches!(*method, Method::GET | Method::HEAD);
        let known = |answer| Self::Other(StatusCode::OK, answer);
        match words[..] {
            // A type may stand between them, of before version 8.
            ["_bulk"] | [_, "_bulk"] | [_, _, "_bulk"] if matches!(*method, Method::POST | Method::PUT) => {
                Self::Bulk(words.first().filter(|word| **word != "_bulk").map(|word| plain(word)))
            }
            [] if asks => known(json!({
                "name": "alces",
                "cluster_name": "alces",
                "cluster_uuid": "alces-elastic-bulk-input",
                "version": {
                    "number": version,
                    "build_flavor": "default",
                    "build_type": "tar",
                    "build_snapshot": false,
                    "minimum_wire_compatibility_version": "7.17.0",
                    "minimum_index_compatibility_version": "7.0.0",
                },
                "tagline": "You Know, for Search",
            })),
            ["_license"] if asks => known(json!({"license": license("issued_to")})),
            ["_xpack"] if asks => known(json!({
                "license": license("expiry"),
                "features": {"ilm": {"available": true, "enabled": true}, "security": {"available": true, "enabled": false}},
                "tagline": "You know, for X",
            })),
            ["_cluster", "health"] if asks => known(json!({
                "cluster_name": "alces", "status": "green", "timed_out": false,
                "number_of_nodes": 1, "number_of_data_nodes": 1, "active_shards": 0,
            })),
            ["_nodes", ..] if asks => known(json!({"cluster_name": "alces", "nodes": {}})),
            // Whether it is there: yes, so that nobody makes it.
            [_, ..] if *method == Method::HEAD => known(Value::Null),
            [
                "_template"
                | "_index_template"
                | "_component_template"
                | "_ilm"
                | "_ingest"
                | "_alias"
                | "_data_stream",
                ..,
            ] if asks => Self::missing(path),
            [
                "_template"
                | "_index_template"
                | "_component_template"
                | "_ilm"
                | "_ingest"
                | "_alias"
                | "_aliases"
                | "_data_stream",
                ..,
            ] => known(json!({"acknowledged": true})),
            // An index, with an alias perhaps.
            [name] if *method == Method::PUT && !name.starts_with('_') => {
                known(json!({"acknowledged": true, "shards_acknowledged": true, "index": plain(name)}))
            }
            _ => Self::missing(path),
        }
    }

    fn missing(path: &str) -> Self {
        let reason = format!("{path} is not here: this is the input of a pipeline, which takes `_bulk`");
        Self::Other(
            StatusCode::NOT_FOUND,
            error(StatusCode::NOT_FOUND, "resource_not_found_exception", &reason),
        )
    }
}

fn license(more: &str) -> Value {
    json!({"uid": "alces", "type": "basic", "mode": "basic", "status": "active", more: "alces"})
}

/// An error in Elasticsearch's shape.
pub(super) fn error(status: StatusCode, kind: &str, reason: &str) -> Value {
    let cause = json!({"type": kind, "reason": reason});
    json!({"error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status.as_u16()})
}

/// A word of an address without its escapes.
fn plain(word: &str) -> String {
    if !word.contains('%') {
        return word.to_owned();
    }
    let form = format!("w={}", word.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).next().map_or(word.to_owned(), |(_, word)| word.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shippers_ask() {
        let check = |method: Method, path: &str| match Place::of(&method, path, "8.1.2") {
            Place::Bulk(index) => format!("bulk {index:?}"),
            Place::Other(status, answer) => format!("{} {}", status.as_u16(), answer),
        };
        for (method, path, expect) in [
            (Method::POST, "/_bulk", "bulk None"),
            (Method::PUT, "/logs-1/_bulk", "bulk Some(\"logs-1\")"),
            (Method::POST, "/%3Clogs-%7Bnow%2Fd%7D%3E/_doc/_bulk", "bulk Some(\"<logs-{now/d}>\")"),
            (Method::GET, "/_bulk", "404"),
            (Method::GET, "/", "200 {\"cluster_name\":\"alces\""),
            (Method::HEAD, "/_template/filebeat", "200 null"),
            (Method::GET, "/_ilm/policy/filebeat", "404"),
            (Method::PUT, "/_ilm/policy/filebeat", "200 {\"acknowledged\":true}"),
            (Method::PUT, "/filebeat-000001", "200 {\"acknowledged\":true"),
            (Method::GET, "/_license", "200 {\"license\":"),
            (Method::GET, "/_cluster/health", "200"),
            (Method::GET, "/logs/_search", "404"),
            (Method::POST, "/logs/_doc", "404"),
        ] {
            assert!(check(method, path).starts_with(expect), "{path}");
        }
    }
}
