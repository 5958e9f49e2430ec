//! (b): columns and source in Parquet with a filter of words a row group; (c): the same with a tantivy index of the words beside it.
//!
//! A segment is a folder: `columns.parquet`, `ids` (sorted hashes), and `bloom` or `text/`. Rows are in order of time, a row's number is
//! its number in the word index.

use crate::derive::{Deriver, restore};
use crate::fields::{
    DURATION, Doc, FIELDS, HOST, Kind, Leaf, MESSAGE, ORIGINAL, PATH, STATUS, TIME, Trie, render,
};
use crate::measure::Sizes;
use crate::sketch::Sketch;
use crate::{Answer, Options, Query, Result, words};
use arrow_array::builder::{BinaryBuilder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tantivy::directory::MmapDirectory;
use tantivy::query::{EnableScoring, PhraseQuery, Query as _, TermQuery};
use tantivy::schema::{IndexRecordOption, TextFieldIndexing, TextOptions};
use tantivy::{Index, ReloadPolicy, Searcher, TantivyDocument, Term};
use xxhash_rust::xxh3::xxh3_64;

/// Ids come after the fields.
const ID: usize = FIELDS.len();

fn is_template(field: usize, options: &Options) -> bool {
    field == ORIGINAL || (field == MESSAGE && !options.is("source", "plain"))
}

fn schema(options: &Options, dictionary: bool) -> SchemaRef {
    let mut fields: Vec<Field> = FIELDS
        .iter()
        .enumerate()
        .map(|(at, (path, kind))| {
            let ty = match kind {
                Kind::Date | Kind::Int => DataType::Int64,
                _ if is_template(at, options) => DataType::Binary,
                _ if dictionary && at == PATH => {
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
                }
                _ => DataType::Utf8,
            };
            Field::new(*path, ty, true)
        })
        .collect();
    fields.push(Field::new("_id", DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}

fn properties(options: &Options) -> Result<WriterProperties> {
    let column = |at: usize| ColumnPath::new(vec![FIELDS.get(at).map_or("_id", |f| f.0).to_owned()]);
    let level = options.number("level", 3) as i32;
    let mut out = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(level)?))
        .set_max_row_group_row_count(Some(options.number("group", 65_536)))
        .set_data_page_row_count_limit(options.number("page", 8192))
        .set_dictionary_page_size_limit(8 << 20)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(column(TIME), EnabledStatistics::Page)
        .set_column_dictionary_enabled(column(ID), false)
        .set_column_encoding(column(ID), Encoding::DELTA_BYTE_ARRAY);
    for at in [TIME, DURATION] {
        out = out
            .set_column_dictionary_enabled(column(at), false)
            .set_column_encoding(column(at), Encoding::DELTA_BINARY_PACKED);
    }
    if !is_template(MESSAGE, options) {
        out = out
            .set_column_dictionary_enabled(column(MESSAGE), false)
            .set_column_encoding(column(MESSAGE), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    Ok(out.build())
}

enum Column {
    Ints(Int64Builder),
    Strings(StringBuilder),
    Bytes(BinaryBuilder),
}

/// The rows of the row group that is being filled: what a memtable would be.
struct Table {
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    fn new(options: &Options) -> Self {
        let columns = schema(options, false)
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Int64 => Column::Ints(Int64Builder::new()),
                DataType::Binary => Column::Bytes(BinaryBuilder::new()),
                _ => Column::Strings(StringBuilder::new()),
            })
            .collect();
        Self { columns, rows: 0 }
    }

    fn add(&mut self, doc: &Doc<'_>, id: Option<&str>, deriver: &mut Deriver, template: &mut Vec<u8>) {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let leaf = doc.0.get(at).and_then(Option::as_ref);
            match column {
                Column::Ints(out) => out.append_option(leaf.map(Leaf::int)),
                Column::Strings(out) if at == ID => out.append_option(id),
                Column::Strings(out) => out.append_option(leaf.map(Leaf::str)),
                Column::Bytes(out) => {
                    deriver.template(doc, at, template);
                    out.append_option(leaf.map(|_| template.as_slice()));
                }
            }
        }
        self.rows += 1;
    }

    fn take(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        self.rows = 0;
        let columns = self.columns.iter_mut().map(|column| -> ArrayRef {
            match column {
                Column::Ints(out) => Arc::new(out.finish()),
                Column::Strings(out) => Arc::new(out.finish()),
                Column::Bytes(out) => Arc::new(out.finish()),
            }
        });
        Ok(RecordBatch::try_new(schema.clone(), columns.collect())?)
    }
}

