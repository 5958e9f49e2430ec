//! The `alces` command: every role alone, and all of them in one process.
//!
//! This package is the only one that sees all roles. It reads the command line and the environment, opens logging, and
//! hands clock, listeners and shutdown to the roles.

mod alert;
mod check;
mod cli;
mod collector;
mod dashboard;
mod demo;
mod dlq;
mod fleet;
mod golden;
mod grok;
mod keystore;
mod paths;
mod plugins;
mod replay;
mod roles;
mod store;
mod tap;

use std::{process::ExitCode, sync::Arc};

use alces_agent::cli::SetLevel;
use clap::Parser as _;
use cli::{Cli, Command};

/// The store and the collector allocate much and from many threads; measured, this takes a tenth off their CPU time.
#[global_allocator]
static ALLOCATOR: alces_allocator::Allocator = alces_allocator::Allocator;

/// Workers, and readers and writers of queues, are threads for as long as a pipeline runs: with dozens of pipelines on dozens of cores more than
/// tokio's 512, beyond which the last ones would never begin.
const BLOCKING_THREADS: usize = 8192;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let set_level = open_log(&cli.command);
    memory(&cli.command);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("alces: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli.command, set_level));
    // A thread that blocks on a terminal's standard input must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How memory is taken from the system and given back.
///
/// In pages of 4 KiB. The allocator keeps a page for each size of blocks, of which a huge page (2 MiB) would hold one: measured, a
/// collector then takes twice the memory, and a tenth more CPU time for clearing it, and a store that takes documents a fifth more memory
/// for no less CPU time. A store gives back what requests and segments needed after a quarter of a second: measured, that is a tenth
/// less at its peak, and no more CPU time.
fn memory(command: &Command) {
    // A system that does not know huge pages has none.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    if matches!(command, Command::Store(_) | Command::Up(_) | Command::Demo(_)) {
        alces_allocator::give_back_after(std::time::Duration::from_millis(250));
    }
}

async fn run(command: Command, set_level: SetLevel) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args, environment).await?,
        Command::Up(args) => fleet::up(args, environment).await?,
        Command::Store(args) => store::run(args, environment).await?,
        Command::Dashboard(args) => dashboard::run(*args, environment).await?,
        Command::Panel(args) => return dashboard::panel(args, environment).await,
        Command::Alert(args) => return alert::run(args, environment).await,
        Command::Report(args) => dashboard::report(args, environment).await?,
        Command::Keystore(args) => keystore::run(args, environment)?,
        Command::Test(args) => return Ok(golden::run(&args, environment)),
        // These have exit codes of their own.
        Command::Check(args) => return check::check(&args, environment),
        Command::Plugins(args) => return plugins::run(&args),
        Command::Grok(args) => return Ok(grok::run(&args)),
        Command::Collector(args) => return collector::run(args, environment).await,
        Command::Tap(args) => return Ok(tap::run(args, environment).await),
        Command::Dlq(args) => return Ok(dlq::run(args, environment).await),
        Command::Agent(args) => return alces_agent::cli::run(args, Arc::new(environment), set_level).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The process's environment, read here and nowhere else.
#[allow(clippy::disallowed_methods, reason = "the one place that passes the environment in")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Logs go to standard error: standard output is for results. `ALCES_LOG` sets what is logged (`debug`,
/// `alces_agent=trace` …).
fn open_log(command: &Command) -> SetLevel {
    // The demo speaks for itself; a role that runs as a service says what it does.
    let default = if matches!(command, Command::Demo(_)) { "warn" } else { "info,tantivy=warn" };
    alces_agent::cli::open_log(environment("ALCES_LOG"), default)
}
