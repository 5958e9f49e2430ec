//! tantivy behind [`crate::segments`].
//!
//! Its schema is fixed, whatever the mapping says: `_id`, `_version`, `_source`, and three JSON fields that hold every
//! path: `n` (numbers, dates and booleans: columns only), `k` (exact strings: postings and columns) and `t` (words with
//! positions). `x` names the text paths that a document has, as those have no column to ask.

mod dictionary;
mod lower;
mod phrase;
mod range;
mod snapshot;

use crate::error::StoreError;
use crate::mapping::types::Scalar;
use crate::query::words::Words;
use crate::segments::{Engine, Incoming, Reader, Snapshot};
use snapshot::TantivySnapshot;
use std::path::Path;
use std::sync::Arc;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf, Value};
use tantivy::schema::{
    Field, IndexRecordOption, JsonObjectOptions, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, TantivyDocument, Term};

const WORDS: &str = "alces-words";

/// The handles of the fixed schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    id: Field,
    version: Field,
    source: Field,
    numbers: Field,
    exact: Field,
    text: Field,
    present: Field,
}

fn schema() -> (Schema, Fields) {
    let indexing = |tokenizer: &str, option| {
        TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option).set_fieldnorms(false)
    };
    let raw = TextOptions::default().set_indexing_options(indexing("raw", IndexRecordOption::Basic));
    let json = || JsonObjectOptions::default().set_expand_dots_enabled();
    let mut builder = Schema::builder();
    let fields = Fields {
        id: builder.add_text_field("_id", raw.clone().set_stored()),
        version: builder.add_u64_field("_version", NumericOptions::default().set_fast()),
        source: builder.add_bytes_field("_source", tantivy::schema::BytesOptions::default().set_stored()),
        numbers: builder.add_json_field("n", json().set_fast("raw")),
        exact: builder.add_json_field(
            "k",
            json().set_fast("raw").set_indexing_options(indexing("raw", IndexRecordOption::Basic)),
        ),
        text: builder.add_json_field(
            "t",
            json().set_indexing_options(indexing(WORDS, IndexRecordOption::WithFreqsAndPositions)),
        ),
        present: builder.add_text_field("x", raw),
    };
    (builder.build(), fields)
}

/// One index in one folder.
pub(crate) struct TantivyEngine {
    index: Index,
    fields: Fields,
    writer: Option<IndexWriter>,
    reader: IndexReader,
    committed: u64,
    threads: usize,
    memory: usize,
}

impl TantivyEngine {
    /// Opens the folder or makes a new index in it.
    pub(crate) fn open(dir: &Path, threads: usize, memory: usize) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
        let (schema, fields) = schema();
        let index = if dir.join("meta.json").exists() {
            Index::open_in_dir(dir)?
        } else {
            Index::builder().schema(schema.clone()).settings(IndexSettings::default()).create_in_dir(dir)?
        };
        if index.schema() != schema {
            return Err(StoreError::Damaged {
                path: dir.join("meta.json"),
                reason: "it was written by another version of the store".to_owned(),
            });
        }
        index.tokenizers().register(WORDS, TextAnalyzer::from(Words::default()));
        let committed = match index.load_metas()?.payload {
            Some(payload) => payload.parse().map_err(|_| StoreError::Damaged {
                path: dir.join("meta.json"),
                reason: format!("the commit position [{payload}] is not a number"),
            })?,
            None => 0,
        };
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, fields, writer: None, reader, committed, threads, memory })
    }

    /// The reading side, to be shared with searches.
    pub(crate) fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(TantivyReader {
            reader: self.reader.clone(),
            index: self.index.clone(),
            fields: self.fields,
        })
    }

    fn writer(&mut self) -> Result<&mut IndexWriter, StoreError> {
        if self.writer.is_none() {
            self.writer = Some(self.index.writer_with_num_threads(self.threads, self.memory)?);
        }
        self.writer
            .as_mut()
            .ok_or_else(|| StoreError::Engine(tantivy::TantivyError::ErrorInThread("no writer".into())))
    }
}

impl Engine for TantivyEngine {
    fn add(&mut self, document: Incoming<'_>) -> Result<(), StoreError> {
        let fields = self.fields;
        let mut out = TantivyDocument::new();
        out.add_text(fields.id, document.id);
        out.add_u64(fields.version, document.version);
        out.add_bytes(fields.source, document.source);
        let (mut numbers, mut exact, mut text) = (vec![], vec![], vec![]);
        for pair @ (path, value) in &document.mapped.values {
            match value {
                Scalar::Int(_) | Scalar::Float(_) => numbers.push(pair),
                Scalar::Exact(_) => exact.push(pair),
                Scalar::Words(_) => {
                    if !text.iter().any(|(seen, _): &&(String, Scalar)| seen == path) {
                        out.add_text(fields.present, path);
                    }
                    text.push(pair);
                }
            }
        }
        for (field, pairs) in [(fields.numbers, &numbers), (fields.exact, &exact), (fields.text, &text)] {
            if !pairs.is_empty() {
                out.add_field_value(field, Flat::Object(pairs));
            }
        }
        self.writer()?.add_document(out)?;
        Ok(())
    }

    fn delete(&mut self, id: &str) -> Result<(), StoreError> {
        let term = Term::from_field_text(self.fields.id, id);
        self.writer()?.delete_term(term);
        Ok(())
    }

    fn commit(&mut self, sequence: u64) -> Result<(), StoreError> {
        let mut prepared = self.writer()?.prepare_commit()?;
        prepared.set_payload(&sequence.to_string());
        prepared.commit()?;
        self.committed = sequence;
        self.reader.reload()?;
        Ok(())
    }

    fn committed(&self) -> u64 {
        self.committed
    }

    fn rest(&mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = writer.wait_merging_threads()
        {
            tracing::warn!(%error, "a merge of segments failed; the segments stay as they were");
        }
    }
}

struct TantivyReader {
    reader: IndexReader,
    index: Index,
    fields: Fields,
}

impl Reader for TantivyReader {
    fn snapshot(&self) -> Box<dyn Snapshot> {
        Box::new(TantivySnapshot::new(self.reader.searcher(), self.index.clone(), self.fields))
    }
}

/// A borrowed view of mapped values as the JSON object that tantivy wants: no copies, repeated keys for lists.
#[derive(Debug, Clone, Copy)]
enum Flat<'a> {
    Object(&'a [&'a (String, Scalar)]),
    Leaf(&'a Scalar),
}

struct FlatEntries<'a>(std::slice::Iter<'a, &'a (String, Scalar)>);

impl<'a> Iterator for FlatEntries<'a> {
    type Item = (&'a str, Flat<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(path, value)| (path.as_str(), Flat::Leaf(value)))
    }
}

impl<'a> Value<'a> for Flat<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = FlatEntries<'a>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        match self {
            Self::Object(pairs) => ReferenceValue::Object(FlatEntries(pairs.iter())),
            Self::Leaf(scalar) => ReferenceValue::Leaf(match scalar {
                Scalar::Int(n) => ReferenceValueLeaf::I64(*n),
                Scalar::Float(n) => ReferenceValueLeaf::F64(*n),
                Scalar::Exact(text) | Scalar::Words(text) => ReferenceValueLeaf::Str(text),
            }),
        }
    }
}
