//! Events to JSON, straight into a buffer: what every event pays on its way out.
//!
//! The same text as through serde ([`super::json`]), which is its twin in tests.

use wide::u8x16;

use crate::{
    Event, Key, Object, ObjectRef, Value,
    key::SHORT,
    out::Out,
    time::write_timestamp,
    value::{Str, StrRepr},
};

/// As many bytes of a text are looked at together.
const LANES: usize = 16;

/// Texts up to this are looked at and copied as a whole, and what is too much is written over.
const BLOCK: usize = 2 * LANES;

/// A shorter text is written anew.
const LONG: u32 = 64;

// Values are written from where they lie, and not through `ValueRef`: views are moved through memory, and reading one back that was
// just written in other pieces costs more than writing its text.

impl Event {
    /// Appends the event as a JSON object: `@timestamp` first, then the fields in order; `@metadata` is not written.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_members(out, None);
        out.push(b'}');
    }

    /// The same without the braces, and without one of the fields, for those who add some of their own. Answers how many objects are
    /// in what was written.
    pub fn write_members(&self, out: &mut Vec<u8>, but: Option<&Key>) -> usize {
        let ObjectRef { line, object } = self.fields();
        // The line is most often in it twice; a name and its value are some tens of bytes, and there are others below them. Of a large
        // line an event may have a small part only.
        let expected = (2 * line.len()).min(4096) + 64 * object.len() + 256;
        let mut writer = Writer { out: Out::new(out, expected), line, long: None, objects: 0 };
        writer.out.bytes(b"\"@timestamp\":\"");
        write_timestamp(&mut writer.out, self.timestamp());
        writer.out.byte(b'"');
        for (key, value) in object.iter().filter(|(key, _)| but != Some(key)) {
            writer.member(key, value);
        }
        writer.objects
    }
}

impl ObjectRef<'_> {
    /// Appends the object as JSON.
    pub fn write_json(self, out: &mut Vec<u8>) {
        self.write_counted(out);
    }

    /// The same; answers how many objects are below it.
    pub(crate) fn write_counted(self, out: &mut Vec<u8>) -> usize {
        let out = Out::new(out, 64 * self.object.len() + 64);
        let mut writer = Writer { out, line: self.line, long: None, objects: 0 };
        writer.object(self.object);
        writer.objects - 1
    }
}

/// Appends `text` as JSON.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    string(text, &mut Out::new(out, text.len() + BLOCK));
}

struct Writer<'w> {
    out: Out<'w>,
    line: &'w str,
    /// The last long part of the line that was written, and from where to where: `[event][original]` is most often `message` once more.
    long: Option<(u32, u32, usize, usize)>,
    objects: usize,
}

impl Writer<'_> {
    /// A comma, a name and its value.
    #[inline]
    fn member(&mut self, key: &Key, value: &Value) {
        let name = key.member();
        match name.short() {
            None => self.out.bytes(name.whole()),
            Some((short, len)) => {
                self.out.room::<SHORT>().copy_from_slice(short);
                self.out.advance(len.min(SHORT));
            }
        }
        self.value(value);
    }

    /// A number that JSON has not (infinite, not a number) becomes `null`.
    #[inline]
    fn value(&mut self, value: &Value) {
        match value {
            Value::Str(text) => self.text(text),
            Value::Object(inner) => self.object(inner),
            Value::Int(number) => self.out.bytes(itoa::Buffer::new().format(*number).as_bytes()),
            other => self.rare(other),
        }
    }

    fn rare(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.bytes(b"null"),
            Value::Bool(truth) => self.out.bytes(if *truth { b"true" } else { b"false" }),
            Value::Float(number) => {
                // Writing to a `Vec` does not fail.
                let mut text = Vec::with_capacity(32);
                let _ = serde_json::to_writer(&mut text, number);
                self.out.bytes(&text);
            }
            Value::Time(time) => {
                self.out.byte(b'"');
                write_timestamp(&mut self.out, *time);
                self.out.byte(b'"');
            }
            Value::List(items) => {
                self.out.byte(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.byte(b',');
                    }
                    self.value(item);
                }
                self.out.byte(b']');
            }
            Value::Str(_) | Value::Object(_) | Value::Int(_) => self.value(value),
        }
    }

    #[inline]
    fn text(&mut self, text: &Str) {
        match text.0 {
            StrRepr::Slice { start, len } if len as usize <= BLOCK => {
                // The block may reach behind the text, but not behind the line.
                let rest = self.line.as_bytes().get(start as usize..);
                match rest.and_then(|rest| rest.first_chunk()) {
                    Some(block) if self.block(block, len as usize) => {}
                    _ => short(text.resolve(self.line), &mut self.out),
                }
            }
            StrRepr::Slice { start, len } if len >= LONG => self.part(start, len),
            _ => short(text.resolve(self.line), &mut self.out),
        }
    }

    /// The first `len` bytes of a block in quotes; false, and nothing is written, where one of them must be escaped.
    #[inline]
    fn block(&mut self, block: &[u8; BLOCK], len: usize) -> bool {
        let len = len.min(BLOCK);
        if specials_of_block(block) & ((1 << len) - 1) != 0 {
            return false;
        }
        let room: &mut [u8; BLOCK + 2] = self.out.room();
        room[0] = b'"';
        room[1..=BLOCK].copy_from_slice(block);
        room[1 + len] = b'"';
        self.out.advance(len + 2);
        true
    }

    /// A long part of the line, copied from before where it was just written.
    fn part(&mut self, start: u32, len: u32) {
        match self.long {
            Some((s, l, from, to)) if (s, l) == (start, len) => self.out.again(from, to),
            _ => {
                let from = self.out.at();
                string(Str(StrRepr::Slice { start, len }).resolve(self.line), &mut self.out);
                self.long = Some((start, len, from, self.out.at()));
            }
        }
    }

    fn object(&mut self, object: &Object) {
        self.objects += 1;
        if let Some((json, objects)) = object.json() {
            self.objects += objects;
            return self.out.bytes(json);
        }
        let open = self.out.at();
        for (key, value) in object.iter() {
            self.member(key, value);
        }
        if self.out.at() == open {
            self.out.byte(b'{');
        } else {
            // Where the comma of the first member is.
            self.out.set(open, b'{');
        }
        self.out.byte(b'}');
    }
}

