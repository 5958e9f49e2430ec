//! Index names: which are allowed, and which indexes an expression such as `logs-*,-logs-old` means.

use crate::error::ApiError;

/// Says why a name cannot be the name of an index.
pub(crate) fn check(name: &str) -> Result<(), ApiError> {
    let wrong = |why: &str| {
        let mut error =
            ApiError::new(400, "invalid_index_name_exception", format!("Invalid index name [{name}], {why}"));
        error.index = Some(name.to_owned());
        Err(error)
    };
    if name.is_empty() {
        return wrong("must not be empty");
    }
    if name.len() > 255 {
        return wrong("must not be longer than 255 bytes");
    }
    if name == "." || name == ".." {
        return wrong("must not be '.' or '..'");
    }
    if name.starts_with(['_', '-', '+']) {
        return wrong("must not start with '_', '-', or '+'");
    }
    if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'])
        || name.chars().any(char::is_control)
    {
        return wrong("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?, #, :]");
    }
    if name.chars().any(char::is_uppercase) {
        return wrong("must be lowercase");
    }
    Ok(())
}

/// Whether `text` matches `pattern`, where `*` stands for any run of characters and `?` for one.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j, mut star, mut mark) = (0, 0, None, 0);
    while j < t.len() {
        if i < p.len() && p[i] == '*' {
            star = Some(i);
            mark = j;
            i += 1;
        } else if i < p.len() && (p[i] == '?' || p[i] == t[j]) {
            i += 1;
            j += 1;
        } else if let Some(s) = star {
            i = s + 1;
            mark += 1;
            j = mark;
        } else {
            return false;
        }
    }
    p[i..].iter().all(|c| *c == '*')
}

/// Names with date math in them, such as `<logs-{now/d{yyyy.MM}}>`, as plain names.
pub(crate) fn dated(expression: &str, now: i64) -> Result<String, ApiError> {
    if !expression.contains('<') {
        return Ok(expression.to_owned());
    }
    let mut out = Vec::new();
    for part in split(expression) {
        let (minus, name) = part.strip_prefix('-').map_or(("", part), |name| ("-", name));
        let dated = match name.strip_prefix('<').and_then(|name| name.strip_suffix('>')) {
            Some(inner) => format!("{minus}{}", date_name(inner, now)?),
            None => part.to_owned(),
        };
        out.push(dated);
    }
    Ok(out.join(","))
}

/// At commas that are not within `<…>`.
fn split(expression: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in expression.char_indices() {
        match c {
            '<' | '{' => depth += 1,
            '>' | '}' => depth -= 1,
            ',' if depth <= 0 => {
                parts.push(&expression[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

fn date_name(inner: &str, now: i64) -> Result<String, ApiError> {
    use crate::dates::{self, Format, Round};
    let wrong = |why: &str| {
        ApiError::new(400, "parse_exception", format!("invalid date math name [<{inner}>]: {why}"))
    };
    let mut out = String::new();
    let mut rest = inner;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let mut depth = 0;
        let end = rest[open..].char_indices().find(|(_, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0
        });
        let end = open + end.ok_or_else(|| wrong("a brace is not closed"))?.0;
        let body = &rest[open + 1..end];
        let (math, format) = match body.split_once('{') {
            Some((math, format)) => {
                (math, format.strip_suffix('}').ok_or_else(|| wrong("a brace is not closed"))?)
            }
            None => (body, "yyyy.MM.dd"),
        };
        let (format, zone) = format.split_once('|').unwrap_or((format, "UTC"));
        let zone = dates::zone(zone).ok_or_else(|| wrong("an unknown time zone"))?;
        let millis = dates::math(math, &[Format::Iso], now, Round::Down, &zone)
            .ok_or_else(|| wrong("a date cannot be read"))?;
        let format = dates::Pattern::compile(format).ok_or_else(|| wrong("an unknown format"))?;
        out.push_str(&format.write(millis, &zone));
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// How an expression treats names that mean nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) ignore_unavailable: bool,
    pub(crate) allow_no_indices: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { ignore_unavailable: false, allow_no_indices: true }
    }
}

/// The existing names that `expression` means, sorted. `existing` must be sorted.
pub(crate) fn resolve(
    expression: &str,
    existing: &[String],
    options: Options,
) -> Result<Vec<String>, ApiError> {
    let mut found: Vec<String> = Vec::new();
    let mut wild_seen = false;
    for part in expression.split(',') {
        let is_all = part == "_all" || part.is_empty();
        if is_all || part.contains('*') {
            // An exclusion counts only after a wildcard: a leading '-' elsewhere is part of a name.
            if let (true, Some(minus)) = (wild_seen, part.strip_prefix('-')) {
                found.retain(|name| !wildcard(minus, name));
                continue;
            }
            wild_seen = true;
            let pattern = if is_all { "*" } else { part };
            // Dot names are hidden from wildcards that do not start with a dot themselves.
            let hits = existing.iter().filter(|name| {
                wildcard(pattern, name) && (pattern.starts_with('.') || !name.starts_with('.'))
            });
            let before = found.len();
            found.extend(hits.cloned());
            if found.len() == before && !options.allow_no_indices {
                return Err(ApiError::no_index(part));
            }
        } else if let (true, Some(minus)) = (wild_seen, part.strip_prefix('-')) {
            found.retain(|name| name != minus);
        } else if existing.binary_search_by(|name| name.as_str().cmp(part)).is_ok() {
            found.push(part.to_owned());
        } else if !options.ignore_unavailable {
            if part.starts_with('_') {
                check(part)?;
            }
            return Err(ApiError::no_index(part));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a-1", "a-2", "b"].map(str::to_owned).to_vec()
    }

    #[test]
    fn wildcards() {
        assert!(
            wildcard("a*c", "abbc") && wildcard("*", "") && wildcard("a?c", "abc") && wildcard("*b*", "abc")
        );
        assert!(!wildcard("a*c", "abcd") && !wildcard("a?", "a"));
    }

    #[test]
    fn expressions() {
        let options = Options::default();
        assert_eq!(resolve("a-*", &names(), options).unwrap(), ["a-1", "a-2"]);
        assert_eq!(resolve("a-*,-a-1", &names(), options).unwrap(), ["a-2"]);
        assert_eq!(resolve("_all", &names(), options).unwrap().len(), 3);
        assert!(resolve("nope*", &names(), options).unwrap().is_empty());
        assert_eq!(resolve("b,nope", &names(), options).unwrap_err().status, 404);
        let lax = Options { ignore_unavailable: true, ..options };
        assert_eq!(resolve("b,nope", &names(), lax).unwrap(), ["b"]);
    }

    #[test]
    fn dates_in_names() {
        // 2026-11-23T10:20:30Z
        let now = 1_795_429_230_000;
        for (text, expect) in [
            ("plain,x-*", "plain,x-*"),
            ("<logs-{now/d}>", "logs-2026.11.23"),
            (
                "a,<logs-{now/M-1M{yyyy.MM}}-x>,-<b-{now{yyyy.MM.dd|+12:00}}>",
                "a,logs-2026.10-x,-b-2026.11.23",
            ),
        ] {
            assert_eq!(dated(text, now).unwrap(), expect);
        }
        for text in ["<logs-{now>", "<logs-{noon}>", "<logs-{now{QQ}}>"] {
            assert!(dated(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn bad_names() {
        for name in ["", "A", "a b", "_x", "-x", "a*", "a/b", "..", "a:b"] {
            assert_eq!(check(name).unwrap_err().kind, "invalid_index_name_exception", "{name}");
        }
        assert!(check("logs-2026.11.23").is_ok());
    }
}
