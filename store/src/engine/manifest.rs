//! What an index is made of: the list of its segments, changed as a whole and never in place.
//!
//! `manifest.json` names the segments, the files that tell what of them is deleted, and up to which sequence number of the log they go. It is written
//! anew, synced and renamed; what it does not name is left over from a crash, and removed when the folder is opened.

use super::both;
use super::build::Frozen;
use super::segment::{Living, Segment, State};
use crate::bits::Bits;
use crate::disk;
use crate::error::StoreError;
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use tantivy::directory::MmapDirectory;

const NAME: &str = "manifest.json";
/// Segments that are held against their checksums at one time, at most.
const MOST_CHECKS: usize = 4;

/// The file's content.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Manifest {
    sequence: u64,
    /// The number of the next file.
    next: u64,
    segments: Vec<Entry>,
    /// Segments that were found damaged; their files are kept for a look.
    #[serde(default)]
    set_aside: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    name: String,
    /// The file that tells the deleted rows.
    dead: Option<String>,
}

/// An index's folder and its present state.
pub(super) struct Shared {
    dir: PathBuf,
    mmap: MmapDirectory,
    state: RwLock<Arc<State>>,
    /// Held while the state changes.
    manifest: Mutex<Manifest>,
    /// Files that are to be removed when the manifest that does not name them is durable.
    owed: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

/// How far a change of the state came.
#[must_use]
pub(super) enum Changed {
    Durable,
    /// It is there for all who look, and not sure to outlast a power cut: the next change must make it so.
    Visible(StoreError),
}

impl Shared {
    /// Opens the folder. A segment that cannot be read is set aside and said so; the others serve.
    pub(super) fn open(dir: &Path) -> Result<(Self, u64), StoreError> {
        disk::make_dirs(dir)?;
        if dir.join("meta.json").exists() {
            return Err(StoreError::Damaged {
                path: dir.join("meta.json"),
                reason: "it was written by another version of the store".to_owned(),
            });
        }
        let mut manifest: Manifest = files::load(&dir.join(NAME))?;
        // The process before may have ended between renaming it and making that durable. What only the one before it names goes below.
        disk::sync_dir(dir)?;
        let mmap = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let mut segments = Vec::new();
        let mut broken = Vec::new();
        for entry in &manifest.segments {
            match open(&mmap, dir, entry) {
                Ok(living) => segments.push(living),
                Err(error) => {
                    tracing::error!(segment = %dir.join(&entry.name).display(), %error, "a segment is damaged and set aside; the rest serves");
                    broken.push(entry.name.clone());
                }
            }
        }
        if !broken.is_empty() {
            manifest.segments.retain(|entry| !broken.contains(&entry.name));
            manifest.set_aside.extend(broken);
        }
        sweep(dir, &manifest)?;
        let sequence = manifest.sequence;
        let state = RwLock::new(Arc::new(State { segments }));
        let (manifest, owed, stopped) = (Mutex::new(manifest), Mutex::default(), AtomicBool::new(false));
        Ok((Self { dir: dir.to_owned(), mmap, state, manifest, owed, stopped }, sequence))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What searches see now.
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Long work should end soon.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name that no file has had.
    pub(super) fn name(&self) -> String {
        let mut manifest = self.lock();
        manifest.next += 1;
        format!("{:010}.seg", manifest.next)
    }

    pub(super) fn open_segment(&self, name: &str) -> Result<Segment, StoreError> {
        Segment::open(&self.mmap, &self.dir, name)
    }

    /// Adds a segment, takes the documents with these ids out of those before it, and remembers `sequence`: all of it or nothing.
    pub(super) fn publish(
        &self,
        frozen: Option<&Frozen>,
        deletes: &[String],
        sequence: u64,
    ) -> Result<Changed, StoreError> {
        let mut added = None;
        if let Some(frozen) = frozen {
            let name = self.name();
            let path = self.dir.join(&name);
            let written = frozen.write(&path).and_then(|_| self.open_segment(&name));
            match written {
                Ok(segment) => added = Some((Arc::new(segment), &frozen.dead)),
                Err(error) => {
                    // Half a file would only take more of a disk that is full.
                    let _ = disk::remove(&path);
                    return Err(error);
                }
            }
        }
        let path = added.as_ref().map(|(segment, _)| self.dir.join(&segment.name));
        let changed = self.add(added, deletes, sequence);
        if let (Err(_), Some(path)) = (&changed, path) {
            let _ = disk::remove(&path);
        }
        changed
    }

    fn add(
        &self,
        added: Option<(Arc<Segment>, &Bits)>,
        deletes: &[String],
        sequence: u64,
    ) -> Result<Changed, StoreError> {
        // Those that deletes are looked up in must be good; looked at before the lock is taken.
        if !deletes.is_empty() {
            self.checked();
        }
        let mut manifest = self.lock();
        let mut state = State::clone(&self.state());
        let ids: Vec<&str> = deletes.iter().map(String::as_str).collect();
        let mut changed = Vec::new();
        if !ids.is_empty() {
            for (at, living) in state.segments.iter_mut().enumerate() {
                let rows = living.segment.rows_of_ids(&ids)?;
                let mut dead = Bits::none(living.segment.rows);
                rows.iter().filter(|(_, row)| living.is_alive(*row)).for_each(|(_, row)| dead.insert(*row));
                if !dead.is_empty() {
                    living.dead = Some(Arc::new(both(living.dead.as_ref(), &dead)));
                    changed.push(at);
                }
            }
        }
        if let Some((segment, dead)) = added {
            let dead = (!dead.is_empty()).then(|| Arc::new(dead.clone()));
            if dead.is_some() {
                changed.push(state.segments.len());
            }
            state.segments.push(Living { segment, dead });
        }
        self.change(&mut manifest, state, &changed, Some(sequence))
    }

    /// Puts one segment in the place of several.
    pub(super) fn replace(
        &self,
        old: &[Living],
        merged: Option<Arc<Segment>>,
        dead: impl FnOnce(&[Living]) -> Bits,
    ) -> Result<Changed, StoreError> {
        let mut manifest = self.lock();
        let mut state = State::clone(&self.state());
        let is = |living: &Living| living.segment.name == old[0].segment.name;
        let place = old.first().and_then(|_| state.segments.iter().position(is));
        let now = place.and_then(|place| state.segments.get(place..place + old.len()));
        let Some((place, now)) = place.zip(now.map(<[Living]>::to_vec)) else {
            // The old ones were found damaged meanwhile.
            return Err(StoreError::Damaged {
                path: self.dir.clone(),
                reason: "what was to be merged is gone".to_owned(),
            });
        };
        let dead = dead(&now);
        let mut changed = Vec::new();
        let merged = merged.map(|segment| {
            let dead = (!dead.is_empty()).then(|| Arc::new(dead));
            if dead.is_some() {
                changed.push(place);
            }
            Living { segment, dead }
        });
        state.segments.splice(place..place + old.len(), merged);
        self.change(&mut manifest, state, &changed, None)
    }

    /// Makes a state the present one. `changed`: the segments whose deleted rows must be written.
    fn change(
        &self,
        manifest: &mut Manifest,
        state: State,
        changed: &[usize],
        sequence: Option<u64>,
    ) -> Result<Changed, StoreError> {
        let mut next = manifest.clone();
        next.sequence = sequence.map_or(next.sequence, |sequence| sequence.max(next.sequence));
        next.segments.clear();
        let mut made = Vec::new();
        for (at, living) in state.segments.iter().enumerate() {
            let name = living.segment.name.clone();
            let known = manifest.segments.iter().find(|entry| entry.name == name);
            let mut dead = known.and_then(|entry| entry.dead.clone());
            if let (true, Some(bits)) = (changed.contains(&at), &living.dead) {
                next.next += 1;
                // No name is given twice, whatever becomes of this change.
                manifest.next = next.next;
                let file = format!("{:010}.dead", next.next);
                let mut bytes = bits.to_bytes();
                bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
                made.push((file.clone(), bytes));
                dead = Some(file);
            }
            next.segments.push(Entry { name, dead });
        }
        let json = serde_json::to_vec(&next)
            .map_err(|e| StoreError::Damaged { path: self.dir.join(NAME), reason: e.to_string() })?;
        let written = made
            .iter()
            .try_for_each(|(file, bytes)| files::put(&self.dir.join(file), bytes))
            // What the manifest names must be found wherever the manifest is.
            .and_then(|()| disk::sync_dir(&self.dir))
            .and_then(|()| files::put(&self.dir.join(NAME), &json));
        if let Err(error) = written {
            for (file, _) in &made {
                let _ = disk::remove(&self.dir.join(file));
            }
            return Err(error);
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        let keeps = names(&next);
        let gone = std::mem::replace(manifest, next);
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        owed.extend(names(&gone).difference(&keeps).cloned());
        if let Err(error) = disk::sync_dir(&self.dir) {
            return Ok(Changed::Visible(error));
        }
        for file in owed.drain(..) {
            let path = self.dir.join(&file);
            // What is still open stays readable until it is closed.
            if let Err(error) = disk::remove(&path) {
                tracing::warn!(file = %path.display(), %error, "cannot remove a file that is no longer needed");
            }
        }
        Ok(Changed::Durable)
    }

    /// What searches see now, every segment of it held against its checksums once. One that is damaged is set aside and said so; the rest serves.
    pub(super) fn checked(&self) -> Arc<State> {
        let state = self.state();
        let mut broken = Vec::new();
        for (segment, error) in damaged(&state) {
            let path = self.dir.join(&segment.name);
            tracing::error!(segment = %path.display(), %error, "a segment is damaged and set aside; the rest serves");
            broken.push(segment.name.clone());
        }
        if broken.is_empty() {
            return state;
        }
        let mut manifest = self.lock();
        let mut left = State::clone(&self.state());
        left.segments.retain(|living| !broken.contains(&living.segment.name));
        manifest.set_aside.extend(broken);
        if let Err(error) | Ok(Changed::Visible(error)) = self.change(&mut manifest, left.clone(), &[], None)
        {
            tracing::error!(%error, "cannot write down that a damaged segment was set aside");
        }
        Arc::new(left)
    }
}

/// Holds the segments that were not read yet against their checksums, several at a time: the first search after a start waits for all of them.
fn damaged(state: &State) -> Vec<(&Segment, StoreError)> {
    let new: Vec<&Segment> = state
        .segments
        .iter()
        .map(|living| &*living.segment)
        .filter(|segment| !segment.is_checked())
        .collect();
    let check = |segment: &&Segment| segment.columns().err();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_CHECKS).min(new.len());
    if threads < 2 {
        return new.into_iter().filter_map(|segment| Some((segment, check(&segment)?))).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(segment) = new.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(check(segment).map(|error| (*segment, error)));
        }
        found
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for other in others {
            // A thread that panicked has checked nothing that a reader would not check again.
            found.extend(other.join().unwrap_or_default());
        }
        found
    })
}

