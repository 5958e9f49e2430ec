//! One connection, one answer, as JSON.

use std::{
    io::{self, Read as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, net::UnixListener, task::JoinHandle};
use tracing::debug;

use super::{Source, Status};

/// The socket's name in the data folder.
const NAME: &str = "agent.sock";
/// An agent that runs answers at once; one that is stopped (SIGSTOP) or swapped out does not.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket of an agent that runs; gone when dropped.
pub(crate) struct Socket {
    path: PathBuf,
    serving: JoinHandle<()>,
}

impl Socket {
    /// Opens it, for the agent's own user alone. Whoever does so holds the folder's lock, so that a socket that is there is
    /// a dead agent's.
    pub(crate) fn open(folder: &Path, source: Source) -> io::Result<Self> {
        let path = folder.join(NAME);
        // It appears under its name with its permissions, and in place of an old one.
        let new = folder.join(format!("{NAME}.new"));
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&new)?;
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600))?;
        std::fs::rename(&new, &path)?;
        Ok(Self { path, serving: tokio::spawn(serve(listener, source)) })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.serving.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve(listener: UnixListener, source: Source) {
    loop {
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file handles, most likely: others get theirs first.
                debug!(%error, "status: a question is not taken");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let source = source.clone();
        tokio::spawn(async move {
            // Looking at files may block.
            let Ok(status) = tokio::task::spawn_blocking(move || source()).await else { return };
            let answer = serde_json::to_vec(&status).unwrap_or_default();
            // Whoever asked may be gone.
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        });
    }
}

/// Asks the agent that runs in a data folder; nothing: none does.
///
/// # Errors
/// The socket cannot be used, or the answer is none.
pub fn ask(folder: &Path) -> io::Result<Option<Status>> {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    let mut stream = match std::os::unix::net::UnixStream::connect(folder.join(NAME)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(None),
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(Some(serde_json::from_slice(&answer)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn status() -> Status {
        Status {
            agent: "abc".to_owned(),
            since: None,
            collectors: Vec::new(),
            spool: None,
            files: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_socket_answers_each_who_asks_and_goes_with_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(ask(dir.path()).unwrap(), None);
        std::fs::write(dir.path().join("agent.sock.new"), "left by a kill").unwrap();
        let socket = Socket::open(dir.path(), Arc::new(status)).unwrap();
        let mode = std::fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for _ in 0..2 {
            let folder = dir.path().to_owned();
            let answer = tokio::task::spawn_blocking(move || ask(&folder)).await.unwrap().unwrap();
            assert_eq!(answer, Some(status()));
        }
        drop(socket);
        assert_eq!(ask(dir.path()).unwrap(), None);
    }

    #[tokio::test]
    async fn the_socket_of_a_dead_agent_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(dir.path().join(NAME)).unwrap());
        assert_eq!(ask(dir.path()).unwrap(), None, "nobody answers");
        let _socket = Socket::open(dir.path(), Arc::new(status)).unwrap();
        let folder = dir.path().to_owned();
        assert!(tokio::task::spawn_blocking(move || ask(&folder)).await.unwrap().unwrap().is_some());
    }
}
