//! Words of a line, with what differs from line to line masked: `from 10.0.0.1:4711 in 5ms` is `from <ip>:<num> in <num>ms`.
//!
//! Masks know nothing of other lines, so that all collectors write the same ones. They are part of a pattern's id: to change them is to
//! change ids.

use std::net::IpAddr;

/// Of a line longer than this only the beginning is looked at, bytes.
const LONGEST: usize = 1000;
/// What stands for anything.
pub(super) const ANY: &str = "<*>";

/// The words of a line. Used again for the next one, so that reading allocates nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    text: String,
    ends: Vec<usize>,
}

impl Words {
    /// Reads the first line of `text` that is not blank, of it the first `most` words; a last one of `<*>` stands for what was cut off.
    pub(super) fn read(&mut self, text: &str, most: usize) {
        self.text.clear();
        self.ends.clear();
        let text = text.trim_start();
        let head = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text);
        let line = head.lines().next().unwrap_or_default();
        let mut is_cut = line.len() == head.len() && head.len() < text.len();
        for word in line.split_whitespace() {
            if self.ends.len() == most {
                is_cut = true;
                break;
            }
            mask(word, &mut self.text);
            self.ends.push(self.text.len());
        }
        if is_cut {
            self.ends.pop();
            self.text.truncate(self.ends.last().copied().unwrap_or_default());
            self.text.push_str(ANY);
            self.ends.push(self.text.len());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let word = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            word
        })
    }
}

/// Where a word is cut into pieces; between two digits a comma is part of a number.
const CUTS: &[u8] = b"=,;()[]{}<>\"'`|";

fn mask(word: &str, out: &mut String) {
    let bytes = word.as_bytes();
    if !bytes.iter().any(|b| matches!(b, b'0'..=b'9' | b'/' | b'\\')) {
        out.push_str(word);
        return;
    }
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let mut start = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let in_number = *byte == b',' && i > 0 && digit(i - 1) && digit(i + 1);
        if CUTS.contains(byte) && !in_number {
            piece(word.get(start..i).unwrap_or_default(), out);
            out.push(char::from(*byte));
            start = i + 1;
        }
    }
    piece(word.get(start..).unwrap_or_default(), out);
}

/// A piece of a word that is one thing, and what ends a sentence behind it.
fn piece(text: &str, out: &mut String) {
    let core = text.trim_end_matches(['.', ':', '!', '?']);
    let tail = text.get(core.len()..).unwrap_or_default();
    if core.contains("://") {
        out.push_str("<url>");
    } else if is_path(core) {
        out.push_str("<path>");
    } else if core.contains('/') && !is_time(core) && address(core).is_none() {
        for (i, part) in core.split('/').enumerate() {
            if i > 0 {
                out.push('/');
            }
            kind(part, out);
        }
    } else {
        kind(core, out);
    }
    out.push_str(tail);
}

/// One thing.
fn kind(core: &str, out: &mut String) {
    if !core.bytes().any(|b| b.is_ascii_digit()) {
        out.push_str(core);
    } else if is_uuid(core) {
        out.push_str("<uuid>");
    } else if is_time(core) {
        out.push_str("<time>");
    } else if is_mac(core) {
        out.push_str("<mac>");
    } else if is_hex(core)
        || is_pairs(core)
        || core.strip_prefix("0x").is_some_and(|rest| all(rest, |b| b.is_ascii_hexdigit()))
    {
        out.push_str("<hex>");
    } else if let Some(rest) = address(core) {
        out.push_str("<ip>");
        if let Some(mark) = rest.chars().next() {
            out.push(mark);
            out.push_str("<num>");
        }
    } else if let Some(unit) = number(core) {
        out.push_str("<num>");
        out.push_str(unit);
    } else {
        mixed(core, out);
    }
}

