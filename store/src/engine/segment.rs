//! One segment, open: its columns and its words. It never changes; what was deleted of it is told by the [`State`] that it is part of.

use super::bits::Bits;
use super::columns::Columns;
use super::file::Parts;
use super::index::{Hit, ValueIndex};
use super::template::{self, Piece};
use super::{About, index};
use crate::error::StoreError;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tantivy::columnar::{Cardinality, Column, ColumnarReader, StrColumn};
use tantivy::directory::MmapDirectory;

/// A segment. Its file's end is read when it is opened; the rest when it is first needed, and then all of it is held against its checksums: a store
/// with many segments starts at once, and nothing that is damaged is ever believed.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) rows: u32,
    pub(super) parts: Parts,
    words: index::About,
    inner: OnceLock<Inner>,
    /// By text path and field: the templates that name the field.
    naming: Mutex<HashMap<(String, String), Arc<Bits>>>,
}

struct Inner {
    columns: Columns,
    words: ValueIndex,
}

/// A segment and the rows of it that are deleted.
#[derive(Clone)]
pub(super) struct Living {
    pub(super) segment: Arc<Segment>,
    pub(super) dead: Option<Arc<Bits>>,
}

impl Living {
    /// Rows that are not deleted.
    pub(super) fn alive(&self) -> u32 {
        self.segment.rows - self.dead.as_ref().map_or(0, |dead| dead.count())
    }

    pub(super) fn is_alive(&self, row: u32) -> bool {
        self.dead.as_ref().is_none_or(|dead| !dead.has(row))
    }
}

/// What an index holds at one moment.
#[derive(Default, Clone)]
pub(super) struct State {
    pub(super) segments: Vec<Living>,
}

impl Segment {
    pub(super) fn open(dir: &MmapDirectory, folder: &Path, name: &str) -> Result<Self, StoreError> {
        let (parts, about) = Parts::open::<About>(dir, &folder.join(name), name)?;
        let (inner, naming) = (OnceLock::new(), Mutex::default());
        Ok(Self { name: name.to_owned(), rows: about.rows, parts, words: about.words, inner, naming })
    }

    fn inner(&self) -> Result<&Inner, StoreError> {
        if let Some(inner) = self.inner.get() {
            return Ok(inner);
        }
        self.parts.verify()?;
        let reader =
            ColumnarReader::open(self.parts.part("columns")?).map_err(tantivy::TantivyError::from)?;
        let columns = Columns::new(reader);
        if columns.rows() != self.rows {
            return Err(self.parts.damaged("its columns have another number of rows"));
        }
        let words = ValueIndex::open(&self.parts, self.words.clone())?;
        Ok(self.inner.get_or_init(|| Inner { columns, words }))
    }

    /// Whether it was read and found good.
    pub(super) fn is_checked(&self) -> bool {
        self.inner.get().is_some()
    }

    pub(super) fn columns(&self) -> Result<&Columns, StoreError> {
        Ok(&self.inner()?.columns)
    }

    pub(super) fn words(&self) -> Result<&ValueIndex, StoreError> {
        Ok(&self.inner()?.words)
    }

