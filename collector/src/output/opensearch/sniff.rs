//! Sniffing: the cluster's own list of its nodes in the place of `hosts`.

use serde::Deserialize;
use url::Url;

/// A cluster has no more nodes that take documents.
const MOST: usize = 1000;

#[derive(Deserialize)]
struct Answer {
    nodes: std::collections::BTreeMap<String, Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    roles: Option<Vec<String>>,
    http: Option<Http>,
}

#[derive(Deserialize)]
struct Http {
    publish_address: String,
}

/// The nodes of an answer to `_nodes/http`, reached as `like` is: its scheme, its path, its login. Nodes that are masters and nothing else are
/// left in peace, as Logstash does.
pub(super) fn nodes(answer: &[u8], like: &Url) -> Result<Vec<Url>, String> {
    let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let is_master = |role: &String| role == "master" || role == "cluster_manager";
    let hosts: Vec<Url> = answer
        .nodes
        .into_values()
        .filter(|node| {
            node.roles.as_ref().is_none_or(|roles| roles.is_empty() || !roles.iter().all(is_master))
        })
        .filter_map(|node| host(&node.http?.publish_address, like))
        .take(MOST)
        .collect();
    if hosts.is_empty() { Err("it names no nodes".to_owned()) } else { Ok(hosts) }
}

/// `10.0.0.1:9200`, `[::1]:9200` or `es01/10.0.0.1:9200`, of which the name is taken: a certificate has it.
fn host(address: &str, like: &Url) -> Option<Url> {
    let (name, rest) = address.split_once('/').unwrap_or(("", address));
    let port = rest.rsplit_once(':')?.1;
    let place = if name.is_empty() { rest.to_owned() } else { format!("{name}:{port}") };
    let mut url = like.clone();
    // Nothing but host and port may stand in what the engine says.
    let said = Url::parse(&format!("{}://{place}", url.scheme())).ok()?;
    let is_bare = said.path() == "/" && said.username().is_empty() && said.query().is_none();
    url.set_host(said.host_str().filter(|_| is_bare)).ok()?;
    url.set_port(said.port()).ok()?;
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_take_documents_are_reached_as_the_first_host_is() {
        let like = Url::parse("https://u:p@seed:9200/es/").unwrap();
        let check = |http: &str| {
            let text = format!(
                r#"{{"nodes":{{"a":{http},"b":{{"roles":["master"],"http":{{"publish_address":"m:1"}}}}}}}}"#
            );
            match nodes(text.as_bytes(), &like) {
                Ok(hosts) => hosts.iter().map(Url::to_string).collect(),
                Err(reason) => vec![reason],
            }
        };
        let node = |address: &str| {
            check(&format!(r#"{{"roles":["master","data"],"http":{{"publish_address":"{address}"}}}}"#))
        };
        assert_eq!(node("10.0.0.1:9201"), ["https://u:p@10.0.0.1:9201/es/"]);
        assert_eq!(node("[::1]:443"), ["https://u:p@[::1]/es/"]);
        assert_eq!(node("es01/10.0.0.1:9200"), ["https://u:p@es01:9200/es/"]);
        for wrong in ["", "x@y:1", "a/b/c", "h:1?x", "h"] {
            assert_eq!(node(wrong), ["it names no nodes"], "{wrong}");
        }
        assert_eq!(check(r#"{"roles":[]}"#), ["it names no nodes"]);
        assert!(nodes(b"{}", &like).is_err());
    }
}
