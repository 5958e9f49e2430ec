//! A hash that is fast for small keys.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// A fast hash for small keys made by ourselves or bounded by a dictionary; not for text from outside.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.write_u64(xxhash_rust::xxh3::xxh3_64(bytes));
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_u128(&mut self, n: u128) {
        self.write_u64((n >> 64) as u64 ^ n as u64);
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A map with [`Quick`] hashing.
pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// A set with [`Quick`] hashing.
pub(crate) type QuickSet<K> = HashSet<K, BuildHasherDefault<Quick>>;

/// A number that stands for an id in memory. So many bits are never the same by chance, and as their seed is the process's own, nobody can look for
/// two ids that share one.
pub(crate) fn id_key(id: &str) -> u128 {
    static SEED: OnceLock<u64> = OnceLock::new();
    xxh3_128_with_seed(id.as_bytes(), *SEED.get_or_init(|| RandomState::new().hash_one(0)))
}
