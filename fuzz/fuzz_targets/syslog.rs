//! Any text is a message or is not, and what is found in it lies in it; any stream, in pieces of any size, is the same messages as in one.
#![no_main]

use alces_codec::{
    Decoder,
    syslog::{Framed, data, parse},
};
use alces_event::{Event, Timestamp};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use jiff::tz::TimeZone;

/// A codec that makes an event of each message.
struct Each;

impl Decoder for Each {
    fn decode(&mut self, bytes: Bytes, now: Timestamp, out: &mut Vec<Event>) {
        out.push(Event::from_line(ByteString::from(String::from_utf8_lossy(&bytes).into_owned()), now));
    }

    fn fresh(&self) -> Box<dyn Decoder> {
        Box::new(Self)
    }
}

fn messages(stream: &[u8], piece: usize) -> String {
    let mut frames = Framed::new(Box::new(Each));
    let mut out = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        frames.decode(BytesMut::from(piece).freeze(), Timestamp::UNIX_EPOCH, &mut out);
    }
    frames.flush(Timestamp::UNIX_EPOCH, &mut out);
    serde_json::to_string(&out).unwrap()
}

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    assert_eq!(messages(bytes, piece.into()), messages(bytes, bytes.len()));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(message) = parse(text) else { return };
    for part in [message.host, message.program, message.process, message.kind, message.data.clone(), Some(message.text)] {
        part.map(|part| text.get(part).unwrap());
    }
    message.data.map(|part| data(&text[part], |_| {}).unwrap());
    message.time.map(|(part, time)| (text.get(part).unwrap(), time.resolve(&TimeZone::UTC, Timestamp::UNIX_EPOCH)));
});
