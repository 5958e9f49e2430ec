//! A segment's columns, opened when they are asked for and then kept open.

use crate::error::StoreError;
use crate::segments::{Number, Numbers, Strings, ZONE};
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tantivy::HasLen as _;
use tantivy::columnar::{
    Cardinality, Column, ColumnType, ColumnarReader, Dictionary, DynamicColumn, StrColumn,
};

/// A dictionary with so few values is kept decoded, if it is not larger than [`SMALL_BYTES`]: shapes, templates, methods, hosts.
const SMALL: usize = 256;
const SMALL_BYTES: usize = 128 * 1024;
/// To read one value some sixty of its neighbours are decoded. A search that has asked for so large a part of a dictionary decodes it whole.
const PART: usize = 64;

/// The columns of one segment.
pub(super) struct Columns {
    reader: ColumnarReader,
    open: RwLock<HashMap<String, Option<DynamicColumn>>>,
    /// Dictionaries that are kept decoded; none where one is too large.
    small: RwLock<HashMap<String, Option<Arc<Texts>>>>,
    /// Of columns of numbers, once they are asked for.
    zones: RwLock<HashMap<String, Arc<OnceLock<Option<Zones>>>>>,
}

/// A decoded dictionary.
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    /// Decodes a dictionary; none if it is larger than `limit` bytes.
    fn decode(column: &StrColumn, limit: usize) -> Result<Option<Self>, StoreError> {
        let mut texts = Self { bytes: Vec::new(), ends: Vec::with_capacity(column.dictionary().num_terms()) };
        let mut stream = column.dictionary().stream().map_err(tantivy::TantivyError::from)?;
        while stream.advance() {
            texts.bytes.extend_from_slice(stream.key());
            texts.ends.push(texts.bytes.len());
            if texts.bytes.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(texts))
    }

    fn of(&self, ordinal: u64) -> Option<&str> {
        let at = usize::try_from(ordinal).ok()?;
        let from = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        std::str::from_utf8(self.bytes.get(from..*self.ends.get(at)?)?).ok()
    }
}

impl Columns {
    pub(super) fn new(reader: ColumnarReader) -> Self {
        Self { reader, open: RwLock::default(), small: RwLock::default(), zones: RwLock::default() }
    }

    pub(super) fn rows(&self) -> u32 {
        self.reader.num_docs()
    }

    /// Names of all columns.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let columns = self.reader.list_columns().map_err(tantivy::TantivyError::from)?;
        Ok(columns.into_iter().map(|(name, _)| name).collect())
    }

    /// The column of this name. The first letter of a name tells what it holds, so that there is one.
    pub(super) fn column(&self, name: &str) -> Result<Option<DynamicColumn>, StoreError> {
        if let Some(column) = self.open.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(column.clone());
        }
        let column = self.read(name)?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(name.to_owned(), column.clone());
        Ok(column)
    }

    fn read(&self, name: &str) -> Result<Option<DynamicColumn>, StoreError> {
        let handles = self.reader.read_columns(name).map_err(tantivy::TantivyError::from)?;
        let first = handles.first().map(|handle| handle.open());
        Ok(first.transpose().map_err(tantivy::TantivyError::from)?)
    }

    /// The dictionary of a column of strings, read piece by piece as it is asked for: for one who goes through it once, or looks seldom into it.
    pub(super) fn passing(&self, name: &str) -> Result<Option<Dictionary>, StoreError> {
        let handles = self.reader.read_columns(name).map_err(tantivy::TantivyError::from)?;
        let Some(handle) = handles.first().filter(|handle| handle.column_type() == ColumnType::Str) else {
            return Ok(None);
        };
        // The dictionary comes first in the column, its length last.
        let open = || {
            let (rest, length) = handle.file_slice().clone().split_from_end(4);
            let length = length.read_bytes()?.as_slice().try_into().map_err(io::Error::other)?;
            let length = u32::from_le_bytes(length) as usize;
            if length > rest.len() {
                return Err(io::Error::other("a dictionary does not fit its column"));
            }
            Dictionary::open(rest.slice_to(length))
        };
        Ok(Some(open().map_err(tantivy::TantivyError::from)?))
    }

    pub(super) fn strings(&self, name: &str) -> Result<Option<StrColumn>, StoreError> {
        Ok(match self.column(name)? {
            Some(DynamicColumn::Str(column)) => Some(column),
            _ => None,
        })
    }

    /// The text of an ordinal of the column of this name.
    pub(super) fn text(&self, name: &str, column: &StrColumn, ordinal: u64) -> Result<String, StoreError> {
        if column.dictionary().num_terms() > SMALL {
            return text(column, ordinal);
        }
        let known = self.small.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let texts = match known {
            Some(texts) => texts,
            None => {
                let texts = Texts::decode(column, SMALL_BYTES)?.map(Arc::new);
                let mut small = self.small.write().unwrap_or_else(PoisonError::into_inner);
                small.insert(name.to_owned(), texts.clone());
                texts
            }
        };
        match texts.as_ref().and_then(|texts| texts.of(ordinal)) {
            Some(text) => Ok(text.to_owned()),
            None => text(column, ordinal),
        }
    }

    fn zones(&self, name: &str) -> Arc<OnceLock<Option<Zones>>> {
        if let Some(zones) = self.zones.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(zones);
        }
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(zones.entry(name.to_owned()).or_default())
    }

    /// A column of numbers as searches read it.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Box<dyn Numbers>>, StoreError> {
        Ok(match self.column(name)? {
            Some(DynamicColumn::I64(column)) => {
                Some(Box::new(NumberColumn { column, zones: self.zones(name) }))
            }
            Some(DynamicColumn::U64(column)) => {
                Some(Box::new(NumberColumn { column, zones: self.zones(name) }))
            }
            Some(DynamicColumn::F64(column)) => {
                Some(Box::new(NumberColumn { column, zones: self.zones(name) }))
            }
            _ => None,
        })
    }
}

