//! Finding files and reading them in turn. All of it blocks: it is done on a thread where that may be.
//!
//! Files that have something to read wait in a list. Every `stat_interval` all are looked at, and every `discover_interval` of these,
//! or when a file's name leads to another one, the patterns are.

use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use alces_event::Timestamp;
use tracing::{debug, warn};

use super::{
    Plan,
    sincedb::{FileId, Position, Sincedb},
    watched::{Block, Content, Watched, is_packed},
};

/// Paths that are kept for the life of the process, so that their events need not copy them; those of further files are copied.
const KEPT_PATHS: usize = 10_000;

/// The files of an input.
pub(super) struct Work {
    pub(super) plan: Arc<Plan>,
    pub(super) sincedb: Sincedb,
    pub(super) watched: BTreeMap<FileId, Watched>,
    paths: BTreeMap<FileId, &'static str>,
    ready: VecDeque<FileId>,
    looked: Option<Instant>,
    found: Option<Instant>,
    /// No pattern was looked at before: files that are there now were there before the input.
    first: bool,
    saved: Instant,
    told: bool,
}

/// What was read, for its acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    id: FileId,
    epoch: u64,
    end: u64,
}

/// A block with all that its events need.
pub(super) struct Found {
    pub(super) content: Content,
    pub(super) mark: Mark,
    pub(super) path: PathText,
}

/// The path of a file.
pub(super) enum PathText {
    Kept(&'static str),
    Own(String),
}

impl Work {
    pub(super) fn open(plan: &Arc<Plan>, sincedb: &Path, now: Timestamp) -> io::Result<Self> {
        let sincedb = Sincedb::open(sincedb, now, plan.clean_after)?;
        Ok(Self {
            plan: plan.clone(),
            sincedb,
            watched: BTreeMap::new(),
            paths: BTreeMap::new(),
            ready: VecDeque::new(),
            looked: None,
            found: None,
            first: true,
            saved: Instant::now(),
            told: false,
        })
    }

    /// The next block of the files that have something; none where nothing is to be read now.
    pub(super) fn step(&mut self, now: Timestamp) -> Option<Found> {
        if self.looked.is_none_or(|at| at.elapsed() >= self.plan.stat_interval) {
            self.looked = Some(Instant::now());
            if let Some(found) = self.look(now) {
                return Some(found);
            }
        }
        while let Some(id) = self.ready.pop_front() {
            let Some(watched) = self.watched.get_mut(&id) else { continue };
            watched.queued = false;
            if !watched.is_open() {
                self.make_room(id);
            }
            if let Some(found) = self.read(id, now) {
                return Some(found);
            }
        }
        None
    }

    fn read(&mut self, id: FileId, now: Timestamp) -> Option<Found> {
        let (plan, watched) = (self.plan.clone(), self.watched.get_mut(&id)?);
        match watched.next(&plan.cut, plan.chunk, plan.reads, now) {
            Ok((block, at_end)) => {
                if !at_end {
                    watched.queued = true;
                    if plan.reads {
                        // One file after the other, in their order.
                        self.ready.push_front(id);
                    } else {
                        self.ready.push_back(id);
                    }
                }
                let found = block.and_then(|block| self.found(id, block));
                if found.is_none() {
                    self.complete(id, now);
                }
                found
            }
            Err(error) => {
                let broken = watched.packed && error.kind() != io::ErrorKind::NotFound;
                if broken || !std::mem::replace(&mut self.told, true) {
                    warn!(path = %watched.path.display(), offset = watched.line_end(), %error, "a file cannot be read on");
                }
                watched.close();
                // Half of a packed file is not read again and again.
                watched.done = broken;
                None
            }
        }
    }

    fn found(&mut self, id: FileId, block: Block) -> Option<Found> {
        let watched = self.watched.get_mut(&id)?;
        let mark = Mark { id, epoch: watched.epoch, end: block.end };
        if matches!(&block.content, Content::Events(events) if events.is_empty()) {
            watched.under_way = watched.under_way.saturating_sub(1);
            return None;
        }
        let path = watched.path.to_string_lossy();
        let path = match self.paths.get(&id) {
            Some(kept) if **kept == path => PathText::Kept(kept),
            _ if self.paths.len() < KEPT_PATHS => {
                let kept = &*Box::leak(path.into_owned().into_boxed_str());
                self.paths.insert(id, kept);
                PathText::Kept(kept)
            }
            _ => PathText::Own(path.into_owned()),
        };
        Some(Found { content: block.content, mark, path })
    }

    /// Closes another file, where as many are open as may be.
    fn make_room(&mut self, but: FileId) {
        let open = self.watched.values().filter(|watched| watched.is_open());
        if open.count() < self.plan.max_open_files {
            return;
        }
        let idle = self.watched.values_mut().filter(|watched| watched.is_open() && watched.id != but);
        if let Some(oldest) = idle.min_by_key(|watched| watched.touched) {
            oldest.close();
        }
    }

