//! A text becomes the value that its option wants.

use std::time::Duration;

use bytesize::ByteSize;
use globset::GlobBuilder;
use jiff::SignedDuration;
use regex::Regex;
use serde_json::Value as Json;

use super::{kind::Kind, values::Value};

/// Reads one text. The error says what is wanted, as the end of "`…` is …"; it never has the text in it, which may be a secret.
pub(super) fn scalar(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("neither `true` nor `false`".to_owned()),
        },
        Kind::Duration => match text.parse::<SignedDuration>().map(Duration::try_from) {
            Ok(Ok(time)) if !time.is_zero() => Ok(Value::Duration(time)),
            _ => Err("no duration: write a number and its unit, as in `10s`, `5m`, `1h 30m`".to_owned()),
        },
        Kind::Size => match text.parse::<ByteSize>() {
            Ok(size) if size.as_u64() > 0 => Ok(Value::Size(size.as_u64())),
            _ => Err("no size: write a number and its unit, as in `512KiB`, `1MB`, `2GB`".to_owned()),
        },
        Kind::Whole(from, to) => match text.parse() {
            Ok(number) if (from..=to).contains(&number) => Ok(Value::Whole(number)),
            _ => Err(format!("no whole number from {from} to {to}")),
        },
        Kind::Word(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Word(words) => Err(format!("none of {}", quoted(words))),
        Kind::Text | Kind::Path if text.is_empty() => Err("empty".to_owned()),
        Kind::Text | Kind::Path => Ok(Value::Text(text.to_owned())),
        Kind::Addresses => match address(text) {
            true => Ok(Value::Texts(vec![text.to_owned()])),
            false => Err("no address: write host and port, as in `logs1:5044` or `[::1]:5044`".to_owned()),
        },
        Kind::Texts => Ok(Value::Texts(vec![text.to_owned()])),
        Kind::Patterns => match GlobBuilder::new(text).literal_separator(true).build() {
            Ok(_) if !text.is_empty() => Ok(Value::Texts(vec![text.to_owned()])),
            Ok(_) => Err("empty".to_owned()),
            Err(error) => Err(format!("no path pattern: {}", error.kind())),
        },
        Kind::Regex | Kind::Regexes => match Regex::new(text) {
            Ok(regex) => Ok(Value::Regexes(vec![regex])),
            Err(error) => {
                // The reason is the last line; those before show the text.
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(format!("no regular expression: {reason}"))
            }
        },
        Kind::Encoding => match encoding_rs::Encoding::for_label(text.as_bytes()) {
            Some(encoding) => Ok(Value::Text(encoding.name().to_owned())),
            None => Err("no character set: write a WHATWG label, as in `utf-8`, `windows-1252`, `utf-16le`"
                .to_owned()),
        },
        Kind::Log => match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) if !text.is_empty() => Ok(Value::Text(text.to_owned())),
            _ => Err("no level: write error, warn, info, debug or trace".to_owned()),
        },
        Kind::Fields => Err("no map: write names and values, as in `{ env: production }`".to_owned()),
        Kind::Group(_) | Kind::Groups(_) => Err("no group of options".to_owned()),
    }
}

/// A text that is not quoted, as JSON: YAML's core schema.
pub(super) fn json(text: &str, quoted: bool) -> Json {
    let plain = match text {
        "true" | "True" | "TRUE" => Some(Json::Bool(true)),
        "false" | "False" | "FALSE" => Some(Json::Bool(false)),
        // What JSON has no number for (`.inf`, `0x1f`, `1_000`) stays text.
        number if number.starts_with(['-', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) => {
            serde_json::from_str::<serde_json::Number>(number).ok().map(Json::Number)
        }
        _ => None,
    };
    plain.filter(|_| !quoted).unwrap_or_else(|| Json::String(text.to_owned()))
}

/// Names between backquotes, with commas.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// `host:port`; an IPv6 address is in brackets.
fn address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '/', ' ', '@']),
    };
    host_fits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expect: &str) {
        let found = match scalar(kind, text) {
            Ok(Value::Regexes(regexes)) => format!("{:?}", regexes[0].as_str()),
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("is {error}"),
        };
        assert!(found.starts_with(expect), "{text}: {found}");
    }

    #[test]
    fn times_and_sizes_have_units() {
        check(Kind::Duration, "10s", "Duration(10s)");
        check(Kind::Duration, "1h 30m", "Duration(5400s)");
        check(Kind::Duration, "200ms", "Duration(200ms)");
        for wrong in ["10", "0s", "-5s", "s", "1 fortnight", ""] {
            check(Kind::Duration, wrong, "is no duration");
        }
        check(Kind::Size, "1MB", "Size(1000000)");
        check(Kind::Size, "512KiB", "Size(524288)");
        check(Kind::Size, "1.5 GB", "Size(1500000000)");
        for wrong in ["0", "MB", "1 parsec", "-1MB"] {
            check(Kind::Size, wrong, "is no size");
        }
    }

    #[test]
    fn addresses_have_a_port() {
        for right in ["logs1:5044", "127.0.0.1:1", "[::1]:5044"] {
            check(Kind::Addresses, right, "Texts");
        }
        for wrong in ["logs1", "logs1:", "logs1:0", "::1:5044", "https://logs1:5044", ":5044", "[x]:1"] {
            check(Kind::Addresses, wrong, "is no address");
        }
    }

    #[test]
    fn errors_say_what_is_wanted() {
        check(Kind::Bool, "yes", "is neither `true` nor `false`");
        check(Kind::Whole(0, 19), "20", "is no whole number from 0 to 19");
        check(Kind::Word(&["a", "b"]), "c", "is none of `a`, `b`");
        check(Kind::Regex, "(", "is no regular expression: unclosed group");
        check(Kind::Patterns, "[", "is no path pattern");
        check(Kind::Encoding, "utf-9", "is no character set");
        check(Kind::Encoding, "latin1", "Text(\"windows-1252\")");
    }

    #[test]
    fn fields_keep_their_types() {
        let all = ["true", "12", "-1.5e3", "0x1f", "1.2.3", "web"].map(|text| json(text, false).to_string());
        assert_eq!(all, ["true", "12", "-1500.0", "\"0x1f\"", "\"1.2.3\"", "\"web\""]);
        assert_eq!(json("12", true), Json::String("12".to_owned()));
    }
}
