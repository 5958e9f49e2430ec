//! Bytes to frames, one at a time.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::{Payload, ProtocolError};

/// A frame is whole in the buffer, or more bytes are needed.
pub(crate) enum Step {
    /// With the version of the protocol.
    Frame(u8, Frame),
    NeedMore,
}

pub(crate) enum Frame {
    /// How many events follow.
    Window(u32),
    /// A number and an event.
    Data(u32, Payload),
    /// Packed frames.
    Zlib(Bytes),
    /// Records, and packed ones.
    Records(Bytes),
    Zstd(Bytes),
}

/// One frame off the front of `input`.
pub(crate) fn step(input: &mut BytesMut, records: bool, frame_bytes: usize) -> Result<Step, ProtocolError> {
    let Some(version @ (b'1' | b'2')) = input.first().copied() else {
        return input.first().map_or(Ok(Step::NeedMore), |v| Err(ProtocolError::Version(*v)));
    };
    let Some(kind) = input.get(1).copied() else { return Ok(Step::NeedMore) };
    let header = match kind {
        b'W' | b'C' => 6,
        b'B' | b'Z' if records => 6,
        b'J' => 10,
        b'D' => return step_pairs(input, version, frame_bytes),
        other => return Err(ProtocolError::FrameType(other)),
    };
    let Some(mut head) = input.get(2..header) else { return Ok(Step::NeedMore) };
    if kind == b'W' {
        let count = head.get_u32();
        input.advance(header);
        return Ok(Step::Frame(version, Frame::Window(count)));
    }
    let seq = if kind == b'J' { head.get_u32() } else { 0 };
    let len = head.get_u32() as usize;
    check("a frame", len as u64, frame_bytes)?;
    if input.len() < header + len {
        input.reserve(header + len - input.len());
        return Ok(Step::NeedMore);
    }
    input.advance(header);
    let body = input.split_to(len).freeze();
    Ok(Step::Frame(
        version,
        match kind {
            b'J' => Frame::Data(seq, Payload::Json(body)),
            b'B' => Frame::Records(body),
            b'Z' => Frame::Zstd(body),
            _ => Frame::Zlib(body),
        },
    ))
}

/// `D`: sequence, count of pairs, then length and bytes of each key and value.
fn step_pairs(input: &mut BytesMut, version: u8, frame_bytes: usize) -> Result<Step, ProtocolError> {
    let Some(mut head) = input.get(2..10) else { return Ok(Step::NeedMore) };
    let (seq, count) = (head.get_u32(), head.get_u32());
    check("a frame's pairs", u64::from(count), 4096)?;
    let mut at = 10;
    let mut spans = Vec::new();
    for _ in 0..u64::from(count) * 2 {
        let Some(mut length) = input.get(at..at + 4) else { return Ok(Step::NeedMore) };
        let len = length.get_u32() as usize;
        check("a frame", (at + len) as u64, frame_bytes)?;
        if input.len() < at + 4 + len {
            return Ok(Step::NeedMore);
        }
        spans.push((at + 4, at + 4 + len));
        at += 4 + len;
    }
    let body = input.split_to(at).freeze();
    let pair = |two: &[(usize, usize)]| (body.slice(two[0].0..two[0].1), body.slice(two[1].0..two[1].1));
    Ok(Step::Frame(version, Frame::Data(seq, Payload::Pairs(spans.chunks_exact(2).map(pair).collect()))))
}

pub(crate) fn check(what: &'static str, size: u64, limit: usize) -> Result<(), ProtocolError> {
    if size > limit as u64 {
        Err(ProtocolError::TooLarge { what, size, limit: limit as u64 })
    } else {
        Ok(())
    }
}