/// A blocked Bloom filter of the words of a row group: 12 bits a distinct word, six of them set.
struct Bloom(Vec<[u64; 8]>);

impl Bloom {
    fn of(hashes: &HashSet<u64>) -> Self {
        let mut out = Self(vec![[0; 8]; (hashes.len() * 12).div_ceil(512).max(1)]);
        for hash in hashes {
            let (block, bits) = out.place(*hash);
            bits.iter().for_each(|bit| out.0[block][bit / 64] |= 1 << (bit % 64));
        }
        out
    }

    fn place(&self, hash: u64) -> (usize, [usize; 6]) {
        let block = ((u128::from(hash) * self.0.len() as u128) >> 64) as usize;
        let mix = hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (hash >> 29);
        (block, std::array::from_fn(|i| (mix >> (i * 9)) as usize & 511))
    }

    fn maybe(&self, word: &str) -> bool {
        let (block, bits) = self.place(xxh3_64(word.as_bytes()));
        bits.iter().all(|bit| self.0[block][bit / 64] >> (bit % 64) & 1 == 1)
    }
}

fn text_schema(options: &Options) -> tantivy::schema::Schema {
    let mut builder = tantivy::schema::Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("words")
        .set_index_option(options.positions())
        .set_fieldnorms(false);
    builder.add_text_field("message", TextOptions::default().set_indexing_options(indexing));
    builder.build()
}

pub fn ingest(file: &Path, dir: &Path, options: &Options, postings: bool) -> Result<u64> {
    let group = options.number("group", 65_536);
    crate::measure::chunks(file, options, |number, mut lines| {
        let dir = dir.join(format!("seg-{number:03}"));
        std::fs::create_dir_all(dir.join("text"))?;
        let schema = schema(options, false);
        let mut out = ArrowWriter::try_new(
            File::create(dir.join("columns.parquet"))?,
            schema.clone(),
            Some(properties(options)?),
        )?;
        let text = text_schema(options);
        let message = text.get_field("message")?;
        let mut index = match postings {
            true => Some(
                Index::builder()
                    .schema(text)
                    .tokenizers(crate::tant::tokenizers())
                    .single_segment_index_writer(
                        MmapDirectory::open(dir.join("text"))?,
                        options.number("memory", 64_000_000),
                    )?,
            ),
            false => None,
        };
        let (trie, mut deriver, mut template) = (Trie::new(), Deriver::default(), vec![]);
        let mut table = Table::new(options);
        let (mut ids, mut seen, mut blooms, mut word) = (vec![], HashSet::new(), vec![], String::new());
        let mut count = 0;
        let mut end = |table: &mut Table, seen: &mut HashSet<u64>| -> Result<()> {
            if table.rows > 0 {
                out.write(&table.take(&schema)?)?;
                out.flush()?;
                blooms.push(Bloom::of(seen));
                seen.clear();
            }
            Ok(())
        };
        while let Some((offset, line)) = lines.next()? {
            let doc = trie.parse(line)?;
            let body = doc.0[MESSAGE].as_ref().map_or("", Leaf::str);
            let id = (!options.is("ids", "0"))
                .then(|| crate::generate::id(doc.0[HOST].as_ref().map_or("", Leaf::str), offset));
            if let Some(id) = &id {
                ids.push(xxh3_64(id.as_bytes()));
            }
            if let Some(index) = &mut index {
                let mut words = TantivyDocument::new();
                words.add_text(message, body);
                index.add_document(words)?;
            } else {
                words::each(body, |from, to| {
                    words::lower(&body[from..to], &mut word);
                    seen.insert(xxh3_64(word.as_bytes()));
                });
            }
            table.add(&doc, id.as_deref(), &mut deriver, &mut template);
            count += 1;
            if table.rows == group {
                end(&mut table, &mut seen)?;
            }
        }
        end(&mut table, &mut seen)?;
        drop(table);
        out.into_inner()?.sync_all()?;
        ids.sort_unstable();
        // The upper 40 bits: of ten million others, one in a hundred thousand new ids is looked for in vain.
        let bytes: Vec<u8> = ids.iter().flat_map(|hash| hash.to_be_bytes().into_iter().take(5)).collect();
        std::fs::write(dir.join("ids"), bytes)?;
        if let Some(index) = index {
            index.finalize()?;
        } else {
            let mut bytes = vec![];
            for bloom in &blooms {
                bytes.extend((bloom.0.len() as u64).to_le_bytes());
                bytes.extend(bloom.0.iter().flatten().flat_map(|n| n.to_le_bytes()));
            }
            std::fs::write(dir.join("bloom"), bytes)?;
        }
        Ok(count)
    })
}

