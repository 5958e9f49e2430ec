//! `alces collector`: one pipeline from the command line, or those of a settings folder.

use std::sync::Arc;

use alces_agent::cli::shutdown_signal;
use alces_collector::{
    Collector, Plan, PlanOptions, Settings, api,
    cli::{Api, CollectorArgs},
    settings::{PipelineSettings, ServiceSettings},
};
use alces_conf::Escapes;
use futures_util::future::try_join_all;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    keystore,
    paths::data_dir,
    roles::{Environment, clock},
};

pub(crate) async fn run(args: CollectorArgs, env: Environment) -> anyhow::Result<()> {
    let secrets = keystore::find(args.keystore.as_deref(), args.settings.as_deref(), env)?;
    let variables =
        |name: &str| secrets.as_ref().and_then(|s| s.get(name).map(str::to_owned)).or_else(|| env(name));
    let mut service = match &args.settings {
        Some(folder) => ServiceSettings::read(folder, &variables)?,
        None => ServiceSettings::default(),
    };
    for note in &service.notes {
        warn!(file = note.file(), line = note.line(), help = note.help(), "{}", note.message());
    }
    let sources = args.sources().map_err(anyhow::Error::msg)?;
    if !sources.is_empty() {
        let options = PlanOptions::default();
        service.pipelines = vec![PipelineSettings {
            id: "main".to_owned(),
            sources,
            options,
            workers: None,
            dead_letters: Default::default(),
        }];
    }
    let api = match args.api().map_err(anyhow::Error::msg)? {
        Api::FirstFree => service.api.unwrap_or(Api::FirstFree),
        said => said,
    };
    let folder = data_dir(args.data_dir.or(service.data_dir), "collector", env);
    // All are checked before the first one listens.
    let mut plans = Vec::new();
    for pipeline in service.pipelines {
        let mut options = pipeline.options;
        options.ecs = args.ecs.map_or(options.ecs, Into::into);
        if args.support_escapes {
            options.escapes = Escapes::On;
        }
        let plan = Plan::compile(&pipeline.sources, &variables, options, &clock())?;
        let mut settings = Settings::new(folder.clone());
        settings.id = pipeline.id;
        settings.dead_letters = pipeline.dead_letters;
        settings.allow_plaintext = args.allow_plaintext;
        settings.workers = args.workers.or(pipeline.workers).unwrap_or(settings.workers);
        plans.push((plan, settings));
    }
    let (mut collectors, mut counters) = (Vec::new(), Vec::new());
    for (plan, settings) in plans {
        let id = settings.id.clone();
        let collector = Collector::bind(plan, settings, clock()).await?;
        counters.push((id, collector.stats()));
        collectors.push(collector);
    }
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
        tokio::spawn(api::serve(listener, Arc::new(counters), until(stopped.clone())))
    });
    let signalled = stop.clone();
    let signal = tokio::spawn(async move {
        shutdown_signal().await;
        let _ = signalled.send(true);
    });
    // One that cannot go on ends the process: half of a service is worse to find than none.
    let runs = collectors.into_iter().map(|collector| collector.run(until(stopped.clone())));
    let result = try_join_all(runs).await;
    signal.abort();
    let _ = stop.send(true);
    if let Some(api) = api {
        api.abort();
    }
    result?;
    Ok(())
}
