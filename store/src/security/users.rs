//! The file of users in the data folder, which only its owner reads.

use super::Caller;
use super::password;
use super::roles::{Grant, Role};
use crate::error::StoreError;
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Shorter passwords are guessed.
const SHORTEST: usize = 8;
const LONGEST: usize = 1024;

/// Who may log in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    users: BTreeMap<String, User>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    hash: Hash,
    roles: BTreeSet<Role>,
}

/// Shown to nobody.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Hash(String);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

impl Users {
    /// The file in a data folder.
    #[must_use]
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("users.json")
    }

    /// Reads the file; none where there is none, and then no login is wanted.
    ///
    /// # Errors
    /// It cannot be read, others may read it too, it is damaged.
    pub fn load(dir: &Path) -> Result<Option<Self>, StoreError> {
        files::load_private(&Self::path(dir))
    }

    /// Changes the file: what others changed in the meantime is kept. A running store takes it up at once.
    ///
    /// # Errors
    /// As for [`Users::load`], what `change` says, and where the file cannot be written: then the old one is whole.
    pub fn change<T>(
        dir: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        crate::disk::make_dirs(dir)?;
        // A lock on the folder: the file itself is replaced, and a running store holds the file `lock`.
        let folder = std::fs::File::open(dir).map_err(StoreError::io(dir))?;
        folder.lock().map_err(StoreError::io(dir))?;
        let mut users = Self::load(dir)?.unwrap_or_default();
        let done = change(&mut users)?;
        let text = serde_json::to_vec_pretty(&users)
            .map_err(|error| StoreError::Login(format!("the users cannot be written down: {error}")))?;
        files::replace_private(&Self::path(dir), &text)?;
        Ok(done)
    }

    /// Adds a user, or gives one another password and other roles.
    ///
    /// # Errors
    /// A name or password that cannot be used; no role.
    pub fn set(
        &mut self,
        name: &str,
        password: &str,
        roles: impl IntoIterator<Item = Role>,
    ) -> Result<(), StoreError> {
        let wrong = |why: &str| Err(StoreError::Login(why.to_owned()));
        let roles: BTreeSet<Role> = roles.into_iter().collect();
        if name.is_empty() || name.len() > 64 || name.chars().any(|c| c == ':' || c.is_control()) {
            return wrong("a user's name has 1 to 64 bytes, without `:` and control characters");
        }
        if password.chars().count() < SHORTEST || password.len() > LONGEST {
            return wrong("a password has 8 characters at least, and 1024 bytes at most");
        }
        if roles.is_empty() {
            return wrong("a user has at least one of the roles read, write and admin");
        }
        let hash = password::hash(password.as_bytes()).map_err(StoreError::io("the password"))?;
        self.users.insert(name.to_owned(), User { hash: Hash(hash), roles });
        Ok(())
    }

    /// Removes a user; false where there was none.
    pub fn remove(&mut self, name: &str) -> bool {
        self.users.remove(name).is_some()
    }

    /// Whether there is a user of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.users.contains_key(name)
    }

    /// Whether nobody can log in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// All of them by name, with their roles.
    pub fn list(&self) -> impl Iterator<Item = (&str, Vec<Role>)> {
        self.users.iter().map(|(name, user)| (name.as_str(), user.roles.iter().copied().collect()))
    }

    pub(super) fn caller(&self, name: &str) -> Option<Caller> {
        let roles = self.users.get(name)?.roles.clone();
        Some(Caller { name: name.to_owned(), grants: vec![Grant::everywhere(roles)], by_key: false })
    }

    pub(super) fn hash(&self, name: &str) -> Option<String> {
        self.users.get(name).map(|user| user.hash.0.clone())
    }
}

/// What tells a file from one that was written since.
type Stamp = (u64, u64, i64, i64, i64, i64, u32);

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    let (written, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Some((meta.ino(), meta.len(), written.0, written.1, changed.0, changed.1, meta.mode()))
}

/// The users as their file has them now. It is looked at for each request, so that who was removed is out at once.
pub(super) struct Login {
    dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    stamp: Option<Stamp>,
    users: Option<Arc<Users>>,
    generation: u64,
}

impl Login {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        // Before it is read: what changes in between is seen at the next look.
        let stamp = stamp(&Users::path(dir));
        let users = Users::load(dir)?.map(Arc::new);
        Ok(Self { dir: dir.to_owned(), state: Mutex::new(State { stamp, users, generation: 0 }) })
    }

    /// The users, and a number that is another one with each change of them. None where no login is wanted.
    ///
    /// A file that went away or cannot be read while the store runs opens no door: those from before stay.
    pub(super) fn now(&self) -> Option<(Arc<Users>, u64)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&Users::path(&self.dir));
        if stamp != state.stamp {
            state.stamp = stamp;
            match Users::load(&self.dir) {
                Ok(Some(users)) => {
                    tracing::info!(users = users.users.len(), "the users have changed");
                    state.users = Some(Arc::new(users));
                    state.generation += 1;
                }
                Ok(None) if state.users.is_none() => {}
                Ok(None) => {
                    tracing::warn!("the file of users is gone: those from before stay until a restart");
                }
                Err(error) => {
                    tracing::warn!(%error, "the users have changed and cannot be read: those from before stay");
                }
            }
        }
        state.users.clone().map(|users| (users, state.generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_a_file_holds_and_who_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Users::load(dir.path()).unwrap().is_none());
        Users::change(dir.path(), |users| users.set("ada", "long enough", [Role::Write, Role::Read]))
            .unwrap();
        let users = Users::load(dir.path()).unwrap().unwrap();
        assert_eq!(users.list().collect::<Vec<_>>(), [("ada", vec![Role::Read, Role::Write])]);
        assert!(!format!("{users:?}").contains("argon2"));
        let path = Users::path(dir.path());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Users::load(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("others may read this file: `chmod 600` it"), "{error}");
    }

    #[test]
    fn names_and_passwords_that_cannot_be() {
        let mut users = Users::default();
        for (name, password) in
            [("", "long enough"), ("a:b", "long enough"), ("a\n", "long enough"), ("a", "short")]
        {
            let error = users.set(name, password, [Role::Read]).unwrap_err().to_string();
            assert!(!error.contains(password), "{error}");
        }
        assert!(users.set("a", "long enough", []).is_err());
        assert!(users.is_empty());
    }

    #[test]
    fn a_file_that_goes_opens_no_door() {
        let dir = tempfile::tempdir().unwrap();
        let login = Login::open(dir.path()).unwrap();
        assert!(login.now().is_none());
        Users::change(dir.path(), |users| users.set("ada", "long enough", [Role::Read])).unwrap();
        let (users, first) = login.now().unwrap();
        assert!(users.has("ada"));
        Users::change(dir.path(), |users| {
            users.remove("ada");
            Ok(())
        })
        .unwrap();
        let (users, second) = login.now().unwrap();
        assert!(!users.has("ada") && second != first);
        std::fs::write(Users::path(dir.path()), "{").unwrap();
        assert!(login.now().is_some());
        std::fs::remove_file(Users::path(dir.path())).unwrap();
        assert!(login.now().is_some());
        assert!(Login::open(dir.path()).unwrap().now().is_none(), "after a restart there is no login");
    }
}
