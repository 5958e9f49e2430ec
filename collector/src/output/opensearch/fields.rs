//! A document with very many fields would fill the index's mapping, for all documents after it: OpenSearch allows a thousand fields an
//! index (`index.mapping.total_fields.limit`) and twenty objects in each other (`index.mapping.depth.limit`). What a document has
//! beyond that is kept as the text of one field.

use std::collections::{BTreeMap, HashSet};

use alces_event::{Event, FieldRef, Key, Object, ObjectRef, Value, ValueRef};

/// So many fields a document may have, and objects in each other.
const MOST: usize = 1_000;
const DEEPEST: usize = 20;

/// A field is at least so long: `"a":1,`.
const SHORTEST: usize = 5;

/// The event without what is too much, and with that in `[alces][overflow]`; none where it is fine as it is. `bytes` and `objects`
/// say how long it is as JSON and how many objects are below it.
pub(super) fn capped(event: &Event, bytes: usize, objects: usize) -> Option<Event> {
    // Nearly all are small, and shallow in any case.
    if bytes < MOST * SHORTEST && objects < DEEPEST {
        return None;
    }
    let mut cap = Cap::default();
    let kept = cap.object(event.fields(), 1);
    if cap.over.is_empty() {
        return None;
    }
    let mut capped = event.clone();
    *capped.fields_mut() = kept;
    capped.set(&FieldRef::field("alces").child(Key::new("overflow")), overflow(cap.over));
    capped.tag("_fields_capped");
    Some(capped)
}

/// JSON, by path; where items of a list have the same field, a list.
fn overflow(over: BTreeMap<String, Vec<Value>>) -> String {
    let mut all = Object::default();
    for (path, mut values) in over {
        let value = if values.len() == 1 { values.pop() } else { Some(Value::list(values)) };
        all.push(Key::new(&path), value.unwrap_or(Value::Null));
    }
    let mut json = Vec::new();
    all.view().write_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}

#[derive(Default)]
struct Cap {
    /// The fields that are kept, by path: a list of objects has each of them once.
    kept: HashSet<String>,
    over: BTreeMap<String, Vec<Value>>,
    path: String,
}

impl Cap {
    fn object(&mut self, object: ObjectRef<'_>, depth: usize) -> Object {
        let mut kept = Object::default();
        for (key, value) in object.iter() {
            let before = self.path.len();
            if before > 0 {
                self.path.push('.');
            }
            self.path.push_str(key.as_str());
            if self.fits(value, depth) {
                let value = self.value(value, depth);
                kept.push(key.clone(), value);
            } else {
                self.over.entry(self.path.clone()).or_default().push(value.to_value());
            }
            self.path.truncate(before);
        }
        kept
    }

    fn fits(&mut self, value: ValueRef<'_>, depth: usize) -> bool {
        if depth >= DEEPEST && holds_objects(value) {
            return false;
        }
        if self.kept.contains(&self.path) {
            return true;
        }
        self.kept.len() < MOST && self.kept.insert(self.path.clone())
    }

    fn value(&mut self, value: ValueRef<'_>, depth: usize) -> Value {
        match value {
            ValueRef::Object(object) => Value::Object(self.object(object, depth + 1)),
            ValueRef::List(list) => Value::list(list.iter().map(|item| self.value(item, depth)).collect()),
            other => other.to_value(),
        }
    }
}

fn holds_objects(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Object(_) => true,
        ValueRef::List(list) => list.iter().any(holds_objects),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent of a document that came, as JSON, and how many bytes it has less.
    fn check(json: &str) -> Option<serde_json::Value> {
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        let (event, _) = Event::from_json(json.as_bytes(), now).unwrap();
        let text = |event: &Event| {
            let mut text = Vec::new();
            event.write_json(&mut text);
            text
        };
        let objects = event.write_members(&mut Vec::new(), None);
        let capped = capped(&event, text(&event).len(), objects)?;
        Some(serde_json::from_slice(&text(&capped)).unwrap())
    }

    fn wide(fields: usize) -> String {
        let fields: Vec<_> = (0..fields).map(|n| format!("\"f{n}\":{n}")).collect();
        format!("{{\"message\":\"m\",{}}}", fields.join(","))
    }

    #[test]
    fn what_is_beyond_the_limit_is_text_and_nothing_is_lost() {
        assert_eq!(check(&wide(100)), None);
        // `message`, `@version` and the time are fields too, the time of its own.
        assert_eq!(check(&wide(998)), None);
        let sent = check(&wide(1_500)).unwrap();
        assert_eq!(sent["message"], "m");
        assert_eq!(sent["tags"], serde_json::json!(["_fields_capped"]));
        let over: serde_json::Value =
            serde_json::from_str(sent["alces"]["overflow"].as_str().unwrap()).unwrap();
        for n in 0..1_500 {
            let name = format!("f{n}");
            assert!((sent[&name] == n) != (over[&name] == n), "{name}");
        }
        assert_eq!(sent.as_object().unwrap().len(), 1_000 + 3);
    }

    #[test]
    fn a_long_list_of_objects_has_few_fields() {
        let items: Vec<_> = (0..2_000).map(|n| format!("{{\"a\":{n},\"b\":{n}}}")).collect();
        assert_eq!(check(&format!("{{\"list\":[{}]}}", items.join(","))), None);
    }

    #[test]
    fn what_is_too_deep_is_text() {
        let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert_eq!(check(&deep(20)), None);
        let sent = check(&deep(25)).unwrap();
        let path = ["a"; 20].join(".");
        let over: serde_json::Value =
            serde_json::from_str(sent["alces"]["overflow"].as_str().unwrap()).unwrap();
        let inner: serde_json::Value = serde_json::from_str(&deep(5)).unwrap();
        assert_eq!(over[path], inner);
    }

    #[test]
    fn the_same_field_of_several_items_is_a_list() {
        let items: Vec<_> = (0..3).map(|n| format!("{{\"late\":{n}}}")).collect();
        let json = wide(1_100);
        let json = format!("{},\"list\":[{}]}}", json.trim_end_matches('}'), items.join(","));
        let sent = check(&json).unwrap();
        let over = sent["alces"]["overflow"].as_str().unwrap();
        assert!(over.contains(r#""list":[{"late":0},{"late":1},{"late":2}]"#), "{over}");
    }
}
