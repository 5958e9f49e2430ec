//! `syslog`: messages over TCP and UDP at once (logstash-input-syslog 3.7). RFC 3164 as Logstash reads it, and RFC 5424 too, which it
//! does not; in a stream each message may have its length before it, or a newline behind it (RFC 6587).
//!
//! Nobody is told that a message arrived, so a slow pipeline makes the input read slower.

mod fields;
mod relay;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use alces_codec::{Decoder, DecoderPlan, Framing, syslog::Framed};
use alces_conf::Options;
use alces_event::Event;
use alces_filters::{Context, EcsMode};
use alces_tls::ClientAuth;
use futures_util::future::BoxFuture;

use self::relay::Relay;
use super::{
    Bound, Decoration, Input, Intake, Site, codec_or,
    listen::{Connection, Door, Limits, Place, accept},
    peer::Peer,
    proxy,
    stream::{Incoming, pump},
    tls::{Tls, Ways},
    udp,
};
use crate::CollectorError;

/// The port of syslog.
const PORT: u16 = 514;

/// The largest datagram, with a byte to spare.
const LARGEST: usize = 65_536;

/// A checked `syslog { … }`.
#[derive(Clone, Debug)]
pub(crate) struct SyslogPlan {
    place: Place,
    tls: Option<Tls>,
    datagrams: bool,
    limits: Limits,
    reading: Reading,
}

/// What is made of messages.
#[derive(Clone, Debug)]
struct Reading {
    proxied: bool,
    limits: Limits,
    /// None where its options are wrong.
    codec: Option<DecoderPlan>,
    decoration: Decoration,
    relay: Relay,
}

impl SyslogPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        let codec = codec_or(context, options, Framing::Messages, "plain", decoration.ecs());
        let place = Place::read(options, Some(PORT));
        let proxied = options.boolean("proxy_protocol").unwrap_or(false);
        let relay = Relay::read(context, options, decoration.ecs());
        let limits = Limits::read(options);
        let chain = options.texts("ssl_extra_chain_certs").unwrap_or_default();
        // As in the `tcp` input: who does not want certificates says so.
        let tls = Tls::read(context, options, Ways { usual: ClientAuth::Required, chain, ..Ways::default() });
        options
            .differs("ssl_enabled", "an option of ours, as all `ssl_…`, which are those of the `tcp` input");
        let datagrams = options.boolean("udp").unwrap_or(!options.is_given("ssl_enabled") || tls.is_none());
        options.differs(
            "udp",
            "an option of ours: whether datagrams are taken too (default true, and false with TLS, as nothing encrypts them)",
        );
        Self { place, tls, datagrams, limits, reading: Reading { proxied, limits, codec, decoration, relay } }
    }
}

impl Input for SyslogPlan {
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        Box::pin(async move {
            let listener = self.place.tcp(self.tls.is_some(), site.allow_plaintext).await?;
            let address = listener.local_addr();
            let socket = if self.datagrams {
                // The same port, also where the system chose it.
                let port = address.as_ref().map_or(self.place.port, std::net::SocketAddr::port);
                Some(Place { port, ..self.place.clone() }.udp(site.allow_plaintext).await?)
            } else {
                None
            };
            let reading = self.reading.clone();
            let door = Door { listener, tls: self.tls.clone(), keep_alive: true, limits: self.limits };
            let run = move |intake: Intake| async move {
                let datagrams = async {
                    if let (Some(socket), Some(codec)) = (socket, &reading.codec) {
                        let host = reading.host();
                        let from = move |event: &mut Event, sender: std::net::SocketAddr| {
                            Peer::default().with(host, sender.ip().to_canonical().to_string()).apply(event);
                        };
                        udp::receive(socket, LARGEST, codec.stream(), from, reading.finish(), intake.clone())
                            .await;
                    }
                };
                let each = {
                    let (reading, intake) = (reading.clone(), intake.clone());
                    move |taken| reading.clone().read(taken, intake.clone())
                };
                futures_util::future::join(datagrams, accept(door, intake.clone(), each)).await;
            };
            Ok(Bound::new(run).listening("syslog", address))
        })
    }
}

impl Reading {
    /// Where the sender's address goes.
    fn host(&self) -> &'static str {
        match self.decoration.ecs() {
            EcsMode::V8 => "[host][ip]",
            EcsMode::Disabled => "host",
        }
    }

    /// What the workers do with each message.
    fn finish(&self) -> impl FnMut(&mut Event) + Clone + Send + 'static {
        let (decoration, mut relay) = (self.decoration.clone(), self.relay.clone());
        move |event: &mut Event| {
            // In Logstash's order, so that tags stand as they do there.
            decoration.apply(event);
            relay.apply(event);
        }
    }

    /// Reads a connection to its end.
    async fn read(self, Connection { mut stream, peer: sender }: Connection, intake: Intake) {
        let Some(codec) = &self.codec else { return };
        let Some((already, proxied)) = proxy::begin(&mut stream, self.proxied, sender, &intake).await else {
            return;
        };
        let from = proxied.and_then(|proxied| proxied.way).map_or(sender, |(from, _)| from);
        let peer = Arc::new(Peer::default().with(self.host(), from.ip().to_canonical().to_string()));
        let mut finish = self.finish();
        let finish = move |event: &mut Event| {
            peer.apply(event);
            finish(event);
        };
        let frames: Box<dyn Decoder> = Box::new(Framed::new(codec.stream()));
        pump(Incoming::new(stream, already, self.limits.idle), frames, finish, intake).await;
    }
}
