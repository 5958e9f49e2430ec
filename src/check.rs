//! `alces check`.

use std::process::ExitCode;

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
