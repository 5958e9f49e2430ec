//! What Ruby does with text, where Logstash's plugins leave it to Ruby.

use alces_event::{ListRef, ValueRef, render_value};

use crate::inspect::{Order, inspect};

/// `strip`: white space and NUL at both ends.
pub fn strip(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r', '\0'])
}

/// `capitalize`: the first letter large, all others small.
pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect(),
    }
}

/// `split` by a text: empty parts at the end are left out, a single space stands for any white space, and an empty separator
/// splits letters.
pub fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts = split_all(text, separator);
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts
}

/// `split` by a text with the limit -1: empty parts at the end count. Of no text there are no parts.
pub fn split_all<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    if text.is_empty() {
        return Vec::new();
    }
    match separator {
        " " => {
            let mut parts: Vec<&str> = text.split_ascii_whitespace().collect();
            if text.ends_with(|c: char| c.is_ascii_whitespace()) {
                parts.push("");
            }
            parts
        }
        "" => text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).chain([""]).collect(),
        _ => text.split(separator).collect(),
    }
}

/// `join`: lists within are joined by the same separator.
pub fn join(list: ListRef<'_>, separator: &str) -> String {
    fn add(out: &mut String, list: ListRef<'_>, separator: &str) {
        for (at, item) in list.iter().enumerate() {
            if at > 0 {
                out.push_str(separator);
            }
            match item {
                ValueRef::List(inner) => add(out, inner, separator),
                other => out.push_str(&to_s(other)),
            }
        }
    }
    let mut out = String::new();
    add(&mut out, list, separator);
    out
}

/// `to_s`.
pub fn to_s(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Str(text) => text.to_owned(),
        ValueRef::Float(number) => float_to_s(number),
        ValueRef::List(_) | ValueRef::Object(_) => {
            let mut out = String::new();
            inspect(&mut out, value, Order::AsSet);
            out
        }
        other => {
            let mut out = String::new();
            render_value(&mut out, other);
            out
        }
    }
}

fn float_to_s(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    let size = number.abs();
    if !number.is_finite() || size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let point = if digits.contains('.') { "" } else { ".0" };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}{point}e{sign}{exponent:0>2}")
}

/// `Float("…")`: the whole text is a decimal number, or nothing.
pub fn float(text: &str) -> Option<f64> {
    let text = strip(text);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut before = None;
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        match c {
            // An underscore stands between digits.
            '_' if joins(before) => {}
            '0'..='9' => plain.push(c),
            '.' | 'e' | 'E' | '+' | '-' if before != Some('_') => plain.push(c),
            _ => return None,
        }
        before = Some(c);
    }
    let (mantissa, _) = digits.split_once(['e', 'E']).unwrap_or((digits, ""));
    if mantissa.ends_with(['.', '_']) || before == Some('_') {
        return None;
    }
    plain.parse().ok()
}

/// `to_f`: the number that a text begins with, or nought.
pub fn to_f(text: &str) -> f64 {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut plain = String::from(if text.starts_with('-') { "-0" } else { "0" });
    let mut rest = digits(&mut plain, unsigned);
    if let Some(fraction) =
        rest.strip_prefix('.').filter(|fraction| fraction.starts_with(|c: char| c.is_ascii_digit()))
    {
        plain.push('.');
        rest = digits(&mut plain, fraction);
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let sign = if exponent.starts_with('-') { "e-" } else { "e" };
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.starts_with(|c: char| c.is_ascii_digit()) {
            plain.push_str(sign);
            digits(&mut plain, exponent);
        }
    }
    plain.parse().unwrap_or_default()
}

/// Appends the digits that a text begins with, underscores between them left out; what is after them.
fn digits<'t>(out: &mut String, text: &'t str) -> &'t str {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        match c {
            '0'..='9' => {
                out.push(c);
                end = at + 1;
            }
            '_' if at > 0 && end == at => {}
            _ => break,
        }
    }
    text.get(end..).unwrap_or_default()
}

/// A number in hexadecimal, with a sign, a fraction and a power of two (`-0x1A.8p3`): `None` where it is none, and an inner
/// `None` where it begins as one and is broken.
pub fn hex(text: &str) -> Option<Option<f64>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    let read = || {
        let (mantissa, power) = digits.split_once(['p', 'P']).unwrap_or((digits, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        if whole.is_empty() || fraction.is_empty() {
            return None;
        }
        let mut value = 0.0;
        for digit in whole.chars() {
            value = value * 16.0 + f64::from(digit.to_digit(16)?);
        }
        let mut scale = 1.0 / 16.0;
        for digit in fraction.chars() {
            value += f64::from(digit.to_digit(16)?) * scale;
            scale /= 16.0;
        }
        Some(sign * value * 2_f64.powi(power.parse().ok()?))
    };
    Some(read())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_as_in_ruby() {
        assert_eq!(split("a,b,,", ","), ["a", "b"]);
        assert_eq!(split(",a", ","), ["", "a"]);
        assert_eq!(split("  a  b ", " "), ["a", "b"]);
        assert_eq!(split("aß", ""), ["a", "ß"]);
        assert!(split("", ",").is_empty());
        assert_eq!(split_all("a,b,,", ","), ["a", "b", "", ""]);
        assert_eq!(split_all(" a b ", " "), ["a", "b", ""]);
        assert!(split_all("", ",").is_empty());
    }

    #[test]
    fn numbers_are_read_as_ruby_reads_them() {
        for (text, number) in
            [("1", 1.0), (" -1.5e3 ", -1500.0), ("1_000.5", 1000.5), (".5", 0.5), ("+2", 2.0)]
        {
            assert_eq!(float(text), Some(number), "{text}");
        }
        for text in ["", "abc", "1.", "1.e5", "_1", "1_", "1__0", "1 2", "inf", "NaN", "0x1", "1e", "-"] {
            assert_eq!(float(text), None, "{text}");
        }
        assert_eq!(hex("0x1A"), Some(Some(26.0)));
        assert_eq!(hex("-0X1a.8"), Some(Some(-26.5)));
        assert_eq!(hex("0x1p4"), Some(Some(16.0)));
        assert_eq!(hex("0xZ"), Some(None));
        assert_eq!(hex("26"), None);
    }

    #[test]
    fn the_number_that_a_text_begins_with() {
        for (text, number) in [
            ("10", 10.0),
            (" 20.5ms", 20.5),
            ("-1e2x", -100.0),
            ("1e-2", 0.01),
            ("1_000", 1000.0),
            ("1__0", 1.0),
            ("1.", 1.0),
            ("1e", 1.0),
            ("1.e5", 1.0),
            ("-.5", -0.5),
            ("x", 0.0),
            ("", 0.0),
            ("%{took}", 0.0),
        ] {
            assert_eq!(to_f(text), number, "{text}");
        }
    }

    #[test]
    fn numbers_print_as_in_ruby() {
        for (number, text) in
            [(1.0, "1.0"), (0.0001, "0.0001"), (0.00001, "1.0e-05"), (1.5e16, "1.5e+16"), (1e100, "1.0e+100")]
        {
            assert_eq!(float_to_s(number), text);
        }
    }

    #[test]
    fn the_first_letter_is_large() {
        assert_eq!(capitalize("éTÉ là"), "Été là");
        assert_eq!(capitalize(""), "");
        assert_eq!(strip("\0 a b\t\n"), "a b");
    }
}
