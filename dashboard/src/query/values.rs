//! What a value that was typed means, once its field is known.

use std::net::IpAddr;

use serde_json::Value;

/// Decimal multiples of plain numbers; a `B` may follow each.
const SIZES: [(&str, f64); 4] = [("k", 1e3), ("m", 1e6), ("g", 1e9), ("t", 1e12)];

/// Units of durations: seconds are so many times the number, over so many. Two numbers, as `0.001` is none that a
/// computer has.
const UNITS: [(&str, f64, f64); 9] = [
    ("ns", 1.0, 1e9),
    ("us", 1.0, 1e6),
    ("µs", 1.0, 1e6),
    ("μs", 1.0, 1e6),
    ("ms", 1.0, 1e3),
    ("s", 1.0, 1.0),
    ("m", 60.0, 1.0),
    ("h", 3_600.0, 1.0),
    ("d", 86_400.0, 1.0),
];

/// A number as JSON: a whole one where it was typed so.
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    let (number, unit) = split(text)?;
    let unit = unit.to_ascii_lowercase();
    // A single `b` is bytes; `kib` is none of ours.
    let multiple = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 1.0,
        size => SIZES.iter().find(|(name, _)| *name == size)?.1,
    };
    json(number * multiple)
}

/// A duration in units of a field of which one is `unit` seconds; a bare number is seconds.
pub(super) fn duration(text: &str, unit: f64) -> Option<Value> {
    let (number, typed) = split(text)?;
    let (times, over) = match typed {
        "" => (1.0, 1.0),
        typed => UNITS.iter().find(|(name, ..)| *name == typed).map(|(_, times, over)| (*times, *over))?,
    };
    let seconds = number * times / over;
    // A field in nanoseconds has a billion of them a second, which is exact, unlike its inverse.
    let inverse = (1.0 / unit).round();
    let exact = unit < 1.0 && (inverse * unit - 1.0).abs() < 1e-9;
    json(if exact { seconds * inverse } else { seconds / unit })
}

/// A number and what is behind it.
fn split(text: &str) -> Option<(f64, &str)> {
    let end = |text: &str| text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-'));
    let mut at = end(text).unwrap_or(text.len());
    // `1e3` and `1.5E-7`, but no word that begins with an `e`.
    if let Some(exponent) = text.get(at..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let digits = end(exponent).unwrap_or(exponent.len());
        at += if digits > 0 { 1 + digits } else { 0 };
    }
    let (number, rest) = text.split_at_checked(at)?;
    Some((number.parse().ok()?, rest))
}

/// A number that JSON can hold, whole where it is but for the last digit of a fraction.
fn json(number: f64) -> Option<Value> {
    let whole = number.round();
    // Whole numbers up to here are exact, and those with a unit that nobody could tell apart from one.
    if whole.abs() < 9e15 && (number - whole).abs() <= whole.abs() * 1e-12 {
        // The cast cannot lose anything below 2^53.
        return Some((whole as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// `5xx` → 5.
pub(super) fn class(text: &str) -> Option<u16> {
    match text.as_bytes() {
        [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Some(u16::from(digit - b'0')),
        _ => None,
    }
}

/// A number with three digits.
pub(super) fn status(text: &str) -> Option<u16> {
    (text.len() == 3).then(|| text.parse().ok()).flatten().filter(|status| *status >= 100)
}

/// `true` or `false`, in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// Whether a text can be a time: a date, date arithmetic or a number. The backend reads it.
pub(super) fn is_date(text: &str) -> bool {
    let begins = text.strip_prefix('-').unwrap_or(text).starts_with(|c: char| c.is_ascii_digit());
    let signs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.' | ',' | '/' | '|');
    (begins || text.starts_with("now")) && text.chars().all(signs)
}

/// Whether a text is an address.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether a text is an address or a network such as `10.0.0.0/8`.
pub(super) fn is_network(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else { return is_address(text) };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    prefix.bytes().all(|b| b.is_ascii_digit()) && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= most)
}

/// `10.*` → `10.0.0.0/8`, as an address has no wildcards.
pub(super) fn network(pattern: &str) -> Option<String> {
    let parts: Vec<&str> = pattern.strip_suffix(".*")?.split('.').filter(|part| *part != "*").collect();
    let known = parts.iter().all(|part| part.parse::<u8>().is_ok());
    if !known || parts.len() > 3 || !pattern.starts_with(&format!("{}.", parts.join("."))) {
        return None;
    }
    let zeros = ".0".repeat(4 - parts.len());
    let network = format!("{}{zeros}/{}", parts.join("."), parts.len() * 8);
    is_network(&network).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(value: Option<Value>) -> String {
        value.map_or("none".into(), |value| value.to_string())
    }

    #[test]
    fn numbers() {
        for (text, number) in [
            ("200", "200"),
            ("-5", "-5"),
            ("1.5", "1.5"),
            ("18446744073709551615", "18446744073709551615"),
            ("1e3", "1000"),
            ("1.5k", "1500"),
            ("1MB", "1000000"),
            ("2gb", "2000000000"),
            ("7B", "7"),
            ("0.1M", "100000"),
            ("1KiB", "none"),
            ("500ms", "none"),
            ("inf", "none"),
            ("nan", "none"),
            ("1e999", "none"),
            ("", "none"),
            ("k", "none"),
            ("1é", "none"),
        ] {
            assert_eq!(written(super::number(text)), number, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, unit, number) in [
            ("500ms", 1.0, "0.5"),
            ("500ms", 1e-9, "500000000"),
            ("1.1s", 1e-9, "1100000000"),
            ("3ms", 1.0, "0.003"),
            ("2m", 1.0, "120"),
            ("2m", 1e-3, "120000"),
            ("1h", 60.0, "60"),
            ("7us", 1e-6, "7"),
            ("0.5", 1.0, "0.5"),
            ("3", 1e-9, "3000000000"),
            ("1MB", 1.0, "none"),
            ("ms", 1.0, "none"),
        ] {
            assert_eq!(written(duration(text, unit)), number, "{text} in {unit}");
        }
    }

    #[test]
    fn a_fraction_stays_one() {
        assert_eq!(super::number("1.25"), Some(json!(1.25)));
        assert_eq!(super::number("0.0000001"), Some(json!(1e-7)));
    }

    #[test]
    fn networks() {
        assert_eq!(network("10.*").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(network("10.1.*.*").as_deref(), Some("10.1.0.0/16"));
        assert_eq!(network("10.1.2.*").as_deref(), Some("10.1.2.0/24"));
        for pattern in ["10*", "*.1", "1.2.3.4.*", "x.*", "*.*", "1.*.2.*", "01x.*"] {
            assert_eq!(network(pattern), None, "{pattern}");
        }
        assert!(is_network("2001:db8::/32") && is_network("::1") && !is_network("10.0.0.0/33"));
    }

    #[test]
    fn times() {
        for text in [
            "now",
            "now-1h/d",
            "2026-11-23",
            "2026-11-23T10:00:00.5+01:00",
            "2026-11||+1M/d",
            "1700000000000",
        ] {
            assert!(is_date(text), "{text}");
        }
        for text in ["", "yesterday", "2026-11-23 10:00", "-", "\"", "now'"] {
            assert!(!is_date(text), "{text}");
        }
    }
}
