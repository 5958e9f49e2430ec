//! `tcp`: events over a connection that is kept open (logstash-output-tcp 7.0), as a client.
//!
//! Nobody acknowledges what comes over such a connection: an event counts as delivered when the system has taken it. What the other side had
//! not read when it went away is lost, as in Logstash; a connection that it closed is noticed before the next batch is written.
//!
//! To another machine it speaks plain text where the pipeline does not ask for TLS, and says so. An input refuses that, as anybody could send
//! to it; an output connects to whom the pipeline names, and most pipelines that are there name a machine of their own network.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alces_codec::Encoder;
use alces_conf::Options;
use alces_event::Event;
use alces_filters::Context;
use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tracing::{info, warn};

use super::{Fates, Outlet, Output, Plan, Sink, Undelivered, tls};
use crate::CollectorError;

/// A connection that is not made by then, or on which nothing moves for so long, is given up and tried anew.
const PATIENCE: Duration = Duration::from_secs(30);

/// A checked `tcp { … }`.
#[derive(Clone)]
pub(crate) struct TcpPlan {
    host: String,
    port: u16,
    codec: Arc<dyn Encoder>,
    reconnect: Duration,
    tls: Option<(tls::Tls, ServerName<'static>)>,
}

impl std::fmt::Debug for TcpPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpPlan").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

const NAMES: tls::Names = tls::Names {
    authorities: &["ssl_certificate_authorities", "ssl_cacert"],
    chain: &["ssl_certificate", "ssl_cert"],
    key: &["ssl_key"],
    verify: &["ssl_verify"],
};

impl TcpPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        super::common(options);
        let codec = super::codec(context, options, "json");
        let host = options.text("host");
        let port = options.integer("port", 1..=65535);
        for (name, missing) in [("host", host.is_none()), ("port", port.is_none())] {
            if missing && !options.is_given(name) {
                options.error_here(format!("tcp wants `{name}`"));
            }
        }
        options.choice("mode", &[("client", ())]);
        options.differs(
            "mode",
            "`client` only: for `server`, let the receivers listen, or use the `http` output",
        );
        let reconnect = options.number("reconnect_interval");
        let wait = reconnect.as_ref().map_or(10.0, |seconds| seconds.node);
        let reconnect_wait = Duration::try_from_secs_f64(wait).ok().filter(|wait| !wait.is_zero());
        if let (None, Some(given)) = (reconnect_wait, &reconnect) {
            options.error(&given.span, "`reconnect_interval` wants a number of seconds above 0");
        }
        options.unsupported("ssl_client_authentication", "it is for the mode `server`, which is not there");
        options.differs("ssl_verify", "its default is true, as that of `ssl_verification_mode`");
        let config = tls::read(context, options, &NAMES, |options| {
            let old = options.boolean("ssl_enable");
            options.boolean("ssl_enabled").or(old).unwrap_or(false)
        });
        let host = host?;
        let tls = match config.ok()? {
            None => None,
            Some(tls) => match ServerName::try_from(host.node.clone()) {
                Ok(name) => Some((tls, name)),
                Err(_) => {
                    options.error(
                        &host.span,
                        format!("`{}` is no name that a certificate could have", host.node),
                    );
                    None
                }
            },
        };
        Some(Self { host: host.node, port: port? as u16, codec: codec?, reconnect: reconnect_wait?, tls })
    }

    async fn connect(&self) -> io::Result<Connection> {
        let connecting = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            let stream: Box<dyn Stream> = match &self.tls {
                None => Box::new(stream),
                Some((tls, name)) => {
                    Box::new(TlsConnector::from(tls.config.now()).connect(name.clone(), stream).await?)
                }
            };
            Ok(Connection { stream, is_new: true })
        };
        timeout(PATIENCE, connecting).await?
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Connection {
    stream: Box<dyn Stream>,
    /// Nothing was written to it yet, so the codec's header is due.
    is_new: bool,
}

impl Connection {
    /// Whether the other side has closed it. What it says meanwhile is of no interest.
    fn is_closed(&mut self) -> bool {
        let mut said = [0; 1024];
        // A peer that talks without end must not hold the events up.
        for _ in 0..64 {
            match self.stream.read(&mut said).now_or_never() {
                None => return false,
                Some(Ok(0) | Err(_)) => return true,
                Some(Ok(_)) => {}
            }
        }
        false
    }

