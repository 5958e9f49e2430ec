//! An event as a MessagePack map; times are texts in ISO 8601.

use alces_event::{Event, ObjectRef, ValueRef, format_timestamp};
use rmp::encode::{write_array_len, write_bool, write_f64, write_map_len, write_nil, write_sint, write_str};

pub(super) fn event(event: &Event, out: &mut Vec<u8>) {
    // Writing to a `Vec` does not fail, here and below.
    let _ = write_map_len(out, event.fields().len() as u32 + 1);
    let _ = write_str(out, "@timestamp");
    value(ValueRef::Time(event.timestamp()), out);
    members(event.fields(), out);
}

fn members(object: ObjectRef<'_>, out: &mut Vec<u8>) {
    for (key, member) in object.iter() {
        let _ = write_str(out, key.as_str());
        value(member, out);
    }
}

fn value(value: ValueRef<'_>, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => {
            let _ = write_nil(out);
        }
        ValueRef::Bool(truth) => {
            let _ = write_bool(out, truth);
        }
        ValueRef::Int(number) => {
            let _ = write_sint(out, number);
        }
        ValueRef::Float(number) => {
            let _ = write_f64(out, number);
        }
        ValueRef::Time(time) => {
            let mut text = String::new();
            format_timestamp(&mut text, time);
            let _ = write_str(out, &text);
        }
        ValueRef::Str(text) => {
            let _ = write_str(out, text);
        }
        ValueRef::List(list) => {
            let _ = write_array_len(out, list.len() as u32);
            list.iter().for_each(|item| self::value(item, out));
        }
        ValueRef::Object(object) => {
            let _ = write_map_len(out, object.len() as u32);
            members(object, out);
        }
    }
}