fn text(column: &StrColumn, ordinal: u64) -> Result<String, StoreError> {
    let mut text = String::new();
    column.ord_to_str(ordinal, &mut text).map_err(tantivy::TantivyError::from)?;
    Ok(text)
}

/// A value of a column of numbers.
trait Value: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static {
    fn number(self) -> Number;
    /// See [`Numbers::ints`].
    fn ints(column: &Column<Self>, docs: &[u32], out: &mut Vec<i64>) -> bool;
    /// See [`Numbers::floats`].
    fn floats(column: &Column<Self>, docs: &[u32], out: &mut Vec<f64>) -> bool;
}

impl Value for i64 {
    fn number(self) -> Number {
        Number::Int(self)
    }

    fn ints(column: &Column<Self>, docs: &[u32], out: &mut Vec<i64>) -> bool {
        single(column, docs, out)
    }

    fn floats(column: &Column<Self>, docs: &[u32], out: &mut Vec<f64>) -> bool {
        converted(column, docs, out, |n| n as f64)
    }
}

impl Value for u64 {
    fn number(self) -> Number {
        Number::Int(i64::try_from(self).unwrap_or(i64::MAX))
    }

    fn ints(column: &Column<Self>, docs: &[u32], out: &mut Vec<i64>) -> bool {
        converted(column, docs, out, |n| i64::try_from(n).unwrap_or(i64::MAX))
    }

    fn floats(column: &Column<Self>, docs: &[u32], out: &mut Vec<f64>) -> bool {
        converted(column, docs, out, |n| n.number().float())
    }
}

impl Value for f64 {
    fn number(self) -> Number {
        Number::Float(self)
    }

    fn ints(_: &Column<Self>, _: &[u32], _: &mut Vec<i64>) -> bool {
        false
    }

    fn floats(column: &Column<Self>, docs: &[u32], out: &mut Vec<f64>) -> bool {
        single(column, docs, out)
    }
}

fn converted<T: Value, U>(column: &Column<T>, docs: &[u32], out: &mut Vec<U>, into: impl Fn(T) -> U) -> bool {
    let mut values = Vec::new();
    if !single(column, docs, &mut values) {
        return false;
    }
    out.clear();
    out.extend(values.into_iter().map(into));
    true
}

/// The least and the largest value of each [`ZONE`] of a column. Rows come in the order of time, nearly: their times are close to each other.
type Zones = Arc<[(i64, i64)]>;

fn zones<T: Value>(column: &Column<T>) -> Option<Zones> {
    let mut zones = Vec::new();
    let (mut docs, mut ints) = (Vec::new(), Vec::new());
    for from in (0..column.num_docs()).step_by(ZONE as usize) {
        docs.clear();
        docs.extend(from..column.num_docs().min(from + ZONE));
        if !T::ints(column, &docs, &mut ints) {
            return None;
        }
        zones.push((*ints.iter().min()?, *ints.iter().max()?));
    }
    Some(zones.into())
}