    async fn write(&mut self, text: &Text) -> io::Result<()> {
        if std::mem::take(&mut self.is_new) {
            self.write_all(&text.header).await?;
        }
        self.write_all(&text.events).await?;
        timeout(PATIENCE, self.stream.flush()).await?
    }

    /// As long as the other side takes some of it, however slowly, it is waited for: a batch that is given up comes twice.
    async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = timeout(PATIENCE, self.stream.write(bytes)).await??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

/// A running output.
struct TcpOutput {
    plan: TcpPlan,
    outlet: Outlet,
    connection: Mutex<Option<Connection>>,
    /// That it is away has been said.
    away: AtomicBool,
}

/// The text of events, and what stands before the first of a connection.
#[derive(Debug, Default)]
pub(crate) struct Text {
    header: Vec<u8>,
    events: Vec<u8>,
}

impl Plan for TcpPlan {
    fn open(&self, outlet: &Outlet) -> Result<Output, CollectorError> {
        match &self.tls {
            None => super::tell_plaintext("tcp", &self.host),
            Some((tls, _)) => tls.tell("tcp", &self.host),
        }
        Ok(Output::new(TcpOutput {
            plan: self.clone(),
            outlet: outlet.clone(),
            connection: Mutex::new(None),
            away: AtomicBool::new(false),
        }))
    }
}

impl Sink for TcpOutput {
    type Pending = Text;

    fn pending(&self) -> Text {
        Text::default()
    }

    fn encode(&self, event: &Event, to: &mut Text) {
        if to.events.is_empty() {
            to.header.clear();
            self.plan.codec.header(event, &mut to.header);
        }
        self.plan.codec.encode(event, &mut to.events);
    }

