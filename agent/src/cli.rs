//! The command line of `alces agent` and `alces-agent`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{Compression, Config, StartAt, Tls};

/// Options of the agent.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  alces agent --collector 127.0.0.1:5044 --logs '/var/log/nginx/*.log'
  alces agent --collector logs1:5044 --tls-ca /etc/alces/ca.pem --logs '/var/log/nginx/*.log'
  alces agent --collector logs1:5044 --collector logs2:5044 --logs '/srv/app/runtime/logs/*.log' --exclude '*.gz'

Offsets are kept in --data-dir and move only when the collector has acknowledged, so that a restart or a kill
neither loses nor doubles a line. While no collector answers, the agent waits.")]
pub struct AgentArgs {
    /// Address of a collector's `beats` input; the first that answers is used
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5044")]
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
    /// Files to tail, as a path pattern (quote it); may be given several times
    #[arg(long, value_name = "PATTERN", default_value = "/var/log/nginx/*.log")]
    pub logs: Vec<String>,
    /// Files to leave alone
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Where offsets are kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/alces/agent", env = "ALCES_AGENT_DATA")]
    pub data_dir: PathBuf,
    /// Begin at the end of files that were never seen, instead of at their beginning
    #[arg(long)]
    pub from_end: bool,
    /// Seconds between two readings of CPU, memory, disks and network; 0 switches them off
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub metrics: u64,
    /// zlib level of what is sent: 0 (plain) to 9 [default: zstd to collectors of Alces, zlib 3 to others]
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(0..=9))]
    pub compression: Option<u32>,
    /// The host's name in events [default: the machine's]
    #[arg(long, value_name = "NAME")]
    pub host_name: Option<String>,
}

impl AgentArgs {
    /// What they tell the agent.
    pub fn into_config(self) -> Config {
        let mut config = Config::new(self.collector, self.data_dir);
        let identity = self.tls_cert.zip(self.tls_key);
        if self.tls || self.tls_ca.is_some() || identity.is_some() {
            config.tls = Some(Tls { authorities: self.tls_ca, identity });
        }
        config.logs = self.logs;
        config.exclude = self.exclude;
        config.compression = self.compression.map_or(Compression::Auto, Compression::zlib);
        config.metrics_every = (self.metrics > 0).then(|| Duration::from_secs(self.metrics));
        if self.from_end {
            config.start_at = StartAt::End;
        }
        if let Some(name) = self.host_name {
            config.host_name = name;
        }
        config
    }
}

/// Resolves at the first SIGINT or SIGTERM; a second one ends the process at once.
pub async fn shutdown_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without signal handlers the default action ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
}
