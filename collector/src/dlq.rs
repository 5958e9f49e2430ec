//! The dead-letter queue: events that OpenSearch will never take or that a condition could not decide on, whole, with the reason.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use alces_event::Timestamp;
use serde::Serialize;

/// One file of JSON lines, synced before an event counts as kept.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetterQueue {
    path: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

#[derive(Serialize)]
struct Entry<'e> {
    time: String,
    plugin: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    reason: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'e str>,
}

/// Why one event is here.
pub(crate) struct Letter<'e> {
    /// The event as it was sent, and its `@metadata`: JSON objects.
    pub(crate) document: &'e [u8],
    pub(crate) metadata: &'e [u8],
    /// Where an output was refused it.
    pub(crate) status: Option<u16>,
    pub(crate) reason: String,
    pub(crate) index: Option<String>,
}

impl DeadLetterQueue {
    /// In `folder`, which is made; the pipeline's file appears with the first letter.
    pub(crate) fn new(folder: &Path, pipeline: &str) -> io::Result<Self> {
        let folder = folder.join("dead_letter_queue");
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            path: folder.join(format!("{}.ndjson", pipeline.replace(['/', '\\'], "_"))),
            file: Arc::default(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends letters and syncs. An error means that none of them may be taken for kept.
    pub(crate) fn append(&self, plugin: &str, now: Timestamp, letters: &[Letter<'_>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for letter in letters {
            let entry = Entry {
                time: now.to_string(),
                plugin,
                status: letter.status,
                reason: &letter.reason,
                index: letter.index.as_deref(),
            };
            serde_json::to_writer(&mut lines, &entry)?;
            // What is JSON already goes in before the brace.
            lines.pop();
            lines.extend_from_slice(b",\"event\":");
            lines.extend_from_slice(letter.document);
            lines.extend_from_slice(b",\"metadata\":");
            lines.extend_from_slice(letter.metadata);
            lines.extend_from_slice(b"}\n");
        }
        let mut guard = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *guard {
            Some(file) => file,
            none => none.insert(OpenOptions::new().create(true).append(true).open(&self.path)?),
        };
        let before = file.metadata()?.len();
        file.write_all(&lines).and_then(|()| file.sync_data()).inspect_err(|_| {
            // A torn line would spoil the next one.
            let _ = file.set_len(before);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_holds_the_whole_event_and_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let queue = DeadLetterQueue::new(dir.path(), "main").unwrap();
        let letter = || Letter {
            document: br#"{"@timestamp":"1970-01-01T00:00:00.000Z","message":"m","@version":"1"}"#,
            metadata: br#"{"_id":"7"}"#,
            status: Some(400),
            reason: "no".to_owned(),
            index: Some("x".to_owned()),
        };
        queue.append("elasticsearch", Timestamp::UNIX_EPOCH, &[letter(), letter()]).unwrap();
        let text = std::fs::read_to_string(queue.path()).unwrap();
        assert_eq!(text.lines().count(), 2);
        insta::assert_snapshot!(text.lines().next().unwrap(), @r#"{"time":"1970-01-01T00:00:00Z","plugin":"elasticsearch","status":400,"reason":"no","index":"x","event":{"@timestamp":"1970-01-01T00:00:00.000Z","message":"m","@version":"1"},"metadata":{"_id":"7"}}"#);
    }
}
