//! One segment, open: its columns and its words. It never changes; what was deleted of it is told by the [`State`] that it is part of.

use super::columns::Columns;
use super::file::Parts;
use super::find::Term;
use super::index::{Hit, ValueIndex};
use super::template::{self, Piece};
use super::{About, index};
use crate::bits::Bits;
use crate::error::StoreError;
use crate::query::pattern::Pattern;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tantivy::columnar::{Cardinality, Column, ColumnarReader, Dictionary, StrColumn};
use tantivy::directory::MmapDirectory;

/// What is remembered of a term.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learned {
    /// In how many rows it is.
    pub(super) rows: u32,
    /// How often it is in the text that has it most often, if that was looked at.
    pub(super) most: Option<u32>,
}

/// Terms that are remembered, in each segment.
const KNOWN: usize = 256;
/// A term that takes more is not remembered.
const KNOWN_BYTES: usize = 512;

/// So many ids are looked up in the file, not by the mapping: a bulk request's are all over the dictionary, in every segment, and each place that was looked
/// at would count as this process's memory until the segment is merged away.
const MANY_IDS: usize = 16;

/// A segment. Its file's end is read when it is opened; the rest when it is first needed, and then all of it is held against its checksums: a store
/// with many segments starts at once, and nothing that is damaged is ever believed.
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) rows: u32,
    pub(super) parts: Parts,
    words: index::About,
    inner: OnceLock<Inner>,
    /// By text path and field: the templates that name the field.
    naming: Mutex<HashMap<(String, String), Arc<Naming>>>,
    /// What was learned of terms that were searched for.
    known: Mutex<HashMap<Term, Learned>>,
    /// What the patterns that were searched for last mean in the dictionaries of columns, the last one at the end.
    patterns: Mutex<VecDeque<(String, Pattern, Arc<Wanted>)>>,
}

/// Patterns that are remembered, in each segment: a page's searches ask for the same one.
const PATTERNS: usize = 2;
/// A dictionary of fewer terms is gone through again.
const SMALL_DICTIONARY: usize = 10_000;

/// The templates that name a field.
struct Naming {
    bits: Bits,
    all: bool,
}

