//! How the files of one input are read.

use std::{borrow::Cow, path::Path, time::Duration};

use alces_lumberjack::Line;
use encoding_rs::Encoding;
use globset::GlobSet;
use regex::Regex;

use super::{
    group::Joined,
    harvester::Framing,
    lines::{LineEnd, decode, without_mark},
};
use crate::{
    AgentError, Config, Input, StartAt,
    document::{Origin, Stamp},
    files::{Files, Found},
    options::Multiline,
};

/// A longer line might, as a document with everything in it escaped, be more than a frame that a collector takes.
pub(crate) const MAX_LINE: usize = 7 << 20;

/// An input, made ready.
pub(crate) struct Reading {
    pub(super) framing: Framing,
    pub(super) stamp: Stamp,
    pub(super) multiline: Option<Multiline>,
    pub(super) start_at: StartAt,
    pub(super) ignore_older: Option<Duration>,
    pub(super) close_inactive: Duration,
    pub(super) close_removed: bool,
    pub(super) compressed: bool,
    files: Files,
    /// What matches, wherever a walk would begin.
    patterns: GlobSet,
    encoding: &'static Encoding,
    include_lines: Vec<Regex>,
    exclude_lines: Vec<Regex>,
}

impl Reading {
    pub(crate) fn new(input: &Input, config: &Config, origin: &Origin) -> Result<Self, AgentError> {
        Ok(Self {
            framing: Framing {
                end: LineEnd::of(input.encoding),
                max_line: input.max_line.clamp(1, MAX_LINE),
            },
            stamp: Stamp::new(origin, config, input),
            multiline: input.multiline.clone(),
            start_at: input.start_at,
            ignore_older: input.ignore_older,
            close_inactive: input.close_inactive,
            close_removed: input.close_removed,
            compressed: input.compressed,
            files: Files::of(input)?,
            patterns: crate::files::set(&input.paths)?,
            encoding: input.encoding,
            include_lines: input.include_lines.clone(),
            exclude_lines: input.exclude_lines.clone(),
        })
    }

    pub(super) fn find(&self) -> Found {
        self.files.find()
    }

    /// Whether a file of this name is not one to leave alone.
    pub(super) fn may_read(&self, path: &Path) -> bool {
        self.files.takes(path)
    }

    /// Whether a file of this name is one of the input's.
    pub(super) fn takes(&self, path: &Path) -> bool {
        self.patterns.is_match(path)
    }

    /// The text of the line at `offset`, and whether bytes of it were none.
    pub(super) fn text<'l>(&self, line: &'l [u8], offset: u64) -> (Cow<'l, str>, bool) {
        let line = if offset == 0 { without_mark(self.encoding, line) } else { line };
        decode(self.encoding, line)
    }

    /// Whether an event is sent.
    pub(super) fn wants(&self, text: &str) -> bool {
        (self.include_lines.is_empty() || self.include_lines.iter().any(|regex| regex.is_match(text)))
            && !self.exclude_lines.iter().any(|regex| regex.is_match(text))
    }
}

impl Joined {
    pub(super) fn as_line(&self) -> Line<'_> {
        Line { text: &self.text, offset: self.offset, cut: self.cut, several: self.several }
    }
}
