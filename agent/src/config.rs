//! What an agent is told.

use std::{path::PathBuf, time::Duration};

use crate::Tls;

/// Where to begin in a file that was never seen before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At its first byte.
    #[default]
    Beginning,
    /// After what is in it now.
    End,
}

/// What an agent is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Path patterns of the files to tail (`*`, `?`, `[…]`, `**`).
    pub logs: Vec<String>,
    /// Path patterns of files to leave alone.
    pub exclude: Vec<String>,
    /// Where to begin in new files.
    pub start_at: StartAt,
    /// Addresses (`host:port`) of collectors; the first that answers is used.
    pub collectors: Vec<String>,
    /// TLS to the collectors; without it lines travel as they are.
    pub tls: Option<Tls>,
    /// Where the registry of offsets is kept.
    pub data_dir: PathBuf,
    /// How often the host's metrics are read; `None` switches them off.
    pub metrics_every: Option<Duration>,
    /// How often new files are looked for.
    pub scan_every: Duration,
    /// How often known files are looked at for new lines.
    pub poll_every: Duration,
    /// Events in one window at the most.
    pub window_events: usize,
    /// Windows that may be under way at once.
    pub windows_in_flight: usize,
    /// zlib's level: 0 plain, 3 as Filebeat.
    pub compression: u32,
    /// Bytes of a line at the most; the rest of it is cut off, marked and counted.
    pub max_line: usize,
    /// The name of this host in events.
    pub host_name: String,
}

impl Config {
    /// The usual settings, for lines to `collectors` with the registry in `data_dir`.
    pub fn new(collectors: Vec<String>, data_dir: PathBuf) -> Self {
        Self {
            logs: Vec::new(),
            exclude: Vec::new(),
            start_at: StartAt::default(),
            collectors,
            tls: None,
            data_dir,
            metrics_every: Some(Duration::from_secs(10)),
            scan_every: Duration::from_secs(1),
            poll_every: Duration::from_millis(200),
            window_events: 2048,
            windows_in_flight: 2,
            compression: 1,
            max_line: 1 << 20,
            host_name: sysinfo::System::host_name().unwrap_or_else(|_| "localhost".to_owned()),
        }
    }
}
