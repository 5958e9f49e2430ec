//! A document's source as its columns give it: the *shape* is the source with its plain values taken out, and for each of them a mark that
//! says which column has it and how it was written. A value that would not come back byte for byte is kept as it was sent.

use super::columns::Columns;
use super::template::{self, Piece};
use crate::error::StoreError;
use crate::json::Kind;
use crate::mapping::types::ip_text;
use crate::mapping::{Datum, Located, Valued};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use tantivy::columnar::DynamicColumn;

/// Begins a mark, which no JSON text can hold; the letter and the path follow.
const MARK: char = '\u{1}';
/// Ends it.
const END: char = '\u{2}';

/// How a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `k.`: a string; escaped as `serde_json` does.
    String,
    /// `k.`: an address.
    Address,
    /// `t.`: a text; escaped as above.
    Text,
    /// `n.`: a whole number.
    Int,
    Bool,
    /// `n.`: a date with milliseconds and `Z`.
    Millis,
    /// `n.`: a date with seconds and `Z`.
    Seconds,
    /// `n.`: as `serde_json` writes a float.
    Float,
    /// `n.`: the same of 32 bits.
    Single,
    /// `l.`: as it was sent.
    Kept,
    /// A value of the column that is not shown here, and counted only: of a keyword, a text, a number.
    SkipString,
    SkipText,
    SkipNumber,
    /// The first value of the column, not counted: of a keyword, a text.
    SameString,
    SameText,
}

const FORMS: [(Form, char, char); 15] = [
    (Form::String, 's', 'k'),
    (Form::Address, 'a', 'k'),
    (Form::Text, 't', 't'),
    (Form::Int, 'i', 'n'),
    (Form::Bool, 'b', 'n'),
    (Form::Millis, 'd', 'n'),
    (Form::Seconds, 'e', 'n'),
    (Form::Float, 'f', 'n'),
    (Form::Single, 'g', 'n'),
    (Form::Kept, 'l', 'l'),
    (Form::SkipString, 'x', 'k'),
    (Form::SkipText, 'y', 't'),
    (Form::SkipNumber, 'z', 'n'),
    (Form::SameString, 'S', 'k'),
    (Form::SameText, 'T', 't'),
];

impl Form {
    fn letter(self) -> char {
        FORMS.iter().find(|(form, ..)| *form == self).map_or('?', |(_, letter, _)| *letter)
    }

    fn of(letter: char) -> Option<(Self, char)> {
        FORMS.iter().find(|(_, l, _)| *l == letter).map(|(form, _, column)| (*form, *column))
    }
}

/// Puts a mark into a shape.
pub(super) fn mark(shape: &mut String, form: Form, path: &str) {
    shape.push(MARK);
    shape.push(form.letter());
    shape.push_str(path);
    shape.push(END);
}

/// The form in which a value gives what was sent, if there is one.
pub(super) fn form(value: &Valued, kind: Kind, raw: &str, source: &str, room: &mut String) -> Option<Form> {
    let quoted = matches!(kind, Kind::Text | Kind::Escaped);
    match &value.datum {
        Datum::Exact(text) => {
            let text = text.of(source);
            // What was no string but is searched as one was sent without quotes; they are outside of the mark.
            if same(text, kind, raw) {
                Some(Form::String)
            } else {
                (quoted && text.len() == 32 && ip_text(text) == raw).then_some(Form::Address)
            }
        }
        Datum::Words(text) => same(text.of(source), kind, raw).then_some(Form::Text),
        Datum::Int(n) => [Form::Int, Form::Bool, Form::Millis, Form::Seconds].into_iter().find(|form| {
            // The cheap refusals first: most values have one form by their kind.
            let may = match form {
                Form::Bool => kind == Kind::Bool || (quoted && raw.len() <= 5),
                Form::Int => kind != Kind::Bool && raw.len() <= 20 && !raw.ends_with('Z'),
                _ => quoted && raw.ends_with('Z'),
            };
            may && {
                room.clear();
                number(*form, Number::Int(*n), room);
                room == raw
            }
        }),
        Datum::Float(n) => [Form::Float, Form::Single, Form::Int].into_iter().find(|form| {
            room.clear();
            number(*form, Number::Float(*n), room);
            room == raw
        }),
    }
}

