//! A text with what other fields of its document say taken out, and with its numbers taken out: what is left is a template that few
//! texts do not share. The fields of an access line were cut out of the line, so the line is a template over them.
//!
//! The idea of variables is CLP's (Rodrigues, Luo, Yuan: "CLP: Efficient and Scalable Search on Compressed Text Logs", OSDI 2021). No piece may
//! end within a word, so that the words of a text are those of its pieces.

use crate::mapping::{Datum, Mapped, Valued};
use crate::quick::QuickMap;
use memchr::memmem;
use std::ops::Range;
use std::sync::Arc;

/// Begins the path of a field whose value stands here.
const REF: u8 = 1;
/// Ends that path.
const END: u8 = 2;
/// A variable stands here.
const VAR: u8 = 3;
/// Begins a text that is no template.
const RAW: u8 = 4;

/// Texts longer than this are not searched for values.
const LONG: usize = 16 * 1024;
/// A field's value must be this long to be worth a piece.
const SHORT: usize = 3;
/// Templates of a path that are tried before a text is searched.
const KNOWN: usize = 8;
/// Columns of variables of one path; later variables share the last.
pub(super) const SLOTS: usize = 16;

/// The column of a template's variable.
pub(super) fn slot(at: usize) -> usize {
    at.min(SLOTS - 1)
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// The one value of a keyword path.
    Field(Arc<str>),
    Variable,
}

/// Reads a template as it stands in a column.
pub(super) fn pieces(template: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    if let Some(raw) = template.strip_prefix('\u{4}') {
        return vec![Piece::Literal(raw.to_owned())];
    }
    let mut rest = template;
    while let Some(at) = rest.find(['\u{1}', '\u{3}']) {
        if at > 0 {
            out.push(Piece::Literal(rest[..at].to_owned()));
        }
        if rest.as_bytes()[at] == VAR {
            out.push(Piece::Variable);
            rest = &rest[at + 1..];
        } else {
            let (path, after) = rest[at + 1..].split_once('\u{2}').unwrap_or((&rest[at + 1..], ""));
            out.push(Piece::Field(Arc::from(path)));
            rest = after;
        }
    }
    if !rest.is_empty() {
        out.push(Piece::Literal(rest.to_owned()));
    }
    out
}

/// A document's values, as templates may use them.
pub(super) struct Values<'a> {
    mapped: Mapped<'a>,
    source: &'a str,
}

impl<'a> Values<'a> {
    pub(super) fn new(mapped: Mapped<'a>, source: &'a str) -> Self {
        Self { mapped, source }
    }

    /// The keyword at this place, if it is the only value of its path.
    fn at(&self, place: usize) -> Option<(&'a Arc<str>, &'a str)> {
        let Valued { path, datum: Datum::Exact(text), many: false } = self.mapped.values.get(place)? else {
            return None;
        };
        let alone =
            !self.mapped.dotted || self.mapped.values.iter().filter(|value| value.path == *path).count() == 1;
        alone.then(|| (self.mapped.path(*path), text.of(self.source)))
    }

    /// The same by path; `hint` is where it was last.
    fn of(&self, path: &Arc<str>, hint: usize) -> Option<(usize, &'a str)> {
        if let Some((found, text)) = self.at(hint)
            && Arc::ptr_eq(found, path)
        {
            return Some((hint, text));
        }
        let at =
            |value: &Valued| matches!(value.datum, Datum::Exact(_)) && self.mapped.path(value.path) == path;
        let place = self.mapped.values.iter().position(at)?;
        self.at(place).map(|(_, text)| (place, text))
    }
}

/// What became of a text.
#[derive(Debug, Default)]
pub(super) struct Derived {
    /// As it goes into the column of templates.
    pub(super) template: String,
    /// The variables' places in the text.
    pub(super) variables: Vec<Range<usize>>,
}

struct Known {
    template: String,
    pieces: Vec<(Piece, usize)>,
}

/// Makes templates, and remembers those that fitted lately.
#[derive(Default)]
pub(super) struct Deriver {
    /// By path; of these there are so many as the mapping has.
    known: QuickMap<Arc<str>, Vec<Known>>,
    taken: Vec<(Range<usize>, usize)>,
    candidates: Vec<usize>,
}

impl Deriver {
    /// The template of a text of `path`.
    pub(super) fn derive(&mut self, path: &Arc<str>, text: &str, values: &Values<'_>, out: &mut Derived) {
        out.template.clear();
        out.variables.clear();
        if text.bytes().any(|b| (REF..=RAW).contains(&b)) {
            out.template.push(char::from(RAW));
            out.template.push_str(text);
            return;
        }
        if text.len() > LONG {
            out.template.push_str(text);
            return;
        }
        if let Some(known) = self.known.get_mut(path) {
            for at in 0..known.len() {
                out.variables.clear();
                if fits(&mut known[at].pieces, text, values, &mut out.variables) {
                    out.template.push_str(&known[at].template);
                    known.swap(0, at);
                    return;
                }
            }
            out.variables.clear();
        }
        self.search(text, values, out);
        let known = self.known.entry(Arc::clone(path)).or_default();
        known.truncate(KNOWN - 1);
        let pieces = pieces(&out.template).into_iter().map(|piece| (piece, usize::MAX)).collect();
        known.insert(0, Known { template: out.template.clone(), pieces });
    }

