//! One index as the whole store shares it: name, mapping, and the way to its newest segments.

use crate::engine::ColumnEngine;
use crate::error::{ApiError, StoreError};
use crate::mapping::{Batch, Mapping, Span, prepare};
use crate::segments::{Reader, Snapshot};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A living index.
pub(crate) struct Index {
    pub(crate) name: String,
    /// Names the folder and the log's records, so that an index deleted and made again starts empty.
    pub(crate) uuid: u64,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
    pub(crate) settings: Value,
    /// Accepts only `create`, and wants `@timestamp`.
    pub(crate) data_stream: bool,
    pub(crate) template: Option<String>,
    pub(crate) dir: PathBuf,
    mapping: RwLock<Arc<Mapping>>,
    /// Held while the mapping grows, so that its log record precedes every document that needs it.
    growing: Mutex<()>,
    reader: RwLock<Option<Arc<dyn Reader>>>,
}

/// What makes a new index.
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) uuid: u64,
    pub(crate) created: i64,
    pub(crate) settings: Value,
    pub(crate) data_stream: bool,
    pub(crate) template: Option<String>,
    pub(crate) mapping: Mapping,
}

impl Index {
    pub(crate) fn new(root: &Path, recipe: Recipe) -> Self {
        Self {
            dir: root.join(format!("{:016x}", recipe.uuid)),
            name: recipe.name,
            uuid: recipe.uuid,
            created: recipe.created,
            settings: recipe.settings,
            data_stream: recipe.data_stream,
            template: recipe.template,
            mapping: RwLock::new(Arc::new(recipe.mapping)),
            growing: Mutex::new(()),
            reader: RwLock::new(None),
        }
    }

    /// Reads an index folder's own description. `None` if the folder never became an index.
    pub(crate) fn load(root: &Path, dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join("index.json");
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let json: Value = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let uuid = text("uuid").and_then(|t| u64::from_str_radix(&t, 16).ok());
        let (Some(name), Some(uuid)) = (text("name"), uuid) else {
            return Err(damaged("it names no index".to_owned()));
        };
        let mapping = Mapping::parse(&json["mappings"]).map_err(|e| damaged(e.reason))?;
        Ok(Some(Self::new(
            root,
            Recipe {
                name,
                uuid,
                created: json["created"].as_i64().unwrap_or(0),
                settings: json["settings"].clone(),
                data_stream: json["data_stream"].as_bool().unwrap_or(false),
                template: text("template"),
                mapping,
            },
        )))
    }

    /// Writes the folder's description.
    pub(crate) fn save(&self) -> Result<(), StoreError> {
        crate::disk::make_dirs(&self.dir)?;
        // A growth is in the log's queue before it can be seen. Who writes down what the log was told of, so that the log may forget it, waits
        // for it to be seen.
        let mapping = {
            let _one_at_a_time = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
            self.mapping()
        };
        let json = json!({
            "name": self.name,
            "uuid": format!("{:016x}", self.uuid),
            "created": self.created,
            "settings": self.settings,
            "data_stream": self.data_stream,
            "template": self.template,
            "mappings": mapping.to_json(),
        });
        crate::files::replace(&self.dir.join("index.json"), json.to_string().as_bytes())
    }

    /// Opens the engine in the index's folder; searches see it from now on.
    pub(crate) fn open_engine(&self) -> Result<ColumnEngine, StoreError> {
        let engine = ColumnEngine::open(&self.dir.join("segments"))?;
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = Some(engine.reader());
        Ok(engine)
    }

    /// The newest visible state; `None` while the index is being made.
    pub(crate) fn snapshot(&self) -> Option<Box<dyn Snapshot>> {
        let reader = self.reader.read().unwrap_or_else(PoisonError::into_inner).clone();
        reader.map(|reader| reader.snapshot())
    }

    pub(crate) fn mapping(&self) -> Arc<Mapping> {
        Arc::clone(&self.mapping.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds to the mapping what a record of the log says.
    pub(crate) fn replay_mapping(&self, json: &Value) -> Result<(), ApiError> {
        let mut grown = Mapping::clone(&self.mapping());
        grown.merge_json(json)?;
        *self.mapping.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(grown);
        Ok(())
    }

    /// Adds what a client's `mappings` object says; `log` as for [`Index::map`].
    pub(crate) fn grow_by(&self, json: &Value, log: &dyn Fn(Value)) -> Result<(), ApiError> {
        let _one_at_a_time = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut grown = Mapping::clone(&self.mapping());
        grown.merge_json(json)?;
        log(json.clone());
        *self.mapping.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(grown);
        Ok(())
    }

    /// Maps a document, growing the mapping where it brings new fields. `log` must put what was added into the log's
    /// queue; it is called before anyone can see the grown mapping.
    pub(crate) fn map(
        &self,
        source: &[u8],
        batch: &mut Batch,
        log: &dyn Fn(Value),
    ) -> Result<Span, ApiError> {
        let prepared = prepare(&self.mapping(), source, self.data_stream, batch)?;
        if prepared.grown.is_none() {
            return Ok(prepared.span);
        }
        batch.forget(prepared.span);
        let _one_at_a_time = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let prepared = prepare(&self.mapping(), source, self.data_stream, batch)?;
        if let Some((mapping, added)) = prepared.grown {
            log(added);
            *self.mapping.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(mapping);
        }
        Ok(prepared.span)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::sync::mpsc;
    use std::thread;

    /// An index `x` without fields.
    pub(crate) fn blank(root: &Path) -> Arc<Index> {
        let recipe = Recipe {
            name: "x".to_owned(),
            uuid: 1,
            created: 0,
            settings: json!({}),
            data_stream: false,
            template: None,
            mapping: Mapping::parse(&json!({})).unwrap(),
        };
        Arc::new(Index::new(root, recipe))
    }

    /// The writer may write the description down as soon as the log's queue has the growth, which is before anyone can see it. Without the
    /// growth in it, and the log's record forgotten, the field of a document was not there after a restart.
    #[test]
    fn a_growth_that_the_log_was_told_of_is_in_a_description_that_is_written_since() {
        let root = tempfile::tempdir().unwrap();
        let index = blank(root.path());
        let writer = RefCell::new(None);
        let told = |_| {
            let (begun, begins) = mpsc::channel();
            let index = Arc::clone(&index);
            writer.replace(Some(thread::spawn(move || {
                begun.send(()).unwrap();
                index.save().unwrap();
            })));
            begins.recv().unwrap();
        };
        index.map(br#"{"n":1}"#, &mut Batch::default(), &told).unwrap();
        writer.take().unwrap().join().unwrap();
        let written = Index::load(root.path(), &index.dir).unwrap().unwrap();
        assert!(written.mapping().field("n").is_some());
    }
}
