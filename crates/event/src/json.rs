//! Events from JSON and to JSON.

use std::fmt;

use bytestring::ByteString;
use serde::{
    de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
    ser::{Serialize, SerializeMap, SerializeSeq, Serializer},
};

use crate::{
    Event, Key, ListRef, Object, ObjectRef, Timestamp, Value, ValueRef, event::slice_value, format_timestamp,
    parse_timestamp,
};

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON object: {0}")]
pub struct DecodeError(#[from] serde_json::Error);

/// Deeper nesting is refused, so that a hostile document cannot exhaust the stack.
const MAX_DEPTH: usize = 100;

/// A pipeline may have put such a document some levels deeper. serde_json ends at 128.
const OWN_DEPTH: usize = 125;

impl Event {
    /// Reads one event from a JSON object, as Beats and NDJSON senders write it. All strings of the document are
    /// unescaped into one buffer, which becomes the event's line.
    ///
    /// `@timestamp` in ISO 8601 becomes the event's time, and where it cannot be read the event keeps its text in
    /// `[_@timestamp]`, takes `now` and is tagged `_timestampparsefailure`, as in Logstash. `@metadata` is kept apart.
    /// Bytes that are not UTF-8 are replaced; the second part of the answer says whether that was needed.
    ///
    /// # Errors
    /// Not JSON, not an object, nested too deeply, or larger than 4 GiB.
    pub fn from_json(bytes: &[u8], now: Timestamp) -> Result<(Self, bool), DecodeError> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return decode(text, now, MAX_DEPTH).map(|event| (event, false));
        }
        decode(&String::from_utf8_lossy(bytes), now, MAX_DEPTH).map(|event| (event, true))
    }

    /// The same of an event that we wrote: where a sender's document may be nested 100 deep, it may stand 24 levels deep in ours.
    ///
    /// # Errors
    /// Not such an event, nested deeper than that, or larger than 4 GiB.
    pub fn from_own_json(bytes: &[u8], now: Timestamp) -> Result<Self, DecodeError> {
        decode(&String::from_utf8_lossy(bytes), now, OWN_DEPTH)
    }
}

fn decode(text: &str, now: Timestamp, most: usize) -> Result<Event, DecodeError> {
    if u32::try_from(text.len()).is_err() {
        return Err(DecodeError(serde_json::Error::custom("larger than 4 GiB")));
    }
    // Unescaped text is never longer than the document, but for lone surrogates that become U+FFFD, which are refused
    // by serde_json anyway.
    let mut arena = String::with_capacity(text.len());
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = ValueSeed { arena: &mut arena, depth: 0, most };
    let Value::Object(mut fields) = seed.deserialize(&mut reader)? else {
        return Err(DecodeError(serde_json::Error::custom("expected `{`")));
    };
    reader.end()?;
    let line = ByteString::from(arena);
    let time = fields.remove("@timestamp");
    let metadata = match fields.remove("@metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Object::default(),
    };
    let parsed = time.as_ref().and_then(|time| match time.view(&line) {
        ValueRef::Str(text) => parse_timestamp(text),
        _ => None,
    });
    let mut event = Event::from_parts(line, parsed.unwrap_or(now), fields, metadata);
    if let (Some(unread), None) = (time, parsed) {
        event.set(&crate::FieldRef::field("_@timestamp"), unread);
        event.tag("_timestampparsefailure");
    }
    Ok(event)
}

