//! Any bytes, in pieces of any size, are events of each codec, the same as in one piece; and each event can be written again.
#![no_main]

use std::sync::Arc;

use alces_codec::{Decoder, DecoderPlan, Encoder, Framing};
use alces_conf::{Options, Source, Statement, parse};
use alces_event::{Event, Timestamp};
use alces_plugin::{Context, EcsMode, NoFiles};
use bytes::Bytes;

const CODECS: &[&str] = &[
    "cef",
    "cef { ecs_compatibility => disabled raw_data_field => raw }",
    "msgpack",
    "csv",
    "csv { autodetect_column_names => true skip_empty_columns => true convert => { \"a\" => \"float\" \"b\" => \"date_time\" } }",
    "json",
    "json_lines { target => doc decode_size_limit_bytes => 40 }",
    "line { charset => \"Shift_JIS\" delimiter => \"ab\" }",
    "multiline { pattern => \"^\\s\" what => previous max_lines => 3 }",
];

fn codec(text: &str) -> (DecoderPlan, Option<Box<dyn Encoder>>) {
    let source = Source::new("x.conf", &format!("input {{ stdin {{ codec => {text} }} }}"));
    let config = parse(&source, alces_conf::Escapes::Off).unwrap();
    let Some(Statement::Plugin(plugin)) = config.sections[0].body.first() else { unreachable!() };
    let plugin = Options::new(&source, &|_| None, plugin).codec("codec").unwrap();
    let context = Context {
        source: &source,
        env: &|_| None,
        ecs: EcsMode::V8,
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        files: &NoFiles,
    };
    let decoder = alces_codec::decoder(&context, &plugin, Framing::Stream).0.unwrap();
    (decoder, alces_codec::encoder(&context, &plugin).0)
}

fn decode(mut decoder: Box<dyn Decoder>, bytes: &[u8], piece: usize) -> Vec<Event> {
    let mut out = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        decoder.decode(Bytes::copy_from_slice(piece), Timestamp::UNIX_EPOCH, &mut out);
    }
    decoder.flush(Timestamp::UNIX_EPOCH, &mut out);
    out
}

type All = Vec<(DecoderPlan, Option<Box<dyn Encoder>>)>;

thread_local! {
    static ALL: All = CODECS.iter().map(|text| codec(text)).collect();
}

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (which, piece, bytes) = input;
    ALL.with(|all| {
        let (decoder, encoder) = &all[usize::from(which) % all.len()];
        let events = decode(decoder.stream(), bytes, usize::from(piece));
        let whole = decode(decoder.stream(), bytes, bytes.len());
        let show = |events: &[Event]| serde_json::to_string(events).unwrap();
        assert_eq!(show(&events), show(&whole));
        let mut out = Vec::new();
        if let Some(encoder) = encoder {
            events.iter().for_each(|event| encoder.encode(event, &mut out));
        }
    });
});
