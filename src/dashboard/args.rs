//! The options of `alces dashboard`, `alces panel` and `alces report`.

use std::net::SocketAddr;
use std::path::PathBuf;

use alces_people::{Role, Scope};
use clap::{Args, ColorChoice, Subcommand};
use ipnet::IpNet;
use url::Url;

use super::oidc::OidcArgs;

/// Where the figures come from: the same for the page, the terminal and the report.
#[derive(Args)]
pub(crate) struct SourceArgs {
    /// URL of OpenSearch or of `alces store`
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9200")]
    pub(crate) opensearch: Url,
    /// Index patterns of logs, separated by commas
    #[arg(long, value_name = "PATTERNS")]
    pub(crate) logs: Option<String>,
    /// Index patterns of host metrics, separated by commas
    #[arg(long, value_name = "PATTERNS")]
    pub(crate) metrics: Option<String>,
    /// Folder of boards (*.yaml): each takes the place of the board of its name, or is one more
    #[arg(long, value_name = "DIR")]
    pub(crate) boards: Option<PathBuf>,
    /// Login at OpenSearch; its password comes from the environment
    #[arg(long, value_name = "NAME", requires = "password")]
    pub(crate) user: Option<String>,
    /// Password at OpenSearch: set it in the environment, where no process list shows it
    #[arg(long, value_name = "TEXT", env = "ALCES_OPENSEARCH_PASSWORD", hide_env_values = true)]
    pub(crate) password: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces dashboard --opensearch http://127.0.0.1:9200
  alces dashboard --collector-data /var/lib/alces/collector   with lines as they pass the collector
  alces dashboard --boards /etc/alces/boards      boards of your own; `alces check` says what is wrong with one
  ALCES_OPENSEARCH_PASSWORD=… alces dashboard --opensearch https://search:9200 --user viewer --logs 'logs-*'

  alces dashboard --people /var/lib/alces/people.sqlite            with logins; the first start prints a link for the administrator
  alces dashboard --people people.sqlite --listen 0.0.0.0:5601 --tls-cert dash.pem --tls-key dash.key
  alces dashboard --people people.sqlite --trusted-proxy 10.0.0.5/32 --proxy-user-header X-Forwarded-User
  alces dashboard --people people.sqlite --public-url https://dash.example.com --oidc-issuer https://id.example.com/realms/staff \\
      --oidc-client-id alces --oidc-client-secret-file oidc.secret --oidc-role admin=helpdesk-sre --oidc-role editor=helpdesk
  alces dashboard --alerts /etc/alces/alerts --alerts-file /var/lib/alces/alerts.sqlite
  alces dashboard invite --people people.sqlite --role admin       a link, where nobody can come in any more
  alces dashboard token --people people.sqlite --of amy --scope read --days 30 'nightly report'

Beyond this machine the dashboard wants logins and TLS. A certificate that changes on disk is taken up by new connections.
docs/people.md tells more.

ALCES_DASHBOARD_SECRET signs the links to pictures that are sent to chat and mail. Without it they end with the process.")]
pub(crate) struct DashboardArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DashboardCommand>,
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5601")]
    pub(crate) listen: SocketAddr,
    /// File of users, sessions, tokens and the audit log; it is made where there is none, and from then on a login is wanted
    #[arg(long, value_name = "FILE", env = "ALCES_DASHBOARD_PEOPLE", global = true)]
    pub(crate) people: Option<PathBuf>,
    /// File to keep searches of the explorer in, where no login is wanted; it is made where there is none
    #[arg(long, value_name = "FILE", conflicts_with = "people")]
    pub(crate) searches: Option<PathBuf>,
    /// Where people reach this dashboard: stands in links [default: the address it listens on]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) public_url: Option<Url>,
    /// Certificate to show (PEM), with those that lead to its authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key (PEM, without a password)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let other machines come without TLS, where a proxy before the dashboard has it
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
    /// Network of a proxy whose X-Forwarded-For and user headers are believed; may be given several times
    #[arg(long, value_name = "CIDR", requires = "people")]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// Header in which a trusted proxy names the user: X-Forwarded-User. The proxy must remove it from what visitors send
    #[arg(long, value_name = "HEADER", requires = "trusted_proxy", value_parser = header)]
    pub(crate) proxy_user_header: Option<String>,
    /// Header in which a trusted proxy names the role: viewer, editor or admin [default: new users are viewers]
    #[arg(long, value_name = "HEADER", requires = "proxy_user_header", value_parser = header)]
    pub(crate) proxy_role_header: Option<String>,
    /// How long the audit log is kept
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub(crate) audit_days: u32,
    /// Data folder of the collector on this machine whose lines are shown as they pass (the explorer's live view)
    #[arg(long, value_name = "DIR")]
    pub(crate) collector_data: Option<PathBuf>,
    /// Address of its monitoring API [default: the one written down in its data folder]
    #[arg(long, value_name = "ADDR", requires = "collector_data")]
    pub(crate) collector: Option<SocketAddr>,
    /// Folder of alert rules and receivers (*.yaml): docs/alerts.md
    #[arg(long, value_name = "DIR", requires = "alerts_file")]
    pub(crate) alerts: Option<PathBuf>,
    /// File of alerts: their states, and messages that are to be sent; it is made where there is none
    #[arg(long, value_name = "FILE", requires = "alerts", env = "ALCES_DASHBOARD_ALERTS_FILE")]
    pub(crate) alerts_file: Option<PathBuf>,
    /// Index in which several dashboards agree which of them watches the rules; one of the others takes over within seconds [default: this one watches]
    #[arg(long, value_name = "INDEX", requires = "alerts")]
    pub(crate) alerts_lease: Option<String>,
    /// Private network in which receivers of alerts may be; may be given several times [default: none]
    #[arg(long, value_name = "CIDR", requires = "alerts")]
    pub(crate) alerts_allow: Vec<IpNet>,
    /// Folder of languages (*.po) besides English and Chinese; docs/languages.md says how to make one
    #[arg(long, value_name = "DIR")]
    pub(crate) languages: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) oidc: OidcArgs,
}

