//! The file at a path, locked, and not one that stood there before.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Locks `file` if it is still the one at `path`; else opens and locks that one, and puts it in its place. It is made where there is none.
///
/// Who replaces a file does it under the lock of the old one: so whoever waited for that looks again.
pub(crate) fn lock<'f>(file: &'f mut Option<File>, path: &Path) -> io::Result<&'f File> {
    loop {
        let (open, is_new) = match file.take() {
            Some(open) => (open, false),
            None => open_or_make(path)?,
        };
        match open.lock() {
            // A network's file system may know no locks: then one collector alone is safe.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked?,
        }
        if is_at(&open, path)? {
            if is_new {
                sync_folder(path)?;
            }
            return Ok(file.insert(open));
        }
    }
}

fn open_or_make(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((options.create(true).open(path)?, true)),
        opened => Ok((opened?, false)),
    }
}

/// Whether the open file is the one at the path.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((open.dev(), open.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes names of the path's folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
