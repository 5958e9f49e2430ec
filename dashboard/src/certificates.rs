//! The certificate that the dashboard shows, taken up again when its files change.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alces_tls::{ClientAuth, Identity, Roots, ServerConfig, TlsError, Versions};

use crate::error::DashboardError;

/// Files are looked at when a connection comes, but not more often than this.
const EVERY: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_secs(5) };

/// The files of a certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, with those that lead to its authority.
    pub chain: PathBuf,
    /// Its key, not encrypted.
    pub key: PathBuf,
}

/// What is made of the files.
pub(crate) struct Certificates {
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
    [&files.chain, &files.key].map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    })
}

fn make(files: &TlsFiles) -> Result<Arc<ServerConfig>, DashboardError> {
    let wrong = |path: &Path, reason: String| DashboardError::Tls { path: path.to_owned(), reason };
    let read = |path: &Path| std::fs::read(path).map_err(|e| wrong(path, e.to_string()));
    let (chain, key) = (read(&files.chain)?, zeroize::Zeroizing::new(read(&files.key)?));
    let identity = Identity { chain: &chain, key: &key };
    alces_tls::server(identity, Roots::default(), ClientAuth::None, Versions::All).map_err(|error| {
        let path = if matches!(error, TlsError::Key { .. }) { &files.key } else { &files.chain };
        wrong(path, error.to_string())
    })
}

impl Certificates {
    /// Reads them the first time.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, DashboardError> {
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
        assert!(Certificates::open(files.clone()).is_err());
        write();
        let certificates = Certificates::open(files.clone()).unwrap();
        let first = certificates.now();
        std::fs::write(&files.key, "broken").unwrap();
        assert!(Arc::ptr_eq(&first, &certificates.now()));
        write();
        assert!(!Arc::ptr_eq(&first, &certificates.now()));
    }
}
