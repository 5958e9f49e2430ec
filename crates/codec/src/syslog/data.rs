//! The structured data of RFC 5424: `[id name="value" …][…]`.

use std::borrow::Cow;

/// What is found in structured data, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum<'a> {
    /// An element begins.
    Element(&'a str),
    /// A parameter of it; a part of the text, unless something in it was escaped.
    Parameter(&'a str, Cow<'a, str>),
}

/// Reads elements at the beginning of a text, and says where they end; none where they are not well-formed.
pub fn data<'a>(text: &'a str, mut each: impl FnMut(Datum<'a>)) -> Option<usize> {
    let mut rest = text;
    while let Some(element) = rest.strip_prefix('[') {
        let (name, after) = cut(element, |byte| matches!(byte, b' ' | b']'))?;
        each(Datum::Element(name));
        rest = after;
        loop {
            let trimmed = rest.trim_start_matches(' ');
            if let Some(after) = trimmed.strip_prefix(']') {
                rest = after;
                break;
            }
            if trimmed.len() == rest.len() {
                return None;
            }
            let (name, after) = cut(trimmed, |byte| byte == b'=')?;
            let (value, after) = value(after.strip_prefix("=\"")?)?;
            each(Datum::Parameter(name, value));
            rest = after;
        }
    }
    (rest.len() < text.len()).then_some(text.len() - rest.len())
}

/// A name up to a byte that ends it, and the rest.
fn cut(text: &str, ends: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let len = text.bytes().position(|byte| ends(byte) || matches!(byte, b' ' | b']' | b'"' | b'='))?;
    let (name, rest) = text.split_at_checked(len)?;
    (!name.is_empty() && rest.bytes().next().is_some_and(ends)).then_some((name, rest))
}

/// A value up to its quote, and what comes after that. A backslash stands before `"`, `\` and `]`, and for itself before anything else.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut plain: Option<String> = None;
    let (mut from, mut at) = (0, 0);
    loop {
        at += memchr::memchr2(b'"', b'\\', text.as_bytes().get(at..)?)?;
        if text.as_bytes().get(at) == Some(&b'"') {
            let last = text.get(from..at)?;
            let value = match plain {
                Some(plain) => Cow::Owned(plain + last),
                None => Cow::Borrowed(last),
            };
            return Some((value, text.get(at + 1..)?));
        }
        match text.as_bytes().get(at + 1)? {
            b'"' | b'\\' | b']' => {
                plain.get_or_insert_default().push_str(text.get(from..at)?);
                from = at + 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
}
