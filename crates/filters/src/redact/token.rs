//! Secrets that machines show each other: values of telling names, bearer tokens, JSON Web Tokens, keys with a maker's mark, passwords
//! in URLs, private keys.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    find::{before, is_word, run},
    secret::{self, Name},
};

/// What a word that is looked for announces.
#[derive(Clone, Copy, Debug)]
enum Announces {
    Value(Name),
    Bearer,
    Jwt,
    /// A key of at least so many characters after the mark, which has capitals as written.
    Key(&'static str, usize, fn(u8) -> bool),
    Url,
    PrivateKey,
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// The letters of base64 in URLs.
fn is_base64_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_base64_url_or_point(byte: u8) -> bool {
    is_base64_url(byte) || byte == b'.'
}

fn is_capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const WORDS: &[(&str, Announces)] = &[
    ("password", Announces::Value(Name::Sure)),
    ("passwd", Announces::Value(Name::Sure)),
    ("passphrase", Announces::Value(Name::Sure)),
    ("passwort", Announces::Value(Name::Sure)),
    ("kennwort", Announces::Value(Name::Sure)),
    ("pass", Announces::Value(Name::Whole)),
    ("pwd", Announces::Value(Name::Directory)),
    ("secret", Announces::Value(Name::Unsure)),
    ("token", Announces::Value(Name::Unsure)),
    ("api_key", Announces::Value(Name::Unsure)),
    ("api-key", Announces::Value(Name::Unsure)),
    ("apikey", Announces::Value(Name::Unsure)),
    ("access_key", Announces::Value(Name::Unsure)),
    ("access-key", Announces::Value(Name::Unsure)),
    ("accesskey", Announces::Value(Name::Unsure)),
    ("secret_key", Announces::Value(Name::Unsure)),
    ("secret-key", Announces::Value(Name::Unsure)),
    ("secretkey", Announces::Value(Name::Unsure)),
    ("private_key", Announces::Value(Name::Unsure)),
    ("credential", Announces::Value(Name::Unsure)),
    ("credentials", Announces::Value(Name::Unsure)),
    ("sessionid", Announces::Value(Name::Unsure)),
    ("session_id", Announces::Value(Name::Unsure)),
    ("sessid", Announces::Value(Name::Unsure)),
    ("authorization", Announces::Value(Name::Authorization)),
    ("bearer ", Announces::Bearer),
    ("eyj", Announces::Jwt),
    ("://", Announces::Url),
    ("-----begin ", Announces::PrivateKey),
    ("akia", Announces::Key("AKIA", 16, is_capital)),
    ("asia", Announces::Key("ASIA", 16, is_capital)),
    ("aiza", Announces::Key("AIza", 30, is_base64_url)),
    ("ghp_", Announces::Key("ghp_", 30, is_alphanumeric)),
    ("gho_", Announces::Key("gho_", 30, is_alphanumeric)),
    ("ghu_", Announces::Key("ghu_", 30, is_alphanumeric)),
    ("ghs_", Announces::Key("ghs_", 30, is_alphanumeric)),
    ("ghr_", Announces::Key("ghr_", 30, is_alphanumeric)),
    ("github_pat_", Announces::Key("github_pat_", 22, is_base64_url)),
    ("glpat-", Announces::Key("glpat-", 20, is_base64_url)),
    ("hf_", Announces::Key("hf_", 30, is_alphanumeric)),
    ("npm_", Announces::Key("npm_", 30, is_alphanumeric)),
    ("pk_live_", Announces::Key("pk_live_", 16, is_alphanumeric)),
    ("rk_live_", Announces::Key("rk_live_", 16, is_alphanumeric)),
    ("sk_live_", Announces::Key("sk_live_", 16, is_alphanumeric)),
    ("sk_test_", Announces::Key("sk_test_", 16, is_alphanumeric)),
    ("sk-", Announces::Key("sk-", 20, is_base64_url)),
    ("sg.", Announces::Key("SG.", 30, is_base64_url_or_point)),
    ("xoxa-", Announces::Key("xoxa-", 10, is_base64_url)),
    ("xoxb-", Announces::Key("xoxb-", 10, is_base64_url)),
    ("xoxe-", Announces::Key("xoxe-", 10, is_base64_url)),
    ("xoxp-", Announces::Key("xoxp-", 10, is_base64_url)),
    ("xoxr-", Announces::Key("xoxr-", 10, is_base64_url)),
    ("xoxs-", Announces::Key("xoxs-", 10, is_base64_url)),
];

/// How long a text without a mark is a key.
const LONG: usize = 32;

/// The words, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    words: AhoCorasick,
}

impl Tokens {
    pub(crate) fn new() -> Option<Self> {
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(WORDS.iter().map(|(word, _)| word))
            .ok()?;
        Some(Self { words })
    }

