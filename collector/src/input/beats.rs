//! `beats`: Lumberjack v1 and v2 from Filebeat, other Beats and our own agent.

mod events;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alces_codec::{DecoderPlan, Framing};
use alces_conf::Options;
use alces_filters::Context;
use alces_lumberjack::{Limits, WindowReader, encode_ack, encode_offer};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf},
    net::TcpListener,
    sync::mpsc,
    time::{interval, timeout},
};
use tracing::{debug, warn};

use self::events::{asks_for_records, batch, decoded_batch};
use super::{
    Bound, Decoration, Input, Intake,
    decoded::Decoded,
    listen::{self, Connection, Door, Place, accept},
    tls::{Stream, Tls},
};
use crate::{CollectorError, batch::Delivered};

/// A checked `beats { … }`.
#[derive(Clone, Debug)]
pub(crate) struct BeatsPlan {
    tls: Option<Tls>,
    place: Place,
    codec_tag: bool,
    /// None for messages as they are.
    codec: Option<DecoderPlan>,
    /// A connection that sends nothing for so long is closed; 0 never.
    inactivity: Duration,
    decoration: Decoration,
}

/// A sign of life goes out this often while a window is being worked on (Filebeat gives up after 30 s of silence).
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Windows of one connection that may be under way. Filebeat sends two; more would only be memory.
const UNDER_WAY: usize = 4;

impl BeatsPlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Self {
        let decoration = Decoration::read(options, context);
        let tls = Tls::read_with_older_names(context, options);
        options.unsupported("ssl_peer_metadata", "who sent an event is not written into it");
        let codec = codec(context, options);
        let decoration = if codec.is_some() { decoration.without_original() } else { decoration };
        for name in
            ["executor_threads", "client_inactivity_timeout_seconds", "add_hostname", "event_loop_threads"]
        {
            options.no_effect(name, "what it tunes is decided by the collector");
        }
        options.unsupported(
            "enrich",
            "what it would switch off is chosen with `include_codec_tag` and `ssl_peer_metadata`",
        );
        Self {
            tls,
            place: Place::read(options, Some(alces_lumberjack::PORT)),
            codec_tag: options.boolean("include_codec_tag").unwrap_or(true),
            codec,
            inactivity: Duration::from_secs(
                options.integer("client_inactivity_timeout", 0..=86_400).unwrap_or(60) as u64,
            ),
            decoration,
        }
    }
}

impl Input for BeatsPlan {
    fn bind(&self, allow_plaintext: bool) -> BoxFuture<'_, Result<Bound, CollectorError>> {
        Box::pin(async move {
            let listener = self.place.tcp(self.tls.is_some(), allow_plaintext).await?;
            let (plan, address) = (self.clone(), listener.local_addr());
            Ok(Bound::new(|intake| run(listener, plan, intake)).listening("beats", address))
        })
    }
}

/// Reads `codec`.
fn codec(context: &Context<'_>, options: &mut Options<'_>) -> Option<DecoderPlan> {
    let codec = super::codec(context, options, Framing::Messages, &["plain"])?;
    if codec.name() == "multiline"
        && let Some(plugin) = options.codec("codec")
    {
        options.error_with_help(
            &plugin.name.span,
            "Multiline codec with beats input is not supported",
            "let Filebeat join the lines, with `parsers` or `multiline` of its input",
        );
    }
    Some(codec)
}

async fn run(listener: TcpListener, plan: BeatsPlan, intake: Intake) {
    let door = Door { listener, tls: plan.tls.clone(), keep_alive: false, limits: listen::Limits::NONE };
    accept(door, intake.clone(), move |taken| connection(taken, plan.clone(), intake.clone())).await;
}

