//! Finding files and reading them in turn. Runs on a thread of its own: file reads block.
//!
//! Files that have something to read wait in a list; the others cost nothing. A file comes into the list when the system tells that it
//! was written to ([`notices`]), when a look at all files ([`scan`]) finds it changed, and where the system tells nothing, when it is its
//! time. [`harvester`] reads one file, [`lines`] and [`group`] make events of its bytes, [`source`] unpacks rotated ones.

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

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{info, warn};

pub(crate) use harvester::{Harvester, Inode};
pub(crate) use input::{MAX_LINE, Reading};

use crate::{
    batch::Batch,
    document::Line,
    handover::Handover,
    marker::Position,
    outlet::{Closed, Outlet},
    registry::{FileId, Registry},
};
use group::Part;
use harvester::{Shape, Turn};
use notices::{Notice, Notices};

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
        let mut scan_at = Instant::now();
        let mut poll_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= scan_at {
                self.scan();
                // Thousands of files are no reason to do nothing but look.
                let took = now.elapsed();
                scan_at = Instant::now() + self.tail.scan_every.max(20 * took);
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
                        scan_at = scan_at.min(self.scan_soon(scan_at));
                    }
                }
            }
        }
    }

    /// When names have come: at once, or a while after the last look where that takes long.
    fn scan_soon(&self, next: Instant) -> Instant {
        let last = next.checked_sub(self.tail.scan_every).unwrap_or(next);
        last + LINGER.max(Duration::from_micros(20 * self.files.len() as u64))
    }

    fn until(&self, scan_at: Instant, poll_at: Instant) -> Duration {
        let polls = self.notices.any_deaf() || self.notices.fd().is_none() || self.has_strays();
        let group = self.grouping.iter().filter_map(|key| self.group_due(*key)).min();
        [Some(scan_at), polls.then_some(poll_at), group]
            .into_iter()
            .flatten()
            .min()
            .map_or(self.tail.scan_every, |at| at.saturating_duration_since(Instant::now()))
    }

    fn is_stopped(&self) -> bool {
        matches!(self.rest(Duration::ZERO, false), Wait::Stop)
    }

    /// Waits for the word to stop, and for notices.
    fn rest(&self, timeout: Duration, notices: bool) -> Wait {
        let stop = self.tail.stop.as_fd();
        let mut fds = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
        if let (true, Some(fd)) = (notices, self.notices.fd()) {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        }
        let timeout =
            Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: i64::from(timeout.subsec_nanos()) };
        // An interrupted wait is one that was short.
        if poll(&mut fds, Some(&timeout)).is_err() {
            return Wait::Nothing;
        }
        let is_up = |at: usize| fds.get(at).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty());
        match (is_up(0), is_up(1)) {
            (true, _) => Wait::Stop,
            (_, true) => Wait::Notices,
            _ => Wait::Nothing,
        }
    }

    /// Puts files into the list that were written to. Whether names have come or gone.
    fn read_notices(&mut self) -> bool {
        let Self { notices, paths, files, ready, .. } = self;
        let (mut names, mut lost) = (false, false);
        notices.read(|notice| match notice {
            Notice::Names => names = true,
            Notice::Lost => lost = true,
            Notice::Written(path) => {
                // Others are none of ours, or have come and are not looked at yet.
                if let Some(file) = paths.get(&path).and_then(|key| files.get_mut(key)) {
                    file.wait_in(ready);
                }
            }
        });
        if lost {
            files.values_mut().for_each(|file| file.wait_in(ready));
        }
        names || lost
    }

    /// Looks at the files of which the system tells nothing.
    fn poll(&mut self) {
        let Self { notices, files, ready, looks, .. } = self;
        if !notices.any_deaf() && notices.fd().is_some() && files.values().all(|file| file.seen == *looks) {
            return;
        }
        for file in files.values_mut() {
            let deaf = notices.fd().is_none()
                || file.seen != *looks
                || file.path.parent().is_none_or(|folder| notices.is_deaf(folder));
            if deaf {
                file.wait_in(ready);
            }
        }
    }

    /// Whether there are files that no look found: they are still written under a name that is none of ours.
    fn has_strays(&self) -> bool {
        self.files.values().any(|file| file.seen != self.looks)
    }

    /// A file's turn, and what becomes of it.
    fn turn(&mut self, key: Inode) -> Result<(), Closed> {
        let turn = match self.read(key) {
            None => return Ok(()),
            Some(Err(Closed)) => return Err(Closed),
            Some(Ok(turn)) => turn,
        };
        let Some(file) = self.files.get_mut(&key) else { return Ok(()) };
        match turn {
            Turn::More => file.wait_in(&mut self.ready),
            Turn::AtEnd => file.rest_if_packed(),
            Turn::Deleted => {
                info!(path = %file.path.display(), "was deleted and is read to its end");
                self.finish(key)?;
            }
            Turn::Truncated => {
                info!(path = %file.path.display(), "was cut or written anew: reading it from its beginning as a new file");
                self.orphan(key)?;
                self.scan();
            }
        }
        if self.batch.len() >= self.tail.window_events || self.batch.bytes() >= BATCH_BYTES {
            self.send()?;
        }
        Ok(())
    }

    /// Reads on in a file, as much as there is room for in the batch. `None`: there is no such file.
    fn read(&mut self, key: Inode) -> Option<Result<Turn, Closed>> {
        let now = Instant::now();
        let Self { tail, files, buffer, batch, grouping, .. } = self;
        let file = files.get_mut(&key)?;
        file.ready = false;
        let input = tail.inputs.get(file.input)?;
        let path = file.path.clone();
        let id = file.id;
        let head = input.template.begin(id, &path, (tail.clock)());
        let was_open = file.is_open();
        let before = file.position().offset;
        let mut group = file.group.take();
        let window = tail.window_events;
        // How far the file is read with what is in the batch.
        let mut reached = None;
        let turn = file.turn(input.framing, buffer, |line| {
            let (text, replaced) = input.text(line.bytes, line.offset);
            batch.replaced += u64::from(replaced);
            batch.cut += u64::from(line.cut);
            let give = |batch: &mut Batch, line: &Line<'_>| {
                if input.wants(line.text) {
                    batch.push_with(None, |out| head.write(line, out));
                }
            };
            match &input.multiline {
                None => {
                    give(batch, &Line { text: &text, offset: line.offset, cut: line.cut, several: false });
                }
                Some(rule) => {
                    let part = Part { text: &text, offset: line.offset, cut: line.cut };
                    let done = group::add(rule, input.framing.max_line, &mut group, &part, now);
                    for joined in [&done.before, &done.with].into_iter().flatten() {
                        give(batch, &joined.as_line());
                    }
                    reached = match (done.before.is_some(), done.with.is_some()) {
                        (_, true) => Some(line.end_position()),
                        (true, false) => Some(line.start_position()),
                        _ => reached.take(),
                    };
                }
            }
            batch.len() < window && batch.bytes() < BATCH_BYTES
        });
        self.open = (self.open + usize::from(file.is_open())).saturating_sub(usize::from(was_open));
        let position = file.position();
        tail.tell(file, before, turn.as_ref().err());
        match &group {
            None => grouping.remove(&key),
            Some(_) => grouping.insert(key),
        };
        if position.offset > before {
            file.active = now;
            if file.prefix_grows() {
                // Should the agent be killed and the file be written anew, it is told by these from the one whose lines were sent.
                let prefix = file.prefix();
                tail.registry().seen(id, &file.path, prefix);
                self.unsaved = true;
            }
            // Lines that wait for others are read again should they not get as far.
            let reached = if group.is_some() { reached } else { Some(position) };
            if let Some(position) = reached {
                batch.reach(id, position);
            }
        }
        file.group = group;
        if self.open > self.most_open {
            self.close_some();
        }
        let file = self.files.get_mut(&key)?;
        Some(Ok(match turn {
            Ok(turn) => {
                file.told = None;
                turn
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Its name is another file's, and it was closed: found again by the next look, if it is somewhere.
                return match self.orphan(key) {
                    Ok(()) => None,
                    Err(closed) => Some(Err(closed)),
                };
            }
            Err(error) => {
                if file.told != Some(error.kind()) {
                    warn!(path = %file.path.display(), %error, "cannot be read: trying again and again");
                    file.told = Some(error.kind());
                }
                Turn::AtEnd
            }
        }))
    }

    /// The file's lines that wait for others are an event.
    fn flush_group(&mut self, key: Inode) {
        let Some(file) = self.files.get_mut(&key) else { return };
        self.grouping.remove(&key);
        let (Some(group), Some(input)) = (file.group.take(), self.tail.inputs.get(file.input)) else {
            return;
        };
        let joined = group.finish();
        if input.wants(&joined.text) {
            let head = input.template.begin(file.id, &file.path, (self.tail.clock)());
            self.batch.push_with(None, |out| head.write(&joined.as_line(), out));
        }
        self.batch.reach(file.id, file.position());
    }

    fn group_due(&self, key: Inode) -> Option<Instant> {
        let file = self.files.get(&key)?;
        let timeout = self.tail.inputs.get(file.input)?.multiline.as_ref()?.timeout;
        Some(file.group.as_ref()?.due(timeout))
    }

    fn flush_groups(&mut self) {
        if self.grouping.is_empty() {
            return;
        }
        let now = Instant::now();
        let due: Vec<_> = self
            .grouping
            .iter()
            .copied()
            .filter(|key| self.group_due(*key).is_none_or(|at| at <= now))
            .collect();
        due.into_iter().for_each(|key| self.flush_group(key));
    }

    /// A file to which nobody writes any more and that is read: what stands behind its last line's end is a line, too.
    fn finish(&mut self, key: Inode) -> Result<(), Closed> {
        let Self { tail, files, buffer, batch, .. } = self;
        if let Some(file) = files.get_mut(&key)
            && let Some(input) = tail.inputs.get(file.input)
        {
            let (id, path) = (file.id, file.path.clone());
            let mut last = None;
            let read = file.rest(input.framing, buffer, |line| {
                let (text, replaced) = input.text(line.bytes, line.offset);
                batch.replaced += u64::from(replaced);
                batch.cut += u64::from(line.cut);
                last = Some((text.into_owned(), line.offset, line.cut));
            });
            if let Err(error) = read {
                warn!(path = %path.display(), %error, "its last line, which has no end, cannot be read");
            }
            if let Some((text, offset, cut)) = last {
                let now = Instant::now();
                let line = Line { text: &text, offset, cut, several: false };
                let head = input.template.begin(id, &path, (tail.clock)());
                match &input.multiline {
                    Some(rule) => {
                        let part = Part { text: &text, offset, cut };
                        let done = group::add(rule, input.framing.max_line, &mut file.group, &part, now);
                        for joined in [done.before, done.with].into_iter().flatten() {
                            if input.wants(&joined.text) {
                                batch.push_with(None, |out| head.write(&joined.as_line(), out));
                            }
                        }
                    }
                    None if input.wants(&text) => batch.push_with(None, |out| head.write(&line, out)),
                    None => {}
                }
            }
            let (id, position) = (file.id, file.position());
            batch.reach(id, position);
            self.finished.push((id, position));
        }
        self.flush_group(key);
        // Where nobody takes it any more the file stays open, for the next tail.
        self.send()?;
        self.remove(key);
        Ok(())
    }

    /// The file under this handle is another one now, or cannot be found: what was read of it may go on in a copy.
    fn orphan(&mut self, key: Inode) -> Result<(), Closed> {
        self.flush_group(key);
        if let Some(file) = self.remove(key) {
            let (path, position, input) = (file.path.clone(), file.position(), file.input);
            self.orphans.insert(file.id, Orphan { path, position, input, since: Instant::now() });
        }
        self.send()
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

enum Wait {
    Stop,
    Notices,
    Nothing,
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
