//! What a request needs, by its method and path alone, so that it is judged before its body is read.

use super::roles::Role;
use axum::http::Method;
use std::collections::BTreeSet;

/// What a caller must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// One of these; admins may everything.
    roles: &'static [Role],
    /// For all indexes: what is not about single ones, and whose answer could tell of others.
    pub(crate) everywhere: bool,
    /// Its name in OpenSearch's list of permissions, for the answer.
    pub(crate) action: &'static str,
}

impl Need {
    pub(super) fn is_met_by(&self, roles: &BTreeSet<Role>) -> bool {
        roles.contains(&Role::Admin) || self.roles.iter().any(|role| roles.contains(role))
    }
}

const ANYBODY: &[Role] = &[Role::Read, Role::Write];
const READ: &[Role] = &[Role::Read];
const WRITE: &[Role] = &[Role::Write];
const ADMIN: &[Role] = &[];

fn one(roles: &'static [Role], action: &'static str) -> Need {
    Need { roles, everywhere: false, action }
}

fn all(roles: &'static [Role], action: &'static str) -> Need {
    Need { roles, everywhere: true, action }
}

/// Whether a request is answered without a login: it tells only that the store runs.
pub(crate) fn is_open(method: &Method, parts: &[&str]) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && matches!(parts, ["healthz" | "readyz"])
}

/// What a request needs. What is not known here is for admins.
pub(crate) fn need(method: &Method, parts: &[&str]) -> Need {
    let get = matches!(*method, Method::GET | Method::HEAD);
    let post = *method == Method::POST;
    let put = *method == Method::PUT;
    let delete = *method == Method::DELETE;
    // Shippers look whether indexes, templates and aliases are there before they write.
    match parts {
        [] if get => one(ANYBODY, "cluster:monitor/main"),
        ["_cluster", "health"] if get => one(ANYBODY, "cluster:monitor/health"),
        ["_security", "_authenticate"] if get => one(ANYBODY, "cluster:monitor/main"),
        ["metrics"] if get => all(READ, "cluster:monitor/stats"),
        ["_bulk"] | [_, "_bulk"] => one(WRITE, "indices:data/write/bulk"),
        [_, "_doc" | "_create" | "_update", ..] if !get => one(WRITE, "indices:data/write/index"),
        [_, "_doc" | "_source", ..] | ["_mget"] | [_, "_mget"] => one(READ, "indices:data/read/get"),
        ["_search", "point_in_time", "_all"] => all(ADMIN, "indices:data/read/point_in_time/readall"),
        ["_search", "point_in_time"] if delete => one(READ, "indices:data/read/point_in_time/delete"),
        [_, "_search", "point_in_time"] if post => one(READ, "indices:data/read/point_in_time/create"),
        ["_search"] | [_, "_search"] | ["_count"] | [_, "_count"] => one(READ, "indices:data/read/search"),
        ["_msearch"] | [_, "_msearch"] => one(READ, "indices:data/read/msearch"),
        ["_field_caps"] | [_, "_field_caps"] => one(READ, "indices:data/read/field_caps"),
        ["_refresh"] | [_, "_refresh"] => one(WRITE, "indices:admin/refresh"),
        ["_mapping" | "_mappings", ..] | [_, "_mapping" | "_mappings", ..] if get => {
            one(ANYBODY, "indices:admin/mappings/get")
        }
        ["_alias" | "_aliases", ..] | [_, "_alias" | "_aliases", ..] if get => {
            one(ANYBODY, "indices:admin/aliases/get")
        }
        ["_cat", "indices", ..] if get => one(READ, "indices:monitor/stats"),
        ["_cat", "health"] if get => one(ANYBODY, "cluster:monitor/health"),
        ["_index_template", ..] if get => one(ANYBODY, "indices:admin/index_template/get"),
        ["_index_template", _] if post || put => one(WRITE, "indices:admin/index_template/put"),
        ["_data_stream", ..] if get => one(ANYBODY, "indices:admin/data_stream/get"),
        ["_data_stream", _] if put => one(WRITE, "indices:admin/data_stream/create"),
        ["_data_stream", _] if delete => one(ADMIN, "indices:admin/data_stream/delete"),
        ["_index_template", ..] => all(ADMIN, "indices:admin/index_template/delete"),
        ["_aliases"] | [_, "_alias" | "_aliases", ..] => all(ADMIN, "indices:admin/aliases"),
        [_, "_mapping" | "_mappings"] => one(ADMIN, "indices:admin/mapping/put"),
        ["_security", ..] => all(ADMIN, "cluster:admin/security"),
        ["_plugins" | "_opendistro", "_ism", "explain", ..] if get || post => {
            one(READ, "cluster:admin/opendistro/ism/managedindex/explain")
        }
        ["_plugins" | "_opendistro", "_ism", ..] => all(ADMIN, "cluster:admin/opendistro/ism/policy/write"),
        [name] if !name.starts_with('_') && get => one(ANYBODY, "indices:admin/get"),
        [name] if !name.starts_with('_') && put => one(WRITE, "indices:admin/create"),
        [name] if !name.starts_with('_') && delete => one(ADMIN, "indices:admin/delete"),
        _ => all(ADMIN, "cluster:admin/unknown"),
    }
}
