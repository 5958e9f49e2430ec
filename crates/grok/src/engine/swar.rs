//! Where a run of bytes ends, eight bytes at once.
//!
//! A number of ranges of ASCII are looked for in the eight bytes of a word: bytes of seven bits cannot carry into each other
//! when less than 0x80 is added, so that the high bit of each tells whether it reaches a bound (Lamport, "Multiple Byte
//! Processing with Full-Word Instructions", 1975).

use super::class::{ByteSet, Class};

/// So many ranges at most.
const MOST: usize = 4;

/// As many bytes of a long run are looked at together.
const LANES: usize = 32;

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// The bytes of a run, as ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// What must be added to a byte to reach 0x80 from the first of a range on.
    from: [u64; MOST],
    /// The same for the one behind the last.
    behind: [u64; MOST],
    /// The ranges: the first, and how many more.
    bounds: [(u8, u8); MOST],
    count: usize,
    /// The high bits to flip: all where the ranges are what the run does not hold.
    outside: u64,
    /// The high bits of bytes beyond ASCII, where the run holds them.
    wide: u64,
}

impl Ranges {
    /// For a class that holds all beyond ASCII or nothing of it; none where it would take too many ranges.
    pub(crate) fn of(class: &Class) -> Option<Self> {
        let wide = class.has_all_wide();
        if !class.is_bytewise() {
            return None;
        }
        let ascii = ByteSet::wide().complement();
        let inside = ranges(class.bytes().intersect(ascii));
        let outside = ranges(class.bytes().complement().intersect(ascii));
        let is_outside = outside.len() < inside.len();
        let chosen = if is_outside { outside } else { inside };
        let count = chosen.len();
        if count == 0 || count > MOST {
            return None;
        }
        let mut one = Self {
            from: [0; MOST],
            behind: [0; MOST],
            // The spare ones hold no byte of ASCII.
            bounds: [(0xff, 0); MOST],
            count,
            outside: if is_outside { HIGH } else { 0 },
            wide: if wide { HIGH } else { 0 },
        };
        for (at, (from, to)) in chosen.into_iter().enumerate() {
            one.from[at] = ONES * u64::from(0x80 - from);
            one.behind[at] = ONES * u64::from(0x7f - to);
            one.bounds[at] = (from, to - from);
        }
        Some(one)
    }

    /// Where the run that begins at `pos` ends.
    #[inline]
    pub(crate) fn end(&self, text: &[u8], pos: usize) -> usize {
        match self.count {
            1 => self.end_of::<1>(text, pos),
            2 => self.end_of::<2>(text, pos),
            _ => self.end_of::<MOST>(text, pos),
        }
    }

    #[inline]
    fn end_of<const COUNT: usize>(&self, text: &[u8], pos: usize) -> usize {
        // Most fields are short.
        let mut at = pos;
        if let Some(bytes) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
            let ends = self.ends::<COUNT>(u64::from_le_bytes(bytes));
            if ends != 0 {
                return at + ends.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        while let Some(bytes) = text.get(at..at + LANES).and_then(|bytes| bytes.try_into().ok())
            && self.all::<COUNT>(bytes)
        {
            at += LANES;
        }
        while let Some(bytes) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
            let ends = self.ends::<COUNT>(u64::from_le_bytes(bytes));
            if ends != 0 {
                return at + ends.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        for byte in text.get(at..).unwrap_or_default() {
            if self.ends::<COUNT>(u64::from(*byte)) & 0x80 != 0 {
                break;
            }
            at += 1;
        }
        at
    }

    /// Whether all of these bytes are of the run. Written so that the compiler takes many of them at once.
    #[inline]
    fn all<const COUNT: usize>(&self, bytes: &[u8; LANES]) -> bool {
        let (mut found, mut wide) = ([0_u8; LANES], 0);
        for at in 0..COUNT {
            let (from, last) = self.bounds[at];
            for (found, byte) in found.iter_mut().zip(bytes) {
                *found |= u8::from(byte.wrapping_sub(from) <= last);
            }
        }
        for byte in bytes {
            wide |= byte;
        }
        // Bytes beyond ASCII are looked at one word at a time.
        let found = if self.outside == 0 {
            found.iter().fold(1, |all, found| all & found)
        } else {
            1 - found.iter().fold(0, |any, found| any | found)
        };
        found == 1 && wide < 0x80
    }

    /// The high bit of each byte that is not of the run.
    #[inline]
    fn ends<const COUNT: usize>(&self, word: u64) -> u64 {
        let seven = word & !HIGH;
        let mut found = 0;
        for at in 0..COUNT {
            found |= (seven + self.from[at]) & !(seven + self.behind[at]);
        }
        let ascii = !word & HIGH;
        let run = ((found ^ self.outside) & ascii) | (word & self.wide);
        !run & HIGH
    }
}

fn ranges(set: ByteSet) -> Vec<(u8, u8)> {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for byte in set.iter() {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == byte => *to = byte,
            _ => ranges.push((byte, byte)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Byte by byte is the dull twin.
        #[test]
        fn ends_where_the_first_other_byte_stands(
            bounds in proptest::collection::vec((0_u8..0x80, 0_u8..0x80), 1..4),
            negated: bool,
            text in r"[\x00-\x7fé日]{0,40}",
            pos in 0_usize..10,
        ) {
            let chars: Vec<(char, char)> =
                bounds.iter().map(|(a, b)| (char::from(*a.min(b)), char::from(*a.max(b)))).collect();
            let class = if negated { Class::of(&chars).negate() } else { Class::of(&chars) };
            let Some(ranges) = Ranges::of(&class) else { return Ok(()) };
            let text = text.as_bytes();
            let pos = pos.min(text.len());
            let dull = text[pos..].iter().position(|b| !class.bytes().has(*b)).map_or(text.len(), |at| pos + at);
            prop_assert_eq!(ranges.end(text, pos), dull);
        }
    }

    #[test]
    fn digits_and_words_have_ranges() {
        assert!(Ranges::of(&Class::of(&[('0', '9')])).is_some());
        assert!(Ranges::of(&Class::ascii_word()).is_some());
        assert!(Ranges::of(&Class::of(&[('\t', '\r'), (' ', ' ')]).negate()).is_some());
    }
}
