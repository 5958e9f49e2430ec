//! `alces store`: the store alone, and its users.

pub(crate) mod args;
mod user;

use alces_agent::cli::shutdown_signal;
use alces_store::{Config, TlsFiles};
use anyhow::Context as _;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::{paths::data_dir, roles::Environment};
use args::{StoreArgs, StoreCommand};

pub(crate) async fn run(args: StoreArgs, env: Environment) -> anyhow::Result<()> {
    let folder = data_dir(args.data_dir, "store", env);
    if let Some(StoreCommand::User(command)) = args.command {
        return user::run(command, &folder);
    }
    let mut config = Config::new(folder);
    config.tls = args.tls_cert.zip(args.tls_key).map(|(chain, key)| TlsFiles { chain, key });
    config.search_memory = usize::try_from(args.search_memory.as_u64()).unwrap_or(usize::MAX);
    config.allow_plaintext = args.allow_plaintext;
    config.check_exposure(args.listen).context("--listen")?;
    let tls = config.tls.is_some();
    if !args.listen.ip().is_loopback() && args.allow_plaintext {
        warn!(
            "--allow-plaintext: whoever reaches this address needs neither TLS nor, where there are no users, a login"
        );
    }
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "--listen: cannot listen on {}: choose another address, or port 0 for a free one",
            args.listen
        )
    })?;
    info!(address = %listener.local_addr()?, tls, data = %config.data_dir.display(), "store listening");
    Ok(alces_store::serve(listener, config, shutdown_signal()).await?)
}