struct NumberColumn<T: 'static> {
    column: Column<T>,
    zones: Arc<OnceLock<Option<Zones>>>,
}

impl<T: Value> Numbers for NumberColumn<T> {
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, Number)) {
        each(&self.column, docs, &mut |at, value| visit(at, value.number()));
    }

    fn ints(&self, docs: &[u32], out: &mut Vec<i64>) -> bool {
        T::ints(&self.column, docs, out)
    }

    fn floats(&self, docs: &[u32], out: &mut Vec<f64>) -> bool {
        T::floats(&self.column, docs, out)
    }

    fn ends(&self) -> (Number, Number) {
        (self.column.min_value().number(), self.column.max_value().number())
    }

    fn has_gaps(&self) -> bool {
        self.column.get_cardinality() != Cardinality::Full
    }

    fn zones(&self) -> Option<&[(i64, i64)]> {
        self.zones.get_or_init(|| zones(&self.column)).as_deref()
    }
}

/// A column of strings as one search reads it.
pub(super) struct StringColumn {
    column: StrColumn,
    asked: Cell<usize>,
    all: OnceCell<Texts>,
}

impl StringColumn {
    pub(super) fn new(column: StrColumn) -> Self {
        Self { column, asked: Cell::new(0), all: OnceCell::new() }
    }
}

impl Strings for StringColumn {
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, u64)) {
        each(self.column.ords(), docs, visit);
    }

    fn ordinals(&self, docs: &[u32], out: &mut Vec<u64>) -> bool {
        single(self.column.ords(), docs, out)
    }

    fn text(&self, ordinal: u64) -> Result<String, StoreError> {
        if let Some(text) = self.all.get().and_then(|all| all.of(ordinal)) {
            return Ok(text.to_owned());
        }
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        if asked * PART > self.column.dictionary().num_terms()
            && self.all.get().is_none()
            && let Some(all) = Texts::decode(&self.column, usize::MAX)?
        {
            let _ = self.all.set(all);
        }
        text(&self.column, ordinal)
    }

    fn texts(&self, ordinals: &[u64], visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let mut bad = false;
        let found =
            self.column.dictionary().sorted_ords_to_term_cb(ordinals, |text| {
                match std::str::from_utf8(text) {
                    Ok(text) => visit(text),
                    Err(_) => bad = true,
                }
            });
        if !found.map_err(tantivy::TantivyError::from)? || bad {
            return Err(StoreError::Damaged {
                path: "segment".into(),
                reason: "a value is not in its column's dictionary".to_owned(),
            });
        }
        Ok(())
    }

    fn ordinal(&self, text: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.column.dictionary().term_ord(text).map_err(tantivy::TantivyError::from)?)
    }

    fn len(&self) -> usize {
        self.column.dictionary().num_terms()
    }

    fn memory(&self) -> usize {
        self.all.get().map_or(0, |all| all.bytes.capacity() + all.ends.capacity() * size_of::<usize>())
    }
}

/// Reads the one value of each document, if each document of the segment has one.
fn single<T>(column: &Column<T>, docs: &[u32], out: &mut Vec<T>) -> bool
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    if column.get_cardinality() != Cardinality::Full {
        return false;
    }
    out.clear();
    out.resize(docs.len(), column.min_value());
    match (docs.first(), docs.last()) {
        // A document comes twice where it is in two buckets of the aggregation above.
        (Some(first), Some(last))
            if last.checked_sub(*first).is_some_and(|more| more as usize + 1 == docs.len())
                && docs.array_windows().all(|[a, b]| a + 1 == *b) =>
        {
            column.values.get_range(u64::from(*first), out);
        }
        _ => column.values.get_vals(docs, out),
    }
    true
}

fn each<T>(column: &Column<T>, docs: &[u32], visit: &mut dyn FnMut(usize, T))
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    if column.get_cardinality().is_multivalue() {
        for (at, doc) in docs.iter().enumerate() {
            column.values_for_doc(*doc).for_each(|value| visit(at, value));
        }
        return;
    }
    let mut values = vec![None; docs.len()];
    column.first_vals(docs, &mut values);
    for (at, value) in values.into_iter().enumerate() {
        if let Some(value) = value {
            visit(at, value);
        }
    }
}
