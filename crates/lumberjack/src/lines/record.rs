//! Records: documents, templates and lines as bytes.
//! The crate's head has their form.

use super::{Line, template::Template};

const DOCUMENT: u8 = 0;
const TEMPLATE: u8 = 1;
const LINE: u8 = 2;
const SEVERAL: u8 = 4;
const CUT: u8 = 8;
const PLACED: u8 = 16;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record<'b> {
    Document(&'b [u8]),
    Template(Parts<'b>),
    Line { text: &'b [u8], offset: u64, cut: bool, several: bool },
}

/// A template's parts where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'b> {
    start: &'b [u8],
    place: &'b [u8],
    rest: &'b [u8],
}

impl Parts<'_> {
    pub(super) fn to_template(self) -> Template {
        Template { start: self.start.to_vec(), place: self.place.to_vec(), rest: self.rest.to_vec() }
    }
}

/// Reads records one after the other.
#[derive(Clone, Debug)]
pub(super) struct Records<'b> {
    bytes: &'b [u8],
    /// Where the next record begins.
    pub(super) at: usize,
    /// Where the next line is, unless it says otherwise; none before the first of a template.
    next: Option<u64>,
    /// There was a template.
    begun: bool,
}

impl<'b> Records<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, next: None, begun: false }
    }

    /// The next record; `None` at the end and where none is, which [`is_at_end`](Self::is_at_end) tells apart.
    pub(super) fn next(&mut self) -> Option<Record<'b>> {
        let before = self.at;
        let record = self.read();
        if record.is_none() {
            self.at = before;
        }
        record
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn read(&mut self) -> Option<Record<'b>> {
        let kind = *self.bytes.get(self.at)?;
        self.at += 1;
        let len = self.number()?;
        match kind {
            DOCUMENT => {
                self.next = None;
                Some(Record::Document(self.take(len)?))
            }
            TEMPLATE => {
                let whole = self.take(len)?;
                let mut parts = Records::new(whole);
                let mut part = || {
                    let len = parts.number()?;
                    parts.take(len)
                };
                let (start, place) = (part()?, part()?);
                let rest = whole.get(parts.at..)?;
                (self.begun, self.next) = (true, None);
                Some(Record::Template(Parts { start, place, rest }))
            }
            kind if self.begun && kind & 3 == LINE && kind < 32 => {
                let offset = if kind & PLACED != 0 { self.number()? } else { self.next? };
                let text = self.take(len)?;
                self.next = Some(behind(offset, len));
                Some(Record::Line { text, offset, cut: kind & CUT != 0, several: kind & SEVERAL != 0 })
            }
            _ => None,
        }
    }

    fn take(&mut self, len: u64) -> Option<&'b [u8]> {
        let end = self.at.checked_add(usize::try_from(len).ok()?)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// LEB128, in as few bytes as it can be: what is read is what would be written.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            let part = u64::from(byte & 0x7F);
            if (part << shift) >> shift != part {
                return None;
            }
            number |= part << shift;
            if byte < 0x80 {
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }
}

/// Where the line begins that follows one of `len` bytes, as most do.
pub(super) fn behind(offset: u64, len: u64) -> u64 {
    offset.wrapping_add(len).wrapping_add(1)
}

pub(super) fn write_document(document: &[u8], out: &mut Vec<u8>) {
    head(DOCUMENT, document.len(), out);
    out.extend_from_slice(document);
}

pub(super) fn write_template(template: &Template, out: &mut Vec<u8>) {
    let mut lengths = Vec::with_capacity(20);
    number(template.start.len() as u64, &mut lengths);
    let first = lengths.len();
    number(template.place.len() as u64, &mut lengths);
    head(TEMPLATE, lengths.len() + template.len(), out);
    let (first, second) = lengths.split_at(first);
    for part in [first, &template.start, second, &template.place, &template.rest] {
        out.extend_from_slice(part);
    }
}

pub(super) fn write_line(line: &Line<'_>, placed: bool, out: &mut Vec<u8>) {
    let kind = LINE | if line.several { SEVERAL } else { 0 } | if line.cut { CUT } else { 0 };
    head(kind | if placed { PLACED } else { 0 }, line.text.len(), out);
    if placed {
        number(line.offset, out);
    }
    out.extend_from_slice(line.text.as_bytes());
}

fn head(kind: u8, len: usize, out: &mut Vec<u8>) {
    out.push(kind);
    number(len as u64, out);
}

fn number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written_and_no_other_bytes_are_it(n: u64, other: [u8; 10]) {
            let mut out = Vec::new();
            number(n, &mut out);
            proptest::prop_assert_eq!(Records::new(&out).number(), Some(n));
            let mut records = Records::new(&other);
            if let Some(n) = records.number() {
                out.clear();
                number(n, &mut out);
                proptest::prop_assert_eq!(&out[..], &other[..records.at]);
            }
        }
    }
}
