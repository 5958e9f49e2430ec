//! What an agent is told.

use std::{path::PathBuf, time::Duration};

use encoding_rs::Encoding;
use regex::Regex;
use serde_json::{Map, Value};

use super::{Compression, build};
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

/// What happens when the spool has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// Files are read no further until there is room: nothing is lost.
    #[default]
    Pause,
    /// The oldest part of the spool is dropped, and its lines counted.
    DropOldest,
}

/// Lines that wait on disk while no collector takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    /// Whether there is a spool.
    pub enabled: bool,
    /// Bytes on disk at the most.
    pub max_size: u64,
    /// How long the output is blocked before lines are spooled.
    pub after: Duration,
    /// What happens when there is no room.
    pub on_full: OnFull,
}

/// To which event a line that matches belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    /// To the one before it.
    #[default]
    After,
    /// To the one that follows.
    Before,
}

/// How several lines become one event.
#[derive(Clone, Debug)]
pub struct Multiline {
    /// Lines that belong to another one; `None`: `count_lines` decides.
    pub pattern: Option<Regex>,
    /// Lines that do not match are meant.
    pub negate: bool,
    /// To which event they belong.
    pub matching: Match,
    /// So many lines are one event.
    pub count_lines: Option<usize>,
    /// Lines of one event at the most; the rest is cut off.
    pub max_lines: usize,
    /// An event that gets no line for this long is complete.
    pub timeout: Duration,
    /// A line that ends its event.
    pub flush_pattern: Option<Regex>,
}

/// Files that are read in one way.
#[derive(Clone, Debug)]
pub struct Input {
    /// Path patterns of the files (`*`, `?`, `[…]`, `**`).
    pub paths: Vec<String>,
    /// Path patterns of files to leave alone.
    pub exclude: Vec<String>,
    /// Where to begin in files that are there when the agent sees them for the first time.
    pub start_at: StartAt,
    /// The character set of the files.
    pub encoding: &'static Encoding,
    /// Whether links are followed.
    pub symlinks: bool,
    /// Files that were not written for so long are left alone.
    pub ignore_older: Option<Duration>,
    /// The handle of a file without new lines is closed after this; it is opened again when it grows.
    pub close_inactive: Duration,
    /// A file that was deleted is closed at once, and what was not read of it is lost.
    pub close_removed: bool,
    /// Bytes of a line at the most; the rest of it is cut off, marked and counted.
    pub max_line: usize,
    /// `event.dataset` of the events.
    pub dataset: Option<String>,
    /// Fields of the events, after those of the agent.
    pub fields: Map<String, Value>,
    /// Whether `fields` stand beside `message` instead of below `fields`; `None`: as the agent says.
    pub fields_under_root: Option<bool>,
    /// Tags of the events, after those of the agent.
    pub tags: Vec<String>,
    /// Only events that match one of these are sent; empty: all.
    pub include_lines: Vec<Regex>,
    /// Events that match one of these are not sent.
    pub exclude_lines: Vec<Regex>,
    /// Rotated files that were packed (`.gz`, `.zst`) before they were read are read all the same.
    pub compressed: bool,
    /// How several lines become one event.
    pub multiline: Option<Multiline>,
}

impl Input {
    /// The usual way, for files that match `paths` and not `exclude`.
    #[must_use]
    pub fn new(paths: Vec<String>, exclude: Vec<String>) -> Self {
        Self { paths, exclude, ..build::usual_input() }
    }
}

/// What an agent is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is read.
    pub inputs: Vec<Input>,
    /// Addresses (`host:port`) of collectors; the first that answers is used.
    pub collectors: Vec<String>,
    /// All collectors are used at once.
    pub load_balance: bool,
    /// How windows are packed.
    pub compression: Compression,
    /// The level of zlib for collectors that are not ours, 1 to 9.
    pub zlib_level: u32,
    /// TLS to the collectors; without it lines travel as they are.
    pub tls: Option<Tls>,
    /// Where the registry of offsets is kept.
    pub data_dir: PathBuf,
    /// The name of this host in events.
    pub host_name: String,
    /// Fields of all events.
    pub fields: Map<String, Value>,
    /// Whether `fields` stand beside `message` instead of below `fields`.
    pub fields_under_root: bool,
    /// Tags of all events.
    pub tags: Vec<String>,
    /// How often the host's metrics are read; `None` switches them off.
    pub metrics_every: Option<Duration>,
    /// Bytes a second that are sent at the most, before packing.
    pub rate_limit: Option<u64>,
    /// The process's priority, 0 (usual) to 19 (last).
    pub nice: Option<i32>,
    /// Lines that wait on disk.
    pub spool: SpoolOptions,
    /// Events in one window at the most.
    pub window_events: usize,
    /// Windows that may be under way at once.
    pub windows_in_flight: usize,
    /// How often new files are looked for.
    pub scan_every: Duration,
    /// How often known files are looked at for new lines.
    pub poll_every: Duration,
    /// What is logged, as in `ALCES_LOG`.
    pub log_level: Option<String>,
    /// Whether a change of the file is taken up.
    pub reload: bool,
}

impl Config {
    /// What the agent does when it is told nothing.
    #[must_use]
    pub fn usual() -> Self {
        build::usual()
    }

    /// The usual settings, for lines to `collectors` with the registry in `data_dir`.
    #[must_use]
    pub fn new(collectors: Vec<String>, data_dir: PathBuf) -> Self {
        Self { collectors, data_dir, ..Self::usual() }
    }

    /// The path patterns of all inputs.
    #[must_use]
    pub fn paths(&self) -> Vec<&str> {
        self.inputs.iter().flat_map(|input| &input.paths).map(String::as_str).collect()
    }

    /// Takes these inputs in place of those it has.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Vec<Input>) -> Self {
        self.inputs = inputs;
        self
    }
}
