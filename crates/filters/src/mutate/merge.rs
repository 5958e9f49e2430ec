//! `merge`: one field's values added to another's.

use alces_event::{Event, FieldRef, Object, Value, ValueRef};

use super::{Failed, set};

/// Adds what is in `from` to `into`: lists and single values make a list, objects an object; an object and anything else do
/// not go together and stay as they are.
pub(super) fn merge(event: &mut Event, into: &FieldRef, from: &FieldRef) -> Result<(), Failed> {
    let merged = match (event.get(into), event.get(from)) {
        (Some(ValueRef::Object(into)), Some(ValueRef::Object(from))) => {
            let both = into.iter().chain(from.iter());
            Value::from(both.map(|(key, value)| (key.clone(), value.to_value())).collect::<Object>())
        }
        (Some(ValueRef::Object(_)), _) | (_, Some(ValueRef::Object(_))) => return Ok(()),
        (into, from) => {
            let mut items = Vec::new();
            for value in [into, from].into_iter().flatten() {
                match value {
                    ValueRef::Null => {}
                    ValueRef::List(list) => items.extend(list.iter().map(ValueRef::to_value)),
                    one => items.push(one.to_value()),
                }
            }
            Value::list(items)
        }
    };
    set(event, into, merged)
}

#[cfg(test)]
mod tests {
    use crate::test_support::check_json;

    #[track_caller]
    fn check(json: &str, expect: &str) {
        let out = check_json(r#"mutate { merge => { "d" => "a" } }"#, json);
        let out: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(out["d"].to_string(), expect, "{json}");
    }

    #[test]
    fn lists_texts_and_objects() {
        check(r#"{"d":"x","a":"y"}"#, r#"["x","y"]"#);
        check(r#"{"d":["x"],"a":["y","z"]}"#, r#"["x","y","z"]"#);
        check(r#"{"d":["x"],"a":"y"}"#, r#"["x","y"]"#);
        check(r#"{"a":"y"}"#, r#"["y"]"#);
        check(r#"{"d":"x"}"#, r#"["x"]"#);
        check(r#"{"d":7,"a":null}"#, "[7]");
        check(r#"{"d":{"x":1,"y":1},"a":{"y":2,"z":3}}"#, r#"{"x":1,"y":2,"z":3}"#);
        check(r#"{"d":{"x":1},"a":"y"}"#, r#"{"x":1}"#);
        check(r#"{"d":"x","a":{"y":1}}"#, r#""x""#);
    }

    #[test]
    fn several_into_one() {
        insta::assert_snapshot!(check_json(r#"mutate { merge => { "d" => ["a", "b"] } }"#, r#"{"d":"d","a":"a","b":["b"]}"#), @r#"{"d":["d","a","b"],"a":"a","b":["b"]}"#);
    }
}
