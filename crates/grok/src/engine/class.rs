//! Sets of characters, and sets of bytes.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Any set of characters: a bit for each ASCII one, and sorted ranges for the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Class {
    ascii: u128,
    /// Inclusive, sorted, apart from each other, all from 0x80 on.
    wide: Vec<(u32, u32)>,
}

const LAST: u32 = char::MAX as u32;

impl Class {
    pub(crate) fn any() -> Self {
        Self { ascii: u128::MAX, wide: vec![(0x80, LAST)] }
    }

    pub(crate) fn of(ranges: &[(char, char)]) -> Self {
        let mut class = Self::default();
        ranges.iter().for_each(|(from, to)| class.add(*from, *to));
        class
    }

    pub(crate) fn add(&mut self, from: char, to: char) {
        let (from, to) = (from as u32, to as u32);
        for c in from..=to.min(0x7f) {
            self.ascii |= 1 << c;
        }
        if to >= 0x80 && from <= to {
            self.wide.push((from.max(0x80), to));
            self.normalise();
        }
    }

    fn normalise(&mut self) {
        self.wide.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(self.wide.len());
        for (from, to) in self.wide.drain(..) {
            match merged.last_mut() {
                Some((_, end)) if from <= end.saturating_add(1) => *end = (*end).max(to),
                _ => merged.push((from, to)),
            }
        }
        self.wide = merged;
    }

    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.ascii |= other.ascii;
        self.wide.extend(&other.wide);
        self.normalise();
        self
    }

    pub(crate) fn negate(&self) -> Self {
        let mut wide = Vec::new();
        let mut next = 0x80;
        for (from, to) in &self.wide {
            if next < *from {
                wide.push((next, from - 1));
            }
            next = to + 1;
        }
        if next <= LAST {
            wide.push((next, LAST));
        }
        Self { ascii: !self.ascii, wide }
    }

    pub(crate) fn intersect(&self, other: &Self) -> Self {
        self.negate().union(&other.negate()).negate()
    }

    /// `[0-9A-Za-z_]`
    pub(crate) fn ascii_word() -> Self {
        Self::of(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
    }

    /// With the other case of each character.
    pub(crate) fn fold(&self) -> Self {
        let mut folded = self.clone();
        for c in (0..0x80_u8).filter(|c| self.ascii >> c & 1 == 1) {
            folded.ascii |= 1 << c.to_ascii_lowercase() | 1 << c.to_ascii_uppercase();
        }
        // Large sets (negated ones) hold both cases already.
        for (from, to) in self.wide.iter().filter(|(from, to)| to - from < 0x1000) {
            for c in (*from..=*to).filter_map(char::from_u32) {
                let (mut lower, mut upper) = (c.to_lowercase(), c.to_uppercase());
                for other in [(lower.next(), lower.next()), (upper.next(), upper.next())] {
                    match other {
                        (Some(other), None) if other.is_ascii() => folded.ascii |= 1 << (other as u32),
                        (Some(other), None) => folded.wide.push((other as u32, other as u32)),
                        _ => {}
                    }
                }
            }
        }
        // Once, as there may be many.
        folded.normalise();
        folded
    }

    pub(crate) fn is_ascii_subset_of(&self, other: &Self) -> bool {
        self.wide.is_empty() && self.ascii & !other.ascii == 0
    }

    /// The one character of the set, if it has just one.
    pub(crate) fn single(&self) -> Option<char> {
        match (self.ascii.count_ones(), &self.wide[..]) {
            (1, []) => Some(self.ascii.trailing_zeros() as u8 as char),
            (0, [(from, to)]) if from == to => char::from_u32(*from),
            _ => None,
        }
    }

    /// The length of the character at the front of `rest` if it is in the set, else 0.
    #[inline]
    pub(crate) fn matches(&self, rest: &[u8]) -> usize {
        match rest.first() {
            None => 0,
            Some(&byte) if byte < 0x80 => usize::from(self.ascii >> byte & 1 == 1),
            Some(_) => self.matches_wide(rest),
        }
    }

    fn matches_wide(&self, rest: &[u8]) -> usize {
        let (c, len) = decode(rest);
        let found = self.wide.binary_search_by(|(from, to)| {
            if c < *from {
                std::cmp::Ordering::Greater
            } else if c > *to {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Equal
            }
        });
        if found.is_ok() { len } else { 0 }
    }

    /// Whether bytes alone tell what is in it: all characters beyond ASCII are, or none is.
    pub(crate) fn is_bytewise(&self) -> bool {
        self.wide.is_empty() || self.has_all_wide()
    }

    pub(crate) fn has_all_wide(&self) -> bool {
        self.wide == [(0x80, LAST)]
    }

    /// The bytes of which each character that begins with one is in the set.
    pub(crate) fn certain_bytes(&self) -> ByteSet {
        if self.has_all_wide() { self.bytes() } else { self.bytes().intersect(ByteSet::wide().complement()) }
    }

    /// The bytes that its characters can hold; of those beyond ASCII, all leading and following bytes.
    pub(crate) fn bytes(&self) -> ByteSet {
        let mut set = ByteSet::default();
        set.0[0] = self.ascii as u64;
        set.0[1] = (self.ascii >> 64) as u64;
        if !self.wide.is_empty() {
            (set.0[2], set.0[3]) = (u64::MAX, u64::MAX);
        }
        set
    }
}

