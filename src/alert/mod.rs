//! `alces alert`.

pub(crate) mod args;

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use alces_alerts::{Change, Ledger};
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::dashboard;
use crate::roles::Environment;
use args::{AlertArgs, AlertCommand, TestArgs};

pub(crate) async fn run(args: AlertArgs, env: Environment) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now().as_millisecond();
    match args.command {
        AlertCommand::Check { files } => return check(&files),
        AlertCommand::Test(args) => test(*args, env).await?,
        AlertCommand::Ls { file, last } => list(&open(&file.alerts_file)?, last, now)?,
        AlertCommand::Silence { labels, time, comment, file } => {
            let labels: BTreeMap<String, String> = labels.into_iter().collect();
            let author = env("USER").unwrap_or_else(|| "(command line)".into());
            let number = open(&file.alerts_file)?.silence(&labels, &author, &comment, now + time.0, now)?;
            println!("silence {number}, until {}", moment(now + time.0));
        }
        AlertCommand::Ack { rule, group, file } => {
            let author = env("USER").unwrap_or_else(|| "(command line)".into());
            let Some(ack) = open(&file.alerts_file)?.ack(&rule, &group, &author, now)? else {
                bail!("nothing fires of {rule} {}: `alces alert ls` shows what does", plain(&group));
            };
            println!("{} looks after it since {}", plain(&ack.author), moment(ack.at));
        }
        AlertCommand::SendTest { receiver, alerts, alerts_allow } => {
            let said =
                alces_dashboard::send_test(&alerts, &receiver, &alerts_allow, Timestamp::now()).await?;
            println!("{receiver}: {said}");
        }
        AlertCommand::Unsilence { number, file } => {
            if !open(&file.alerts_file)?.end_silence(number, now)? {
                bail!("there is no silence {number} that goes on: `alces alert ls` shows them");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that is not there is a slip: the dashboard makes it.
fn open(file: &Path) -> anyhow::Result<Ledger> {
    if !file.exists() {
        bail!(
            "{}: there is no such file: `alces dashboard --alerts DIR --alerts-file FILE` makes it",
            file.display()
        );
    }
    Ok(Ledger::open(file)?)
}

fn check(files: &[std::path::PathBuf]) -> anyhow::Result<ExitCode> {
    let mut wrong = false;
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let errors = alces_dashboard::check_alerts(&text);
        for error in &errors {
            eprintln!("{}: {error}", file.display());
        }
        if errors.is_empty() {
            println!("{}: fine", file.display());
        }
        wrong |= !errors.is_empty();
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn test(args: TestArgs, env: Environment) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.rules).with_context(|| args.rules.display().to_string())?;
    let config = dashboard::config(args.source, env)?;
    let range = alces_dashboard::time_range(&args.from, &args.to, Timestamp::now())?;
    let shows = std::io::stderr().is_terminal();
    let mut shown = -1;
    let progress = |done: f64| {
        let percent = (done * 100.0) as i32;
        if shows && percent != shown {
            shown = percent;
            let _ = write!(std::io::stderr(), "\r{percent} %");
        }
    };
    let course = alces_dashboard::backtest(config, &text, &args.rule, range, progress).await?;
    if shows {
        let _ = write!(std::io::stderr(), "\r      \r");
    }
    let mut out = std::io::stdout().lock();
    let (mut times, mut firing) = (0, 0);
    // What has begun and is not over.
    let mut begun = BTreeMap::new();
    for (at, group, state, change) in &course {
        let word = match change {
            Some(Change::Fired) => "firing",
            Some(Change::Resolved) => "resolved",
            None => continue,
        };
        let now = at.as_millisecond();
        if *change == Some(Change::Fired) {
            times += 1;
            begun.insert(group, now);
        } else {
            firing += now - begun.remove(group).unwrap_or(now);
        }
        let value = state.value.map_or_else(|| "—".to_owned(), |value| format!("{value:.4}"));
        writeln!(
            out,
            "{}  {word:<8}  {value:>12}  {}",
            moment(at.as_millisecond()),
            plain(&alces_alerts::By::shown(group))
        )?;
    }
    firing += begun.values().map(|begun| range.1.as_millisecond() - begun).sum::<i64>();
    writeln!(out, "{times} times, {} minutes in all, from {} to {}", firing / 60_000, range.0, range.1)?;
    Ok(())
}

fn list(ledger: &Ledger, last: usize, now: i64) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let label = |labels: &BTreeMap<String, String>| -> String {
        plain(&labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    };
    let episodes = ledger.episodes(last + 10_000)?;
    let acks = ledger.acks(last + 10_000)?;
    let by = |e: &alces_alerts::Episode| {
        let of = |a: &&alces_alerts::Ack| (&a.rule, &a.group, a.started) == (&e.rule, &e.group, e.started);
        acks.iter()
            .find(of)
            .map_or_else(String::new, |ack| format!("  acknowledged by {}", plain(&ack.author)))
    };
    let (open, over): (Vec<_>, Vec<_>) = episodes.iter().partition(|e| e.ended.is_none());
    for episode in open {
        writeln!(
            out,
            "firing    since {}  {}{}",
            moment(episode.started),
            label(&episode.labels),
            by(episode)
        )?;
    }
    for silence in ledger.silences(now)? {
        writeln!(
            out,
            "silence {}  until {}  {}  {} ({})",
            silence.id,
            moment(silence.until),
            label(&silence.matchers),
            silence.comment,
            silence.author
        )?;
    }
    for episode in over.iter().take(last) {
        let ended = episode.ended.unwrap_or(episode.started);
        writeln!(
            out,
            "over      {} – {}  {}",
            moment(episode.started),
            moment(ended),
            label(&episode.labels)
        )?;
    }
    for (receiver, (waiting, lost)) in ledger.backlog()? {
        if waiting + lost > 0 {
            writeln!(out, "{receiver}: {waiting} messages wait, {lost} were not delivered")?;
        }
    }
    Ok(())
}

/// A value of a log line must not speak to the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn moment(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| "?".into(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
