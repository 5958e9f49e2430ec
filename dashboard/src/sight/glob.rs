//! Patterns with `*`.

/// Whether `text` is like `pattern`. A `*` in `text` is a character like others, so that a pattern can be held against another: what this
/// says of two patterns is true of all names.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let (mut parts, first) = (pattern.split('*'), pattern.split('*').next().unwrap_or_default());
    if !pattern.contains('*') {
        return pattern == text;
    }
    parts.next();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        last = part;
        if !part.is_empty() {
            rest = &rest[at + part.len()..];
        }
    }
    // What follows the last star must be the end, and not only its first occurrence.
    last.is_empty() || rest.is_empty() || (text.len() >= first.len() + last.len() && text.ends_with(last))
}

/// The patterns that lie within one of `a` and within one of `b`. Those that only overlap are left out: less is shown then, never more.
pub(super) fn both(a: &[String], b: &[String]) -> Vec<String> {
    let within = |x: &[String], y: &[String]| -> Vec<String> {
        x.iter().filter(|p| y.iter().any(|q| like(q, p))).cloned().collect()
    };
    let mut all = within(a, b);
    all.extend(within(b, a));
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        for (pattern, text) in [
            ("logs-*", "logs-shop"),
            ("logs-*", "logs-*"),
            ("*", ""),
            ("*.ip", "source.ip"),
            ("a*c", "abc"),
            ("a*c", "acc"),
            ("a*b*c", "aXbYc"),
            ("*aa", "aaa"),
            ("x", "x"),
        ] {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("logs-*", "log"),
            ("logs-a*", "logs-*"),
            ("*.ip", "source.ips"),
            ("a*a", "a"),
            ("x", "xy"),
            ("a*c", "ab"),
            ("", "a"),
        ] {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_narrower_of_two() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(both(&list("logs-*,filebeat-*"), &list("logs-shop-*,secret-*")), ["logs-shop-*"]);
        assert_eq!(both(&list("logs-*"), &list("*")), ["logs-*"]);
        assert!(both(&list("logs-*"), &list("*-shop")).is_empty());
    }
}
