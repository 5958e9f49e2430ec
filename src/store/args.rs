//! The command line of `alces store`.

use std::{net::SocketAddr, path::PathBuf};

use alces_store::Role;
use bytesize::ByteSize;
use clap::{Args, Subcommand};

#[derive(Args)]
#[command(after_help = "\
Examples:
  alces store --data-dir /var/lib/alces/store
  curl http://127.0.0.1:9200/_cat/indices?v

  alces store user add admin --role admin        a login; its password is asked for, or made
  alces store user add shipper --role write --generate
  alces store --listen 0.0.0.0:9200 --tls-cert store.pem --tls-key store.key

Clients of OpenSearch work as far as the API is there; what is not answers 400 and names it. Beyond this machine the store wants TLS
and a login. A certificate that changes on disk is taken up by new connections, users that change at once.")]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: Option<StoreCommand>,
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9200")]
    pub(crate) listen: SocketAddr,
    /// Where the data is kept [default: /var/lib/alces/store, or below the user's state folder]
    #[arg(long, value_name = "DIR", env = "ALCES_STORE_DATA", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Certificate to show (PEM), with those that lead to its authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key (PEM, without a password)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Memory that all searches together may hold; one that wants more is refused
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub(crate) search_memory: ByteSize,
    /// Let other machines come without TLS and without a login, where the network is trusted
    #[arg(long)]
    pub(crate) allow_plaintext: bool,
}

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Users that may log in; where there are none, no login is wanted
    #[command(subcommand)]
    User(UserCommand),
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user, or give one another password and other roles
    Add {
        /// The user's name
        name: String,
        /// What the user may do: `read`, `write` or `admin`; may be given several times
        #[arg(long, value_name = "ROLE", required = true)]
        role: Vec<Role>,
        /// Make a password, and print it this once, instead of asking or reading a line of standard input
        #[arg(long)]
        generate: bool,
    },
    /// List the users and their roles
    Ls,
    /// Remove a user
    Rm {
        /// The user's name
        name: String,
    },
}
