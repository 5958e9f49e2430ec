//! Any bytes, in pieces of any size, are windows or an error that ends the connection.
#![no_main]

use alces_lumberjack::{AnswerReader, Lines, Limits, WindowReader, ask, asks};
use bytes::BytesMut;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let _ = (asks(bytes), ask(bytes), Lines::from_buffer(bytes.to_vec()));
    let limits = Limits { window_events: 1_000, frame_bytes: 1 << 16, window_bytes: 1 << 18 };
    let (mut reader, mut said) = (WindowReader::new(limits), AnswerReader::default());
    if piece % 2 == 0 {
        reader.allow_records();
    }
    let (mut buffer, mut answers) = (BytesMut::new(), BytesMut::from(bytes));
    'stream: for chunk in bytes.chunks(usize::from(piece).max(1)) {
        buffer.extend_from_slice(chunk);
        loop {
            match reader.next_window(&mut buffer) {
                Ok(Some(window)) => assert!(window.events.len() <= 1_000),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    while let Ok(Some(_)) = said.next_answer(&mut answers) {}
});
