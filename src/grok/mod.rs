//! `alces grok`: a pattern tried on lines, the place where it stops, and patterns suggested for lines.
//!
//! What is captured is the collector's own (`alces_grok`, `alces_event`); only what is shown is made here.

mod definitions;
mod failure;
mod lines;
mod show;
mod suggest;
mod tally;
mod trial;

use std::process::ExitCode;

use failure::Failure;

use crate::cli::GrokArgs;

/// Runs the command; grep's exit codes.
pub(crate) fn run(args: &GrokArgs) -> ExitCode {
    let result = definitions::load(args).and_then(|set| match (&args.suggest, &args.pattern) {
        (Some(file), _) => suggest::run(args, set, file),
        (None, Some(pattern)) => trial::run(args, &set, pattern),
        (None, None) => Ok(false),
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever reads has had enough: `| head`.
        Err(Failure::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}
