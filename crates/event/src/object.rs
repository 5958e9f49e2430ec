//! Named values in order.

use thin_vec::ThinVec;

use crate::{Key, Value, ValueRef};

/// Named values, in the order in which they were set. Events have some ten to thirty fields, where a linear search
/// over interned names beats hashing. One pointer, so that an object within an object is one allocation.
#[derive(Clone, Debug, Default)]
pub struct Object {
    entries: ThinVec<(Key, Value)>,
}

impl Object {
    /// An object with room for `capacity` fields.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: ThinVec::with_capacity(capacity) }
    }

    /// Makes room for `more` fields, so that the table grows once.
    pub fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
    }

    /// Sets a field; one that exists keeps its place.
    pub fn set(&mut self, key: Key, value: Value) {
        match self.entries.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Adds a field that is not there yet, which is not looked for: for those who know, as of an object that they just made.
    pub fn push(&mut self, key: Key, value: Value) {
        self.entries.push((key, value));
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under `key`, to change it in place.
    pub fn value_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.get_mut(key)
    }

    /// Takes the value under `key` out. One that is a part of an event's line is still bound to that event.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.remove(key)
    }

    /// An object of its own, read without an event; text that is a part of an event's line reads as empty.
    pub fn view(&self) -> ObjectRef<'_> {
        ObjectRef { line: "", object: self }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(k, _)| k.as_str() == key).map(|(_, v)| v)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.entries.iter_mut().find(|(k, _)| k.as_str() == key).map(|(_, v)| v)
    }

    /// The value under a key: quicker than by its name.
    #[inline]
    pub(crate) fn at(&self, key: &Key) -> Option<&Value> {
        self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, key: &Key) -> Option<&mut Value> {
        self.entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub(crate) fn remove_key(&mut self, key: &Key) -> Option<Value> {
        let at = self.entries.iter().position(|(k, _)| k == key)?;
        Some(self.entries.remove(at).1)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(k, _)| k.as_str() == key)?;
        Some(self.entries.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &(Key, Value)> {
        self.entries.iter()
    }

    pub(crate) fn detach(self, line: &str) -> Self {
        Self { entries: self.entries.into_iter().map(|(k, v)| (k, v.detach(line))).collect() }
    }

    /// The value under `key`, made (as null) when it is not there; and whether it was there.
    pub fn place(&mut self, key: &Key) -> (&mut Value, bool) {
        let (at, there) = match self.entries.iter().position(|(k, _)| k == key) {
            Some(at) => (at, true),
            None => {
                self.entries.push((key.clone(), Value::Null));
                (self.entries.len() - 1, false)
            }
        };
        (&mut self.entries[at].1, there)
    }

    /// The object under `key`, made (in place of anything that is not an object) when it is not there.
    pub fn child(&mut self, key: &Key) -> &mut Object {
        self.child_with(key, 0)
    }

    /// The same; one that is made has room for `capacity` fields.
    pub fn child_with(&mut self, key: &Key, capacity: usize) -> &mut Object {
        let slot = self.place(key).0;
        if !matches!(slot, Value::Object(_)) {
            *slot = Value::from(Object::with_capacity(capacity));
        }
        match slot {
            Value::Object(object) => object,
            // Set to an object two lines above.
            _ => unreachable!(),
        }
    }
}

impl IntoIterator for Object {
    type Item = (Key, Value);
    type IntoIter = thin_vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl FromIterator<(Key, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Key, Value)>>(entries: I) -> Self {
        let mut object = Self::default();
        for (key, value) in entries {
            object.set(key, value);
        }
        object
    }
}

/// An object as it is read.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRef<'a> {
    pub(crate) line: &'a str,
    pub(crate) object: &'a Object,
}

impl<'a> ObjectRef<'a> {
    /// The fields in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a Key, ValueRef<'a>)> {
        self.object.iter().map(move |(key, value)| (key, value.view(self.line)))
    }

    /// The value under a key: quicker than by its name.
    #[inline]
    pub fn at(self, key: &Key) -> Option<ValueRef<'a>> {
        self.object.at(key).map(|value| value.view(self.line))
    }

    /// The field `key`, if it is there.
    pub fn get(self, key: &str) -> Option<ValueRef<'a>> {
        self.object.get(key).map(|value| value.view(self.line))
    }

    /// How many fields.
    pub fn len(self) -> usize {
        self.object.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.object.is_empty()
    }
}
