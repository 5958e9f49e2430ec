//! Where a run of bytes ends, sixteen bytes at once.

use super::{
    block::{Block, LANES, Range},
    class::{ByteSet, Class},
};

/// So many ranges at most.
const MOST: usize = 4;

/// The bytes of a run, as ranges of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// The spare ones are the first again.
    ranges: [Range; MOST],
    count: usize,
    /// All bits where the ranges are what the run does not hold, to flip.
    outside: u32,
    /// All bits where the run holds what is beyond ASCII.
    wide: u32,
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
        let (first, count) = (*chosen.first()?, chosen.len());
        if count > MOST {
            return None;
        }
        let mut ranges = [first; MOST];
        ranges.iter_mut().zip(chosen).for_each(|(to, from)| *to = from);
        let bits = |set: bool| if set { u32::MAX } else { 0 };
        Some(Self {
            ranges: ranges.map(|(from, to)| Range::new(from, to)),
            count,
            outside: bits(is_outside),
            wide: bits(wide),
        })
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
        let mut at = pos;
        while let Some(block) = Block::load(text, at) {
            let ends = self.ends::<COUNT>(block);
            if ends != 0 {
                return at + ends.trailing_zeros() as usize;
            }
            at += LANES;
        }
        // The last bytes of the text, with some that were looked at before.
        if let Some(start) = text.len().checked_sub(LANES)
            && let Some(block) = Block::load(text, start)
        {
            let ends = self.ends::<COUNT>(block) >> (at - start).min(LANES);
            return if ends == 0 { text.len() } else { at + ends.trailing_zeros() as usize };
        }
        let mut short = [0; LANES];
        let rest = text.get(at..).unwrap_or_default();
        short.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        match Block::load(&short, 0) {
            Some(block) => at + rest.len().min(self.ends::<COUNT>(block).trailing_zeros() as usize),
            None => at,
        }
    }

    /// A bit for each byte that is not of the run.
    #[inline]
    fn ends<const COUNT: usize>(&self, block: Block) -> u32 {
        let found = self.ranges[..COUNT].iter().fold(0, |found, range| found | block.within(range));
        let high = block.high();
        let run = ((found ^ self.outside) & !high) | (high & self.wide);
        !run & 0xffff
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
