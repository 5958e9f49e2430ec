//! Files that were read to their end, in `read` mode.

use std::{fs, io::Write as _};

use alces_event::Timestamp;
use tracing::warn;

use super::{
    look::Work,
    sincedb::{FileId, Position},
};

impl Work {
    /// Where a file was read to its end, and all of it is delivered: does with it what is to be done.
    pub(super) fn complete(&mut self, id: FileId, now: Timestamp) {
        let Some(watched) = self.watched.get_mut(&id) else { return };
        if !self.plan.reads || !watched.ended || watched.done || watched.under_way > 0 {
            return;
        }
        // It has grown since.
        if !watched.packed && watched.metadata().is_ok_and(|meta| meta.len() > watched.read) {
            watched.ended = false;
            return;
        }
        self.finish(id, now, true);
    }

    pub(super) fn finish(&mut self, id: FileId, now: Timestamp, says: bool) {
        let Some(watched) = self.watched.get_mut(&id) else { return };
        watched.done = true;
        let path = watched.path.to_string_lossy().into_owned();
        let position = if watched.packed { Position::End } else { Position::At(watched.read) };
        self.sincedb.set(id, position, &path, now);
        if says && let Some(log) = self.plan.completed.logs() {
            let line = format!("{path}\n");
            let written = fs::OpenOptions::new().create(true).append(true).open(log);
            if let Err(error) = written.and_then(|mut file| file.write_all(line.as_bytes())) {
                warn!(log = %log.display(), %error, "a file was read, and that cannot be noted");
            }
        }
        let deletes = self.plan.completed.deletes() && watched.has_its_name();
        watched.close();
        if deletes {
            match fs::remove_file(&watched.path) {
                Ok(()) => {
                    self.sincedb.forget(id);
                    self.watched.remove(&id);
                }
                Err(error) => warn!(%path, %error, "a file was read, and cannot be deleted"),
            }
        }
    }
}
