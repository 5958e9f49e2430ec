//! The options of `file`.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use alces_codec::{DecoderPlan, Framing};
use alces_conf::Options;
use alces_filters::Context;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    super::{Decoration, Site, codec, codec_or},
    duration::{duration, optional},
    find::Finder,
};

/// How a file is cut into events.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) delimiter: String,
    /// None for lines as they are.
    pub(super) codec: Option<DecoderPlan>,
    /// The codec keeps lines back until it has seen the next ones.
    pub(super) keeps: bool,
}

/// What is done with a file that was read.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    delete: bool,
    log: Option<PathBuf>,
}

impl Completed {
    pub(super) fn deletes(&self) -> bool {
        self.delete
    }

    pub(super) fn logs(&self) -> Option<&Path> {
        self.log.as_deref()
    }
}

/// In which order files are begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    by_path: bool,
    descending: bool,
}

impl Sort {
    pub(super) fn sort(self, files: &mut [(PathBuf, Metadata)]) {
        if self.by_path {
            files.sort_by(|(a, _), (b, _)| a.cmp(b));
        } else {
            files.sort_by_key(|(_, meta)| meta.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        }
        if self.descending {
            files.reverse();
        }
    }
}

/// A checked `file { … }`, but for what it adds to events.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) finder: Finder,
    pub(super) cut: Cut,
    /// `read` mode: a file has an end.
    pub(super) reads: bool,
    pub(super) exits: bool,
    pub(super) from_end: bool,
    pub(super) completed: Completed,
    pub(super) sort: Sort,
    pub(super) stat_interval: Duration,
    pub(super) discover_interval: Duration,
    pub(super) sincedb: SincedbPlace,
    pub(super) write_interval: Duration,
    pub(super) clean_after: Duration,
    pub(super) ignore_older: Option<Duration>,
    pub(super) close_older: Duration,
    pub(super) max_open_files: usize,
    pub(super) chunk: usize,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Plan {
    pub(super) fn read(
        context: &Context<'_>,
        options: &mut Options<'_>,
        decoration: &Decoration,
    ) -> Arc<Self> {
        let (finder, paths) = finder(options);
        let reads = options.choice("mode", &[("tail", false), ("read", true)]).unwrap_or(false);
        let exits = options.boolean("exit_after_read").unwrap_or(false);
        let start = options.choice("start_position", &[("beginning", false), ("end", true)]);
        if exits && !reads {
            options.error_here("`exit_after_read` is for `mode => read`: a tail has no end");
        }
        let stat_interval = duration(options, "stat_interval", Duration::from_secs(1));
        // Of looks.
        let every = options.integer("discover_interval", 1..=1_000_000).unwrap_or(15);
        options.no_effect(
            "file_chunk_count",
            "files are followed in turn, a piece of each, and read one after the other",
        );
        options.no_effect(
            "check_archive_validity",
            "an archive is read as far as it is whole, and a warning says how far that was",
        );
        let chunk = options.integer("file_chunk_size", 1..=(64 << 20));
        options.differs("file_chunk_size", "its default is 256 KiB, not 32 KiB");
        Arc::new(Self {
            finder,
            cut: cut(context, options, decoration),
            reads,
            exits,
            from_end: start.unwrap_or(true),
            completed: completed(options, reads),
            sort: Sort {
                by_path: options
                    .choice("file_sort_by", &[("last_modified", false), ("path", true)])
                    .unwrap_or(false),
                descending: options
                    .choice("file_sort_direction", &[("asc", false), ("desc", true)])
                    .unwrap_or(false),
            },
            stat_interval: stat_interval.max(Duration::from_millis(1)),
            discover_interval: stat_interval.saturating_mul(every as u32),
            sincedb: sincedb(options, &paths),
            write_interval: duration(options, "sincedb_write_interval", Duration::from_secs(15)),
            clean_after: days(options),
            ignore_older: optional(options, "ignore_older"),
            close_older: duration(options, "close_older", HOUR),
            max_open_files: options.integer("max_open_files", 1..=1_000_000).unwrap_or(4095) as usize,
            chunk: chunk.map_or(256 << 10, |bytes| bytes as usize),
        })
    }
}

/// Reads `path` and `exclude`.
fn finder(options: &mut Options<'_>) -> (Finder, Vec<String>) {
    let (mut finder, mut paths) = (Finder::default(), Vec::new());
    let given = options.texts("path").unwrap_or_default();
    if given.is_empty() {
        options.error_here("file wants `path => \"/var/log/*.log\"`");
    }
    for path in given {
        if !Path::new(&path.node).is_absolute() {
            options.error(
                &path.span,
                format!("`{}` does not begin with `/`: a path must be absolute", path.node),
            );
        } else if let Err(reason) = finder.add(&path.node) {
            options.error(&path.span, format!("`{}` is no pattern of paths: {reason}", path.node));
        }
        paths.push(path.node);
    }
    let exclude = options.texts("exclude").unwrap_or_default();
    let patterns: Vec<_> = exclude.iter().map(|pattern| pattern.node.as_str()).collect();
    if let Err(reason) = finder.exclude(&patterns)
        && let Some(first) = exclude.first()
    {
        options.error(&first.span, format!("this is no pattern of names: {reason}"));
    }
    (finder, paths)
}

/// Reads `delimiter` and `codec`.
fn cut(context: &Context<'_>, options: &mut Options<'_>, decoration: &Decoration) -> Cut {
    options.differs("delimiter", "where it is a newline, a carriage return before it belongs to it");
    let mut delimiter = "\n".to_owned();
    if let Some(text) = options.text("delimiter") {
        if text.node.is_empty() {
            options.error(&text.span, "`delimiter` of file must not be empty");
        } else {
            delimiter = text.node;
        }
    }
    let context = Context { ecs: decoration.ecs(), ..context.clone() };
    let keeps = options.codec("codec").is_some_and(|plugin| plugin.name.node == "multiline");
    let framing = if keeps { Framing::Stream } else { Framing::Messages };
    let codec = if delimiter == "\n" {
        codec(&context, options, framing, &["plain", "line"])
    } else {
        codec_or(&context, options, framing, "plain", decoration.ecs())
    };
    Cut { delimiter, codec, keeps }
}

/// Reads `file_completed_action` and `file_completed_log_path`.
fn completed(options: &mut Options<'_>, reads: bool) -> Completed {
    let actions = [("delete", (true, false)), ("log", (false, true)), ("log_and_delete", (true, true))];
    let (delete, logs) = options.choice("file_completed_action", &actions).unwrap_or((true, false));
    let log = options.text("file_completed_log_path").map(|path| PathBuf::from(path.node));
    if reads && logs && log.is_none() {
        options
            .error_here("`file_completed_action` wants `file_completed_log_path => \"FILE\"`, where it logs");
    }
    Completed { delete: delete && reads, log: log.filter(|_| logs && reads) }
}

/// Where the offsets of files are kept.
#[derive(Debug)]
pub(super) enum SincedbPlace {
    Given(PathBuf),
    /// In the collector's folder, named after the pipeline and these paths.
    Usual(String),
}

impl SincedbPlace {
    /// The file, for a pipeline.
    pub(super) fn path(&self, site: &Site) -> PathBuf {
        match self {
            Self::Given(path) => path.clone(),
            Self::Usual(paths) => {
                // Two pipelines that read the same files each have their own.
                let name = xxh3_128(format!("{}\0{paths}", site.pipeline).as_bytes());
                site.data_dir.join("plugins/inputs/file").join(format!(".sincedb_{name:032x}"))
            }
        }
    }
}

/// Reads `sincedb_path`.
fn sincedb(options: &mut Options<'_>, paths: &[String]) -> SincedbPlace {
    options.differs("sincedb_path", "its usual name is made of the pipeline's name too");
    match options.text("sincedb_path") {
        Some(path) => SincedbPlace::Given(PathBuf::from(path.node)),
        None => SincedbPlace::Usual(paths.join(",")),
    }
}

/// Reads `sincedb_clean_after`, a number of which is days.
fn days(options: &mut Options<'_>) -> Duration {
    const DAY: Duration = Duration::from_secs(86_400);
    match options.text("sincedb_clean_after").map(|text| text.node.parse::<f64>()) {
        None => 14 * DAY,
        Some(Ok(days)) => Duration::try_from_secs_f64(days * 86_400.0).unwrap_or(36_525 * DAY),
        Some(Err(_)) => duration(options, "sincedb_clean_after", 14 * DAY),
    }
}
