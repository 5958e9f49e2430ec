//! `alces collector`: one pipeline from the command line, or those of a settings folder; and what a running one does.

pub(crate) mod client;
mod configuration;
mod reload;
mod service;
mod status;

use std::{net::SocketAddr, path::Path, process::ExitCode};

use alces_agent::cli::shutdown_signal;
use alces_collector::{
    Access, api,
    cli::{Api, CollectorArgs, CollectorCommand},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use self::{
    configuration::{Reader, Variables},
    reload::Reload,
    service::Service,
};
use crate::{
    keystore,
    paths::data_dir,
    roles::{Environment, clock},
};

pub(crate) async fn run(mut args: CollectorArgs, env: Environment) -> anyhow::Result<ExitCode> {
    match args.command.take() {
        Some(CollectorCommand::Status(args)) => status::run(args, env).await,
        None => serve(args, env).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn serve(args: CollectorArgs, env: Environment) -> anyhow::Result<()> {
    // Before anything else: a signal that comes early must not end the process.
    let hangup = signal(SignalKind::hangup())?;
    let (named, settings) = (args.keystore.clone(), args.settings.clone());
    let variables = move || {
        let secrets = keystore::find(named.as_deref(), settings.as_deref(), env)?;
        let variables: Variables = Box::new(move |name: &str| {
            secrets.as_ref().and_then(|s| s.get(name).map(str::to_owned)).or_else(|| env(name))
        });
        Ok(variables)
    };
    let reader = Reader { args, variables: Box::new(variables), clock: clock() };
    // All are checked before the first one listens.
    let found = reader.read()?;
    found.say_notes();
    let api = match reader.args.api().map_err(anyhow::Error::msg)? {
        Api::FirstFree => found.api.unwrap_or(Api::FirstFree),
        said => said,
    };
    let folder = data_dir(reader.args.data_dir.clone().or(found.data_dir.clone()), "collector", env);
    let mut service = Service::new(folder.clone(), reader.args.allow_plaintext);
    let reload = Reload::new(reader, &found);
    service.start(found.pipelines).await?;
    let api = match api {
        Api::Off => None,
        Api::FirstFree => Some(api::bind(None).await?),
        Api::At(address) => Some(api::bind(Some(address)).await?),
    };
    let (stop, stopped) = watch::channel(false);
    let until = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let api = api.map(|listener| {
        let access = listener.local_addr().ok().and_then(|address| {
            info!(%address, "monitoring API listening");
            access(address, &folder)
        });
        tokio::spawn(api::serve(listener, service.pipelines(), access, until(stopped.clone())))
    });
    let result = service.run(shutdown_signal(), reload.start(hangup)).await;
    let _ = stop.send(true);
    if let Some(api) = api {
        api.abort();
    }
    result
}

/// Writes down where the API is, for `alces collector status`, and the word that opens `alces tap`. Lines are more than answers:
/// without it the collector runs all the same.
pub(crate) fn access(address: SocketAddr, folder: &Path) -> Option<Access> {
    let access = Access::new(address).and_then(|access| access.write(folder).map(|()| access));
    access
        .inspect_err(
            |error| warn!(%error, folder = %folder.display(), "`alces tap` cannot look at this collector"),
        )
        .ok()
}
