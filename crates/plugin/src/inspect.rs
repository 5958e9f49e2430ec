//! How Ruby's `inspect` shows values: the plugins that put it into events or hash it are read by others who did the same.

use alces_event::ValueRef;

use crate::ruby;

/// The order of an object's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were set.
    AsSet,
    /// By name, at all depths: equal objects print alike.
    Sorted,
}

/// Appends a value as it stands within a list or an object that is printed: texts in quotes, `nil`, `{"name"=>value}`.
pub fn inspect(out: &mut String, value: ValueRef<'_>, order: Order) {
    match value {
        ValueRef::Null => out.push_str("nil"),
        ValueRef::Str(text) => {
            out.push('"');
            escape(out, text.as_bytes());
            out.push('"');
        }
        ValueRef::List(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                inspect(out, item, order);
            }
            out.push(']');
        }
        ValueRef::Object(object) => {
            out.push('{');
            let mut entries: Vec<_> = object.iter().collect();
            if order == Order::Sorted {
                entries.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
            }
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                inspect(out, ValueRef::Str(key.as_str()), order);
                out.push_str("=>");
                inspect(out, value, order);
            }
            out.push('}');
        }
        other => out.push_str(&ruby::to_s(other)),
    }
}

/// Appends text, which may not be UTF-8, with what is not printable escaped.
pub fn escape(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\x0c' => out.push_str("\\f"),
                '\x0b' => out.push_str("\\v"),
                '\x08' => out.push_str("\\b"),
                '\x07' => out.push_str("\\a"),
                '\x1b' => out.push_str("\\e"),
                '\x7f' => out.push_str("\\x7F"),
                c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_ruby_shows_it() {
        let show = |json: &str| {
            let value: alces_event::Value = serde_json::from_str(json).unwrap();
            let mut out = String::new();
            inspect(&mut out, value.view_alone(), Order::Sorted);
            out
        };
        assert_eq!(
            show(r#"{"b":[1,2.0,null,true,"x"],"a":{"é":"q\"\\\n"}}"#),
            r#"{"a"=>{"é"=>"q\"\\\n"}, "b"=>[1, 2.0, nil, true, "x"]}"#
        );
        assert_eq!(show(r##""#{x} #y \u0000\u001b\u007f""##), r##""\#{x} #y \u0000\e\x7F""##);
        assert_eq!(show("[[],{}]"), "[[], {}]");
    }

    #[test]
    fn bytes_that_are_no_text() {
        let mut out = String::new();
        escape(&mut out, b"a\xe4b\xf0\x9f");
        assert_eq!(out, r"a\xE4b\xF0\x9F");
    }
}
