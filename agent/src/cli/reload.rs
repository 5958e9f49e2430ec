//! Settings that change while the agent runs: when its files do, and at SIGHUP.

use std::path::PathBuf;

use tokio::{
    signal::unix::Signal,
    sync::mpsc::{Receiver, Sender, channel},
};
use tracing::{error, info};

use super::{Environment, RunArgs, SetLevel};
use crate::{
    Config,
    options::Loaded,
    priority,
    watch::{Changes, Why},
};

/// Reads the files anew when something asks for it.
pub(super) struct Reload {
    pub(super) flags: RunArgs,
    pub(super) env: Environment,
    pub(super) set_level: SetLevel,
    /// What is logged where the file does not say.
    pub(super) usual_level: &'static str,
    /// The texts that the agent runs with.
    pub(super) sources: Vec<(PathBuf, String)>,
    pub(super) folders: Vec<PathBuf>,
    /// Whether the files are watched.
    pub(super) watching: bool,
    /// What was wrong last, so that it is told once.
    pub(super) wrong: Option<String>,
}

impl Reload {
    /// Begins to watch; the settings come out of the channel.
    pub(super) fn start(self, hangup: Signal) -> Receiver<Config> {
        let (out, changes) = channel(1);
        tokio::spawn(self.run(hangup, out));
        changes
    }

    async fn run(mut self, hangup: Signal, out: Sender<Config>) {
        let mut changes = Changes::new(hangup);
        loop {
            let folders: &[PathBuf] = if self.watching { &self.folders } else { &[] };
            let Some(why) = changes.next(folders).await else { return };
            if let Some(config) = self.read(why)
                && out.send(config).await.is_err()
            {
                return;
            }
        }
    }

    /// The new settings, if there are any and they are right.
    fn read(&mut self, why: Why) -> Option<Config> {
        let Loaded { config, sources, folders } = match self.flags.load(&*self.env) {
            Ok(loaded) => loaded,
            Err(errors) => {
                let errors = errors.to_string();
                if why == Why::Told || self.wrong.as_ref() != Some(&errors) {
                    error!("the configuration is wrong: going on with the one before\n{errors}");
                }
                self.wrong = Some(errors);
                return None;
            }
        };
        if self.wrong.take().is_some() {
            info!("the configuration is right again");
        }
        if why == Why::Changed && sources == self.sources {
            return None;
        }
        (self.sources, self.folders, self.watching) = (sources, folders, config.reload);
        (self.set_level)(config.log_level.as_deref().unwrap_or(self.usual_level));
        if let Some(nice) = config.nice {
            priority::set(nice);
        }
        Some(config)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// An agent's file, what was logged of levels, and the reader.
    fn reload(dir: &std::path::Path) -> (Reload, Arc<Mutex<Vec<String>>>) {
        let levels = Arc::new(Mutex::new(Vec::new()));
        let seen = levels.clone();
        let flags = RunArgs { config: Some(dir.join("agent.yaml")), ..RunArgs::default() };
        let env: Environment = Arc::new(|_| None);
        let loaded = flags.load(&*env).unwrap();
        let reload = Reload {
            flags,
            env,
            set_level: Arc::new(move |level| seen.lock().unwrap().push(level.to_owned())),
            usual_level: "info",
            sources: loaded.sources,
            folders: loaded.folders,
            watching: loaded.config.reload,
            wrong: None,
        };
        (reload, levels)
    }

    #[test]
    fn only_what_is_new_and_right_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(dir.path().join("agent.yaml"), text).unwrap();
        write("host_name: a\n");
        let (mut reload, levels) = reload(dir.path());
        assert!(reload.read(Why::Changed).is_none(), "another file of the folder changed");
        assert!(reload.read(Why::Told).is_some(), "somebody wants it");
        write("host_nam: b\n");
        assert!(reload.read(Why::Changed).is_none());
        assert!(reload.wrong.as_ref().is_some_and(|errors| errors.contains("did you mean `host_name`?")));
        write("host_name: b\nlog_level: debug\nreload: false\n");
        assert_eq!(reload.read(Why::Changed).unwrap().host_name, "b");
        assert!(!reload.watching && reload.wrong.is_none());
        assert_eq!(*levels.lock().unwrap(), ["info", "debug"]);
    }
}