/// One segment, opened.
struct Segment {
    file: File,
    metadata: ArrowReaderMetadata,
    /// Rows of each row group, and the ends of its times.
    groups: Vec<(Range<usize>, i64, i64)>,
    blooms: Vec<Bloom>,
    text: Option<Searcher>,
    sizes: Vec<(String, u64)>,
}

pub struct Opened {
    segments: Vec<Segment>,
    options: Options,
}

pub fn open(dir: &Path, options: &Options) -> Result<Opened> {
    let mut dirs: Vec<_> =
        std::fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    dirs.sort();
    let segments = dirs.iter().map(|dir| segment(dir, options)).collect::<Result<_>>()?;
    Ok(Opened { segments, options: options.clone() })
}

fn segment(dir: &Path, options: &Options) -> Result<Segment> {
    let file = File::open(dir.join("columns.parquet"))?;
    let reading = ArrowReaderOptions::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .with_schema(schema(options, true));
    let metadata = ArrowReaderMetadata::load(&file, reading)?;
    let mut groups = vec![];
    let mut sizes = vec![];
    let mut row = 0;
    for group in metadata.metadata().row_groups() {
        let rows = group.num_rows() as usize;
        let (low, high) = match group.column(TIME).statistics() {
            Some(Statistics::Int64(s)) => {
                (s.min_opt().copied().unwrap_or(0), s.max_opt().copied().unwrap_or(i64::MAX))
            }
            _ => (0, i64::MAX),
        };
        groups.push((row..row + rows, low, high));
        row += rows;
        for (at, column) in group.columns().iter().enumerate() {
            let name = FIELDS.get(at).map_or("_id", |f| f.0);
            let kind = if at == MESSAGE || at == ORIGINAL {
                "source"
            } else if at == ID {
                "ids"
            } else {
                "columns"
            };
            sizes.push((format!("{kind} {name}"), column.compressed_size() as u64));
        }
    }
    let length = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |m| m.len());
    let packed: u64 = sizes.iter().map(|(_, n)| n).sum();
    sizes.push(("footer".to_owned(), length("columns.parquet") - packed));
    sizes.push(("ids hashes".to_owned(), length("ids")));
    sizes.push(("bloom".to_owned(), length("bloom")));
    let mut blooms = vec![];
    let bytes = std::fs::read(dir.join("bloom")).unwrap_or_default();
    let mut rest = bytes.as_slice();
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let blocks = u64::from_le_bytes(*head) as usize;
        let words = tail[..blocks * 64].as_chunks::<64>().0;
        blooms.push(Bloom(
            words
                .iter()
                .map(|block| {
                    std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|b| block[i * 8 + b])))
                })
                .collect(),
        ));
        rest = &tail[blocks * 64..];
    }
    let mut text = None;
    if dir.join("text/meta.json").exists() {
        let index = Index::open_in_dir(dir.join("text"))?;
        crate::tant::register(&index);
        let searcher = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?.searcher();
        for segment in searcher.space_usage()?.segments() {
            sizes.push(("terms".to_owned(), segment.termdict().total().get_bytes()));
            sizes.push(("postings".to_owned(), segment.postings().total().get_bytes()));
            sizes.push(("positions".to_owned(), segment.positions().total().get_bytes()));
            sizes.push((
                "text-rest".to_owned(),
                segment.store().total().get_bytes() + segment.fast_fields().total().get_bytes(),
            ));
        }
        text = Some(searcher);
    }
    Ok(Segment { file, metadata, groups, blooms, text, sizes })
}