fn open(mmap: &MmapDirectory, dir: &Path, entry: &Entry) -> Result<Living, StoreError> {
    let segment = Segment::open(mmap, dir, &entry.name)?;
    let dead = match &entry.dead {
        None => None,
        Some(file) => {
            let path = dir.join(file);
            let bytes = std::fs::read(&path).map_err(StoreError::io(&path))?;
            let damaged =
                || StoreError::Damaged { path: path.clone(), reason: "its checksum is wrong".to_owned() };
            let (bits, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
            if crc32fast::hash(bits) != u32::from_le_bytes(*crc) {
                return Err(damaged());
            }
            Some(Arc::new(Bits::from_bytes(bits, segment.rows).ok_or_else(damaged)?))
        }
    };
    Ok(Living { segment: Arc::new(segment), dead })
}

/// The files that a manifest keeps.
fn names(manifest: &Manifest) -> HashSet<String> {
    let segments = manifest.segments.iter();
    let own = segments.flat_map(|entry| std::iter::once(entry.name.clone()).chain(entry.dead.clone()));
    own.chain(manifest.set_aside.iter().cloned()).collect()
}

/// Removes what a crash left.
fn sweep(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let keeps = names(manifest);
    for entry in std::fs::read_dir(dir).map_err(StoreError::io(dir))? {
        let entry = entry.map_err(StoreError::io(dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != NAME && !keeps.contains(&name) && !name.starts_with('.') {
            disk::remove(&entry.path()).map_err(StoreError::io(&entry.path()))?;
        }
    }
    Ok(())
}
