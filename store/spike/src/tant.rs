//! (a): all of it in tantivy, as `store/src/engine` does, and with what can be tuned.

use crate::derive::{Deriver, restore};
use crate::fields::{
    DURATION, Doc, FIELDS, Kind, Leaf, MESSAGE, ORIGINAL, PATH, STATUS, TIME, Trie, ip_key, ip_text, render,
};
use crate::measure::{Lines, Sizes};
use crate::sketch::Sketch;
use crate::words::Words;
use crate::{Answer, Options, Query, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use tantivy::columnar::{Cardinality, Column, StrColumn};
use tantivy::directory::MmapDirectory;
use tantivy::query::{EnableScoring, PhraseQuery, Query as _, TermQuery};
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, JsonObjectOptions, NumericOptions, OwnedValue, Schema,
    TextFieldIndexing, TextOptions, Value,
};
use tantivy::store::{Compressor, ZstdCompressor};
use tantivy::tokenizer::{TextAnalyzer, TokenizerManager};
use tantivy::{
    Index, IndexSettings, IndexWriter, ReloadPolicy, Searcher, SegmentReader, TantivyDocument, Term,
};

/// How fields lie in the schema.
#[derive(Clone)]
struct Handles {
    id: Field,
    version: Field,
    source: Field,
    /// `n`, `k`, `t`, `x`.
    json: Option<[Field; 4]>,
    typed: Vec<Option<Field>>,
}

fn schema(options: &Options) -> (Schema, Handles) {
    let indexing = |tokenizer: &str, option| {
        TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option).set_fieldnorms(false)
    };
    let raw = TextOptions::default().set_indexing_options(indexing("raw", IndexRecordOption::Basic));
    let mut builder = Schema::builder();
    let id = builder.add_text_field("_id", raw.clone().set_stored());
    let version = builder.add_u64_field("_version", NumericOptions::default().set_fast());
    let source = builder.add_bytes_field("_source", BytesOptions::default().set_stored());
    let (mut json, mut typed) = (None, vec![]);
    if options.is("fields", "typed") {
        for (path, kind) in FIELDS {
            let name = path.replace('.', "_").replace('@', "");
            typed.push(match kind {
                Kind::Date | Kind::Int => {
                    Some(builder.add_i64_field(&name, NumericOptions::default().set_fast()))
                }
                Kind::Keyword | Kind::Ip if options.is("exact", "columns") => {
                    Some(builder.add_text_field(&name, TextOptions::default().set_fast("raw")))
                }
                Kind::Keyword | Kind::Ip => Some(builder.add_text_field(&name, raw.clone().set_fast("raw"))),
                Kind::Text => Some(builder.add_text_field(
                    &name,
                    TextOptions::default().set_indexing_options(indexing("words", options.positions())),
                )),
                Kind::Kept => None,
            });
        }
    } else {
        let object = || JsonObjectOptions::default().set_expand_dots_enabled();
        let n = builder.add_json_field("n", object().set_fast("raw"));
        let k = object().set_fast("raw");
        let k = if options.is("exact", "columns") {
            k
        } else {
            k.set_indexing_options(indexing("raw", IndexRecordOption::Basic))
        };
        let k = builder.add_json_field("k", k);
        let t = builder
            .add_json_field("t", object().set_indexing_options(indexing("words", options.positions())));
        let x = builder.add_text_field("x", raw);
        json = Some([n, k, t, x]);
    }
    (builder.build(), Handles { id, version, source, json, typed })
}