fn ints(batch: &RecordBatch, at: usize) -> &[i64] {
    batch.column(at).as_primitive::<Int64Type>().values()
}

impl Segment {
    fn read(
        &self,
        groups: Vec<usize>,
        fields: &[usize],
        select: Option<RowSelection>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), fields.iter().copied());
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, self.metadata.clone())
                .with_row_groups(groups)
                .with_projection(mask)
                .with_batch_size(65_536);
        if let Some(select) = select {
            builder = builder.with_row_selection(select);
        }
        Ok(builder.build()?.map(|batch| Ok(batch?)))
    }

    fn all_groups(&self) -> Vec<usize> {
        (0..self.groups.len()).collect()
    }

    /// The sources of rows (rising), rebuilt.
    fn fetch(&self, rows: &[u32], options: &Options) -> Result<Vec<Vec<u8>>> {
        let mut groups = vec![];
        let mut ranges: Vec<Range<usize>> = vec![];
        let mut before = 0;
        for (number, (range, _, _)) in self.groups.iter().enumerate() {
            let mut any = false;
            for row in rows.iter().map(|row| *row as usize).filter(|row| range.contains(row)) {
                let at = row - range.start + before;
                match ranges.last_mut() {
                    Some(last) if last.end == at => last.end += 1,
                    _ => ranges.push(at..at + 1),
                }
                any = true;
            }
            if any {
                groups.push(number);
                before += range.len();
            }
        }
        let select = RowSelection::from_consecutive_ranges(ranges.into_iter(), before);
        let fields: Vec<usize> = (0..=ID).collect();
        let mut out = vec![];
        for batch in self.read(groups, &fields, Some(select))? {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                let mut doc = Doc::default();
                let mut templates = [None; FIELDS.len()];
                for (field, column) in batch.columns().iter().take(FIELDS.len()).enumerate() {
                    if column.is_null(row) {
                        continue;
                    }
                    match column.data_type() {
                        DataType::Int64 => {
                            doc.0[field] = Some(Leaf::Int(column.as_primitive::<Int64Type>().value(row)))
                        }
                        DataType::Utf8 => {
                            doc.0[field] =
                                Some(Leaf::Str(Cow::Borrowed(column.as_string::<i32>().value(row))))
                        }
                        DataType::Binary => templates[field] = Some(column.as_binary::<i32>().value(row)),
                        _ => {
                            let column = column.as_dictionary::<Int32Type>();
                            let key = column.keys().value(row) as usize;
                            doc.0[field] =
                                Some(Leaf::Str(Cow::Borrowed(column.values().as_string::<i32>().value(key))));
                        }
                    }
                }
                for field in [MESSAGE, ORIGINAL] {
                    if let Some(template) = templates[field] {
                        doc.0[field] = Some(Leaf::Str(Cow::Owned(restore(template, &doc))));
                    }
                }
                let mut json = vec![];
                render(&doc, &mut json);
                out.push(json);
            }
        }
        let _ = options;
        Ok(out)
    }

    /// Rows whose message has the words one after the other, by the filters and a scan.
    fn scan(&self, wanted: &[&str], options: &Options) -> Result<Vec<u32>> {
        let pattern = format!("(?i-u:{})", wanted.join("[^a-z0-9_]+"));
        let pattern = regex::bytes::Regex::new(&pattern)?;
        let mut out = vec![];
        for (number, (range, _, _)) in self.groups.iter().enumerate() {
            if self.blooms.get(number).is_some_and(|bloom| !wanted.iter().all(|word| bloom.maybe(word))) {
                continue;
            }
            if is_template(MESSAGE, options) {
                // The words are in the fields that the template is over, so the texts must be made again.
                let rows: Vec<u32> = range.clone().map(|row| row as u32).collect();
                for (row, source) in rows.iter().zip(self.fetch(&rows, options)?) {
                    if pattern.is_match(&source) {
                        out.push(*row);
                    }
                }
                continue;
            }
            let mut row = range.start;
            for batch in self.read(vec![number], &[MESSAGE], None)? {
                let batch = batch?;
                let texts = batch.column(0).as_string::<i32>();
                let (offsets, bytes) = (texts.value_offsets(), texts.values().as_slice());
                let mut at = 0;
                for found in pattern.find_iter(bytes) {
                    let place = offsets.partition_point(|o| *o as usize <= found.start()) - 1;
                    // Not over the end of a text, not twice, and whole words.
                    let text = texts.value(place);
                    if found.end() <= offsets[place + 1] as usize && place >= at && phrase(text, wanted) {
                        out.push((row + place) as u32);
                        at = place + 1;
                    }
                }
                row += batch.num_rows();
            }
        }
        Ok(out)
    }

    fn matching(&self, wanted: &[&str], options: &Options) -> Result<Vec<u32>> {
        let Some(searcher) = &self.text else { return self.scan(wanted, options) };
        let field = searcher.schema().get_field("message")?;
        let terms: Vec<Term> = wanted.iter().map(|word| Term::from_field_text(field, word)).collect();
        let positions = options.positions() == IndexRecordOption::WithFreqsAndPositions;
        let query: Box<dyn tantivy::query::Query> = match terms.as_slice() {
            [one] => Box::new(TermQuery::new(one.clone(), IndexRecordOption::Basic)),
            _ if positions => Box::new(PhraseQuery::new(terms)),
            _ => {
                let all = terms.into_iter().map(|term| {
                    let query: Box<dyn tantivy::query::Query> =
                        Box::new(TermQuery::new(term, IndexRecordOption::Basic));
                    (tantivy::query::Occur::Must, query)
                });
                Box::new(tantivy::query::BooleanQuery::new(all.collect()))
            }
        };
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        let mut rows = vec![];
        for reader in searcher.segment_readers() {
            weight.for_each_no_score(reader, &mut |run| rows.extend_from_slice(run))?;
        }
        if wanted.len() > 1 && !positions && !rows.is_empty() {
            let joined = wanted.join("/");
            let sources = self.fetch(&rows, options)?;
            let mut keep =
                sources.iter().map(|source| memchr::memmem::find(source, joined.as_bytes()).is_some());
            rows.retain(|_| keep.next().unwrap_or(false));
        }
        Ok(rows)
    }
}

