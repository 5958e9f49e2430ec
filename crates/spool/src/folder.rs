//! The real disk: a folder that is this process's own.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::{Disk, DiskFile, SpoolError};

const LOCK: &str = "lock";

/// A folder, made if it is missing, and held until dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
    lock_name: String,
}

impl Folder {
    /// Takes the folder for this process.
    ///
    /// # Errors
    /// `Locked` while another process has it, `Io` if it cannot be made or written to.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, SpoolError> {
        Self::open_as(path, LOCK)
    }

    /// The same for a folder that is not the spool's: the file that is locked has another name.
    ///
    /// # Errors
    /// As for [`Folder::open`].
    pub fn open_as(path: impl Into<PathBuf>, lock_name: &str) -> Result<Self, SpoolError> {
        let path = path.into();
        std::fs::create_dir_all(&path).map_err(SpoolError::io("make the folder", &path.to_string_lossy()))?;
        let file = path.join(lock_name);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&file);
        let lock = lock.map_err(SpoolError::io("open", &file.to_string_lossy()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock, lock_name: lock_name.to_owned() }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::Locked { path }),
            Err(TryLockError::Error(source)) => Err(SpoolError::io("lock", &file.to_string_lossy())(source)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was just forked has it too, until it becomes another program.
        let _ = self.lock.unlock();
    }
}

impl Disk for Folder {
    type File = File;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // What is no file, or has a name that we never give, is not ours.
            if let Ok(name) = entry.file_name().into_string()
                && meta.is_file()
                && name != self.lock_name
            {
                files.push((name, meta.len()));
            }
        }
        Ok(files)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        // What is spooled may be more secret than the logs that it comes from.
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        file.set_len(0)?;
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).read(true).open(self.path.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(into, offset)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The real disk does what the fake one does.
    #[test]
    fn files_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        folder.create("a").unwrap().append(b"first").unwrap();
        let mut file = folder.create("a").unwrap();
        file.append(b"one two").unwrap();
        file.truncate(4).unwrap();
        file.append(b"three").unwrap();
        file.sync().unwrap();
        folder.rename("a", "b").unwrap();
        folder.sync_folder().unwrap();
        let mut bytes = [0; 5];
        let file = folder.open("b").unwrap();
        DiskFile::read_at(&file, 4, &mut bytes).unwrap();
        assert_eq!(&bytes, b"three");
        let beyond = DiskFile::read_at(&file, 5, &mut bytes).unwrap_err();
        assert_eq!(beyond.kind(), io::ErrorKind::UnexpectedEof);
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        assert_eq!(folder.list().unwrap(), [("b".to_owned(), 9)]);
        folder.delete("b").unwrap();
        assert!(folder.list().unwrap().is_empty());
        assert_eq!(folder.open("b").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_spool_goes_to_another_thread() {
        fn sent<T: Send>() {}
        sent::<crate::Spool<Folder>>();
    }

    #[test]
    fn one_process_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path()).unwrap();
        assert!(matches!(Folder::open(dir.path()), Err(SpoolError::Locked { path }) if path == dir.path()));
        drop(first);
        assert!(Folder::open(dir.path()).unwrap().list().unwrap().is_empty());
    }
}
