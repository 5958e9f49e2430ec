//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    alert::args::AlertArgs,
    dashboard::args::{DashboardArgs, PanelArgs, ReportArgs},
    dlq::args::DlqArgs,
    store::args::StoreArgs,
};
use alces_agent::cli::AgentArgs;
use alces_collector::cli::{CollectorArgs, Ecs};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};

/// The Rust ELK for a helpdesk fleet: agent, collector, dashboard and an embedded store
#[derive(Parser)]
#[command(
    name = "alces",
    version,
    about,
    after_help = "\
Examples:
  alces demo                                   everything in one process, with sample traffic
  alces up --logs '/srv/app/runtime/logs/*.log'  the same for your own logs
  alces collector -f pipelines/seed.conf       a Logstash pipeline, unchanged
  alces grok '%{COMBINEDAPACHELOG}' access.log   what a pattern captures, and where it stops

`alces <role> --help` shows each role's options and examples."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show everything at work: sample traffic, agent, collector, store and dashboard in one process
    Demo(DemoArgs),
    /// Run agent, collector, store and dashboard in one process for this machine's logs
    Up(UpArgs),
    /// Tail log files and read host metrics, and ship both to a collector
    Agent(AgentArgs),
    /// Run a Logstash pipeline: inputs, filters, outputs
    Collector(CollectorArgs),
    /// Run the dashboard over an OpenSearch or `alces store`
    Dashboard(Box<DashboardArgs>),
    /// Draw one panel of a board in the terminal
    Panel(PanelArgs),
    /// Write a board as one page or picture that needs nothing else, for mail
    Report(ReportArgs),
    /// Watch rules: check them, try them on the past, list and silence alerts
    Alert(AlertArgs),
    /// Run the embedded store, which speaks OpenSearch's REST API
    Store(StoreArgs),
    /// Check pipeline files and report everything that is wrong with them
    Check(CheckArgs),
    /// Run the golden cases that lie beside pipelines: lines of logs and the events expected of them
    Test(TestArgs),
    /// List the plugins of pipelines and their options, and how they differ from Logstash's
    Plugins(PluginsArgs),
    /// Keep secrets for ${NAME} in pipelines in an encrypted file
    Keystore(KeystoreArgs),
    /// Try a grok pattern on lines: what it captures, where it stops, or which pattern would fit
    Grok(GrokArgs),
    /// List, show, send again or drop the events that were refused for good
    Dlq(DlqArgs),
    /// Show events of a running collector as they pass, behind its filters
    Tap(TapArgs),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces tap                                                    the pipeline `main`
  alces tap web --filter '[http][response][status_code] >= 500'
  alces tap web --filter '\"_grokparsefailure\" in [tags]' --json | jq -r .message
  alces tap --count 1                                          one event, and the end

The filter is a condition as it stands behind `if` in a pipeline. What passes too fast is left out and counted; the pipeline waits for nobody.
Events are shown to those who may read the collector's data folder: be its user, or root.