    /// The templates of a text path that name a field.
    fn naming(&self, path: &str, field: &str, templates: &StrColumn) -> Result<Arc<Bits>, StoreError> {
        let key = (path.to_owned(), field.to_owned());
        if let Some(found) = self.naming.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(found));
        }
        let mut bits = Bits::none(u32::try_from(templates.dictionary().num_terms()).unwrap_or(u32::MAX));
        let mut stream = templates.dictionary().stream().map_err(tantivy::TantivyError::from)?;
        let mut ordinal = 0;
        while stream.advance() {
            let template = String::from_utf8_lossy(stream.key());
            if template::pieces(&template)
                .iter()
                .any(|piece| matches!(piece, Piece::Field(f) if **f == *field))
            {
                bits.insert(ordinal);
            }
            ordinal += 1;
        }
        let bits = Arc::new(bits);
        self.naming.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&bits));
        Ok(bits)
    }

    /// The values of a text path's pieces that hold a word.
    pub(super) fn word(&self, path: &str, word: &str) -> Result<Vec<Hit>, StoreError> {
        // Marked words are not asked for by name.
        if word.starts_with(['\u{1}', '\u{2}']) {
            return Ok(Vec::new());
        }
        let mut hits = self.words()?.word(word)?;
        self.own_words(path, word, &mut hits)?;
        Ok(hits)
    }

    /// The values of a text path's pieces that begin, or end, with a word.
    pub(super) fn edge(&self, path: &str, edge: index::Edge, word: &str) -> Result<Vec<Hit>, StoreError> {
        let mut hits = self.words()?.word(&edge.of(word))?;
        self.own_words(path, word, &mut hits)?;
        Ok(hits)
    }

    /// Adds the variables that are this word.
    fn own_words(&self, path: &str, word: &str, hits: &mut Vec<Hit>) -> Result<(), StoreError> {
        if index::own_word(word) {
            self.each_variable(path, &mut |column, base| {
                let found = column.dictionary().term_ord(word).map_err(tantivy::TantivyError::from)?;
                hits.extend(
                    found.and_then(|ordinal| u32::try_from(ordinal).ok()).map(|ordinal| (base + ordinal, 1)),
                );
                Ok(())
            })?;
            hits.sort_unstable();
        }
        Ok(())
    }

    /// The same of all words that begin so and are accepted.
    pub(super) fn pattern(
        &self,
        path: &str,
        prefix: &str,
        accept: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Hit>, StoreError> {
        let mut hits = self.words()?.pattern(prefix, accept)?;
        self.each_variable(path, &mut |column, base| {
            let range = column.dictionary().range().ge(prefix);
            let mut stream = range.into_stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
                if std::str::from_utf8(stream.key()).is_ok_and(|text| index::own_word(text) && accept(text)) {
                    hits.extend(u32::try_from(stream.term_ord()).ok().map(|ordinal| (base + ordinal, 1)));
                }
            }
            Ok(())
        })?;
        hits.sort_unstable();
        Ok(hits)
    }

    /// Calls back with the columns of a text path's variables.
    fn each_variable(
        &self,
        path: &str,
        visit: &mut dyn FnMut(&StrColumn, u32) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (name, range) in self.words()?.columns(path).into_iter().filter(|(name, _)| name.starts_with('v'))
        {
            if let Some(column) = self.columns()?.strings(name)? {
                visit(&column, range.start)?;
            }
        }
        Ok(())
    }

    /// Calls back with each row that has one of these values as a piece of a text of `path`, and how often the word is in that piece; a row may
    /// come several times.
    pub(super) fn rows_of(
        &self,
        path: &str,
        values: &[Hit],
        visit: &mut dyn FnMut(u32, u32),
    ) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        for (name, range) in self.words()?.columns(path) {
            let from = values.partition_point(|(value, _)| *value < range.start);
            let to = values.partition_point(|(value, _)| *value < range.end);
            let Some(mine) = values.get(from..to).filter(|mine| !mine.is_empty()) else { continue };
            let Some(column) = self.columns()?.strings(name)? else { continue };
            let mut counts = vec![0u32; (range.end - range.start) as usize];
            mine.iter().for_each(|(value, count)| counts[(value - range.start) as usize] = *count);
            match name.strip_prefix("k.") {
                None => each_row(column.ords(), &counts, visit),
                Some(field) => {
                    // Only where the row's template has this field.
                    let Some(templates) = self.columns()?.strings(&format!("t.{path}"))? else { continue };
                    let naming = self.naming(path, field, &templates)?;
                    let ords = templates.ords();
                    each_row(column.ords(), &counts, &mut |row, count| {
                        for ordinal in ords.values_for_doc(row) {
                            if naming.has(u32::try_from(ordinal).unwrap_or(u32::MAX)) {
                                visit(row, count);
                            }
                        }
                    });
                }
            }
        }
        Ok(())
    }

    /// The rows with these ids, by the ids' places.
    pub(super) fn rows_of_ids(&self, ids: &[&str]) -> Result<Vec<(usize, u32)>, StoreError> {
        let Some(column) = self.columns()?.strings("_id")? else { return Ok(Vec::new()) };
        let mut wanted: HashMap<u64, usize> = HashMap::new();
        for (at, id) in ids.iter().enumerate() {
            let found = column.dictionary().term_ord(id).map_err(tantivy::TantivyError::from)?;
            if let Some(ordinal) = found {
                wanted.insert(ordinal, at);
            }
        }
        let mut out = Vec::with_capacity(wanted.len());
        if wanted.is_empty() {
            return Ok(out);
        }
        let mut counts = vec![0u32; column.dictionary().num_terms()];
        wanted.keys().for_each(|ordinal| counts[*ordinal as usize] = 1);
        let ords = column.ords();
        each_row(ords, &counts, &mut |row, _| {
            if let Some(at) = ords.first(row).and_then(|ordinal| wanted.get(&ordinal)) {
                out.push((*at, row));
            }
        });
        Ok(out)
    }

    /// The id of a row.
    pub(super) fn id(&self, row: u32) -> Result<String, StoreError> {
        let Some(column) = self.columns()?.strings("_id")? else { return Ok(String::new()) };
        column
            .ords()
            .first(row)
            .map_or_else(|| Ok(String::new()), |ordinal| self.columns()?.text("_id", &column, ordinal))
    }

    /// The version of a row; only those other than 1 are written down.
    pub(super) fn version(&self, row: u32) -> Result<u64, StoreError> {
        use tantivy::columnar::DynamicColumn::{I64, U64};
        Ok(match self.columns()?.column("_version")? {
            Some(I64(column)) => column.first(row).and_then(|n| u64::try_from(n).ok()).unwrap_or(1),
            Some(U64(column)) => column.first(row).unwrap_or(1),
            _ => 1,
        })
    }
}

