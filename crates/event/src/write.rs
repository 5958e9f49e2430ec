//! Events to JSON, straight into a buffer: what every event pays on its way out.
//!
//! The same text as through serde ([`super::json`]), which is its twin in tests.

use std::ops::Range;

use wide::u8x16;

use crate::{
    Event, Key, Object, ObjectRef, Value,
    time::write_timestamp,
    value::{Str, StrRepr},
};

/// As many bytes of a text are looked at together.
const LANES: usize = 16;

// Values are written from where they lie, and not through `ValueRef`: views are moved through memory, and reading one back that was
// just written in other pieces costs more than writing its text.

impl Event {
    /// Appends the event as a JSON object: `@timestamp` first, then the fields in order; `@metadata` is not written.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_members(out, None);
        out.push(b'}');
    }

    /// The same without the braces, and without one of the fields, for those who add some of their own.
    pub fn write_members(&self, out: &mut Vec<u8>, but: Option<&Key>) {
        out.extend_from_slice(b"\"@timestamp\":\"");
        write_timestamp(out, self.timestamp());
        out.push(b'"');
        let ObjectRef { line, object } = self.fields();
        let mut writer = Writer { out, line, long: None };
        for (key, value) in object.iter().filter(|(key, _)| but != Some(key)) {
            key.write_member(writer.out);
            writer.value(value);
        }
    }
}

impl ObjectRef<'_> {
    /// Appends the object as JSON.
    pub fn write_json(self, out: &mut Vec<u8>) {
        Writer { out, line: self.line, long: None }.object(self.object);
    }
}

/// Appends `text` as JSON.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    string(text, out);
}

/// A shorter text is written anew.
const LONG: u32 = 64;

struct Writer<'w> {
    out: &'w mut Vec<u8>,
    line: &'w str,
    /// The last long part of the line that was written, and where to: `[event][original]` is most often `message` once more.
    long: Option<(u32, u32, Range<usize>)>,
}

impl Writer<'_> {
    /// A number that JSON has not (infinite, not a number) becomes `null`.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(truth) => self.out.extend_from_slice(if *truth { b"true" } else { b"false" }),
            Value::Int(number) => {
                self.out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            }
            Value::Float(number) => {
                // Writing to a `Vec` does not fail.
                let _ = serde_json::to_writer(&mut *self.out, number);
            }
            Value::Time(time) => {
                self.out.push(b'"');
                write_timestamp(self.out, *time);
                self.out.push(b'"');
            }
            Value::Str(Str(StrRepr::Slice { start, len })) if *len >= LONG => self.part(*start, *len),
            Value::Str(text) => {
                if !self.short(text) {
                    string(text.resolve(self.line), self.out);
                }
            }
            Value::List(items) => {
                self.out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push(b',');
                    }
                    self.value(item);
                }
                self.out.push(b']');
            }
            Value::Object(inner) => self.object(inner),
        }
    }

    /// A part of the line of up to thirty-two bytes, none of which must be escaped: all of them are looked at and copied at once, and
    /// what is too much is cut off. False, and nothing is written, where it is not so.
    #[inline]
    fn short(&mut self, text: &Str) -> bool {
        let StrRepr::Slice { start, len } = text.0 else { return false };
        let block =
            self.line.as_bytes().get(start as usize..).and_then(|rest| rest.first_chunk::<{ 2 * LANES }>());
        let (Some(block), true) = (block, len as usize <= 2 * LANES) else { return false };
        let (Some(low), Some(high)) = (block.first_chunk(), block.last_chunk()) else { return false };
        let mask = u64::from(specials(low)) | u64::from(specials(high)) << LANES;
        if mask & ((1 << len) - 1) != 0 {
            return false;
        }
        self.out.push(b'"');
        let end = self.out.len() + len as usize;
        self.out.extend_from_slice(block);
        self.out.truncate(end);
        self.out.push(b'"');
        true
    }

    /// A long part of the line, copied from before where it was just written.
    fn part(&mut self, start: u32, len: u32) {
        match &self.long {
            Some((s, l, before)) if (*s, *l) == (start, len) => self.out.extend_from_within(before.clone()),
            _ => {
                let from = self.out.len();
                string(Str(StrRepr::Slice { start, len }).resolve(self.line), self.out);
                self.long = Some((start, len, from..self.out.len()));
            }
        }
    }

    fn object(&mut self, object: &Object) {
        self.out.push(b'{');
        let mut members = object.iter();
        if let Some((key, value)) = members.next() {
            // Without the comma.
            self.out.extend_from_slice(key.first_member());
            self.value(value);
        }
        for (key, value) in members {
            key.write_member(self.out);
            self.value(value);
        }
        self.out.push(b'}');
    }
}