    pub(crate) fn find(&self, text: &str, add: &mut dyn FnMut(usize, usize)) {
        let mut from = 0;
        for word in self.words.find_iter(text) {
            // Within a private key or the like there is nothing more to find.
            if word.start() < from {
                continue;
            }
            let Some((_, announces)) = WORDS.get(word.pattern().as_usize()) else { continue };
            let found = match *announces {
                Announces::Value(name) => secret::value(text, word.start(), word.end(), name),
                Announces::Bearer => bearer(text, word.start(), word.end()),
                Announces::Jwt => jwt(text.as_bytes(), word.start()),
                Announces::Key(mark, length, good) => key(text, word.start(), mark, length, good),
                Announces::Url => in_url(text.as_bytes(), word.end()),
                Announces::PrivateKey => private_key(text, word.start()),
            };
            if let Some((start, end)) = found {
                add(start, end);
                from = end;
            }
        }
        long(text.as_bytes(), add);
    }
}

fn bearer(text: &str, start: usize, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_token = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
    };
    let end = run(bytes, at, is_token);
    let token = bytes.get(at..end)?;
    // "bearer of bad news"
    let is_key = token.len() >= 20 || token.iter().any(u8::is_ascii_digit);
    (!is_word(before(bytes, start)) && token.len() >= 8 && is_key).then_some((at, end))
}

/// Two or three parts with points between; the first is an object in base64 and so begins with `eyJ`.
fn jwt(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    if !bytes.get(start..)?.starts_with(b"eyJ")
        || before(bytes, start).is_some_and(|byte| is_base64_url(*byte))
    {
        return None;
    }
    let head = run(bytes, start, is_base64_url);
    let body = run(bytes, head + 1, is_base64_url);
    if bytes.get(head) != Some(&b'.') || head - start < 8 || body - head < 8 {
        return None;
    }
    Some((start, run(bytes, body, is_base64_url_or_point)))
}

fn key(text: &str, start: usize, mark: &str, length: usize, good: fn(u8) -> bool) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let key = text.get(start..)?.strip_prefix(mark)?;
    let end = run(bytes, start + mark.len(), good);
    let key = key.get(..end - start - mark.len())?;
    let is_part = before(bytes, start).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (!is_part && key.len() >= length && key.bytes().any(|byte| byte.is_ascii_digit())).then_some((start, end))
}