/// One sender. Reading goes on while earlier windows are worked on; acknowledgements leave in the order of windows.
async fn connection(Connection { stream, peer }: Connection, plan: BeatsPlan, intake: Intake) {
    let (mut read, write) = tokio::io::split(stream);
    // Closing this channel ends the writer, and the writer's end closes it: either half takes the other along.
    let (pending, windows) = mpsc::channel(UNDER_WAY);
    let outstanding = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn(acknowledge(write, windows, outstanding.clone()));
    let decoded =
        plan.codec.as_ref().map(|codec| Decoded::new(codec, &plan.decoration, plan.codec_tag, &intake.stats));
    let mut reader = WindowReader::new(Limits::default());
    let mut input = BytesMut::with_capacity(64 << 10);
    let mut stop = intake.stop.clone();
    let mut spoken = false;
    loop {
        loop {
            match reader.next_window(&mut input) {
                Ok(Some(window)) => {
                    let (ack, version) = (window.ack, window.version);
                    // The first document of a connection may ask for our own form.
                    let first = window.events.first().filter(|_| !spoken);
                    let offer = first.is_some_and(asks_for_records);
                    spoken |= first.is_some();
                    if offer {
                        reader.allow_records();
                    }
                    let (batch, delivered) = match &decoded {
                        None => batch(window, offer, &plan, &intake),
                        Some(decoded) => decoded_batch(window, offer, decoded, &intake),
                    };
                    outstanding.fetch_add(1, Ordering::Relaxed);
                    // The promise is queued before the work, so that a closed writer stops the reading.
                    if pending.send(Pending { ack, version, offer, delivered }).await.is_err()
                        || intake.out.send(batch).await.is_err()
                    {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    intake.stats.protocol_errors.add(1);
                    warn!(%peer, %error, "connection closed: what came is not Lumberjack");
                    // At once, and without waiting for windows under way: the sender must see it.
                    writer.abort();
                    return;
                }
            }
        }
        let idle = if plan.inactivity.is_zero() { Duration::MAX } else { plan.inactivity };
        let got = tokio::select! {
            got = timeout(idle, read.read_buf(&mut input)) => got,
            _ = stop.wait_for(|stop| *stop) => break,
            () = pending.closed() => break,
        };
        match got {
            Ok(Ok(0)) => {
                if reader.is_inside_window() || !input.is_empty() {
                    debug!(%peer, "the sender left inside a window: it will send it again");
                }
                break;
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                debug!(%peer, %error, "connection lost");
                break;
            }
            Err(_) if outstanding.load(Ordering::Relaxed) == 0 => {
                debug!(%peer, "idle: closed");
                break;
            }
            // Silent because it waits for us.
            Err(_) => {}
        }
    }
    drop(pending);
    let _ = writer.await;
}

struct Pending {
    ack: u32,
    version: u8,
    /// The sender asked for our own form, and is told before the acknowledgement that it may send it.
    offer: bool,
    delivered: Delivered,
}

/// Acknowledges windows in order, each as a whole, with signs of life in between. A window that is not delivered ends the
/// connection unacknowledged.
async fn acknowledge(
    mut write: WriteHalf<Box<dyn Stream>>,
    mut windows: mpsc::Receiver<Pending>,
    outstanding: Arc<AtomicUsize>,
) {
    while let Some(mut window) = windows.recv().await {
        if window.offer && send(&mut write, &encode_offer()).await.is_err() {
            return;
        }
        let mut alive = interval(KEEP_ALIVE);
        alive.tick().await;
        loop {
            tokio::select! {
                delivered = &mut window.delivered => {
                    if delivered.is_err() {
                        return;
                    }
                    break;
                }
                _ = alive.tick() => {
                    if send(&mut write, &encode_ack(window.version, 0)).await.is_err() {
                        return;
                    }
                }
            }
        }
        if send(&mut write, &encode_ack(window.version, window.ack)).await.is_err() {
            return;
        }
        outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// TLS keeps what was written until it is told to send it.
async fn send(write: &mut WriteHalf<Box<dyn Stream>>, bytes: &[u8]) -> io::Result<()> {
    write.write_all(bytes).await?;
    write.flush().await
}
