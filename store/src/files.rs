//! Small files that must never be half written, and the lock of the data folder.

use crate::disk;
use crate::error::StoreError;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Writes a file so that after a crash it holds either the old or the new content.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    put(path, content)?;
    path.parent().map_or(Ok(()), disk::sync_dir)
}

/// The same, but for the name, which is durable after a [`disk::sync_dir`]. On an error the old content is there.
pub(crate) fn put(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("tmp");
    fill(&temporary, path, disk::create, |file| file.write_all(content))
}

/// Makes a file, and gives it its name when it is whole. On an error nothing is left of it: a disk may be full.
fn fill(
    temporary: &PathBuf,
    path: &Path,
    create: fn(&Path) -> std::io::Result<disk::DiskFile>,
    write: impl FnOnce(&mut disk::DiskFile) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    let filled = create(temporary).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()
    });
    let named = filled
        .map_err(StoreError::io(temporary))
        .and_then(|()| disk::rename(temporary, path).map_err(StoreError::io(path)));
    if named.is_err() {
        let _ = disk::remove(temporary);
    }
    named
}

/// The same for a file that only its owner may read.
pub(crate) fn replace_private(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("tmp");
    // One that was left behind may be readable by others.
    match disk::remove(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::Io { path: temporary, source: error });
        }
        _ => {}
    }
    fill(&temporary, path, disk::create_private, |file| {
        // What root writes is for the user who runs the store, whose folder it is.
        if let (Some(Ok(folder)), Ok(own)) = (path.parent().map(std::fs::metadata), file.file().metadata())
            && folder.uid() != own.uid()
        {
            fchown(file.file(), Some(folder.uid()), Some(folder.gid()))?;
        }
        file.write_all(content)
    })?;
    path.parent().map_or(Ok(()), disk::sync_dir)
}

/// False where there is no such file; an error where others may read it.
pub(crate) fn only_its_owner_reads(path: &Path) -> Result<bool, StoreError> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => Err(StoreError::Permissions(path.to_owned())),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::Io { path: path.to_owned(), source: error }),
    }
}

/// Reads what [`replace`] wrote as JSON; the default where there is no such file yet.
pub(crate) fn load<T: DeserializeOwned + Default>(path: &Path) -> Result<T, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|e| StoreError::Damaged { path: path.to_owned(), reason: e.to_string() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(StoreError::Io { path: path.to_owned(), source: error }),
    }
}

/// The same for a file of secrets, of which no error shows a part. None where there is none.
pub(crate) fn load_private<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    if !only_its_owner_reads(path)? {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(StoreError::io(path))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|e| StoreError::Damaged {
        path: path.to_owned(),
        reason: format!("line {}, column {} is not what was written", e.line(), e.column()),
    })
}

/// A data folder that is this process's own until dropped.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was just forked has it too, until it becomes another program.
        let _ = self.0.unlock();
    }
}

/// Takes the folder for this process.
pub(crate) fn lock(dir: &Path) -> Result<FolderLock, StoreError> {
    disk::make_dirs(dir)?;
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
    }
}
