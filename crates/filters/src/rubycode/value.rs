//! Values while a script runs. As in Ruby, lists and hashes are shared by all who hold them; texts here never change.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alces_event::{Key, Object, Timestamp, Value, ValueRef, format_timestamp};
use indexmap::IndexMap;

use crate::{inspect::escape, regex::Pattern, ruby};

/// Deeper nesting is an error: what looks into a value would not come back.
const DEEPEST: usize = 100;

#[derive(Clone, Debug)]
pub(crate) enum V {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Symbol(Arc<str>),
    Time(Timestamp),
    List(Arc<List>),
    Hash(Arc<Hash>),
    Regex(Arc<Pattern>),
    /// The event that the script is about.
    Event,
}

/// A key of a hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum K {
    Nil,
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
    Symbol(Arc<str>),
}

pub(crate) type Entries = IndexMap<K, V>;

#[derive(Default)]
pub(crate) struct List(Mutex<Vec<V>>);

#[derive(Default)]
pub(crate) struct Hash(Mutex<Entries>);

impl List {
    /// Never held while anything else is evaluated: that may ask for the same list.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hash {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("List")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

impl Drop for List {
    fn drop(&mut self) {
        take_apart(std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner)));
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        let entries = std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner));
        take_apart(entries.into_values().collect());
    }
}

/// Frees values one after the other and not one within the other: nesting is as deep as a script makes it.
fn take_apart(mut values: Vec<V>) {
    while let Some(value) = values.pop() {
        match value {
            V::List(list) => {
                if let Some(list) = Arc::into_inner(list) {
                    values.append(&mut list.lock());
                }
            }
            V::Hash(hash) => {
                if let Some(hash) = Arc::into_inner(hash) {
                    values.extend(std::mem::take(&mut *hash.lock()).into_values());
                }
            }
            _ => {}
        }
    }
}

/// What went wrong while a script ran.
pub(crate) type Failure = String;

const TOO_DEEP: &str = "a value is nested too deeply, or holds itself";

