//! The fields that say where an event came from.

use std::net::SocketAddr;

use alces_filters::EcsMode;

use super::super::{peer::Peer, proxy::Proxied};

/// Who sent the events of a connection, as Logstash names it. Behind a proxy that is who connected to the proxy.
pub(super) fn peer(ecs: EcsMode, sender: SocketAddr, proxied: Option<Proxied>) -> Peer {
    let way = proxied.and_then(|proxied| proxied.way);
    let from = way.map_or(sender, |(from, _)| from);
    let (ip, port) = (from.ip().to_canonical().to_string(), i64::from(from.port()));
    let names = match ecs {
        EcsMode::V8 => [
            "[@metadata][input][tcp][source][name]",
            "[@metadata][input][tcp][source][ip]",
            "[@metadata][input][tcp][source][port]",
            "[@metadata][input][tcp][proxy][ip]",
            "[@metadata][input][tcp][proxy][port]",
        ],
        EcsMode::Disabled => ["host", "[@metadata][ip_address]", "port", "proxy_host", "proxy_port"],
    };
    let [name, address, at, proxy_ip, proxy_port] = names;
    let peer = Peer::default().with(name, ip.as_str()).with(address, ip.as_str()).with(at, port);
    match way {
        Some((_, to)) => peer
            .with(proxy_ip, to.ip().to_canonical().to_string().as_str())
            .with(proxy_port, i64::from(to.port())),
        None => peer,
    }
}