#[derive(Subcommand)]
pub(crate) enum DashboardCommand {
    #[command(flatten)]
    People(PeopleCommand),
    /// Print what programs can ask of the dashboard, as an OpenAPI document
    Openapi,
}

#[derive(Subcommand)]
pub(crate) enum PeopleCommand {
    /// Print a one-time link by which somebody becomes a user, or sets another password
    Invite {
        /// The role of the new user: viewer, editor or admin
        #[arg(long, value_name = "ROLE", default_value = "viewer", conflicts_with = "user")]
        role: Role,
        /// Who gets another password, instead of a new user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Print a token for a program; it is shown this once
    Token {
        /// What it is for
        name: String,
        /// Whose: the token never may more than this user
        #[arg(long, value_name = "NAME")]
        of: String,
        /// What it may be used for: read, write or admin
        #[arg(long, value_name = "SCOPE", default_value = "read")]
        scope: Scope,
        /// How long
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
}

/// A header's name.
fn header(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if good { Ok(text.to_ascii_lowercase()) } else { Err("write it like X-Forwarded-User".to_owned()) }
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces panel latency
  alces panel nginx/heat --from now-24h
  alces panel errors --search 'host:web-1 -url:/health' --compare 1d
  watch -c alces panel requests --color always

Tables and lists are printed as CSV. Exit code 0: fine. 1: no such panel, or no answer.")]
pub(crate) struct PanelArgs {
    /// The panel, as PANEL or BOARD/PANEL
    pub(crate) panel: String,
    /// Start of the time range
    #[arg(long, value_name = "TIME", default_value = "now-1h")]
    pub(crate) from: String,
    /// End of the time range
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) to: String,
    /// Time zone of the axis [default: UTC]
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    pub(crate) tz: String,
    /// Lay the same time a day (1d) or a week (1w) before beneath
    #[arg(long, value_name = "1d|1w", value_parser = ["1d", "1w"])]
    pub(crate) compare: Option<String>,
    /// Narrow it down: status:5xx host:web-1
    #[arg(short, long, value_name = "SEARCH", default_value = "", hide_default_value = true)]
    pub(crate) search: String,
    /// Characters in a line [default: the terminal's, or 100]
    #[arg(long, value_name = "N")]
    pub(crate) width: Option<u16>,
    /// Lines of the drawing
    #[arg(long, value_name = "N", default_value_t = 18)]
    pub(crate) height: u16,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces report --out week.html                 the overview of the last seven days
  alces report nginx --from now-1d --out nginx.png
  alces report | mail -s 'Last week' -a 'Content-Type: text/html' team@example.com

What is written ends in .html (one page that needs nothing else) or .png (a picture of its charts).")]
pub(crate) struct ReportArgs {
    /// The board
    #[arg(default_value = "overview")]
    pub(crate) board: String,
    /// Start of the time range
    #[arg(long, value_name = "TIME", default_value = "now-7d")]
    pub(crate) from: String,
    /// End of the time range
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) to: String,
    /// Time zone of the axis [default: UTC]
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    pub(crate) tz: String,
    /// Write here [default: HTML to standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}
