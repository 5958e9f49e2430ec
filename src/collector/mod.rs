//! `alces collector`: one pipeline from the command line, or those of a settings folder.

mod configuration;
mod reload;
mod service;

use alces_agent::cli::shutdown_signal;
use alces_collector::{
    api,
    cli::{Api, CollectorArgs},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

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

pub(crate) async fn run(args: CollectorArgs, env: Environment) -> anyhow::Result<()> {
    // Before anything else: a signal that comes early must not end the process.
    let hangup = signal(SignalKind::hangup())?;
    let secrets = keystore::find(args.keystore.as_deref(), args.settings.as_deref(), env)?;
    let variables: Variables = Box::new(move |name: &str| {
        secrets.as_ref().and_then(|s| s.get(name).map(str::to_owned)).or_else(|| env(name))
    });
    let reader = Reader { args, variables, clock: clock() };
    // All are checked before the first one listens.
    let found = reader.read()?;
    found.say_notes();
    let api = match reader.args.api().map_err(anyhow::Error::msg)? {
        Api::FirstFree => found.api.unwrap_or(Api::FirstFree),
        said => said,
    };
    let folder = data_dir(reader.args.data_dir.clone().or(found.data_dir.clone()), "collector", env);
    let mut service = Service::new(folder, reader.args.allow_plaintext);
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
        if let Ok(address) = listener.local_addr() {
            info!(%address, "monitoring API listening");
        }
        tokio::spawn(api::serve(listener, service.pipelines(), until(stopped.clone())))
    });
    let result = service.run(shutdown_signal(), reload.start(hangup)).await;
    let _ = stop.send(true);
    if let Some(api) = api {
        api.abort();
    }
    result
}
