//! One helper per idea for this crate's tests.

use std::sync::Arc;

use alces_conf::{Diagnostic, Escapes, Options, Plugin, Source, Statement, Value, parse};
use alces_event::{Event, FieldRef, Timestamp};
use alces_plugin::{Context, Disk, EcsMode};
use bytes::Bytes;

use crate::{Decoder, Encoder, Framing};

/// The clock of these tests: 2 January 2026.
pub(crate) fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

fn with<T>(
    codec: &str,
    read: impl FnOnce(&Context<'_>, &Plugin) -> (Option<T>, Vec<Diagnostic>),
) -> Result<T, String> {
    let source = Source::new("x.conf", &format!("input {{ stdin {{ codec => {codec} }} }}"));
    let config = parse(&source, Escapes::Off).map_err(|errors| join(&errors))?;
    let Some(Statement::Plugin(plugin)) = config.sections[0].body.first() else { panic!("a plugin") };
    assert!(matches!(plugin.attributes[0].value.node, Value::Plugin(_) | Value::Bareword(_)));
    let plugin = Options::new(&source, &|_| None, plugin).codec("codec").unwrap();
    let context =
        Context { source: &source, env: &|_| None, ecs: EcsMode::V8, clock: Arc::new(now), files: &Disk };
    match read(&context, &plugin) {
        (Some(codec), errors) if errors.is_empty() => Ok(codec),
        (_, errors) => Err(join(&errors)),
    }
}

fn join(errors: &[Diagnostic]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The decoder of a codec.
#[track_caller]
pub(crate) fn decoder(codec: &str, framing: Framing) -> Box<dyn Decoder> {
    let plan = with(codec, |context, plugin| crate::decoder(context, plugin, framing));
    plan.unwrap_or_else(|e| panic!("{e}")).stream()
}

/// The encoder of a codec.
#[track_caller]
pub(crate) fn encoder(codec: &str) -> Box<dyn Encoder> {
    with(codec, crate::encoder).unwrap_or_else(|e| panic!("{e}"))
}

/// Events as JSON without what every event has, an event a line.
pub(crate) fn show(events: Vec<Event>) -> String {
    let show = |mut event: Event| {
        event.remove(&FieldRef::field("@version"));
        let json = serde_json::to_string(&event).unwrap();
        let json = json.replacen(r#""@timestamp":"2026-01-02T00:00:00.000Z""#, "", 1).replacen("{,", "{", 1);
        match event.metadata().is_empty() {
            true => json,
            false => format!("{json} @metadata {}", serde_json::to_string(&event.metadata()).unwrap()),
        }
    };
    events.into_iter().map(show).collect::<Vec<_>>().join("\n")
}

/// What a codec makes of a stream, to its end.
#[track_caller]
pub(crate) fn decode(codec: &str, bytes: &[u8]) -> String {
    show(pieces(codec, &[bytes]))
}

/// What a codec makes of the pieces of a stream, to its end.
#[track_caller]
pub(crate) fn pieces(codec: &str, pieces: &[&[u8]]) -> Vec<Event> {
    let mut decoder = decoder(codec, Framing::Stream);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.decode(Bytes::copy_from_slice(piece), now(), &mut out);
    }
    decoder.flush(now(), &mut out);
    out
}

/// What a codec makes of messages, each complete in itself.
#[track_caller]
pub(crate) fn messages(codec: &str, messages: &[&[u8]]) -> String {
    let mut decoder = decoder(codec, Framing::Messages);
    let mut out = Vec::new();
    for message in messages {
        decoder.decode(Bytes::copy_from_slice(message), now(), &mut out);
        decoder.flush(now(), &mut out);
    }
    show(out)
}

/// An event from JSON.
pub(crate) fn event(json: &str) -> Event {
    Event::from_json(json.as_bytes(), now()).unwrap().0
}

/// What a codec writes of events.
#[track_caller]
pub(crate) fn encode(codec: &str, events: &[&str]) -> String {
    let encoder = encoder(codec);
    let mut out = Vec::new();
    for (at, json) in events.iter().enumerate() {
        let event = event(json);
        if at == 0 {
            encoder.header(&event, &mut out);
        }
        encoder.encode(&event, &mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What is wrong with a codec of an input.
#[track_caller]
pub(crate) fn errors_in(codec: &str) -> String {
    match with(codec, |context, plugin| crate::decoder(context, plugin, Framing::Messages)) {
        Ok(_) => panic!("{codec} compiles"),
        Err(errors) => errors,
    }
}

/// What is wrong with a codec of an output.
#[track_caller]
pub(crate) fn errors_out(codec: &str) -> String {
    match with(codec, crate::encoder) {
        Ok(_) => panic!("{codec} compiles"),
        Err(errors) => errors,
    }
}
