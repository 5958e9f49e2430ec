//! Character sets by Ruby's names for them.

use alces_conf::Options;
use encoding_rs::Encoding;

use crate::inspect::escape;

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// What is not UTF-8 is shown as Ruby shows it: `\xE4`.
    Utf8,
    /// 7 bits, and no letter for anything above.
    Ascii,
    /// ISO-8859-1 as it is written: encoding_rs reads that name as Windows-1252, which has letters where this has controls.
    Latin1,
    /// One that encoding_rs knows.
    Other(&'static Encoding),
}

impl Charset {
    /// The character set that Ruby calls so, whatever the case of the letters.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "CP65001" => Self::Utf8,
            "US-ASCII" | "ASCII" | "ASCII-8BIT" | "BINARY" | "ANSI_X3.4-1968" | "646" => Self::Ascii,
            "ISO-8859-1" | "ISO8859-1" => Self::Latin1,
            "CP932" | "WINDOWS-31J" | "SJIS" => Self::Other(encoding_rs::SHIFT_JIS),
            "CP949" => Self::Other(encoding_rs::EUC_KR),
            "CP936" => Self::Other(encoding_rs::GBK),
            "CP878" => Self::Other(encoding_rs::KOI8_R),
            "EUCJP" => Self::Other(encoding_rs::EUC_JP),
            _ => Self::Other(Encoding::for_label(name.as_bytes())?),
        })
    }

    /// The text of bytes; what is no letter is replaced.
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => {
                    let mut out = String::new();
                    escape(&mut out, bytes);
                    out
                }
            },
            Self::Ascii => bytes
                .iter()
                .map(|byte| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER })
                .collect(),
            Self::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Self::Other(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }
}

/// Reads `charset`; UTF-8 where it is not given.
pub fn charset_option(options: &mut Options<'_>) -> Option<Charset> {
    let Some(name) = options.text("charset") else { return Some(Charset::Utf8) };
    let charset = Charset::named(&name.node);
    if charset.is_none() {
        options.error_with_help(
            &name.span,
            format!("`{}` is not a character set that is known", name.node),
            "write its name as in `UTF-8`, `ISO-8859-1`, `CP1252` or `Shift_JIS`",
        );
    }
    charset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, bytes: &[u8]) -> String {
        Charset::named(name).unwrap().decode(bytes)
    }

    #[test]
    fn letters_of_each() {
        assert_eq!(check("utf-8", "ä".as_bytes()), "ä");
        assert_eq!(check("UTF-8", b"a\xe4\"\n"), r#"a\xE4\"\n"#);
        assert_eq!(check("ISO-8859-1", b"\xe4\x80"), "ä\u{80}");
        assert_eq!(check("CP1252", b"\xe4\x80"), "ä€");
        assert_eq!(check("Windows-1251", b"\xff"), "я");
        assert_eq!(check("US-ASCII", b"a\xe4"), "a\u{fffd}");
        assert_eq!(check("UTF-16LE", b"a\0"), "a");
        assert_eq!(check("Windows-31J", b"\x82\xa0"), "あ");
        assert_eq!(Charset::named("klingon"), None);
    }
}