fn phrase(text: &str, wanted: &[&str]) -> bool {
    let mut words = vec![];
    words::each(text, |from, to| words.push(&text[from..to]));
    words.windows(wanted.len()).any(|run| run.iter().zip(wanted).all(|(a, b)| a.eq_ignore_ascii_case(b)))
}

impl Opened {
    pub fn sizes(&self, sizes: &mut Sizes) -> Result<usize> {
        self.segments.iter().flat_map(|s| &s.sizes).for_each(|(kind, bytes)| sizes.add(kind, *bytes));
        Ok(self.segments.len())
    }

    fn newest(&self, wanted: &[&str]) -> Result<Answer> {
        let (mut total, mut hits, mut bytes, mut newest) = (0, 0, 0, 0);
        for segment in self.segments.iter().rev() {
            let rows = segment.matching(wanted, &self.options)?;
            total += rows.len();
            if hits < 50 && !rows.is_empty() {
                // Segments and their rows are in order of time.
                let last = &rows[rows.len().saturating_sub(50 - hits)..];
                hits += last.len();
                let sources = segment.fetch(last, &self.options)?;
                bytes += sources.iter().map(Vec::len).sum::<usize>();
                newest = newest.max(sources.last().map_or(0, |source| time_of(source)));
            }
        }
        Ok(format!("total {total}, {hits} hits, newest {newest}, {bytes} bytes of source"))
    }

