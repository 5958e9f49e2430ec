//! A filter over all ids of an index: "certainly new" costs one cache line, "maybe known" a look into the segments.

/// Room of the first layer.
const FIRST: usize = 8192;
/// Layers that double; those after them do so every second time, as what is not filled yet is memory for nothing.
const SMALL: usize = 7;

/// A growing blocked Bloom filter: 16 bits an id, 24 in the small layers, where they are cheap. Every layer has its false alarms, of which each is looked
/// up in every segment: with 12 bits in all of them it was one id in fourteen of ten million, now it is one in a hundred.
pub(crate) struct IdFilter {
    layers: Vec<Layer>,
}

struct Layer {
    blocks: Vec<[u64; 8]>,
    room: usize,
}

impl Layer {
    /// The layer of this number.
    fn new(number: usize) -> Self {
        let (room, bits) = match number.checked_sub(SMALL) {
            None => (FIRST << number, 24),
            Some(beyond) => (FIRST << (SMALL + (beyond / 2).min(20)), 16),
        };
        Self { blocks: vec![[0; 8]; (room * bits).div_ceil(512)], room }
    }

    /// The block, and six bits within it, of a hash.
    fn place(&self, hash: u64) -> (usize, [usize; 6]) {
        let block = ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize;
        // The block comes from the high bits, the places within it from a remix of all.
        let mix = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (hash >> 29);
        (block, std::array::from_fn(|i| (mix >> (i * 9)) as usize & 511))
    }
}

impl IdFilter {
    pub(crate) fn new() -> Self {
        Self { layers: vec![Layer::new(0)] }
    }

    /// Takes an id by its [`crate::quick::id_key`].
    pub(crate) fn insert(&mut self, key: u128) {
        if self.layers.last().is_none_or(|layer| layer.room == 0) {
            self.layers.push(Layer::new(self.layers.len()));
        }
        let hash = key as u64;
        if let Some(layer) = self.layers.last_mut() {
            let (block, bits) = layer.place(hash);
            for bit in bits {
                layer.blocks[block][bit / 64] |= 1 << (bit % 64);
            }
            layer.room -= 1;
        }
    }

    /// Whether an id may have been taken.
    pub(crate) fn maybe(&self, key: u128) -> bool {
        let hash = key as u64;
        self.layers.iter().any(|layer| {
            let (block, bits) = layer.place(hash);
            bits.iter().all(|bit| layer.blocks[block][bit / 64] >> (bit % 64) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quick::id_key;

    #[test]
    fn never_misses_and_seldom_errs() {
        let mut filter = IdFilter::new();
        for n in 0..200_000u32 {
            filter.insert(id_key(&n.to_string()));
        }
        assert!((0..200_000u32).all(|n| filter.maybe(id_key(&n.to_string()))));
        let wrong = (200_000..300_000u32).filter(|n| filter.maybe(id_key(&n.to_string()))).count();
        assert!(wrong < 500, "{wrong} of 100,000");
    }
}
