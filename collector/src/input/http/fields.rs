//! What of a request goes into its events.

use std::net::SocketAddr;

use alces_conf::Options;
use alces_event::{FieldRef, Key, Object, Value};
use alces_filters::EcsMode;
use alces_plugin::options::field_option;
use hyper::{
    HeaderMap, Version,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, USER_AGENT},
    http::request::Parts,
};

use super::super::{field, peer::Peer};

/// Where it goes.
#[derive(Clone, Debug)]
pub(super) struct Names {
    remote_host: FieldRef,
    headers: FieldRef,
    ecs: Option<Ecs>,
}

/// What the Elastic Common Schema has names for.
#[derive(Clone, Debug)]
struct Ecs {
    version: FieldRef,
    agent: FieldRef,
    domain: FieldRef,
    port: FieldRef,
    method: FieldRef,
    path: FieldRef,
    bytes: FieldRef,
    kind: FieldRef,
}

impl Names {
    pub(super) fn read(options: &mut Options<'_>, ecs: EcsMode) -> Self {
        let (host, headers) = match ecs {
            EcsMode::V8 => ("[host][ip]", "[@metadata][input][http][request][headers]"),
            EcsMode::Disabled => ("host", "headers"),
        };
        let remote_host = field_option(options, "remote_host_target_field").unwrap_or_else(|| field(host));
        let headers = field_option(options, "request_headers_target_field").unwrap_or_else(|| field(headers));
        let ecs = (ecs == EcsMode::V8).then(|| Ecs {
            version: field("[http][version]"),
            agent: field("[user_agent][original]"),
            domain: field("[url][domain]"),
            port: field("[url][port]"),
            method: field("[http][method]"),
            path: field("[url][path]"),
            bytes: field("[http][request][body][bytes]"),
            kind: field("[http][request][mime_type]"),
        });
        Self { remote_host, headers, ecs }
    }

    /// The fields of a request's events.
    pub(super) fn of(&self, parts: &Parts, sender: SocketAddr) -> Peer {
        let mut peer = Peer::default();
        let version = match parts.version {
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        if let Some(ecs) = &self.ecs {
            peer.add(&ecs.version, version);
            peer.add(&ecs.method, parts.method.as_str());
            peer.add(&ecs.path, path);
            for (name, header) in
                [(&ecs.agent, USER_AGENT), (&ecs.bytes, CONTENT_LENGTH), (&ecs.kind, CONTENT_TYPE)]
            {
                if let Some(text) = text(&parts.headers, header) {
                    peer.add(name, text.as_str());
                }
            }
            if let Some(host) = text(&parts.headers, HOST) {
                // Not within the brackets of an address of version 6.
                let colon = host.rfind(':').filter(|at| host.rfind(']').is_none_or(|bracket| bracket < *at));
                let (domain, port) = host.split_at(colon.unwrap_or(host.len()));
                peer.add(&ecs.domain, domain);
                if let Ok(port) = port.trim_start_matches(':').parse::<u16>() {
                    peer.add(&ecs.port, i64::from(port));
                }
            }
        }
        let mut headers = Object::with_capacity(parts.headers.len() + 3);
        headers.set(Key::new("request_method"), Value::from(parts.method.as_str()));
        headers.set(Key::new("request_path"), Value::from(path));
        headers.set(Key::new("http_version"), Value::from(version));
        for name in parts.headers.keys() {
            // It is between the sender and us.
            if name == AUTHORIZATION {
                continue;
            }
            let plain = name.as_str().replace('-', "_");
            let key = if plain.starts_with("content_") { plain } else { format!("http_{plain}") };
            if let Some(text) = text(&parts.headers, name.clone()) {
                headers.set(Key::new(&key), Value::from(text));
            }
        }
        peer.add(&self.headers, headers);
        peer.add(&self.remote_host, sender.ip().to_canonical().to_string());
        peer
    }
}

/// A header's text; what is there several times is joined.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
