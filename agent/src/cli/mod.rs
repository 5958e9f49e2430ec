//! The command line of `alces agent` and `alces-agent`.

mod check;
mod flags;
mod log;
mod reload;
mod signals;
mod status;

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::{options::Loaded, priority};
use reload::Reload;

pub use flags::RunArgs;
pub use log::{SetLevel, open_log};
pub use signals::shutdown_signal;

/// Where the configuration is, unless `--config` says otherwise.
pub const CONFIG: &str = "/etc/alces/agent.yaml";

/// Options of the agent.
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  alces agent                                        with /etc/alces/agent.yaml
  alces agent check                                  what is wrong with it, and which files it matches
  alces agent status                                 how far the running agent is
  alces agent --collector 127.0.0.1:5044 --logs '/var/log/nginx/*.log'
  alces agent --collector logs1:5044 --tls-ca /etc/alces/ca.pem --logs '/var/log/nginx/*.log'
  alces agent --collector logs1:5044 --collector logs2:5044 --logs '/srv/app/runtime/logs/*.log' --exclude '*.gz'

Flags win over the file. Without --config and --logs the file is /etc/alces/agent.yaml, where there is one.

Offsets are kept in --data-dir and move only when the collector has acknowledged, so that a restart or a kill
neither loses nor doubles a line. While no collector answers, the agent waits."
)]
pub struct AgentArgs {
    /// What to do; nothing: `run`.
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
    /// Flags of `run`.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What the agent can be told to do.
#[derive(Clone, Debug, Subcommand)]
pub enum AgentCommand {
    /// Run the agent, as without a command
    Run(Box<RunArgs>),
    /// Tell what is wrong with the file, and which files it matches now
    Check(CheckArgs),
    /// Tell how far the running agent is
    Status(StatusArgs),
    /// List the options that the file may have
    Options(OptionsArgs),
}

/// Options of `check`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  alces agent check
  alces agent check --config ./agent.yaml
  alces agent check --connect                        and whether the collectors answer

All errors are told at once, each with file, line and column. A pattern that matches nothing and a file that cannot be read are
told too; run it as the user that the agent runs as.

Exit code 0: the agent can run. 1: it cannot, or with --connect no collector answers.")]
pub struct CheckArgs {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub config: PathBuf,
    /// Connect to each collector
    #[arg(long)]
    pub connect: bool,
}

/// Options of `status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  alces agent status
  alces agent status --json | jq '.files[] | select(.lag_bytes > 1000000) | .path'
  alces agent status --data-dir ./agent-data

The agent answers over a socket in its data folder that only its own user and root may use. Where no agent runs, this is what
it left: how far each file was acknowledged.

Exit code 0: it runs. 3: it does not. 1: neither can be told.")]
pub struct StatusArgs {
    /// Where the agent keeps its offsets [default: that of the configuration]
    #[arg(long, value_name = "DIR", env = "ALCES_AGENT_DATA")]
    pub data_dir: Option<PathBuf>,
    /// The configuration [default: /etc/alces/agent.yaml where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `options`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  alces agent options                                everything
  alces agent options multiline tags                 what has one of these words in its name
  alces agent options --markdown                     the page docs/agent.md")]
pub struct OptionsArgs {
    /// Words in names
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Print the agent's page, in Markdown
    #[arg(long, conflicts_with = "words")]
    pub markdown: bool,
}

/// The environment of the process.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Does what the command line says.
///
/// # Errors
/// The configuration is wrong, or what [`crate::run`] cannot do.
pub async fn run(args: AgentArgs, env: Environment, set_level: SetLevel) -> anyhow::Result<ExitCode> {
    let mut out = anstream::stdout();
    match args.command.unwrap_or_else(|| AgentCommand::Run(Box::new(args.run))) {
        AgentCommand::Run(flags) => {
            serve(*flags, env, set_level).await?;
            Ok(ExitCode::SUCCESS)
        }
        AgentCommand::Check(args) => check::run(&args, &*env, &mut out).await,
        AgentCommand::Status(StatusArgs { data_dir, config, json }) => {
            let flags = RunArgs { config, ..RunArgs::default() };
            let folder = match data_dir {
                Some(folder) => folder,
                None => flags.load(&*env)?.config.data_dir,
            };
            status::run(&folder, json, Timestamp::now(), &mut out)
        }
        AgentCommand::Options(OptionsArgs { markdown: true, .. }) => {
            write!(out, "{}", crate::options::markdown())?;
            Ok(ExitCode::SUCCESS)
        }
        AgentCommand::Options(args) => {
            let list = crate::options::list(&args.words);
            anyhow::ensure!(!list.is_empty(), "no option has {} in its name", args.words.join(" or "));
            write!(out, "{list}")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs the agent, and takes up changes of its file.
async fn serve(flags: RunArgs, env: Environment, set_level: SetLevel) -> anyhow::Result<()> {
    // Before anything else: a signal that comes early must not end the process.
    let hangup = signal(SignalKind::hangup())?;
    let Loaded { config, sources, folders } = flags.load(&*env)?;
    if let Some(level) = &config.log_level {
        set_level(level);
    }
    if let Some(nice) = config.nice {
        priority::set(nice);
    }
    let watching = config.reload;
    let reload =
        Reload { flags, env, set_level, usual_level: "info", sources, folders, watching, wrong: None };
    Ok(crate::run_with(config, Timestamp::now, shutdown_signal(), reload.start(hangup)).await?)
}
