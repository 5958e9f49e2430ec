//! Conversions between types, as Logstash does them since 8.14: what is no number is an error and not 0.

use alces_conf::Options;
use alces_event::{FieldRef, Value, ValueRef};
use alces_grok::to_i;

use super::{Failed, pairs};
use crate::{
    common::{field, one_of},
    ruby,
};

#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    Integer,
    IntegerEu,
    Float,
    FloatEu,
    String,
    Boolean,
}

const TYPES: &[(&str, Type)] = &[
    ("integer", Type::Integer),
    ("integer_eu", Type::IntegerEu),
    ("float", Type::Float),
    ("float_eu", Type::FloatEu),
    ("string", Type::String),
    ("boolean", Type::Boolean),
];

pub(super) fn read(options: &mut Options<'_>) -> Vec<(FieldRef, Type)> {
    let mut conversions = Vec::new();
    for (name, word) in pairs(options, "convert") {
        let Some(to) = one_of(options, &word, "convert", TYPES) else { continue };
        conversions.extend(field(options, &name.node, &name.span).map(|field| (field, to)));
    }
    conversions
}

/// `None` leaves the field as it is.
pub(super) fn convert(value: ValueRef<'_>, to: Type) -> Result<Option<Value>, Failed> {
    match value {
        ValueRef::Null | ValueRef::Object(_) => Ok(None),
        ValueRef::List(list) => {
            let items = list.iter().map(|item| match item {
                ValueRef::Null => Ok(Value::Null),
                item => one(item, to),
            });
            Ok(Some(Value::list(items.collect::<Result<_, _>>()?)))
        }
        value => one(value, to).map(Some),
    }
}

fn one(value: ValueRef<'_>, to: Type) -> Result<Value, Failed> {
    match to {
        Type::Integer => integer(value, None),
        Type::IntegerEu => integer(value, Some(european)),
        Type::Float => float(value, None),
        Type::FloatEu => float(value, Some(european)),
        Type::String => Ok(Value::from(ruby::to_s(value))),
        Type::Boolean => Ok(boolean(value)),
    }
}

type Rewrite = fn(&str) -> String;

/// `1.234,5` as `1,234.5`.
fn european(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ',' => '.',
            '.' => ',',
            c => c,
        })
        .collect()
}

/// A number's text without the commas that group its digits.
fn digits(text: &str, rewrite: Option<Rewrite>) -> String {
    let text = rewrite.map_or_else(|| text.to_owned(), |rewrite| rewrite(text));
    ruby::strip(&text).replace(',', "")
}

fn integer(value: ValueRef<'_>, rewrite: Option<Rewrite>) -> Result<Value, Failed> {
    Ok(Value::Int(match value {
        ValueRef::Int(number) => number,
        ValueRef::Bool(truth) => i64::from(truth),
        ValueRef::Float(number) if number.is_finite() => number as i64,
        ValueRef::Time(time) => time.as_second(),
        ValueRef::Str(text) => {
            let text = digits(text, rewrite);
            match ruby::hex(&text) {
                Some(number) => number.ok_or(Failed)? as i64,
                // With a small `e` it is taken for a number with an exponent, and must be one; anything else begins with digits
                // or counts as 0.
                None if text.contains('e') => ruby::float(&text).ok_or(Failed)? as i64,
                None => to_i(&text),
            }
        }
        _ => return Err(Failed),
    }))
}

fn float(value: ValueRef<'_>, rewrite: Option<Rewrite>) -> Result<Value, Failed> {
    Ok(Value::Float(match value {
        ValueRef::Float(number) => number,
        ValueRef::Int(number) => number as f64,
        ValueRef::Bool(truth) => f64::from(u8::from(truth)),
        ValueRef::Time(time) => time.as_millisecond() as f64 / 1000.0,
        ValueRef::Str(text) => {
            let text = digits(text, rewrite);
            match ruby::hex(&text) {
                Some(number) => number.ok_or(Failed)?,
                None => ruby::float(&text).ok_or(Failed)?,
            }
        }
        _ => return Err(Failed),
    }))
}

