//! Finding files and reading them in turn. Runs on a thread of its own: file reads block.
//!
//! Files that have something to read wait in a list; the others cost nothing. A file comes into the list when the system tells that it
//! was written to ([`notices`]), when a look at all files ([`scan`]) finds it changed, and where the system tells nothing, when it is its
//! time. [`turn`] is a file's turn ([`blank`] has those that may not be read yet), [`harvester`] reads one file, [`lines`] and [`group`] make events of its bytes, [`source`] unpacks rotated ones.

mod blank;
mod candidates;
mod group;
mod harvester;
mod input;
mod lines;
mod notices;
mod rotated;
mod scan;
mod source;
#[cfg(test)]
mod tests;
mod turn;
mod wait;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tracing::warn;

pub(crate) use harvester::{Harvester, Inode};
pub(crate) use input::{MAX_LINE, Reading};

use crate::{
    batch::Batch,
    handover::Handover,
    marker::Position,
    outlet::{Closed, Outlet},
    registry::{FileId, Registry},
};
use harvester::{Shape, Turn};
use notices::Notices;
use wait::Wait;

/// A window's documents are at most this many bytes, so that memory does not depend on the length of lines.
const BATCH_BYTES: usize = 1 << 20;

/// After something was read this long passes before the next look, so that lines that come one by one are sent together.
const LINGER: Duration = Duration::from_millis(50);

/// How often the tail looks up while it has files to read.
const LOOK_UP: Duration = Duration::from_millis(100);

/// A buffer that one long line has made larger than this is given back.
const BUFFER: usize = 2 << 20;

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Tails files until `stop` is closed at its other end or the shipper is gone.
pub(crate) struct Tail {
    pub(crate) inputs: Vec<Reading>,
    /// Events in one window at the most.
    pub(crate) window_events: usize,
    /// How often all files are looked at.
    pub(crate) scan_every: Duration,
    /// How often files are looked at of which the system tells nothing.
    pub(crate) poll_every: Duration,
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) clock: Clock,
    pub(crate) outlet: Outlet,
    pub(crate) stop: UnixStream,
    /// The agent has just begun, and has not only changed its settings.
    pub(crate) starts: bool,
}

/// A tail at work.
struct Work {
    tail: Tail,
    files: HashMap<Inode, Harvester>,
    /// Where each file is.
    paths: HashMap<PathBuf, Inode>,
    ready: VecDeque<Inode>,
    /// Files with lines that may belong together with the next.
    grouping: HashSet<Inode>,
    /// Files that were cut or have gone before they were read to their end, and how far they were read: a rotated file may be a copy of
    /// them.
    orphans: BTreeMap<FileId, Orphan>,
    /// Files that are none of ours, as they were when that was found.
    others: HashMap<Inode, Shape>,
    /// Files that are gone, and where they end: forgotten when that is acknowledged.
    finished: Vec<(FileId, Position)>,
    notices: Notices,
    batch: Batch,
    /// The registry knows something that must be on disk before the lines in the batch leave.
    unsaved: bool,
    /// It was said that it cannot be written.
    told_unsaved: bool,
    buffer: Vec<u8>,
    /// When all files were last looked at, in seconds since 1970; before the first time, when the agent had its last word.
    looked_at: i64,
    /// Counts the looks at all files.
    looks: u64,
    /// How many are open.
    open: usize,
    most_open: usize,
}

struct Orphan {
    path: PathBuf,
    position: Position,
    input: usize,
    since: Instant,
}

impl Tail {
    pub(crate) fn run(self, handover: Handover) -> Handover {
        let mut work = Work::new(self);
        work.take_over(handover);
        // The shipper being gone ends it like a word to stop.
        let _ = work.run();
        Handover { files: work.files.into_values().collect() }
    }

    /// Reads deleted files to their end into the spool: nobody can find them again. What cannot be kept is said.
    pub(crate) fn keep_deleted(self, handover: Handover) {
        let mut work = Work::new(self);
        work.take_over(handover);
        work.files.retain(|_, file| file.is_deleted());
        let keys: Vec<_> = work.files.keys().copied().collect();
        for key in keys {
            while let Some(Ok(Turn::More)) = work.read(key) {
                if work.spool().is_err() {
                    return;
                }
            }
            let lost = work.finish(key).is_err() || work.spool().is_err();
            if lost {
                warn!("a deleted file could not be read to its end");
            }
        }
        work.tail.outlet.rest();
    }

    /// Writes down how far a file is read, for those who ask.
    fn tell(&self, file: &Harvester, before: u64, error: Option<&std::io::Error>) {
        let error =
            error.filter(|error| error.kind() != std::io::ErrorKind::NotFound).map(ToString::to_string);
        let offset = file.position().offset;
        if error.is_some() || file.told.is_some() {
            self.registry().reading(file.id, offset, error);
        } else if offset > before
            && let Ok(mut registry) = self.registry.try_lock()
        {
            // While the registry is on its way to the disk nobody waits for that: the next turn tells.
            registry.reading(file.id, offset, None);
        }
    }

