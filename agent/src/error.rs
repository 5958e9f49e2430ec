//! What can stop an agent.

use std::path::PathBuf;

/// What can stop an agent. A collector that is away does not: it is waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The folder for the registry cannot be used.
    #[error("cannot use the data folder {}: {source}", .path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Another agent works in the folder.
    #[error("another agent is using the data folder {}: give each its own with --data-dir", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The spool cannot be used.
    #[error("cannot use the spool {}: {source}", .path.display())]
    Spool {
        /// Its folder.
        path: PathBuf,
        /// The reason.
        source: alces_spool::SpoolError,
    },
    /// A path pattern that is none.
    #[error("`{pattern}` is not a path pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The reason.
        reason: String,
    },
    /// A file for TLS cannot be used.
    #[error("TLS: {}: {reason}", .path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong, without secrets.
        reason: String,
    },
}
