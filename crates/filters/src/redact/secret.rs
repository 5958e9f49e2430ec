//! Values of names that mean a secret: `password=…`, `"api_key": "…"`, `--token …`, `Authorization: …`.

use super::find::{before, is_word, run};

/// How sure the name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// Whatever stands after it is a secret.
    Sure,
    /// It is also a word of prose ("token: unexpected"): without quotes or an equals sign its value must look like a key.
    Unsure,
    /// `pwd`, which is also where a process runs: what looks like a path is none.
    Directory,
    /// `pass`, which is also the outcome of a test: a whole word with an equals sign.
    Whole,
    /// The header: the name of a scheme, then the secret.
    Authorization,
}

/// How a name and its value are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    Equals,
    Colon,
    /// A blank after an option of a command line.
    Blank,
}

/// The schemes whose name stands before the secret.
const SCHEMES: [&str; 6] = ["basic", "bearer", "negotiate", "ntlm", "token", "apikey"];

/// The secret of the name at `start..end`.
pub(crate) fn value(text: &str, start: usize, end: usize, name: Name) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if matches!(name, Name::Whole | Name::Directory) && is_word(before(bytes, start)) {
        return None;
    }
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\');
    let after_quote = run(bytes, end, is_quote);
    let is_quoted_name = after_quote > end;
    let after_blank = run(bytes, after_quote, is_blank);
    let (joint, at) = match bytes.get(after_blank) {
        Some(b'=') => (Joint::Equals, run(bytes, after_blank, |byte| matches!(byte, b'=' | b'>'))),
        Some(b':') if bytes.get(after_blank + 1) == Some(&b'=') => (Joint::Equals, after_blank + 2),
        Some(b':') => (Joint::Colon, after_blank + 1),
        Some(_) if after_blank > end && !is_quoted_name && is_option(bytes, start) => {
            (Joint::Blank, after_blank)
        }
        _ => return None,
    };
    let at = run(bytes, at, is_blank);
    let open = run(bytes, at, |byte| byte == b'\\');
    let (value, is_quoted) = match bytes.get(open) {
        Some(quote @ (b'"' | b'\'')) => {
            let from = open + 1;
            ((from, closing(bytes, from, *quote, open > at)), true)
        }
        _ if name == Name::Authorization => (credentials(text, at), false),
        _ => ((at, trimmed(bytes, at, run(bytes, at, |byte| !is_end(byte)))), false),
    };
    let written = text.get(value.0..value.1)?;
    let is_key = is_quoted
        || joint == Joint::Equals
        || written.len() >= 20
        || written.bytes().any(|b| b.is_ascii_digit());
    let is_secret = match name {
        Name::Sure | Name::Authorization => true,
        Name::Unsure => is_quoted_name || joint == Joint::Blank || is_key,
        Name::Directory => !written.starts_with('/'),
        Name::Whole => joint == Joint::Equals,
    };
    (is_secret && !says_nothing(written)).then_some(value)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether the word about a place is an option: `--db-password`.
fn is_option(bytes: &[u8], at: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let word = bytes.get(..at).unwrap_or_default().iter().rev().take_while(|byte| is_part(byte)).count();
    bytes.get(at - word..).is_some_and(|word| word.starts_with(b"--"))
}

/// What ends a value without quotes.
fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'&' | b';' | b',' | b'"' | b'\'' | b'<' | b'>')
}

/// Without the brackets that enclose the whole: `(password=x)`.
fn trimmed(bytes: &[u8], start: usize, end: usize) -> usize {
    let mut end = end;
    while let Some(close @ (b')' | b']' | b'}')) = before(bytes, end) {
        let open = match close {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        let inside = bytes.get(start..end).unwrap_or_default();
        let count = |bracket: u8| inside.iter().filter(|byte| **byte == bracket).count();
        if count(*close) <= count(open) {
            break;
        }
        end -= 1;
    }
    end
}

/// Where the text ends that a quote opened; one within is escaped. JSON within JSON has its quotes escaped, and the first of them ends it.
fn closing(bytes: &[u8], from: usize, quote: u8, is_escaped: bool) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match *byte {
            byte if byte == quote => return at,
            b'\\' if is_escaped => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The secret of a header's value.
fn credentials(text: &str, at: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let word = |from: usize| run(bytes, from, |byte| !is_end(byte));
    let end = word(at);
    let scheme = text.get(at..end).unwrap_or_default();
    if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        let from = run(bytes, end, is_blank);
        return (from, trimmed(bytes, from, word(from)));
    }
    if scheme.eq_ignore_ascii_case("digest") || scheme.to_ascii_uppercase().starts_with("AWS4-") {
        // Several parts with commas between.
        return (run(bytes, end, is_blank), run(bytes, end, |byte| !matches!(byte, b'\r' | b'\n')));
    }
    (at, trimmed(bytes, at, end))
}

/// Nothing is there, or somebody has hidden it.
fn says_nothing(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'*')
        || ["null", "nil", "none", "undefined", "true", "false"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
}
