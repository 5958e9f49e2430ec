//! The log, on standard error: standard output is for results.

use std::{io::IsTerminal as _, sync::Arc};

use tracing_subscriber::EnvFilter;

/// Changes what is logged.
pub type SetLevel = Arc<dyn Fn(&str) + Send + Sync>;

/// Opens the log. `filter` is what the environment says (`debug`, `alces_agent=trace` …): it wins over `default` and over what a
/// configuration says later.
pub fn open_log(filter: Option<String>, default: &str) -> SetLevel {
    let fixed = filter.and_then(|text| EnvFilter::try_new(text).ok());
    let may_change = fixed.is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(fixed.unwrap_or_else(|| EnvFilter::new(default)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter_reloading();
    let handle = builder.reload_handle();
    builder.init();
    Arc::new(move |level| {
        if let (true, Ok(filter)) = (may_change, EnvFilter::try_new(level)) {
            // It fails only when the process ends.
            let _ = handle.reload(filter);
        }
    })
}