struct ValueSeed<'s> {
    arena: &'s mut String,
    depth: usize,
    /// The deepest that is taken.
    most: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > self.most {
            return Err(D::Error::custom("nested too deeply"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        let start = self.arena.len();
        self.arena.push_str(text);
        Ok(slice_value(start, text.len()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(ValueSeed {
            arena: &mut *self.arena,
            depth: self.depth + 1,
            most: self.most,
        })? {
            items.push(item);
        }
        Ok(Value::list(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::with_capacity(if self.depth == 0 { 16 } else { 4 });
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let seed = ValueSeed { arena: &mut *self.arena, depth: self.depth + 1, most: self.most };
            object.set(key, map.next_value_seed(seed)?);
        }
        Ok(Value::from(object))
    }
}

/// A value from any self-describing format, with text of its own: a field's JSON, a dictionary's YAML.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        OwnedSeed { depth: 0 }.deserialize(deserializer)
    }
}

struct OwnedSeed {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for OwnedSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom("nested too deeply"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OwnedSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(OwnedSeed { depth: self.depth + 1 })? {
            items.push(item);
        }
        Ok(Value::list(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            object.set(key, map.next_value_seed(OwnedSeed { depth: self.depth + 1 })?);
        }
        Ok(Value::from(object))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        // Any and not text: the keys of YAML may be numbers.
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(Key::new(name))
    }

    fn visit_bool<E>(self, name: bool) -> Result<Key, E> {
        Ok(Key::new(if name { "true" } else { "false" }))
    }

    fn visit_i64<E>(self, name: i64) -> Result<Key, E> {
        Ok(Key::new(&name.to_string()))
    }

    fn visit_u64<E>(self, name: u64) -> Result<Key, E> {
        Ok(Key::new(&name.to_string()))
    }

    fn visit_f64<E>(self, name: f64) -> Result<Key, E> {
        Ok(Key::new(&format!("{name:?}")))
    }
}

impl Serialize for Event {
    /// `@timestamp` first, then the fields in order; `@metadata` is not written.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields().len() + 1))?;
        map.serialize_entry("@timestamp", &ValueRef::Time(self.timestamp()))?;
        for (key, value) in self.fields().iter() {
            map.serialize_entry(key.as_str(), &value)?;
        }
        map.end()
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Int(i) => serializer.serialize_i64(*i),
            Self::Float(f) => serializer.serialize_f64(*f),
            Self::Time(t) => {
                let mut text = String::with_capacity(32);
                format_timestamp(&mut text, *t);
                serializer.serialize_str(&text)
            }
            Self::Str(s) => serializer.serialize_str(s),
            Self::List(list) => list.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for ListRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.len()))?;
        for item in self.iter() {
            seq.serialize_element(&item)?;
        }
        seq.end()
    }
}

impl Serialize for ObjectRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key.as_str(), &value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(json: &str) -> String {
        let (event, _) = Event::from_json(json.as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
        serde_json::to_string(&event).unwrap()
    }

    #[test]
    fn a_beats_event() {
        insta::assert_snapshot!(
            round(r#"{"@timestamp":"2015-05-17T10:05:03.000Z","@metadata":{"beat":"filebeat"},"message":"\"q\" \u00e9","log":{"offset":7,"file":{"path":"/a"}},"x":[1,2.5,null,true,{}]}"#),
            @r#"{"@timestamp":"2015-05-17T10:05:03.000Z","message":"\"q\" é","log":{"offset":7,"file":{"path":"/a"}},"x":[1,2.5,null,true,{}],"@version":"1"}"#
        );
    }

    #[test]
    fn metadata_is_apart() {
        let (event, replaced) =
            Event::from_json(br#"{"@metadata":{"_id":"7"},"message":"m"}"#, Timestamp::UNIX_EPOCH).unwrap();
        assert!(!replaced);
        let id = crate::FieldRef::parse("[@metadata][_id]").unwrap();
        assert_eq!(event.get(&id).unwrap().as_str(), Some("7"));
    }

    #[test]
    fn a_bad_timestamp_is_kept_and_tagged() {
        insta::assert_snapshot!(
            round(r#"{"@timestamp":"yesterday","message":"m"}"#),
            @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"m","@version":"1","_@timestamp":"yesterday","tags":["_timestampparsefailure"]}"#
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_reported() {
        let (event, replaced) = Event::from_json(b"{\"message\":\"a\xffb\"}", Timestamp::UNIX_EPOCH).unwrap();
        assert!(replaced);
        let message = event.get(&crate::FieldRef::field("message")).unwrap();
        assert_eq!(message.as_str(), Some("a\u{fffd}b"));
    }

    #[test]
    fn hostile_nesting_and_non_objects_are_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        for bad in ["", "7", "[]", "{", "{\"a\":1}x", deep.as_str()] {
            assert!(Event::from_json(bad.as_bytes(), Timestamp::UNIX_EPOCH).is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn json_in_is_json_out(message in ".*", number: i64, key in "[a-z]{1,9}") {
            let json = serde_json::json!({"message": message, "n": number, "o": {key: [message]}});
            let (event, _) = Event::from_json(json.to_string().as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
            let back: serde_json::Value = serde_json::to_value(&event).unwrap();
            for name in ["message", "n", "o"] {
                proptest::prop_assert_eq!(&back[name], &json[name]);
            }
        }
    }
}
