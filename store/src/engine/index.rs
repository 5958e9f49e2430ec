//! The words of a segment's texts, by value: a tantivy index whose documents are not rows but distinct values of columns.
//!
//! What is a text's piece is a value of some column: a template's words are those between its marks, a field's are in the field's own column, a
//! variable's in that of its place. The document `base of the column + ordinal` is that value.

use super::columns::Columns;
use super::file::{Parts, Writer};
use super::template::{self, Piece, SLOTS};
use crate::error::StoreError;
use crate::query::words::{WordStream, Words};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, FileSlice, Lock, RamDirectory, WatchCallback, WatchHandle, WritePtr,
};
use tantivy::postings::Postings;
use tantivy::query::{EnableScoring, PhraseQuery, Query};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{
    DocSet, Index, ReloadPolicy, Searcher, SegmentReader, SingleSegmentIndexWriter, TERMINATED,
    TantivyDocument, Term,
};

const ANALYZER: &str = "words";
/// What the words of a batch of values may take while they are collected, in bytes; after it the next batch is begun, however many rows are merged.
const MEMORY: usize = 4_000_000;
/// What tantivy makes its tables for, in bytes. An empty writer takes most of it.
const TABLES: usize = 16_000_000;
/// Values between two looks at how much it is.
const LOOK: u32 = 256;
/// Values that are read at a time.
const STRETCH: u64 = 32_768;

/// An end of a piece. Its word is indexed a second time with a mark before it: a phrase that goes over from one piece to the next has a word that ends a
/// piece and one that begins one, and few rows have both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    First,
    Last,
}

impl Edge {
    /// The word with its mark, which no word has in it.
    pub(super) fn of(self, word: &str) -> String {
        let mark = match self {
            Self::First => '\u{1}',
            Self::Last => '\u{2}',
        };
        let mut marked = String::with_capacity(word.len() + 1);
        marked.push(mark);
        marked.push_str(word);
        marked
    }
}

/// The analyzer of values: their words, and behind them the first and the last with their marks.
#[derive(Clone, Default)]
struct Edged {
    words: Words,
}

struct EdgedStream<'a> {
    words: WordStream<'a>,
    token: Token,
    first: Option<String>,
    last: Option<String>,
    over: bool,
}

impl Tokenizer for Edged {
    type TokenStream<'a> = EdgedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> EdgedStream<'a> {
        let words = self.words.token_stream(text);
        EdgedStream { words, token: Token::default(), first: None, last: None, over: false }
    }
}

impl TokenStream for EdgedStream<'_> {
    fn advance(&mut self) -> bool {
        if !self.over && self.words.advance() {
            let word = self.words.token();
            if self.first.is_none() {
                self.first = Some(Edge::First.of(&word.text));
            }
            self.token.clone_from(word);
            return true;
        }
        if !self.over {
            self.over = true;
            self.last = self.first.is_some().then(|| Edge::Last.of(&self.token.text));
        }
        let Some(edge) = self.first.take().or_else(|| self.last.take()) else { return false };
        self.token.text = edge;
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// What a file says of its words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct About {
    /// The columns whose values are documents, in their order, and how many values each has.
    columns: Vec<(String, u32)>,
    /// By path of a text: the keyword paths that its templates name.
    fields: BTreeMap<String, Vec<String>>,
    /// How many values each batch of them has, which is an index of its own. None where all are in one, as an earlier build wrote it.
    #[serde(default)]
    batches: Vec<u32>,
}

fn schema() -> (Schema, Field) {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(ANALYZER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(false);
    let field = builder.add_text_field("w", TextOptions::default().set_indexing_options(indexing));
    (builder.build(), field)
}

fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::new();
    manager.register(ANALYZER, TextAnalyzer::from(Edged::default()));
    manager
}

/// Indexes the values of a segment's columns and writes the index into its file.
pub(super) fn write(columns: &Columns, out: &mut Writer) -> Result<About, StoreError> {
    write_within(columns, out, (MEMORY, LOOK, STRETCH))
}

