//! Values: the owned form that goes into an event, and the borrowed view that comes out.

use crate::{Object, ObjectRef, Timestamp};

/// A field's value as it is put into an event.
#[derive(Clone, Debug)]
pub enum Value {
    /// Present but without a value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A point in time.
    Time(Timestamp),
    /// Text.
    Str(Str),
    /// A list of values.
    List(Box<Vec<Value>>),
    /// Named values, in order.
    Object(Object),
}

/// Text inside a [`Value`]: a slice of the event's line, or text of its own.
#[derive(Clone, Debug)]
pub struct Str(pub(crate) StrRepr);

#[derive(Clone, Debug)]
pub(crate) enum StrRepr {
    /// Bytes `start..start + len` of the line of the event that holds this value.
    Slice {
        start: u32,
        len: u32,
    },
    Static(&'static str),
    Owned(Box<str>),
}

impl Str {
    /// The text, where `line` is the line of the event that holds it.
    ///
    /// A slice is only ever made by the event that owns the line, so it lies within it; should that be broken, the
    /// answer is the empty string and not a panic in the middle of somebody's logs.
    pub(crate) fn resolve<'a>(&'a self, line: &'a str) -> &'a str {
        match &self.0 {
            StrRepr::Slice { start, len } => {
                let start = *start as usize;
                line.get(start..start + *len as usize).unwrap_or_default()
            }
            StrRepr::Static(text) => text,
            StrRepr::Owned(text) => text,
        }
    }
}

impl Value {
    /// Text known when the program was built; costs no allocation.
    #[inline(always)]
    pub const fn from_static(text: &'static str) -> Self {
        Self::Str(Str(StrRepr::Static(text)))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Box::new(items))
    }

    /// This value with all text its own, so that it may leave the event with that `line`.
    pub(crate) fn detach(self, line: &str) -> Self {
        match self {
            Self::Str(Str(StrRepr::Slice { start, len })) => {
                let text = Str(StrRepr::Slice { start, len });
                Self::from(text.resolve(line))
            }
            Self::List(items) => Self::list(items.into_iter().map(|item| item.detach(line)).collect()),
            Self::Object(object) => Self::Object(object.detach(line)),
            other => other,
        }
    }

    /// A value of its own, read without an event; text that is a part of an event's line reads as empty.
    pub fn view_alone(&self) -> ValueRef<'_> {
        self.view("")
    }

    pub(crate) fn view<'a>(&'a self, line: &'a str) -> ValueRef<'a> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(b) => ValueRef::Bool(*b),
            Self::Int(i) => ValueRef::Int(*i),
            Self::Float(f) => ValueRef::Float(*f),
            Self::Time(t) => ValueRef::Time(*t),
            Self::Str(s) => ValueRef::Str(s.resolve(line)),
            Self::List(items) => ValueRef::List(ListRef { line, items }),
            Self::Object(object) => ValueRef::Object(ObjectRef { line, object }),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(Str(StrRepr::Owned(text.into())))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(Str(StrRepr::Owned(text.into_boxed_str())))
    }
}

impl From<i64> for Value {
    #[inline(always)]
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    #[inline(always)]
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    #[inline(always)]
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Timestamp> for Value {
    #[inline(always)]
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<Object> for Value {
    #[inline(always)]
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

/// A field's value as it is read.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// Present but without a value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A point in time.
    Time(Timestamp),
    /// Text.
    Str(&'a str),
    /// A list of values.
    List(ListRef<'a>),
    /// Named values, in order.
    Object(ObjectRef<'a>),
}

impl<'a> ValueRef<'a> {
    /// The text, if it is text.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(self) -> Option<ObjectRef<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// A copy that may leave the event.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Int(i) => Value::Int(i),
            Self::Float(f) => Value::Float(f),
            Self::Time(t) => Value::Time(t),
            Self::Str(s) => Value::from(s),
            Self::List(list) => Value::list(list.iter().map(ValueRef::to_value).collect()),
            Self::Object(object) => {
                let mut copy = Object::default();
                for (key, value) in object.iter() {
                    copy.set(key.clone(), value.to_value());
                }
                Value::from(copy)
            }
        }
    }
}

impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.iter().eq(b.iter()),
            (Self::Object(a), Self::Object(b)) => a.len() == b.len() && a.iter().eq(b.iter()),
            _ => false,
        }
    }
}

/// A list as it is read.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a> {
    pub(crate) line: &'a str,
    pub(crate) items: &'a [Value],
}

impl<'a> ListRef<'a> {
    /// The items in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = ValueRef<'a>> + Clone {
        self.items.iter().map(move |item| item.view(self.line))
    }

    /// The item at `index`; negative counts from the end, as in Logstash's field references.
    pub fn get(self, index: i64) -> Option<ValueRef<'a>> {
        let at = if index < 0 { self.items.len() as i64 + index } else { index };
        let item = self.items.get(usize::try_from(at).ok()?)?;
        Some(item.view(self.line))
    }

    /// How many items.
    pub fn len(self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
