//! A strict scanner (RFC 8259) over one text. It takes exactly what `serde_json` takes, which a property test holds.

use std::ops::Range;

/// Arrays and objects within each other; as `serde_json`.
const DEPTH: usize = 127;

/// What kind of plain value a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    /// A string without escapes; its place leaves the quotes out.
    Text,
    /// A string with escapes; its place leaves the quotes out.
    Escaped,
}

/// A plain value and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) from: u32,
    pub(crate) to: u32,
}

impl Place {
    /// The bytes of the value, without quotes.
    pub(crate) fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Object,
    Array,
    Plain(Place),
}

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) at: usize,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at + 1)
    }
}

type Result<T> = std::result::Result<T, Fault>;

/// Bytes that end a stretch of a string.
const STOPS: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 0x20 {
        table[at] = true;
        at += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Where the first byte stands that ends a stretch of a string. Eight at once ("Determine if a word has a byte less than n", Sean Eron
/// Anderson, Bit Twiddling Hacks: of the bytes that are marked the lowest is always right).
#[inline]
fn stop_of(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*block);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let stops = (control | quote | backslash) & (ONES * 0x80);
        if stops != 0 {
            return Some(bytes.len() - rest.len() + stops.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    let stop = rest.iter().position(|byte| STOPS[usize::from(*byte)])?;
    Some(bytes.len() - rest.len() + stop)
}

/// The text of a string that was scanned, without its escapes.
pub(crate) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        match rest.as_bytes().get(at + 1) {
            Some(b'u') | None => {
                // The rest of it, as the pairs of UTF-16 have their rules.
                if let Ok(tail) = serde_json::from_str::<String>(&format!("\"{}\"", &rest[at..])) {
                    out.push_str(&tail);
                }
                return out;
            }
            Some(letter) => out.push(match letter {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                other => char::from(*other),
            }),
        }
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    out
}

/// Goes through a text once. After [`Next::Object`] ask [`Scanner::key`] until it says that there is none, and [`Scanner::next`] after each
/// key; after [`Next::Array`] the same with [`Scanner::item`].
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    /// Texts of 4 GiB and more are not for this.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    fn fault<T>(&self, what: &'static str) -> Result<T> {
        Err(Fault { what, at: self.at })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    /// The next value. Of an object or array only the beginning is taken.
    pub(crate) fn next(&mut self) -> Result<Next> {
        self.space();
        match self.byte() {
            Some(b'{') => self.enter(Next::Object),
            Some(b'[') => self.enter(Next::Array),
            Some(b'"') => self.string().map(Next::Plain),
            Some(b'-' | b'0'..=b'9') => self.number().map(Next::Plain),
            Some(b't') => self.word("true", Kind::Bool),
            Some(b'f') => self.word("false", Kind::Bool),
            Some(b'n') => self.word("null", Kind::Null),
            Some(_) => self.fault("expected value"),
            None => self.fault("EOF while parsing a value"),
        }
    }

    fn enter(&mut self, next: Next) -> Result<Next> {
        if self.depth >= DEPTH {
            return self.fault("recursion limit exceeded");
        }
        self.depth += 1;
        self.at += 1;
        Ok(next)
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<Next> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            let from = self.at;
            self.at += word.len();
            return Ok(Next::Plain(self.place(kind, from, self.at)));
        }
        self.fault("expected ident")
    }

    #[allow(clippy::unused_self, reason = "reads as the others do")]
    fn place(&self, kind: Kind, from: usize, to: usize) -> Place {
        // A text is shorter than 4 GiB, see `new`.
        Place { kind, from: from as u32, to: to as u32 }
    }

    fn string(&mut self) -> Result<Place> {
        let from = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut kind = Kind::Text;
        let mut unicode = false;
        self.at = from;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(stop) = stop_of(rest) else {
                self.at = bytes.len();
                return self.fault("EOF while parsing a string");
            };
            self.at += stop;
            match bytes[self.at] {
                b'"' => break,
                b'\\' => {
                    kind = Kind::Escaped;
                    match bytes.get(self.at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(b'u') => unicode = true,
                        _ => return self.fault("invalid escape"),
                    }
                    self.at += 2;
                }
                _ => return self.fault("control character (\\u0000-\\u001F) found while parsing a string"),
            }
        }
        let place = self.place(kind, from, self.at);
        self.at += 1;
        // Those are few, and may be half a pair; whether they are right is the library's to say.
        if unicode && serde_json::from_str::<String>(&self.text[from - 1..self.at]).is_err() {
            return self.fault("invalid escape");
        }
        Ok(place)
    }

    fn digits(&mut self) -> Result<()> {
        let from = self.at;
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from { self.fault("invalid number") } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Place> {
        let from = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.byte().is_some_and(|b| b.is_ascii_digit()) {
            return self.fault("invalid number");
        }
        // Only a long one or one with an exponent can be too large.
        let text = &self.text[from..self.at];
        let large = text.len() > 300 || text.bytes().any(|b| matches!(b, b'e' | b'E'));
        if large && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return self.fault("number out of range");
        }
        Ok(self.place(Kind::Number, from, self.at))
    }

    fn separated(&mut self, first: bool, end: u8) -> Result<bool> {
        self.space();
        match self.byte() {
            Some(b) if b == end => {
                self.at += 1;
                self.depth -= 1;
                return Ok(false);
            }
            Some(b',') if !first => {
                self.at += 1;
                self.space();
                if self.byte() == Some(end) {
                    return self.fault("trailing comma");
                }
            }
            Some(_) if first => {}
            Some(_) => return self.fault("expected `,` or the end"),
            None => return self.fault("EOF while parsing"),
        }
        Ok(true)
    }

    /// The next key of an object.
    pub(crate) fn key(&mut self, first: bool) -> Result<Option<Place>> {
        if !self.separated(first, b'}')? {
            return Ok(None);
        }
        if self.byte() != Some(b'"') {
            return self.fault("key must be a string");
        }
        let key = self.string()?;
        self.space();
        if self.byte() != Some(b':') {
            return self.fault("expected `:`");
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether an array has another value.
    pub(crate) fn item(&mut self, first: bool) -> Result<bool> {
        self.separated(first, b']')
    }

    /// The text is over; nothing but spaces may come.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.space();
        if self.at < self.text.len() { self.fault("trailing characters") } else { Ok(()) }
    }

    /// Goes over a value whatever it holds.
    pub(crate) fn skip(&mut self, next: Next) -> Result<()> {
        let mut first = true;
        match next {
            Next::Plain(_) => {}
            Next::Object => {
                while self.key(std::mem::take(&mut first))?.is_some() {
                    let inner = self.next()?;
                    self.skip(inner)?;
                }
            }
            Next::Array => {
                while self.item(std::mem::take(&mut first))? {
                    let inner = self.next()?;
                    self.skip(inner)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn takes(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
        scanner.next().and_then(|next| scanner.skip(next)).and_then(|()| scanner.end()).is_ok()
    }

    fn dull(text: &str) -> bool {
        serde_json::from_str::<serde_json::Value>(text).is_ok()
    }

    #[test]
    fn takes_what_serde_json_takes() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let long = "9".repeat(400);
        let texts = [
            "{}",
            "[]",
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" : [1, 2.5e3, -0, true, null]}",
            "01",
            "-",
            "1.",
            "1e",
            "1e999",
            &long,
            "\"\\ud800\"",
            "\"\\ud83d\\ude00\"",
            "\"\\x\"",
            "\"a\tb\"",
            "{\"a\":1 \"b\":2}",
            "{a:1}",
            "tru",
            "nul",
            "1 2",
            "\"\\",
            "\"",
            "[1 2]",
            "-01",
            "1.5.5",
            "{,}",
            "[,]",
            "\u{e9}",
            "\"\u{e9}\"",
            "truetrue",
        ];
        for text in texts.iter().map(|t| (*t).to_owned()).chain([deep(126), deep(127), deep(128), deep(200)])
        {
            assert_eq!(takes(&text), dull(&text), "{text}");
        }
    }

    proptest! {
        /// One byte after the other is the dull twin.
        #[test]
        fn stops_where_the_first_byte_is(bytes in prop::collection::vec(prop_oneof![8 => 0x20_u8..=255, 1 => any::<u8>()], 0..40)) {
            prop_assert_eq!(stop_of(&bytes), bytes.iter().position(|byte| STOPS[usize::from(*byte)]));
        }

        #[test]
        fn escapes_are_taken_out(text in "[ab\"\\\\/\u{8}\u{c}\n\r\t\u{1}\u{e9}\u{1f600}]{0,12}", ascii in any::<bool>()) {
            let mut quoted = serde_json::to_string(&text).unwrap();
            if ascii {
                let escaped = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                quoted = quoted.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
            }
            prop_assert_eq!(unescape(&quoted[1..quoted.len() - 1]), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn like_serde_json(text in "[\\[\\]{},:\"\\\\0-9eE.+\\-tfnrualse x\u{e9}]{0,24}") {
            prop_assert_eq!(takes(&text), dull(&text), "{}", text);
        }
    }
}
