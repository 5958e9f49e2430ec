//! `alces agent check`.

use std::{fs::File, io::Write, process::ExitCode};

use alces_diagnostic::Env;
use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;

use super::CheckArgs;
use crate::{
    AgentError, Config,
    files::Files,
    options::{Input, load},
    stream::Dialer,
};

const WRONG: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default();
const FINE: Style = AnsiColor::Green.on_default();

pub(super) async fn run(args: &CheckArgs, env: Env<'_>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let name = args.config.display();
    let loaded = match load(&args.config, env) {
        Ok(loaded) => loaded,
        Err(errors) => {
            let count = errors.0.len();
            writeln!(out, "{errors}\n")?;
            writeln!(out, "{WRONG}{name}: {count} error{}{WRONG:#}", if count == 1 { "" } else { "s" })?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let dialer = match Dialer::new(loaded.config.tls.as_ref()) {
        Ok(dialer) => dialer,
        Err(error) => {
            writeln!(out, "{WRONG}{name}: {error}{WRONG:#}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    writeln!(out, "{name}: {FINE}ok{FINE:#}")?;
    files(&loaded.config, out)?;
    let answering = if args.connect { collectors(&loaded.config, &dialer, out).await? } else { 1 };
    Ok(if answering == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What each input matches now.
fn files(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    if config.inputs.is_empty() {
        writeln!(out, "\n{WARNING}there are no inputs: only the host's metrics are shipped{WARNING:#}")?;
    }
    for input in &config.inputs {
        writeln!(out, "\n{}", input.paths.join(", "))?;
        let found = matching(input)?;
        if found.is_empty() {
            writeln!(out, "  {WARNING}no file matches now: they are read when they appear{WARNING:#}")?;
        }
        let widest =
            found.iter().map(|path| path.display().to_string().chars().count()).max().unwrap_or_default();
        for path in found {
            let shown = path.display().to_string();
            let told = match File::open(&path).and_then(|file| file.metadata()) {
                Ok(meta) => ByteSize(meta.len()).display().si().to_string(),
                Err(error) => format!("{WARNING}cannot be read: {error}{WARNING:#}"),
            };
            writeln!(out, "  {shown:widest$}  {told}")?;
        }
    }
    Ok(())
}

/// The files of one input alone. A path without wildcards is among them only where there is a file.
fn matching(input: &Input) -> Result<Vec<std::path::PathBuf>, AgentError> {
    let mut found = Files::of(input)?.find().files;
    found.retain(|path| path.exists());
    Ok(found)
}

/// Connects to each; how many answer.
async fn collectors(config: &Config, dialer: &Dialer, out: &mut impl Write) -> anyhow::Result<usize> {
    let mut answering = 0;
    writeln!(out, "\ncollectors{}", if config.tls.is_some() { ", with TLS" } else { "" })?;
    for address in &config.collectors {
        match dialer.connect(address).await {
            Ok(_) => {
                answering += 1;
                writeln!(out, "  {address}  {FINE}answers{FINE:#}")?;
            }
            Err(error) => writeln!(out, "  {address}  {WARNING}does not answer: {error}{WARNING:#}")?,
        }
    }
    Ok(answering)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What is printed without colours, with the folder's name taken out, and whether it is fine.
    async fn check(dir: &Path, text: &str, connect: bool) -> (String, bool) {
        let config = dir.join("agent.yaml");
        let folder = dir.display().to_string();
        std::fs::write(&config, text.replace("DIR", &folder)).unwrap();
        let mut out = anstream::StripStream::new(Vec::new());
        let code = run(&CheckArgs { config, connect }, &|_| None, &mut out).await.unwrap();
        let printed = String::from_utf8(out.into_inner()).unwrap().replace(&folder, "DIR");
        (printed, code == ExitCode::SUCCESS)
    }

    #[tokio::test]
    async fn what_matches_and_what_does_not() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("access.log", 12_345), ("error.log", 3), ("error.log.1.gz", 9)] {
            std::fs::write(dir.path().join(name), vec![b'x'; bytes]).unwrap();
        }
        let text = "inputs:\n  - paths: DIR/*.log*\n    exclude: '*.gz'\n  - DIR/none.log\n";
        let (printed, fine) = check(dir.path(), text, false).await;
        assert!(fine);
        insta::assert_snapshot!(printed, @"
        DIR/agent.yaml: ok

        DIR/*.log*
          DIR/access.log  12.3 kB
          DIR/error.log   3 B

        DIR/none.log
          no file matches now: they are read when they appear
        ");
    }

    #[tokio::test]
    async fn what_is_wrong_ends_with_how_much() {
        let dir = tempfile::tempdir().unwrap();
        let (printed, fine) = check(dir.path(), "colectors: []\nnice: 40\n", false).await;
        assert!(!fine);
        insta::assert_snapshot!(printed, @"
        DIR/agent.yaml:1:1: unknown option `colectors`: did you mean `collectors`?
          |
        1 | colectors: []
          | ^^^^^^^^^

        DIR/agent.yaml:2:7: `40` is no whole number from 0 to 19
          |
        2 | nice: 40
          |       ^^

        DIR/agent.yaml: 2 errors
        ");
    }

    #[tokio::test]
    async fn a_collector_that_answers_is_enough() {
        let dir = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (printed, fine) = check(dir.path(), &format!("collectors: {address}\n"), true).await;
        assert!(fine && printed.contains(&format!("{address}  answers")), "{printed}");
        let (printed, fine) = check(dir.path(), "collectors: 127.0.0.1:1\n", true).await;
        assert!(!fine && printed.contains("127.0.0.1:1  does not answer: "), "{printed}");
    }
}
