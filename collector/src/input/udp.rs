//! `udp`: a datagram is a message (logstash-input-udp 3.5). What the system drops because its own buffer is full cannot be seen here;
//! nothing else is dropped: a slow pipeline makes the input read slower.

use std::{io, net::SocketAddr, time::Duration};

use alces_codec::{Decoder, DecoderPlan, Framing};
use alces_conf::Options;
use alces_event::{Event, FieldRef};
use alces_filters::{Context, EcsMode};
use alces_plugin::options::field_option;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::net::UdpSocket;
use tracing::warn;

use super::{Bound, Decoration, Input, Intake, Site, codec_or, field, flow::Flow, listen::Place};
use crate::CollectorError;

/// The largest datagram, with a byte to spare.
const LARGEST: i64 = 65_536;

/// Datagrams that are handed on together at the most.
const TOGETHER: usize = 512;

/// Batches of datagrams that are still taken when the collector is told to stop: they had arrived.
const LAST: usize = 8;

/// A checked `udp { … }`.
#[derive(Clone, Debug)]
pub(crate) struct UdpPlan {
    place: Place,
    buffer: usize,
    receive_buffer: Option<usize>,
    codec: Option<DecoderPlan>,
    source_ip: FieldRef,
    decoration: Decoration,
}

impl UdpPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context).without_original();
        let codec = codec_or(context, options, Framing::Messages, "plain", decoration.ecs());
        let source_ip = field_option(options, "source_ip_fieldname").unwrap_or_else(|| {
            field(match decoration.ecs() {
                EcsMode::V8 => "[host][ip]",
                EcsMode::Disabled => "host",
            })
        });
        options.no_effect(
            "workers",
            "datagrams are decoded by one task, and filtered by the pipeline's workers",
        );
        options.no_effect(
            "queue_size",
            "the pipeline's own queue is short, and nothing is dropped when it is full",
        );
        options
            .unsupported("metadata", "the sender's address is in the field that `source_ip_fieldname` names");
        Self {
            place: Place::read(options, None),
            buffer: options.integer("buffer_size", 1..=i64::from(i32::MAX)).unwrap_or(LARGEST).min(LARGEST)
                as usize,
            receive_buffer: options
                .integer("receive_buffer_bytes", 1..=i64::from(i32::MAX))
                .map(|bytes| bytes as usize),
            codec,
            source_ip,
            decoration,
        }
    }
}

impl Input for UdpPlan {
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        Box::pin(async move {
            let socket = self.place.udp(site.allow_plaintext).await?;
            if let Some(wanted) = self.receive_buffer {
                enlarge(&socket, wanted);
            }
            let (plan, address) = (self.clone(), socket.local_addr());
            let run = move |intake| async move {
                let Some(codec) = &plan.codec else { return };
                let (source_ip, decoration) = (plan.source_ip, plan.decoration);
                let from = move |event: &mut Event, sender: SocketAddr| {
                    if event.can_set(&source_ip) && event.get(&source_ip).is_none() {
                        event.set(&source_ip, sender.ip().to_canonical().to_string());
                    }
                };
                let finish = move |event: &mut Event| decoration.apply(event);
                receive(socket, plan.buffer, codec.stream(), from, finish, intake).await;
            };
            Ok(Bound::new(run).listening("udp", address))
        })
    }
}

/// Asks the system for a larger buffer, and says what came of it.
fn enlarge(socket: &UdpSocket, wanted: usize) {
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(socket, wanted);
    // Linux doubles what it is asked for, for its own needs.
    match rustix::net::sockopt::socket_recv_buffer_size(socket) {
        Ok(got) if got < wanted => {
            warn!(wanted, got, "the system gives no larger buffer for datagrams: see net.core.rmem_max");
        }
        _ => {}
    }
}

/// Reads datagrams until the collector is told to stop; those that are there together are handed on together. `from` sees each
/// event at once, `finish` when a worker takes it.
pub(super) async fn receive(
    socket: UdpSocket,
    most: usize,
    mut decoder: Box<dyn Decoder>,
    from: impl Fn(&mut Event, SocketAddr) + Send,
    finish: impl FnMut(&mut Event) + Clone + Send + 'static,
    intake: Intake,
) {
    let (mut stop, mut flow) = (intake.stop.clone(), Flow::new(&intake));
    let mut buffer = vec![0; most];
    let mut last = 0;
    let mut told = None;
    while last < LAST {
        if last == 0 {
            let ready = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => None,
                ready = socket.readable() => Some(ready),
            };
            match ready {
                None => last = 1,
                Some(Err(error)) => pause(&error, &mut told).await,
                Some(Ok(())) => {}
            }
        } else {
            last += 1;
        }
        let mut events = Vec::new();
        let mut idle = false;
        for _ in 0..TOGETHER {
            match socket.try_recv_from(&mut buffer) {
                Ok((0, _)) => told = None,
                Ok((len, sender)) => {
                    told = None;
                    let first = events.len();
                    let bytes = Bytes::copy_from_slice(buffer.get(..len).unwrap_or_default());
                    decoder.decode(bytes, (intake.clock)(), &mut events);
                    decoder.flush((intake.clock)(), &mut events);
                    events.iter_mut().skip(first).for_each(|event| from(event, sender));
                }
                Err(error) => {
                    idle = error.kind() == io::ErrorKind::WouldBlock;
                    if !idle {
                        pause(&error, &mut told).await;
                    }
                    break;
                }
            }
        }
        if !flow.send_finished(events, finish.clone()).await {
            return;
        }
        if idle && last > 0 {
            break;
        }
    }
    flow.settle().await;
}

/// Waits a moment, and says why, once.
async fn pause(error: &io::Error, told: &mut Option<io::ErrorKind>) {
    if told.replace(error.kind()) != Some(error.kind()) {
        warn!(%error, "datagrams cannot be read: trying again and again");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;

    use super::super::test_support::{Running, errors};

    /// What the input makes of datagrams.
    async fn check(options: &str, datagrams: &[&[u8]]) -> String {
        let mut running = Running::start(&format!("udp {{ port => 0 {options} }}")).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut found = Vec::new();
        for datagram in datagrams {
            socket.send_to(datagram, running.address).await.unwrap();
            found.extend(running.next().await);
        }
        running.stop().await;
        found.join("\n")
    }

    #[tokio::test]
    async fn a_datagram_is_a_message() {
        insta::assert_snapshot!(check("tags => 't'", &[b"one", b"two\nlines"]).await, @r#"
        {"message":"one","event":{"original":"one"},"host":{"ip":"127.0.0.1"},"tags":["t"]} {}
        {"message":"two\nlines","event":{"original":"two\nlines"},"host":{"ip":"127.0.0.1"},"tags":["t"]} {}
        "#);
        insta::assert_snapshot!(check("ecs_compatibility => disabled codec => json", &[br#"{"a":1}"#, br#"{"host":"h"}"#]).await, @r#"
        {"a":1,"host":"127.0.0.1"} {}
        {"host":"h"} {}
        "#);
        insta::assert_snapshot!(check("buffer_size => 3 source_ip_fieldname => '[from]' ecs_compatibility => disabled receive_buffer_bytes => 10000", &[b"long"]).await, @r#"{"message":"lon","from":"127.0.0.1"} {}"#);
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(errors("udp { }").contains("udp wants `port => NUMBER`"));
        assert!(errors("udp { port => 1 metadata => true }").contains("not supported"));
    }
}
