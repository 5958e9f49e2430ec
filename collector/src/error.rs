//! What can stop a collector.

use std::{net::SocketAddr, path::PathBuf};

/// What can stop a collector. An OpenSearch that is away does not: it is waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectorError {
    /// A listener cannot be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// The reason.
        source: std::io::Error,
    },
    /// A listener beyond loopback would speak without encryption.
    #[error(
        "{address} is reachable from other machines and has no TLS: give the input `ssl_enabled`, `ssl_certificate` and `ssl_key`, \
         use 127.0.0.1, or say --allow-plaintext where the network is yours alone"
    )]
    Plaintext {
        /// The address.
        address: SocketAddr,
    },
    /// A listener for datagrams would be reachable beyond loopback.
    #[error(
        "{address} is reachable from other machines, and datagrams cannot be encrypted: use 127.0.0.1, take TCP with TLS, or say \
         --allow-plaintext where the network is yours alone"
    )]
    PlaintextUdp {
        /// The address.
        address: SocketAddr,
    },
    /// The monitoring API would be reachable beyond loopback.
    #[error("{address} is reachable from other machines, and the monitoring API has no login: use 127.0.0.1")]
    OpenApi {
        /// The address.
        address: SocketAddr,
    },
    /// The folder for the dead-letter queue cannot be used.
    #[error("cannot use the data folder {}: {source}; name another with --data-dir", .path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The queue on disk cannot be used.
    #[error("cannot use the queue {}: {reason}", .path.display())]
    Queue {
        /// Its folder.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Where a `file` input keeps its offsets.
    #[error("cannot use the sincedb {}: {source}; name another with `sincedb_path`", .path.display())]
    Sincedb {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A client for an output cannot be made.
    #[error("output {output}: {reason}")]
    Output {
        /// The plugin.
        output: String,
        /// The reason, without secrets.
        reason: String,
    },
}
