//! `alces demo`: real requests of 2015, moved into the last hours and then repeated live.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use alces_agent::cli::shutdown_signal;
use alces_collector::Stats;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::{
    cli::DemoArgs,
    fleet::{Fleet, FleetConfig},
    replay::Replay,
    roles::{Environment, listen},
};

/// The requests of the sample are spread over this long before now.
const PAST: Duration = Duration::from_secs(2 * 3600);

pub(crate) async fn run(args: DemoArgs, env: Environment) -> anyhow::Result<()> {
    // Removed when it goes out of scope, also after Ctrl-C.
    let temporary = match &args.data_dir {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("alces-demo-").tempdir()?),
    };
    let folder: PathBuf = match (&args.data_dir, &temporary) {
        (Some(given), _) => given.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => unreachable!("one of the two is there"),
    };
    let logs = folder.join("nginx");
    std::fs::create_dir_all(&logs)
        .with_context(|| format!("cannot use the data folder {}", folder.display()))?;
    let log = logs.join("access.log");

    let mut replay = Replay::new()?;
    let fresh = !log.exists();
    let config = FleetConfig {
        store: usual_or_free(9200).await?,
        dashboard: match args.dashboard {
            Some(address) => listen(address, "--dashboard").await?,
            None => usual_or_free(5601).await?,
        },
        beats_port: free_port_number(5044).await,
        data_dir: folder.clone(),
        pipeline: Vec::new(),
        logs: vec![log.display().to_string()],
        exclude: Vec::new(),
        metrics: Some(Duration::from_secs(5)),
        range_from: Some("now-2h".to_owned()),
    };
    let total = if fresh {
        let now = Timestamp::now();
        write_lines(&log, replay.past(now, PAST))?
    } else {
        0
    };
    let fleet = Fleet::start(config, env).await?;
    let (store, dashboard) = (fleet.store, fleet.dashboard);
    let stats = fleet.stats.clone();
    let live = async move {
        load(&stats, total).await;
        println!("Store: http://{store}");
        println!("Dashboard: http://{dashboard}/");
        eprintln!("Live traffic goes on at a few lines a second. Ctrl-C ends it.");
        if let Err(error) = live(&log, &mut replay).await {
            eprintln!("live traffic ended: {error}");
        }
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = fleet.run(shutdown_signal()) => result,
        () = live => Ok(()),
    };
    if let Some(temporary) = temporary {
        temporary.close().with_context(|| format!("cannot remove {}", folder.display()))?;
    } else {
        eprintln!("The data is kept in {}", folder.display());
    }
    result
}

/// A loopback listener at the usual port, or at a free one where that is taken.
async fn usual_or_free(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await.context("no free port on 127.0.0.1"),
    }
}

/// The usual port if it is free, else 0, which takes a free one.
async fn free_port_number(port: u16) -> u16 {
    if TcpListener::bind(("127.0.0.1", port)).await.is_ok() { port } else { 0 }
}

fn write_lines(path: &Path, lines: impl Iterator<Item = String>) -> anyhow::Result<u64> {
    let mut file =
        BufWriter::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?);
    let mut count = 0;
    for line in lines {
        writeln!(file, "{line}")?;
        count += 1;
    }
    file.flush()?;
    Ok(count)
}

/// Shows how far the past is loaded.
async fn load(stats: &Arc<Stats>, total: u64) {
    let started = Instant::now();
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("Loading {bar:30} {pos}/{len} lines") {
        bar.set_style(style);
    }
    loop {
        let done = stats.accounts().out().min(total);
        bar.set_position(done);
        if done >= total {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bar.finish_and_clear();
    if total > 0 {
        eprintln!("Loaded {total} lines in {:.1} s", started.elapsed().as_secs_f64());
    }
}

/// Appends a few lines a second until it is dropped.
async fn live(log: &Path, replay: &mut Replay) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(log)?;
    loop {
        tokio::time::sleep(replay.pause()).await;
        let line = replay.next_line(Timestamp::now());
        file.write_all(format!("{line}\n").as_bytes())?;
    }
}
