//! Named values in order.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Key, Value, ValueRef,
    push::push,
    tables::{self, Table},
};

/// Named values, in the order in which they were set. Events have some ten to thirty fields, where a linear search
/// over interned names beats hashing. Two pointers, so that an object within an object is one allocation.
#[derive(Debug, Default)]
pub struct Object {
    /// None where the object is frozen.
    entries: Table,
    more: Option<Arc<More>>,
}

impl Drop for Object {
    #[inline]
    fn drop(&mut self) {
        tables::give(std::mem::take(&mut self.entries));
    }
}

/// What few objects have.
#[derive(Debug)]
enum More {
    /// Where each name stands, once there are more than [`SEARCHED`]: a row of a hundred thousand columns is no reason to stand
    /// still. Where it is there, it tells of all. Its object alone has it.
    Places(HashMap<Key, usize>),
    /// The fields are another object's as well.
    Frozen(Frozen),
}

/// Fields that many events have, and their text.
#[derive(Debug)]
struct Frozen {
    entries: Vec<(Key, Value)>,
    json: Box<[u8]>,
    /// Objects below it.
    objects: usize,
}

/// So many fields are searched one after the other.
const SEARCHED: usize = 128;

/// A copy finds its places when they are needed.
impl Clone for Object {
    fn clone(&self) -> Self {
        match &self.more {
            Some(more) if matches!(**more, More::Frozen(_)) => {
                Self { entries: Table::new(), more: Some(Arc::clone(more)) }
            }
            _ => Self::of(self.entries.clone()),
        }
    }
}