Exit code 0: fine. 2: the filter is broken, or no collector could be asked.")]
pub(crate) struct TapArgs {
    /// The pipeline
    #[arg(default_value = "main")]
    pub(crate) pipeline: String,
    /// Show only events for which this holds
    #[arg(long, value_name = "CONDITION")]
    pub(crate) filter: Option<String>,
    /// Show no more than this many events a second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// End after this many events
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// One JSON object a line, as is done where the output is no terminal
    #[arg(long)]
    pub(crate) json: bool,
    /// The collector's data folder [default: /var/lib/alces/collector, or below the user's state folder]
    #[arg(long, alias = "path.data", value_name = "DIR", env = "ALCES_COLLECTOR_DATA")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of its monitoring API [default: the one written down in its data folder]
    #[arg(long, value_name = "ADDR")]
    pub(crate) api: Option<SocketAddr>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces demo
  alces demo --data-dir ./demo-data    keep the data

The 10,000 requests are real ones (an access log of 2015), moved into the last two hours and then repeated live. The log
has no response times: those in the demo are made up.")]
pub(crate) struct DemoArgs {
    /// Keep the data here [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the dashboard [default: 127.0.0.1:5601, or a free port where that is taken]
    #[arg(long, value_name = "ADDR")]
    pub(crate) dashboard: Option<SocketAddr>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces up
  alces up --logs '/var/log/nginx/*.log' --logs '/srv/app/runtime/logs/*.log' --data-dir /var/lib/alces

Nginx's access and error logs are understood, with response times where deploy/nginx/log_format.conf is used. A restart or
a kill neither loses nor doubles a line.")]
pub(crate) struct UpArgs {
    /// Files to tail besides /var/log/nginx/*.log, as a path pattern (quote it); may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) logs: Vec<String>,
    /// Files to leave alone
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Where everything is kept [default: /var/lib/alces, or below the user's state folder]
    #[arg(long, value_name = "DIR", env = "ALCES_DATA")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A pipeline of your own in place of the built-in one
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) pipeline: Vec<PathBuf>,
    /// Address of the dashboard
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5601")]
    pub(crate) dashboard: SocketAddr,
    /// Address of the store
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9200")]
    pub(crate) store: SocketAddr,
    /// Port of the collector's `beats` input on 127.0.0.1, for other senders
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5044")]
    pub(crate) beats: SocketAddr,
    /// Seconds between two readings of the host's metrics; 0 switches them off
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) metrics: u64,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces check pipelines/seed.conf
  alces check /etc/logstash/conf.d/
  alces check --strict --json pipelines/*.conf      for a build: warnings count too
  alces check pipelines/boards/*.yaml               boards of the dashboard

All errors are told at once, each with its place: syntax, plugins, options, grok patterns, date formats, regular expressions.
Warnings name what is well-formed and cannot work: a field that is used before it is set, text that is compared with a number, a
branch that is never taken, a pattern that gives up on long lines.

Exit code 0: fine. 1: something is wrong, and all of it is listed. 2: a file cannot be read.")]
pub(crate) struct CheckArgs {
    /// Pipeline files, folders of *.conf files that count as one pipeline, or boards (*.yaml)
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Print a JSON list of what is wrong: severity, file, line, column, message, help
    #[arg(long)]
    pub(crate) json: bool,
    /// Take warnings for errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Names of fields: the Elastic Common Schema (v8) or those before it (disabled)
    #[arg(long, value_name = "MODE", default_value = "v8")]
    pub(crate) ecs: Ecs,
    /// Read `\n`, `\t`, `\"` and others in quoted strings, as `config.support_escapes` does
    #[arg(long)]
    pub(crate) support_escapes: bool,
    /// Keystore for ${NAME}; its password is ALCES_KEYSTORE_PASS
    #[arg(long, value_name = "FILE")]
    pub(crate) keystore: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces test pipelines
  alces test /etc/logstash/conf.d
  alces test --update pipelines/nginx.conf      write down what comes as what is expected

The cases of nginx.conf lie in nginx.cases/, those of a folder that is one pipeline in its cases/. A case is access.log (a line an
event) or access.ndjson (a JSON object an event), with access.log-expected.json beside it, which --update writes: look at what
it wrote. In access.log.yml, which need not be, may stand:

  fields: { event: { dataset: nginx.access } }     what each event has besides
  multiline: { pattern: '^\\s', what: previous }    how lines are joined; negate: true turns it
  now: 2026-01-01T00:00:00Z                        the case's time, for dates without a year

Only filters are run. Exit code 0: all as expected. 1: some differ. 2: a pipeline or a case is broken.")]
pub(crate) struct TestArgs {
    /// Pipeline files, or folders of *.conf files
    #[arg(required = true, value_name = "PIPELINE")]
    pub(crate) pipelines: Vec<PathBuf>,
    /// Write what comes as what is expected
    #[arg(long)]
    pub(crate) update: bool,
    /// Names of fields: the Elastic Common Schema (v8) or those before it (disabled)
    #[arg(long, value_name = "MODE", default_value = "v8")]
    pub(crate) ecs: Ecs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces plugins              what is there, and what of Logstash is not
  alces plugins grok         the options of grok
  alces plugins --markdown   all of it as a page, which is docs/plugins.md

Exit code 0: fine. 1: there is no such plugin.")]
pub(crate) struct PluginsArgs {
    /// Names of plugins whose options are listed
    #[arg(value_name = "PLUGIN")]
    pub(crate) names: Vec<String>,
    /// Print everything as a page of Markdown
    #[arg(long, conflicts_with = "names")]
    pub(crate) markdown: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces keystore create --keystore /etc/alces/alces.keystore
  alces keystore add ES_PASSWORD --keystore /etc/alces/alces.keystore     asks without showing it
  printf %s \"$TOKEN\" | alces keystore add TOKEN --stdin
  alces collector --keystore /etc/alces/alces.keystore -f pipelines/seed.conf

A pipeline takes `${ES_PASSWORD}` from the keystore first, then from the environment, then its default (`${NAME:default}`).
ALCES_KEYSTORE_PASS in the environment is the file's password; without one its permissions (0600) alone protect it.")]
pub(crate) struct KeystoreArgs {
    #[command(subcommand)]
    pub(crate) command: KeystoreCommand,
    /// The file [default: alces.keystore in this folder]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) keystore: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum KeystoreCommand {
    /// Make an empty keystore
    Create,
    /// Add secrets, asked for one after the other
    Add {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Read each as a line of standard input
        #[arg(long)]
        stdin: bool,
        /// Replace those that are there
        #[arg(long)]
        force: bool,
    },
    /// List the names, never the secrets
    List,
    /// Remove secrets
    Remove {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces grok '%{COMBINEDAPACHELOG}' access.log
  alces grok --only misses '%{COMBINEDAPACHELOG}' access.log    where each line stops
  tail -f app.log | alces grok --json '%{LOGLEVEL:level} %{GREEDYDATA:text}'
  alces grok --suggest app.log    patterns for these lines, tried on them

Exit code 0: at least one line matched. 1: none did. 2: the pattern is broken, or a file cannot be read.")]
pub(crate) struct GrokArgs {
    /// The pattern (quote it)
    #[arg(required_unless_present = "suggest")]
    pub(crate) pattern: Option<String>,
    /// File of lines [default: standard input, also as `-`]
    pub(crate) file: Option<PathBuf>,
    /// Propose patterns for the lines of a file or, without one, of standard input
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    #[arg(conflicts_with_all = ["pattern", "file", "json", "only"])]
    pub(crate) suggest: Option<PathBuf>,
    /// Print one JSON object of captures a line, `null` where the pattern does not match
    #[arg(long)]
    pub(crate) json: bool,
    /// Show only these lines
    #[arg(long, value_name = "WHICH")]
    pub(crate) only: Option<Only>,
    /// Names of fields: the Elastic Common Schema (v8) or those before it (disabled)
    #[arg(long, value_name = "MODE", default_value = "v8")]
    pub(crate) ecs: Ecs,
    /// Folder of pattern files, read in the order of their names; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) patterns_dir: Vec<PathBuf>,
    /// A definition of your own; may be given several times
    #[arg(long, value_name = "NAME=REGEX")]
    pub(crate) definition: Vec<String>,
    /// Colours: on a terminal where NO_COLOR is not set (auto), always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: ColorChoice,
}

/// Which lines `alces grok` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Those that the pattern matches.
    Matches,
    /// Those that it does not.
    Misses,
}
