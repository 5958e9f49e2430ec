//! Which files there are.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::AgentError;

/// Compiled path patterns.
pub(crate) struct Files {
    /// The folder to begin at, and the pattern below it; a pattern without wildcards is just its path.
    roots: Vec<(PathBuf, Option<globset::GlobMatcher>)>,
    exclude: GlobSet,
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
        let mut set = GlobSetBuilder::new();
        for pattern in exclude {
            set.add(glob(pattern)?);
        }
        let exclude = set.build().map_err(|e| error("exclude", &e))?;
        Ok(Self { roots, exclude })
    }

    /// The files that match now, in no order. What cannot be listed is not there.
    pub(crate) fn list(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (root, matcher) in &self.roots {
            match matcher {
                None => found.push(root.clone()),
                Some(matcher) => walk(root, matcher, MAX_DEPTH, &mut found),
            }
        }
        found.retain(|path| !self.exclude.is_match(path));
        found.sort();
        found.dedup();
        found
    }
}

fn glob(pattern: &str) -> Result<Glob, AgentError> {
    GlobBuilder::new(pattern).literal_separator(true).build().map_err(|e| error(pattern, &e))
}

fn error(pattern: &str, e: &globset::Error) -> AgentError {
    AgentError::Pattern { pattern: pattern.to_owned(), reason: e.kind().to_string() }
}

fn walk(folder: &Path, matcher: &globset::GlobMatcher, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // A pattern that begins with a name has no `./` before it.
        let path = entry.path();
        let path = path.strip_prefix(".").map(Path::to_path_buf).unwrap_or(path);
        match path.metadata() {
            Ok(meta) if meta.is_dir() && depth > 0 => walk(&path, matcher, depth - 1, found),
            Ok(meta) if meta.is_file() && matcher.is_match(&path) => found.push(path),
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
            let names =
                files.list().into_iter().map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(list("*.log", "none"), "a.log b.log");
        assert_eq!(list("**/*.log", "none"), "a.log b.log sub/c.log");
        assert_eq!(list("*.log*", "*.1"), "a.log b.log");
        assert_eq!(list("b.log", "none"), "b.log");
        assert!(Files::new(&["[".to_owned()], &[]).is_err());
    }
}
