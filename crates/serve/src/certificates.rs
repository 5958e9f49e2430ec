//! The certificate that a server shows, taken up again when its files change.

use alces_tls::{ClientAuth, Identity, Roots, ServerConfig, TlsError, Versions};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Files are looked at when a connection comes, but not more often than this.
const EVERY: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(5) };

/// The files of a certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, with those that lead to its authority.
    pub chain: PathBuf,
    /// Its key, not encrypted.
    pub key: PathBuf,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What is made of the files.
pub struct Certificates {
    files: TlsFiles,
    state: Mutex<State>,
}

type Stamps = [Option<(u64, u64, i64, i64)>; 2];

struct State {
    made: Arc<ServerConfig>,
    stamps: Stamps,
    looked: Instant,
}

fn stamps(files: &TlsFiles) -> Stamps {
    let stamp = |meta: Metadata| (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
    [&files.chain, &files.key].map(|path| std::fs::metadata(path).ok().map(stamp))
}

fn make(files: &TlsFiles) -> Result<Arc<ServerConfig>, CertificateError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })
    };
    let (chain, key) = (read(&files.chain)?, zeroize::Zeroizing::new(read(&files.key)?));
    let identity = Identity { chain: &chain, key: &key };
    alces_tls::server(identity, Roots::default(), ClientAuth::None, Versions::All).map_err(|error| {
        let path = if matches!(error, TlsError::Key { .. }) { &files.key } else { &files.chain };
        CertificateError::Unusable { path: path.clone(), reason: error.to_string() }
    })
}

impl Certificates {
    /// Reads them the first time.
    ///
    /// # Errors
    /// [`CertificateError`] where a file cannot be read or used.
    pub fn open(files: TlsFiles) -> Result<Self, CertificateError> {
        let stamps = stamps(&files);
        let made = make(&files)?;
        Ok(Self { files, state: Mutex::new(State { made, stamps, looked: Instant::now() }) })
    }

    /// What the files say now; where they cannot be used, what they said before.
    pub(crate) fn now(&self) -> Arc<ServerConfig> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= EVERY {
            state.looked = Instant::now();
            let stamps = stamps(&self.files);
            if stamps != state.stamps {
                state.stamps = stamps;
                match make(&self.files) {
                    Ok(made) => {
                        tracing::info!("the certificate has changed: new connections use it");
                        state.made = made;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the certificate has changed and cannot be used: the one from before stays");
                    }
                }
            }
        }
        Arc::clone(&state.made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_one_is_taken_up_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { chain: dir.path().join("chain.pem"), key: dir.path().join("key.pem") };
        let write = || {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            std::fs::write(&files.chain, made.cert.pem()).unwrap();
            std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        };
        assert!(matches!(Certificates::open(files.clone()), Err(CertificateError::Read { .. })));
        write();
        let certificates = Certificates::open(files.clone()).unwrap();
        let first = certificates.now();
        assert!(Arc::ptr_eq(&first, &certificates.now()));
        std::fs::write(&files.key, "broken").unwrap();
        assert!(Arc::ptr_eq(&first, &certificates.now()));
        assert!(matches!(Certificates::open(files.clone()), Err(CertificateError::Unusable { .. })));
        write();
        assert!(!Arc::ptr_eq(&first, &certificates.now()));
    }
}
