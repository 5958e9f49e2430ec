//! All that the spool asks of a disk.

use std::io;

/// One flat folder of files. Names are plain file names.
pub trait Disk {
    /// An open file.
    type File: DiskFile;

    /// The names of the files in the folder and their lengths in bytes, in any order.
    ///
    /// # Errors
    /// The system's.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;

    /// Makes an empty file, in place of one that may be there. The name is durable after [`Disk::sync_folder`].
    ///
    /// # Errors
    /// The system's.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that is there, to read and to truncate.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Gives a file another name, in place of one that may have it. Durable after [`Disk::sync_folder`].
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. It may be there again after a crash, until [`Disk::sync_folder`].
    ///
    /// # Errors
    /// The system's.
    fn delete(&self, name: &str) -> io::Result<()>;

    /// Makes the names in the folder durable.
    ///
    /// # Errors
    /// The system's.
    fn sync_folder(&self) -> io::Result<()>;
}

/// An open file of a [`Disk`].
pub trait DiskFile {
    /// Writes all of `bytes` behind the end. On an error any part of them may be there.
    ///
    /// # Errors
    /// The system's.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The system's; `UnexpectedEof` if there are fewer.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// The system's.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes the bytes durable. After an error none that were written since the last sync are to be relied on.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;
}