fn document(
    handles: &Handles,
    options: &Options,
    id: &str,
    doc: &Doc<'_>,
    line: &[u8],
    deriver: &mut Deriver,
) -> TantivyDocument {
    let mut out = TantivyDocument::new();
    out.add_text(handles.id, id);
    out.add_u64(handles.version, 1);
    let message = doc.0[MESSAGE].as_ref().map_or("", Leaf::str);
    match options.get("source", "full") {
        "full" => out.add_bytes(handles.source, line),
        "rest" => out.add_bytes(handles.source, message.as_bytes()),
        _ => {
            let mut template = Vec::new();
            deriver.template(doc, MESSAGE, &mut template);
            out.add_bytes(handles.source, &template);
        }
    }
    if let Some([n, k, t, x]) = handles.json {
        let (mut numbers, mut exact) = (vec![], vec![]);
        for ((path, kind), leaf) in FIELDS.iter().zip(&doc.0) {
            let Some(leaf) = leaf else { continue };
            match kind {
                Kind::Date | Kind::Int => numbers.push(((*path).to_owned(), OwnedValue::I64(leaf.int()))),
                Kind::Keyword => exact.push(((*path).to_owned(), OwnedValue::Str(leaf.str().to_owned()))),
                Kind::Ip => exact.push(((*path).to_owned(), OwnedValue::Str(ip_key(leaf.str())))),
                Kind::Text | Kind::Kept => {}
            }
        }
        out.add_field_value(n, &OwnedValue::Object(numbers));
        out.add_field_value(k, &OwnedValue::Object(exact));
        out.add_field_value(
            t,
            &OwnedValue::Object(vec![("message".to_owned(), OwnedValue::Str(message.to_owned()))]),
        );
        out.add_text(x, "message");
    } else {
        for ((field, (_, kind)), leaf) in handles.typed.iter().zip(&FIELDS).zip(&doc.0) {
            let (Some(field), Some(leaf)) = (field, leaf) else { continue };
            match kind {
                Kind::Date | Kind::Int => out.add_i64(*field, leaf.int()),
                Kind::Ip => out.add_text(*field, ip_key(leaf.str())),
                _ => out.add_text(*field, leaf.str()),
            }
        }
    }
    out
}

fn settings(options: &Options) -> IndexSettings {
    IndexSettings {
        docstore_compression: match options.get("store", "lz4") {
            "lz4" => Compressor::Lz4,
            level => Compressor::Zstd(ZstdCompressor { compression_level: level.parse().ok() }),
        },
        docstore_blocksize: options.number("block", 16_384),
        ..IndexSettings::default()
    }
}

/// The tokenizers of a new index.
pub fn tokenizers() -> TokenizerManager {
    let all = TokenizerManager::default();
    all.register("words", TextAnalyzer::from(Words::default()));
    all
}

pub fn register(index: &Index) {
    index.tokenizers().register("words", TextAnalyzer::from(Words::default()));
}

/// One tantivy index with a writer's threads and merges.
pub fn ingest(file: &Path, dir: &Path, options: &Options) -> Result<u64> {
    let (schema, handles) = schema(options);
    std::fs::create_dir_all(dir)?;
    let trie = Trie::new();
    let mut deriver = Deriver::default();
    if options.is("segments", "single") {
        // As (c) does it: workers build whole segments, each an index of its own, so that none is merged.
        return crate::measure::chunks(file, options, |number, mut lines| {
            let dir = dir.join(format!("seg-{number:03}"));
            std::fs::create_dir_all(&dir)?;
            let mut writer = Index::builder()
                .schema(schema.clone())
                .settings(settings(options))
                .tokenizers(tokenizers())
                .single_segment_index_writer(
                    MmapDirectory::open(&dir)?,
                    options.number("memory", 128_000_000),
                )?;
            let trie = Trie::new();
            let mut deriver = Deriver::default();
            let mut count = 0;
            while let Some((offset, line)) = lines.next()? {
                let doc = trie.parse(line)?;
                let id =
                    crate::generate::id(doc.0[crate::fields::HOST].as_ref().map_or("", Leaf::str), offset);
                writer.add_document(document(&handles, options, &id, &doc, line, &mut deriver))?;
                count += 1;
            }
            writer.finalize()?;
            Ok(count)
        });
    }
    let index = Index::builder().schema(schema).settings(settings(options)).create_in_dir(dir)?;
    register(&index);
    let mut writer: IndexWriter =
        index.writer_with_num_threads(options.number("threads", 2), options.number("memory", 128_000_000))?;
    let mut lines = Lines::open(file, 0, u64::MAX)?;
    let mut count = 0u64;
    let every = options.number("commit", 0) as u64;
    while let Some((offset, line)) = lines.next()? {
        let doc = trie.parse(line)?;
        let id = crate::generate::id(doc.0[crate::fields::HOST].as_ref().map_or("", Leaf::str), offset);
        writer.add_document(document(&handles, options, &id, &doc, line, &mut deriver))?;
        count += 1;
        if every > 0 && count.is_multiple_of(every) {
            writer.commit()?;
        }
    }
    writer.commit()?;
    writer.wait_merging_threads()?;
    Ok(count)
}

