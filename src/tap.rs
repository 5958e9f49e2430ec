//! `alces tap`: events of a running pipeline as they pass.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use alces_codec::{Encoder as _, RubyDebug};
use alces_event::Event;
use anyhow::Context as _;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, value::RawValue};
use url::form_urlencoded::Serializer;

use crate::{
    cli::TapArgs,
    collector::client::{NobodyThere, Peer},
    dlq::text::{plain, plain_json},
    paths::data_dir,
    roles::Environment,
};

/// The filter is broken, or there is nobody to be asked.
const BROKEN: u8 = 2;

pub(crate) async fn run(args: TapArgs, env: Environment) -> ExitCode {
    match tap(args, env).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has had enough: `| head`.
        Err(error)
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(BROKEN)
        }
    }
}

async fn tap(args: TapArgs, env: Environment) -> anyhow::Result<()> {
    // Before anybody is asked: what is wrong is told with its place.
    if let Some(filter) = &args.filter
        && let Err(errors) = alces_collector::tap_condition(filter)
    {
        let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
        anyhow::bail!("{}", all.join("\n"));
    }
    let peer = Peer::find(data_dir(args.data_dir, "collector", env), args.api)?;
    let mut query = Serializer::new(String::new());
    query.append_pair("rate", &args.rate.to_string());
    if let Some(filter) = &args.filter {
        query.append_pair("filter", filter);
    }
    let pipeline: String = url::form_urlencoded::byte_serialize(args.pipeline.as_bytes()).collect();
    let path = format!("/_tap/{}?{}", pipeline.replace('+', "%20"), query.finish());
    let answer = peer.get(&path).await.map_err(|error| match error.downcast::<NobodyThere>() {
        Ok(nobody) => anyhow::anyhow!("{nobody}: is it running?"),
        Err(error) => error,
    })?;
    // As tcpdump does: a tap that shows nothing is seen to be open.
    eprintln!("looking at `{}` of the collector at {}", args.pipeline, peer.address());
    let mut body = answer.into_body();
    let pretty = io::stdout().is_terminal() && !args.json;
    let (mut shown, mut line, mut seen) = (0, Vec::new(), Seen::new());
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(frame) = frame else { break };
        let Ok(data) = frame.context("the collector has ended")?.into_data() else { continue };
        let mut rest = &data[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            shown += u64::from(one(&line, pretty, &mut seen)?);
            line.clear();
            if args.count.is_some_and(|count| shown >= count) {
                seen.end();
                return Ok(());
            }
        }
        line.extend_from_slice(rest);
    }
    seen.end();
    Ok(())
}

#[derive(serde::Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    event: Option<&'l RawValue>,
    seen: Option<Value>,
}

/// Prints what a line holds; whether that was an event.
fn one(line: &[u8], pretty: bool, seen: &mut Seen) -> anyhow::Result<bool> {
    let line: Line<'_> = serde_json::from_slice(line).context("what came is not what a collector sends")?;
    if let Some(counts) = line.seen {
        seen.tell(counts);
    }
    let Some(event) = line.event else { return Ok(false) };
    seen.wipe();
    let mut out = io::stdout().lock();
    match pretty.then(|| Event::from_json(event.get().as_bytes(), Timestamp::now())) {
        Some(Ok((event, _))) => {
            let mut text = Vec::new();
            RubyDebug::default().encode(&event, &mut text);
            let text = String::from_utf8_lossy(&text);
            for line in text.lines() {
                writeln!(out, "{}", plain(line))?;
            }
        }
        _ => writeln!(out, "{}", plain_json(event.get()))?,
    }
    Ok(true)
}

/// How much was seen: on a terminal in its last line while it goes on, and at the end.
struct Seen {
    counts: Value,
    live: bool,
}

impl Seen {
    fn new() -> Self {
        Self { counts: Value::Null, live: io::stderr().is_terminal() && io::stdout().is_terminal() }
    }

    fn text(&self) -> String {
        let count = |name: &str| self.counts[name].as_u64().unwrap_or(0);
        format!("{} events passed, {} matched, {} shown", count("passed"), count("matched"), count("shown"))
    }

    fn tell(&mut self, counts: Value) {
        self.counts = counts;
        if self.live {
            eprint!("\r\x1b[K{}", self.text());
        }
    }

    fn wipe(&self) {
        if self.live {
            eprint!("\r\x1b[K");
        }
    }

    /// Says what was left out.
    fn end(&self) {
        self.wipe();
        if self.counts["matched"].as_u64() > self.counts["shown"].as_u64() {
            eprintln!("{}: --rate shows more a second", self.text());
        }
    }
}
