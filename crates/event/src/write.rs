//! Events to JSON, straight into a buffer: what every event pays on its way out.
//!
//! The same text as through serde ([`super::json`]), which is its twin in tests.

use wide::u8x16;

use crate::{Event, Key, Object, ObjectRef, Value, time::write_timestamp};

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
        for (key, value) in object.iter().filter(|(key, _)| but != Some(key)) {
            out.push(b',');
            key.write_json(out);
            out.push(b':');
            write(value, line, out);
        }
    }
}

impl ObjectRef<'_> {
    /// Appends the object as JSON.
    pub fn write_json(self, out: &mut Vec<u8>) {
        object(self.object, self.line, out);
    }
}

/// Appends `text` as JSON.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    string(text, out);
}

/// A number that JSON has not (infinite, not a number) becomes `null`.
fn write(value: &Value, line: &str, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Int(number) => {
            // Writing to a `Vec` does not fail.
            let _ = std::io::Write::write_fmt(out, format_args!("{number}"));
        }
        Value::Float(number) => {
            let _ = serde_json::to_writer(out, number);
        }
        Value::Time(time) => {
            out.push(b'"');
            write_timestamp(out, *time);
            out.push(b'"');
        }
        Value::Str(text) => string(text.resolve(line), out),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, line, out);
            }
            out.push(b']');
        }
        Value::Object(inner) => object(inner, line, out),
    }
}

fn object(object: &Object, line: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (key, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        key.write_json(out);
        out.push(b':');
        write(value, line, out);
    }
    out.push(b'}');
}

impl Key {
    /// Appends the name as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let name = self.as_str();
        if !self.is_plain() {
            return string(name, out);
        }
        out.reserve(name.len() + 2);
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
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
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| SPECIAL[usize::from(*byte)]).map(|skip| at + skip)
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
