//! Sets of characters, written as the inside of a regular expression's class: `trim_value => "<>\[\],"`.

use std::borrow::Cow;

use alces_conf::Options;

use crate::{
    common::pattern,
    regex::{GaveUp, Pattern, Replacement},
};

/// ASCII characters, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AsciiSet(u128);

impl AsciiSet {
    /// The set that a class's inside means; `None` where it is more than single ASCII characters.
    pub(super) fn read(class: &str) -> Option<Self> {
        let mut set = 0_u128;
        let mut chars = class.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let c = match c {
                '\\' => match chars.next()? {
                    't' => '\t',
                    'n' => '\n',
                    'r' => '\r',
                    c if c.is_ascii_alphanumeric() => return None,
                    c => c,
                },
                '[' | ']' => return None,
                '^' if first => return None,
                '&' if chars.peek() == Some(&'&') => return None,
                // A range, but at either end it stands for itself.
                '-' if !first && chars.peek().is_some() => return None,
                c => c,
            };
            first = false;
            if !c.is_ascii() {
                return None;
            }
            set |= 1 << (c as u32);
        }
        Some(Self(set))
    }

    pub(super) fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has_char(self, c: char) -> bool {
        u8::try_from(c).is_ok_and(|byte| self.has(byte))
    }
}

/// Characters that are taken off a text: at its ends, or wherever they are.
#[derive(Clone, Debug)]
pub(super) enum Chars {
    Ends(AsciiSet, Pattern),
    Everywhere(AsciiSet),
    Pattern(Pattern),
}

pub(super) fn ends(options: &mut Options<'_>, name: &'static str) -> Option<Chars> {
    let class = options.text(name)?;
    let regex = pattern(options, &format!("^[{0}]+|[{0}]+$", class.node), &class.span)?;
    Some(match AsciiSet::read(&class.node) {
        Some(set) => Chars::Ends(set, regex),
        None => Chars::Pattern(regex),
    })
}

pub(super) fn everywhere(options: &mut Options<'_>, name: &'static str) -> Option<Chars> {
    let class = options.text(name)?;
    let regex = pattern(options, &format!("[{}]", class.node), &class.span)?;
    Some(AsciiSet::read(&class.node).map_or(Chars::Pattern(regex), Chars::Everywhere))
}

impl Chars {
    pub(super) fn without<'t>(&self, text: Cow<'t, str>) -> Result<Cow<'t, str>, GaveUp> {
        match self {
            // The ends of lines count, not only those of the text.
            Self::Ends(_, regex) if text.contains('\n') => without(regex, text),
            Self::Ends(set, _) => Ok(match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(|c| set.has_char(c))),
                Cow::Owned(text) => Cow::Owned(text.trim_matches(|c| set.has_char(c)).to_owned()),
            }),
            Self::Everywhere(set) => Ok(if text.bytes().any(|byte| set.has(byte)) {
                Cow::Owned(text.chars().filter(|c| !set.has_char(*c)).collect())
            } else {
                text
            }),
            Self::Pattern(regex) => without(regex, text),
        }
    }
}

fn without<'t>(regex: &Pattern, text: Cow<'t, str>) -> Result<Cow<'t, str>, GaveUp> {
    Ok(match regex.replace_all(&text, &Replacement::parse(""))? {
        Some(rest) => Cow::Owned(rest),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_single_characters() {
        let set = AsciiSet::read(r"<>\[\],\t-").unwrap();
        for c in "<>[],\t-".chars() {
            assert!(set.has_char(c), "{c}");
        }
        assert!(!set.has_char('a') && !set.has_char('\\') && !set.has_char('é'));
        for more in ["a-z", "^a", r"\w", "é", "[:alpha:]", "a&&b", "\\"] {
            assert_eq!(AsciiSet::read(more), None, "{more}");
        }
    }
}