/// Calls back with the rows whose ordinal counts for something.
fn each_row(ords: &Column<u64>, counts: &[u32], visit: &mut dyn FnMut(u32, u32)) {
    let rows = ords.num_docs();
    let count = |ordinal: u64| counts.get(ordinal as usize).copied().unwrap_or(0);
    let mut few = counts.iter().zip(0u64..).filter(|(count, _)| **count > 0);
    if ords.get_cardinality() != Cardinality::Multivalued
        && let (Some((times, only)), None) = (few.next(), few.next())
    {
        let mut found = Vec::new();
        ords.get_docids_for_value_range(only..=only, 0..rows, &mut found);
        found.into_iter().for_each(|row| visit(row, *times));
        return;
    }
    match ords.get_cardinality() {
        Cardinality::Full => {
            let mut block = [0u64; 4096];
            for from in (0..rows).step_by(4096) {
                let length = (rows - from).min(4096) as usize;
                ords.values.get_range(u64::from(from), &mut block[..length]);
                for (row, ordinal) in (from..).zip(&block[..length]) {
                    if count(*ordinal) > 0 {
                        visit(row, count(*ordinal));
                    }
                }
            }
        }
        Cardinality::Optional => {
            let mut docs = Vec::with_capacity(4096);
            let mut values = vec![None; 4096];
            for from in (0..rows).step_by(4096) {
                docs.clear();
                docs.extend(from..rows.min(from + 4096));
                values.fill(None);
                ords.first_vals(&docs, &mut values[..docs.len()]);
                for (row, ordinal) in docs.iter().zip(&values) {
                    if let Some(times) = ordinal.map(count).filter(|times| *times > 0) {
                        visit(*row, times);
                    }
                }
            }
        }
        Cardinality::Multivalued => {
            for row in 0..rows {
                for times in ords.values_for_doc(row).map(count).filter(|times| *times > 0) {
                    visit(row, times);
                }
            }
        }
    }
}

/// The rows whose ordinal is wanted.
pub(super) fn rows_with(column: &StrColumn, rows: u32, wanted: &[u64]) -> Bits {
    let mut bits = Bits::none(rows);
    if wanted.is_empty() {
        return bits;
    }
    let mut counts = vec![0u32; column.dictionary().num_terms()];
    wanted.iter().filter_map(|ordinal| usize::try_from(*ordinal).ok()).for_each(|ordinal| {
        if let Some(count) = counts.get_mut(ordinal) {
            *count = 1;
        }
    });
    each_row(column.ords(), &counts, &mut |row, _| bits.insert(row));
    bits
}
