//! `alces dashboard`, `alces panel`, `alces report`.

pub(crate) mod args;
mod oidc;
mod people;
pub(crate) mod tap;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use alces_agent::{cli::shutdown_signal, watch::Changes};
use alces_alerts::Ledger;
use alces_dashboard::{Alerts, Config, Languages, LeaseIndex, PanelText, TlsFiles};
use alces_people::People;
use anyhow::{Context as _, bail};
use clap::ColorChoice;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use crate::roles::Environment;
use args::{DashboardArgs, DashboardCommand, PanelArgs, ReportArgs, SourceArgs};

/// Fewer bytes can be guessed.
const SHORTEST_SECRET: usize = 16;

pub(crate) async fn run(args: DashboardArgs, env: Environment) -> anyhow::Result<()> {
    match args.command {
        Some(DashboardCommand::People(command)) => {
            let file = args.people.context("--people FILE: which file of people is meant?")?;
            return people::run(command, &file, &people::base(args.public_url.as_ref(), args.listen, false));
        }
        Some(DashboardCommand::Openapi) => {
            return print(format!("{}\n", alces_dashboard::openapi()).as_bytes());
        }
        None => {}
    }
    let mut config = config(args.source, env)?;
    config.tls = args.tls_cert.zip(args.tls_key).map(|(chain, key)| TlsFiles { chain, key });
    config.allow_plaintext = args.allow_plaintext;
    config.audit_days = args.audit_days;
    if let Some(folder) = args.languages {
        config.languages = Languages::with_folder(&folder).context("--languages")?;
    }
    config.proxy = people::proxy(args.trusted_proxy, args.proxy_user_header, args.proxy_role_header)?;
    config.oidc = oidc::login(args.oidc, args.public_url.as_ref())?;
    config.people = args.people.as_deref().map(People::open).transpose()?.map(Arc::new);
    config.searches = args.searches.as_deref().map(People::open).transpose()?.map(Arc::new);
    config.check_exposure(args.listen).context("--listen")?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "--listen: cannot listen on {}: choose another address, or port 0 for a free one",
            args.listen
        )
    })?;
    config.tap = args.collector_data.map(|folder| tap::tap(folder, args.collector));
    if let Some((folder, file)) = args.alerts.zip(args.alerts_file) {
        let (tell, told) = watch::channel(());
        let mut changes = Changes::new(signal(SignalKind::hangup())?);
        let watched = folder.clone();
        tokio::spawn(async move {
            while changes.next(std::slice::from_ref(&watched)).await.is_some() && tell.send(()).is_ok() {}
        });
        let ledger = Arc::new(Ledger::open_to_watch(&file).context("--alerts-file")?);
        let lease = args.alerts_lease.map(|index| LeaseIndex { index, file: file.clone() });
        let (allowed, changed) = (args.alerts_allow, Some(told));
        config.alerts = Some(Alerts { folder, ledger, allowed, changed, lease });
    }
    if let Some(folder) = config.boards.clone() {
        let (tell, told) = watch::channel(());
        config.boards_changed = Some(told);
        let mut changes = Changes::new(signal(SignalKind::hangup())?);
        tokio::spawn(async move {
            while changes.next(std::slice::from_ref(&folder)).await.is_some() && tell.send(()).is_ok() {}
        });
    }
    let base = people::base(args.public_url.as_ref(), listener.local_addr()?, config.tls.is_some());
    config.public_url = args.public_url;
    info!(url = %format!("{base}/"), "dashboard listening");
    if let Some(file) = &config.people {
        people::welcome(file, &base)?;
    }
    Ok(alces_dashboard::serve(listener, config, Timestamp::now, shutdown_signal()).await?)
}

pub(crate) async fn panel(args: PanelArgs, env: Environment) -> anyhow::Result<ExitCode> {
    let terminal = std::io::stdout().is_terminal();
    let color = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // https://no-color.org
        ColorChoice::Auto => terminal && env("NO_COLOR").is_none_or(|v| v.is_empty()),
    };
    let width = args.width.or_else(|| terminal.then(columns).flatten()).unwrap_or(100);
    let wanted = PanelText {
        panel: args.panel,
        from: args.from,
        to: args.to,
        tz: args.tz,
        compare: args.compare.unwrap_or_default(),
        search: args.search,
        columns: width.clamp(40, 400),
        rows: args.height.clamp(8, 100),
        color,
    };
    let text = alces_dashboard::panel_text(config(args.source, env)?, Timestamp::now, &wanted).await?;
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn report(args: ReportArgs, env: Environment) -> anyhow::Result<()> {
    let kind =
        args.out.as_ref().map(|o| o.extension().and_then(|e| e.to_str()).unwrap_or_default().to_owned());
    let as_png = match kind.as_deref() {
        None | Some("html" | "htm") => false,
        Some("png") => true,
        Some(_) => bail!(
            "--out {}: write to a name that ends in .html or .png",
            args.out.unwrap_or_default().display()
        ),
    };
    let config = config(args.source, env)?;
    let range = (args.from.as_str(), args.to.as_str(), args.tz.as_str());
    let bytes = alces_dashboard::report(config, Timestamp::now, &args.board, range, as_png).await?;
    match args.out {
        Some(path) => {
            std::fs::write(&path, &bytes)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
            eprintln!("{}: {} kB", path.display(), bytes.len().div_ceil(1000));
        }
        None => print(&bytes)?,
    }
    Ok(())
}

/// Prints; a reader that has seen enough (`head`) is no error.
fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Width of the terminal, characters.
fn columns() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|c| *c > 0)
}

pub(crate) fn config(source: SourceArgs, env: Environment) -> anyhow::Result<Config> {
    let mut config = Config::new(source.opensearch);
    config.logs = source.logs.unwrap_or(config.logs);
    config.metrics = source.metrics.unwrap_or(config.metrics);
    config.basic_auth = source.user.zip(source.password);
    config.boards = source.boards;
    config.secret = env("ALCES_DASHBOARD_SECRET").filter(|s| !s.is_empty()).map(String::into_bytes);
    if config.secret.as_ref().is_some_and(|s| s.len() < SHORTEST_SECRET) {
        bail!(
            "ALCES_DASHBOARD_SECRET is shorter than {SHORTEST_SECRET} characters: try `openssl rand -hex 32`"
        );
    }
    Ok(config)
}