struct Inner {
    columns: Columns,
    /// Opened when a word is looked for: to open it reads a page or two of each of its files, in every segment.
    words: OnceLock<ValueIndex>,
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
        Ok(Self {
            name: name.to_owned(),
            rows: about.rows,
            parts,
            words: about.words,
            inner: OnceLock::new(),
            naming: Mutex::default(),
            known: Mutex::default(),
            patterns: Mutex::default(),
        })
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
        Ok(self.inner.get_or_init(|| Inner { columns, words: OnceLock::new() }))
    }

    /// Whether it was read and found good.
    pub(super) fn is_checked(&self) -> bool {
        self.inner.get().is_some()
    }

    pub(super) fn columns(&self) -> Result<&Columns, StoreError> {
        Ok(&self.inner()?.columns)
    }

    pub(super) fn words(&self) -> Result<&ValueIndex, StoreError> {
        let inner = self.inner()?;
        if let Some(words) = inner.words.get() {
            return Ok(words);
        }
        let words = ValueIndex::open(&self.parts, self.words.clone())?;
        Ok(inner.words.get_or_init(|| words))
    }

    /// What was learned of a term before.
    pub(super) fn known(&self, term: &Term) -> Option<Learned> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(term).copied()
    }

    /// Remembers a term.
    pub(super) fn learn(&self, term: &Term, learned: Learned) {
        if term.bytes() > KNOWN_BYTES {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(term.clone(), learned);
    }

    /// The ordinals of a column whose strings match. Who asks for the same while it is looked for waits for the answer.
    pub(super) fn matching(
        &self,
        path: &str,
        pattern: &Pattern,
        column: &StrColumn,
    ) -> Result<Arc<Wanted>, StoreError> {
        let terms = column.dictionary().num_terms();
        if terms < SMALL_DICTIONARY {
            return Ok(Arc::new(matching(pattern, column)?));
        }
        let mut known = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., wanted)) = known.iter().find(|(p, other, _)| p == path && other == pattern) {
            return Ok(Arc::clone(wanted));
        }
        let wanted = Arc::new(matching(pattern, column)?);
        if known.len() >= PATTERNS {
            known.pop_front();
        }
        known.push_back((path.to_owned(), pattern.clone(), Arc::clone(&wanted)));
        Ok(wanted)
    }

    /// The templates of a text path that name a field.
    fn naming(&self, path: &str, field: &str, templates: &StrColumn) -> Result<Arc<Naming>, StoreError> {
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
        let all = u64::from(bits.count()) == templates.dictionary().num_terms() as u64;
        let bits = Arc::new(Naming { bits, all });
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

    /// Calls back with the rows that have one of these values as a piece of a text of `path`, and how often the word is in that piece (nothing where
    /// that is once in all of them); a row may come several times. Of `among`, if that is given, and otherwise of all.
    pub(super) fn rows_of(
        &self,
        path: &str,
        values: &[Hit],
        among: Option<&Bits>,
        visit: &mut Rows<'_>,
    ) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        for (name, range) in self.words()?.columns(path) {
            let from = values.partition_point(|(value, _)| *value < range.start);
            let to = values.partition_point(|(value, _)| *value < range.end);
            let Some(mine) = values.get(from..to).filter(|mine| !mine.is_empty()) else { continue };
            let Some(column) = self.columns()?.strings(name)? else { continue };
            let mut wanted = Wanted::none((range.end - range.start) as usize);
            mine.iter().for_each(|(value, count)| wanted.add(u64::from(value - range.start), *count));
            let Some(field) = name.strip_prefix("k.") else {
                each_row(column.ords(), &wanted, among, visit);
                continue;
            };
            // Only where the row's template has this field.
            let Some(templates) = self.columns()?.strings(&format!("t.{path}"))? else { continue };
            let naming = self.naming(path, field, &templates)?;
            let ords = templates.ords();
            if naming.all && ords.get_cardinality() == Cardinality::Full {
                each_row(column.ords(), &wanted, among, visit);
                continue;
            }
            let (mut some, mut theirs) = (Vec::new(), Vec::new());
            each_row(column.ords(), &wanted, among, &mut |rows, counts| {
                some.clear();
                theirs.clear();
                for (at, row) in rows.iter().enumerate() {
                    for ordinal in ords.values_for_doc(*row) {
                        if naming.bits.has(u32::try_from(ordinal).unwrap_or(u32::MAX)) {
                            some.push(*row);
                            theirs.push(counts.get(at).copied().unwrap_or(1));
                        }
                    }
                }
                visit(&some, &theirs);
            });
        }
        Ok(())
    }

    /// A word that has these values is not more often in a text than this; none where that is not known without reading.
    pub(super) fn most(&self, path: &str, values: &[Hit]) -> Result<Option<u32>, StoreError> {
        let mut most = 0;
        for (name, range) in self.words()?.columns(path) {
            let Some(column) = self.columns()?.strings(name)? else { continue };
            if column.ords().get_cardinality() == Cardinality::Multivalued {
                return Ok(None);
            }
            let mine = values.iter().filter(|(value, _)| range.contains(value));
            most += mine.map(|(_, count)| *count).max().unwrap_or(0);
        }
        Ok(Some(most))
    }

    /// The rows with these ids, by the ids' places.
    pub(super) fn rows_of_ids(&self, ids: &[&str]) -> Result<Vec<(usize, u32)>, StoreError> {
        let columns = self.columns()?;
        let aside = (ids.len() >= MANY_IDS).then(|| self.ids_aside()).transpose()?.flatten();
        let column = aside.is_none().then(|| columns.strings("_id")).transpose()?.flatten();
        let Some(dictionary) = aside.as_ref().or(column.as_ref().map(StrColumn::dictionary)) else {
            return Ok(Vec::new());
        };
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        for (at, id) in ids.iter().enumerate() {
            let found = dictionary.term_ord(id).map_err(tantivy::TantivyError::from)?;
            if let Some(ordinal) = found {
                places.insert(ordinal, at);
            }
        }
        let mut out = Vec::with_capacity(places.len());
        if places.is_empty() {
            return Ok(out);
        }
        let Some(column) = columns.strings("_id")? else { return Ok(out) };
        let mut wanted = Wanted::none(column.dictionary().num_terms());
        places.keys().for_each(|ordinal| wanted.add(*ordinal, 1));
        let ords = column.ords();
        each_row(ords, &wanted, None, &mut |rows, _| {
            for row in rows {
                if let Some(at) = ords.first(*row).and_then(|ordinal| places.get(&ordinal)) {
                    out.push((*at, *row));
                }
            }
        });
        Ok(out)
    }

    /// The dictionary of ids, read from the file and not by the mapping.
    fn ids_aside(&self) -> Result<Option<Dictionary>, StoreError> {
        let reader = ColumnarReader::open(self.parts.part_aside("columns")?);
        Columns::new(reader.map_err(tantivy::TantivyError::from)?).passing("_id")
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

/// Ordinals that are looked for in a column, and how much each counts for.
pub(super) struct Wanted {
    bits: Bits,
    /// Those that count for more than one, rising.
    more: Vec<(u64, u32)>,
    /// The first and the last.
    ends: Option<(u64, u64)>,
    number: u64,
}

/// Goes through a dictionary.
fn matching(pattern: &Pattern, column: &StrColumn) -> Result<Wanted, StoreError> {
    let (prefix, ready) = (pattern.literal(), pattern.ready());
    let mut wanted = Wanted::none(column.dictionary().num_terms());
    let range = column.dictionary().range().ge(&prefix);
    let mut stream = range.into_stream().map_err(tantivy::TantivyError::from)?;
    while stream.advance() && (prefix.is_empty() || stream.key().starts_with(prefix.as_bytes())) {
        if std::str::from_utf8(stream.key()).is_ok_and(|text| ready.matches(text)) {
            wanted.add(stream.term_ord(), 1);
        }
    }
    Ok(wanted)
}

impl Wanted {
    /// None of so many ordinals.
    pub(super) fn none(ordinals: usize) -> Self {
        let bits = Bits::none(u32::try_from(ordinals).unwrap_or(u32::MAX));
        Self { bits, more: Vec::new(), ends: None, number: 0 }
    }

    /// Takes the next ordinal in; they must rise.
    pub(super) fn add(&mut self, ordinal: u64, count: u32) {
        self.bits.insert(u32::try_from(ordinal).unwrap_or(u32::MAX));
        if count > 1 {
            self.more.push((ordinal, count));
        }
        self.ends = Some((self.ends.map_or(ordinal, |(first, _)| first), ordinal));
        self.number += 1;
    }

    fn has(&self, ordinal: u64) -> bool {
        self.bits.has(u32::try_from(ordinal).unwrap_or(u32::MAX))
    }

    fn count(&self, ordinal: u64) -> u32 {
        self.more.binary_search_by_key(&ordinal, |(other, _)| *other).map_or(1, |at| self.more[at].1)
    }

    /// All of them, if they are neighbours.
    fn range(&self) -> Option<RangeInclusive<u64>> {
        let (first, last) = self.ends?;
        (last - first + 1 == self.number).then_some(first..=last)
    }
}

/// Values that are read at one time.
const BLOCK: usize = 4096;

/// Receives rows in rising order, and how much each counts for; nothing in the second place where that is one for all.
type Rows<'a> = dyn FnMut(&[u32], &[u32]) + 'a;

/// Calls back with the rows that have a wanted ordinal; of `among`, if that is given, and otherwise of all. A row that has several may come several
/// times.
fn each_row(ords: &Column<u64>, wanted: &Wanted, among: Option<&Bits>, visit: &mut Rows<'_>) {
    let (mut rows, mut counts) = (Vec::new(), Vec::new());
    let multivalued = ords.get_cardinality() == Cardinality::Multivalued;
    match (among, wanted.range().filter(|_| wanted.more.is_empty())) {
        (None, Some(range)) if !multivalued => {
            ords.get_docids_for_value_range(range, 0..ords.num_docs(), &mut rows);
            visit(&rows, &[]);
        }
        // Values are read in their order, and only for those that are wanted it is asked whose they are.
        (None, _) if !multivalued => {
            let (mut block, mut found) = ([0u64; BLOCK], [0u32; BLOCK]);
            for from in (0..ords.values.num_vals()).step_by(BLOCK) {
                let length = (ords.values.num_vals() - from).min(BLOCK as u32) as usize;
                ords.values.get_range(u64::from(from), &mut block[..length]);
                let mut number = 0;
                for (rank, ordinal) in (from..).zip(&block[..length]) {
                    // Whether one is wanted cannot be foretold, so it is not asked for.
                    found[number] = rank;
                    number += usize::from(wanted.has(*ordinal));
                }
                rows.clear();
                rows.extend_from_slice(&found[..number]);
                counts.clear();
                if !wanted.more.is_empty() {
                    counts.extend(rows.iter().map(|rank| wanted.count(block[(rank - from) as usize])));
                }
                ords.index.select_batch_in_place(0, &mut rows);
                visit(&rows, &counts);
            }
        }
        _ => {
            let mut each = |docs: &[u32]| {
                rows.clear();
                counts.clear();
                for row in docs {
                    for ordinal in ords.values_for_doc(*row).filter(|ordinal| wanted.has(*ordinal)) {
                        rows.push(*row);
                        counts.push(wanted.count(ordinal));
                    }
                }
                visit(&rows, &counts);
                ControlFlow::Continue(())
            };
            match among {
                Some(among) => among.runs(BLOCK, each),
                None => Bits::all(ords.num_docs()).runs(BLOCK, &mut each),
            }
        }
    }
}

/// The rows whose ordinal is wanted.
pub(super) fn rows_with(column: &StrColumn, rows: u32, wanted: &Wanted, among: Option<&Bits>) -> Bits {
    let mut bits = Bits::none(rows);
    if wanted.number > 0 {
        each_row(column.ords(), wanted, among, &mut |rows, _| bits.insert_all(rows));
    }
    bits
}
