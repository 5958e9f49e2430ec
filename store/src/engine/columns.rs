//! A segment's columns, opened when they are asked for and then kept open.

use crate::error::StoreError;
use crate::segments::{Number, Numbers, Strings};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tantivy::columnar::{Column, ColumnarReader, DynamicColumn, StrColumn};

/// The columns of one segment.
pub(super) struct Columns {
    reader: ColumnarReader,
    open: RwLock<HashMap<String, Option<DynamicColumn>>>,
}

impl Columns {
    pub(super) fn new(reader: ColumnarReader) -> Self {
        Self { reader, open: RwLock::default() }
    }

    pub(super) fn reader(&self) -> &ColumnarReader {
        &self.reader
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
        let handles = self.reader.read_columns(name).map_err(tantivy::TantivyError::from)?;
        let column = match handles.first() {
            Some(handle) => Some(handle.open().map_err(tantivy::TantivyError::from)?),
            None => None,
        };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(name.to_owned(), column.clone());
        Ok(column)
    }

    pub(super) fn strings(&self, name: &str) -> Result<Option<StrColumn>, StoreError> {
        Ok(match self.column(name)? {
            Some(DynamicColumn::Str(column)) => Some(column),
            _ => None,
        })
    }

    /// A column of numbers as searches read it.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Box<dyn Numbers>>, StoreError> {
        Ok(match self.column(name)? {
            Some(DynamicColumn::I64(column)) => Some(Box::new(NumberColumn(column, Number::Int))),
            Some(DynamicColumn::U64(column)) => {
                Some(Box::new(NumberColumn(column, |n| Number::Int(i64::try_from(n).unwrap_or(i64::MAX)))))
            }
            Some(DynamicColumn::F64(column)) => Some(Box::new(NumberColumn(column, Number::Float))),
            _ => None,
        })
    }
}

/// The text of an ordinal.
pub(super) fn text(column: &StrColumn, ordinal: u64) -> Result<String, StoreError> {
    let mut text = String::new();
    column.ord_to_str(ordinal, &mut text).map_err(tantivy::TantivyError::from)?;
    Ok(text)
}

struct NumberColumn<T: 'static, F>(Column<T>, F);

impl<T, F> Numbers for NumberColumn<T, F>
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
    F: Fn(T) -> Number,
{
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, Number)) {
        each(&self.0, docs, &mut |at, value| visit(at, self.1(value)));
    }
}

/// A column of strings as searches read it.
pub(super) struct StringColumn(pub(super) Arc<StrColumn>);

impl Strings for StringColumn {
    fn each(&self, docs: &[u32], visit: &mut dyn FnMut(usize, u64)) {
        each(self.0.ords(), docs, visit);
    }

    fn text(&self, ordinal: u64) -> Result<String, StoreError> {
        text(&self.0, ordinal)
    }
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
