//! The texts of a value, wherever they stand in it.

use alces_event::{Object, Value, ValueRef};

/// The value with its texts changed, those within lists and objects too; none where `change` leaves all of them.
pub(crate) fn map_texts(value: ValueRef<'_>, change: &mut dyn FnMut(&str) -> Option<Value>) -> Option<Value> {
    match value {
        ValueRef::Str(text) => change(text),
        ValueRef::List(list) => {
            let changed: Vec<_> = list.iter().map(|item| map_texts(item, change)).collect();
            changed.iter().any(Option::is_some).then(|| {
                let items = list.iter().zip(changed);
                Value::list(items.map(|(item, new)| new.unwrap_or_else(|| item.to_value())).collect())
            })
        }
        ValueRef::Object(object) => {
            let changed: Vec<_> = object.iter().map(|(_, value)| map_texts(value, change)).collect();
            changed.iter().any(Option::is_some).then(|| {
                let mut copy = Object::with_capacity(object.len());
                for ((key, value), new) in object.iter().zip(changed) {
                    copy.set(key.clone(), new.unwrap_or_else(|| value.to_value()));
                }
                Value::Object(copy)
            })
        }
        _ => None,
    }
}
