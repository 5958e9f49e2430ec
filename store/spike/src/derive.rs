//! A text with what other fields of its document say taken out: the fields of an access line were cut out of the line, so the line is
//! a template (nearly always the same one) over them. 0xFF, which UTF-8 never has, and a field's number stand for its value.

use crate::fields::{Doc, FIELDS, Kind, Leaf, MESSAGE, ORIGINAL, write_apache_time};
use memchr::memmem;

pub const MARK: u8 = 0xFF;

/// What a field looks like within a text.
fn spell(field: usize, leaf: &Leaf<'_>, out: &mut Vec<u8>) {
    match (FIELDS[field].1, leaf) {
        (Kind::Date, Leaf::Int(ms)) => write_apache_time(out, *ms),
        (_, Leaf::Int(n)) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
        (_, Leaf::Str(text)) => out.extend_from_slice(text.as_bytes()),
    }
}

/// Room that is used again for the next document.
#[derive(Default)]
pub struct Deriver {
    spelled: Vec<u8>,
    values: Vec<(usize, usize, usize)>,
    taken: Vec<(usize, usize, usize)>,
    /// Templates that fitted lately: most documents are like one of the last, which is quicker to try than to search.
    known: Vec<Vec<u8>>,
}

impl Deriver {
    /// The template of a document's text.
    pub fn template(&mut self, doc: &Doc<'_>, of: usize, out: &mut Vec<u8>) {
        out.clear();
        let Some(text) = doc.0[of].as_ref().map(|leaf| leaf.str().as_bytes()) else { return };
        if of == ORIGINAL && doc.0[MESSAGE].as_ref().is_some_and(|leaf| leaf.str().as_bytes() == text) {
            out.extend_from_slice(&[MARK, MESSAGE as u8]);
            return;
        }
        if let Some(at) = self.known.iter().position(|known| fits(known, doc, text, &mut self.spelled)) {
            out.extend_from_slice(&self.known[at]);
            self.known.swap(0, at);
            return;
        }
        self.search(doc, text, out);
        if out.len() < text.len() {
            self.known.insert(0, out.clone());
            self.known.truncate(8);
        }
    }

    /// Finds each field's value in the text, the longest first.
    fn search(&mut self, doc: &Doc<'_>, text: &[u8], out: &mut Vec<u8>) {
        self.spelled.clear();
        self.values.clear();
        self.taken.clear();
        for (field, leaf) in doc.0.iter().enumerate() {
            let Some(leaf) = leaf else { continue };
            if matches!(FIELDS[field].1, Kind::Text | Kind::Kept) {
                continue;
            }
            let from = self.spelled.len();
            spell(field, leaf, &mut self.spelled);
            let length = self.spelled.len() - from;
            if (2..=text.len()).contains(&length) {
                self.values.push((from, length, field));
            }
        }
        self.values.sort_unstable_by_key(|(_, length, _)| std::cmp::Reverse(*length));
        // A word must not go over the end of a piece, so that the words of a text are those of its pieces.
        let joins = |b: Option<&u8>| {
            b.is_some_and(|b| !b.is_ascii() || b.is_ascii_alphanumeric() || b"_.:,;'".contains(b))
        };
        for (from, length, field) in &self.values {
            let value = &self.spelled[*from..from + length];
            let mut at = 0;
            while let Some(found) = memmem::find(&text[at..], value) {
                let (begin, end) = (at + found, at + found + length);
                at = begin + 1;
                let whole = !(begin > 0 && joins(text.get(begin - 1))) && !joins(text.get(end));
                match self.taken.iter().find(|(b, e, _)| begin < *e && *b < end) {
                    Some((_, e, _)) => at = *e,
                    None if whole => {
                        self.taken.push((begin, end, *field));
                        break;
                    }
                    None => {}
                }
            }
        }
        self.taken.sort_unstable();
        let mut at = 0;
        for (begin, end, field) in &self.taken {
            out.extend_from_slice(&text[at..*begin]);
            out.extend_from_slice(&[MARK, *field as u8]);
            at = *end;
        }
        out.extend_from_slice(&text[at..]);
    }
}

/// Whether a template gives a text.
fn fits(template: &[u8], doc: &Doc<'_>, text: &[u8], spelled: &mut Vec<u8>) -> bool {
    let mut rest = text;
    let mut at = 0;
    while at < template.len() {
        let piece = if template[at] == MARK {
            let field = usize::from(template.get(at + 1).copied().unwrap_or(u8::MAX));
            let Some(leaf) = doc.0.get(field).and_then(Option::as_ref) else { return false };
            at += 2;
            spelled.clear();
            if let Leaf::Str(text) = leaf {
                text.as_bytes()
            } else {
                spell(field, leaf, spelled);
                spelled.as_slice()
            }
        } else {
            let end = memchr::memchr(MARK, &template[at..]).map_or(template.len(), |n| at + n);
            let piece = &template[at..end];
            at = end;
            piece
        };
        match rest.strip_prefix(piece) {
            Some(left) => rest = left,
            None => return false,
        }
    }
    rest.is_empty()
}

/// The text of a template.
pub fn restore(template: &[u8], doc: &Doc<'_>) -> String {
    let mut out = Vec::with_capacity(256);
    let mut bytes = template.iter();
    while let Some(byte) = bytes.next() {
        if *byte != MARK {
            out.push(*byte);
        } else if let Some(field) = bytes.next()
            && let Some(leaf) = doc.0.get(usize::from(*field)).and_then(Option::as_ref)
        {
            spell(usize::from(*field), leaf, &mut out);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