/// A text that is most often a few bytes.
fn short(text: &str, out: &mut Out<'_>) {
    if !is_plain(text.as_bytes()) {
        return string(text, out);
    }
    out.byte(b'"');
    out.bytes(text.as_bytes());
    out.byte(b'"');
}

/// Whether a text of up to two blocks has nothing that must be escaped; longer ones are not looked at. Its beginning and its end are,
/// which together are all of it.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return bytes.len() <= 2 * LANES && specials(first) | specials(last) == 0;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return !has_special(u64::from_le_bytes(*first)) && !has_special(u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let both = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
        return !has_special(both);
    }
    !bytes.iter().any(|byte| SPECIAL[usize::from(*byte)])
}

/// Whether one of eight bytes must be escaped ("Determine if a word has a byte less than n", Sean Eron Anderson, Bit Twiddling Hacks).
#[inline]
fn has_special(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    (control | quote | backslash) & (ONES * 0x80) != 0
}

/// Appends `text` in quotes, escaped as RFC 8259 (section 7) asks.
fn string(text: &str, out: &mut Out<'_>) {
    out.byte(b'"');
    let mut rest = text.as_bytes();
    while let Some((block, behind)) = rest.split_first_chunk::<LANES>() {
        // What must be escaped is written over.
        out.room::<LANES>().copy_from_slice(block);
        let mask = specials(block);
        if mask == 0 {
            out.advance(LANES);
            rest = behind;
            continue;
        }
        let plain = mask.trailing_zeros() as usize;
        out.advance(plain);
        rest = match rest.get(plain..).and_then(|rest| rest.split_first()) {
            Some((byte @ (b'"' | b'\\'), behind)) => {
                *out.room() = [b'\\', *byte];
                out.advance(2);
                behind
            }
            Some((byte, behind)) => {
                escape(*byte, out);
                behind
            }
            // There is a byte for each bit.
            None => behind,
        };
    }
    if is_plain(rest) {
        out.bytes(rest);
    } else {
        for byte in rest {
            if SPECIAL[usize::from(*byte)] { escape(*byte, out) } else { out.byte(*byte) }
        }
    }
    out.byte(b'"');
}

/// A bit for each byte that must be escaped.
#[inline]
fn specials_of_block(block: &[u8; BLOCK]) -> u64 {
    let (Some(low), Some(high)) = (block.first_chunk(), block.last_chunk()) else { return u64::MAX };
    u64::from(specials(low)) | u64::from(specials(high)) << LANES
}

/// The same for half a block.
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

fn escape(byte: u8, out: &mut Out<'_>) {
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
            out.bytes(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)]);
            return;
        }
    };
    out.bytes(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{FieldRef, Timestamp, Value};

    proptest! {
        /// serde is the dull twin, for parts of a line wherever they lie in it.
        #[test]
        fn parts_of_a_line_are_the_same_as_through_serde(
            line in r#"([ -~é日]|["\\\x00-\x1f]){0,150}"#,
            parts in prop::collection::vec((0_usize..150, 0_usize..80), 0..12),
        ) {
            let mut event = Event::from_line(line.as_str().into(), Timestamp::UNIX_EPOCH);
            let message = FieldRef::field("message");
            event.set_slice(&FieldRef::parse("[event][original]").unwrap(), &message, 0, line.len());
            let char_at = |at: usize| (0..=at.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            for (number, (from, len)) in parts.into_iter().enumerate() {
                let (start, end) = (char_at(from), char_at(from + len));
                let name = format!("[part][{}{number}]", "n".repeat(3 * number));
                event.set_slice(&FieldRef::parse(&name).unwrap(), &message, start, end);
            }
            let mut out = b"before".to_vec();
            event.write_json(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("before{}", serde_json::to_string(&event).unwrap()));
        }

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

    #[test]
    fn a_small_part_of_a_large_line_takes_little_room() {
        let mut event = Event::from_line("x".repeat(1 << 20).into(), Timestamp::UNIX_EPOCH);
        let message = FieldRef::field("message");
        event.set_slice(&message, &message, 3, 9);
        let mut out = Vec::new();
        event.write_json(&mut out);
        assert!(out.capacity() < 8192 && out.ends_with(b"\"message\":\"xxxxxx\"}"), "{}", out.capacity());
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
