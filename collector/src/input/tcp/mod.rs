//! `tcp`: a stream of bytes that a codec cuts into events (logstash-input-tcp 7.0). Nobody is told that an event arrived: a sender
//! that writes faster than the pipeline works is read slower.

mod client;
mod fields;

use std::time::Duration;

use alces_codec::{DecoderPlan, Framing};
use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use alces_tls::ClientAuth;
use futures_util::future::BoxFuture;

use self::{client::ClientPlan, fields::peer};
use super::{
    Bound, Decoration, Input, Intake, Site, codec_or,
    listen::{Connection, Door, Limits, Place, accept},
    proxy,
    stream::{Incoming, pump},
    tls::{Tls, Ways},
};
use crate::CollectorError;

/// A checked `tcp { … }`.
#[derive(Clone, Debug)]
pub(crate) struct TcpPlan {
    way: Way,
    keep_alive: bool,
    limits: Limits,
    reading: Reading,
}

/// Who connects to whom.
#[derive(Clone, Debug)]
enum Way {
    Server { place: Place, tls: Option<Tls> },
    Client(ClientPlan),
}

/// What is made of a connection's bytes.
#[derive(Clone, Debug)]
struct Reading {
    proxied: bool,
    idle: Option<Duration>,
    /// None where its options are wrong.
    codec: Option<DecoderPlan>,
    decoration: Decoration,
}

impl TcpPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        let codec = codec_or(context, options, Framing::Stream, "line", decoration.ecs());
        for (name, now) in [
            ("ssl_enable", "it is called `ssl_enabled` now, in Logstash too"),
            ("ssl_cert", "it is called `ssl_certificate` now, in Logstash too"),
            (
                "ssl_verify",
                "it is `ssl_client_authentication` of a server and `ssl_verification_mode` of a client now, in Logstash too",
            ),
        ] {
            options.unsupported(name, now);
        }
        options
            .no_effect("dns_reverse_lookup_enabled", "names are not looked up: an address stands for itself");
        let client = options.choice("mode", &[("server", false), ("client", true)]).unwrap_or(false);
        let place = Place::read(options, None);
        let keep_alive = options.boolean("tcp_keep_alive").unwrap_or(false);
        let proxied = options.boolean("proxy_protocol").unwrap_or(false);
        let limits = Limits::read(options);
        let chain = options.texts("ssl_extra_chain_certs").unwrap_or_default();
        let verified = ClientPlan::verification(options, client);
        options.differs(
            "ssl_client_authentication",
            "the subject of a client's certificate is not written into its events",
        );
        let way = if client {
            if options.is_given("ssl_client_authentication") {
                options.error_here(
                    "`ssl_client_authentication` is for `mode => server`; a client has `ssl_verification_mode`",
                );
            }
            Way::Client(ClientPlan::read(context, options, place, verified))
        } else {
            // As in Logstash: who does not want certificates says so.
            let ways = Ways { usual: ClientAuth::Required, chain, ..Ways::default() };
            Way::Server { place, tls: Tls::read(context, options, ways) }
        };
        Self { way, keep_alive, limits, reading: Reading { proxied, idle: limits.idle, codec, decoration } }
    }
}

impl Input for TcpPlan {
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        let allow_plaintext = site.allow_plaintext;
        Box::pin(async move {
            let (reading, keep_alive, limits) = (self.reading.clone(), self.keep_alive, self.limits);
            match &self.way {
                Way::Server { place, tls } => {
                    let listener = place.tcp(tls.is_some(), allow_plaintext).await?;
                    let address = listener.local_addr();
                    let door = Door { listener, tls: tls.clone(), keep_alive, limits };
                    let run = move |intake: Intake| {
                        accept(door, intake.clone(), move |taken| reading.clone().read(taken, intake.clone()))
                    };
                    Ok(Bound::new(run).listening("tcp", address))
                }
                Way::Client(client) => {
                    client.check(allow_plaintext).await?;
                    let client = client.clone();
                    Ok(Bound::new(move |intake| client.run((keep_alive, allow_plaintext), reading, intake)))
                }
            }
        })
    }
}

impl Reading {
    /// Reads a connection to its end.
    async fn read(self, Connection { mut stream, peer: sender }: Connection, intake: Intake) {
        let Some(codec) = self.codec else { return };
        let Some((already, proxied)) = proxy::begin(&mut stream, self.proxied, sender, &intake).await else {
            return;
        };
        let peer = peer(self.decoration.ecs(), sender, proxied);
        let decoration = self.decoration;
        let finish = move |event: &mut Event| {
            peer.apply(event);
            decoration.apply(event);
        };
        pump(Incoming::new(stream, already, self.idle), codec.stream(), finish, intake).await;
    }
}

#[cfg(test)]
mod tests;