/// Whether a text, escaped as [`escape`] does, is what was sent.
fn same(text: &str, kind: Kind, raw: &str) -> bool {
    if kind != Kind::Escaped {
        return text == raw;
    }
    // The text is the sent one without its escapes; so only the way of escaping is left to look at.
    let mut rest = raw.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        if matches!(rest.get(at + 1), Some(b'/' | b'u') | None) {
            return false;
        }
        rest = &rest[at + 2..];
    }
    true
}

#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

fn number(form: Form, number: Number, out: &mut String) {
    let _ = match (form, number) {
        (Form::Bool, Number::Int(n)) => write!(out, "{}", n != 0),
        (Form::Millis | Form::Seconds, Number::Int(n)) => {
            iso(n, form == Form::Millis, out);
            Ok(())
        }
        (_, Number::Int(n)) => write!(out, "{n}"),
        (Form::Int, Number::Float(n)) if n.fract() == 0.0 && n.abs() < 1e15 => write!(out, "{}", n as i64),
        (Form::Single, Number::Float(n)) => {
            serde_json::to_string(&(n as f32)).map_or(Ok(()), |s| out.write_str(&s))
        }
        (_, Number::Float(n)) => serde_json::to_string(&n).map_or(Ok(()), |s| out.write_str(&s)),
    };
}

/// `2026-11-25T10:00:00.086Z`; years of four digits only.
fn iso(millis: i64, fraction: bool, out: &mut String) {
    let days = millis.div_euclid(86_400_000);
    // Hinnant's `civil_from_days`.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let (year, day) = (yoe + era * 400 + i64::from(month <= 2), doy - (153 * mp + 2) / 5 + 1);
    if !(0..10_000).contains(&year) {
        return;
    }
    let left = millis.rem_euclid(86_400_000);
    let mut put = |n: i64, digits: u32| {
        for place in (0..digits).rev() {
            let digit = u8::try_from(n / 10i64.pow(place) % 10).unwrap_or(0);
            out.push(char::from(b'0' + digit));
        }
    };
    put(year, 4);
    let mut two = |sign: char, n: i64| {
        out.push(sign);
        out.push(char::from(b'0' + u8::try_from(n / 10).unwrap_or(0)));
        out.push(char::from(b'0' + u8::try_from(n % 10).unwrap_or(0)));
    };
    two('-', month);
    two('-', day);
    two('T', left / 3_600_000);
    two(':', left / 60_000 % 60);
    two(':', left / 1000 % 60);
    if fraction {
        two('.', left % 1000 / 10);
        out.push(char::from(b'0' + u8::try_from(left % 10).unwrap_or(0)));
    }
    out.push('Z');
}

/// As `serde_json` escapes a string, without the quotes.
fn escape(text: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[done..at]);
        done = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(&text[done..]);
}

/// The form by which a value that stands alone and gave a leaf's bytes gives them to another leaf with the same ones, which need not be kept.
pub(super) fn shared(leaf: &Located, form: Form) -> Option<Form> {
    match form {
        Form::String if !leaf.many => Some(Form::SameString),
        Form::Text if !leaf.many => Some(Form::SameText),
        _ => None,
    }
}

/// Reads documents of one segment back.
pub(super) struct Sources<'a> {
    columns: &'a Columns,
}

impl<'a> Sources<'a> {
    pub(super) fn new(columns: &'a Columns) -> Self {
        Self { columns }
    }

    fn damaged(what: &str) -> StoreError {
        StoreError::Damaged { path: "segment".into(), reason: what.to_owned() }
    }

    /// The strings of a row in a column, in their order.
    fn strings(&self, name: &str, row: u32) -> Result<Vec<String>, StoreError> {
        let Some(column) = self.columns.strings(name)? else { return Ok(Vec::new()) };
        column.ords().values_for_doc(row).map(|ordinal| self.columns.text(name, &column, ordinal)).collect()
    }

    /// All texts of a path in a row, in their order.
    pub(super) fn texts(&self, path: &str, row: u32) -> Result<Vec<String>, StoreError> {
        let templates = self.strings(&format!("t.{path}"), row)?;
        let mut variables: HashMap<usize, std::vec::IntoIter<String>> = HashMap::new();
        let mut out = Vec::with_capacity(templates.len());
        for template in templates {
            let mut text = String::new();
            let mut at = 0;
            for piece in template::pieces(&template) {
                match piece {
                    Piece::Literal(literal) => text.push_str(&literal),
                    Piece::Field(field) => {
                        let value = self.strings(&format!("k.{field}"), row)?.into_iter().next();
                        text.push_str(
                            &value.ok_or_else(|| Self::damaged("a field of a template is missing"))?,
                        );
                    }
                    Piece::Variable => {
                        let slot = template::slot(at);
                        at += 1;
                        let values = match variables.entry(slot) {
                            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                            std::collections::hash_map::Entry::Vacant(entry) => {
                                entry.insert(self.strings(&format!("v{slot}.{path}"), row)?.into_iter())
                            }
                        };
                        let value = values.next();
                        text.push_str(
                            &value.ok_or_else(|| Self::damaged("a variable of a template is missing"))?,
                        );
                    }
                }
            }
            out.push(text);
        }
        Ok(out)
    }

