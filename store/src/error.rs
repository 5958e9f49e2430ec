//! Two families: what stops the store ([`StoreError`]), and what a client did wrong ([`ApiError`]).

use alces_serve::CertificateError;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The store cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the data folder.
    #[error("{0} is in use by another store; stop that one, or give this one a data folder of its own")]
    Locked(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of ours does not hold what we wrote.
    #[error("{path} is damaged: {reason}; move it away to start without it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Others than its owner may read a file of secrets.
    #[error("{0}: others may read this file: `chmod 600` it")]
    Permissions(PathBuf),
    /// A user that cannot be.
    #[error("{0}")]
    Login(String),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The store would be open to other machines.
    #[error(
        "{address}: this is reachable from other machines, and {missing}; or use 127.0.0.1, or `--allow-plaintext` \
         where the network is trusted"
    )]
    Exposed {
        /// Where it was to listen.
        address: SocketAddr,
        /// What to do about it.
        missing: &'static str,
    },
    /// The engine below failed.
    #[error("the search engine failed: {0}")]
    Engine(#[from] tantivy::TantivyError),
}

impl StoreError {
    /// Whether a disk has no room.
    pub(crate) fn is_full_disk(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full_disk(source))
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// Whether this says that a disk has no room.
pub(crate) fn is_full_disk(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// An answer that is an error, in OpenSearch's words and shape.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// OpenSearch's name of the exception, such as `parsing_exception`.
    pub kind: &'static str,
    /// One sentence: which field or node, and what is wrong with it.
    pub reason: String,
    /// The index it is about.
    pub index: Option<String>,
    /// Whether it is about a document, which lies in a shard: we have one, number 0.
    pub shard: bool,
    /// Whether it came up while the query ran over this index, which OpenSearch tells as the failure of a phase.
    pub phase: bool,
    /// Figures that OpenSearch shows beside the reason.
    pub details: Vec<(&'static str, Value)>,
}

impl ApiError {
    /// The kind of an error that is a string, as OpenSearch has it where no handler is found.
    pub const BARE: &'static str = "";

    /// An error with any status and exception name.
    pub fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            reason: reason.into(),
            index: None,
            shard: false,
            phase: false,
            details: Vec::new(),
        }
    }

    /// 400: the request's text does not follow the grammar.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::new(400, "parsing_exception", reason)
    }

    /// 400: the request is well formed but asks for something that cannot be.
    pub fn illegal(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// 400: a document or mapping does not fit.
    pub fn mapper(reason: impl Into<String>) -> Self {
        Self::new(400, "mapper_parsing_exception", reason)
    }

    /// 429: a disk has no room. OpenSearch's words for it, on which senders wait and try again.
    pub(crate) fn full_disk() -> Self {
        let reason = "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has \
                      read-only-allow-delete block];";
        Self::new(429, "cluster_block_exception", reason)
    }

    /// 404: no such index.
    pub fn no_index(name: &str) -> Self {
        let mut error = Self::new(404, "index_not_found_exception", format!("no such index [{name}]"));
        error.index = Some(name.to_owned());
        error
    }

    /// The same, about a document of an index.
    #[must_use]
    pub fn of_document(mut self, index: &str) -> Self {
        self.index = Some(index.to_owned());
        self.shard = true;
        self
    }

    /// The same, as the failure of a query over an index.
    #[must_use]
    pub(crate) fn of_query(mut self, index: &str) -> Self {
        // What is not about one index is not told as if it were.
        if self.status == 400 && self.index.is_none() && self.kind != "too_many_buckets_exception" {
            self.index = Some(index.to_owned());
            self.phase = true;
        }
        self
    }

    /// The error without its envelope, as bulk items and `_msearch` carry it.
    pub fn cause(&self) -> Value {
        let mut cause = json!({"type": self.kind, "reason": self.reason});
        if let Some(index) = &self.index {
            cause["index"] = json!(index);
            cause["index_uuid"] = json!("_na_");
        }
        if self.shard {
            cause["shard"] = json!("0");
        }
        for (name, figure) in &self.details {
            cause[*name] = figure.clone();
        }
        cause
    }

    /// The whole body.
    pub fn body(&self) -> Value {
        if self.kind == Self::BARE {
            return json!({"error": self.reason});
        }
        let cause = self.cause();
        if self.phase {
            let error = json!({
                "root_cause": [cause],
                "type": "search_phase_execution_exception",
                "reason": "all shards failed",
                "phase": "query",
                "grouped": true,
                "failed_shards": [{"shard": 0, "index": self.index, "reason": cause}],
            });
            return json!({"error": error, "status": self.status});
        }
        let mut error = json!({"root_cause": [cause]});
        if let (Value::Object(to), Value::Object(from)) = (&mut error, cause) {
            to.extend(from);
        }
        json!({"error": error, "status": self.status})
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason)
    }
}

impl std::error::Error for ApiError {}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_full_disk() {
            tracing::error!(%error, "the disk has no room");
            return Self::full_disk();
        }
        Self::new(500, "internal_server_error", error.to_string())
    }
}

impl From<tantivy::TantivyError> for ApiError {
    fn from(error: tantivy::TantivyError) -> Self {
        StoreError::from(error).into()
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::new(500, "internal_server_error", error.to_string())
    }
}
