//! Field names, interned.

use std::{
    cell::RefCell,
    collections::HashSet,
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

#[derive(Clone)]
enum Repr {
    Interned(&'static str),
    Shared(Arc<str>),
}

static TABLE: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

thread_local! {
    /// Names this thread has met: the way of every line asks here, not at the shared table.
    static SEEN: RefCell<HashSet<&'static str>> = RefCell::new(HashSet::new());
}

impl Key {
    /// The key for `name`.
    pub fn new(name: &str) -> Self {
        if name.len() > INTERN_MAX_LEN {
            return Self(Repr::Shared(Arc::from(name)));
        }
        SEEN.with_borrow_mut(|seen| {
            if let Some(known) = seen.get(name) {
                return Self(Repr::Interned(known));
            }
            let mut guard = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
            let table = guard.get_or_insert_default();
            let interned = match table.get(name) {
                Some(known) => *known,
                None if table.len() >= INTERN_CAP => return Self(Repr::Shared(Arc::from(name))),
                None => {
                    let leaked: &'static str = Box::leak(Box::from(name));
                    table.insert(leaked);
                    leaked
                }
            };
            seen.insert(interned);
            Self(Repr::Interned(interned))
        })
    }

    /// The key for a name known when the program was built; no table is asked.
    pub const fn from_static(name: &'static str) -> Self {
        Self(Repr::Interned(name))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Interned(name) => name,
            Repr::Shared(name) => name,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
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
        assert!(matches!(Key::new(&long).0, Repr::Shared(_)));
        assert_eq!(Key::new(&long), Key::new(&long));
    }
}
