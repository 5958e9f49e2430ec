//! Pipelines that change while the collector runs: when their files do, and at SIGHUP.

use std::path::PathBuf;

use alces_agent::watch::{Changes, Why};
use tokio::{
    signal::unix::Signal,
    sync::mpsc::{Receiver, Sender, channel},
};
use tracing::{error, info};

use super::configuration::{Configuration, Identity, Pipeline, Reader};

/// Reads the configuration anew when something asks for it.
pub(super) struct Reload {
    reader: Reader,
    folders: Vec<PathBuf>,
    watching: bool,
    /// What was read last, whether it was right or wrong.
    last: Vec<(String, Identity)>,
    /// What was wrong last, so that it is told once.
    wrong: Option<String>,
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
        let last = running.pipelines.iter().map(|pipeline| (pipeline.id.clone(), pipeline.identity.clone()));
        Self { reader, folders: running.folders.clone(), watching, last: last.collect(), wrong: None }
    }

    /// Begins to watch; what is right comes out of the channel.
    pub(super) fn start(self, hangup: Signal) -> Receiver<Wanted> {
        let (out, changes) = channel(1);
        tokio::spawn(self.run(hangup, out));
        changes
    }

    async fn run(mut self, hangup: Signal, out: Sender<Wanted>) {
        let mut changes = Changes::new(hangup);
        loop {
            let folders: &[PathBuf] = if self.watching { &self.folders } else { &[] };
            let Some(why) = changes.next(folders).await else { return };
            if let Some(pipelines) = self.read(why)
                && out.send(Wanted { pipelines, why }).await.is_err()
            {
                return;
            }
        }
    }

    fn read(&mut self, why: Why) -> Option<Vec<Pipeline>> {
        let draft = self.reader.gather();
        if draft.is_err() {
            // What comes after it is to be told in any case.
            self.last.clear();
        }
        let read = draft.and_then(|draft| {
            // Patterns are compiled for a change only: other files may lie in these folders, and some hundred patterns take a while.
            if why == Why::Changed && draft.identities == self.last {
                return Ok(None);
            }
            self.last.clone_from(&draft.identities);
            self.reader.check(draft).map(Some)
        });
        match read {
            Ok(None) => None,
            Ok(Some(found)) => {
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
