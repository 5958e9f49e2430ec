//! The command line of `alces collector`, and reading pipeline files.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use alces_conf::Source;
use alces_filters::EcsMode;
use clap::{Args, Subcommand, ValueEnum};

/// Options of the collector.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  alces collector -f pipelines/seed.conf
  alces collector -f /etc/logstash/conf.d/ --workers 4
  alces collector --settings /etc/logstash        the pipelines of its pipelines.yml
  zcat access.log.gz | alces collector -e 'input { stdin { } } output { stdout { } }'
  alces collector status                          what the running one does, live

Logstash's own names of options (--path.settings, --path.config …) are taken too. Its .conf files run unchanged as far as their plugins are there; `alces check` says what is not.
An acknowledgement means indexed: senders are answered when OpenSearch has taken their events.")]
pub struct CollectorArgs {
    /// What to do with one that runs.
    #[command(subcommand)]
    pub command: Option<CollectorCommand>,
    /// Pipeline: a file, or a folder whose *.conf files count as one in the order of their names
    #[arg(short = 'f', long = "path-config", alias = "path.config", value_name = "FILE")]
    #[arg(required_unless_present_any = ["string", "settings"])]
    pub files: Vec<PathBuf>,
    /// Pipeline as text
    #[arg(short = 'e', long = "config-string", alias = "config.string", value_name = "TEXT")]
    pub string: Option<String>,
    /// Folder of logstash.yml and pipelines.yml; pipelines of -f or -e come in place of theirs
    #[arg(long, alias = "path.settings", value_name = "DIR")]
    pub settings: Option<PathBuf>,
    /// Keystore for ${NAME} [default: alces.keystore of the settings folder]; its password is ALCES_KEYSTORE_PASS
    #[arg(long, value_name = "FILE")]
    pub keystore: Option<PathBuf>,
    /// Where the dead-letter queue and queues on disk are kept [default: /var/lib/alces/collector, or below the user's state folder]
    #[arg(long, alias = "path.data", value_name = "DIR", env = "ALCES_COLLECTOR_DATA")]
    pub data_dir: Option<PathBuf>,
    /// Threads of filters [default: one a core]
    #[arg(short = 'w', long, alias = "pipeline.workers", value_name = "N")]
    pub workers: Option<usize>,
    /// What an acknowledgement means: delivered (memory), or synced to a queue in the data folder (persisted) [default: memory]
    #[arg(long, alias = "queue.type", value_name = "TYPE", hide_possible_values = true)]
    pub queue: Option<QueueType>,
    /// Address of the monitoring API, or `off` [default: the first free port of 127.0.0.1:9600-9700]
    #[arg(long, value_name = "ADDR")]
    pub api: Option<String>,
    /// Names of fields: the Elastic Common Schema (v8) or those before it (disabled) [default: v8]
    #[arg(long, alias = "pipeline.ecs_compatibility", value_name = "MODE", hide_possible_values = true)]
    pub ecs: Option<Ecs>,
    /// Read `\n`, `\t`, `\"` and others in quoted strings
    #[arg(long, alias = "config.support_escapes")]
    pub support_escapes: bool,
    /// Reload pipelines when their files change; SIGHUP always does [default: true]
    #[arg(short = 'r', long, alias = "config.reload.automatic", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub reload: Option<bool>,
    /// Let listeners beyond 127.0.0.1 speak without TLS
    #[arg(long)]
    pub allow_plaintext: bool,
}

/// What can be done with a collector that runs.
#[derive(Clone, Debug, Subcommand)]
pub enum CollectorCommand {
    /// Show what the running collector does: events a second of each plugin, what is held, how old
    Status(StatusArgs),
}

/// Options of `alces collector status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  alces collector status
  alces collector status --once
  alces collector status --json | jq .pipelines.main.events

On a terminal it goes on until Ctrl-C. `alces tap` shows the events themselves.

Exit code 0: fine. 3: no collector answers.")]
pub struct StatusArgs {
    /// Say it once, after a second, as is done where the output is no terminal
    #[arg(long)]
    pub once: bool,
    /// All numbers, as the monitoring API answers them
    #[arg(long)]
    pub json: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub every: u64,
    /// The collector's data folder [default: /var/lib/alces/collector, or below the user's state folder]
    #[arg(long, alias = "path.data", value_name = "DIR", env = "ALCES_COLLECTOR_DATA")]
    pub data_dir: Option<PathBuf>,
    /// Address of its monitoring API [default: the one written down in its data folder]
    #[arg(long, value_name = "ADDR")]
    pub api: Option<SocketAddr>,
}

/// `ecs_compatibility` on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Ecs {
    /// The names before ECS.
    Disabled,
    /// ECS.
    V8,
}

impl From<Ecs> for EcsMode {
    fn from(ecs: Ecs) -> Self {
        match ecs {
            Ecs::Disabled => Self::Disabled,
            Ecs::V8 => Self::V8,
        }
    }
}

/// `queue.type` on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueueType {
    /// None on disk.
    Memory,
    /// One on disk.
    Persisted,
}

/// Where the monitoring API is to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Nowhere.
    Off,
    /// At the first free port.
    FirstFree,
    /// There.
    At(SocketAddr),
}

impl CollectorArgs {
    /// Where the monitoring API is to listen.
    ///
    /// # Errors
    /// Text that is no address.
    pub fn api(&self) -> Result<Api, String> {
        match self.api.as_deref() {
            None => Ok(Api::FirstFree),
            Some("off") => Ok(Api::Off),
            Some(text) => text
                .parse()
                .map(Api::At)
                .map_err(|_| format!("--api: `{text}` is no address; write 127.0.0.1:9600 or off")),
        }
    }

    /// The pipeline's texts.
    ///
    /// # Errors
    /// A file cannot be read; the message names it.
    pub fn sources(&self) -> Result<Vec<Source>, String> {
        let mut sources = read_sources(&self.files)?;
        sources.extend(self.string.as_deref().map(|text| Source::new("-e", text)));
        Ok(sources)
    }
}

/// The texts of files, and of the `*.conf` files of folders in the order of their names.
///
/// # Errors
/// A file cannot be read; the message names it.
pub fn read_sources(paths: &[PathBuf]) -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let mut files: Vec<PathBuf> = entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|e| e == "conf"))
                .collect();
            files.sort();
            if files.is_empty() {
                return Err(format!("{}: there is no *.conf file in this folder", path.display()));
            }
            for file in files {
                sources.push(read(&file)?);
            }
        } else {
            sources.push(read(path)?);
        }
    }
    Ok(sources)
}

fn read(path: &Path) -> Result<Source, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Source::new(&path.display().to_string(), &text))
}
