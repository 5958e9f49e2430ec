//! The field types, and how one JSON value becomes a value of a type.

use crate::dates::{self, Format};
use serde_json::Value;
use std::net::IpAddr;

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldType {
    /// Words with positions. Also stands for `match_only_text`.
    Text,
    /// One exact string.
    Keyword,
    /// A whole number within bounds.
    Integer {
        min: i64,
        max: i64,
    },
    /// A floating-point number; `single` rounds to 32 bits as OpenSearch's `float` does.
    Float {
        single: bool,
    },
    /// A decimal number kept as `round(value * factor)`.
    Scaled {
        factor: f64,
    },
    Boolean,
    Date {
        formats: Vec<Format>,
    },
    Ip,
    /// A whole object whose leaves are searched as keywords.
    FlatObject,
}

/// A value as the engine's columns and postings hold it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Int(i64),
    Float(f64),
    /// Exact string (keyword, ip).
    Exact(String),
    /// Text to be cut into words.
    Words(String),
}

/// A plain value of a document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Leaf<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(&'a str),
}

impl Leaf<'_> {
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(yes) => Value::Bool(yes),
            Self::Number(raw) => serde_json::from_str(raw).unwrap_or(Value::Null),
            Self::Text(text) => Value::String(text.to_owned()),
        }
    }
}

impl FieldType {
    /// Whether columns of this type hold numbers rather than strings.
    pub(crate) fn is_numeric(&self) -> bool {
        matches!(
            self,
            Self::Integer { .. }
                | Self::Float { .. }
                | Self::Scaled { .. }
                | Self::Boolean
                | Self::Date { .. }
        )
    }

    /// Coerces one value. `None` means there is nothing to index; the error is what is wrong with the value.
    pub(crate) fn coerce(&self, value: &Value) -> Result<Option<Scalar>, String> {
        match value {
            Value::Null => Ok(None),
            Value::Object(_) | Value::Array(_) => {
                Err("it is an object, and the field holds plain values".into())
            }
            Value::Bool(yes) => self.coerce_leaf(Leaf::Bool(*yes)),
            Value::String(text) => self.coerce_leaf(Leaf::Text(text)),
            Value::Number(number) => self.coerce_leaf(Leaf::Number(&number.to_string())),
        }
    }

    /// The same of a value that was found in a text.
    pub(crate) fn coerce_leaf(&self, leaf: Leaf<'_>) -> Result<Option<Scalar>, String> {
        let text = match leaf {
            Leaf::Null => return Ok(None),
            Leaf::Bool(true) => "true",
            Leaf::Bool(false) => "false",
            Leaf::Number(text) | Leaf::Text(text) => text,
        };
        let boolean = matches!(leaf, Leaf::Bool(_));
        let bad = |what: &str| Err(format!("For input string: \"{text}\" ({what} expected)"));
        Ok(Some(match self {
            Self::Text => Scalar::Words(text.to_owned()),
            Self::Keyword | Self::FlatObject => Scalar::Exact(text.to_owned()),
            Self::Integer { min, max } => {
                if boolean {
                    return bad("a whole number");
                }
                let number = text.parse::<i64>().ok().or_else(|| whole(text));
                match number {
                    Some(number) if (*min..=*max).contains(&number) => Scalar::Int(number),
                    Some(number) => return Err(format!("Value [{number}] is out of range ({min} to {max})")),
                    None if text.is_empty() && matches!(leaf, Leaf::Text(_)) => {
                        return bad("a whole number, and not an empty string");
                    }
                    None => return bad("a whole number"),
                }
            }
            Self::Float { single } => match text.parse::<f64>() {
                Ok(number) if number.is_finite() && !boolean => {
                    Scalar::Float(if *single { f64::from(number as f32) } else { number })
                }
                _ => return bad("a finite number"),
            },
            Self::Scaled { factor } => match text.parse::<f64>() {
                Ok(number) if number.is_finite() && !boolean => {
                    Scalar::Float((number * factor).round() / factor)
                }
                _ => return bad("a finite number"),
            },
            Self::Boolean => match (leaf, text) {
                (Leaf::Bool(_) | Leaf::Text(_), "true") => Scalar::Int(1),
                (Leaf::Bool(_) | Leaf::Text(_), "false" | "") => Scalar::Int(0),
                _ => {
                    return Err(format!(
                        "Failed to parse value [{text}] as only [true] or [false] are allowed."
                    ));
                }
            },
            Self::Date { .. } if boolean => return bad("a date"),
            Self::Date { formats } => match dates::parse(text, formats) {
                Some(millis) => Scalar::Int(millis),
                None => {
                    return Err(format!("failed to parse date field [{text}] with the mapping's format"));
                }
            },
            Self::Ip => match text.parse::<IpAddr>() {
                Ok(address) => Scalar::Exact(ip_key(address)),
                Err(_) => return Err(format!("'{text}' is not an IP string literal.")),
            },
        }))
    }
}

/// `"12.0"` and `1e3` are whole numbers too; OpenSearch cuts fractions off (`coerce`).
fn whole(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number.abs() < 9.2e18).then_some(number.trunc() as i64)
}

/// An address as a string that sorts like the address: 32 hex digits of its IPv6 form.
pub(crate) fn ip_key(address: IpAddr) -> String {
    let six = match address {
        IpAddr::V4(four) => four.to_ipv6_mapped(),
        IpAddr::V6(six) => six,
    };
    format!("{:032x}", u128::from(six))
}

/// The way back from [`ip_key`].
pub(crate) fn ip_text(key: &str) -> String {
    match u128::from_str_radix(key, 16) {
        Ok(bits) => {
            let six = std::net::Ipv6Addr::from(bits);
            six.to_ipv4_mapped().map_or_else(|| six.to_string(), |four| four.to_string())
        }
        Err(_) => key.to_owned(),
    }
}

/// First and last key of a network such as `10.0.0.0/8`.
pub(crate) fn cidr(text: &str) -> Option<(String, String)> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length: u32 = length.parse().ok()?;
    let (bits, length) = match address {
        IpAddr::V4(four) if length <= 32 => (u128::from(four.to_ipv6_mapped()), length + 96),
        IpAddr::V6(six) if length <= 128 => (u128::from(six), length),
        _ => return None,
    };
    let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
    Some((format!("{:032x}", bits & mask), format!("{:032x}", bits | !mask)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn coerces() {
        let short = FieldType::Integer { min: -32768, max: 32767 };
        assert_eq!(short.coerce(&json!("200")), Ok(Some(Scalar::Int(200))));
        assert_eq!(short.coerce(&json!(200.7)), Ok(Some(Scalar::Int(200))));
        assert_eq!(short.coerce(&json!(null)), Ok(None));
        for wrong in [json!("x"), json!(70_000), json!(true), json!({}), json!("")] {
            assert!(short.coerce(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(FieldType::Boolean.coerce(&json!("true")), Ok(Some(Scalar::Int(1))));
        assert!(FieldType::Boolean.coerce(&json!(1)).is_err());
    }

    #[test]
    fn addresses() {
        let key = ip_key("10.1.2.3".parse().unwrap());
        assert_eq!(ip_text(&key), "10.1.2.3");
        let (low, high) = cidr("10.0.0.0/8").unwrap();
        assert!(low <= key && key <= high);
        assert_eq!(ip_text(&ip_key("2001:db8::1".parse().unwrap())), "2001:db8::1");
        assert!(cidr("10.0.0.0/33").is_none());
    }
}