    /// The source of a row.
    pub(super) fn source(&self, row: u32) -> Result<Vec<u8>, StoreError> {
        let shape = self.strings("_shape", row)?.concat();
        let mut out = String::with_capacity(shape.len() * 2);
        let mut counts: HashMap<(char, &str), usize> = HashMap::new();
        let mut texts: HashMap<&str, Vec<String>> = HashMap::new();
        let mut rest = shape.as_str();
        while let Some((before, after)) = rest.split_once(MARK) {
            out.push_str(before);
            let mut letters = after.chars();
            let form = letters.next().and_then(Form::of);
            let (Some((form, column)), Some((path, after))) = (form, letters.as_str().split_once(END)) else {
                return Err(Self::damaged("a mark of a shape is not readable"));
            };
            rest = after;
            let at = match form {
                Form::SameString | Form::SameText => 0,
                _ => {
                    let count = counts.entry((column, path)).or_default();
                    *count += 1;
                    *count - 1
                }
            };
            let missing = || Self::damaged("a value of a shape is missing");
            match form {
                Form::SkipString | Form::SkipText | Form::SkipNumber => {}
                Form::Text | Form::SameText => {
                    let texts = match texts.entry(path) {
                        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                        std::collections::hash_map::Entry::Vacant(entry) => {
                            entry.insert(self.texts(path, row)?)
                        }
                    };
                    escape(texts.get(at).ok_or_else(missing)?, &mut out);
                }
                Form::String | Form::SameString | Form::Address | Form::Kept => {
                    let name = format!("{column}.{path}");
                    let strings = self.columns.strings(&name)?.ok_or_else(missing)?;
                    let ordinal = strings.ords().values_for_doc(row).nth(at).ok_or_else(missing)?;
                    let value = self.columns.text(&name, &strings, ordinal)?;
                    match form {
                        Form::Kept => out.push_str(&value),
                        Form::Address => out.push_str(&ip_text(&value)),
                        _ => escape(&value, &mut out),
                    }
                }
                _ => {
                    let value = match self.columns.column(&format!("n.{path}"))?.ok_or_else(missing)? {
                        DynamicColumn::I64(column) => column.values_for_doc(row).nth(at).map(Number::Int),
                        DynamicColumn::U64(column) => column
                            .values_for_doc(row)
                            .nth(at)
                            .and_then(|n| i64::try_from(n).ok())
                            .map(Number::Int),
                        DynamicColumn::F64(column) => column.values_for_doc(row).nth(at).map(Number::Float),
                        _ => None,
                    };
                    number(form, value.ok_or_else(missing)?, &mut out);
                }
            }
        }
        out.push_str(rest);
        Ok(out.into_bytes())
    }
}

/// Cuts a string that one value of a column cannot hold.
pub(super) fn cut(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (head, tail) = rest.split_at(rest.floor_char_boundary(32_000.min(rest.len())));
        rest = tail;
        Some(Cow::Borrowed(head))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_written_as_they_came() {
        for text in [
            "2026-11-25T10:00:00.086Z",
            "1969-12-31T23:59:59.999Z",
            "2000-02-29T00:00:00.000Z",
            "0001-01-01T00:00:00.000Z",
        ] {
            let millis = crate::dates::parse(text, crate::dates::DEFAULT).unwrap();
            let mut out = String::new();
            iso(millis, true, &mut out);
            assert_eq!(out, text);
        }
    }

    proptest! {
        #[test]
        fn escapes_as_serde_json(text in "\\PC{0,8}[\u{0}-\u{1f}\"\\\\/\u{7f}\u{e9}]{0,8}") {
            let mut out = String::new();
            escape(&text, &mut out);
            prop_assert_eq!(format!("\"{out}\""), serde_json::to_string(&text).unwrap());
        }
    }
}
