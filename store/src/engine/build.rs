//! A segment in the making: documents become columns as they come.

use super::file::Writer;
use super::source::{self, Form};
use super::template::{self, Derived, Deriver, Values};
use super::{About, index};
use crate::bits::Bits;
use crate::engine::columns::Columns;
use crate::error::StoreError;
use crate::mapping::Datum;
use crate::quick::{QuickMap, id_key};
use crate::segments::Incoming;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use tantivy::columnar::{ColumnarReader, ColumnarWriter};
use tantivy::directory::{FileSlice, OwnedBytes};

/// Leaves of this number and beyond share a column.
const LEAVES: usize = 999;
/// Texts longer than this go into several values.
const LONG_TEXT: usize = 16 * 1024;

/// Documents that are not a segment yet.
#[derive(Default)]
pub(super) struct Buffer {
    columns: ColumnarWriter,
    rows: u32,
    /// Bytes of the sources.
    bytes: usize,
    deriver: Deriver,
    /// The newest row of an id, by the id's hash.
    ids: QuickMap<u128, u32>,
    /// Rows that were replaced or deleted before they became a segment.
    dead: Vec<u32>,
    room: Room,
}

/// Room that is used again for the next document.
#[derive(Default)]
struct Room {
    name: String,
    shape: String,
    written: String,
    derived: Derived,
    marks: Vec<Vec<(Form, Of)>>,
}

/// Which column a mark means.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// That of a path, by its number in the batch.
    Path(u32),
    /// That of what is kept of the leaf with this number.
    Leaf(usize),
}

fn name<'a>(room: &'a mut String, kind: char, path: &str) -> &'a str {
    room.clear();
    room.push(kind);
    room.push('.');
    room.push_str(path);
    room
}

impl Buffer {
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets the document with this id, if it is here.
    pub(super) fn delete(&mut self, id: &str) {
        self.dead.extend(self.ids.remove(&id_key(id)));
    }

    pub(super) fn add(&mut self, document: &Incoming<'_>) -> Result<(), StoreError> {
        let row = self.rows;
        let Ok(text) = std::str::from_utf8(document.source) else {
            return Err(StoreError::Damaged { path: "document".into(), reason: "it is not UTF-8".into() });
        };
        self.values(row, text, document);
        self.marks(row, text, document);
        self.shape(row, text, document);
        self.columns.record_str(row, "_id", document.id);
        if document.version != 1 {
            self.columns.record_numerical(
                row,
                "_version",
                i64::try_from(document.version).unwrap_or(i64::MAX),
            );
        }
        if let Some(before) = self.ids.insert(id_key(document.id), row) {
            self.dead.push(before);
        }
        self.rows += 1;
        self.bytes += document.source.len();
        Ok(())
    }

    fn values(&mut self, row: u32, source: &str, document: &Incoming<'_>) {
        let Room { name: room, derived, .. } = &mut self.room;
        let values = Values::new(document.mapped, source);
        for value in document.mapped.values {
            let path = document.mapped.path(value.path);
            match &value.datum {
                Datum::Int(n) => self.columns.record_numerical(row, name(room, 'n', path), *n),
                Datum::Float(n) => self.columns.record_numerical(row, name(room, 'n', path), *n),
                Datum::Exact(text) => self.columns.record_str(row, name(room, 'k', path), text.of(source)),
                Datum::Words(text) => {
                    let text = text.of(source);
                    let mut one = |text: &str| {
                        self.deriver.derive(path, text, &values, derived);
                        self.columns.record_str(row, name(room, 't', path), &derived.template);
                        for (at, range) in derived.variables.iter().enumerate() {
                            room.clear();
                            let _ = write!(room, "v{}.{path}", template::slot(at));
                            self.columns.record_str(row, room, &text[range.clone()]);
                        }
                    };
                    if text.len() > LONG_TEXT {
                        template::chunks(text).for_each(one);
                    } else {
                        one(text);
                    }
                }
            }
        }
    }

