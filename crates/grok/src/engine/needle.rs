//! A literal that is looked for.

use memchr::{memchr, memmem, memrchr};

/// Longer ones have a better way than by their rarest byte.
const SHORT: usize = 8;

/// A literal that is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    bytes: Box<[u8]>,
    /// The byte that is looked for first, and where in the literal it stands.
    rare: u8,
    offset: usize,
    long: Option<Box<Long>>,
}

#[derive(Clone, Debug)]
struct Long {
    forward: memmem::Finder<'static>,
    backward: memmem::FinderRev<'static>,
}

impl Needle {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let rarest = bytes.iter().enumerate().max_by_key(|(_, byte)| rareness(**byte));
        let (offset, rare) = rarest.map_or((0, 0), |(at, byte)| (at, *byte));
        let long = (bytes.len() > SHORT || bytes.is_empty()).then(|| {
            Box::new(Long {
                forward: memmem::Finder::new(bytes).into_owned(),
                backward: memmem::FinderRev::new(bytes).into_owned(),
            })
        });
        Self { bytes: bytes.into(), rare, offset, long }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first place where it stands.
    #[inline]
    pub(crate) fn find(&self, text: &[u8]) -> Option<usize> {
        if let Some(long) = &self.long {
            return long.forward.find(text);
        }
        let mut from = self.offset;
        loop {
            let at = memchr(self.rare, text.get(from..)?)? + from;
            let start = at - self.offset;
            if text[start..].starts_with(&self.bytes) {
                return Some(start);
            }
            from = at + 1;
        }
    }

    /// The last place where it stands.
    pub(crate) fn rfind(&self, text: &[u8]) -> Option<usize> {
        if let Some(long) = &self.long {
            return long.backward.rfind(text);
        }
        let mut end = text.len();
        loop {
            let at = memrchr(self.rare, &text[..end])?;
            if at >= self.offset && text[at - self.offset..].starts_with(&self.bytes) {
                return Some(at - self.offset);
            }
            end = at;
        }
    }
}

/// How rare a byte is in logs; more is rarer.
pub(crate) fn rareness(byte: u8) -> u32 {
    match byte {
        b' ' => 1,
        b'a'..=b'z' | b'0'..=b'9' | b':' | b'.' | b'-' | b'/' | b',' => 3,
        b'"' => 4,
        b'A'..=b'Z' | b'[' | b']' | b'=' | b'_' | b'(' | b')' => 5,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_the_slow_way_finds(bytes in "[ab\" ]{1,10}", text in "[ab\" ]{0,60}") {
            let needle = Needle::new(bytes.as_bytes());
            prop_assert_eq!(needle.find(text.as_bytes()), text.find(&bytes));
            prop_assert_eq!(needle.rfind(text.as_bytes()), text.rfind(&bytes));
        }
    }
}
