//! (d): tantivy's columns (the crate beneath its fast fields) for everything, and a tantivy index not of documents but of the *distinct
//! values* of string columns. A text that is a template over its document's fields is a column of (few) templates; its words are the words of the
//! template and of the values. A word is looked up among the values, and the rows are those whose ordinal is one of them.
//!
//! A segment is a folder: `columns` (ids and templates too) and `text/`, whose document `base of the column + ordinal` is that value.
//! Not here: words of numbers and times (a scan of these columns would find them), and phrases that go over the end of a piece (candidates
//! would be made again and looked at). What a text without a template costs: its template is the text, so it is (c) again.

use crate::derive::{Deriver, MARK, restore};
use crate::fields::{
    DURATION, Doc, FIELDS, HOST, Kind, Leaf, MESSAGE, ORIGINAL, PATH, STATUS, TIME, Trie, render,
};
use crate::measure::Sizes;
use crate::tant::{all, terms_of};
use crate::{Answer, Query, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use tantivy::columnar::{
    Cardinality, Column, ColumnarReader, ColumnarWriter, DynamicColumn, StackMergeOrder, StrColumn,
    merge_columnar,
};
use tantivy::directory::{Directory, MmapDirectory};
use tantivy::query::{EnableScoring, PhraseQuery, Query as _, TermQuery};
use tantivy::schema::{IndexRecordOption, TextFieldIndexing, TextOptions};
use tantivy::{Index, ReloadPolicy, Searcher, TantivyDocument, Term};

/// A template within a column of strings: U+0001 for the mark, a letter for the field.
fn letters(template: &[u8]) -> String {
    let mut bytes = template.iter();
    let mut out = Vec::with_capacity(template.len());
    while let Some(byte) = bytes.next() {
        match *byte {
            MARK => out.extend([1, b'A' + bytes.next().copied().unwrap_or(0)]),
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn bytes(letters: &str) -> Vec<u8> {
    let mut bytes = letters.bytes();
    let mut out = Vec::with_capacity(letters.len());
    while let Some(byte) = bytes.next() {
        match byte {
            1 => out.extend([MARK, bytes.next().unwrap_or(b'A') - b'A']),
            other => out.push(other),
        }
    }
    out
}

/// The columns of strings whose values are pieces of a message, by the segment's templates, and that of the templates.
fn searched(columns: &ColumnarReader) -> Result<Vec<usize>> {
    let mut out = vec![MESSAGE];
    if let Some(templates) = strings(columns, FIELDS[MESSAGE].0)? {
        let mut stream = templates.dictionary().stream()?;
        while stream.advance() {
            let marks = stream.key().windows(2).filter(|pair| pair[0] == 1);
            out.extend(marks.map(|pair| usize::from(pair[1].wrapping_sub(b'A'))));
        }
    }
    out.sort_unstable();
    out.dedup();
    out.retain(|at| FIELDS.get(*at).is_some_and(|f| matches!(f.1, Kind::Keyword | Kind::Ip | Kind::Text)));
    Ok(out)
}

fn open_columns(dir: &Path) -> Result<ColumnarReader> {
    Ok(ColumnarReader::open(MmapDirectory::open(dir)?.open_read(Path::new("columns"))?)?)
}

fn strings(columns: &ColumnarReader, name: &str) -> Result<Option<StrColumn>> {
    for handle in columns.read_columns(name)? {
        if let DynamicColumn::Str(column) = handle.open()? {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

fn ints(columns: &ColumnarReader, field: usize) -> Result<Column<i64>> {
    for handle in columns.read_columns(FIELDS[field].0)? {
        if let DynamicColumn::I64(column) = handle.open()? {
            return Ok(column);
        }
    }
    Err(format!("no column {}", FIELDS[field].0).into())
}

pub fn ingest(file: &Path, dir: &Path, options: &crate::Options) -> Result<u64> {
    crate::measure::chunks(file, options, |number, mut lines| {
        let dir = dir.join(format!("seg-{number:03}"));
        std::fs::create_dir_all(dir.join("text"))?;
        let (trie, mut deriver, mut template) = (Trie::new(), Deriver::default(), vec![]);
        let mut columns = ColumnarWriter::default();
        let (verify, mut again) = (options.is("verify", "1"), vec![]);
        let mut row = 0u32;
        while let Some((offset, line)) = lines.next()? {
            let doc = trie.parse(line)?;
            if verify {
                // A source that would not come back as it was sent would have to be kept.
                again.clear();
                render(&doc, &mut again);
                if again != line {
                    return Err("written back otherwise".into());
                }
            }
            for (field, (path, kind)) in FIELDS.iter().enumerate() {
                let Some(leaf) = &doc.0[field] else { continue };
                match kind {
                    Kind::Date | Kind::Int => columns.record_numerical(row, path, leaf.int()),
                    Kind::Keyword | Kind::Ip => columns.record_str(row, path, leaf.str()),
                    Kind::Text | Kind::Kept => {
                        deriver.template(&doc, field, &mut template);
                        columns.record_str(row, path, &letters(&template));
                    }
                }
            }
            if !options.is("ids", "0") {
                let id = crate::generate::id(doc.0[HOST].as_ref().map_or("", Leaf::str), offset);
                columns.record_str(row, "_id", &id);
            }
            row += 1;
        }
        let mut out = BufWriter::new(File::create(dir.join("columns"))?);
        columns.serialize(row, None, &mut out)?;
        out.flush()?;
        out.into_inner()?.sync_all()?;
        drop(columns);
        index_values(&dir)?;
        Ok(u64::from(row))
    })
}

/// The index of a segment's distinct values, from its columns.
fn index_values(dir: &Path) -> Result<()> {
    let mut builder = tantivy::schema::Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("words")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    let words = builder.add_text_field("w", TextOptions::default().set_indexing_options(indexing));
    let schema = builder.build();
    let columns = open_columns(dir)?;
    let mut index = Index::builder()
        .schema(schema)
        .tokenizers(crate::tant::tokenizers())
        .single_segment_index_writer(MmapDirectory::open(dir.join("text"))?, 32_000_000)?;
    for field in searched(&columns)? {
        let Some(column) = strings(&columns, FIELDS[field].0)? else { continue };
        let mut stream = column.dictionary().stream()?;
        while stream.advance() {
            let mut doc = TantivyDocument::new();
            let value = String::from_utf8_lossy(stream.key());
            // Each stretch between marks is a value of its own, so that no phrase goes over a mark.
            let mut rest = value.as_ref();
            while let Some((before, after)) = rest.split_once('\u{1}') {
                doc.add_text(words, before);
                rest = after.get(1..).unwrap_or_default();
            }
            doc.add_text(words, rest);
            index.add_document(doc)?;
        }
    }
    index.finalize()?;
    Ok(())
}

/// Merges all segments into one.
pub fn merge(dir: &Path, into: &Path) -> Result<u64> {
    let mut dirs: Vec<_> =
        std::fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    dirs.sort();
    let readers = dirs.iter().map(|dir| open_columns(dir)).collect::<Result<Vec<_>>>()?;
    let readers: Vec<&ColumnarReader> = readers.iter().collect();
    std::fs::create_dir_all(into.join("text"))?;
    let mut out = BufWriter::new(File::create(into.join("columns"))?);
    merge_columnar(&readers, &[], StackMergeOrder::stack(&readers).into(), &mut out)?;
    out.flush()?;
    println!(
        "  columns are merged: peak RSS {:.0} MB, CPU {:.2} s",
        crate::measure::memory("VmHWM"),
        crate::measure::cpu()
    );
    index_values(into)?;
    Ok(readers.iter().map(|reader| u64::from(reader.num_docs())).sum())
}

struct Segment {
    columns: ColumnarReader,
    text: Searcher,
    times: (i64, i64),
    bytes: [u64; 2],
    parts: Vec<(String, u64)>,
}

pub struct Opened(Vec<Segment>);

pub fn open(dir: &Path) -> Result<Opened> {
    let mut dirs: Vec<_> =
        std::fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    dirs.sort();
    let mut segments = vec![];
    for dir in dirs {
        let columns = open_columns(&dir)?;
        let index = Index::open_in_dir(dir.join("text"))?;
        crate::tant::register(&index);
        let text = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?.searcher();
        let times = ints(&columns, TIME)?;
        let times = (times.min_value(), times.max_value());
        let bytes =
            [std::fs::metadata(dir.join("columns"))?.len(), crate::measure::folder_bytes(&dir.join("text"))];
        let mut parts = vec![];
        for (name, handle) in columns.list_columns()? {
            parts.push((name, handle.num_bytes().get_bytes()));
        }
        segments.push(Segment { columns, text, times, bytes, parts });
    }
    Ok(Opened(segments))
}

impl Segment {
    /// The rows with the words one after the other in a value that is a piece of their message.
    fn matching(&self, words: &[&str]) -> Result<Vec<u32>> {
        let field = self.text.schema().get_field("w")?;
        let terms: Vec<Term> = words.iter().map(|word| Term::from_field_text(field, word)).collect();
        let query: Box<dyn tantivy::query::Query> = match terms.as_slice() {
            [one] => Box::new(TermQuery::new(one.clone(), IndexRecordOption::Basic)),
            _ => Box::new(PhraseQuery::new(terms)),
        };
        let weight = query.weight(EnableScoring::disabled_from_searcher(&self.text))?;
        let mut values: Vec<u32> = vec![];
        for reader in self.text.segment_readers() {
            weight.for_each_no_score(reader, &mut |run| values.extend_from_slice(run))?;
        }
        if values.is_empty() {
            return Ok(vec![]);
        }
        let Some(templates) = strings(&self.columns, FIELDS[MESSAGE].0)? else { return Ok(vec![]) };
        let mut rows = vec![];
        let mut base = 0u32;
        let mut left = values.as_slice();
        for field in searched(&self.columns)? {
            let Some(column) = strings(&self.columns, FIELDS[field].0)? else { continue };
            let end = base + column.num_terms() as u32;
            let (mine, later) = left.split_at(left.partition_point(|value| *value < end));
            left = later;
            if !mine.is_empty() {
                let mut wanted = vec![0u64; column.num_terms().div_ceil(64)];
                mine.iter()
                    .map(|value| (value - base) as usize)
                    .for_each(|ord| wanted[ord / 64] |= 1 << (ord % 64));
                let found = rows_of(column.ords(), &wanted);
                if field == MESSAGE {
                    rows.extend(found);
                } else {
                    // Only where the row's template has this field.
                    let mut has = HashMap::new();
                    let mark = format!("\u{1}{}", char::from(b'A' + field as u8));
                    for row in found {
                        let Some(ord) = templates.ords().first(row) else { continue };
                        let has = has.entry(ord).or_insert_with(|| {
                            let mut text = String::new();
                            templates
                                .ord_to_str(ord, &mut text)
                                .is_ok_and(|found| found && text.contains(&mark))
                        });
                        if *has {
                            rows.push(row);
                        }
                    }
                }
            }
            base = end;
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }

    fn fetch(&self, rows: &[u32]) -> Result<Vec<Vec<u8>>> {
        let mut docs = vec![Doc::default(); rows.len()];
        let mut templates: HashMap<(usize, usize), Vec<u8>> = HashMap::new();
        for (field, (path, kind)) in FIELDS.iter().enumerate() {
            if matches!(kind, Kind::Date | Kind::Int) {
                let column = ints(&self.columns, field)?;
                docs.iter_mut()
                    .zip(rows)
                    .for_each(|(doc, row)| doc.0[field] = column.first(*row).map(Leaf::Int));
                continue;
            }
            let Some(column) = strings(&self.columns, path)? else { continue };
            for (at, row) in rows.iter().enumerate() {
                let Some(ord) = column.ords().first(*row) else { continue };
                let mut text = String::new();
                column.ord_to_str(ord, &mut text)?;
                match kind {
                    Kind::Text | Kind::Kept => drop(templates.insert((at, field), bytes(&text))),
                    _ => docs[at].0[field] = Some(Leaf::Str(Cow::Owned(text))),
                }
            }
        }
        let mut out = vec![];
        for (at, mut doc) in docs.into_iter().enumerate() {
            for field in [MESSAGE, ORIGINAL] {
                if let Some(template) = templates.get(&(at, field)) {
                    doc.0[field] = Some(Leaf::Str(Cow::Owned(restore(template, &doc))));
                }
            }
            let mut json = vec![];
            render(&doc, &mut json);
            out.push(json);
        }
        Ok(out)
    }
}

/// The rows whose ordinal is in a set.
fn rows_of(ords: &Column<u64>, wanted: &[u64]) -> Vec<u32> {
    let is = |ord: u64| wanted[ord as usize / 64] >> (ord % 64) & 1 == 1;
    let count = ords.num_docs();
    let mut out = vec![];
    if ords.get_cardinality() == Cardinality::Full {
        let mut block = [0u64; 4096];
        for from in (0..count).step_by(4096) {
            let length = (count - from).min(4096) as usize;
            ords.values.get_range(u64::from(from), &mut block[..length]);
            out.extend((from..).zip(&block[..length]).filter(|(_, ord)| is(**ord)).map(|(row, _)| row));
        }
        return out;
    }
    let docs: Vec<u32> = (0..count).collect();
    let mut values = vec![None; docs.len()];
    ords.first_vals(&docs, &mut values);
    out.extend(docs.into_iter().zip(values).filter(|(_, ord)| ord.is_some_and(is)).map(|(row, _)| row));
    out
}

impl Opened {
    pub fn sizes(&self, sizes: &mut Sizes) -> Result<usize> {
        for segment in &self.0 {
            let mut rest = segment.bytes[0];
            for (name, bytes) in &segment.parts {
                let kind = match name.as_str() {
                    "_id" => "ids",
                    "message" | "event.original" => "source",
                    _ => "columns",
                };
                sizes.add(&format!("{kind} {name}"), *bytes);
                rest -= bytes;
            }
            sizes.add("footer", rest);
            sizes.add("text", segment.bytes[1]);
        }
        Ok(self.0.len())
    }

    fn hits(&self, count: bool, find: impl Fn(&Segment) -> Result<Vec<u32>>) -> Result<Answer> {
        let (mut total, mut hits, mut bytes, mut newest) = (0, 0, 0, 0);
        for segment in self.0.iter().rev() {
            let rows = find(segment)?;
            total += rows.len();
            if hits < 50 && !rows.is_empty() {
                let last = &rows[rows.len().saturating_sub(50 - hits)..];
                hits += last.len();
                bytes += segment.fetch(last)?.iter().map(Vec::len).sum::<usize>();
                newest = newest.max(
                    last.last().and_then(|row| ints(&segment.columns, TIME).ok()?.first(*row)).unwrap_or(0),
                );
            }
            if hits >= 50 && !count {
                break;
            }
        }
        Ok(format!(
            "total {}, {hits} hits, newest {newest}, {bytes} bytes of source",
            if count { total } else { 0 }
        ))
    }

    pub fn run(&self, query: Query) -> Result<Answer> {
        let errors = |segment: &Segment| {
            let column = ints(&segment.columns, STATUS)?;
            let mut rows = vec![];
            column.get_docids_for_value_range(
                500..=column.max_value().max(500),
                0..column.num_docs(),
                &mut rows,
            );
            Ok(rows)
        };
        match query {
            Query::Histogram => {
                let mut buckets = HashMap::new();
                let (mut times, mut durations, mut statuses) = (vec![], vec![], vec![]);
                for segment in &self.0 {
                    debug_assert!(segment.times.0 <= segment.times.1);
                    all(&ints(&segment.columns, TIME)?, &mut times);
                    all(&ints(&segment.columns, DURATION)?, &mut durations);
                    all(&ints(&segment.columns, STATUS)?, &mut statuses);
                    crate::histogram(&times, &durations, &statuses, &mut buckets);
                }
                Ok(crate::histogram_answer(&buckets))
            }
            Query::Terms => {
                let mut parts = vec![];
                for segment in &self.0 {
                    let paths = strings(&segment.columns, FIELDS[PATH].0)?.ok_or("no paths")?;
                    parts.push((paths, ints(&segment.columns, DURATION)?));
                }
                terms_of(&parts)
            }
            Query::Phrase => self.hits(true, |segment| segment.matching(&["cart", "checkout"])),
            Query::Rare => self.hits(true, |segment| segment.matching(&[crate::generate::RARE])),
            Query::Errors => self.hits(false, errors),
            Query::ErrorsTotal => self.hits(true, errors),
        }
    }
}