/// Merges all segments into one.
pub fn merge(dir: &Path) -> Result<u64> {
    let index = Index::open_in_dir(dir)?;
    register(&index);
    let mut writer: IndexWriter = index.writer_with_num_threads(1, 15_000_000)?;
    let ids = index.searchable_segment_ids()?;
    writer.merge(&ids).wait()?;
    writer.wait_merging_threads()?;
    Ok(index.searchable_segment_metas()?.iter().map(|meta| u64::from(meta.max_doc())).sum())
}

/// Opened for searching.
pub struct Opened {
    searchers: Vec<Searcher>,
    handles: Handles,
    options: Options,
}

pub fn open(dir: &Path, options: &Options) -> Result<Opened> {
    let (_, handles) = schema(options);
    let mut dirs = vec![];
    if dir.join("meta.json").exists() {
        dirs.push(dir.to_owned());
    } else {
        for entry in std::fs::read_dir(dir)? {
            dirs.push(entry?.path());
        }
        dirs.sort();
    }
    let mut searchers = vec![];
    for dir in dirs {
        let index = Index::open_in_dir(dir)?;
        register(&index);
        searchers.push(index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?.searcher());
    }
    Ok(Opened { searchers, handles, options: options.clone() })
}

/// Every value of a column.
pub fn all<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + Default + 'static>(
    column: &Column<T>,
    out: &mut Vec<T>,
) {
    let count = column.num_docs();
    out.clear();
    if column.get_cardinality() == Cardinality::Full {
        out.resize(count as usize, T::default());
        column.values.get_range(0, out);
    } else {
        out.extend((0..count).map(|doc| column.first(doc).unwrap_or_default()));
    }
}

impl Opened {
    fn segments(&self) -> impl Iterator<Item = (&Searcher, usize, &SegmentReader)> {
        self.searchers
            .iter()
            .flat_map(|s| s.segment_readers().iter().enumerate().map(move |(n, r)| (s, n, r)))
    }

    fn name(&self, field: usize) -> String {
        let (path, kind) = FIELDS[field];
        match (&self.handles.json, kind) {
            (None, _) => path.replace('.', "_").replace('@', ""),
            (_, Kind::Date | Kind::Int) => format!("n.{path}"),
            _ => format!("k.{path}"),
        }
    }

    fn ints(&self, reader: &SegmentReader, field: usize) -> Result<Column<i64>> {
        Ok(reader.fast_fields().i64(&self.name(field))?)
    }

    fn strings(&self, reader: &SegmentReader, field: usize) -> Result<StrColumn> {
        reader
            .fast_fields()
            .str(&self.name(field))?
            .ok_or_else(|| format!("no column {}", FIELDS[field].0).into())
    }

    fn term(&self, word: &str) -> Term {
        match self.handles.json {
            Some([_, _, t, _]) => {
                let mut term = Term::from_field_json_path(t, "message", true);
                term.append_type_and_str(word);
                term
            }
            None => match self.handles.typed[MESSAGE] {
                Some(field) => Term::from_field_text(field, word),
                None => unreachable!("the message is text"),
            },
        }
    }

    /// Segments and bytes by kind.
    pub fn sizes(&self, sizes: &mut Sizes) -> Result<usize> {
        for (searcher, number, _) in self.segments() {
            let usage = searcher.space_usage()?;
            let Some(segment) = usage.segments().get(number) else { continue };
            for (kind, part) in [
                ("terms", segment.termdict()),
                ("postings", segment.postings()),
                ("positions", segment.positions()),
                ("columns", segment.fast_fields()),
            ] {
                for field in part.fields() {
                    sizes.add(&format!("{kind} {}", field.field_name()), field.total().get_bytes());
                }
            }
            sizes.add("source store", segment.store().total().get_bytes());
        }
        Ok(self.segments().count())
    }