/// Runs of letters and digits: `web-01` is `web-<num>`, what has digits in several places `<*>`.
fn mixed(text: &str, out: &mut String) {
    let is_mark = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
    for part in text.split_inclusive(is_mark) {
        let run = part.strip_suffix(is_mark).unwrap_or(part);
        let mut numbers = run.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        match (numbers.next(), numbers.next()) {
            (None, _) => out.push_str(run),
            _ if is_hex(run) => out.push_str("<hex>"),
            (Some(digits), None) => {
                let (before, after) = run.split_once(digits).unwrap_or_default();
                out.extend([before, "<num>", after]);
            }
            (Some(_), Some(_)) => out.push_str(ANY),
        }
        out.push_str(part.get(run.len()..).unwrap_or_default());
    }
}

fn all(text: &str, is: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(is)
}

fn is_path(text: &str) -> bool {
    let drive =
        |text: &str| matches!(text.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    (text.len() > 1 && text.starts_with('/'))
        || ["./", "../", "~/"].iter().any(|begin| text.starts_with(begin))
        || drive(text)
}

/// Whether `text` has the `shape`: `9` is a digit, `x` one of hexadecimal numbers, `a` a letter, anything else itself.
fn has_shape(text: &[u8], shape: &[u8]) -> bool {
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, shape)| match shape {
            b'9' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_hexdigit(),
            b'a' => byte.is_ascii_alphabetic(),
            other => byte == other,
        })
}