/// The same with other bounds than [`MEMORY`], [`LOOK`] and [`STRETCH`].
fn write_within(
    columns: &Columns,
    out: &mut Writer,
    (memory, look, stretch): (usize, u32, u64),
) -> Result<About, StoreError> {
    let names = columns.names()?;
    let texts: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("t.")).collect();
    let mut about = About::default();
    let mut fields: BTreeSet<String> = BTreeSet::new();
    let mut indexer = Indexer { out, memory, look, batch: None, batches: Vec::new() };
    let mut add = |name: String, about: &mut About, visit: &mut dyn FnMut(&str) -> Vec<String>| {
        let Some(dictionary) = columns.passing(&name)? else { return Ok(()) };
        let mut count = 0;
        let mut last: Option<Vec<u8>> = None;
        // A stretch at a time is read, from behind the last value of the one before.
        loop {
            let range = match &last {
                Some(last) => dictionary.range().gt(last),
                None => dictionary.range(),
            };
            let mut stream = range.limit(stretch).into_stream().map_err(tantivy::TantivyError::from)?;
            let before = count;
            let mut key = Vec::new();
            while stream.advance() {
                // Each stretch of a template is a value of its own, so that no phrase goes over a mark.
                let value = String::from_utf8_lossy(stream.key());
                indexer.add(&visit(&value))?;
                count += 1;
                key.clear();
                key.extend_from_slice(stream.key());
            }
            if count == before {
                break;
            }
            last = Some(key);
        }
        about.columns.push((name, count));
        Ok::<(), StoreError>(())
    };
    for path in texts {
        let mut named: BTreeSet<String> = BTreeSet::new();
        add(format!("t.{path}"), &mut about, &mut |value| {
            let pieces = template::pieces(value);
            named.extend(pieces.iter().filter_map(|piece| match piece {
                Piece::Field(path) => Some(path.to_string()),
                _ => None,
            }));
            template::stretches(value)
        })?;
        for slot in 0..SLOTS {
            add(format!("v{slot}.{path}"), &mut about, &mut |value| {
                if own_word(value) { Vec::new() } else { vec![value.to_owned()] }
            })?;
        }
        fields.extend(named.iter().cloned());
        about.fields.insert(path.to_owned(), named.into_iter().collect());
    }
    for path in fields {
        add(format!("k.{path}"), &mut about, &mut |value| vec![value.to_owned()])?;
    }
    indexer.end()?;
    about.batches = indexer.batches;
    Ok(about)
}

/// Indexes values, batch by batch: what tantivy collects before it writes is bounded so.
struct Indexer<'a> {
    out: &'a mut Writer,
    memory: usize,
    look: u32,
    batch: Option<Batch>,
    /// Values of the batches that are written.
    batches: Vec<u32>,
}

/// Values whose words are being collected.
struct Batch {
    /// Where tantivy puts its files.
    directory: RamDirectory,
    writer: SingleSegmentIndexWriter<TantivyDocument>,
    field: Field,
    values: u32,
    /// What it took before the first value came.
    empty: usize,
}

impl Batch {
    fn begin() -> Result<Self, StoreError> {
        let (schema, field) = schema();
        let directory = RamDirectory::create();
        let index = Index::builder().schema(schema).tokenizers(tokenizers());
        let writer = index.single_segment_index_writer(directory.clone(), TABLES)?;
        let empty = writer.mem_usage();
        Ok(Self { directory, writer, field, values: 0, empty })
    }
}

impl Indexer<'_> {
    /// The next value, by the stretches of text that are in it.
    fn add(&mut self, stretches: &[String]) -> Result<(), StoreError> {
        let batch = match &mut self.batch {
            Some(batch) => batch,
            none => none.insert(Batch::begin()?),
        };
        let mut document = TantivyDocument::new();
        stretches.iter().for_each(|stretch| document.add_text(batch.field, stretch));
        batch.writer.add_document(document)?;
        batch.values += 1;
        if batch.values.is_multiple_of(self.look) && batch.writer.mem_usage() > batch.empty + self.memory {
            self.end()?;
        }
        Ok(())
    }

    /// Writes the batch into the file.
    fn end(&mut self) -> Result<(), StoreError> {
        let Some(Batch { directory, writer, values, .. }) = self.batch.take() else { return Ok(()) };
        let index = writer.finalize()?;
        let mut files: Vec<PathBuf> = index.directory().list_managed_files().into_iter().collect();
        files.sort();
        let number = self.batches.len();
        for file in files {
            // Of the folder itself: tantivy's view of it takes the checksums off, which it looks for when it opens the files again. Some of the
            // files that a segment may have it has not.
            let Ok(bytes) = directory.open_read(&file) else { continue };
            let bytes = bytes.read_bytes().map_err(|e| OpenReadError::wrap_io_error(e, file.clone()));
            let bytes = bytes.map_err(tantivy::TantivyError::from)?;
            self.out.part(&format!("words/{number}/{}", file.display()), |out| out.write_all(&bytes))?;
        }
        self.batches.push(values);
        Ok(())
    }
}

/// Whether a value is one word and written as that word: the column's own dictionary finds it, and it need not be indexed. Most variables are numbers.
pub(super) fn own_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// A value, by its document's number, and how often the word is in it.
pub(super) type Hit = (u32, u32);

/// An open index of values.
pub(super) struct ValueIndex {
    /// For each batch the number of its first value, and its index.
    batches: Vec<(u32, Searcher)>,
    field: Field,
    about: About,
}

