//! Lines as our own ends keep and send them: what all have in common once, and of each no more than its text.

mod record;
mod template;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use self::record::{Record, Records};
pub use self::template::{Line, Template, write_id};
use crate::{Compression, Packer, Payload, ProtocolError, ask};

/// Events in order, for one or more windows: lines of files, and whole documents between them. What is kept is what one of our own
/// collectors is sent; for others every line becomes the document that it is short for.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// Records, one behind the other.
    buffer: Vec<u8>,
    /// Where the record of each event begins.
    starts: Vec<usize>,
    /// What the next line may be of without saying so, and where it is then.
    last: Option<(Arc<Template>, u64)>,
    /// Bytes of the longest template.
    longest: usize,
}

/// What is kept is the buffer; the rest is read from it.
impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.buffer == other.buffer
    }
}

impl Eq for Lines {}

/// Bytes that are no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} is not where event {number} is")]
pub struct LinesError {
    /// The number of the event that is not there, from 1.
    pub number: usize,
    /// Where it should begin.
    pub at: usize,
}

/// What a line's document has besides template and text, about: offset and id.
const OWN: usize = 64;

impl Lines {
    /// None, and room for as many as there are here.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        let (buffer, starts) = (Vec::with_capacity(self.buffer.len()), Vec::with_capacity(self.starts.len()));
        Self { buffer, starts, last: None, longest: 0 }
    }

    /// Adds a document.
    pub fn push(&mut self, document: &[u8]) {
        self.starts.push(self.buffer.len());
        record::write_document(document, &mut self.buffer);
        self.last = None;
    }

    /// Adds a line.
    pub fn push_line(&mut self, template: &Arc<Template>, line: &Line<'_>) {
        let place = match &self.last {
            Some((last, place)) if Arc::ptr_eq(last, template) => Some(*place),
            _ => {
                record::write_template(template, &mut self.buffer);
                self.longest = self.longest.max(template.len());
                None
            }
        };
        self.starts.push(self.buffer.len());
        record::write_line(line, place != Some(line.offset), &mut self.buffer);
        let behind = record::behind(line.offset, line.text.len() as u64);
        match &mut self.last {
            Some((_, next)) if place.is_some() => *next = behind,
            last => *last = Some((template.clone(), behind)),
        }
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of the events of `range` before they are packed, about.
    pub fn bytes_of(&self, range: Range<usize>, compression: Compression) -> usize {
        let own = if self.longest > 0 && !compression.is_our_own() { self.longest + OWN } else { 0 };
        self.span(range.clone()).len() + own * range.len()
    }

    /// As many of `range` as are at most `limit` bytes, but at least one.
    pub fn fitting(&self, range: Range<usize>, limit: usize, compression: Compression) -> Range<usize> {
        let start = range.start;
        if self.bytes_of(range.clone(), compression) <= limit {
            return range;
        }
        let fits = |end: &usize| self.bytes_of(start..*end, compression) <= limit;
        let end = (start + 1..range.end).rev().find(fits).unwrap_or(start + 1);
        start..end.min(range.end.max(start))
    }

    /// The documents that the events are or are short for, in order.
    pub fn documents(&self) -> Vec<Vec<u8>> {
        let mut documents = Vec::new();
        self.each(0..self.len(), |write| {
            let mut document = Vec::new();
            write(&mut document);
            documents.push(document);
        });
        documents
    }

    /// Calls `take` for every event of `range` with what writes its document.
    fn each(&self, range: Range<usize>, mut take: impl FnMut(&dyn Fn(&mut Vec<u8>))) {
        let mut template = Template::default();
        let mut records = Records::new(self.buffer.get(..self.span(0..range.end).end).unwrap_or_default());
        let mut at = 0;
        while let Some(record) = records.next() {
            match record {
                Record::Template(parts) => {
                    template = parts.to_template();
                    continue;
                }
                _ if at < range.start => {}
                Record::Document(document) => take(&|out| out.extend_from_slice(document)),
                Record::Line { text, offset, cut, several } => {
                    // Text went in, or was found to be in what came from outside.
                    let text = std::str::from_utf8(text).unwrap_or_default();
                    take(&|out| template.write(&Line { text, offset, cut, several }, out));
                }
            }
            at += 1;
        }
    }

    /// Appends a window of the events of `range` to `out`, as everybody reads it or as our own collectors do. Where `asks`, the first
    /// document has the question for our own form in it; says whether there was a place for that.
    pub fn window(&self, range: Range<usize>, asks: bool, packer: &mut Packer, out: &mut Vec<u8>) -> bool {
        let range = range.start.min(self.len())..range.end.min(self.len());
        begin(range.len(), out);
        if range.is_empty() {
            return false;
        }
        if packer.compression().is_our_own() {
            let (before, span) = self.own(range);
            packer.records(&before, self.buffer.get(span).unwrap_or_default(), out);
            return false;
        }
        let mut asked = false;
        packer.frames(out, |sink| {
            let mut may_ask = asks;
            self.each(range.clone(), |write| {
                sink.frame(|out| {
                    let from = out.len();
                    write(out);
                    if std::mem::take(&mut may_ask)
                        && let Some(asking) = out.get(from..).and_then(ask)
                    {
                        asked = true;
                        out.truncate(from);
                        out.extend_from_slice(&asking);
                    }
                });
            });
        });
        asked
    }

    /// A window in our own form without packing, the most of which need not be made: appends what stands before, and says where the
    /// rest is in [`Lines::as_buffer`].
    pub fn own_window(&self, range: Range<usize>, out: &mut Vec<u8>) -> Range<usize> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        begin(range.len(), out);
        if range.is_empty() {
            return 0..0;
        }
        let (before, span) = self.own(range);
        out.extend_from_slice(b"2B");
        out.extend_from_slice(&((before.len() + span.len()) as u32).to_be_bytes());
        out.extend_from_slice(&before);
        span
    }

    /// The records of `range`: those that have to be made for it, and where the rest stands.
    fn own(&self, range: Range<usize>) -> (Vec<u8>, Range<usize>) {
        let span = self.span(range.clone());
        if range.start == 0 {
            return (Vec::new(), 0..span.end);
        }
        // The first line says what it is of, and where it is.
        let (mut before, mut records) = (Vec::new(), Records::new(&self.buffer));
        let mut template = None;
        while records.at < span.end {
            let at = records.at;
            match records.next() {
                None => break,
                Some(Record::Template(parts)) => template = Some(parts),
                _ if at < span.start => {}
                Some(Record::Document(_)) => {
                    // A line behind it says where it is, but not what it is of.
                    template
                        .iter()
                        .for_each(|parts| record::write_template(&parts.to_template(), &mut before));
                    return (before, at..span.end);
                }
                Some(Record::Line { text, offset, cut, several }) => {
                    template
                        .iter()
                        .for_each(|parts| record::write_template(&parts.to_template(), &mut before));
                    let text = std::str::from_utf8(text).unwrap_or_default();
                    record::write_line(&Line { text, offset, cut, several }, true, &mut before);
                    return (before, records.at..span.end);
                }
            }
        }
        (before, span)
    }

    /// The buffer, for [`Lines::from_buffer`].
    pub fn as_buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// What [`Lines::as_buffer`] gave.
    ///
    /// # Errors
    /// It is not that.
    pub fn from_buffer(buffer: Vec<u8>) -> Result<Self, LinesError> {
        let (mut starts, mut longest) = (Vec::new(), 0);
        let mut records = Records::new(&buffer);
        while !records.is_at_end() {
            let at = records.at;
            match records.next() {
                Some(Record::Template(parts)) => longest = longest.max(parts.to_template().len()),
                Some(Record::Document(_)) => starts.push(at),
                Some(Record::Line { text, .. }) if std::str::from_utf8(text).is_ok() => starts.push(at),
                _ => return Err(LinesError { number: starts.len() + 1, at }),
            }
        }
        Ok(Self { buffer, starts, last: None, longest })
    }

    /// Where the records of a range stand.
    fn span(&self, range: Range<usize>) -> Range<usize> {
        let start = |at: usize| self.starts.get(at).copied().unwrap_or(self.buffer.len());
        start(range.start)..start(range.end).max(start(range.start))
    }
}

fn begin(events: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"2W");
    out.extend_from_slice(&(events as u32).to_be_bytes());
}

/// The events among records that a sender wrote, of which nothing is known. `take` may refuse one.
pub(crate) fn read(
    bytes: &Bytes,
    mut take: impl FnMut(Payload) -> Result<(), ProtocolError>,
) -> Result<(), ProtocolError> {
    let mut template = Arc::new(Template::default());
    let mut records = Records::new(bytes);
    while !records.is_at_end() {
        let at = records.at;
        take(match records.next() {
            Some(Record::Template(parts)) => {
                template = Arc::new(parts.to_template());
                continue;
            }
            Some(Record::Document(document)) => Payload::Json(bytes.slice_ref(document)),
            Some(Record::Line { text, offset, cut, several }) => {
                let text = bytes.slice_ref(text);
                Payload::Line { template: template.clone(), text, offset, cut, several }
            }
            None => return Err(ProtocolError::Record { at }),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