    /// Finds each field's value in the text, the longest first, and variables in what is left.
    fn search(&mut self, text: &str, values: &Values<'_>, out: &mut Derived) {
        self.taken.clear();
        self.candidates.clear();
        let bytes = text.as_bytes();
        let length = |place: usize| values.at(place).map_or(0, |(_, value)| value.len());
        self.candidates.extend(
            (0..values.mapped.values.len()).filter(|place| (SHORT..=text.len()).contains(&length(*place))),
        );
        self.candidates.sort_by_key(|place| std::cmp::Reverse(length(*place)));
        for place in &self.candidates {
            let Some((_, value)) = values.at(*place) else { continue };
            let mut from = 0;
            while let Some(found) = memmem::find(bytes.get(from..).unwrap_or_default(), value.as_bytes()) {
                let range = from + found..from + found + value.len();
                from = range.start + 1;
                match self.taken.iter().find(|(taken, _)| range.start < taken.end && taken.start < range.end)
                {
                    Some((taken, _)) => from = taken.end,
                    None if free(bytes, range.start) && free(bytes, range.end) => {
                        self.taken.push((range, *place));
                        break;
                    }
                    None => {}
                }
            }
        }
        self.taken.sort_unstable_by_key(|(range, _)| range.start);
        let mut at = 0;
        for (range, place) in &self.taken {
            literal(text, at..range.start, out);
            if let Some((path, _)) = values.at(*place) {
                out.template.push(char::from(REF));
                out.template.push_str(path);
                out.template.push(char::from(END));
            }
            at = range.end;
        }
        literal(text, at..text.len(), out);
    }
}

/// A stretch between fields, its variables taken out.
fn literal(text: &str, stretch: Range<usize>, out: &mut Derived) {
    let mut at = stretch.start;
    let mut done = at;
    while at < stretch.end {
        match variable(text.as_bytes(), at, stretch.end) {
            Ok(end) => {
                out.template.push_str(&text[done..at]);
                out.template.push(char::from(VAR));
                out.variables.push(at..end);
                (at, done) = (end, end);
            }
            Err(next) => at = next,
        }
    }
    out.template.push_str(&text[done..stretch.end]);
}

/// Bytes that a word may be made of or joined by, and all that is not ASCII.
fn wordish(byte: u8) -> bool {
    !byte.is_ascii()
        || byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'.' | b',' | b':' | b';' | b'\'')
}

/// Bytes that join words but are none: at the ends of a run they belong to what is around.
fn joiner(byte: u8) -> bool {
    matches!(byte, b'.' | b',' | b':' | b';' | b'\'')
}

/// The end of the variable that begins at `at`, or where to look next.
fn variable(bytes: &[u8], at: usize, end: usize) -> Result<usize, usize> {
    if !wordish(bytes[at]) {
        return Err(at + 1);
    }
    let run = bytes[at..end].iter().position(|b| !wordish(*b)).map_or(end, |length| at + length);
    let leading = bytes[at..run].iter().take_while(|b| joiner(**b)).count();
    if leading > 0 {
        return Err(at + leading);
    }
    let trailing = bytes[at..run].iter().rev().take_while(|b| joiner(**b)).count();
    let stop = run - trailing;
    let digit = bytes[at..stop].iter().any(u8::is_ascii_digit);
    // Where a field's value ends within a run, the run's rest is no variable.
    if digit && free(bytes, at) && free(bytes, stop) { Ok(stop) } else { Err(run) }
}

/// Whether no word goes over this place (UAX 29, rules WB5 to WB13; two bytes to each side decide for ASCII).
fn free(bytes: &[u8], at: usize) -> bool {
    if at == 0 || at >= bytes.len() {
        return true;
    }
    let (before, after) = (bytes[at - 1], bytes[at]);
    if !before.is_ascii() || !after.is_ascii() {
        let apart = |b: u8| b.is_ascii() && !wordish(b) && b != b'"';
        return apart(before) || apart(after);
    }
    if !wordish(before) || !wordish(after) {
        return true;
    }
    let apart = |byte: Option<&u8>| byte.is_none_or(|b| b.is_ascii() && !wordish(*b) && *b != b'"');
    (joiner(after) && apart(bytes.get(at + 1)))
        || (joiner(before) && apart(at.checked_sub(2).and_then(|at| bytes.get(at))))
}

