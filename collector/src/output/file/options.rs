//! The output's options, under Logstash's names.

use std::{path::Path, sync::Arc, time::Duration};

use alces_codec::Encoder;
use alces_conf::Options;
use alces_filters::Context;

use super::{packing::Compression, place::Place, table::Writing};

/// A checked `file { … }`.
#[derive(Clone, Debug)]
pub(crate) struct FilePlan {
    pub(crate) place: Place,
    pub(crate) codec: Arc<dyn Encoder>,
    pub(crate) writing: Writing,
    /// Files to which nobody has written for so long are closed.
    pub(crate) close_after: Option<Duration>,
}

impl FilePlan {
    pub(crate) fn compile(context: &Context<'_>, options: &mut Options<'_>) -> Option<Self> {
        crate::output::common(options);
        let codec = crate::output::codec(context, options, "json_lines");
        let failure = options.text("filename_failure");
        if let Some(name) = failure.as_ref().filter(|name| name.node.is_empty() || name.node.contains('/')) {
            options.error(&name.span, "`filename_failure` wants the name of a file, without a folder");
        }
        let failure = failure.map_or("_filepath_failures".to_owned(), |name| name.node);
        let path = options.text("path");
        options.no_effect("flush_interval", "each batch is written at once, and acknowledged only then");
        let gzip = options.boolean("gzip").unwrap_or(false);
        let kinds = [("none", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
        let compression = options.choice("compression", &kinds);
        options.differs("compression", "not in Logstash: none, gzip or zstd");
        if gzip && compression.is_some_and(|compression| compression != Compression::Gzip) {
            options.error_here("`gzip` and `compression` say two things: remove one of them");
        }
        let writing = Writing {
            compression: compression.unwrap_or(if gzip { Compression::Gzip } else { Compression::None }),
            overwrite: options
                .choice("write_behavior", &[("append", false), ("overwrite", true)])
                .unwrap_or(false),
            create: options.boolean("create_if_deleted").unwrap_or(true),
            dir_mode: mode(options, "dir_mode"),
            file_mode: mode(options, "file_mode"),
            fsync: options.boolean("fsync").unwrap_or(false),
            rotate_bytes: options.integer("rotate_bytes", 1..=i64::MAX).map(|bytes| bytes as u64),
        };
        options.differs("fsync", "not in Logstash: acknowledge when the disk has it");
        options.differs("rotate_bytes", "not in Logstash: a file that would grow beyond it is renamed first (`app.log` to `app.1.log`); by time, use a date in `path`");
        let close = options.integer("stale_cleanup_interval", 0..=86_400).unwrap_or(10);
        let Some(path) = path else {
            if !options.is_given("path") {
                options.error_here("file wants `path => \"…\"`");
            }
            return None;
        };
        // A relative path is looked up once, so that all files lie in the same folder.
        let here = std::path::absolute(".").unwrap_or_else(|_| Path::new("/").to_owned());
        match Place::new(&path.node, &failure, &here) {
            Ok(place) => Some(Self {
                place,
                codec: codec?,
                writing,
                close_after: (close > 0).then(|| Duration::from_secs(close as u64)),
            }),
            Err(error) => {
                options.error(&path.span, error);
                None
            }
        }
    }
}

/// Permissions: `0640` is octal as in Logstash's documents, -1 the system's default.
fn mode(options: &mut Options<'_>, name: &'static str) -> Option<u32> {
    options.differs(
        name,
        "`0640` is octal, as in Logstash's documents; digits without a 0 before them are an error",
    );
    let text = options.text(name)?;
    if text.node == "-1" {
        return None;
    }
    let mode = Some(text.node.as_str()).filter(|digits| digits.starts_with('0'));
    let mode = mode.and_then(|digits| u32::from_str_radix(digits, 8).ok()).filter(|mode| *mode <= 0o7777);
    if mode.is_none() {
        options.error_with_help(
            &text.span,
            format!("`{}` is no mode of a file", text.node),
            "write it octal with a leading 0, as in `0640`",
        );
    }
    mode
}
