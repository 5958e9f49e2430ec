//! `alces agent status`.

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::status::{ask, left, show};

/// No agent runs, as `systemctl status` has it.
const STOPPED: u8 = 3;

pub(super) fn run(
    folder: &Path,
    json: bool,
    now: Timestamp,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let asked = ask(folder).with_context(|| {
        format!("the agent in {} cannot be asked: be its user, or root", folder.display())
    })?;
    let runs = asked.is_some();
    let status = match asked {
        Some(status) => status,
        None => left(folder).with_context(|| {
            let folder = folder.display();
            format!(
                "no agent runs in {folder}, and none left its registry there; --data-dir names another folder"
            )
        })?,
    };
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?;
    } else {
        write!(out, "{}", show(&status, now))?;
    }
    Ok(if runs { ExitCode::SUCCESS } else { ExitCode::from(STOPPED) })
}
