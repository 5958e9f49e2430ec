//! `alces dlq`: what is in the dead-letter queues, and what is to become of it.

pub(crate) mod args;
mod drop;
mod list;
mod retry;
mod select;
mod show;
pub(crate) mod text;

use std::{io, path::Path, process::ExitCode};

use alces_dlq::Queue;
use anyhow::{Context as _, bail};

use self::args::{DlqArgs, DlqCommand};
use crate::{paths::data_dir, roles::Environment};

/// Where something cannot be read, written or reached.
const BROKEN: u8 = 2;

/// Runs the command.
pub(crate) async fn run(args: DlqArgs, env: Environment) -> ExitCode {
    match command(args, env).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads has had enough: `| head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(BROKEN)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// False where letters are left that should not be.
async fn command(args: DlqArgs, env: Environment) -> anyhow::Result<bool> {
    let data = data_dir(args.data_dir, "collector", env);
    let queues = queues(&data, &args.pipeline)?;
    let mut out = io::stdout();
    match args.command {
        DlqCommand::Ls(args) => list::run(&args, &queues, &mut out)?,
        DlqCommand::Show(args) => show::run(&args, &queues, &mut out)?,
        DlqCommand::Drop(args) => drop::run(&args, &queues, &mut out)?,
        DlqCommand::Retry(args) => return retry::run(args, data, queues, env).await,
    }
    Ok(true)
}

/// The queues of a data folder, all or those of some pipelines.
fn queues(data: &Path, pipelines: &[String]) -> anyhow::Result<Vec<Queue>> {
    let all = Queue::all(data).with_context(|| data.display().to_string())?;
    if pipelines.is_empty() {
        return Ok(all);
    }
    let mut found = Vec::new();
    for name in pipelines {
        let queue = Queue::of_pipeline(data, name);
        if !all.contains(&queue) {
            let names: Vec<_> = all.iter().map(Queue::pipeline).collect();
            let others = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            bail!("{}: there are no letters of a pipeline `{name}`; there are of: {others}", data.display());
        }
        found.push(queue);
    }
    Ok(found)
}