    /// The source of documents of one segment.
    fn fetch(&self, searcher: &Searcher, number: usize, docs: &[u32]) -> Result<Vec<Vec<u8>>> {
        let reader = searcher.segment_reader(number as u32);
        let store = reader.get_store_reader(16)?;
        let full = self.options.get("source", "full") == "full";
        let mut columns = HashMap::new();
        if !full {
            for (field, (_, kind)) in FIELDS.iter().enumerate() {
                match kind {
                    Kind::Date | Kind::Int => {
                        drop(columns.insert(field, (Some(self.ints(reader, field)?), None)))
                    }
                    Kind::Keyword | Kind::Ip => {
                        drop(columns.insert(field, (None, Some(self.strings(reader, field)?))))
                    }
                    _ => {}
                }
            }
        }
        let mut out = vec![];
        for doc in docs {
            let stored: TantivyDocument = store.get(*doc)?;
            let bytes = stored.get_first(self.handles.source).and_then(|v| v.as_bytes()).unwrap_or_default();
            if full {
                out.push(bytes.to_vec());
                continue;
            }
            let mut built = Doc::default();
            for (field, (ints, strings)) in &columns {
                if let Some(column) = ints {
                    built.0[*field] = column.first(*doc).map(Leaf::Int);
                } else if let Some(column) = strings
                    && let Some(ord) = column.ords().first(*doc)
                {
                    let mut text = String::new();
                    column.ord_to_str(ord, &mut text)?;
                    let text = if FIELDS[*field].1 == Kind::Ip { ip_text(&text) } else { text };
                    built.0[*field] = Some(Leaf::Str(Cow::Owned(text)));
                }
            }
            let message = if self.options.is("source", "derived") {
                restore(bytes, &built)
            } else {
                String::from_utf8_lossy(bytes).into_owned()
            };
            built.0[ORIGINAL] = Some(Leaf::Str(Cow::Owned(message.clone())));
            built.0[MESSAGE] = Some(Leaf::Str(Cow::Owned(message)));
            let mut json = vec![];
            render(&built, &mut json);
            out.push(json);
        }
        Ok(out)
    }

    /// The newest 50 of matches, each segment's newest first.
    fn newest(&self, mut found: Vec<(usize, Vec<u32>)>) -> Result<Answer> {
        let parts: Vec<_> = self.segments().collect();
        let mut top: Vec<(i64, usize, u32)> = vec![];
        let mut total = 0;
        for (at, docs) in &mut found {
            total += docs.len() as u64;
            let times = self.ints(parts[*at].2, TIME)?;
            if top.len() >= 50 && times.max_value() < top[49].0 {
                continue;
            }
            top.extend(docs.iter().map(|doc| (times.first(*doc).unwrap_or(0), *at, *doc)));
            top.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.0));
            top.truncate(50);
        }
        self.sources(top, total)
    }

    fn sources(&self, top: Vec<(i64, usize, u32)>, total: u64) -> Result<Answer> {
        let mut by: HashMap<usize, Vec<u32>> = HashMap::new();
        top.iter().for_each(|(_, at, doc)| by.entry(*at).or_default().push(*doc));
        let mut bytes = 0;
        for (at, docs) in by {
            if let Some((searcher, number, _)) = self.segments().nth(at) {
                bytes += self.fetch(searcher, number, &docs)?.iter().map(Vec::len).sum::<usize>();
            }
        }
        Ok(format!(
            "total {total}, {} hits, newest {}, {bytes} bytes of source",
            top.len(),
            top.first().map_or(0, |h| h.0)
        ))
    }

    fn matching(&self, words: &[&str]) -> Result<Vec<(usize, Vec<u32>)>> {
        let terms: Vec<Term> = words.iter().map(|word| self.term(word)).collect();
        let query: Box<dyn tantivy::query::Query> = match terms.as_slice() {
            [one] => Box::new(TermQuery::new(one.clone(), IndexRecordOption::Basic)),
            _ if self.options.positions() != IndexRecordOption::WithFreqsAndPositions => {
                let all = terms.into_iter().map(|term| {
                    let query: Box<dyn tantivy::query::Query> =
                        Box::new(TermQuery::new(term, IndexRecordOption::Basic));
                    (tantivy::query::Occur::Must, query)
                });
                Box::new(tantivy::query::BooleanQuery::new(all.collect()))
            }
            _ => Box::new(PhraseQuery::new(terms)),
        };
        let mut found = vec![];
        for (at, (searcher, number, reader)) in self.segments().enumerate() {
            let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
            let mut docs = vec![];
            weight.for_each_no_score(reader, &mut |run| docs.extend_from_slice(run))?;
            if words.len() > 1 && self.options.positions() != IndexRecordOption::WithFreqsAndPositions {
                // match_only_text: the candidates' sources say whether it is the phrase.
                let sources = self.fetch(searcher, number, &docs)?;
                let mut keep = sources
                    .iter()
                    .map(|source| memchr::memmem::find(source, words.join("/").as_bytes()).is_some());
                docs.retain(|_| keep.next().unwrap_or(false));
            }
            if !docs.is_empty() {
                found.push((at, docs));
            }
        }
        found.reverse();
        Ok(found)
    }

    pub fn run(&self, query: Query) -> Result<Answer> {
        match query {
            Query::Histogram => {
                let mut buckets: HashMap<i64, (Sketch, u64)> = HashMap::new();
                let (mut times, mut durations, mut statuses) = (vec![], vec![], vec![]);
                for (_, _, reader) in self.segments() {
                    all(&self.ints(reader, TIME)?, &mut times);
                    all(&self.ints(reader, DURATION)?, &mut durations);
                    all(&self.ints(reader, STATUS)?, &mut statuses);
                    crate::histogram(&times, &durations, &statuses, &mut buckets);
                }
                Ok(crate::histogram_answer(&buckets))
            }
            Query::Terms => self.terms(),
            Query::Phrase => self.newest(self.matching(&["cart", "checkout"])?),
            Query::Rare => self.newest(self.matching(&[crate::generate::RARE])?),
            Query::Errors | Query::ErrorsTotal => {
                let mut top: Vec<(i64, usize, u32)> = vec![];
                let mut total = 0;
                let mut order: Vec<(i64, i64, usize)> = vec![];
                for (at, (_, _, reader)) in self.segments().enumerate() {
                    let times = self.ints(reader, TIME)?;
                    order.push((times.max_value(), times.min_value(), at));
                }
                order.sort_unstable_by_key(|part| std::cmp::Reverse(*part));
                let parts: Vec<_> = self.segments().collect();
                for (max, _, at) in order {
                    if query == Query::Errors && top.len() >= 50 && max < top[49].0 {
                        break;
                    }
                    let reader = parts[at].2;
                    let (times, statuses) = (self.ints(reader, TIME)?, self.ints(reader, STATUS)?);
                    let mut docs = vec![];
                    statuses.get_docids_for_value_range(
                        500..=statuses.max_value().max(500),
                        0..reader.max_doc(),
                        &mut docs,
                    );
                    total += docs.len();
                    top.extend(docs.into_iter().map(|doc| (times.first(doc).unwrap_or(0), at, doc)));
                    top.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.0));
                    top.truncate(50);
                }
                self.sources(top, if query == Query::Errors { 0 } else { total as u64 })
            }
        }
    }

    fn terms(&self) -> Result<Answer> {
        let parts = self
            .segments()
            .map(|(_, _, reader)| Ok((self.strings(reader, PATH)?, self.ints(reader, DURATION)?)));
        terms_of(&parts.collect::<Result<Vec<_>>>()?)
    }
}

