//! Windows to events.

mod lines;

use alces_event::{Event, FieldRef, Timestamp};
use alces_lumberjack::{Payload, Window, asks};
use bytestring::ByteString;
use tracing::debug;

use self::lines::Lines;
use super::{
    super::{Intake, decoded::Decoded},
    BeatsPlan,
};
use crate::{
    Stats,
    batch::{Batch, Delivered},
};

/// The events of a window, with what the input adds to each.
pub(super) fn batch(window: Window, asked: bool, plan: &BeatsPlan, intake: &Intake) -> (Batch, Delivered) {
    let now = (intake.clock)();
    let len = window.events.len();
    let (decoration, codec_tag) = (plan.decoration.clone(), plan.codec_tag);
    let events = events(window, asked, now, intake).map(move |mut event| {
        decoration.apply(&mut event);
        if codec_tag && event.fields().get("message").is_some() {
            event.tag("beats_input_codec_plain_applied");
        }
        event
    });
    Batch::new(len, events)
}

/// The same through a codec.
pub(super) fn decoded_batch(
    window: Window,
    asked: bool,
    decoded: &Decoded,
    intake: &Intake,
) -> (Batch, Delivered) {
    let now = (intake.clock)();
    let len = window.events.len();
    let decoded = decoded.clone();
    let events = events(window, asked, now, intake).flat_map(move |event| decoded.events(event, now));
    Batch::new(len, events)
}

/// The events of a window. Where the first one `asked` for something, it did so between sender and receiver, and is an event without it.
fn events(
    window: Window,
    mut asked: bool,
    now: Timestamp,
    intake: &Intake,
) -> impl Iterator<Item = Event> + Send + use<> {
    let stats = intake.stats.clone();
    let mut lines = Lines::default();
    window.events.into_iter().map(move |payload| {
        let mut event = match payload {
            Payload::Json(json) => from_json(&json, now, &stats),
            Payload::Pairs(pairs) => from_pairs(&pairs, now, &stats),
            Payload::Line { .. } => lines.event(&payload, now, &stats),
        };
        if std::mem::take(&mut asked)
            && let Ok(question) = FieldRef::parse("[@metadata][alces]")
        {
            event.remove(&question);
        }
        event
    })
}

/// Whether a document asks for our own form.
pub(super) fn asks_for_records(payload: &Payload) -> bool {
    matches!(payload, Payload::Json(json) if asks(json))
}

fn from_json(json: &[u8], now: Timestamp, stats: &Stats) -> Event {
    match Event::from_json(json, now) {
        Ok((event, replaced)) => {
            stats.replaced.add(u64::from(replaced));
            event
        }
        Err(error) => {
            // Kept as text, so that a person can see what was sent.
            stats.undecodable.add(1);
            let mut event =
                Event::from_line(ByteString::from(String::from_utf8_lossy(json).into_owned()), now);
            event.tag("_jsonparsefailure");
            debug!(%error, "an event is no JSON object");
            event
        }
    }
}

/// Version 1: `line` is the message, the rest are fields.
fn from_pairs(pairs: &[(bytes::Bytes, bytes::Bytes)], now: Timestamp, stats: &Stats) -> Event {
    let text = |bytes: &bytes::Bytes| match String::from_utf8_lossy(bytes) {
        std::borrow::Cow::Borrowed(text) => text.to_owned(),
        std::borrow::Cow::Owned(text) => {
            stats.replaced.add(1);
            text
        }
    };
    let line = pairs.iter().find(|(key, _)| &key[..] == b"line").map(|(_, value)| text(value));
    let mut event = Event::from_line(ByteString::from(line.unwrap_or_default()), now);
    for (key, value) in pairs.iter().filter(|(key, _)| &key[..] != b"line") {
        if let Ok(field) = FieldRef::parse(&String::from_utf8_lossy(key)) {
            event.set(&field, text(value));
        }
    }
    event
}
