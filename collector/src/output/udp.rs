//! `udp`: a datagram an event (logstash-output-udp 3.2). Nobody acknowledges a datagram: an event counts as delivered when the system has
//! sent it. One that is longer than a datagram can be goes to the dead-letter queue.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use alces_codec::Encoder;
use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use tokio::net::{UdpSocket, lookup_host};
use tracing::warn;

use super::{Fates, Outlet, Output, Plan, Sink, Undelivered};
use crate::{CollectorError, dlq::Letter};

/// What fits into a datagram over IPv4.
const DATAGRAM_BYTES: usize = 65_507;

/// A checked `udp { … }`.
#[derive(Clone, Debug)]
pub(crate) struct UdpPlan {
    host: String,
    port: u16,
    /// None for JSON, without a newline.
    codec: Option<Arc<dyn Encoder>>,
    retries: u32,
    wait: Duration,
}

impl UdpPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        super::common(options);
        let plain_json = options.codec("codec").is_none_or(|codec| codec.name.node == "json");
        let codec = super::codec(context, options, "json");
        let host = options.text("host");
        let port = options.integer("port", 1..=65535);
        for (name, missing) in [("host", host.is_none()), ("port", port.is_none())] {
            if missing && !options.is_given(name) {
                options.error_here(format!("udp wants `{name}`"));
            }
        }
        let retries = options.integer("retry_count", 0..=1_000_000).unwrap_or(0);
        options.differs(
            "retry_count",
            "what could not be sent after so many attempts more goes to the dead-letter queue",
        );
        let wait = options.integer("retry_backoff_ms", 0..=3_600_000).unwrap_or(100);
        Some(Self {
            host: host?.node,
            port: port? as u16,
            codec: codec.map(|codec| (!plain_json).then_some(codec))?,
            retries: retries as u32,
            wait: Duration::from_millis(wait as u64),
        })
    }
}

/// A running output.
struct UdpOutput {
    plan: UdpPlan,
    outlet: Outlet,
}

/// Datagrams, each with its event for the dead-letter queue.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    bytes: Vec<u8>,
    /// Ends of the datagram, of the document and of the metadata behind it.
    ends: Vec<[usize; 3]>,
}

impl Plan for UdpPlan {
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError> {
        super::tell_plaintext("udp", &self.host);
        Ok(Output::new(UdpOutput { plan: self.clone(), outlet: outlet.clone() }))
    }
}

impl Sink for UdpOutput {
    type Pending = Datagrams;

    fn pending(&self) -> Datagrams {
        Datagrams::default()
    }

    fn encode(&self, event: &Event, to: &mut Datagrams) {
        let bytes = &mut to.bytes;
        if let Some(codec) = &self.plan.codec {
            codec.encode(event, bytes);
        }
        let datagram = bytes.len();
        event.write_json(bytes);
        let document = bytes.len();
        event.metadata().write_json(bytes);
        to.ends.push([if self.plan.codec.is_some() { datagram } else { document }, document, bytes.len()]);
    }

    async fn send(&self, datagrams: Datagrams) -> Result<Fates, Undelivered> {
        let mut socket = None;
        let (mut letters, mut start) = (Vec::new(), 0);
        let part = |from: usize, to: usize| datagrams.bytes.get(from..to).unwrap_or_default();
        for (place, [datagram, document, end]) in (0..).zip(&datagrams.ends) {
            // Where the datagram is the document, it is there once.
            let begin = if self.plan.codec.is_some() { *datagram } else { start };
            let sent = self.deliver(&mut socket, part(start, *datagram)).await?;
            if let Err(error) = sent {
                let letter = Letter {
                    document: part(begin, *document),
                    metadata: part(*document, *end),
                    reason: format!("{}:{}: {error}", self.plan.host, self.plan.port),
                    ..Letter::default()
                };
                letters.push((place, letter));
            }
            start = *end;
        }
        self.outlet.bury("udp", "datagrams could not be sent", letters)
    }
}

impl UdpOutput {
    async fn deliver(
        &self,
        socket: &mut Option<UdpSocket>,
        datagram: &[u8],
    ) -> Result<io::Result<()>, Undelivered> {
        if datagram.len() > DATAGRAM_BYTES {
            let reason = format!("{} bytes are more than a datagram holds", datagram.len());
            return Ok(Err(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
        }
        let mut attempts = 0;
        loop {
            let error = match self.outlet.until_given_up(self.attempt(socket, datagram)).await? {
                Ok(()) => return Ok(Ok(())),
                Err(error) => error,
            };
            *socket = None;
            // The answer to an earlier datagram, that nobody listens: this one was not sent, and is not lost for it.
            let of_before = error.kind() == io::ErrorKind::ConnectionRefused && attempts == 0;
            if attempts >= self.plan.retries + u32::from(of_before) {
                return Ok(Err(error));
            }
            attempts += 1;
            self.outlet.stats.retries.add(1);
            warn!(host = self.plan.host, port = self.plan.port, %error, "a datagram was not sent: trying again");
            if !of_before {
                self.outlet.pause(self.plan.wait).await?;
            }
        }
    }

    async fn attempt(&self, socket: &mut Option<UdpSocket>, datagram: &[u8]) -> io::Result<()> {
        let socket = match socket {
            Some(socket) => socket,
            none => none.insert(self.connect().await?),
        };
        socket.send(datagram).await.map(|_| ())
    }

    async fn connect(&self) -> io::Result<UdpSocket> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in lookup_host((self.plan.host.as_str(), self.plan.port)).await? {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => ([0; 4], 0).into(),
                SocketAddr::V6(_) => ([0u16; 8], 0).into(),
            };
            let socket = UdpSocket::bind(any).await?;
            match socket.connect(address).await {
                Ok(()) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{House, errors, send};
    use super::*;

    #[tokio::test]
    async fn a_datagram_an_event_and_one_that_is_too_long_is_kept() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = receiver.local_addr().unwrap().port();
        let house = House::new();
        let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(70_000));
        for (codec, expect) in [
            ("", r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"M","@version":"1"}"#),
            (r#"codec => plain { format => "<%{message}>" }"#, "<M>"),
        ] {
            let output = house.open(&format!(r#"udp {{ host => "127.0.0.1" port => {port} {codec} }}"#));
            send(&output, &[r#"{"message":"a"}"#, &long, r#"{"message":"b"}"#]).await;
            for message in ["a", "b"] {
                let mut bytes = [0; 1000];
                let len = receiver.recv(&mut bytes).await.unwrap();
                assert_eq!(str::from_utf8(&bytes[..len]).unwrap(), expect.replace('M', message));
            }
        }
        let letters = house.letters();
        assert_eq!(letters.len(), 2);
        assert_eq!(letters[1]["event"]["message"].as_str().unwrap().len(), 70_000);
        assert!(letters[1]["reason"].as_str().unwrap().contains("more than a datagram holds"));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        insta::assert_snapshot!(errors("udp { port => 70000 }"), @r#"
        x.conf:1:24: option `port` of udp wants a whole number from 1 to 65535
          |
        1 | output { udp { port => 70000 } }
          |                        ^^^^^
        x.conf:1:10: udp wants `host`
          |
        1 | output { udp { port => 70000 } }
          |          ^^^
        "#);
    }
}