/// The password of `scheme://user:password@host`.
fn in_url(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let end = run(bytes, at, |byte| {
        !(byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>'))
    });
    let authority = bytes.get(at..end)?;
    let sign = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', authority.get(..sign)?)?;
    (colon + 1 < sign).then_some((at + colon + 1, at + sign))
}

/// All of a private key in PEM, or what there is of it.
fn private_key(text: &str, start: usize) -> Option<(usize, usize)> {
    let rest = text.get(start..)?;
    let head = rest.find("PRIVATE KEY").filter(|at| *at < 40)?;
    let end = match rest.find("-----END").and_then(|at| Some((at, rest.get(at + 8..)?.find("-----")?))) {
        Some((at, close)) if at > head => start + at + 8 + close + 5,
        _ => text.len(),
    };
    Some((start, end))
}

/// Long runs of letters and digits that no person has written: small and capital letters and some digits. Digests and identifiers in
/// hexadecimal are not of these: they are how events are found again.
fn long(bytes: &[u8], add: &mut dyn FnMut(usize, usize)) {
    let is_good = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + LONG) {
        // Behind the last byte of the window that is not of a run another run may begin.
        if let Some(at) = window.iter().rposition(|byte| !is_good(byte)) {
            start += at + 1;
            continue;
        }
        let end = run(bytes, start, |byte| is_good(&byte));
        let word = bytes.get(start..end).unwrap_or_default();
        let count = |good: fn(&u8) -> bool| word.iter().filter(|byte| good(byte)).count();
        if count(u8::is_ascii_lowercase) >= 3
            && count(u8::is_ascii_uppercase) >= 3
            && count(u8::is_ascii_digit) >= 3
        {
            add(start, end);
        }
        start = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::redact::find::{Finder, Kind};

    fn found(text: &str) -> Vec<&str> {
        let mut spans = Vec::new();
        Finder::new(vec![Kind::Token]).unwrap().find(text, &mut spans);
        spans.into_iter().map(|span| &text[span.start..span.end]).collect()
    }

    #[test]
    fn values_of_telling_names() {
        for (text, secret) in [
            ("user=x password=hunter2 ok", "hunter2"),
            ("DB_PASSWORD: hunter2", "hunter2"),
            (r#"{"password":"hun\"ter 2","a":1}"#, r#"hun\"ter 2"#),
            (r#""{\"passwd\": \"hunter2\", \"a\":1}""#, "hunter2"),
            ("password='hunter 2", "hunter 2"),
            ("(password=hunter(2))", "hunter(2)"),
            ("/login?token=abc&x=1", "abc"),
            ("--db-password hunter2 --x", "hunter2"),
            ("api_key => 12345,", "12345"),
            ("X-Api-Key: k3y", "k3y"),
            ("secret: s3cret", "s3cret"),
            ("PHPSESSID=abc; x", "abc"),
            ("pwd=x pass=", "x"),
            ("Passwort: geheim", "geheim"),
            ("password=[x] y", "[x]"),
            ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
            ("authorization: abc def", "abc"),
            (r#""Authorization": "Bearer abc def""#, "Bearer abc def"),
            ("Authorization: Digest username=\"a\", uri=\"/\"\nx", "username=\"a\", uri=\"/\""),
        ] {
            assert_eq!(found(text), [secret], "{text}");
        }
    }

    #[test]
    fn names_without_a_secret() {
        for text in [
            "Failed password for root from 10.0.0.1",
            "unexpected token: end of input",
            "Unexpected token } in JSON",
            "PWD=/root ; USER=root",
            "compass=north",
            "test_x: pass: 12",
            "password=",
            "password=***",
            r#""password":null"#,
            r#""password":"""#,
            "token",
            "the secret of it",
            "Authorization: Basic",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    #[test]
    fn tokens_by_their_form() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
        assert_eq!(found(&format!("jwt {jwt}, ok")), [jwt]);
        assert_eq!(found("sent bearer abc.def-123="), ["abc.def-123="]);
        for key in [
            concat!("AKIA", "IOSFODNN7EXAMPLE"),
            concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a"),
            concat!("xoxb-", "123456789012-abcdef"),
            concat!("sk-", "proj-abcdefghij0123456789"),
            "q1W2e3R4t5Z6u7I8o9P0q1W2e3R4t5Z6",
        ] {
            assert_eq!(found(&format!("key '{key}'.")), [key]);
        }
        assert_eq!(found("postgres://app:p@ss:w@db/x https://user@host"), ["p@ss:w"]);
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
        assert_eq!(found(&format!("a {pem} b")), [pem]);
        assert_eq!(found("a -----BEGIN PRIVATE KEY-----\\nMIIE"), ["-----BEGIN PRIVATE KEY-----\\nMIIE"]);
    }

    #[test]
    fn what_only_looks_like_one_is_left() {
        for text in [
            "",
            "the bearer of news",
            "bearer certificates",
            "eyJ.eyJ.x",
            "task-fading-circle-0123456789",
            "Euroasia",
            "d41d8cd98f00b204e9800998ecf8427ed41d8cd9",
            "550e8400-e29b-41d4-a716-446655440000",
            "AbstractSingletonProxyFactoryBean2Impl",
            "http://host:80/a@b",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }
}
