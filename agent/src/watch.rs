//! Waiting for changes in folders, without looking again and again, and for the signal that says the same.

use std::{path::PathBuf, sync::Arc, time::Duration};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind},
};
use tokio::{signal::unix::Signal, sync::Notify, time::timeout};
use tracing::warn;

/// A change is complete when nothing has followed it for this long: editors and deployments do several things at once.
const QUIET: Duration = Duration::from_millis(250);

/// Folders that are watched by the system.
#[derive(Debug)]
pub struct Watch {
    told: Arc<Notify>,
    /// It ends with this.
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches folders, not those in them.
    ///
    /// # Errors
    /// A folder is not there, or the system watches no more of them.
    pub fn new(folders: &[PathBuf]) -> notify::Result<Self> {
        let told = Arc::new(Notify::new());
        let tell = told.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error is a reason to look, too: events may have been lost.
            if event.map_or(true, |event| matters(event.kind)) {
                tell.notify_one();
            }
        })?;
        for folder in folders {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { told, _watcher: watcher })
    }

    /// Waits for a change since the last one, and for quiet after it.
    pub async fn changed(&self) {
        self.told.notified().await;
        while timeout(QUIET, self.told.notified()).await.is_ok() {}
    }
}

/// Why settings are to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Something in their folders changed.
    Changed,
    /// Somebody says so, with SIGHUP.
    Told,
}

/// Tells when settings are to be read again.
#[derive(Debug)]
pub struct Changes {
    hangup: Signal,
    watched: Vec<PathBuf>,
    watch: Option<Watch>,
}

impl Changes {
    /// Takes SIGHUP; nothing is watched yet.
    pub fn new(hangup: Signal) -> Self {
        Self { hangup, watched: Vec::new(), watch: None }
    }

    /// Waits until something changes in these folders, of which some may not be there, or until somebody sends SIGHUP. None where no signal
    /// can come any more.
    pub async fn next(&mut self, folders: &[PathBuf]) -> Option<Why> {
        let present: Vec<PathBuf> = folders.iter().filter(|folder| folder.is_dir()).cloned().collect();
        if present != self.watched {
            self.watch =
                (!present.is_empty()).then(|| Watch::new(&present)).transpose().unwrap_or_else(|error| {
                    warn!(%error, "changes of the configuration are not seen: SIGHUP tells of them");
                    None
                });
            self.watched = present;
            // What changed between the last reading and the watch.
            return Some(Why::Changed);
        }
        let changed = async {
            match &self.watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            told = self.hangup.recv() => told.map(|()| Why::Told),
            () = changed => Some(Why::Changed),
        }
    }
}

/// Files that are complete, and names that come and go. Of what is only begun, folders alone.
fn matters(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        EventKind::Create(kind) => kind == CreateKind::Folder,
        EventKind::Modify(kind) => matches!(kind, ModifyKind::Name(_)),
        EventKind::Remove(_) | EventKind::Any | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_that_are_written_replaced_or_removed_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let (path, new) = (dir.path().join("agent.yaml"), dir.path().join("agent.yaml.new"));
        let watch = Watch::new(&[dir.path().to_owned()]).unwrap();
        std::fs::write(&path, "a").unwrap();
        watch.changed().await;
        std::fs::write(&new, "b").unwrap();
        std::fs::rename(&new, &path).unwrap();
        watch.changed().await;
        std::fs::remove_file(&path).unwrap();
        watch.changed().await;
        std::fs::create_dir(dir.path().join("agent.d")).unwrap();
        watch.changed().await;
    }
}