impl V {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }

    pub(crate) fn list(items: Vec<V>) -> Self {
        Self::List(Arc::new(List(Mutex::new(items))))
    }

    pub(crate) fn hash(entries: Entries) -> Self {
        Self::Hash(Arc::new(Hash(Mutex::new(entries))))
    }

    /// All but nil and false.
    pub(crate) fn holds(&self) -> bool {
        !matches!(self, Self::Nil | Self::Bool(false))
    }

    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Nil => "NilClass",
            Self::Bool(true) => "TrueClass",
            Self::Bool(false) => "FalseClass",
            Self::Int(_) => "Integer",
            Self::Float(_) => "Float",
            Self::Text(_) => "String",
            Self::Symbol(_) => "Symbol",
            Self::Time(_) => "Time",
            Self::List(_) => "Array",
            Self::Hash(_) => "Hash",
            Self::Regex(_) => "Regexp",
            Self::Event => "LogStash::Event",
        }
    }

    pub(crate) fn key(&self) -> Result<K, Failure> {
        Ok(match self {
            Self::Nil => K::Nil,
            Self::Bool(truth) => K::Bool(*truth),
            Self::Int(number) => K::Int(*number),
            Self::Text(text) => K::Text(Arc::clone(text)),
            Self::Symbol(name) => K::Symbol(Arc::clone(name)),
            other => return Err(format!("a {} cannot be the key of a hash here", other.class())),
        })
    }

    /// The value of an event's field.
    pub(crate) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Nil,
            ValueRef::Bool(truth) => Self::Bool(truth),
            ValueRef::Int(number) => Self::Int(number),
            ValueRef::Float(number) => Self::Float(number),
            ValueRef::Time(time) => Self::Time(time),
            ValueRef::Str(text) => Self::text(text),
            ValueRef::List(list) => Self::list(list.iter().map(Self::of).collect()),
            ValueRef::Object(object) => {
                let entry =
                    |(key, value): (&Key, ValueRef<'_>)| (K::Text(key.as_str().into()), Self::of(value));
                Self::hash(object.iter().map(entry).collect())
            }
        }
    }

    /// As an event's field takes it.
    pub(crate) fn to_event(&self) -> Result<Value, Failure> {
        self.to_event_at(0)
    }

    fn to_event_at(&self, depth: usize) -> Result<Value, Failure> {
        if depth > DEEPEST {
            return Err(TOO_DEEP.to_owned());
        }
        Ok(match self {
            Self::Nil => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Text(text) | Self::Symbol(text) => Value::from(&**text),
            Self::Time(time) => Value::Time(*time),
            Self::List(list) => {
                let items = list.lock().clone();
                Value::list(items.iter().map(|item| item.to_event_at(depth + 1)).collect::<Result<_, _>>()?)
            }
            Self::Hash(hash) => {
                let entries = hash.lock().clone();
                let mut object = Object::with_capacity(entries.len());
                for (key, value) in &entries {
                    object.set(Key::new(&key.value().to_s()?), value.to_event_at(depth + 1)?);
                }
                Value::Object(object)
            }
            Self::Regex(_) | Self::Event => {
                return Err(format!("Missing Converter handling for full class name={}", self.class()));
            }
        })
    }

    pub(crate) fn to_s(&self) -> Result<String, Failure> {
        Ok(match self {
            Self::Nil => String::new(),
            Self::Text(text) | Self::Symbol(text) => (**text).to_owned(),
            Self::Float(number) => ruby::to_s(ValueRef::Float(*number)),
            Self::Int(number) => number.to_string(),
            Self::Bool(truth) => truth.to_string(),
            other => {
                let mut out = String::new();
                other.inspect(&mut out, 0)?;
                out
            }
        })
    }

    /// As Ruby shows it within a list.
    pub(crate) fn inspect(&self, out: &mut String, depth: usize) -> Result<(), Failure> {
        if depth > DEEPEST {
            return Err(TOO_DEEP.to_owned());
        }
        match self {
            Self::Nil => out.push_str("nil"),
            Self::Text(text) => {
                out.push('"');
                escape(out, text.as_bytes());
                out.push('"');
            }
            Self::Symbol(name) => {
                out.push(':');
                out.push_str(name);
            }
            Self::Time(time) => format_timestamp(out, *time),
            Self::List(list) => {
                let items = list.lock().clone();
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    item.inspect(out, depth + 1)?;
                }
                out.push(']');
            }
            Self::Hash(hash) => {
                let entries = hash.lock().clone();
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    key.value().inspect(out, depth + 1)?;
                    out.push_str("=>");
                    value.inspect(out, depth + 1)?;
                }
                out.push('}');
            }
            Self::Regex(_) => out.push_str("#<Regexp>"),
            Self::Event => out.push_str("#<LogStash::Event>"),
            Self::Bool(_) | Self::Int(_) | Self::Float(_) => out.push_str(&self.to_s()?),
        }
        Ok(())
    }

    /// `==`.
    pub(crate) fn equals(&self, other: &Self, depth: usize) -> Result<bool, Failure> {
        if depth > DEEPEST {
            return Err(TOO_DEEP.to_owned());
        }
        Ok(match (self, other) {
            (Self::Nil, Self::Nil) | (Self::Event, Self::Event) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
            (Self::Text(a), Self::Text(b)) | (Self::Symbol(a), Self::Symbol(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => Arc::ptr_eq(a, b),
            (Self::List(a), Self::List(b)) => {
                if Arc::ptr_eq(a, b) {
                    return Ok(true);
                }
                let a = a.lock().clone();
                let b = b.lock().clone();
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(&b) {
                    if !a.equals(b, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Hash(a), Self::Hash(b)) => {
                if Arc::ptr_eq(a, b) {
                    return Ok(true);
                }
                let a = a.lock().clone();
                let b = b.lock().clone();
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (key, value) in &a {
                    match b.get(key) {
                        Some(other) if value.equals(other, depth + 1)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// Whether a value may go into a list or a hash: it must not hold that already, for then neither would ever be freed.
    /// The answer is how many were looked at; more than `most` are an error.
    pub(crate) fn may_hold(&self, value: &Self, most: usize) -> Result<usize, Failure> {
        let mut under_way = vec![(value.clone(), 0_usize)];
        let mut looked_at = 0;
        while let Some((value, depth)) = under_way.pop() {
            looked_at += 1;
            if looked_at > most {
                return Err("the script took too long: it was stopped".to_owned());
            }
            let same = match (self, &value) {
                (Self::List(a), Self::List(b)) => Arc::ptr_eq(a, b),
                (Self::Hash(a), Self::Hash(b)) => Arc::ptr_eq(a, b),
                _ => false,
            };
            if same || depth > DEEPEST {
                return Err(TOO_DEEP.to_owned());
            }
            let nests = |value: &&V| matches!(value, V::List(_) | V::Hash(_));
            match &value {
                Self::List(list) => {
                    under_way.extend(list.lock().iter().filter(nests).map(|item| (item.clone(), depth + 1)));
                }
                Self::Hash(hash) => {
                    under_way
                        .extend(hash.lock().values().filter(nests).map(|item| (item.clone(), depth + 1)));
                }
                _ => {}
            }
        }
        Ok(looked_at)
    }
}

impl K {
    pub(crate) fn value(&self) -> V {
        match self {
            Self::Nil => V::Nil,
            Self::Bool(truth) => V::Bool(*truth),
            Self::Int(number) => V::Int(*number),
            Self::Text(text) => V::Text(Arc::clone(text)),
            Self::Symbol(name) => V::Symbol(Arc::clone(name)),
        }
    }
}
