//! Pipelines that change while the collector runs: when their files do, and at SIGHUP.

use std::path::PathBuf;

use alces_agent::watch::Watch;
use tokio::{
    signal::unix::Signal,
    sync::mpsc::{Receiver, Sender, channel},
};
use tracing::{error, info, warn};

use super::configuration::{Configuration, Pipeline, Reader};

/// Reads the configuration anew when something asks for it.
pub(super) struct Reload {
    reader: Reader,
    folders: Vec<PathBuf>,
    watching: bool,
    /// What was wrong last, so that it is told once.
    wrong: Option<String>,
}

/// Why the files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Something in their folders changed.
    Changed,
    /// Somebody says so.
    Told,
}

/// All pipelines that are to run from now on.
pub(super) struct Wanted {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) why: Why,
}

impl Reload {
    /// For a configuration that runs.
    pub(super) fn new(reader: Reader, running: &Configuration) -> Self {
        let watching = running.pipelines.iter().any(|pipeline| pipeline.reload);
        Self { reader, folders: running.folders.clone(), watching, wrong: None }
    }

    /// Begins to watch; what is right comes out of the channel.
    pub(super) fn start(self, hangup: Signal) -> Receiver<Wanted> {
        let (out, changes) = channel(1);
        tokio::spawn(self.run(hangup, out));
        changes
    }

    async fn run(mut self, mut hangup: Signal, out: Sender<Wanted>) {
        let mut watched = self.present();
        let mut watch = watch(&watched);
        // What changed between the first reading and the watch.
        let mut again = watch.is_some();
        loop {
            let changed = async {
                match &watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            let why = tokio::select! {
                biased;
                told = hangup.recv() => match told {
                    Some(()) => Why::Told,
                    None => return,
                },
                () = std::future::ready(()), if again => Why::Changed,
                () = changed => Why::Changed,
            };
            again = false;
            if let Some(pipelines) = self.read(why)
                && out.send(Wanted { pipelines, why }).await.is_err()
            {
                return;
            }
            let present = self.present();
            if present != watched {
                watch = self::watch(&present);
                watched = present;
                again = true;
            }
        }
    }

    /// The folders to watch that are there.
    fn present(&self) -> Vec<PathBuf> {
        if !self.watching {
            return Vec::new();
        }
        self.folders.iter().filter(|folder| folder.is_dir()).cloned().collect()
    }

    fn read(&mut self, why: Why) -> Option<Vec<Pipeline>> {
        match self.reader.read() {
            Ok(found) => {
                if self.wrong.take().is_some() {
                    info!("the configuration is right again");
                }
                if why == Why::Told {
                    found.say_notes();
                }
                self.folders = found.folders;
                Some(found.pipelines)
            }
            Err(errors) => {
                let errors = errors.to_string();
                if why == Why::Told || self.wrong.as_ref() != Some(&errors) {
                    error!("the configuration is wrong: going on with the one before\n{errors}");
                }
                self.wrong = Some(errors);
                None
            }
        }
    }
}

fn watch(folders: &[PathBuf]) -> Option<Watch> {
    if folders.is_empty() {
        return None;
    }
    Watch::new(folders)
        .inspect_err(|error| warn!(%error, "changes of the configuration are not seen: SIGHUP tells of them"))
        .ok()
}