fn is_uuid(text: &str) -> bool {
    has_shape(text.as_bytes(), b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

fn is_mac(text: &str) -> bool {
    let is = |shape| has_shape(text.as_bytes(), shape);
    is(b"xx:xx:xx:xx:xx:xx") || is(b"xx-xx-xx-xx-xx-xx")
}

/// A fingerprint: `9a:1b:…`, eight pairs and more.
fn is_pairs(text: &str) -> bool {
    text.len() >= 23 && text.split(':').all(|pair| pair.len() == 2 && all(pair, |b| b.is_ascii_hexdigit()))
}

/// A number in hexadecimal, of eight digits and more: digits alone, and letters alone, are something else.
fn is_hex(text: &str) -> bool {
    text.len() >= 8
        && all(text, |b| b.is_ascii_hexdigit())
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A date, a time of day, or both.
fn is_time(text: &str) -> bool {
    const DATES: [&[u8]; 5] = [b"9999-99-99", b"9999/99/99", b"9999.99.99", b"99/aaa/9999", b"99-aaa-9999"];
    const CLOCKS: [&[u8]; 2] = [b"99:99", b"9:99"];
    let bytes = text.as_bytes();
    let begin = DATES
        .iter()
        .chain(&CLOCKS)
        .find(|shape| bytes.get(..shape.len()).is_some_and(|head| has_shape(head, shape)));
    let Some(rest) = begin.and_then(|shape| bytes.get(shape.len()..)) else { return false };
    rest.iter().all(|b| matches!(b, b'0'..=b'9' | b':' | b'.' | b',' | b'T' | b'Z' | b'+' | b'-' | b'_'))
}

/// What stands behind an address: nothing, the port, or the length of a network's prefix.
fn address(text: &str) -> Option<&str> {
    if !text.starts_with(|c: char| c == ':' || c.is_ascii_hexdigit()) {
        return None;
    }
    let is = |text: &str| text.parse::<IpAddr>().is_ok();
    if is(text) {
        return text.get(text.len()..);
    }
    let at = text.rfind(['/', ':'])?;
    let (host, rest) = text.split_at_checked(at)?;
    (is(host) && all(rest.get(1..)?, |b| b.is_ascii_digit())).then_some(rest)
}

/// The unit behind a number: `ms` of `-1.5ms`, nothing of `1,000` and `1.2.3`.
fn number(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(['+', '-', '#', '$']).unwrap_or(text);
    let unit = digits.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    let is_unit = unit.len() <= 3 && unit.chars().all(|c| c.is_alphabetic() || c == '%');
    (digits.starts_with(|c: char| c.is_ascii_digit()) && is_unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, most: usize) -> String {
        let mut words = Words::default();
        words.read(text, most);
        assert_eq!(words.len(), words.iter().count());
        words.iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_differs_is_masked_and_the_rest_is_as_it_was() {
        for (text, expected) in [
            (
                "took 5 ms, or 5ms, 1.5s, -3, 1,000 and 99.9%.",
                "took <num> ms, or <num>ms, <num>s, <num>, <num> and <num>%.",
            ),
            (
                "from 10.0.0.1:4711 10.0.0.0/24 [::1]:80 fe80::1",
                "from <ip>:<num> <ip>/<num> [<ip>]:<num> <ip>",
            ),
            ("id=6f1d2c3b-aaaa-4bbb-8ccc-0123456789ab, x", "id=<uuid>, x"),
            ("at 2026-11-28T10:00:00.123+01:00 10:00:00,5 28/Nov/2026:10:00:00", "at <time> <time> <time>"),
            ("commit deadbee1f 0x7ffe 12345678 deadbeef", "commit <hex> <hex> <num> deadbeef"),
            ("open(\"/etc/hosts\"): ./a ~/b C:\\x / a/b", "open(\"<path>\"): <path> <path> <path> / a/b"),
            ("GET http://a.example/x?y=1 HTTP/1.1", "GET <url>=<num> HTTP/<num>"),
            ("aa:bb:cc:dd:ee:01 up", "<mac> up"),
            (
                "RSA 39:33:99:e9:a0:dc:f2:33 localhost/0:0:0:0:0:0:0:1:2181,",
                "RSA <hex> localhost/<ip>:<num>,",
            ),
            (
                "web-01 user42 v1.2.3 a1b2 worker#7:",
                "web-<num> user<num> v<num>.<num>.<num> <*> worker#<num>:",
            ),
            ("name:8080 größe7 7größe", "name:<num> größe<num> <num>größe"),
            ("no numbers, here: <*> <num>", "no numbers, here: <*> <num>"),
        ] {
            assert_eq!(read(text, 60), expected, "{text}");
        }
    }

    #[test]
    fn of_much_the_beginning_is_looked_at() {
        assert_eq!(read("one two three", 3), "one two three");
        assert_eq!(read("one two three four", 3), "one two <*>");
        assert_eq!(read(&"x".repeat(1_000_000), 60), "<*>");
        assert_eq!(read(&"é ".repeat(100_000), 4), "é é é <*>");
        assert_eq!(read(&format!("a {}", "é".repeat(1000)), 60), "a <*>");
        assert_eq!(read(&" ".repeat(1_000_000), 60), "");
    }

    #[test]
    fn a_stack_trace_is_known_by_its_first_line() {
        assert_eq!(read("\n\r\n  Error: no host 7\r\n  at x (a.js:1)\n", 60), "Error: no host <num>");
    }

    proptest! {
        #[test]
        fn no_digit_is_left_and_other_digits_change_nothing(
            text in "([a-z]{1,4}|[0-9]{1,4}|[-=,.:;/()\\[\\]\"' ]|é){0,30}",
        ) {
            let masked = read(&text, 60);
            prop_assert!(!masked.contains(|c: char| c.is_ascii_digit()), "{}", masked);
            // Numbers of the same length that are an address or a time before and after.
            let other: String = text.chars().map(|c| if c.is_ascii_digit() { '1' } else { c }).collect();
            let other_masked = read(&other, 60);
            prop_assert_eq!(masked.split_whitespace().count(), other_masked.split_whitespace().count());
        }

        #[test]
        fn any_text_is_read(text in "([0-9a-fx:./-]{0,40}|\\PC|\u{fffd}|\n){0,20}", most in 1usize..8) {
            let mut words = Words::default();
            words.read(&text, most);
            prop_assert!(words.len() <= most);
            prop_assert!(words.text.len() <= 6 * LONGEST);
            prop_assert!(words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)));
        }
    }
}
