//! The file of a keystore.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    KeystoreError,
    seal::{Secrets, open, seal},
};

/// A keystore that was opened.
pub struct Keystore {
    path: PathBuf,
    password: Zeroizing<String>,
    secrets: Secrets,
}

impl Keystore {
    /// Makes an empty one.
    ///
    /// # Errors
    /// There is one already; the file cannot be written.
    pub fn create(path: &Path, password: &str) -> Result<Self, KeystoreError> {
        if path.exists() {
            return Err(KeystoreError::Exists { path: path.to_owned() });
        }
        let keystore =
            Self { path: path.to_owned(), password: password.to_owned().into(), secrets: Secrets::new() };
        keystore.save()?;
        Ok(keystore)
    }

    /// Opens one.
    ///
    /// # Errors
    /// It cannot be read, others may read it too, the password is not its own.
    pub fn open(path: &Path, password: &str) -> Result<Self, KeystoreError> {
        let io = |source| KeystoreError::Io { path: path.to_owned(), source };
        if fs::metadata(path).map_err(io)?.permissions().mode() & 0o077 != 0 {
            return Err(KeystoreError::Permissions { path: path.to_owned() });
        }
        let bytes = fs::read(path).map_err(io)?;
        let secrets = open(&bytes, password)
            .map_err(|reason| KeystoreError::Sealed { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), password: password.to_owned().into(), secrets })
    }

    /// Changes one: what others changed in the meantime is kept.
    ///
    /// # Errors
    /// As for [`Keystore::open`], and where it cannot be written: then the old one is whole.
    pub fn change<T>(
        path: &Path,
        password: &str,
        change: impl FnOnce(&mut Self) -> Result<T, KeystoreError>,
    ) -> Result<T, KeystoreError> {
        let io = |source| KeystoreError::Io { path: path.to_owned(), source };
        // A lock on the folder: the file itself is replaced.
        let folder = File::open(folder(path)).map_err(io)?;
        folder.lock().map_err(io)?;
        let mut keystore = Self::open(path, password)?;
        let done = change(&mut keystore)?;
        keystore.save()?;
        Ok(done)
    }

    /// The secret of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(|secret| secret.as_str())
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// Sets a secret; whether there was one before.
    ///
    /// # Errors
    /// A name that `${…}` cannot hold.
    pub fn set(&mut self, name: &str, secret: &str) -> Result<bool, KeystoreError> {
        let good = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
        if name.is_empty() || !name.chars().all(good) {
            return Err(KeystoreError::Name(name.to_owned()));
        }
        Ok(self.secrets.insert(name.to_owned(), secret.to_owned().into()).is_some())
    }

    /// Removes a secret; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.secrets.remove(name).is_some()
    }

    /// Whole or not at all: written beside, synced, and put in place.
    fn save(&self) -> Result<(), KeystoreError> {
        let bytes = seal(&self.secrets, &self.password)
            .map_err(|reason| KeystoreError::Sealed { path: self.path.clone(), reason })?;
        let write = || -> io::Result<()> {
            let folder = folder(&self.path);
            // Readable by its owner alone from the beginning; where the disk is full it goes, after a kill it stays, encrypted.
            let mut file = tempfile::Builder::new()
                .prefix(".alces-keystore-")
                .permissions(fs::Permissions::from_mode(0o600))
                .tempfile_in(folder)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| KeystoreError::Io { path: self.path.clone(), source })
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_there_for_those_who_have_the_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alces.keystore");
        Keystore::create(&path, "p").unwrap();
        assert!(!Keystore::change(&path, "p", |k| k.set("ES", "one")).unwrap());
        assert!(Keystore::change(&path, "p", |k| k.set("ES", "two")).unwrap());
        let keystore = Keystore::open(&path, "p").unwrap();
        assert_eq!((keystore.get("ES"), keystore.get("NONE")), (Some("two"), None));
        assert!(Keystore::change(&path, "p", |k| Ok(k.remove("ES"))).unwrap());
        assert_eq!(Keystore::open(&path, "p").unwrap().names().count(), 0);
        assert!(matches!(Keystore::create(&path, "p"), Err(KeystoreError::Exists { .. })));
        assert!(matches!(Keystore::open(&path, "q"), Err(KeystoreError::Sealed { .. })));
        assert!(matches!(Keystore::change(&path, "p", |k| k.set("a b", "x")), Err(KeystoreError::Name(_))));
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "no other file is left");
    }

    #[test]
    fn a_keystore_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alces.keystore");
        Keystore::create(&path, "").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keystore::open(&path, ""), Err(KeystoreError::Permissions { .. })));
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alces.keystore");
        Keystore::create(&path, "").unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let path = &path;
                scope.spawn(move || Keystore::change(path, "", |k| k.set(&format!("N{n}"), "x")).unwrap());
            }
        });
        assert_eq!(Keystore::open(&path, "").unwrap().names().count(), 4);
    }
}