    /// Looks at all files, and gives what a codec keeps back too long.
    fn look(&mut self, now: Timestamp) -> Option<Found> {
        if self.found.is_none_or(|at| at.elapsed() >= self.plan.discover_interval) {
            self.discover(now);
        }
        let (mut gone, mut moved, mut due) = (Vec::new(), false, None);
        for (id, watched) in &mut self.watched {
            let id = *id;
            if due.is_none() {
                due = watched.due(now).map(|block| (id, block));
            }
            match watched.metadata() {
                Err(_) if watched.under_way == 0 => gone.push(id),
                Err(_) => {}
                Ok(meta) => {
                    let size = meta.len();
                    let has_more = match watched.packed {
                        true => !watched.ended && !watched.done,
                        false => size > watched.read || (self.plan.reads && !watched.ended && !watched.done),
                    };
                    if !watched.packed && size < watched.line_end() {
                        debug!(path = %watched.path.display(), "the file was cut: from its beginning again");
                        watched.begin_at(0);
                        self.sincedb.set(id, Position::At(0), &watched.path.to_string_lossy(), now);
                    } else if !has_more {
                        let rests = watched.touched.elapsed() >= self.plan.close_older;
                        if watched.is_open() && rests {
                            watched.close();
                        }
                        if watched.moved && !watched.is_open() && watched.under_way == 0 {
                            gone.push(id);
                        }
                    }
                    if has_more && !watched.queued {
                        (watched.ended, watched.done) = (false, false);
                        watched.touched = Instant::now();
                        watched.queued = true;
                        self.ready.push_back(id);
                    }
                    if watched.is_open() && !watched.moved && !watched.has_its_name() {
                        watched.moved = true;
                        moved = true;
                    }
                }
            }
        }
        for id in gone {
            self.watched.remove(&id);
        }
        if moved {
            // Another file has the name by now, or will soon.
            self.discover(now);
        }
        due.and_then(|(id, block)| self.found(id, block))
    }

    fn discover(&mut self, now: Timestamp) {
        self.found = Some(Instant::now());
        let first = std::mem::take(&mut self.first);
        let mut all = Vec::new();
        for path in self.plan.finder.find() {
            if let Ok(meta) = fs::metadata(&path)
                && meta.is_file()
            {
                all.push((path, meta));
            }
        }
        self.plan.sort.sort(&mut all);
        for (path, meta) in all {
            let id = FileId::of(&meta);
            if let Some(watched) = self.watched.get_mut(&id) {
                if watched.moved || (watched.path != path && !watched.has_its_name()) {
                    watched.path = path;
                    watched.moved = false;
                }
                continue;
            }
            let packed = self.plan.reads && is_packed(&path);
            let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let age = modified.elapsed().unwrap_or(Duration::ZERO);
            let is_old = self.plan.ignore_older.is_some_and(|most| age > most);
            // A file to be read, and then perhaps deleted, is taken for a known one by its name too: rather read twice than not.
            let is_known = !self.plan.reads || self.sincedb.is_of(id, &path.to_string_lossy());
            let (at, is_done) = match self.sincedb.get(id).filter(|_| is_known) {
                Some(Position::End) => (0, packed),
                Some(Position::At(at)) if at > meta.len() && !packed => (0, false),
                Some(Position::At(at)) => (at, !packed && self.plan.reads && at == meta.len() && at > 0),
                None if self.plan.reads && is_old => continue,
                None if !self.plan.reads && (is_old || (first && self.plan.from_end)) => (meta.len(), false),
                None => (0, false),
            };
            let mut watched = Watched::new(id, path, at, packed, &self.plan.cut);
            (watched.ended, watched.done) = (is_done, is_done);
            if at > 0 && !is_done {
                self.sincedb.set(id, Position::At(at), &watched.path.to_string_lossy(), now);
            }
            self.watched.insert(id, watched);
            if is_done && self.plan.completed.deletes() {
                // The collector ended between the last acknowledgement and this.
                self.finish(id, now, false);
            }
        }
    }

    /// Events were delivered.
    pub(super) fn delivered(&mut self, mark: Mark, now: Timestamp) {
        let Some(watched) = self.watched.get_mut(&mark.id).filter(|watched| watched.epoch == mark.epoch)
        else {
            return;
        };
        watched.delivered = mark.end;
        watched.under_way = watched.under_way.saturating_sub(1);
        self.sincedb.set(mark.id, Position::At(mark.end), &watched.path.to_string_lossy(), now);
        self.complete(mark.id, now);
    }

    /// Events were not delivered: their file begins again where it was delivered to.
    pub(super) fn failed(&mut self, mark: Mark) {
        if let Some(watched) = self.watched.get_mut(&mark.id).filter(|watched| watched.epoch == mark.epoch) {
            watched.begin_at(watched.delivered);
        }
    }

    /// Whether all files that there are were read and delivered, where that is the end of the input.
    pub(super) fn is_finished(&self) -> bool {
        self.plan.exits && !self.first && self.watched.values().all(|watched| watched.done)
    }

    /// Writes positions, where it is time or must be.
    pub(super) fn save(&mut self, now: bool) {
        if !now && self.saved.elapsed() < self.plan.write_interval {
            return;
        }
        self.saved = Instant::now();
        if now {
            // At the end in any case: an input that takes this one's place has opened the same file meanwhile.
            self.sincedb.is_to_be_saved();
        }
        if let Err(error) = self.sincedb.save() {
            warn!(path = %self.sincedb.path().display(), %error, "positions cannot be written: lines will be read again after a restart");
        }
    }
}
