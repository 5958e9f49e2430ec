//! Buckets: numbered as they appear, found again by parent and key.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What tells a bucket from its neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Int(i64),
    /// The bits of a float.
    Float(u64),
    Text(Arc<str>),
    /// A document without a value, in a composite.
    Null,
    /// The keys of a composite's sources.
    Many(Arc<[Key]>),
}

impl Key {
    pub(crate) fn float(&self) -> f64 {
        match self {
            Self::Int(n) => *n as f64,
            Self::Float(bits) => f64::from_bits(*bits),
            Self::Text(_) | Self::Null | Self::Many(_) => f64::NAN,
        }
    }
}

impl Key {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes beside its own.
    fn memory(&self) -> usize {
        match self {
            Self::Int(_) | Self::Float(_) | Self::Null => 0,
            // With the counters of what is shared.
            Self::Text(text) => text.len() + 16,
            Self::Many(keys) => 16 + keys.iter().map(|key| size_of::<Self>() + key.memory()).sum::<usize>(),
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Many(a), Self::Many(b)) => a.cmp(b),
            (Self::Null, Self::Null) => std::cmp::Ordering::Equal,
            (Self::Null, _) => std::cmp::Ordering::Less,
            (_, Self::Null) => std::cmp::Ordering::Greater,
            (Self::Text(_), _) => std::cmp::Ordering::Greater,
            (_, Self::Text(_)) => std::cmp::Ordering::Less,
            (a, b) => a.float().total_cmp(&b.float()),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Whole numbers whose buckets are found without asking the map.
const NEAR: usize = 512;

/// All buckets of one aggregation, under all its parents.
#[derive(Debug, Default)]
pub(crate) struct Table {
    places: HashMap<(u32, Key), u32>,
    /// Parent and key by bucket number.
    pub(crate) keys: Vec<(u32, Key)>,
    pub(crate) counts: Vec<u64>,
    /// The bucket asked for last: neighbours in time mostly share one.
    last: Option<(u32, i64, u32)>,
    /// Buckets asked for not long ago, by parent and key.
    near: Vec<Option<(u32, i64, u32)>>,
    /// Bytes that the keys have beside their own.
    texts: usize,
    /// Numbers of the buckets in the order of their parents, once that is asked for.
    by_parent: OnceCell<Vec<u32>>,
}

impl Table {
    pub(crate) fn bucket(&mut self, parent: u32, key: Key) -> u32 {
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        *self.places.entry((parent, key)).or_insert_with_key(|(_, key)| {
            self.by_parent.take();
            self.texts += key.memory();
            self.keys.push((parent, key.clone()));
            self.counts.push(0);
            next
        })
    }

    pub(crate) fn int(&mut self, parent: u32, key: i64) -> u32 {
        if let Some((p, k, bucket)) = self.last
            && (p, k) == (parent, key)
        {
            return bucket;
        }
        if self.near.is_empty() {
            self.near = vec![None; NEAR];
        }
        let mixed =
            (key.cast_unsigned() ^ u64::from(parent).rotate_left(40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = (mixed >> (u64::BITS - NEAR.ilog2())) as usize;
        if let Some((p, k, bucket)) = self.near[place]
            && (p, k) == (parent, key)
        {
            self.last = self.near[place];
            return bucket;
        }
        let bucket = self.bucket(parent, Key::Int(key));
        self.last = Some((parent, key, bucket));
        self.near[place] = self.last;
        bucket
    }

    pub(crate) fn find(&self, parent: u32, key: &Key) -> Option<u32> {
        self.places.get(&(parent, key.clone())).copied()
    }

    /// Buckets of one parent.
    pub(crate) fn of(&self, parent: u32) -> Vec<(Key, u32)> {
        // Not by looking at all buckets for each parent: there may be many of both.
        let sorted = self.by_parent.get_or_init(|| {
            let mut all: Vec<u32> = (0..).take(self.keys.len()).collect();
            all.sort_by_key(|at| self.keys[*at as usize].0);
            all
        });
        let first = sorted.partition_point(|at| self.keys[*at as usize].0 < parent);
        let own = sorted[first..].iter().map(|at| (&self.keys[*at as usize], *at));
        own.take_while(|((p, _), _)| *p == parent).map(|((_, key), at)| (key.clone(), at)).collect()
    }

    /// About how many bytes the buckets take.
    pub(crate) fn memory(&self) -> usize {
        // A key twice, a count, two numbers, and what is empty of the map.
        self.keys.len() * (size_of::<(u32, Key)>() * 5 / 2 + 24) + self.texts
    }
}
