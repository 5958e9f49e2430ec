//! Finding files and reading them in turn. Runs on a thread of its own: file reads block.

use std::{
    collections::HashMap,
    fs::File,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Instant,
};

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;
use tracing::{debug, info, warn};

use crate::{
    Config, StartAt,
    batch::Batch,
    document::{self, Origin},
    files::Files,
    harvester::{Harvester, Inode, State, inode, prefix_hash},
    marker::{Marker, Position, bytes_before},
    registry::{Entry, FileId, Registry},
};

/// A window's documents are at most this many bytes, so that memory does not depend on the length of lines.
const BATCH_BYTES: usize = 4 << 20;

/// Tails files until `stop` is closed or the shipper is gone.
pub(crate) struct Tail {
    pub(crate) config: Config,
    pub(crate) files: Files,
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) origin: Origin,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(crate) out: Sender<Batch>,
}

/// The shipper is gone.
struct Closed;

impl Tail {
    pub(crate) fn run(self, stop: &Receiver<()>) {
        let mut open: HashMap<Inode, Harvester> = HashMap::new();
        let mut batch = Batch::default();
        let mut scanned: Option<Instant> = None;
        loop {
            let first = scanned.is_none();
            if scanned.is_none_or(|at| at.elapsed() >= self.config.scan_every) {
                self.scan(&mut open, first);
                scanned = Some(Instant::now());
            }
            let mut busy = false;
            let mut finished = Vec::new();
            for (key, harvester) in &mut open {
                match self.turn(harvester, &mut batch) {
                    Ok(Turn::Read) => busy = true,
                    Ok(Turn::AtEnd) => {}
                    Ok(Turn::Finished) => finished.push(*key),
                    Err(Closed) => return,
                }
            }
            for key in finished {
                if let Some(harvester) = open.remove(&key) {
                    self.close(harvester);
                }
            }
            if !busy {
                if self.send(&mut batch).is_err() {
                    return;
                }
                match stop.recv_timeout(self.config.poll_every) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    /// Opens what is new. `first`: what is there when the agent starts may be told to begin at its end; a file that
    /// appears later is always read from its beginning.
    fn scan(&self, open: &mut HashMap<Inode, Harvester>, first: bool) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = self.files.list();
        for path in paths {
            let Ok(meta) = path.metadata() else { continue };
            let key = inode(&meta);
            if let Some(harvester) = open.get_mut(&key) {
                // A renamed file keeps its handle and takes its new name.
                harvester.path = path;
            } else {
                let file = match File::open(&path) {
                    Ok(file) => file,
                    Err(error) => {
                        debug!(path = %path.display(), %error, "cannot be opened");
                        continue;
                    }
                };
                let known = registry.find(
                    key.device,
                    key.inode,
                    meta.len(),
                    |len| prefix_hash(&file, len),
                    |marker, offset| marker.holds(&file, offset),
                );
                let (id, offset) = match known {
                    Some((id, entry)) => (id, entry.offset),
                    None => {
                        let at_end = first && self.config.start_at == StartAt::End;
                        let offset = if at_end { meta.len() } else { 0 };
                        let marker = Marker::behind(&bytes_before(&file, offset));
                        (self.register(&mut registry, &path, key, Position { offset, marker }), offset)
                    }
                };
                match Harvester::new(id, path.clone(), file, offset, self.config.max_line) {
                    Ok(harvester) => {
                        info!(path = %path.display(), offset, "tailing");
                        open.insert(key, harvester);
                    }
                    Err(error) => warn!(path = %path.display(), %error, "cannot be read"),
                }
            }
        }
        open.retain(|_, harvester| {
            let same = !matches!(harvester.state(), Ok(State::Truncated));
            if same {
                let (len, hash) = harvester.prefix();
                registry.seen(harvester.id, &harvester.path, len, hash);
            } else {
                info!(path = %harvester.path.display(), "was written anew: reading it from its beginning");
            }
            same
        });
        // A new file's id must be on disk before any of its lines leaves.
        if let Err(error) = registry.save() {
            warn!(%error, "the registry cannot be written: new files wait");
            let unsaved: Vec<_> = open.iter().filter(|(_, h)| h.offset() == 0).map(|(k, _)| *k).collect();
            for key in unsaved {
                open.remove(&key);
            }
        }
    }

    fn register(
        &self,
        registry: &mut Registry,
        path: &std::path::Path,
        key: Inode,
        position: Position,
    ) -> FileId {
        registry.add(Entry {
            path: path.to_owned(),
            device: key.device,
            inode: key.inode,
            prefix_len: 0,
            prefix_hash: 0,
            offset: position.offset,
            marker: position.marker,
        })
    }

    fn turn(&self, harvester: &mut Harvester, batch: &mut Batch) -> Result<Turn, Closed> {
        let state = match harvester.state() {
            Ok(state) => state,
            Err(error) => {
                warn!(path = %harvester.path.display(), %error, "cannot be read");
                return Ok(Turn::AtEnd);
            }
        };
        if state == State::Truncated {
            info!(path = %harvester.path.display(), "was cut: reading it from its beginning as a new file");
            return Ok(Turn::Finished);
        }
        let now = (self.clock)();
        let path = harvester.path.display().to_string();
        let id = harvester.id;
        let mut ready = Vec::new();
        let read = harvester.read(|line| {
            let text = String::from_utf8_lossy(line.bytes);
            batch.replaced += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
            batch.cut += u64::from(line.cut);
            let source =
                document::Line { text: &text, path: &path, file: id, offset: line.offset, cut: line.cut };
            batch.push(self.origin.line(now, &source), Some((id, line.end)));
            if batch.len() >= self.config.window_events || batch.bytes() >= BATCH_BYTES {
                ready.push(std::mem::take(batch));
            }
        });
        for mut full in ready {
            self.send(&mut full)?;
        }
        match read {
            Ok(0) if state == State::Deleted => {
                self.send(batch)?;
                Ok(Turn::Finished)
            }
            Ok(0) => Ok(Turn::AtEnd),
            Ok(_) => Ok(Turn::Read),
            Err(error) => {
                warn!(path = %path, %error, "cannot be read");
                Ok(Turn::AtEnd)
            }
        }
    }

    fn send(&self, batch: &mut Batch) -> Result<(), Closed> {
        if batch.is_empty() {
            return Ok(());
        }
        // Waits while the collector is away: this is how back pressure reaches the file.
        self.out.blocking_send(std::mem::take(batch)).map_err(|_| Closed)
    }

    /// A file that is gone or cut: what was read of it is under way, its entry goes when that is acknowledged.
    fn close(&self, harvester: Harvester) {
        let (id, end) = (harvester.id, harvester.offset());
        drop(harvester.into_file());
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if registry.offset(id) == Some(end) {
            registry.forget(id);
        }
    }
}

enum Turn {
    Read,
    AtEnd,
    Finished,
}