/// What is neither of the words is kept.
fn boolean(value: ValueRef<'_>) -> Value {
    let text = ruby::to_s(value);
    // Logstash's expressions are of lines, and their dots are not escaped: `1x0` is true.
    let is = |words: [&str; 5], one: char| {
        text.lines().any(|line| {
            words.iter().any(|word| line.eq_ignore_ascii_case(word))
                || (line.chars().count() == 3 && line.starts_with(one) && line.ends_with('0'))
        })
    };
    if is(["true", "t", "yes", "y", "1"], '1') {
        Value::Bool(true)
    } else if text.is_empty() || is(["false", "f", "no", "n", "0"], '0') {
        Value::Bool(false)
    } else {
        value.to_value()
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::check_json;

    /// What `convert` makes of a JSON value; `failed` where the event is tagged.
    fn convert(to: &str, json: &str) -> String {
        let out = check_json(
            &format!(r#"mutate {{ convert => {{ "a" => "{to}" }} }}"#),
            &format!(r#"{{"a":{json}}}"#),
        );
        if out.contains("_mutate_error") {
            return "failed".to_owned();
        }
        let out: serde_json::Value = serde_json::from_str(&out).unwrap();
        out["a"].to_string()
    }

    #[track_caller]
    fn check(to: &str, cases: &[(&str, &str)]) {
        for (json, expect) in cases {
            assert_eq!(convert(to, json), *expect, "{json} to {to}");
        }
    }

    #[test]
    fn integer() {
        check(
            "integer",
            &[
                (r#""7""#, "7"),
                (r#"" 1,234 ""#, "1234"),
                (r#""1.5""#, "1"),
                (r#""-3x""#, "-3"),
                (r#""abc""#, "0"),
                (r#""""#, "0"),
                (r#""1e3""#, "1000"),
                (r#""hello""#, "failed"),
                (r#""0x1F""#, "31"),
                (r#""-0x10""#, "-16"),
                (r#""0xZZ""#, "failed"),
                ("1.9", "1"),
                ("-1.9", "-1"),
                ("true", "1"),
                ("false", "0"),
                ("null", "null"),
                (r#"{"b":"1"}"#, r#"{"b":"1"}"#),
                (r#"["1",null,2.5,true]"#, "[1,null,2,1]"),
                (r#"[["1"]]"#, "failed"),
                (r#""９""#, "0"),
            ],
        );
        check("integer_eu", &[(r#""1.234,9""#, "1234"), (r#""2.340""#, "2340"), ("2.5", "2")]);
    }

    #[test]
    fn float() {
        check(
            "float",
            &[
                (r#""1.5""#, "1.5"),
                (r#""1,234.5""#, "1234.5"),
                (r#""7""#, "7.0"),
                (r#""1e-3""#, "0.001"),
                (r#""abc""#, "failed"),
                (r#""""#, "failed"),
                (r#""0x10""#, "16.0"),
                ("7", "7.0"),
                ("true", "1.0"),
                ("null", "null"),
                (r#"["1",2]"#, "[1.0,2.0]"),
            ],
        );
        check("float_eu", &[(r#""1.234,56""#, "1234.56"), ("2", "2.0")]);
    }

    #[test]
    fn string() {
        check(
            "string",
            &[
                ("7", r#""7""#),
                ("1.0", r#""1.0""#),
                ("1e20", r#""1.0e+20""#),
                ("true", r#""true""#),
                ("[1,null]", r#"["1",null]"#),
                (r#"{"b":1}"#, r#"{"b":1}"#),
            ],
        );
    }

    #[test]
    fn boolean() {
        for word in ["true", "T", "yes", "Y", "1", "1.0"] {
            check("boolean", &[(&format!(r#""{word}""#), "true")]);
        }
        for word in ["False", "f", "no", "N", "0", "0.0", ""] {
            check("boolean", &[(&format!(r#""{word}""#), "false")]);
        }
        check(
            "boolean",
            &[("1", "true"), ("0", "false"), ("1.0", "true"), ("0.0", "false"), ("true", "true")],
        );
        check(
            "boolean",
            &[(r#""maybe""#, r#""maybe""#), ("2", "2"), (r#"["t",null,"x"]"#, r#"[true,null,"x"]"#)],
        );
    }
}
