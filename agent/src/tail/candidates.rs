//! Which files there are to look at: those that patterns take, and the rotated ones of these.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use super::{Work, rotated::rotated, source::Packing};

/// A file that a look has found.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// The file, where `path` is a link: the system tells of it under this name.
    pub(super) target: Option<PathBuf>,
    pub(super) meta: Metadata,
    pub(super) input: usize,
    /// A pattern takes it; otherwise it is the rotated one of a file that a pattern takes.
    pub(super) named: bool,
}

impl Work {
    /// All files that patterns take, and the rotated ones of these; watches their folders.
    pub(super) fn candidates(&mut self) -> Vec<Candidate> {
        let mut folders = HashSet::new();
        let mut found: Vec<(PathBuf, usize)> = Vec::new();
        let mut known: HashMap<PathBuf, usize> = HashMap::new();
        for (input, reading) in self.tail.inputs.iter().enumerate() {
            let now = reading.find();
            folders.extend(now.folders);
            for path in now.files {
                // Of several inputs the first has it.
                if !known.contains_key(&path) {
                    known.insert(path.clone(), input);
                    found.push((path, input));
                }
            }
        }
        let places: HashMap<PathBuf, usize> = self
            .orphans
            .values()
            .map(|orphan| (orphan.path.clone(), orphan.input))
            .chain(known.iter().map(|(path, input)| (path.clone(), *input)))
            .collect();
        let parents: HashSet<_> = places.keys().filter_map(|path| path.parent()).collect();
        let mut rotated_ones = Vec::new();
        for folder in parents {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let path = folder.join(entry.file_name());
                if known.contains_key(&path) {
                    continue;
                }
                let input = rotated(&path).and_then(|r| places.get(&r.base)).copied();
                if let Some(input) = input.filter(|input| self.looks_into(&path, *input)) {
                    rotated_ones.push((path, input));
                }
            }
        }
        let named = found.into_iter().map(|(path, input)| (path, input, true));
        let others = rotated_ones.into_iter().map(|(path, input)| (path, input, false));
        // The rotated ones first: where a file was renamed and another one has its name, the old one's lines come first.
        let candidate = |(path, input, named): (PathBuf, usize, bool)| {
            // Of thousands of files nothing is asked twice.
            let own = fs::symlink_metadata(&path).ok()?;
            let (meta, target) = match own.is_symlink() {
                false => (own, None),
                true => (fs::metadata(&path).ok()?, fs::canonicalize(&path).ok()),
            };
            meta.is_file().then_some(())?;
            Some(Candidate { path, target, meta, input, named })
        };
        let mut all: Vec<_> = others.chain(named).filter_map(candidate).collect();
        all.retain(|candidate| !candidate.named || self.looks_into(&candidate.path, candidate.input));
        all.sort_by_key(|candidate| candidate.named && rotated(&candidate.path).is_none());
        // A link's file is written in its own folder.
        folders
            .extend(all.iter().filter_map(|candidate| Some(candidate.target.as_ref()?.parent()?.to_owned())));
        self.notices.watch(folders);
        all
    }

    pub(super) fn looks_into(&self, path: &Path, input: usize) -> bool {
        let Some(input) = self.tail.inputs.get(input) else { return false };
        (Packing::of(path).is_none() || input.compressed) && input.may_read(path)
    }
}
