//! Named values in order.

use std::collections::HashMap;

use thin_vec::ThinVec;

use crate::{Key, Value, ValueRef};

/// Named values, in the order in which they were set. Events have some ten to thirty fields, where a linear search
/// over interned names beats hashing. Two pointers, so that an object within an object is one allocation.
#[derive(Debug, Default)]
pub struct Object {
    entries: ThinVec<(Key, Value)>,
    /// Where each name stands, once there are more than [`SEARCHED`]: a row of a hundred thousand columns is no reason to stand
    /// still. None while it is not needed; where it is there, it tells of all.
    places: Option<Box<Places>>,
}

/// In a box: an object stays small.
#[derive(Debug)]
struct Places(HashMap<Key, usize>);

/// So many fields are searched one after the other.
const SEARCHED: usize = 128;

/// A copy finds its places when they are needed.
impl Clone for Object {
    fn clone(&self) -> Self {
        Self::of(self.entries.clone())
    }
}

impl Object {
    /// An object with room for `capacity` fields.
    #[inline]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::of(ThinVec::with_capacity(capacity))
    }

    #[inline]
    fn of(entries: ThinVec<(Key, Value)>) -> Self {
        Self { entries, places: None }
    }

    /// Where a field stands.
    #[inline]
    fn position(&self, key: &Key) -> Option<usize> {
        match &self.places {
            None => self.entries.iter().position(|(k, _)| k == key),
            Some(places) => places.0.get(key).copied(),
        }
    }

    /// The same for those who may add one.
    #[inline]
    fn position_to_add(&mut self, key: &Key) -> Option<usize> {
        if self.entries.len() > SEARCHED && self.places.is_none() {
            self.find_places();
        }
        self.position(key)
    }

    #[cold]
    fn find_places(&mut self) {
        // Of two of one name the first counts, as when searched.
        let places = self.entries.iter().enumerate().rev().map(|(at, (key, _))| (key.clone(), at));
        self.places = Some(Box::new(Places(places.collect())));
    }

    fn remove_at(&mut self, at: usize) -> Value {
        let (key, value) = self.entries.remove(at);
        if let Some(places) = &mut self.places {
            places.0.remove(&key);
            if at < self.entries.len() {
                places.0.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
            }
        }
        value
    }

    /// Makes room for `more` fields, so that the table grows once.
    pub fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
    }

    /// Sets a field; one that exists keeps its place.
    #[inline]
    pub fn set(&mut self, key: Key, value: Value) {
        match self.position_to_add(&key) {
            Some(at) => self.entries[at].1 = value,
            None => self.push(key, value),
        }
    }

    /// Adds a field that is not there yet, which is not looked for: for those who know, as of an object that they just made.
    #[inline]
    pub fn push(&mut self, key: Key, value: Value) {
        if self.places.is_some() {
            self.add_place(&key);
        }
        self.entries.push((key, value));
    }

    #[cold]
    fn add_place(&mut self, key: &Key) {
        if let Some(places) = &mut self.places {
            places.0.insert(key.clone(), self.entries.len());
        }
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
        match &self.places {
            None => self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            Some(places) => self.entries.get(*places.0.get(key)?).map(|(_, v)| v),
        }
    }

    /// The same, to change it in place.
    #[inline]
    pub fn at_mut(&mut self, key: &Key) -> Option<&mut Value> {
        match &self.places {
            None => self.entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v),
            Some(places) => self.entries.get_mut(*places.0.get(key)?).map(|(_, v)| v),
        }
    }

    pub(crate) fn remove_key(&mut self, key: &Key) -> Option<Value> {
        let at = self.position(key)?;
        Some(self.remove_at(at))
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(k, _)| k.as_str() == key)?;
        Some(self.remove_at(at))
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &(Key, Value)> {
        self.entries.iter()
    }

    pub(crate) fn detach(self, line: &str) -> Self {
        Self::of(self.entries.into_iter().map(|(k, v)| (k, v.detach(line))).collect())
    }

    /// The value under `key`, made (as null) when it is not there; and whether it was there.
    #[inline]
    pub fn place(&mut self, key: &Key) -> (&mut Value, bool) {
        let (at, there) = match self.position_to_add(key) {
            Some(at) => (at, true),
            None => {
                self.push(key.clone(), Value::Null);
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
    #[inline]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn value(object: &Object, key: &str) -> Option<i64> {
        object.view().at(&Key::new(key)).and_then(ValueRef::as_int)
    }

    #[test]
    fn a_hundred_thousand_fields_are_found_by_their_names() {
        let names: Vec<Key> = (0..100_000).map(|n| Key::new(&format!("wide_{n}"))).collect();
        let mut object = Object::default();
        for (n, name) in names.iter().enumerate() {
            object.set(name.clone(), Value::Int(n as i64));
        }
        for name in &names {
            *object.place(name).0 = Value::Int(1);
        }
        assert_eq!((object.len(), value(&object, "wide_99999")), (100_000, Some(1)));
    }

    /// Held against a list that is searched: the same changes leave the same fields in the same order.
    #[test]
    fn wide_objects_change_as_small_ones_do() {
        let mut object = Object::default();
        let mut twin: Vec<(String, i64)> = Vec::new();
        for step in 0..4_000_i64 {
            let name = format!("field_{}", step * 7919 % 401);
            let key = Key::new(&name);
            let at = twin.iter().position(|(known, _)| *known == name);
            match (step % 5, at) {
                (0, Some(at)) => {
                    let (_, value) = twin.remove(at);
                    assert_eq!(object.remove_key(&key).and_then(|v| v.view_alone().as_int()), Some(value));
                }
                (0, None) => assert!(object.remove_key(&key).is_none()),
                (_, Some(at)) => {
                    twin[at].1 = step;
                    object.set(key, Value::Int(step));
                }
                (_, None) => {
                    twin.push((name, step));
                    *object.place(&key).0 = Value::Int(step);
                }
            }
            if step % 997 == 0 {
                object = object.clone();
            }
        }
        assert!(twin.len() > SEARCHED, "{}", twin.len());
        let fields: Vec<(String, Option<i64>)> =
            object.view().iter().map(|(key, value)| (key.to_string(), value.as_int())).collect();
        let wanted: Vec<_> = twin.iter().map(|(name, value)| (name.clone(), Some(*value))).collect();
        assert_eq!(fields, wanted);
        for (name, wanted) in &twin {
            assert_eq!(value(&object, name), Some(*wanted));
        }
    }
}
