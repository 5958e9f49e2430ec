//! All that the store does to its disk, in one place: so that a test can know at each moment what a power cut would leave.
//!
//! In the store itself these are the system's calls and nothing else. In this crate's tests a folder may lie on a [`fake::FakeDisk`], which keeps a
//! journal of what is durable beside the real files, and fails on demand. What is only read is not here.

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod model;

use crate::error::StoreError;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A file that is written to. Whatever is written goes to its end.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    #[cfg(test)]
    fake: Option<fake::FakeFile>,
}

/// Does a call on the fake disk, in tests where the path lies on one, or on the real one.
macro_rules! on_disk {
    ($path:expr, $fake:ident => $faked:expr, $real:expr) => {{
        #[cfg(test)]
        if let Some($fake) = fake::FakeDisk::of($path) {
            return $faked;
        }
        $real
    }};
}

fn open(path: &Path, options: &OpenOptions) -> io::Result<DiskFile> {
    let file = options.open(path)?;
    Ok(DiskFile {
        file,
        #[cfg(test)]
        fake: None,
    })
}

/// Makes an empty file, in place of one that may be there. Its name is durable after [`sync_dir`].
pub(crate) fn create(path: &Path) -> io::Result<DiskFile> {
    on_disk!(path, disk => disk.create(path), {
        let file = open(path, OpenOptions::new().create(true).append(true))?;
        file.file.set_len(0)?;
        Ok(file)
    })
}

/// The same for one that only its owner may read, and that must not be there.
pub(crate) fn create_private(path: &Path) -> io::Result<DiskFile> {
    on_disk!(path, disk => disk.create(path), open(path, OpenOptions::new().append(true).create_new(true).mode(0o600)))
}

/// Opens a file that is there, to cut or sync it.
pub(crate) fn open_present(path: &Path) -> io::Result<DiskFile> {
    on_disk!(path, disk => disk.open(path), open(path, OpenOptions::new().append(true)))
}

/// Gives a file another name, in place of one that may have it. Durable after [`sync_dir`].
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    on_disk!(from, disk => disk.rename(from, to), std::fs::rename(from, to))
}

/// Removes a file. It may be there again after a power cut, until [`sync_dir`].
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    on_disk!(path, disk => disk.remove(path), std::fs::remove_file(path))
}

/// Removes a folder with all that is in it.
pub(crate) fn remove_all(path: &Path) -> io::Result<()> {
    on_disk!(path, disk => disk.remove_all(path), std::fs::remove_dir_all(path))
}

/// Makes a folder and those above it, as far as they are missing. Their names are durable when this returns.
pub(crate) fn make_dirs(path: &Path) -> Result<(), StoreError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = path.parent().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    above.map_or(Ok(()), make_dirs)?;
    match make_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StoreError::io(path)(error));
        }
        _ => {}
    }
    above.map_or(Ok(()), sync_dir)
}

fn make_dir(path: &Path) -> io::Result<()> {
    on_disk!(path, disk => disk.make_dir(path), std::fs::create_dir(path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    fn sync(dir: &Path) -> io::Result<()> {
        on_disk!(dir, disk => disk.sync_dir(dir), File::open(dir)?.sync_all())
    }
    sync(dir).map_err(StoreError::io(dir))
}

impl DiskFile {
    /// Makes what was written durable, and the length.
    pub(crate) fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.sync();
        }
        self.file.sync_data()
    }

    /// The same, with times and permissions.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.sync();
        }
        self.file.sync_all()
    }

    /// Cuts the file.
    pub(crate) fn cut(&self, length: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.cut(&self.file, length);
        }
        self.file.set_len(length)
    }

    /// The file itself, for what is not about its bytes.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(test)]
        if let Some(fake) = &self.fake {
            return fake.write(&mut self.file, bytes);
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
