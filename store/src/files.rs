//! Small files that must never be half written, and the lock of the data folder.

use crate::error::StoreError;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

/// Writes a file so that after a crash it holds either the old or the new content.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary).map_err(StoreError::io(&temporary))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(StoreError::io(&temporary))?;
    std::fs::rename(&temporary, path).map_err(StoreError::io(path))?;
    match path.parent() {
        Some(dir) => crate::wal::sync_dir(dir),
        None => Ok(()),
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
    std::fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
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