/// The character at the front of valid UTF-8, and its length.
pub(crate) fn decode(rest: &[u8]) -> (u32, usize) {
    let at = |i: usize| u32::from(rest.get(i).copied().unwrap_or(0) & 0x3f);
    match rest.first().copied().unwrap_or(0) {
        b @ 0..0x80 => (u32::from(b), 1),
        b @ 0x80..0xe0 => (u32::from(b & 0x1f) << 6 | at(1), 2),
        b @ 0xe0..0xf0 => (u32::from(b & 0x0f) << 12 | at(1) << 6 | at(2), 3),
        b => (u32::from(b & 0x07) << 18 | at(1) << 12 | at(2) << 6 | at(3), 4),
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(crate) const NONE: Self = Self([0; 4]);

    pub(crate) fn of(byte: u8) -> Self {
        let mut set = Self::default();
        set.0[usize::from(byte >> 6)] = 1 << (byte & 63);
        set
    }

    /// All bytes of characters beyond ASCII.
    pub(crate) fn wide() -> Self {
        Self([0, 0, u64::MAX, u64::MAX])
    }

    pub(crate) fn complement(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    pub(crate) fn intersect(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        self
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.intersect(other.complement()) == Self::NONE
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|bits| bits.count_ones()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=255).filter(|byte| self.has(*byte))
    }

    #[inline]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    pub(crate) fn union(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        self
    }

    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a & b == 0)
    }
}

/// A POSIX bracket or `\p{…}` by name; Unicode, as in Ruby for UTF-8 text.
pub(crate) fn named(name: &str) -> Option<Class> {
    // Each is found out once: a walk over all characters takes some milliseconds.
    static KNOWN: LazyLock<Mutex<HashMap<String, Option<Class>>>> = LazyLock::new(Mutex::default);
    let name = name.to_ascii_lowercase();
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(name).or_insert_with_key(|name| find(name)).clone()
}

fn find(name: &str) -> Option<Class> {
    let of = |predicate: fn(char) -> bool| {
        let mut class = Class::default();
        let mut start = None;
        for c in '\0'..=char::MAX {
            match (predicate(c), start) {
                (true, None) => start = Some(c),
                (false, Some(from)) => {
                    // The character before `c`, over the surrogates' gap.
                    let before = if c == '\u{e000}' { '\u{d7ff}' } else { char::from_u32(c as u32 - 1)? };
                    class.add(from, before);
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            class.add(from, char::MAX);
        }
        Some(class)
    };
    match name {
        "alpha" => of(char::is_alphabetic),
        "digit" => of(|c| c.is_ascii_digit() || is_wide_digit(c)),
        "alnum" => of(|c| c.is_alphabetic() || c.is_ascii_digit() || is_wide_digit(c)),
        "upper" => of(char::is_uppercase),
        "lower" => of(char::is_lowercase),
        "space" => of(char::is_whitespace),
        "cntrl" => of(char::is_control),
        "blank" => {
            of(|c| c == '\t' || (c.is_whitespace() && !c.is_control() && c != '\u{2028}' && c != '\u{2029}'))
        }
        "xdigit" => of(|c| c.is_ascii_hexdigit()),
        "word" => of(is_word),
        "ascii" => of(|c| c.is_ascii()),
        // These want tables that the standard library has not.
        "punct" | "graph" | "print" => None,
        _ => None,
    }
}

/// Digits beyond ASCII: numeric and not alphabetic, letters and fractions left out as far as the standard library tells.
fn is_wide_digit(c: char) -> bool {
    !c.is_ascii() && c.is_numeric() && !c.is_alphabetic() && is_decimal_block(c)
}

/// The first digits of the blocks of decimal digits (Unicode's Nd) that text is likely to hold.
fn is_decimal_block(c: char) -> bool {
    const ZEROS: [u32; 37] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
        0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
        0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0,
    ];
    ZEROS.iter().any(|zero| (*zero..zero + 10).contains(&(c as u32)))
}

/// A word character for `\b`, which is Unicode in Ruby.
pub(crate) fn is_word(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { c.is_alphanumeric() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let class = Class::of(&[('a', 'c'), ('é', 'é')]);
        assert_eq!((class.matches(b"b"), class.matches("é".as_bytes()), class.matches(b"d")), (1, 2, 0));
        let not = class.negate();
        assert_eq!((not.matches(b"b"), not.matches("è".as_bytes()), not.matches(b"")), (0, 2, 0));
        assert_eq!(not.negate(), class);
        assert_eq!(Class::of(&[('a', 'z')]).intersect(&class), Class::of(&[('a', 'c')]));
        assert_eq!(Class::of(&[('k', 'k')]).fold().matches(b"K"), 1);
        assert!(class.bytes().has(b'a') && class.bytes().has(0xc3) && !class.bytes().has(b'd'));
    }
}