/// The ten most frequent terms of a column, with percentiles of another.
pub fn terms_of(parts: &[(StrColumn, Column<i64>)]) -> Result<Answer> {
    let mut ords = vec![];
    let mut tables = vec![];
    for (column, _) in parts {
        all(column.ords(), &mut ords);
        let mut counts = vec![0u32; column.num_terms()];
        ords.iter().for_each(|ord| counts[*ord as usize] += 1);
        tables.push(counts);
    }
    let counts: Vec<&[u32]> = tables.iter().map(Vec::as_slice).collect();
    let wanted = crate::candidates(&counts, |part, ord| {
        let mut text = String::new();
        let _ = parts[part].0.ord_to_str(ord as u64, &mut text);
        text
    });
    let mut sums: Vec<(u64, String)> = vec![];
    for term in wanted {
        let mut sum = 0;
        for ((column, _), counts) in parts.iter().zip(&tables) {
            if let Some(ord) = column.dictionary().term_ord(&term)? {
                sum += u64::from(counts[ord as usize]);
            }
        }
        sums.push((sum, term));
    }
    sums.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    sums.truncate(10);
    let mut sketches = vec![Sketch::default(); 10];
    let mut durations = vec![];
    for ((column, figures), counts) in parts.iter().zip(&tables) {
        let mut slots = vec![u8::MAX; counts.len()];
        for (slot, (_, term)) in sums.iter().enumerate() {
            if let Some(ord) = column.dictionary().term_ord(term)? {
                slots[ord as usize] = slot as u8;
            }
        }
        all(column.ords(), &mut ords);
        all(figures, &mut durations);
        for (ord, duration) in ords.iter().zip(&durations) {
            if let Some(sketch) = sketches.get_mut(usize::from(slots[*ord as usize])) {
                sketch.add(*duration);
            }
        }
    }
    Ok(crate::terms_answer(&sums, &sketches))
}
