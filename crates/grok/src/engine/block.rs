//! Sixteen bytes at once: which of them lie in a range.

use wide::u8x16;

/// As many bytes are looked at together.
pub(super) const LANES: usize = 16;

/// Sixteen bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block(u8x16);

/// The bytes from one to another, made ready to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    from: u8x16,
    /// How many more than the first.
    more: u8x16,
}

impl Range {
    pub(super) const fn new(from: u8, to: u8) -> Self {
        Self { from: u8x16::new([from; LANES]), more: u8x16::new([to.saturating_sub(from); LANES]) }
    }
}

impl Block {
    /// The bytes from `pos` on, where there are so many.
    #[inline]
    pub(super) fn load(text: &[u8], pos: usize) -> Option<Self> {
        Some(Self(u8x16::new(*text.get(pos..)?.first_chunk()?)))
    }

    /// A bit for each byte, the lowest for the first: whether it lies in the range.
    #[inline]
    pub(super) fn within(self, range: &Range) -> u32 {
        let above = self.0 - range.from;
        above.min(range.more).simd_eq(above).to_bitmask()
    }

    /// A bit for each byte of 0x80 and above.
    #[inline]
    pub(super) fn high(self) -> u32 {
        self.0.to_bitmask()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_same_as_byte_by_byte(bytes: [u8; 16], one: u8, other: u8) {
            let (from, to) = (one.min(other), one.max(other));
            let block = Block::load(&bytes, 0).unwrap();
            let mask = |holds: &dyn Fn(u8) -> bool| {
                bytes.iter().enumerate().map(|(at, byte)| u32::from(holds(*byte)) << at).sum::<u32>()
            };
            prop_assert_eq!(block.within(&Range::new(from, to)), mask(&|byte| (from..=to).contains(&byte)));
            prop_assert_eq!(block.high(), mask(&|byte| byte >= 0x80));
        }
    }
}