impl ValueIndex {
    pub(super) fn open(parts: &Parts, about: About) -> Result<Self, StoreError> {
        let (_, field) = schema();
        let mut batches = Vec::new();
        let mut base = 0;
        if about.batches.is_empty() {
            batches.extend(searcher(parts, "words/")?.map(|searcher| (0, searcher)));
        }
        for (number, values) in about.batches.iter().enumerate() {
            let searcher = searcher(parts, &format!("words/{number}/"))?
                .filter(|searcher| searcher.num_docs() == u64::from(*values))
                .ok_or_else(|| parts.damaged("a batch of its words is not whole"))?;
            batches.push((base, searcher));
            base += values;
        }
        Ok(Self { batches, field, about })
    }

    /// The indexes within the batches, each with the number of its first value.
    fn readers(&self) -> impl Iterator<Item = (u32, &SegmentReader)> {
        self.batches
            .iter()
            .flat_map(|(base, searcher)| searcher.segment_readers().iter().map(move |reader| (*base, reader)))
    }

    /// The columns that a text path's pieces are in, with the numbers of their values; the paths of fields without `k.`.
    pub(super) fn columns(&self, path: &str) -> Vec<(&str, std::ops::Range<u32>)> {
        let fields = self.about.fields.get(path).map_or(&[][..], Vec::as_slice);
        let mut base = 0;
        let mut out = Vec::new();
        for (name, count) in &self.about.columns {
            let range = base..base + count;
            base += count;
            let own = match name.split_once('.') {
                Some(("k", field)) => fields.iter().any(|f| f == field),
                Some((_, text)) => text == path,
                None => false,
            };
            if own && *count > 0 {
                out.push((name.as_str(), range));
            }
        }
        out
    }

    /// The values that hold a word, in rising order.
    pub(super) fn word(&self, word: &str) -> Result<Vec<Hit>, StoreError> {
        let mut out = Vec::new();
        for (base, reader) in self.readers() {
            let inverted = reader.inverted_index(self.field)?;
            let term = Term::from_field_text(self.field, word);
            let found = inverted.read_postings(&term, IndexRecordOption::WithFreqs);
            let Some(mut postings) = found.map_err(tantivy::TantivyError::from)? else { continue };
            let mut doc = postings.doc();
            while doc != TERMINATED {
                out.push((base + doc, postings.term_freq()));
                doc = postings.advance();
            }
        }
        Ok(out)
    }

    /// The values that hold words one after the other.
    pub(super) fn phrase(&self, words: &[String]) -> Result<Vec<Hit>, StoreError> {
        let mut out = Vec::new();
        let terms = words.iter().map(|word| Term::from_field_text(self.field, word)).collect();
        let query = PhraseQuery::new(terms);
        for (base, searcher) in &self.batches {
            let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
            for reader in searcher.segment_readers() {
                weight.for_each_no_score(reader, &mut |docs| {
                    out.extend(docs.iter().map(|doc| (base + doc, 1)));
                })?;
            }
        }
        Ok(out)
    }

    /// The values that hold any word from `start` on, within the stretch that begins with `prefix`, that is accepted.
    pub(super) fn pattern(
        &self,
        prefix: &str,
        accept: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Hit>, StoreError> {
        let mut found: BTreeSet<u32> = BTreeSet::new();
        for (base, reader) in self.readers() {
            let inverted = reader.inverted_index(self.field)?;
            let range = inverted.terms().range().ge(prefix.as_bytes());
            let mut stream = range.into_stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                if !stream.key().starts_with(prefix.as_bytes()) {
                    break;
                }
                let edge = stream.key().first().is_some_and(|byte| matches!(byte, 1 | 2));
                if edge || !std::str::from_utf8(stream.key()).is_ok_and(accept) {
                    continue;
                }
                let postings = inverted.read_postings_from_terminfo(stream.value(), IndexRecordOption::Basic);
                let mut postings = postings.map_err(tantivy::TantivyError::from)?;
                let mut doc = postings.doc();
                while doc != TERMINATED {
                    found.insert(base + doc);
                    doc = postings.advance();
                }
            }
        }
        Ok(found.into_iter().map(|doc| (doc, 1)).collect())
    }
}

/// The index that is in the parts whose names begin so.
fn searcher(parts: &Parts, prefix: &str) -> Result<Option<Searcher>, StoreError> {
    let mut files = HashMap::new();
    for name in parts.names(prefix) {
        files.insert(PathBuf::from(name), parts.part(&format!("{prefix}{name}"))?);
    }
    if files.is_empty() {
        return Ok(None);
    }
    let mut index = Index::open(Inside(Arc::new(files)))?;
    index.set_tokenizers(tokenizers());
    let reader: tantivy::IndexReader =
        index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(Some(reader.searcher()))
}

