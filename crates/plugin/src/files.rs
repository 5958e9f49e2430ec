//! Files that filters read, passed in so that a test owns them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// What tells whether a file has changed, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it was written last.
    pub modified: SystemTime,
    /// Its length in bytes.
    pub len: u64,
}

/// Reads files; see [`Disk`].
pub trait Files: Send + Sync {
    /// The whole of a file.
    ///
    /// # Errors
    /// The system's.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files of a directory whose names match a glob (`*.grok`), in the order of their names.
    ///
    /// # Errors
    /// The system's, and a broken glob.
    fn list(&self, directory: &Path, glob: &str) -> io::Result<Vec<PathBuf>>;

    /// The stamp of a file; none where it is not known: then the file is read again to see what is in it.
    fn stamp(&self, path: &Path) -> Option<Stamp> {
        let _ = path;
        None
    }

    /// A handle that a filter keeps, to read a file again later.
    fn handle(&self) -> Arc<dyn Files>;
}

/// The machine's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, directory: &Path, glob: &str) -> io::Result<Vec<PathBuf>> {
        let glob = globset::Glob::new(glob).map_err(io::Error::other)?.compile_matcher();
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_file() && path.file_name().is_some_and(|name| glob.is_match(name)) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    fn stamp(&self, path: &Path) -> Option<Stamp> {
        let data = std::fs::metadata(path).ok()?;
        Some(Stamp { modified: data.modified().ok()?, len: data.len() })
    }

    fn handle(&self) -> Arc<dyn Files> {
        Arc::new(Self)
    }
}

/// No files at all, for texts that should not reach any.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &Path, _: &str) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn handle(&self) -> Arc<dyn Files> {
        Arc::new(Self)
    }
}
