//! Who may look at events: those who may read the collector's data folder. There it says, at each start, where its API listens and
//! the word to say there.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Where the API is, and the word to say for what not everybody may see.
#[derive(Clone, Serialize, Deserialize)]
pub struct Access {
    /// Where it listens.
    pub address: SocketAddr,
    /// 128 random bits.
    pub token: String,
}

impl std::fmt::Debug for Access {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Access {
    /// A new word for an address.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(address: SocketAddr) -> io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self { address, token: format!("{:032x}", u128::from_ne_bytes(bytes)) })
    }

    /// The file in a data folder, which only its owner reads.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("api.json")
    }

    /// Writes it down; whoever reads at this moment sees the one or the other.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let new = folder.join("api.json.new");
        // One that was left behind may be readable by others.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        drop(file);
        fs::rename(new, Self::path(folder))
    }

    /// Reads what a collector wrote down.
    ///
    /// # Errors
    /// It is not there, not readable for this user, or broken.
    pub fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(Self::path(folder))?)?)
    }

    /// Whether `authorization` (the header) says the word.
    pub(crate) fn allows(&self, authorization: Option<&[u8]>) -> bool {
        let said = authorization.and_then(|said| said.strip_prefix(b"Bearer ")).unwrap_or_default();
        let word = self.token.as_bytes();
        // In the same time wherever they differ.
        said.len() == word.len() && said.iter().zip(word).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_its_owner_reads_it_and_it_says_the_word() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("api.json.new"), "old").unwrap();
        let access = Access::new("127.0.0.1:9600".parse().unwrap()).unwrap();
        access.write(dir.path()).unwrap();
        let mode = fs::metadata(Access::path(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = Access::read(dir.path()).unwrap();
        assert_eq!((read.address, &read.token), (access.address, &access.token));
        assert!(access.allows(Some(format!("Bearer {}", read.token).as_bytes())));
        for said in [None, Some(&b""[..]), Some(b"Bearer "), Some(read.token.as_bytes())] {
            assert!(!access.allows(said));
        }
        assert!(!format!("{access:?}").contains(&read.token));
        assert_ne!(Access::new(access.address).unwrap().token, read.token);
    }
}