/// Appends `text` in quotes, escaped as RFC 8259 (section 7) asks.
fn string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut done = 0;
    while let Some(at) = next_special(bytes, done) {
        let Some(&byte) = bytes.get(at) else { break };
        out.extend_from_slice(&bytes[done..at]);
        escape(byte, out);
        done = at + 1;
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// Where from `from` on a byte stands that must be escaped.
#[inline]
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<LANES>()) {
        let mask = specials(block);
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += LANES;
    }
    // What is left, with bytes that were looked at before where there are enough of them.
    if let (Some(start), Some(last)) = (bytes.len().checked_sub(LANES), bytes.last_chunk::<LANES>()) {
        let mask = specials(last) >> (at - start).min(LANES);
        return (mask != 0).then(|| at + mask.trailing_zeros() as usize);
    }
    // Fewer than sixteen in all: eight at once, twice where that reaches all of them, else one by one.
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>())
        && !has_special(*first)
        && !has_special(*last)
    {
        return None;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| SPECIAL[usize::from(*byte)]).map(|skip| at + skip)
}

/// Whether one of eight bytes must be escaped ("Determine if a word has a byte less than n", Sean Eron Anderson, Bit Twiddling Hacks).
#[inline]
fn has_special(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(bytes);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    (control | quote | backslash) & (ONES * 0x80) != 0
}

/// A bit for each byte that must be escaped.
#[inline]
fn specials(bytes: &[u8; LANES]) -> u32 {
    let block = u8x16::new(*bytes);
    // A byte up to 0x1f is the lesser of itself and 0x1f.
    let control = block.min(u8x16::splat(0x1f)).simd_eq(block);
    (control | block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special
};

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit & 15)];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{FieldRef, Timestamp, Value};

    proptest! {
        /// serde is the dull twin.
        #[test]
        fn the_same_as_through_serde(
            text in r#"[\x00-\x7fé日"\\\n]{0,60}"#,
            name in r#"[a-z"\\]{1,20}"#,
            int: i64,
            float: f64,
            seconds in -60_000_000_000_i64..200_000_000_000,
            nanos in prop_oneof![Just(0), Just(5_000_000), Just(5_000), 0_i32..1_000_000_000],
        ) {
            let time = Timestamp::new(seconds, nanos.copysign_to(seconds)).unwrap();
            let mut event = Event::from_line(text.as_str().into(), time);
            event.fields_mut().set(crate::Key::new(&name), Value::Int(int));
            event.set(&FieldRef::parse("[a][b]").unwrap(), float);
            event.append(&FieldRef::parse("list").unwrap(), text.as_str());
            event.append(&FieldRef::parse("list").unwrap(), true);
            event.append(&FieldRef::parse("list").unwrap(), Value::Null);
            let mut out = Vec::new();
            event.write_json(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&event).unwrap());
        }
    }

    trait Sign {
        fn copysign_to(self, of: i64) -> Self;
    }

    impl Sign for i32 {
        /// A time's seconds and nanoseconds have one sign.
        fn copysign_to(self, of: i64) -> Self {
            if of < 0 { -self } else { self }
        }
    }
}
