//! What was in the spool and is no batch, kept where a person finds it.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Writes a record to a file of its own, durably. The same record again, as after a kill before it was passed over, is the same file.
pub(super) fn keep(folder: &Path, number: u64, bytes: &[u8]) -> io::Result<PathBuf> {
    // Log lines are for those who may read the logs.
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!("{number}.record"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}