    fn errors(&self, count: bool) -> Result<Answer> {
        let (mut total, mut hits, mut bytes, mut newest) = (0, 0, 0, 0);
        for segment in self.segments.iter().rev() {
            let mut rows: Vec<u32> = vec![];
            for (number, (range, _, _)) in segment.groups.iter().enumerate().rev() {
                if !count && rows.len() + hits >= 50 {
                    break;
                }
                let mut found = vec![];
                let mut row = range.start as u32;
                for batch in segment.read(vec![number], &[STATUS], None)? {
                    let batch = batch?;
                    let statuses = ints(&batch, 0);
                    found.extend(
                        statuses.iter().zip(row..).filter(|(status, _)| **status >= 500).map(|(_, row)| row),
                    );
                    row += batch.num_rows() as u32;
                }
                total += found.len();
                found.append(&mut rows);
                rows = found;
            }
            if hits < 50 && !rows.is_empty() {
                let last = &rows[rows.len().saturating_sub(50 - hits)..];
                hits += last.len();
                let sources = segment.fetch(last, &self.options)?;
                bytes += sources.iter().map(Vec::len).sum::<usize>();
                newest = newest.max(sources.last().map_or(0, |source| time_of(source)));
            }
            if !count && hits >= 50 {
                break;
            }
        }
        let total = if count { total } else { 0 };
        Ok(format!("total {total}, {hits} hits, newest {newest}, {bytes} bytes of source"))
    }

    fn terms(&self) -> Result<Answer> {
        let mut parts: Vec<(StringArray, Vec<u32>)> = vec![];
        for segment in &self.segments {
            for number in segment.all_groups() {
                for batch in segment.read(vec![number], &[PATH], None)? {
                    let batch = batch?;
                    let column = batch.column(0).as_dictionary::<Int32Type>();
                    let mut counts = vec![0u32; column.values().len()];
                    column.keys().values().iter().for_each(|key| counts[*key as usize] += 1);
                    parts.push((column.values().as_string::<i32>().clone(), counts));
                }
            }
        }
        let counts: Vec<&[u32]> = parts.iter().map(|(_, counts)| counts.as_slice()).collect();
        let wanted = crate::candidates(&counts, |part, ord| parts[part].0.value(ord).to_owned());
        let mut sums: HashMap<&str, u64> = wanted.iter().map(|term| (term.as_str(), 0)).collect();
        for (values, counts) in &parts {
            for (value, count) in values.iter().zip(counts) {
                if let Some(sum) = value.and_then(|value| sums.get_mut(value)) {
                    *sum += u64::from(*count);
                }
            }
        }
        let mut sums: Vec<(u64, String)> =
            sums.into_iter().map(|(term, sum)| (sum, term.to_owned())).collect();
        sums.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        sums.truncate(10);
        let slots: HashMap<&str, u8> =
            sums.iter().zip(0..).map(|((_, term), slot)| (term.as_str(), slot)).collect();
        let mut sketches = vec![Sketch::default(); 10];
        for segment in &self.segments {
            for number in segment.all_groups() {
                for batch in segment.read(vec![number], &[PATH, DURATION], None)? {
                    let batch = batch?;
                    let column = batch.column(0).as_dictionary::<Int32Type>();
                    let values = column.values().as_string::<i32>();
                    let of: Vec<u8> = values
                        .iter()
                        .map(|v| v.and_then(|v| slots.get(v).copied()).unwrap_or(u8::MAX))
                        .collect();
                    for (key, duration) in column.keys().values().iter().zip(ints(&batch, 1)) {
                        if let Some(sketch) = sketches.get_mut(usize::from(of[*key as usize])) {
                            sketch.add(*duration);
                        }
                    }
                }
            }
        }
        Ok(crate::terms_answer(&sums, &sketches))
    }

    pub fn run(&self, query: Query) -> Result<Answer> {
        match query {
            Query::Histogram => {
                let mut buckets = HashMap::new();
                for segment in &self.segments {
                    for batch in segment.read(segment.all_groups(), &[TIME, STATUS, DURATION], None)? {
                        let batch = batch?;
                        crate::histogram(ints(&batch, 0), ints(&batch, 2), ints(&batch, 1), &mut buckets);
                    }
                }
                Ok(crate::histogram_answer(&buckets))
            }
            Query::Terms => self.terms(),
            Query::Phrase => self.newest(&["cart", "checkout"]),
            Query::Rare => self.newest(&[crate::generate::RARE]),
            Query::Errors => self.errors(false),
            Query::ErrorsTotal => self.errors(true),
        }
    }
}

fn time_of(source: &[u8]) -> i64 {
    source.get(15..39).and_then(crate::fields::parse_time).unwrap_or(0)
}
