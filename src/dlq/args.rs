//! The command line of `alces dlq`.

use std::path::PathBuf;

use alces_collector::cli::Ecs;
use clap::{Args, Subcommand};

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces dlq ls
  alces dlq show --reason 'failed to parse' --limit 5
  alces dlq retry                                    after the mapping was mended
  alces dlq retry --through /etc/alces/mended.conf   through a pipeline that mends the events
  alces dlq drop --older-than 30d

A letter is an event that an output refused for good, or that a condition could not decide on. A collector may run meanwhile.

Exit code 0: fine. 1: letters are left that were to be sent again. 2: something cannot be read, written or reached.")]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    pub(crate) command: DlqCommand,
    /// The collector's data folder [default: /var/lib/alces/collector, or below the user's state folder]
    #[arg(long, alias = "path.data", value_name = "DIR", env = "ALCES_COLLECTOR_DATA", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Only the letters of this pipeline; may be given several times
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) pipeline: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum DlqCommand {
    /// Count letters: by pipeline, plugin, status and reason
    Ls(LsArgs),
    /// Show letters
    Show(ShowArgs),
    /// Send letters again; those that are taken leave the queue
    Retry(RetryArgs),
    /// Remove letters for ever
    Drop(DropArgs),
}

/// Which letters are meant.
#[derive(Args, Clone, Default)]
pub(crate) struct Select {
    /// Only letters whose reason contains this text, in any case
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Only letters of this plugin: `elasticsearch`, `http`, `if` …
    #[arg(long, value_name = "NAME")]
    pub(crate) plugin: Option<String>,
    /// Only letters older than this: 90m, 36h, 7d, or than a time such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "AGE")]
    pub(crate) older_than: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces dlq ls
  alces dlq ls --pipeline web --json

Reasons that differ in numbers and quoted values only are one line.")]
pub(crate) struct LsArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces dlq show
  alces dlq show --reason mapper_parsing --limit 100
  alces dlq show --json --limit 1000000 | jq -c .event

The oldest come first. Control characters are shown as escapes.")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// At most so many letters
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u64,
    /// Print a JSON object a letter
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces dlq retry
  alces dlq retry --reason 'limit of total fields' --to https://search:9200 --user writer
  alces dlq retry --through mended.conf

Letters go as they were sent (index, id, pipeline, routing) to the OpenSearch that refused them; with --to to another. With --through
they are events of a pipeline, whose inputs do not run: what its outputs refuse becomes a new letter, what its filters drop is gone.
Those that are taken leave the queue. After a kill at the wrong time some are sent again, with the same id.
ALCES_OPENSEARCH_PASSWORD is the password of --user.")]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// URL of the OpenSearch [default: the one that each letter was meant for]; several are one after the other
    #[arg(long, value_name = "URL", conflicts_with = "through")]
    pub(crate) to: Vec<String>,
    /// Login at OpenSearch
    #[arg(long, value_name = "NAME", requires = "password", conflicts_with = "through")]
    pub(crate) user: Option<String>,
    /// Password at OpenSearch: set it in the environment, where no process list shows it
    #[arg(long, value_name = "TEXT", env = "ALCES_OPENSEARCH_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,
    /// PEM file of authorities that are trusted beside the system's
    #[arg(long, value_name = "FILE", conflicts_with = "through")]
    pub(crate) cacert: Option<String>,
    /// Pipeline file, or folder of *.conf files, whose filters and outputs get the events
    #[arg(long, value_name = "CONF")]
    pub(crate) through: Vec<PathBuf>,
    /// Keystore for ${NAME} in the pipeline; its password is ALCES_KEYSTORE_PASS
    #[arg(long, value_name = "FILE", requires = "through")]
    pub(crate) keystore: Option<PathBuf>,
    /// Names of fields in the pipeline: the Elastic Common Schema (v8) or those before it (disabled)
    #[arg(long, value_name = "MODE", default_value = "v8")]
    pub(crate) ecs: Ecs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces dlq drop --older-than 30d
  alces dlq drop --reason 'version conflict' --yes
  alces dlq drop --all --pipeline web

Says how many letters that are and asks, but for --yes.")]
pub(crate) struct DropArgs {
    #[command(flatten)]
    pub(crate) select: Select,
    /// All of them, damaged lines too
    #[arg(long, conflicts_with_all = ["reason", "plugin", "older_than", "damaged"])]
    pub(crate) all: bool,
    /// Lines that are no letters: torn by a crash, or written by others
    #[arg(long, conflicts_with_all = ["reason", "plugin", "older_than"])]
    pub(crate) damaged: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}
