//! The event itself.

use std::sync::LazyLock;

use bytestring::ByteString;

use crate::{
    FieldRef, Key, Object, ObjectRef, Root, Timestamp, Value, ValueRef,
    value::{Str, StrRepr},
};

/// One log line or measurement on its way through a pipeline. See the crate's head for how it is laid out.
#[derive(Clone, Debug)]
pub struct Event {
    line: ByteString,
    timestamp: Timestamp,
    fields: Object,
    metadata: Object,
    cancelled: bool,
}

static VERSION: LazyLock<Key> = LazyLock::new(|| Key::new("@version"));
static MESSAGE: LazyLock<Key> = LazyLock::new(|| Key::new("message"));
static TAGS: LazyLock<Key> = LazyLock::new(|| Key::new("tags"));

/// Room for the fields of a parsed access line, so that the table is allocated once.
const USUAL_FIELDS: usize = 16;

impl Event {
    /// An event whose `message` is all of `line`, as an input's `plain` codec makes it.
    pub fn from_line(line: ByteString, now: Timestamp) -> Self {
        let len = line.len();
        let mut event = Self::with_line(line, now);
        event.fields.push_with(VERSION.clone(), || Value::from_static("1"));
        event.fields.push_with(MESSAGE.clone(), || slice_value(0, len));
        event
    }

    /// An event without fields but `@version`, for filters that make events of their own.
    pub fn new(now: Timestamp) -> Self {
        Self::from_parts(ByteString::new(), now, Object::with_capacity(USUAL_FIELDS), Object::default())
    }

    /// An event without fields over `line`, for decoders that fill it.
    pub(crate) fn with_line(line: ByteString, timestamp: Timestamp) -> Self {
        Self {
            line,
            timestamp,
            fields: Object::with_capacity(USUAL_FIELDS),
            metadata: Object::default(),
            cancelled: false,
        }
    }

    pub(crate) fn from_parts(
        line: ByteString,
        timestamp: Timestamp,
        mut fields: Object,
        metadata: Object,
    ) -> Self {
        if fields.at(&VERSION).is_none() {
            fields.set(VERSION.clone(), Value::from_static("1"));
        }
        Self { line, timestamp, fields, metadata, cancelled: false }
    }

    /// A copy of this event with a line of its own: in it, behind this event's line, are `texts`, each the value of its field. So many
    /// events that differ in a few texts are copied from one that was read once.
    pub fn with_texts(&self, texts: &[(&FieldRef, &str)]) -> Self {
        let mut line =
            String::with_capacity(self.line.len() + texts.iter().map(|(_, text)| text.len()).sum::<usize>());
        line.push_str(&self.line);
        let mut fields = Object::with_capacity(self.fields.len() + USUAL_FIELDS);
        for (key, value) in self.fields.iter() {
            fields.push(key.clone(), value.clone());
        }
        let mut event = Self { line: ByteString::new(), fields, metadata: self.metadata.clone(), ..*self };
        for (field, text) in texts {
            // The text of a place beyond 4 GiB cannot be told.
            let value = match u32::try_from(line.len() + text.len()) {
                Ok(_) => slice_value(line.len(), text.len()),
                Err(_) => Value::from(*text),
            };
            line.push_str(text);
            event.put(field, value);
        }
        event.line = ByteString::from(line);
        event
    }

    /// The event's time (`@timestamp`).
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Sets the event's time.
    pub fn set_timestamp(&mut self, time: Timestamp) {
        self.timestamp = time;
    }

