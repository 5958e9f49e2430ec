//! `alces collector status`: what a running collector does, now and then or all the time.

mod show;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use alces_collector::cli::StatusArgs;
use tokio::time::{Instant, sleep};

use self::show::show;
use super::client::{NobodyThere, Peer};
use crate::{paths::data_dir, roles::Environment};

/// No collector runs, as `systemctl status` has it.
const STOPPED: u8 = 3;

/// Somebody who asks once waits so long for what is done a second.
const ONCE: Duration = Duration::from_secs(1);

const PATH: &str = "/_node/stats";

pub(super) async fn run(args: StatusArgs, env: Environment) -> anyhow::Result<ExitCode> {
    match watch(args, env).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is::<NobodyThere>() => {
            eprintln!("{error:#}");
            Ok(ExitCode::from(STOPPED))
        }
        // Whoever reads has had enough: `| head`.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn watch(args: StatusArgs, env: Environment) -> anyhow::Result<()> {
    let peer = Peer::find(data_dir(args.data_dir, "collector", env), args.api)?;
    let mut before = peer.json(PATH).await?;
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&before)?)?;
        return Ok(());
    }
    let live = io::stdout().is_terminal() && !args.once;
    let mut asked = Instant::now();
    let every = if live { args.every.max(1) } else { ONCE.as_secs() };
    if live {
        // From the top of an empty screen.
        draw(&format!("\x1b[2J\x1b[H{}", fitted(&show(&before, None))))?;
    }
    loop {
        tokio::select! {
            () = sleep(Duration::from_secs(every)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
        let now = peer.json(PATH).await?;
        let text = show(&now, Some((&before, asked.elapsed())));
        if !live {
            return draw(&text);
        }
        asked = Instant::now();
        before = now;
        draw(&format!("\x1b[H{}", fitted(&text)))?;
    }
}

fn draw(text: &str) -> anyhow::Result<()> {
    // Colours where there is a terminal that has them.
    let mut out = anstream::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// As much as the terminal shows, with what stood there before wiped away.
fn fitted(text: &str) -> String {
    let (width, height) = terminal_size::terminal_size().map_or((80, 24), |(w, h)| (w.0, h.0));
    let lines = text.lines().take(usize::from(height.saturating_sub(1)));
    let mut fitted: String = lines.map(|line| cut(line, width.into()) + "\x1b[K\n").collect();
    fitted.push_str("\x1b[J");
    fitted
}

/// The first characters of a line; colours count as nothing.
fn cut(line: &str, width: usize) -> String {
    let (mut out, mut count, mut inside) = (String::new(), 0, false);
    for c in line.chars() {
        if c == '\x1b' {
            inside = true;
        } else if !inside {
            count += 1;
        }
        if inside || count <= width {
            out.push(c);
        }
        inside &= c != 'm';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_and_its_colours_end() {
        assert_eq!(cut("\x1b[32mgreen\x1b[0m and more", 7), "\x1b[32mgreen\x1b[0m a");
        assert_eq!(cut("short", 80), "short");
    }
}
