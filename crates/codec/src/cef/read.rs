//! A message into an event.

use std::borrow::Cow;

use alces_event::{Event, FieldRef, Timestamp, Value};
use alces_plugin::ruby;
use bytes::Bytes;
use bytestring::ByteString;

use super::{fields::Fields, named, time::Times};
use crate::text::Text;

/// Reads messages.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) text: Text,
    pub(super) fields: Fields,
    pub(super) times: Times,
    /// Where the message is kept as it came.
    pub(super) raw: Option<FieldRef>,
}

impl Reader {
    pub(super) fn message(&self, bytes: Bytes, now: Timestamp) -> Event {
        let whole = match ByteString::try_from(bytes.clone()) {
            Ok(text) => text,
            Err(_) => return self.text.failed(self.text.text(bytes), now, "_cefparsefailure"),
        };
        // Some connectors put it into quotes.
        let text = match whole.strip_prefix('"') {
            Some(inner) => {
                let end = inner.char_indices().next_back().map_or(0, |(at, _)| at);
                whole.slice_ref(inner.get(..end).unwrap_or_default())
            }
            None => whole.clone(),
        };
        match self.event(&whole, &text, now) {
            Some(event) => event,
            None => self.text.failed(text, now, "_cefparsefailure"),
        }
    }

    fn event(&self, whole: &ByteString, text: &ByteString, now: Timestamp) -> Option<Event> {
        // The event's line, so that values are parts of it.
        let mut event = Event::from_line(whole.clone(), now);
        event.remove(&FieldRef::field("message"));
        if let Some(raw) = &self.raw {
            event.set(raw, event.share(whole));
        }
        let mut rest = chomp(text);
        if rest.contains('\n') {
            return None;
        }
        for (at, field) in self.fields.header.iter().enumerate() {
            let (cell, after) = header(rest)?;
            rest = after;
            let cell = if at == 0 { self.version(&mut event, cell)? } else { cell };
            put(&mut event, field, unescape_header(cell))?;
        }
        self.extensions(&mut event, ruby::strip(rest))?;
        self.text.keep(&mut event, whole);
        Some(event)
    }

    /// What is before the version is a header of syslog.
    fn version<'t>(&self, event: &mut Event, cell: &'t str) -> Option<&'t str> {
        let version = match cell.rsplit_once(' ') {
            Some((syslog, version)) => {
                put(event, &self.fields.syslog, unescape_header(syslog))?;
                version
            }
            None => cell,
        };
        Some(version.strip_prefix("CEF:").unwrap_or(version))
    }

    fn extensions(&self, event: &mut Event, mut rest: &str) -> Option<()> {
        let mut found: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        while let Some(len) = key(rest) {
            let (name, after) = rest.split_at(len);
            let after = after.get(1..)?;
            let (value, after) = after.split_at(value(after));
            rest = after.trim_start_matches(is_space);
            let (name, value) = (self.fields.field(name), unescape_value(value));
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => found.push((name, value)),
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let zone = found.iter().find(|(name, _)| name == "[event][timezone]").map(|(_, zone)| zone.clone());
        for (name, value) in found {
            let field = named(&name)?;
            if !self.fields.is_time(&name) {
                put(event, &field, value)?;
            } else if !value.trim().is_empty() {
                event.set(&field, self.times.parse(&value, zone.as_deref())?);
            } else if name != "@timestamp" {
                event.set(&field, Value::Null);
            }
        }
        Some(())
    }
}

fn put(event: &mut Event, field: &FieldRef, text: Cow<'_, str>) -> Option<()> {
    let value = match text {
        Cow::Borrowed(text) => event.share(text),
        Cow::Owned(text) => Value::from(text),
    };
    (event.can_set(field) && event.set(field, value)).then_some(())
}

/// Without the end of the line.
fn chomp(text: &str) -> &str {
    match text.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => text.strip_suffix('\r').unwrap_or(text),
    }
}

/// The text up to the next bar that is not escaped, and what is after it. Where all are escaped the last one counts, as for
/// Logstash's expression.
fn header(text: &str) -> Option<(&str, &str)> {
    let (bytes, mut at) = (text.as_bytes(), 0);
    let end = loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'|'), _) => break at,
            (Some(b'\\'), Some(b'|' | b'\\')) => at += 2,
            (Some(_), _) => at += 1,
            (None, _) => break text.rfind('|')?,
        }
    };
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// How long the key is that the text begins with, before its equals sign.
fn key(text: &str) -> Option<usize> {
    let word = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
    };
    let mut at = word(0);
    if at == 0 {
        return None;
    }
    // Names below a name.
    while let Some(below) = text.get(at..)?.strip_prefix('.') {
        let len = below
            .find(|c| is_space(c) || matches!(c, '.' | '=' | '|' | '\\' | '[' | ']'))
            .unwrap_or(below.len());
        if len == 0 {
            return None;
        }
        at += 1 + len;
    }
    // A place in a list.
    if let Some(index) = text.get(at..)?.strip_prefix('[') {
        let digits = index.find(|c: char| !c.is_ascii_digit())?;
        if digits == 0 || !index.get(digits..)?.starts_with(']') {
            return None;
        }
        at += digits + 2;
    }
    text.get(at..)?.starts_with('=').then_some(at)
}

/// How long the value is that the text begins with: up to the white space before the next key.
fn value(text: &str) -> usize {
    let mut at = 0;
    while let Some(space) = text.get(at..).and_then(|rest| rest.find(is_space)) {
        let start = at + space;
        let rest = text.get(start..).unwrap_or_default();
        let after = rest.trim_start_matches(is_space);
        if key(after).is_some() {
            return start;
        }
        at = text.len() - after.len();
    }
    text.len()
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

fn unescape_header(text: &str) -> Cow<'_, str> {
    unescape(text, |c| matches!(c, '\\' | '|').then_some(c))
}

fn unescape_value(text: &str) -> Cow<'_, str> {
    unescape(text, |c| match c {
        '\\' | '=' => Some(c),
        'n' => Some('\n'),
        'r' => Some('\r'),
        _ => None,
    })
}

fn unescape(text: &str, means: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.peek().and_then(|next| means(*next)) } else { None };
        match escaped {
            Some(escaped) => {
                chars.next();
                out.push(escaped);
            }
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}
