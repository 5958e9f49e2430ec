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

/// How windows are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// With zstd for a collector of ours, with zlib for others.
    #[default]
    Auto,
    /// The same, with a warning for a collector that does not know zstd.
    Zstd,
    /// With zlib at a level of 1 to 9.
    Zlib(u32),
    /// Not at all.
    None,
}

/// The level of zlib for collectors that know nothing better, as Filebeat's.
const ZLIB: u32 = 3;

/// The level of zstd: a quarter of zlib's time at its level 3, and smaller. `benches/ship.rs` measures both.
const ZSTD: i32 = 1;

impl Compression {
    /// zlib at a level, 0 for none.
    pub fn zlib(level: u32) -> Self {
        if level == 0 { Self::None } else { Self::Zlib(level) }
    }

    /// What every collector reads.
    pub(crate) fn for_anybody(self) -> alces_lumberjack::Compression {
        match self {
            Self::Auto | Self::Zstd => alces_lumberjack::Compression::Zlib(ZLIB),
            Self::Zlib(level) => alces_lumberjack::Compression::Zlib(level),
            Self::None => alces_lumberjack::Compression::Plain,
        }
    }

    /// What a collector of ours is sent once it has said that it reads it.
    pub(crate) fn for_our_own(self) -> Option<alces_lumberjack::Compression> {
        matches!(self, Self::Auto | Self::Zstd).then_some(alces_lumberjack::Compression::Zstd(ZSTD))
    }
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
    /// Addresses (`host:port`) of collectors; one of them that answers is used.
    pub collectors: Vec<String>,
    /// All of them are used at once, and share the batches.
    pub load_balance: bool,
    /// Bytes of documents a second at the most, over all connections.
    pub rate_limit: Option<u64>,
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
    /// Windows that may be under way at once, on each connection.
    pub windows_in_flight: usize,
    /// How windows are packed.
    pub compression: Compression,
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
            load_balance: false,
            rate_limit: None,
            tls: None,
            data_dir,
            metrics_every: Some(Duration::from_secs(10)),
            scan_every: Duration::from_secs(1),
            poll_every: Duration::from_millis(200),
            window_events: 2048,
            windows_in_flight: 2,
            compression: Compression::Auto,
            max_line: 1 << 20,
            host_name: sysinfo::System::host_name().unwrap_or_else(|_| "localhost".to_owned()),
        }
    }
}
