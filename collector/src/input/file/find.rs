//! Which files there are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

/// Folders below a `**` are followed this deep at the most, so that a loop of mounts ends.
const MAX_DEPTH: usize = 16;

const WILD: [char; 4] = ['*', '?', '[', '{'];

/// Compiled path patterns.
#[derive(Clone, Debug, Default)]
pub(super) struct Finder {
    /// The folder to begin at, and the pattern below it; a pattern without wildcards is just its path.
    roots: Vec<(PathBuf, Option<GlobMatcher>)>,
    /// Held against the file's name.
    exclude: GlobSet,
}

impl Finder {
    /// Adds a pattern.
    pub(super) fn add(&mut self, pattern: &str) -> Result<(), String> {
        if !pattern.contains(WILD) {
            self.roots.push((PathBuf::from(pattern), None));
            return Ok(());
        }
        let fixed = Path::new(pattern)
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(WILD))
            .collect();
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        self.roots.push((fixed, Some(glob.map_err(|error| error.kind().to_string())?.compile_matcher())));
        Ok(())
    }

    /// Leaves files with such names alone.
    pub(super) fn exclude(&mut self, patterns: &[&str]) -> Result<(), String> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(GlobBuilder::new(pattern).build().map_err(|error| error.kind().to_string())?);
        }
        self.exclude = set.build().map_err(|error| error.kind().to_string())?;
        Ok(())
    }

    /// The paths that match now. What cannot be listed is not there.
    pub(super) fn find(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (root, matcher) in &self.roots {
            match matcher {
                None => found.push(root.clone()),
                Some(matcher) => walk(root, matcher, MAX_DEPTH, &mut found),
            }
        }
        found.retain(|path| path.file_name().is_some_and(|name| !self.exclude.is_match(Path::new(name))));
        found.sort();
        found.dedup();
        found
    }
}

fn walk(folder: &Path, matcher: &GlobMatcher, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // Of thousands of files only links are asked for what they are.
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => path.metadata().map(|meta| meta.file_type()),
            kind => kind,
        };
        match kind {
            Ok(kind) if kind.is_dir() && depth > 0 => walk(&path, matcher, depth - 1, found),
            Ok(kind) if kind.is_file() && matcher.is_match(&path) => found.push(path),
            _ => {}
        }
    }
}
