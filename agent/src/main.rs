//! `alces-agent`: the agent alone, for nodes that need nothing else. It links no engine, no search, no charts.

use alces_agent::cli::{AgentArgs, shutdown_signal};
use clap::Parser;

/// Ship log files and host metrics to a collector
#[derive(Parser)]
#[command(name = "alces-agent", version, about)]
struct Command {
    #[command(flatten)]
    agent: AgentArgs,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let command = Command::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
                .from_env_lossy(),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    alces_agent::run(command.agent.into_config(), jiff::Timestamp::now, shutdown_signal()).await?;
    Ok(())
}
