//! `beats`: Lumberjack v1 and v2 from Filebeat, other Beats and our own agent.

mod acknowledge;
mod events;
mod windows;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alces_codec::{DecoderPlan, Framing};
use alces_conf::Options;
use alces_filters::Context;
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use tokio::{io::AsyncReadExt as _, net::TcpListener, sync::mpsc, time::timeout};
use tracing::{debug, warn};

use self::{
    acknowledge::acknowledge,
    windows::{Stop, Windows},
};
use super::{
    Bound, Decoration, Input, Intake, Site,
    listen::{self, Connection, Door, Place, accept},
    tls::Tls,
};
use crate::CollectorError;

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

    /// How long a connection may be silent.
    fn idle(&self) -> Duration {
        if self.inactivity.is_zero() { Duration::MAX } else { self.inactivity }
    }
}

impl Input for BeatsPlan {
    fn bind<'b>(&'b self, site: &'b Site) -> BoxFuture<'b, Result<Bound, CollectorError>> {
        Box::pin(async move {
            let listener = self.place.tcp(self.tls.is_some(), site.allow_plaintext).await?;
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
    let (turns, windows) = mpsc::channel(UNDER_WAY);
    let outstanding = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn(acknowledge(write, windows, outstanding.clone()));
    let (idle, mut stop) = (plan.idle(), intake.stop.clone());
    let mut windows = Windows::new(plan, intake.clone(), turns.clone(), outstanding.clone());
    let mut input = BytesMut::with_capacity(64 << 10);
    loop {
        match windows.take(&mut input).await {
            Ok(()) => {}
            Err(Stop::Ended) => return,
            Err(Stop::Broken(error)) => {
                intake.stats.protocol_errors.add(1);
                warn!(%peer, %error, "connection closed: what came is not Lumberjack");
                // At once, and without waiting for windows under way: the sender must see it.
                writer.abort();
                return;
            }
        }
        let got = tokio::select! {
            got = timeout(idle, read.read_buf(&mut input)) => got,
            _ = stop.wait_for(|stop| *stop) => break,
            () = turns.closed() => break,
        };
        match got {
            Ok(Ok(0)) => {
                if windows.is_inside_one() || !input.is_empty() {
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
    drop((turns, windows));
    let _ = writer.await;
}
