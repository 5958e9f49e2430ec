//! What ends the command.

use std::{io, path::PathBuf};

use alces_conf::Diagnostic;
use alces_grok::DefinitionError;

/// Why the command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The pattern or a definition is broken.
    #[error("{0}")]
    Pattern(#[from] Box<Diagnostic>),
    /// A file or folder cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// A pattern file has a line that is no definition.
    #[error("{}: {error}", path.display())]
    Definitions {
        /// The file.
        path: PathBuf,
        /// Which line.
        error: DefinitionError,
    },
    /// `--definition` without a name, or without `=`.
    #[error("--definition `{0}`: expected NAME=REGEX")]
    Definition(String),
    /// A result cannot be written.
    #[error("standard output: {0}")]
    Write(#[from] io::Error),
}
