//! Secrets for `${NAME}` in pipelines: names and values in one encrypted file, as Logstash's keystore, in a format of our own.
//!
//! The file is `ALCESKS1`, a salt, a nonce, and XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) over a JSON object; its key is made of
//! the password by Argon2id (RFC 9106). Without a password what protects it are the file's permissions alone, and a file that
//! others may read is refused.

mod file;
mod seal;

pub use file::Keystore;
pub use seal::SealError;

use std::{io, path::PathBuf};

/// What can be wrong with a keystore. No text holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("{}: others may read this keystore: `chmod 600` it", .path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
    },
    /// There is one already.
    #[error("{}: there is a keystore already; remove it first if it is to be made anew", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be opened.
    #[error("{}: {reason}", .path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: SealError,
    },
    /// A name that `${…}` cannot hold.
    #[error("`{0}` is no name of a secret: letters, digits, `_` and `.` are")]
    Name(String),
}