    async fn send(&self, text: Text) -> Result<Fates, Undelivered> {
        if text.events.is_empty() {
            return Ok(Fates::default());
        }
        // One batch after the other: events of two must not mix.
        let mut place = self.outlet.until_given_up(self.connection.lock()).await?;
        loop {
            // That the other side is gone is known to the runtime only after it has looked.
            tokio::task::yield_now().await;
            // Taken out: one that is half written when the collector gives up is of no use any more.
            let kept = place.take().and_then(|mut kept| (!kept.is_closed()).then_some(kept));
            let attempt = async {
                let mut connection = match kept {
                    Some(kept) => kept,
                    None => self.plan.connect().await?,
                };
                connection.write(&text).await.map(|()| connection)
            };
            match self.outlet.until_given_up(attempt).await? {
                Ok(connection) => {
                    *place = Some(connection);
                    if self.away.swap(false, Ordering::Relaxed) {
                        info!(
                            host = self.plan.host,
                            port = self.plan.port,
                            "the tcp output is connected again"
                        );
                    }
                    return Ok(Fates::default());
                }
                Err(error) => {
                    if !self.away.swap(true, Ordering::Relaxed) {
                        warn!(host = self.plan.host, port = self.plan.port, %error, "the tcp output cannot send: holding its events, nothing of them is acknowledged");
                    }
                }
            }
            self.outlet.stats.retries.add(1);
            self.outlet.pause(self.plan.reconnect).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::test_support::{House, errors, send, sent};
    use super::*;

    async fn all(mut stream: impl AsyncRead + Unpin) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    const LINE: &str = r#"codec => line { format => "%{message}" }"#;

    #[tokio::test]
    async fn a_connection_is_kept_and_made_anew_when_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let house = House::new();
        let output = house.open(&format!(
            r#"tcp {{ host => "127.0.0.1" port => {port} reconnect_interval => 0.01 {LINE} }}"#
        ));
        send(&output, &[r#"{"message":"1"}"#, r#"{"message":"2"}"#]).await;
        send(&output, &[r#"{"message":"3"}"#]).await;
        let (mut first, _) = listener.accept().await.unwrap();
        let mut got = [0; 6];
        first.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"1\n2\n3\n");
        drop(first);
        // The end of the connection has come when the system says so.
        send(&output, &[r#"{"message":"4"}"#]).await;
        let (second, _) = listener.accept().await.unwrap();
        drop(output);
        assert_eq!(all(second).await, "4\n");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_is_waited_for_and_who_is_silent_is_not() {
        let text = Text { header: b"h".to_vec(), events: b"events".to_vec() };
        for (every, expect) in [(PATIENCE / 2, true), (PATIENCE * 2, false)] {
            // It takes one byte at a time.
            let (ours, mut other) = tokio::io::duplex(1);
            let read = tokio::spawn(async move {
                let mut got = Vec::new();
                loop {
                    tokio::time::sleep(every).await;
                    match other.read_u8().await {
                        Ok(byte) => got.push(byte),
                        Err(_) => return got,
                    }
                }
            });
            let mut connection = Connection { stream: Box::new(ours), is_new: true };
            assert_eq!(connection.write(&text).await.is_ok(), expect);
            drop(connection);
            assert_eq!(read.await.unwrap() == b"hevents", expect);
        }
    }

    #[tokio::test]
    async fn who_is_away_is_waited_for() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let house = House::new();
        let output = house
            .open(&format!(r#"tcp {{ host => "127.0.0.1" port => {port} reconnect_interval => 0.01 }}"#));
        let stats = house.outlet.stats.clone();
        let receive = async {
            while stats.retries.get() == 0 {
                tokio::task::yield_now().await;
            }
            let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            listener.accept().await.unwrap().0
        };
        let (done, stream) = tokio::join!(sent(&output, &[r#"{"message":"1"}"#]), receive);
        done.unwrap();
        drop(output);
        insta::assert_snapshot!(all(stream).await, @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"1","@version":"1"}"#);
    }

    #[tokio::test]
    async fn over_tls_the_server_must_be_who_it_says() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let house = House::new();
        std::fs::write(house.dir.path().join("ca.pem"), made.cert.pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let identity = alces_tls::Identity { chain: chain.as_bytes(), key: key.as_bytes() };
        let config = alces_tls::server(
            identity,
            alces_tls::Roots::default(),
            alces_tls::ClientAuth::None,
            alces_tls::Versions::All,
        );
        let acceptor = tokio_rustls::TlsAcceptor::from(config.unwrap());
        let conf = |host: &str| {
            format!(
                r#"tcp {{ host => "{host}" port => {port} reconnect_interval => 0.01 ssl_enabled => true ssl_certificate_authorities => "DIR/ca.pem" {LINE} }}"#
            )
        };
        let output = house.open(&conf("localhost"));
        let receive = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
        let (done, mut stream) = tokio::join!(sent(&output, &[r#"{"message":"1"}"#]), receive);
        done.unwrap();
        let mut got = [0; 2];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"1\n");
        // The certificate is not for the address.
        let output = house.open(&conf("127.0.0.1"));
        let stats = house.outlet.stats.clone();
        let refuse = async {
            let stream = listener.accept().await.unwrap().0;
            assert!(acceptor.accept(stream).await.is_err());
            while stats.retries.get() == 0 {
                tokio::task::yield_now().await;
            }
            house.give_up.send(true).unwrap();
        };
        let (done, ()) = tokio::join!(sent(&output, &[r#"{"message":"1"}"#]), refuse);
        assert!(done.is_err());
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        insta::assert_snapshot!(errors("tcp { host => \"h\" mode => server ssl_cacert => \"x\" reconnect_interval => 0 }"), @r#"
        x.conf:1:10: tcp wants `port`
          |
        1 | output { tcp { host => "h" mode => server ssl_cacert => "x" reconnect_interval => 0 } }
          |          ^^^
        x.conf:1:36: option `mode` of tcp wants one of `client`
          |
        1 | output { tcp { host => "h" mode => server ssl_cacert => "x" reconnect_interval => 0 } }
          |                                    ^^^^^^
        x.conf:1:83: `reconnect_interval` wants a number of seconds above 0
          |
        1 | output { tcp { host => "h" mode => server ssl_cacert => "x" reconnect_interval => 0 } }
          |                                                                                   ^
        x.conf:1:57: this does nothing where there is no TLS
          |
        1 | output { tcp { host => "h" mode => server ssl_cacert => "x" reconnect_interval => 0 } }
          |                                                         ^^^
        "#);
    }
}
