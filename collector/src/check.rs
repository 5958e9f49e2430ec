//! Everything that can be said of a pipeline without running it.

use alces_conf::{Diagnostic, Env, Source, parse};
use alces_filters::Clock;

use crate::{Plan, PlanOptions};

/// What is wrong with a pipeline, and what cannot work as it is meant.
#[derive(Debug, Default)]
pub struct Report {
    /// With any of these it does not start.
    pub errors: Vec<Diagnostic>,
    /// With these it does, and does not do what it seems to.
    pub warnings: Vec<Diagnostic>,
}

/// Checks the texts of one pipeline, which count as one file after the other.
pub fn check(sources: &[Source], env: Env<'_>, options: PlanOptions, clock: &Clock) -> Report {
    let errors = Plan::compile(sources, env, options, clock).err().map(|e| e.0).unwrap_or_default();
    let read = sources.iter().filter_map(|source| Some((source, parse(source, options.escapes).ok()?)));
    let configs: Vec<_> = read.collect();
    let configs: Vec<_> = configs.iter().map(|(source, config)| (*source, config)).collect();
    // Where a file cannot be read, what it sets is not known.
    let warnings =
        if configs.len() == sources.len() { alces_lint::lint(&configs, options.ecs) } else { Vec::new() };
    Report { errors, warnings }
}
