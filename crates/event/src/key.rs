//! Field names, interned.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

/// How many distinct names are interned for the life of the process. Names come from outside (JSON keys), so the
/// table must not grow without end: past the cap a name is an ordinary shared string, slower but freed with its event.
const INTERN_CAP: usize = 65_536;

/// A longer name is never interned, for the same reason.
const INTERN_MAX_LEN: usize = 256;

/// The name of a field. Cloning costs nothing for interned names.
#[derive(Clone)]
pub struct Key(Repr);

/// The hash tells nearly all names apart at one comparison.
#[derive(Clone)]
enum Repr {
    Interned { hash: u32, plain: bool, name: &'static str },
    Shared { hash: u32, name: Arc<str> },
}

/// FNV-1a of 32 bits (Fowler, Noll, Vo), as it can be computed when the program is built.
const fn hash(name: &str) -> u32 {
    let (bytes, mut hash, mut at) = (name.as_bytes(), 0x811c_9dc5_u32, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// Whether JSON writes it as it is.
const fn is_plain(name: &str) -> bool {
    let (bytes, mut at) = (name.as_bytes(), 0);
    while at < bytes.len() {
        if bytes[at] < 0x20 || bytes[at] == b'"' || bytes[at] == b'\\' {
            return false;
        }
        at += 1;
    }
    true
}

static TABLE: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

thread_local! {
    /// Names this thread has met: the way of every line asks here, not at the shared table.
    static SEEN: RefCell<HashMap<&'static str, Key>> = RefCell::new(HashMap::new());
}

impl Key {
    /// The key for `name`.
    pub fn new(name: &str) -> Self {
        if name.len() > INTERN_MAX_LEN {
            return Self::shared(name);
        }
        SEEN.with_borrow_mut(|seen| {
            if let Some(known) = seen.get(name) {
                return known.clone();
            }
            let mut guard = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
            let table = guard.get_or_insert_default();
            let interned = match table.get(name) {
                Some(known) => *known,
                None if table.len() >= INTERN_CAP => return Self::shared(name),
                None => {
                    let leaked: &'static str = Box::leak(Box::from(name));
                    table.insert(leaked);
                    leaked
                }
            };
            let key = Self::from_static(interned);
            seen.insert(interned, key.clone());
            key
        })
    }

    /// The key for a name known when the program was built; no table is asked.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Repr::Interned { hash: hash(name), plain: is_plain(name), name })
    }

    fn shared(name: &str) -> Self {
        Self(Repr::Shared { hash: hash(name), name: Arc::from(name) })
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Interned { name, .. } => name,
            Repr::Shared { name, .. } => name,
        }
    }

    fn hash(&self) -> u32 {
        match self.0 {
            Repr::Interned { hash, .. } | Repr::Shared { hash, .. } => hash,
        }
    }

    /// Whether JSON writes the name as it is; false where that is not known.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.0, Repr::Interned { plain: true, .. })
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        if self.hash() != other.hash() {
            return false;
        }
        let (a, b) = (self.as_str(), other.as_str());
        // The same interned text has the same address, which is the common case on the way of a line.
        a.len() == b.len() && (std::ptr::eq(a.as_ptr(), b.as_ptr()) || a == b)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_the_same_text_in_every_thread() {
        let here = Key::new("a_name_of_this_test");
        let there = std::thread::spawn(|| Key::new("a_name_of_this_test")).join().unwrap();
        assert!(std::ptr::eq(here.as_str().as_ptr(), there.as_str().as_ptr()));
        assert_eq!(here, there);
    }

    #[test]
    fn a_very_long_name_is_not_kept_for_ever() {
        let long = "x".repeat(INTERN_MAX_LEN + 1);
        assert!(matches!(Key::new(&long).0, Repr::Shared { .. }));
        assert_eq!(Key::new(&long), Key::new(&long));
    }
}
