//! Where lines end, and what they say.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How the end of a line is written in a character set. In all but UTF-16 the byte of a line feed is nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    Byte,
    Utf16Le,
    Utf16Be,
}

impl LineEnd {
    pub(crate) fn of(encoding: &'static Encoding) -> Self {
        match encoding {
            e if e == UTF_16LE => Self::Utf16Le,
            e if e == UTF_16BE => Self::Utf16Be,
            _ => Self::Byte,
        }
    }

    /// Bytes of a line feed.
    pub(crate) fn len(self) -> usize {
        if self == Self::Byte { 1 } else { 2 }
    }

    /// Where the first line of `bytes` that ends at `from` or later ends: the place behind its line feed. `bytes` begin where a
    /// line does.
    pub(crate) fn next(self, bytes: &[u8], from: usize) -> Option<usize> {
        let (first, even) = match self {
            Self::Byte => return memchr::memchr(b'\n', bytes.get(from..)?).map(|at| from + at + 1),
            Self::Utf16Le => (b'\n', true),
            Self::Utf16Be => (0, false),
        };
        let mut at = from & !1;
        loop {
            // Of both forms the line feed's byte is looked for, and then its place and its neighbour.
            let found = at + memchr::memchr(b'\n', bytes.get(at..)?)?;
            let start = found & !1;
            let whole = bytes.get(start..start + 2)?;
            if found.is_multiple_of(2) == even && whole == if even { [first, 0] } else { [first, b'\n'] } {
                return Some(start + 2);
            }
            at = start + 2;
        }
    }

    /// The line without its end.
    pub(crate) fn strip(self, line: &[u8]) -> &[u8] {
        let ends: [&[u8]; 2] = match self {
            Self::Byte => [b"\n", b"\r"],
            Self::Utf16Le => [b"\n\0", b"\r\0"],
            Self::Utf16Be => [b"\0\n", b"\0\r"],
        };
        let line = line.strip_suffix(ends[0]).unwrap_or(line);
        line.strip_suffix(ends[1]).unwrap_or(line)
    }
}

/// The text of a line, and whether bytes of it were none and stand as U+FFFD.
pub(crate) fn decode<'l>(encoding: &'static Encoding, line: &'l [u8]) -> (Cow<'l, str>, bool) {
    if encoding == UTF_8 {
        // Most of them are that. The library's way and the standard's for those that are not are slower.
        return match std::str::from_utf8(line) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (String::from_utf8_lossy(line), true),
        };
    }
    encoding.decode_without_bom_handling(line)
}

/// The file's first line without the mark of its character set.
pub(crate) fn without_mark<'l>(encoding: &'static Encoding, line: &'l [u8]) -> &'l [u8] {
    let mark: &[u8] = match LineEnd::of(encoding) {
        LineEnd::Utf16Le => b"\xFF\xFE",
        LineEnd::Utf16Be => b"\xFE\xFF",
        LineEnd::Byte if encoding == UTF_8 => b"\xEF\xBB\xBF",
        LineEnd::Byte => return line,
    };
    line.strip_prefix(mark).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    fn split(label: &str, bytes: &[u8]) -> Vec<String> {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let end = LineEnd::of(encoding);
        let (mut out, mut rest) = (Vec::new(), without_mark(encoding, bytes));
        while let Some(at) = end.next(rest, 0) {
            out.push(decode(encoding, end.strip(&rest[..at])).0.into_owned());
            rest = &rest[at..];
        }
        out.push(format!("+{}", rest.len()));
        out
    }

    #[test]
    fn lines_of_several_character_sets() {
        let text = "één\r\n二\u{0A0A}\u{0D0A}\n\nx";
        assert_eq!(split("utf-8", text.as_bytes()), ["één", "二\u{0A0A}\u{0D0A}", "", "+1"]);
        assert_eq!(
            split("utf-16le", &utf16(text, u16::to_le_bytes)),
            ["één", "二\u{0A0A}\u{0D0A}", "", "+2"]
        );
        assert_eq!(
            split("utf-16be", &utf16(text, u16::to_be_bytes)),
            ["één", "二\u{0A0A}\u{0D0A}", "", "+2"]
        );
        assert_eq!(split("utf-16", b"\xFF\xFEa\0\n\0"), ["a", "+0"]);
        assert_eq!(split("utf-8", b"\xEF\xBB\xBFa\n"), ["a", "+0"]);
        assert_eq!(split("windows-1252", b"caf\xe9\n"), ["café", "+0"]);
        assert_eq!(split("shift_jis", b"\x93\xfa\x96{\n"), ["日本", "+0"]);
        assert_eq!(split("utf-8", b"a\xffb\n"), ["a\u{FFFD}b", "+0"]);
    }

    proptest! {
        /// Half a line feed at the end, a place to begin within one: as if all had been looked at.
        #[test]
        fn from_any_place(text in "[ab\n\u{0A0A}\u{000A}\u{0A00}]{0,12}", cut in 0..3_usize, from in 0..30_usize) {
            for (end, order) in
                [(LineEnd::Utf16Le, u16::to_le_bytes as fn(u16) -> [u8; 2]), (LineEnd::Utf16Be, u16::to_be_bytes)]
            {
                let mut bytes = utf16(&text, order);
                bytes.truncate(bytes.len().saturating_sub(cut));
                let dull = (0..bytes.len() / 2)
                    .filter(|at| bytes[2 * at..2 * at + 2] == order(u16::from(b'\n')))
                    .map(|at| 2 * at + 2)
                    .find(|at| *at > from);
                prop_assert_eq!(end.next(&bytes, from), dull);
            }
        }
    }
}