    /// Decides for each leaf which value gives its bytes.
    fn marks(&mut self, row: u32, text: &str, document: &Incoming<'_>) {
        let mapped = document.mapped;
        let Room { marks, written, name: room, .. } = &mut self.room;
        marks.resize_with(mapped.leaves.len().max(marks.len()), Vec::new);
        marks.iter_mut().for_each(Vec::clear);
        for (at, leaf) in mapped.leaves.iter().enumerate() {
            let raw = &text[leaf.place.range()];
            let end = mapped.leaves.get(at + 1).map_or(mapped.values.len(), |next| next.first as usize);
            let values = mapped.values.get(leaf.first as usize..end).unwrap_or_default();
            let mut shown = false;
            for value in values {
                let form =
                    if shown { None } else { source::form(value, leaf.place.kind, raw, text, written) };
                shown |= form.is_some();
                // A path that comes once needs no counting.
                let counted = value.many || mapped.dotted;
                let form = form.or_else(|| {
                    counted.then_some(match value.datum {
                        Datum::Exact(_) => Form::SkipString,
                        Datum::Words(_) => Form::SkipText,
                        Datum::Int(_) | Datum::Float(_) => Form::SkipNumber,
                    })
                });
                let Some(form) = form else { continue };
                let times = match &value.datum {
                    Datum::Words(words) if words.of(text).len() > LONG_TEXT => {
                        template::chunks(words.of(text)).count()
                    }
                    _ => 1,
                };
                marks[at].extend(std::iter::repeat_n((form, Of::Path(value.path)), times));
            }
            let skips = |marks: &[(Form, Of)]| {
                marks.iter().all(|(f, _)| matches!(f, Form::SkipString | Form::SkipText | Form::SkipNumber))
            };
            if !shown && !raw.is_empty() && skips(&marks[at]) {
                // Filled in below, when it is known what other leaves show.
                marks[at].push((Form::Kept, Of::Leaf(at)));
            }
        }
        for at in 0..mapped.leaves.len() {
            let Some((Form::Kept, _)) = marks[at].last() else { continue };
            let leaf = &mapped.leaves[at];
            let raw = &text[leaf.place.range()];
            let twin = (raw.len() >= 16).then(|| twin(text, raw, at, mapped.leaves, marks)).flatten();
            marks[at].pop();
            if let Some(twin) = twin {
                marks[at].push(twin);
                continue;
            }
            // By the place among the leaves: a path of its own is not needed, as it is never searched.
            let number = at.min(LEAVES);
            for piece in source::cut(raw) {
                room.clear();
                let _ = write!(room, "l.{number}");
                self.columns.record_str(row, room, &piece);
                marks[at].push((Form::Kept, Of::Leaf(number)));
            }
        }
    }

    fn shape(&mut self, row: u32, text: &str, document: &Incoming<'_>) {
        let Room { marks, shape, name: room, .. } = &mut self.room;
        shape.clear();
        let mut at = 0;
        for (leaf, marks) in document.mapped.leaves.iter().zip(marks) {
            let range = leaf.place.range();
            shape.push_str(&text[at..range.start]);
            for (form, of) in marks {
                match of {
                    Of::Path(number) => source::mark(shape, *form, document.mapped.path(*number)),
                    Of::Leaf(number) => {
                        room.clear();
                        let _ = write!(room, "{number}");
                        source::mark(shape, *form, room);
                    }
                }
            }
            at = range.end;
        }
        shape.push_str(&text[at..]);
        for piece in source::cut(shape) {
            self.columns.record_str(row, "_shape", &piece);
        }
    }

    /// Makes the columns, and the rows of them that are deleted already.
    pub(super) fn freeze(mut self) -> Result<Frozen, StoreError> {
        let mut bytes = Vec::new();
        self.columns.serialize(self.rows, None, &mut bytes).map_err(tantivy::TantivyError::from)?;
        let mut dead = Bits::none(self.rows);
        self.dead.iter().for_each(|row| dead.insert(*row));
        Ok(Frozen { columns: OwnedBytes::new(bytes), dead })
    }
}

/// Another leaf that has the same bytes and shows them.
fn twin(
    text: &str,
    raw: &str,
    at: usize,
    leaves: &[crate::mapping::Located],
    marks: &[Vec<(Form, Of)>],
) -> Option<(Form, Of)> {
    let quoted = |place: crate::json::Place| {
        matches!(place.kind, crate::json::Kind::Text | crate::json::Kind::Escaped)
    };
    leaves.iter().zip(marks).enumerate().find_map(|(other, (leaf, marks))| {
        let [(form, of)] = marks.as_slice() else { return None };
        let range = leaf.place.range();
        let same = other != at
            && range.len() == raw.len()
            && quoted(leaf.place) == quoted(leaves[at].place)
            && text[range] == *raw;
        same.then(|| Some((source::shared(leaf, *form)?, *of))).flatten()
    })
}

/// A segment's columns, before they are a file.
pub(super) struct Frozen {
    columns: OwnedBytes,
    pub(super) dead: Bits,
}

impl Frozen {
    /// The columns as they will be read.
    pub(super) fn columns(&self) -> Result<Columns, StoreError> {
        let slice = FileSlice::new(Arc::new(self.columns.clone()));
        let reader = ColumnarReader::open(slice).map_err(tantivy::TantivyError::from)?;
        Ok(Columns::new(reader))
    }

    /// Writes the segment's file; it is durable when this returns.
    pub(super) fn write(&self, path: &Path) -> Result<u64, StoreError> {
        let columns = self.columns()?;
        let mut out = Writer::create(path)?;
        out.part("columns", |out| out.write_all(&self.columns))?;
        let words = index::write(&columns, &mut out)?;
        out.finish(&About { rows: columns.rows(), words })
    }
}
