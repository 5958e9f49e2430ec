//! A look at all files: which are new, which have another name, and where a file goes on that was rotated unseen.
//!
//! A file that was cut, renamed or packed while nobody looked goes on under another name. So beside the files that match, the rotated
//! ones of them are looked at:
//!
//! - one with a known inode was renamed: it goes on where it was read to;
//! - one that begins as a known file and has the same bytes before the place that was read to is a copy of it, made by `copytruncate` or
//!   packed: it goes on as that file, as soon as the file itself does not (a copy is made before the file is cut);
//! - one that was written while the agent did not run is read as a new file;
//! - all others are history and are left alone.

use std::{
    collections::HashSet,
    fs::{self},
    io::ErrorKind,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use tracing::{debug, info, warn};

use super::{
    Inode, Work,
    candidates::Candidate,
    harvester::{Harvester, shape},
    rotated::{Rotated, rotated},
    source::{Packing, Source},
};
use crate::{
    StartAt,
    marker::{Position, Prefix},
    registry::{Entry, FileId},
};

/// How long a file is looked for that has gone before it was read to its end. Packing a large one takes a while.
const LOOKED_FOR: Duration = Duration::from_secs(3600);

/// Where a file is to be read from, and as which.
enum Begin {
    /// As one that is known.
    Known(FileId, Position, Prefix),
    /// As a new one, from there.
    New(u64),
    /// Not, as long as it looks as it does now.
    Never,
    /// It is not known yet.
    Later,
}

impl Work {
    pub(super) fn scan(&mut self) {
        self.looks += 1;
        let looked_at = (self.tail.clock)().as_second();
        let candidates = self.candidates();
        let mut unsaved = Vec::new();
        // Known inodes first: otherwise a file with the same head could be taken for the copy of one that is there itself.
        for only_known in [true, false] {
            for candidate in &candidates {
                let (key, now) = (Inode::of(&candidate.meta), shape(&candidate.meta));
                if self.files.contains_key(&key) {
                    self.seen(key, candidate);
                } else if (!only_known || self.tail.registry().has_inode(key))
                    && self.others.get(&key) != Some(&now)
                {
                    self.consider(candidate.clone(), only_known, &mut unsaved);
                }
            }
        }
        self.close_old();
        self.look_for_orphans();
        // What is not there any more need not be remembered.
        let there: HashSet<_> = candidates.iter().map(|candidate| Inode::of(&candidate.meta)).collect();
        self.others.retain(|key, _| there.contains(key));
        self.paths.retain(|_, key| self.files.contains_key(key));
        let before = if self.looked_at == i64::MAX { 0 } else { self.looked_at };
        self.tail.registry().looked(looked_at);
        if self.save(&unsaved) {
            self.looked_at = looked_at;
        } else {
            self.tail.registry().looked(before);
        }
    }

    /// A file that is known and is still there, maybe under another name.
    fn seen(&mut self, key: Inode, candidate: &Candidate) {
        let Some(file) = self.files.get_mut(&key) else { return };
        let first = file.seen != self.looks;
        file.seen = self.looks;
        // A file with two names keeps the one that it has.
        if file.path != candidate.path
            && first
            && fs::metadata(&file.path).map(|meta| Inode::of(&meta)).ok() != Some(key)
        {
            if self.paths.get(&file.path) == Some(&key) {
                self.paths.remove(&file.path);
            }
            file.path.clone_from(&candidate.path);
        }
        self.paths.extend(
            [Some(candidate.path.clone()), candidate.target.clone()]
                .into_iter()
                .flatten()
                .map(|path| (path, key)),
        );
        if file.differs(shape(&candidate.meta)) {
            file.wait_in(&mut self.ready);
        }
        let prefix = file.prefix();
        self.tail.registry().seen(file.id, &file.path, prefix);
    }

    fn consider(&mut self, candidate: Candidate, only_known: bool, unsaved: &mut Vec<Inode>) {
        let (key, now) = (Inode::of(&candidate.meta), shape(&candidate.meta));
        // `gzip` takes the plain file away when the packed one is whole. This is looked at first: what was read of one that is not is of no use.
        if Packing::of(&candidate.path).is_some() && candidate.path.with_extension("").exists() {
            return;
        }
        let mut source = match Source::open(&candidate.path) {
            Ok(source) => source,
            Err(error) => {
                if error.kind() != ErrorKind::NotFound {
                    warn!(path = %candidate.path.display(), %error, "cannot be opened");
                    self.others.insert(key, now);
                }
                return;
            }
        };
        // Between the look and the opening it may have become another one.
        match source.metadata() {
            Ok(meta) if Inode::of(&meta) == key => {}
            _ => return,
        }
        let (id, position, prefix) = match self.begin(&candidate, key, only_known, &mut source) {
            Begin::Known(id, position, prefix) => {
                self.tail.registry().moved(id, &candidate.path, key);
                (id, position, prefix)
            }
            Begin::New(offset) => {
                let position = Position::at(offset, &mut source);
                // Known from now on: a copy may be made before the first line is read.
                let prefix = Prefix::of(&mut source, candidate.meta.len());
                let mut entry = Entry::new(&candidate.path, key, position);
                entry.prefix = prefix;
                let id = self.tail.registry().add(entry);
                unsaved.push(key);
                (id, position, prefix)
            }
            Begin::Never => {
                self.others.insert(key, now);
                return;
            }
            Begin::Later => return,
        };
        // It is there again, if under another name.
        self.orphans.remove(&id);
        self.finished.retain(|(finished, _)| *finished != id);
        self.paths.extend(candidate.target.map(|target| (target, key)));
        debug!(path = %candidate.path.display(), id = id.0, inode = key.inode, offset = position.offset, prefix = prefix.len, "tailing");
        let place = (candidate.path, key, candidate.input);
        let mut file = Harvester::new(id, place, source, (position, prefix), Instant::now());
        file.seen = self.looks;
        file.blank = self.tail.registry().is_blank(id);
        self.open += 1;
        self.insert(file);
        if self.open > self.most_open {
            self.close_some();
        }
    }

    fn begin(&mut self, candidate: &Candidate, key: Inode, only_known: bool, source: &mut Source) -> Begin {
        let size = source.len().unwrap_or(0);
        let known = self.tail.registry().find(key, &candidate.path, source, size);
        if let Some((id, entry)) = known
            && !self.files.values().any(|file| file.id == id)
        {
            return Begin::Known(id, self.read_to(id, &entry), entry.prefix);
        }
        if only_known {
            return Begin::Later;
        }
        let rotated = rotated(&candidate.path);
        if let Some(rotated) = &rotated {
            match self.copied(&candidate.path, rotated, source, size) {
                Begin::Never => {}
                begin => return begin,
            }
        }
        if candidate.named {
            return Begin::New(self.first_offset(candidate, size));
        }
        // One with a name that only rotation gives, and that was written after everything was last looked at.
        let written =
            candidate.meta.modified().ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let unseen = written.is_some_and(|at| i64::try_from(at.as_secs()).unwrap_or(0) >= self.looked_at);
        if unseen && rotated.is_some_and(|rotated| rotated.surely) {
            info!(path = %candidate.path.display(), "was written and rotated before it was looked at");
            return Begin::New(0);
        }
        Begin::Never
    }

    /// How far a known file was read, which may be further than was acknowledged.
    fn read_to(&self, id: FileId, entry: &Entry) -> Position {
        let orphan = self.orphans.get(&id).map(|orphan| orphan.position);
        let finished = self.finished.iter().find(|(finished, _)| *finished == id).map(|(_, end)| *end);
        orphan.or(finished).filter(|read| read.offset > entry.offset).unwrap_or(entry.position())
    }

    /// Whether a rotated file is a copy of the log, as far as that was read.
    fn copied(&mut self, path: &Path, name: &Rotated, source: &mut Source, size: u64) -> Begin {
        let base = &name.base;
        // `app-1.log` and `app-2.log` are two logs, where there is no `app.log` whose rotated ones they could be.
        let chain = name.surely || base.exists() || self.orphans.values().any(|orphan| orphan.path == *base);
        let plain = Packing::of(path).map(|_| path.with_extension(""));
        let is_place = |known: &Path| {
            known == *base
                || plain.as_deref() == Some(known)
                || chain && rotated(known).is_some_and(|known| known.base == *base)
        };
        // One that was empty when it came, and was written, renamed, packed and deleted since, is known by nothing yet.
        for file in self.files.values_mut().filter(|file| is_place(&file.path)) {
            let prefix = file.prefix_now();
            self.tail.registry().seen(file.id, &file.path, prefix);
        }
        let Some((id, entry)) = self.tail.registry().copied(is_place, source, size) else {
            return Begin::Never;
        };
        let original = self.files.values_mut().find(|file| file.id == id);
        if let Some(original) = original {
            // A copy is made before the file is cut. Until then its lines are read from the file itself; one that was read to the end of the
            // copy is done, whatever becomes of it.
            if original.is_intact() {
                return Begin::Later;
            }
            // It is about to be found that it was cut: then this is looked at again.
            original.wait_in(&mut self.ready);
            return Begin::Later;
        }
        let position = self.read_to(id, &entry);
        if !position.holds(source) {
            return Begin::Never;
        }
        Begin::Known(id, position, entry.prefix)
    }

    /// Where to begin in a file that was never seen.
    fn first_offset(&self, candidate: &Candidate, size: u64) -> u64 {
        let Some(input) = self.tail.inputs.get(candidate.input) else { return 0 };
        let size = if size == u64::MAX { 0 } else { size };
        let old = input.ignore_older.is_some_and(|limit| {
            let age = candidate.meta.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            age.is_some_and(|age| age > limit)
        });
        let at_end = self.tail.starts && self.looks == 1 && input.start_at == StartAt::End;
        if old || at_end { size } else { 0 }
    }

    /// Closes files that are idle, and lets those go that have no name that is ours.
    fn close_old(&mut self) {
        let now = Instant::now();
        let mut gone = Vec::new();
        for (key, file) in &mut self.files {
            let Some(input) = self.tail.inputs.get(file.input) else { continue };
            if file.ready || file.group.is_some() || now.duration_since(file.active) < input.close_inactive {
                continue;
            }
            if file.seen != self.looks {
                gone.push(*key);
            } else if file.is_open() {
                file.close();
                self.open = self.open.saturating_sub(usize::from(!file.is_open()));
            }
        }
        let seconds = (self.tail.clock)().as_second();
        for key in gone {
            if let Some(file) = self.remove(key) {
                self.tail.registry().gone(file.id, seconds);
            }
        }
        if self.tail.inputs.iter().any(|input| input.close_removed) {
            let removed = |file: &&Harvester| {
                file.is_deleted() && self.tail.inputs.get(file.input).is_some_and(|input| input.close_removed)
            };
            let removed: Vec<_> = self.files.values().filter(removed).map(|file| file.key).collect();
            for key in removed {
                self.remove(key);
            }
        }
    }

    /// Files of the registry that are nowhere: they are looked for among the rotated ones by the next looks.
    fn look_for_orphans(&mut self) {
        if self.looks == 1 {
            let open: HashSet<_> = self.files.values().map(|file| file.id).collect();
            let lost = self.tail.registry().entries();
            for (id, entry) in lost {
                if let Some(input) = self.tail.input_of(&entry.path)
                    && entry.gone.is_none()
                    && !open.contains(&id)
                {
                    let position = entry.position();
                    let orphan = super::Orphan { path: entry.path, position, input, since: Instant::now() };
                    self.orphans.insert(id, orphan);
                }
            }
        }
        let seconds = (self.tail.clock)().as_second();
        let registry = self.tail.registry.clone();
        let mut registry = registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.orphans.retain(|id, orphan| {
            let looked_for = orphan.since.elapsed() < LOOKED_FOR;
            if !looked_for {
                // Most often it had been read to its end. That cannot be known.
                debug!(path = %orphan.path.display(), offset = orphan.position.offset, "is gone");
                registry.gone(*id, seconds);
            }
            looked_for
        });
        self.finished.retain(|(id, end)| {
            let done = registry.entry(*id).is_none_or(|entry| entry.offset >= end.offset);
            if done {
                registry.deleted(*id, seconds);
            }
            !done
        });
        registry.forget_gone(seconds);
    }

    /// A new file's id must be on disk before any of its lines leaves. False where a file has to wait for that: should it be rotated
    /// meanwhile, it was not looked at.
    fn save(&mut self, unsaved: &[Inode]) -> bool {
        let saved = self.tail.registry().save();
        let Err(error) = saved else { return true };
        if unsaved.is_empty() {
            return true;
        }
        warn!(%error, "the registry cannot be written: new files wait");
        for key in unsaved {
            if let Some(file) = self.remove(*key) {
                self.tail.registry().forget(file.id);
            }
        }
        false
    }
}
