//! Field names, interned.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use foldhash::fast::RandomState;

use crate::write_text;

/// How many distinct names are interned for the life of the process. Names come from outside (JSON keys), so the
/// table must not grow without end: past the cap a name is an ordinary shared string, slower but freed with its event.
const INTERN_CAP: usize = 65_536;

/// A longer name is never interned, for the same reason.
const INTERN_MAX_LEN: usize = 256;

/// The name of a field. Cloning costs nothing for interned names, and comparing two is comparing two addresses.
#[derive(Clone)]
pub struct Key(Repr);

#[derive(Clone)]
enum Repr {
    /// The only [`Name`] of that text in the process, so that another one is another text.
    Interned(&'static Name),
    Shared(Arc<Name>),
}

/// In one line of a processor's cache.
#[repr(align(64))]
struct Name {
    text: Box<str>,
    member: Member,
}

/// `,"name":`, escaped: how a member of a JSON object begins.
pub(crate) struct Member {
    whole: Box<[u8]>,
    /// The same where it fits, padded.
    short: [u8; SHORT],
}

impl Member {
    pub(crate) fn whole(&self) -> &[u8] {
        &self.whole
    }

    /// The same as a block, and how many bytes of it are meant. None where it is longer.
    #[inline]
    pub(crate) fn short(&self) -> Option<(&[u8; SHORT], usize)> {
        (self.whole.len() <= SHORT).then_some((&self.short, self.whole.len()))
    }
}

/// Copying so many bytes at once costs less than asking how many there are.
pub(crate) const SHORT: usize = 32;

impl Name {
    fn new(text: &str) -> Self {
        let mut member = vec![b','];
        write_text(text, &mut member);
        member.push(b':');
        let mut short = [0; SHORT];
        if let Some(room) = short.get_mut(..member.len()) {
            room.copy_from_slice(&member);
        }
        Self { text: text.into(), member: Member { whole: member.into(), short } }
    }
}

static TABLE: Mutex<Option<HashMap<&'static str, &'static Name>>> = Mutex::new(None);

thread_local! {
    /// Names this thread has met: the way of every line asks here, not at the shared table.
    /// Its hash is quick, and another one in each process.
    static SEEN: RefCell<HashMap<&'static str, &'static Name, RandomState>> = RefCell::default();
}

impl Key {
    /// The key for `name`.
    pub fn new(name: &str) -> Self {
        if name.len() > INTERN_MAX_LEN {
            return Self::shared(name);
        }
        SEEN.with_borrow_mut(|seen| {
            if let Some(known) = seen.get(name) {
                return Self(Repr::Interned(known));
            }
            let mut guard = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
            let table = guard.get_or_insert_default();
            let interned: &'static Name = match table.get(name) {
                Some(known) => known,
                None if table.len() >= INTERN_CAP => return Self::shared(name),
                None => {
                    let leaked: &'static Name = Box::leak(Box::new(Name::new(name)));
                    table.insert(&leaked.text, leaked);
                    leaked
                }
            };
            seen.insert(&interned.text, interned);
            Self(Repr::Interned(interned))
        })
    }

    fn shared(name: &str) -> Self {
        Self(Repr::Shared(Arc::new(Name::new(name))))
    }

    fn name(&self) -> &Name {
        match &self.0 {
            Repr::Interned(name) => name,
            Repr::Shared(name) => name,
        }
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.name().text
    }

    /// How a member of that name begins in JSON, with the comma before it.
    #[inline]
    pub(crate) fn member(&self) -> &Member {
        &self.name().member
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Interned(a), Repr::Interned(b)) => std::ptr::eq(*a, *b),
            _ => self.as_str() == other.as_str(),
        }
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