impl Object {
    /// An object with room for `capacity` fields.
    #[inline]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::of(tables::take(capacity))
    }

    #[inline]
    fn of(entries: Table) -> Self {
        Self { entries, more: None }
    }

    /// An object whose copies are one: to copy it costs a count, and its JSON is written before. One that is changed is a true copy
    /// from then on. Text in it must be its own, and no part of an event's line.
    pub fn frozen(self) -> Self {
        let mut json = Vec::new();
        let objects = self.view().write_counted(&mut json);
        let frozen = Frozen { entries: self.into_iter().collect(), json: json.into_boxed_slice(), objects };
        Self { entries: Table::new(), more: Some(Arc::new(More::Frozen(frozen))) }
    }

    /// The JSON of one that is frozen, and how many objects are below it.
    #[inline]
    pub(crate) fn json(&self) -> Option<(&[u8], usize)> {
        match self.more.as_deref() {
            Some(More::Frozen(frozen)) => Some((&frozen.json, frozen.objects)),
            _ => None,
        }
    }

    /// The fields, to read them.
    #[inline]
    fn entries(&self) -> &[(Key, Value)] {
        match self.more.as_deref() {
            Some(More::Frozen(frozen)) => &frozen.entries,
            _ => &self.entries,
        }
    }

    /// The fields, to change them.
    #[inline]
    fn entries_mut(&mut self) -> &mut Table {
        if self.more.is_some() {
            self.thaw();
        }
        &mut self.entries
    }

    /// The object has its fields for itself.
    #[cold]
    fn thaw(&mut self) {
        if let Some(More::Frozen(frozen)) = self.more.as_deref() {
            self.entries = frozen.entries.iter().cloned().collect();
            self.more = None;
        }
    }

    /// Where a field stands.
    #[inline]
    fn position(&self, key: &Key) -> Option<usize> {
        match self.more.as_deref() {
            Some(More::Places(places)) => places.get(key).copied(),
            _ => self.entries().iter().position(|(k, _)| k == key),
        }
    }

    /// The same for those who may change it, or add one.
    #[inline]
    fn position_to_change(&mut self, key: &Key) -> Option<usize> {
        if self.more.is_some() {
            self.thaw();
        } else if self.entries.len() > SEARCHED {
            self.find_places();
        }
        self.position(key)
    }

    #[cold]
    fn find_places(&mut self) {
        // Of two of one name the first counts, as when searched.
        let places = self.entries.iter().enumerate().rev().map(|(at, (key, _))| (key.clone(), at));
        self.more = Some(Arc::new(More::Places(places.collect())));
    }

    /// Places that are the object's, if it has them.
    fn places_mut(&mut self) -> Option<&mut HashMap<Key, usize>> {
        match Arc::get_mut(self.more.as_mut()?)? {
            More::Places(places) => Some(places),
            More::Frozen(_) => None,
        }
    }

    fn remove_at(&mut self, at: usize) -> Value {
        let (key, value) = self.entries_mut().remove(at);
        let len = self.entries.len();
        if let Some(places) = self.places_mut() {
            places.remove(&key);
            if at < len {
                places.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
            }
        }
        value
    }

    /// Makes room for `more` fields, so that the table grows once.
    pub fn reserve(&mut self, more: usize) {
        self.entries_mut().reserve(more);
    }

    /// Sets a field; one that exists keeps its place.
    #[inline]
    pub fn set(&mut self, key: Key, value: Value) {
        match self.position_to_change(&key) {
            Some(at) => self.entries[at].1 = value,
            None => self.push(key, value),
        }
    }

    /// Adds a field that is not there yet, which is not looked for: for those who know, as of an object that they just made.
    #[inline(always)]
    pub fn push(&mut self, key: Key, value: Value) {
        self.push_with(key, || value);
    }

    /// The same with a value that is made where it goes, which costs less.
    #[inline(always)]
    pub fn push_with(&mut self, key: Key, value: impl FnOnce() -> Value) {
        if self.more.is_some() {
            self.add_place(&key);
        }
        push(&mut self.entries, key, value);
    }

    #[cold]
    fn add_place(&mut self, key: &Key) {
        self.thaw();
        let len = self.entries.len();
        if let Some(places) = self.places_mut() {
            places.insert(key.clone(), len);
        }
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
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
        self.entries().iter().find(|(k, _)| k.as_str() == key).map(|(_, v)| v)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.entries_mut().iter_mut().find(|(k, _)| k.as_str() == key).map(|(_, v)| v)
    }

    /// The value under a key: quicker than by its name.
    #[inline]
    pub(crate) fn at(&self, key: &Key) -> Option<&Value> {
        match self.more.as_deref() {
            Some(More::Places(places)) => self.entries.get(*places.get(key)?).map(|(_, v)| v),
            _ => self.entries().iter().find(|(k, _)| k == key).map(|(_, v)| v),
        }
    }

    /// The same, to change it in place.
    #[inline]
    pub fn at_mut(&mut self, key: &Key) -> Option<&mut Value> {
        match &self.more {
            None if self.entries.len() <= SEARCHED => {
                self.entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
            }
            _ => {
                let at = self.position_to_change(key)?;
                self.entries.get_mut(at).map(|(_, v)| v)
            }
        }
    }

    pub(crate) fn remove_key(&mut self, key: &Key) -> Option<Value> {
        let at = self.position(key)?;
        Some(self.remove_at(at))
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.entries().iter().position(|(k, _)| k.as_str() == key)?;
        Some(self.remove_at(at))
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &(Key, Value)> {
        self.entries().iter()
    }

    pub(crate) fn detach(mut self, line: &str) -> Self {
        if self.json().is_some() {
            // Its text is its own.
            return self;
        }
        Self::of(std::mem::take(&mut self.entries).into_iter().map(|(k, v)| (k, v.detach(line))).collect())
    }

    /// The value under `key`, made (as null) when it is not there; and whether it was there.
    #[inline]
    pub fn place(&mut self, key: &Key) -> (&mut Value, bool) {
        let (at, there) = match self.position_to_change(key) {
            Some(at) => (at, true),
            None => {
                self.push(key.clone(), Value::Null);
                (self.entries.len() - 1, false)
            }
        };
        (&mut self.entries[at].1, there)
    }

    /// Adds a field with a value that is made where it goes; one that is there is `join`ed with it.
    #[inline(always)]
    pub fn set_or(&mut self, key: &Key, value: impl FnOnce() -> Value, join: impl FnOnce(&mut Value, Value)) {
        match self.at_mut(key) {
            Some(place) => join(place, value()),
            None => self.push_with(key.clone(), value),
        }
    }

    /// The object under `key`, made (in place of anything that is not an object) when it is not there.
    pub fn child(&mut self, key: &Key) -> &mut Object {
        self.child_with(key, 1)
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

    fn into_iter(mut self) -> Self::IntoIter {
        self.thaw();
        std::mem::take(&mut self.entries).into_iter()
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

    /// Held against one of its own: the same steps, each of which first meets it frozen, leave the same.
    #[test]
    fn a_frozen_object_changes_as_another_does_and_its_copies_stay() {
        [0, 2 * SEARCHED as i64].into_iter().for_each(changes_as_another);
    }

    fn changes_as_another(wide: i64) {
        let object = || -> Object {
            let mut object: Object =
                [("a", 1), ("b", 2)].into_iter().map(|(name, n)| (Key::new(name), Value::Int(n))).collect();
            object.child(&Key::new("c")).set(Key::new("d"), Value::from("text"));
            for n in 0..wide {
                object.set(Key::new(&format!("wide_{n}")), Value::Int(n));
            }
            object
        };
        let json = |object: &Object| {
            let mut out = Vec::new();
            object.view().write_json(&mut out);
            String::from_utf8(out).unwrap()
        };
        let frozen = object().frozen();
        let (a, c, new) = (Key::new("a"), Key::new("c"), Key::new("new"));
        let steps: [&dyn Fn(&mut Object); 12] = [
            &|object| object.set(a.clone(), Value::Int(7)),
            &|object| object.set(new.clone(), Value::Null),
            &|object| object.push(new.clone(), Value::Null),
            &|object| object.reserve(3),
            &|object| *object.value_mut("b").unwrap() = Value::Bool(true),
            &|object| *object.at_mut(&a).unwrap() = Value::Null,
            &|object| assert!(object.take("a").is_some() && object.take("no").is_none()),
            &|object| assert!(object.remove_key(&a).is_some()),
            &|object| *object.place(&c).0 = Value::Int(3),
            &|object| object.child(&c).set(new.clone(), Value::Int(4)),
            &|object| object.set_or(&a, || Value::Int(5), |place, value| *place = Value::list(vec![value])),
            &|object| {
                let fields = std::mem::take(object).into_iter();
                fields.skip(1).for_each(|(key, value)| object.push(key, value));
            },
        ];
        for (number, step) in steps.iter().enumerate() {
            let (mut one, mut other) = (object(), frozen.clone());
            assert_eq!(json(&one), json(&other));
            assert_eq!((one.len(), one.is_empty()), (other.len(), other.is_empty()));
            step(&mut one);
            step(&mut other);
            assert_eq!(json(&one), json(&other), "step {number}");
            assert_eq!(json(&frozen), json(&object()), "step {number}");
        }
        assert_eq!(json(&frozen.detach("line")), json(&object()));
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
