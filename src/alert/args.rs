//! The options of `alces alert`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::dashboard::args::SourceArgs;

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces alert check pipelines/alerts/*.yaml
  alces alert test error-rate --rules pipelines/alerts/web.yaml --from now-1d    when it would have fired
  alces alert ls --alerts-file /var/lib/alces/alerts.sqlite
  alces alert silence host_name=web-3 --for 2h --comment 'new disk' --alerts-file /var/lib/alces/alerts.sqlite
  alces alert ack disk-full web-3 --alerts-file /var/lib/alces/alerts.sqlite
  alces alert send-test pager --alerts /etc/alces/alerts

The dashboard watches rules: alces dashboard --alerts DIR --alerts-file FILE. docs/alerts.md tells more.
Exit code 0: fine. 1: a file is wrong, or there is no answer.")]
pub(crate) struct AlertArgs {
    #[command(subcommand)]
    pub(crate) command: AlertCommand,
}

#[derive(Subcommand)]
pub(crate) enum AlertCommand {
    /// Say what is wrong with files of rules
    Check {
        /// Files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Show when a rule would have fired: the same questions and the same judgement as live
    Test(Box<TestArgs>),
    /// List what fires, what is silenced, and what happened lately
    Ls {
        #[command(flatten)]
        file: FileArgs,
        /// Episodes that are over
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: usize,
    },
    /// Tell nobody of alerts with these labels for a while
    Silence {
        /// Labels, all of which an alert must have: host_name=web-3
        #[arg(required = true, value_name = "LABEL=VALUE", value_parser = label)]
        labels: Vec<(String, String)>,
        /// For how long: 30m, 2h, 1d
        #[arg(long = "for", value_name = "TIME", value_parser = span)]
        time: alces_alerts::Span,
        /// Why
        #[arg(long, value_name = "TEXT")]
        comment: String,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Say that you look after an alert: it is neither repeated nor escalated, and its end is told
    Ack {
        /// The rule's id
        rule: String,
        /// The group, where the rule has groups
        #[arg(default_value = "")]
        group: String,
        #[command(flatten)]
        file: FileArgs,
    },
    /// Send a test to a receiver, at once, and show what it answers
    SendTest {
        /// The receiver's id
        receiver: String,
        /// Folder of alert rules and receivers
        #[arg(long, value_name = "DIR")]
        alerts: PathBuf,
        /// Private network in which receivers may be; may be given several times [default: none]
        #[arg(long, value_name = "CIDR")]
        alerts_allow: Vec<ipnet::IpNet>,
    },
    /// End a silence
    Unsilence {
        /// Its number, as `alces alert ls` shows it
        number: i64,
        #[command(flatten)]
        file: FileArgs,
    },
}

#[derive(Args)]
pub(crate) struct FileArgs {
    /// File of states and messages that the dashboard writes
    #[arg(long, value_name = "FILE", env = "ALCES_DASHBOARD_ALERTS_FILE")]
    pub(crate) alerts_file: PathBuf,
}

#[derive(Args)]
pub(crate) struct TestArgs {
    /// The rule's id
    pub(crate) rule: String,
    /// File that it is in
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Start of the time range
    #[arg(long, value_name = "TIME", default_value = "now-1d")]
    pub(crate) from: String,
    /// End of the time range
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it like host_name=web-3".into()),
    }
}

fn span(text: &str) -> Result<alces_alerts::Span, String> {
    let known = alces_alerts::Span::parse(text).filter(|span| span.0 > 0);
    known.ok_or_else(|| "write it like 30m, 2h or 1d".to_owned())
}