/// The parts of a file as the folder that tantivy wants; nothing is ever written.
#[derive(Clone)]
struct Inside(Arc<HashMap<PathBuf, FileSlice>>);

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inside")
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a segment is never changed")
}

impl Directory for Inside {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let file = self.0.get(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))?;
        Ok(Arc::new(file.clone()))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.0.contains_key(path))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let file = self.0.get(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))?;
        let bytes = file.read_bytes().map_err(|e| OpenReadError::wrap_io_error(e, path.to_owned()))?;
        Ok(bytes.to_vec())
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::Buffer;
    use super::*;
    use crate::mapping::{Batch as Mapped, Mapping, prepare};
    use crate::segments::Incoming;
    use serde_json::json;
    use tantivy::directory::MmapDirectory;

    /// The columns of documents whose texts are so many values.
    fn columns() -> Columns {
        let mapping = Mapping::parse(&json!({"properties": {
            "message": {"type": "text"}, "path": {"type": "keyword"}
        }}));
        let (mapping, mut buffer) = (mapping.unwrap(), Buffer::default());
        for number in 0..4000 {
            let path = format!("/a b/{}/page-{number}", ["cart", "search"][number % 2]);
            let message = format!("user u{number}-x opens {path} late");
            let source = json!({"message": message, "path": path}).to_string();
            let mut batch = Mapped::default();
            let span = prepare(&mapping, source.as_bytes(), false, &mut batch).unwrap().span;
            let mapped = batch.get(span);
            let id = number.to_string();
            buffer.add(&Incoming { id: &id, version: 1, source: source.as_bytes(), mapped }).unwrap();
        }
        buffer.freeze().unwrap().columns().unwrap()
    }

    fn open(dir: &Path, name: &str) -> (Parts, About) {
        Parts::open::<About>(&MmapDirectory::open(dir).unwrap(), &dir.join(name), name).unwrap()
    }

    /// What an index finds: a word, an end of a piece, a phrase, a pattern.
    fn found(index: &ValueIndex) -> Vec<Vec<Hit>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        vec![
            index.word("cart").unwrap(),
            index.word("user").unwrap(),
            index.word("nothing").unwrap(),
            index.word(&Edge::Last.of("7")).unwrap(),
            index.phrase(&words(&["b", "search", "page"])).unwrap(),
            index.pattern("", &|word| word.ends_with('a')).unwrap(),
            index.pattern("pa", &|_| true).unwrap(),
        ]
    }

    #[test]
    fn batches_find_what_one_finds_and_so_does_an_earlier_file() {
        let (dir, columns) = (tempfile::tempdir().unwrap(), columns());
        let mut seen = Vec::new();
        for (name, bounds) in [("one", (MEMORY, LOOK, STRETCH)), ("many", (0, 1000, 500))] {
            let mut out = Writer::create(&dir.path().join(name)).unwrap();
            let about = write_within(&columns, &mut out, bounds).unwrap();
            out.finish(&about).unwrap();
            let (parts, about) = open(dir.path(), name);
            parts.verify().unwrap();
            let values: u32 = about.columns.iter().map(|(_, values)| values).sum();
            assert_eq!(about.batches.iter().sum::<u32>(), values);
            seen.push((about.batches.len(), found(&ValueIndex::open(&parts, about).unwrap())));
        }
        let [(1, one), (2.., many)] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(one, many);
        assert!(one.iter().enumerate().all(|(at, hits)| hits.is_empty() == (at == 2)), "{one:?}");

        // As it was written before there were batches: the same files, without a number before their names.
        let (parts, about) = open(dir.path(), "one");
        let mut out = Writer::create(&dir.path().join("earlier")).unwrap();
        for file in parts.names("words/0/") {
            let bytes = parts.part(&format!("words/0/{file}")).unwrap().read_bytes().unwrap();
            out.part(&format!("words/{file}"), |out| out.write_all(&bytes)).unwrap();
        }
        out.finish(&json!({"columns": about.columns, "fields": about.fields})).unwrap();
        let (parts, about) = open(dir.path(), "earlier");
        assert_eq!(found(&ValueIndex::open(&parts, about).unwrap()), *one);
    }

    #[test]
    fn a_batch_that_is_not_whole_is_damage() {
        let (dir, columns) = (tempfile::tempdir().unwrap(), columns());
        let mut out = Writer::create(&dir.path().join("one")).unwrap();
        let about = write(&columns, &mut out).unwrap();
        out.finish(&about).unwrap();
        let (parts, mut about) = open(dir.path(), "one");
        about.batches[0] += 1;
        assert!(matches!(ValueIndex::open(&parts, about.clone()), Err(StoreError::Damaged { .. })));
        about.batches.insert(0, 3);
        assert!(ValueIndex::open(&parts, about).is_err());
    }
}
