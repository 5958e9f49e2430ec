//! MessagePack values into an event's.

use alces_event::{Key, Object, Value};
use alces_plugin::{Charset, ruby};
use rmpv::ValueRef;

/// Deeper nesting is refused, so that a hostile value cannot exhaust the stack.
const MAX_DEPTH: usize = 100;

/// The map that the bytes are.
pub(super) fn map(bytes: &[u8]) -> Option<Object> {
    let mut rest = bytes;
    let ValueRef::Map(entries) = rmpv::decode::read_value_ref_with_max_depth(&mut rest, MAX_DEPTH).ok()?
    else {
        return None;
    };
    if rest.is_empty() { object(entries) } else { None }
}

fn object(entries: Vec<(ValueRef<'_>, ValueRef<'_>)>) -> Option<Object> {
    let mut object = Object::with_capacity(entries.len());
    for (name, entry) in entries {
        // A name that is a map or a list is refused: printed within names it would double with each level.
        if matches!(name, ValueRef::Map(_) | ValueRef::Array(_)) {
            return None;
        }
        let name = value(name)?;
        object.set(Key::new(&ruby::to_s(name.view_alone())), value(entry)?);
    }
    Some(object)
}

/// `None` for an extension: Logstash knows none either.
fn value(read: ValueRef<'_>) -> Option<Value> {
    Some(match read {
        ValueRef::Nil => Value::Null,
        ValueRef::Boolean(truth) => Value::Bool(truth),
        ValueRef::Integer(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64()?),
        },
        ValueRef::F32(number) => Value::Float(f64::from(number)),
        ValueRef::F64(number) => Value::Float(number),
        ValueRef::String(text) => Value::from(Charset::Utf8.decode(text.as_bytes())),
        ValueRef::Binary(bytes) => Value::from(Charset::Utf8.decode(bytes)),
        ValueRef::Array(items) => Value::list(items.into_iter().map(value).collect::<Option<_>>()?),
        ValueRef::Map(entries) => Value::from(object(entries)?),
        ValueRef::Ext(..) => return None,
    })
}