/// Whether a template gives a text; the variables' places where it does.
fn fits(
    pieces: &mut [(Piece, usize)],
    text: &str,
    values: &Values<'_>,
    variables: &mut Vec<Range<usize>>,
) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    for (piece, hint) in pieces {
        if !free(bytes, at) {
            return false;
        }
        match piece {
            Piece::Literal(literal) => {
                if !bytes[at..].starts_with(literal.as_bytes()) {
                    return false;
                }
                at += literal.len();
            }
            Piece::Field(path) => {
                let Some((place, value)) = values.of(path, *hint) else { return false };
                *hint = place;
                if !bytes[at..].starts_with(value.as_bytes()) {
                    return false;
                }
                at += value.len();
            }
            Piece::Variable => {
                let Some(Ok(end)) = (at < bytes.len()).then(|| variable(bytes, at, bytes.len())) else {
                    return false;
                };
                variables.push(at..end);
                at = end;
            }
        }
    }
    at == bytes.len()
}

/// Cuts a text that is too long for one value of a column, where words end if they do.
pub(super) fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.floor_char_boundary(LONG.min(rest.len()));
        if end < rest.len()
            && let Some(space) = rest[..end].rfind([' ', '\n', '\t']).filter(|at| *at > 0)
        {
            end = space;
        }
        let (head, tail) = rest.split_at(end);
        rest = tail;
        Some(head)
    })
}

/// The words of a column's value: those of the stretches between its marks, which no phrase goes over.
pub(super) fn stretches(template: &str) -> Vec<String> {
    pieces(template)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Batch;
    use crate::query::words::words;
    use proptest::prelude::*;

    /// The text again, and the words of all pieces.
    fn back(derived: &Derived, text: &str, mapped: Mapped<'_>) -> (String, Vec<String>) {
        let (mut out, mut found) = (String::new(), Vec::new());
        let mut variables = derived.variables.iter();
        for piece in pieces(&derived.template) {
            let piece = match piece {
                Piece::Literal(text) => text,
                Piece::Field(path) => {
                    match &mapped.values.iter().find(|v| *mapped.path(v.path) == path).unwrap().datum {
                        Datum::Exact(text) => text.of("").to_owned(),
                        _ => unreachable!(),
                    }
                }
                Piece::Variable => text[variables.next().unwrap().clone()].to_owned(),
            };
            found.extend(words(&piece));
            out.push_str(&piece);
        }
        (out, found)
    }

    #[test]
    fn an_access_line_is_its_fields() {
        let batch = Batch::exact(&[
            ("url.original", "/a/b.php?x=1".to_owned()),
            ("source.address", "10.0.0.1".to_owned()),
            ("http.request.method", "GET".to_owned()),
            ("user_agent.original", "Mozilla/5.0 (X11)".to_owned()),
        ]);
        let mapped = batch.whole();
        let mut deriver = Deriver::default();
        let mut out = Derived::default();
        let path = Arc::from("message");
        for second in [11, 12] {
            let text = format!(
                "10.0.0.1 - - [25/Nov/2026:10:00:{second} +0000] \"GET /a/b.php?x=1 HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11)\""
            );
            deriver.derive(&path, &text, &Values::new(mapped, ""), &mut out);
            insta(&out.template);
            let (again, found) = back(&out, &text, mapped);
            assert_eq!((again.as_str(), found), (text.as_str(), words(&text)));
        }
        fn insta(template: &str) {
            let shown: String =
                template.chars().map(|c| if c < ' ' { (b'A' + c as u8 - 1) as char } else { c }).collect();
            assert_eq!(
                shown,
                "Asource.addressB - - [C/Nov/C +C] \"Ahttp.request.methodB Aurl.originalB HTTP/C\" C C \"-\" \"Auser_agent.originalB\""
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn gives_the_text_and_its_words_again(
            texts in prop::collection::vec("[ab1 .,:;'_\"/\u{e9}\u{5d0}\u{301}\u{30a2}\u{1}-]{0,20}", 1..4),
            values in prop::collection::vec("[ab1.:\u{e9}\u{5d0}_/ -]{3,5}", 0..4),
        ) {
            let paths = ["p", "q", "r", "s"];
            let pairs: Vec<(&str, String)> = paths.into_iter().zip(values).collect();
            let batch = Batch::exact(&pairs);
            let mapped = batch.whole();
            let mut deriver = Deriver::default();
            let mut out = Derived::default();
            for text in texts {
                // With a value in it, or it would hardly ever have one.
                let text = pairs.first().map_or(text.clone(), |(_, value)| format!("{text}{value}{text}"));
                deriver.derive(&Arc::from("message"), &text, &Values::new(mapped, ""), &mut out);
                let (again, found) = back(&out, &text, mapped);
                prop_assert_eq!(&again, &text);
                prop_assert_eq!(found, words(&text), "{:?}", out.template);
            }
        }
    }
}
