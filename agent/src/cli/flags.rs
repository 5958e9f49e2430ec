//! Flags of `run`, and how they win over the file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alces_diagnostic::Env;
use clap::Args;

use super::CONFIG;
use crate::{
    Config, Input, StartAt, Tls,
    options::{Compression, ConfigErrors, Loaded, load},
};

/// What is read where neither the file nor a flag says.
const LOGS: &str = "/var/log/nginx/*.log";

/// Flags of `run`.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// The configuration [default: /etc/alces/agent.yaml where there is one and no --logs is given]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address of a collector's `beats` input; the first that answers is used [default: 127.0.0.1:5044]
    #[arg(long, value_name = "HOST:PORT")]
    pub collector: Vec<String>,
    /// Speak TLS, and trust collectors whose certificates the system's authorities sign
    #[arg(long)]
    pub tls: bool,
    /// Speak TLS, and trust collectors whose certificates are signed by one of these authorities
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// The agent's own certificate, for collectors that ask for one
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Files to tail, as a path pattern (quote it); may be given several times [default: /var/log/nginx/*.log]
    #[arg(long, value_name = "PATTERN")]
    pub logs: Vec<String>,
    /// Files to leave alone; a pattern without `/` is held against the file's name
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Where offsets are kept [default: /var/lib/alces/agent]
    #[arg(long, value_name = "DIR", env = "ALCES_AGENT_DATA")]
    pub data_dir: Option<PathBuf>,
    /// Begin at the end of files that were never seen, instead of at their beginning
    #[arg(long)]
    pub from_end: bool,
    /// Seconds between two readings of CPU, memory, disks and network; 0 switches them off [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub metrics: Option<u64>,
    /// zlib level of what is sent: 0 (plain) to 9 [default: zstd to collectors of Alces, zlib 3 to others]
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(0..=9))]
    pub compression: Option<u32>,
    /// The host's name in events [default: the machine's]
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<String>,
}

impl RunArgs {
    /// The file that is read, if any.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let usual = || (self.logs.is_empty() && Path::new(CONFIG).exists()).then(|| CONFIG.into());
        self.config.clone().or_else(usual)
    }

    /// Reads the file, if there is one, and lets the flags win.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn load(&self, env: Env<'_>) -> Result<Loaded, ConfigErrors> {
        let Some(path) = self.file() else {
            let inputs = vec![Input::new(vec![LOGS.to_owned()], Vec::new())];
            let config = self.over(Config::usual().with_inputs(inputs));
            return Ok(Loaded { config, sources: Vec::new(), folders: Vec::new() });
        };
        let mut loaded = load(&path, env)?;
        loaded.config = self.over(loaded.config);
        Ok(loaded)
    }

    fn over(&self, mut config: Config) -> Config {
        if !self.collector.is_empty() {
            config.collectors.clone_from(&self.collector);
        }
        let identity = self.tls_cert.clone().zip(self.tls_key.clone());
        if self.tls || self.tls_ca.is_some() || identity.is_some() {
            config.tls = Some(Tls { authorities: self.tls_ca.clone(), identity });
        }
        if let Some(folder) = &self.data_dir {
            config.data_dir.clone_from(folder);
        }
        if let Some(seconds) = self.metrics {
            config.metrics_every = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        if let Some(level) = self.compression {
            config.compression = Compression::zlib(level);
        }
        if let Some(name) = &self.host_name {
            config.host_name.clone_from(name);
        }
        let mut inputs = std::mem::take(&mut config.inputs);
        if !self.logs.is_empty() {
            inputs = vec![Input::new(self.logs.clone(), Vec::new())];
        }
        for input in &mut inputs {
            input.exclude.extend_from_slice(&self.exclude);
            if self.from_end {
                input.start_at = StartAt::End;
            }
        }
        config.with_inputs(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(file: Option<&str>, change: impl FnOnce(&mut RunArgs)) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.yaml");
        let mut args = RunArgs::default();
        if let Some(text) = file {
            std::fs::write(&path, text).unwrap();
            args.config = Some(path);
        }
        change(&mut args);
        args.load(&|_| None).unwrap().config
    }

    const FILE: &str =
        "collectors: logs1:5044\nhost_name: web01\nmetrics: { every: 60s }\ninputs: [/a, /b]\n";

    #[test]
    fn flags_win_over_the_file_and_leave_the_rest_alone() {
        let config = flags(Some(FILE), |args| {
            args.collector = vec!["logs2:5044".to_owned()];
            args.metrics = Some(0);
            args.exclude = vec!["*.gz".to_owned()];
            args.from_end = true;
        });
        assert_eq!(config.collectors, ["logs2:5044"]);
        assert_eq!((config.host_name.as_str(), config.metrics_every), ("web01", None));
        assert_eq!(config.paths(), ["/a", "/b"]);
        assert!(
            config.inputs.iter().all(|input| input.exclude == ["*.gz"] && input.start_at == StartAt::End)
        );
        let config = flags(Some(FILE), |args| args.logs = vec!["/c".to_owned()]);
        assert_eq!((config.paths(), &config.collectors), (vec!["/c"], &vec!["logs1:5044".to_owned()]));
    }

    #[test]
    fn flags_alone_are_enough() {
        let config = flags(None, |args| {
            args.logs = vec!["/c".to_owned()];
            args.compression = Some(0);
        });
        assert_eq!(config.collectors, ["127.0.0.1:5044"]);
        assert_eq!(
            (config.compression, config.metrics_every),
            (Compression::None, Some(Duration::from_secs(10)))
        );
        assert_eq!(config.data_dir, Path::new("/var/lib/alces/agent"));
    }
}
