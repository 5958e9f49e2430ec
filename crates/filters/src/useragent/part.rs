//! A short text that belongs to another one.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use alces_event::Value;

/// How many texts are kept for the life of the process. Names of browsers and systems are some thousands; past that they are
/// copied each time.
const KEPT: usize = 65_536;

/// Text that stands in a longer one, is known to the whole process, or is neither.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Slice(u16, u16),
    Kept(&'static str),
    Own(Box<str>),
}

impl Part {
    /// `part` as it belongs to `whole`.
    pub(super) fn of(part: &str, whole: &str) -> Self {
        if let Some(start) = whole.find(part)
            && let (Ok(start), Ok(len)) = (u16::try_from(start), u16::try_from(part.len()))
        {
            return Self::Slice(start, len);
        }
        keep(part).map_or_else(|| Self::Own(part.into()), Self::Kept)
    }

    /// The text, where `whole` is the text that it was found in.
    pub(super) fn text<'p>(&'p self, whole: &'p str) -> &'p str {
        match self {
            Self::Slice(start, len) => {
                let start = usize::from(*start);
                whole.get(start..start + usize::from(*len)).unwrap_or_default()
            }
            Self::Kept(text) => text,
            Self::Own(text) => text,
        }
    }

    /// As a value of the event whose text it was found in.
    #[inline]
    pub(super) fn value(&self, whole: Whole<'_>) -> Value {
        match self {
            Self::Slice(start, len) => whole.cut(usize::from(*start), usize::from(*len)),
            Self::Kept(text) => Value::from_static(text),
            Self::Own(text) => Value::from(&**text),
        }
    }
}

/// The text that parts are found in.
#[derive(Clone, Copy)]
pub(super) enum Whole<'t> {
    /// A part of the event's line: what is cut out of it is one as well.
    Line(alces_event::Part),
    /// A text of its own: what is cut out of it is copied.
    Own(&'t str),
}

impl Whole<'_> {
    #[inline]
    fn cut(self, start: usize, len: usize) -> Value {
        match self {
            Self::Line(part) => part.cut(start, start + len).unwrap_or(Value::Null),
            Self::Own(text) => Value::from(text.get(start..start + len).unwrap_or_default()),
        }
    }
}

static TABLE: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

fn keep(text: &str) -> Option<&'static str> {
    let mut guard = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let table = guard.get_or_insert_default();
    if let Some(kept) = table.get(text) {
        return Some(kept);
    }
    if table.len() >= KEPT {
        return None;
    }
    let kept: &'static str = Box::leak(Box::from(text));
    table.insert(kept);
    Some(kept)
}
