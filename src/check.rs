//! `alces check`.

use std::{path::Path, process::ExitCode};

use alces_collector::{PlanOptions, Report, check as check_pipeline, cli::read_sources};
use alces_conf::{Diagnostic, Escapes};
use serde_json::json;

use crate::{
    cli::CheckArgs,
    keystore,
    roles::{Environment, clock},
};

/// Exit code where a file cannot be read.
const UNREADABLE: u8 = 2;

pub(crate) fn check(args: &CheckArgs, env: Environment) -> anyhow::Result<ExitCode> {
    let secrets = keystore::find(args.keystore.as_deref(), None, env)?;
    let env =
        |name: &str| secrets.as_ref().and_then(|s| s.get(name).map(str::to_owned)).or_else(|| env(name));
    let escapes = if args.support_escapes { Escapes::On } else { Escapes::Off };
    let options = PlanOptions { ecs: args.ecs.into(), escapes };
    let (mut wrong, mut found) = (false, Vec::new());
    for path in &args.files {
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            match board(path, args.json, &mut found) {
                Ok(broken) => wrong |= broken,
                Err(error) => {
                    eprintln!("{}: {error}", path.display());
                    return Ok(ExitCode::from(UNREADABLE));
                }
            }
            continue;
        }
        let sources = match read_sources(std::slice::from_ref(path)) {
            Ok(sources) => sources,
            Err(error) => {
                eprintln!("{error}");
                return Ok(ExitCode::from(UNREADABLE));
            }
        };
        let report = check_pipeline(&sources, &env, options, &clock());
        wrong |= !report.errors.is_empty() || args.strict && !report.warnings.is_empty();
        if args.json {
            found.extend(report.errors.iter().map(|error| to_json("error", error)));
            found.extend(report.warnings.iter().map(|warning| to_json("warning", warning)));
        } else {
            print(&path.display().to_string(), &report);
        }
    }
    if args.json {
        println!("{:#}", serde_json::Value::Array(found));
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Checks a board of the dashboard; whether something is wrong with it.
fn board(path: &Path, as_json: bool, found: &mut Vec<serde_json::Value>) -> std::io::Result<bool> {
    let text = std::fs::read_to_string(path)?;
    let id = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let problems = alces_dashboard::check_board(id, &text);
    let file = path.display().to_string();
    for p in &problems {
        let place = match (p.line, p.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
            _ => file.clone(),
        };
        if as_json {
            found.push(json!({
                "severity": "error", "file": file, "line": p.line, "column": p.column, "message": p.message, "help": null,
            }));
        } else {
            eprintln!("{place}: {}\n", p.message);
        }
    }
    if !as_json {
        match problems.len() {
            0 => println!("{file}: ok"),
            1 => println!("{file}: 1 error"),
            n => println!("{file}: {n} errors"),
        }
    }
    Ok(!problems.is_empty())
}

fn print(path: &str, report: &Report) {
    for error in &report.errors {
        eprintln!("{error}\n");
    }
    for warning in &report.warnings {
        eprintln!("warning: {warning}\n");
    }
    let count = |n: usize, name: &str| format!("{n} {name}{}", if n == 1 { "" } else { "s" });
    let warnings = count(report.warnings.len(), "warning");
    match (report.errors.len(), report.warnings.len()) {
        (0, 0) => println!("{path}: ok"),
        (0, _) => println!("{path}: ok, {warnings}"),
        (errors, _) => println!("{path}: {}, {warnings}", count(errors, "error")),
    }
}

fn to_json(severity: &str, about: &Diagnostic) -> serde_json::Value {
    json!({
        "severity": severity,
        "file": about.file(),
        "line": about.line(),
        "column": about.column(),
        "message": about.message(),
        "help": about.help(),
    })
}
