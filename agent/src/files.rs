//! Which files there are.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{AgentError, Input};

/// Compiled path patterns.
pub(crate) struct Files {
    /// The folder to begin at, and the pattern below it; a pattern without wildcards is just its path.
    roots: Vec<(PathBuf, Option<globset::GlobMatcher>)>,
    exclude: GlobSet,
    /// Whether links to files are followed.
    symlinks: bool,
}

/// What is there now.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The files that match, by path.
    pub(crate) files: Vec<PathBuf>,
    /// The folders in which others may come.
    pub(crate) folders: Vec<PathBuf>,
}

/// Folders below a `**` are followed this deep at the most, so that a loop of mounts ends.
const MAX_DEPTH: usize = 16;

impl Files {
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, AgentError> {
        let roots = include
            .iter()
            .map(|pattern| {
                if !pattern.contains(['*', '?', '[', '{']) {
                    return Ok((PathBuf::from(pattern), None));
                }
                let fixed: PathBuf = Path::new(pattern)
                    .components()
                    .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
                    .collect();
                let root = if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed };
                Ok((root, Some(glob(pattern)?.compile_matcher())))
            })
            .collect::<Result<_, AgentError>>()?;
        let exclude = set(exclude)?;
        Ok(Self { roots, exclude, symlinks: true })
    }

    /// Those of an input. A pattern of files to leave alone that names no folder is held against the file's name.
    pub(crate) fn of(input: &Input) -> Result<Self, AgentError> {
        let anywhere = |pattern: &String| match pattern.contains('/') {
            true => pattern.clone(),
            false => format!("**/{pattern}"),
        };
        let exclude: Vec<_> = input.exclude.iter().map(anywhere).collect();
        Ok(Self { symlinks: input.symlinks, ..Self::new(&input.paths, &exclude)? })
    }

    /// The files that match now. What cannot be listed is not there.
    pub(crate) fn find(&self) -> Found {
        let mut found = Found::default();
        for (root, matcher) in &self.roots {
            match matcher {
                None => {
                    found.files.push(root.clone());
                    found.folders.extend(root.parent().map(Path::to_path_buf));
                }
                Some(matcher) => walk(root, matcher, MAX_DEPTH, &mut found),
            }
        }
        found.files.retain(|path| self.takes(path));
        for paths in [&mut found.files, &mut found.folders] {
            paths.sort();
            paths.dedup();
        }
        found
    }

    /// Whether a path is not one to leave alone.
    pub(crate) fn takes(&self, path: &Path) -> bool {
        !self.exclude.is_match(path)
            && (self.symlinks || !path.symlink_metadata().is_ok_and(|meta| meta.is_symlink()))
    }
}

/// All of these patterns together.
pub(crate) fn set(patterns: &[String]) -> Result<GlobSet, AgentError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(glob(pattern)?);
    }
    set.build().map_err(|e| error("paths", &e))
}

fn glob(pattern: &str) -> Result<Glob, AgentError> {
    GlobBuilder::new(pattern).literal_separator(true).build().map_err(|e| error(pattern, &e))
}

fn error(pattern: &str, e: &globset::Error) -> AgentError {
    AgentError::Pattern { pattern: pattern.to_owned(), reason: e.kind().to_string() }
}

fn walk(folder: &Path, matcher: &globset::GlobMatcher, depth: usize, found: &mut Found) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    found.folders.push(folder.to_owned());
    for entry in entries.flatten() {
        // A pattern that begins with a name has no `./` before it.
        let path = entry.path();
        let path = path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
        // Of thousands of files only links are asked for what they are.
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => path.metadata().map(|meta| meta.file_type()),
            kind => kind,
        };
        match kind {
            Ok(kind) if kind.is_dir() && depth > 0 => walk(&path, matcher, depth - 1, found),
            Ok(kind) if kind.is_file() && matcher.is_match(&path) => found.files.push(path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_do_not_cross_folders_unless_they_say_so() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        for name in ["a.log", "b.log", "b.log.1", "sub/c.log"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let list = |include: &str, exclude: &str| {
            let pattern = |p: &str| format!("{}/{p}", dir.path().display());
            let files = Files::new(&[pattern(include)], &[pattern(exclude)]).unwrap();
            let names = files
                .find()
                .files
                .into_iter()
                .map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(list("*.log", "none"), "a.log b.log");
        assert_eq!(list("**/*.log", "none"), "a.log b.log sub/c.log");
        assert_eq!(list("*.log*", "*.1"), "a.log b.log");
        assert_eq!(list("b.log", "none"), "b.log");
        assert!(Files::new(&["[".to_owned()], &[]).is_err());
    }
}
