//! What can go wrong, in words that say what to do.

/// Why a dashboard could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The settings cannot be used.
    #[error("the dashboard's settings cannot be used: {0}")]
    Config(String),
    /// The client for the REST API could not be built.
    #[error("the client for {url} could not be built: {reason}")]
    Client {
        /// The backend's address, without secrets.
        url: String,
        /// The client's own words.
        reason: String,
    },
    /// A folder of boards cannot be read, or a board in it is wrong.
    #[error("boards: {0}")]
    Boards(String),
    /// A folder of languages cannot be read, or a catalog in it is wrong.
    #[error("{path}: {reason}", path = path.display())]
    Language {
        /// The folder or the file.
        path: std::path::PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Rules of alerts cannot be read, or one of them is wrong.
    #[error("alerts: {0}")]
    Alerts(String),
    /// The backend gave no answer, or there is nothing to show.
    #[error("{0}")]
    Nothing(String),
    /// The listener is reachable from other machines, and something is missing that this asks for.
    #[error("{address} is reachable from other machines, and {missing}")]
    Exposed {
        /// Where it listens.
        address: std::net::SocketAddr,
        /// What is missing, and what to do.
        missing: &'static str,
    },
    /// A certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] alces_serve::CertificateError),
    /// The listener failed.
    #[error("serving the dashboard failed: {0}")]
    Serve(#[from] std::io::Error),
}

/// Why the backend gave no picture. Shown on the page, so it holds no secrets.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum BackendError {
    /// No answer within the limit.
    #[error("{url} did not answer within {seconds} s. It may be overloaded: try a shorter time range")]
    Timeout { url: String, seconds: u32 },
    /// No connection.
    #[error(
        "{url} cannot be reached. Start it (`alces store` or OpenSearch), or correct the dashboard's OpenSearch URL"
    )]
    Unreachable { url: String },
    /// It wants other credentials.
    #[error(
        "{url} refused the dashboard's user name or password (status {status}). Correct the dashboard's credentials"
    )]
    Refused { url: String, status: u16 },
    /// It answered with an error.
    #[error("{url} answered {status}: {reason}")]
    Status { url: String, status: u16, reason: String },
    /// It answered something that is not what the REST API promises.
    #[error(
        "{url} answered something that is not OpenSearch's format ({what}). Is it an OpenSearch REST API?"
    )]
    Answer { url: String, what: String },
}
