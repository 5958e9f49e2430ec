//! `alces-agent`: the agent alone, for nodes that need nothing else. It links no engine, no search, no charts.

use std::{process::ExitCode, sync::Arc};

use alces_agent::cli::{self, AgentArgs};
use clap::Parser;

/// Ship log files and host metrics to a collector
#[derive(Parser)]
#[command(name = "alces-agent", version, about)]
struct Command {
    #[command(flatten)]
    agent: AgentArgs,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let command = Command::parse();
    let set_level = cli::open_log(environment("ALCES_LOG").or_else(|| environment("RUST_LOG")), "info");
    match cli::run(command.agent, Arc::new(environment), set_level).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The process's environment, read here and nowhere else.
#[allow(clippy::disallowed_methods, reason = "the one place that passes the environment in")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
