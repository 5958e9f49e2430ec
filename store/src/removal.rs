//! Removals of indexes, and those that a failing disk has not kept.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{disk, error::StoreError};

/// The folders of indexes that are gone for everybody, and that are there after all, or may be again after a power cut: their removal was
/// begun and not synced. They are removed once more before another index of that name is made or goes, so that the older one is not found
/// alone.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<Vec<Leftover>>);

#[derive(Clone, Debug, PartialEq)]
struct Leftover {
    name: String,
    dir: PathBuf,
}

impl Removals {
    /// Removes an index's folder. Without its description it is no index, whatever happens to the rest.
    ///
    /// # Errors
    /// When the removal may not last; it is done again by [`finish`](Self::finish).
    pub(crate) fn remove(&self, name: &str, dir: &Path) -> Result<(), StoreError> {
        let leftover = Leftover { name: name.to_owned(), dir: dir.to_owned() };
        self.all().push(leftover.clone());
        remove_description(dir)?;
        self.all().retain(|other| *other != leftover);
        present(disk::remove_all(dir)).map_err(StoreError::io(dir))
    }

    /// Another index's folder that is to go before that name's.
    pub(crate) fn left(&self, name: &str, dir: &Path) {
        self.all().push(Leftover { name: name.to_owned(), dir: dir.to_owned() });
    }

    /// Does again what failed for the indexes of a name.
    ///
    /// # Errors
    /// When it fails again.
    pub(crate) fn finish(&self, name: &str) -> Result<(), StoreError> {
        let of_name: Vec<Leftover> = self.all().iter().filter(|other| other.name == name).cloned().collect();
        of_name.iter().try_for_each(|leftover| {
            self.all().retain(|other| other != leftover);
            self.remove(name, &leftover.dir)
        })
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Leftover>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove_description(dir: &Path) -> Result<(), StoreError> {
    let description = dir.join("index.json");
    present(disk::remove(&description)).map_err(StoreError::io(&description))?;
    // Its name was in the folder; where that is gone as well, the folder's was in the one above.
    match (dir.is_dir(), dir.parent()) {
        (false, Some(above)) => disk::sync_dir(above),
        _ => disk::sync_dir(dir),
    }
}

/// What is not there needs no removal.
fn present(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