    /// All fields but `@timestamp` and `@metadata`.
    pub fn fields(&self) -> ObjectRef<'_> {
        ObjectRef { line: &self.line, object: &self.fields }
    }

    /// `[@metadata]`.
    pub fn metadata(&self) -> ObjectRef<'_> {
        ObjectRef { line: &self.line, object: &self.metadata }
    }

    fn root(&self, root: Root) -> &Object {
        if root == Root::Metadata { &self.metadata } else { &self.fields }
    }

    fn root_mut(&mut self, root: Root) -> &mut Object {
        if root == Root::Metadata { &mut self.metadata } else { &mut self.fields }
    }

    /// The value of a field, if it is there.
    pub fn get(&self, field: &FieldRef) -> Option<ValueRef<'_>> {
        if field.root == Root::Timestamp {
            return Some(ValueRef::Time(self.timestamp));
        }
        let object = self.root(field.root);
        let Some((first, rest)) = field.path.split_first() else {
            return Some(ValueRef::Object(ObjectRef { line: &self.line, object }));
        };
        let mut at = object.at(first)?.view(&self.line);
        for key in rest {
            at = match at {
                ValueRef::Object(object) => object.at(key)?,
                ValueRef::List(list) => list.get(key.as_str().parse().ok()?)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// The value of a field as it lies there.
    #[inline]
    fn value(&self, field: &FieldRef) -> Option<&Value> {
        let (first, rest) = field.path.split_first()?;
        if field.root == Root::Timestamp {
            return None;
        }
        rest.iter().try_fold(self.root(field.root).at(first)?, |at, key| match at {
            Value::Object(object) => object.at(key),
            _ => None,
        })
    }

    /// The text of a field, if it is there and is text: what filters ask for most.
    pub fn text(&self, field: &FieldRef) -> Option<&str> {
        match self.value(field) {
            Some(Value::Str(text)) => Some(text.resolve(&self.line)),
            Some(_) => None,
            // A number on the way may be an element of a list.
            None => self.get(field)?.as_str(),
        }
    }

    /// Where the text of `field` lies in the event's line, if it is a part of it: to cut values out of it without asking again.
    pub fn part(&self, field: &FieldRef) -> Option<Part> {
        match self.value(field)? {
            Value::Str(Str(StrRepr::Slice { start, len })) => Some(Part { start: *start, len: *len }),
            _ => None,
        }
    }

    /// The text of a part of this event's line.
    #[inline]
    pub fn text_of(&self, part: Part) -> &str {
        part.text(&self.line, 0, part.len as usize)
    }

    /// The place of a field, made (and on its way the objects, as [`set`](Self::set) makes them) where it is not there; and whether it
    /// was there. None for `@timestamp` and for `[@metadata]` as a whole.
    pub fn place(&mut self, field: &FieldRef) -> Option<(&mut Value, bool)> {
        if field.root == Root::Timestamp {
            return None;
        }
        let (last, way) = field.path.split_last()?;
        let object = way.iter().fold(self.root_mut(field.root), |object, key| object.child(key));
        Some(object.place(last))
    }

    /// Sets a field, making the objects on its way; one that stands there and is not an object is replaced.
    ///
    /// `@timestamp` takes a time only; another value is not set and `false` is returned.
    pub fn set(&mut self, field: &FieldRef, value: impl Into<Value>) -> bool {
        self.put(field, value.into())
    }

    /// Whether [`set`](Self::set) would leave all other values as they are: nothing on the field's way is a value that has no
    /// fields. Logstash refuses to set such a field.
    pub fn can_set(&self, field: &FieldRef) -> bool {
        let Some((_, way)) = field.path.split_last() else { return true };
        let mut object = self.root(field.root);
        for key in way {
            object = match object.at(key) {
                None | Some(Value::Null) => return true,
                Some(Value::Object(child)) => child,
                Some(_) => return false,
            };
        }
        true
    }

    /// The object at `field`, to set many fields of it at once; made, in place of anything that is not an object. `None` for
    /// `@timestamp`. Text put into it must be of this event ([`share`](Self::share)) or its own.
    pub fn object_mut(&mut self, field: &FieldRef) -> Option<&mut Object> {
        if field.root == Root::Timestamp {
            return None;
        }
        let object = self.root_mut(field.root);
        Some(field.path.iter().fold(object, |object, key| object.child(key)))
    }

    /// All fields but `@timestamp` and `@metadata`, to set many at once; see [`object_mut`](Self::object_mut).
    pub fn fields_mut(&mut self) -> &mut Object {
        &mut self.fields
    }

    /// The line, and all fields but `@timestamp` and `@metadata`: to set many parts of the line at once.
    pub fn line_and_fields(&mut self) -> (&str, &mut Object) {
        (&self.line, &mut self.fields)
    }

    fn put(&mut self, field: &FieldRef, value: Value) -> bool {
        if field.root == Root::Timestamp {
            let Value::Time(time) = value else { return false };
            self.timestamp = time;
            return true;
        }
        let mut object = self.root_mut(field.root);
        let Some((last, way)) = field.path.split_last() else {
            // `[@metadata]` as a whole.
            let Value::Object(whole) = value else { return false };
            *object = whole;
            return true;
        };
        for key in way {
            object = object.child(key);
        }
        object.set(last.clone(), value);
        true
    }

    /// Sets `field` to the part `start..end` of the text of `source`, without copying where that text is itself a part
    /// of the line. Does nothing when `source` is not text or the range does not lie in it.
    pub fn set_slice(&mut self, field: &FieldRef, source: &FieldRef, start: usize, end: usize) {
        let Some(value) = self.slice_of(source, start, end) else { return };
        self.put(field, value);
    }

    /// The part `start..end` of the text of `source` as a value of this event; see [`Event::set_slice`].
    fn slice_of(&self, source: &FieldRef, start: usize, end: usize) -> Option<Value> {
        let text = self.get(source)?.as_str()?;
        Some(self.share(text.get(start..end)?))
    }

    /// `part` as a value of this event and no other: without copying where it is borrowed from the event's line.
    pub fn share(&self, part: &str) -> Value {
        // Where the text lies in the line, by address: this is how a slice of a slice stays a slice, wherever in the
        // event the source is.
        let offset = (part.as_ptr() as usize).wrapping_sub(self.line.as_ptr() as usize);
        let inside = offset <= self.line.len() && part.len() <= self.line.len() - offset;
        if inside && offset + part.len() <= u32::MAX as usize {
            slice_value(offset, part.len())
        } else {
            Value::from(part)
        }
    }

    /// Appends the part to what `field` holds: a value that is there becomes a list (grok's way with repeated names).
    pub fn append_slice(&mut self, field: &FieldRef, source: &FieldRef, start: usize, end: usize) {
        if let Some(value) = self.slice_of(source, start, end) {
            self.append_value(field, value);
        }
    }

    /// Sets `field`, or appends to what it holds.
    pub fn append(&mut self, field: &FieldRef, value: impl Into<Value>) {
        self.append_value(field, value.into());
    }

    fn append_value(&mut self, field: &FieldRef, value: Value) {
        match self.get_mut(field) {
            None => {
                self.put(field, value);
            }
            Some(Value::List(items)) => items.push(value),
            Some(slot) => {
                let first = std::mem::replace(slot, Value::Null);
                *slot = Value::list(vec![first, value]);
            }
        }
    }

    fn get_mut(&mut self, field: &FieldRef) -> Option<&mut Value> {
        if field.root == Root::Timestamp {
            return None;
        }
        let (first, rest) = field.path.split_first()?;
        let mut at = self.root_mut(field.root).at_mut(first)?;
        for key in rest {
            at = match at {
                Value::Object(object) => object.at_mut(key)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// Takes a field out of the event, with text of its own.
    pub fn remove(&mut self, field: &FieldRef) -> Option<Value> {
        let value = self.take(field)?;
        Some(value.detach(&self.line))
    }

    fn take(&mut self, field: &FieldRef) -> Option<Value> {
        if field.root == Root::Timestamp {
            return None;
        }
        let (last, way) = field.path.split_last()?;
        let mut object = self.root_mut(field.root);
        for key in way {
            object = match object.at_mut(key)? {
                Value::Object(child) => child,
                _ => return None,
            };
        }
        object.remove_key(last)
    }

    /// Moves a field; nothing is copied. Returns whether it was there.
    pub fn rename(&mut self, from: &FieldRef, to: &FieldRef) -> bool {
        match self.take(from) {
            Some(value) => self.put(to, value),
            None => false,
        }
    }

    /// Adds a tag, once.
    pub fn tag(&mut self, tag: &str) {
        match self.fields.at_mut(&TAGS) {
            Some(Value::List(items)) => {
                let line: &str = &self.line;
                if !items.iter().any(|item| item.view(line).as_str() == Some(tag)) {
                    items.push(Value::from(tag));
                }
            }
            Some(single @ Value::Str(_)) => {
                if single.view(&self.line).as_str() != Some(tag) {
                    let first = std::mem::replace(single, Value::Null);
                    *single = Value::list(vec![first, Value::from(tag)]);
                }
            }
            _ => self.fields.set(TAGS.clone(), Value::list(vec![Value::from(tag)])),
        }
    }

    /// Removes a tag.
    pub fn untag(&mut self, tag: &str) {
        if let Some(Value::List(items)) = self.fields.at_mut(&TAGS) {
            let line: &str = &self.line;
            items.retain(|item| item.view(line).as_str() != Some(tag));
        }
    }

    /// Whether the event carries `tag`.
    pub fn has_tag(&self, tag: &str) -> bool {
        match self.fields().at(&TAGS) {
            Some(ValueRef::List(tags)) => tags.iter().any(|t| t.as_str() == Some(tag)),
            Some(ValueRef::Str(one)) => one == tag,
            _ => false,
        }
    }

    /// Marks the event as dropped by a filter: no further filter or output sees it, and it counts as done.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    /// Whether a filter dropped the event.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }
}

/// A part of an event's line; see [`Event::part`].
#[derive(Clone, Copy, Debug)]
pub struct Part {
    start: u32,
    len: u32,
}

impl Part {
    /// Bytes `start..end` of the part as a value of the same event; none where they do not lie in it.
    #[inline]
    pub fn cut(self, start: usize, end: usize) -> Option<Value> {
        (start <= end && end <= self.len as usize)
            .then(|| slice_value(self.start as usize + start, end - start))
    }

    /// How many bytes it has.
    #[inline]
    pub fn len(self) -> usize {
        self.len as usize
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The same as [`cut`](Self::cut) for those who know that the bytes lie in it; else as much of them as does.
    #[inline(always)]
    pub fn slice(self, start: usize, end: usize) -> Value {
        let end = end.min(self.len as usize);
        let start = start.min(end);
        slice_value(self.start as usize + start, end - start)
    }

    /// All of it, as a value of the same event.
    #[inline(always)]
    pub fn value(self) -> Value {
        Value::Str(Str(StrRepr::Slice { start: self.start, len: self.len }))
    }

    /// Bytes `start..end` of the part, where `line` is the line of its event; nothing where they do not lie in it.
    pub fn text(self, line: &str, start: usize, end: usize) -> &str {
        let from = self.start as usize;
        line.get(from + start..from + end).unwrap_or_default()
    }
}

#[inline(always)]
pub(crate) fn slice_value(start: usize, len: usize) -> Value {
    Value::Str(Str(StrRepr::Slice { start: start as u32, len: len as u32 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event {
        Event::from_line(ByteString::from(line), Timestamp::UNIX_EPOCH)
    }

    fn r(text: &str) -> FieldRef {
        FieldRef::parse(text).unwrap()
    }

    fn json(event: &Event) -> String {
        serde_json::to_string(event).unwrap()
    }

    #[test]
    fn captures_are_slices_of_the_line() {
        let mut e = event("GET /index.html");
        e.set_slice(&r("verb"), &r("message"), 0, 3);
        e.set_slice(&r("[url][path]"), &r("message"), 4, 15);
        // A slice of a slice is a slice.
        e.set_slice(&r("[url][name]"), &r("[url][path]"), 1, 6);
        let base = e.line.as_ptr() as usize;
        for (field, at) in [("verb", 0), ("[url][path]", 4), ("[url][name]", 5)] {
            let text = e.get(&r(field)).unwrap().as_str().unwrap();
            assert_eq!(text.as_ptr() as usize - base, at, "{field}");
        }
        insta::assert_snapshot!(json(&e), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","@version":"1","message":"GET /index.html","verb":"GET","url":{"path":"/index.html","name":"index"}}"#);
    }

    #[test]
    fn a_copy_with_other_texts_is_an_event_of_its_own() {
        let (e, _) = Event::from_json(
            br#"{"message":"","log":{"path":"/a"},"@metadata":{"_id":"x-"}}"#,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap();
        let id = r("[@metadata][_id]");
        let mut copy = e.with_texts(&[(&r("message"), "GET /"), (&id, "x-7")]);
        copy.set_slice(&r("verb"), &r("message"), 0, 3);
        assert_eq!((copy.text(&id), copy.text(&r("[log][path]"))), (Some("x-7"), Some("/a")));
        insta::assert_snapshot!(json(&copy), @r#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"GET /","log":{"path":"/a"},"@version":"1","verb":"GET"}"#);
        assert_eq!((e.text(&id), e.text(&r("message"))), (Some("x-"), Some("")));
    }

    #[test]
    fn a_removed_value_outlives_its_event() {
        let mut e = event("GET /");
        let value = e.remove(&r("message")).unwrap();
        let mut other = event("something else");
        other.set(&r("taken"), value);
        assert_eq!(other.get(&r("taken")).unwrap().as_str(), Some("GET /"));
    }

    #[test]
    fn rename_moves_and_makes_the_way() {
        let mut e = event("x");
        assert!(e.rename(&r("message"), &r("[event][original]")));
        assert!(!e.rename(&r("nowhere"), &r("there")));
        assert_eq!(e.get(&r("[event][original]")).unwrap().as_str(), Some("x"));
        assert!(e.get(&r("message")).is_none());
    }

    #[test]
    fn tags_are_added_once_and_a_single_string_becomes_a_list() {
        let mut e = event("x");
        e.set(&r("tags"), "one");
        e.tag("two");
        e.tag("two");
        assert!(e.has_tag("one") && e.has_tag("two"));
        e.untag("one");
        assert!(!e.has_tag("one"));
    }

    #[test]
    fn repeated_captures_become_a_list() {
        let mut e = event("a b");
        e.append_slice(&r("word"), &r("message"), 0, 1);
        e.append_slice(&r("word"), &r("message"), 2, 3);
        assert_eq!(e.get(&r("[word][1]")).unwrap().as_str(), Some("b"));
        assert_eq!(e.get(&r("[word][-2]")).unwrap().as_str(), Some("a"));
    }

    #[test]
    fn an_object_is_made_on_the_way() {
        let mut e = event("x");
        e.object_mut(&r("[message][inner]")).unwrap().set(Key::new("a"), Value::Int(1));
        e.fields_mut().set(Key::new("b"), Value::Int(2));
        assert!(e.object_mut(&r("@timestamp")).is_none());
        assert!(json(&e).contains(r#""message":{"inner":{"a":1}},"b":2"#));
    }

    #[test]
    fn a_value_that_has_no_fields_stands_in_the_way() {
        let e = event("x");
        assert!(!e.can_set(&r("[message][inner]")));
        assert!(
            e.can_set(&r("message")) && e.can_set(&r("[new][inner]")) && e.can_set(&r("[@metadata][a][b]"))
        );
    }

    #[test]
    fn timestamp_takes_times_only() {
        let mut e = event("x");
        assert!(!e.set(&r("@timestamp"), "not a time"));
        assert!(e.set(&r("@timestamp"), Timestamp::from_second(1).unwrap()));
        assert_eq!(e.timestamp().as_second(), 1);
    }
}
