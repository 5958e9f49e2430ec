//! Addresses of mail, also where `@` is written `%40` as in URLs.

/// Last parts of systemd's units, which look like addresses (`getty@tty1.service`) and stand in every journal.
const UNITS: [&str; 10] =
    ["service", "socket", "timer", "target", "mount", "automount", "slice", "scope", "device", "swap"];

pub(crate) fn find(text: &str, add: &mut dyn FnMut(usize, usize)) {
    let mut from = 0;
    for at in memchr::memchr2_iter(b'@', b'%', text.as_bytes()) {
        if at < from {
            continue;
        }
        let Some((local, sign)) = text.split_at_checked(at) else { continue };
        let Some(domain) = sign.strip_prefix('@').or_else(|| sign.strip_prefix("%40")) else { continue };
        let Some(length) = local_part(local.get(from..).unwrap_or_default()) else { continue };
        let Some(domain_length) = self::domain(domain) else { continue };
        from = at + (sign.len() - domain.len()) + domain_length;
        add(at - length, from);
    }
}

/// How much of the end of `text` is the part before the sign.
fn local_part(text: &str) -> Option<usize> {
    let is_good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'');
    let start = text.char_indices().rev().take_while(|(_, c)| is_good(*c)).last()?.0;
    let local = text.get(start..)?.trim_start_matches(['.', '\'', '-']);
    (!local.is_empty()).then_some(local.len())
}

/// How much of the beginning of `text` is a domain: names with points between, the last one not a number.
fn domain(text: &str) -> Option<usize> {
    let (mut end, mut good, mut first) = (0, None, true);
    loop {
        let rest = text.get(end..)?;
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '-')).unwrap_or(rest.len());
        let label = rest.get(..length)?;
        if label.is_empty() || label.starts_with('-') {
            break;
        }
        let label = label.trim_end_matches('-');
        let is_last = label.chars().nth(1).is_some() && label.starts_with(char::is_alphabetic);
        if is_last && !first && !UNITS.contains(&label) {
            good = Some(end + label.len());
        }
        if label.len() < length || !rest.get(length..).is_some_and(|rest| rest.starts_with('.')) {
            break;
        }
        first = false;
        end += length + 1;
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::find::found;

    #[test]
    fn addresses_are_found() {
        for (text, address) in [
            ("from alice@example.com to", "alice@example.com"),
            ("<Bob.O'Neil+tag@mail.example.co.uk>,", "Bob.O'Neil+tag@mail.example.co.uk"),
            ("user=alice@example.com.", "alice@example.com"),
            ("?mail=alice%40example.com&x", "alice%40example.com"),
            ("'jörg@müller.de'", "jörg@müller.de"),
            ("a@b.example.", "a@b.example"),
            ("..x@example.com-", "x@example.com"),
            ("x@example.com.10", "x@example.com"),
        ] {
            assert_eq!(found(text, find), [address], "{text}");
        }
        assert_eq!(found("a@b.de,c@d.de e@f.de@g.de", find), ["a@b.de", "c@d.de", "e@f.de"]);
    }

    #[test]
    fn what_only_looks_like_one_is_left() {
        for text in [
            "",
            "@",
            "a@",
            "@b.de",
            "root@host",
            "root@10.0.0.1",
            "getty@tty1.service",
            "user@1000.slice",
            "a @b.de",
            "100%",
            "a@b.",
            "a@b..de",
            "a@-b.de",
            "a@b.c",
        ] {
            assert!(found(text, find).is_empty(), "{text}");
        }
    }
}