    /// The input of a file, or of the log that it is the rotated one of.
    fn input_of(&self, path: &Path) -> Option<usize> {
        let of = |path: &Path| self.inputs.iter().position(|input| input.takes(path));
        of(path).or_else(|| of(&rotated::rotated(path)?.base))
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    fn new(tail: Tail) -> Self {
        let saved = tail.registry().saved();
        Self {
            // There is none before the first agent.
            looked_at: if saved > 0 { saved } else { i64::MAX },
            tail,
            files: HashMap::new(),
            paths: HashMap::new(),
            ready: VecDeque::new(),
            grouping: HashSet::new(),
            orphans: BTreeMap::new(),
            others: HashMap::new(),
            finished: Vec::new(),
            notices: Notices::new(),
            batch: Batch::default(),
            unsaved: false,
            told_unsaved: false,
            buffer: Vec::new(),
            looks: 0,
            open: 0,
            most_open: most_open(),
        }
    }

    /// Goes on with the files of the tail before: from where they are acknowledged, as what was under way is given up.
    fn take_over(&mut self, handover: Handover) {
        for mut file in handover.files {
            let Some(position) = self.tail.registry().entry(file.id).map(|entry| entry.position()) else {
                continue;
            };
            let Some(input) = self.tail.input_of(&file.path) else {
                continue;
            };
            file.input = input;
            file.rewind(position);
            self.open += usize::from(file.is_open());
            self.insert(file);
        }
    }

    fn run(&mut self) -> Result<(), Closed> {
        let (mut scan_at, mut scanned) = (Instant::now(), Instant::now());
        let mut poll_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= scan_at {
                self.scan();
                scanned = Instant::now();
                scan_at = scanned + self.scan_rest(now.elapsed());
            }
            if now >= poll_at {
                self.poll();
                poll_at = Instant::now() + self.tail.poll_every;
            }
            let mut busy = false;
            let began = Instant::now();
            while let Some(key) = self.ready.pop_front() {
                busy = true;
                self.turn(key)?;
                if self.is_stopped() {
                    return self.send();
                }
                if began.elapsed() > LOOK_UP {
                    break;
                }
            }
            self.flush_groups();
            if self.ready.is_empty() {
                self.send()?;
                self.tail.outlet.rest();
                self.buffer.truncate(0);
                self.buffer.shrink_to(BUFFER);
            }
            let names = if busy && self.ready.is_empty() { self.rest(LINGER, false) } else { Wait::Notices };
            if let Wait::Stop = names {
                return self.send();
            }
            let timeout = if self.ready.is_empty() { self.until(scan_at, poll_at) } else { Duration::ZERO };
            match self.rest(timeout, true) {
                Wait::Stop => return self.send(),
                Wait::Nothing => {}
                Wait::Notices => {
                    if self.read_notices() {
                        // Names that come in a row are looked at together, and not all the time.
                        scan_at = scan_at.min(self.scan_soon(scanned));
                    }
                }
            }
        }
    }

    fn insert(&mut self, mut file: Harvester) {
        file.ready = false;
        file.wait_in(&mut self.ready);
        self.paths.insert(file.path.clone(), file.key);
        self.files.insert(file.key, file);
    }

    fn remove(&mut self, key: Inode) -> Option<Harvester> {
        let file = self.files.remove(&key)?;
        self.open = self.open.saturating_sub(usize::from(file.is_open()));
        self.grouping.remove(&key);
        if self.paths.get(&file.path) == Some(&key) {
            self.paths.remove(&file.path);
        }
        Some(file)
    }

    /// Closes files that have nothing to read, so that others can be opened.
    fn close_some(&mut self) {
        let mut idle: Vec<_> = self
            .files
            .values_mut()
            .filter(|file| file.is_open() && !file.ready && file.group.is_none())
            .collect();
        idle.sort_by_key(|file| file.active);
        let mut closed = 0;
        for file in idle.into_iter().take(self.most_open / 2) {
            file.close();
            closed += usize::from(!file.is_open());
        }
        self.open = self.open.saturating_sub(closed);
    }

    /// Hands on what was read.
    fn send(&mut self) -> Result<(), Closed> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.save_first();
        self.tail.outlet.send(self.batch.take())
    }

    fn spool(&mut self) -> Result<(), Closed> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.save_first();
        self.tail.outlet.spool(self.batch.take())
    }

    /// What files are known by is on disk before their lines leave. Where it cannot be, they leave all the same: that matters only if the
    /// agent is killed now, and the file written anew with the same beginning.
    fn save_first(&mut self) {
        if !self.unsaved {
            return;
        }
        match self.tail.registry().save() {
            Ok(()) => (self.unsaved, self.told_unsaved) = (false, false),
            Err(error) if !self.told_unsaved => {
                self.told_unsaved = true;
                warn!(%error, "the registry cannot be written");
            }
            Err(_) => {}
        }
    }
}

/// How many files may be open: what the system allows, without some for all else.
fn most_open() -> usize {
    const OTHERS: u64 = 64;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match rustix::process::setrlimit(rustix::process::Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    usize::try_from(current.unwrap_or(1 << 20).saturating_sub(OTHERS).max(16)).unwrap_or(usize::MAX)
}
